"""Which score of an inspect_ai sample is its verdict, and what its value says.

A sample has a score by each scorer. A score is one value, or a dictionary of values by name, which is then called
"scorer.name"; where these are `answer` and `process`, as by the scorer of edgewise, both are read. "C" and 1 are
correct; "I" and 0 are wrong; "N" (no answer), and NaN, null or no value, which are the tool's own marks for a sample
that was not scored, are unscorable. "P" (partly right) is wrong, or 0.5 where there is a threshold. Other numbers need
a threshold.
"""

from __future__ import annotations

from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote, to_verdict
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable

_NUMBERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": None}


def score_cells(scores: dict[str, Any], wanted: str | None, where: str, table: RolloutTable) -> dict[str, Any] | None:
    """The cells of a row that the score `wanted` of a sample fills, or its only one; None where it has no value.

    Raises InputError where there are several and none is wanted, where the wanted one is not there, and where its value
    is no verdict.
    """
    values = _by_name(scores, where)
    process = None
    if wanted is None and (both := _answer_and_process(values)):
        wanted, process = both
    if wanted is None and len(values) > 1:
        raise InputError(f"{where}: score: not named; name one of the scorers {name_list(list(values))}")
    chosen = next(iter(values)) if wanted is None else _named(wanted, list(values))
    if chosen is None:
        # A scorer of several values marks a sample that it did not score with one value for all.
        if any(value is None for value in values.values()):
            return None
        raise InputError(f"{where}: scores: no {quote(wanted)}; there are {name_list(list(values))}")
    if values[chosen] is None:
        return None
    scorer = next(name for name in scores if chosen == name or chosen.startswith(f"{name}."))
    return {
        "verifier": scorer,
        "graded_by": chosen,
        "answer": scores[scorer].get("answer"),
        "reason": scores[scorer].get("explanation"),
        **_process(values.get(process) if process else None, f"{where}: scores: {process}"),
        **_verdict(values[chosen], f"{where}: scores: {chosen}", table),
    }


def _by_name(scores: dict[str, Any], where: str) -> dict[str, Any]:
    """The values of all scores, None where one was not given."""
    values: dict[str, Any] = {}
    for scorer, score in scores.items():
        if not isinstance(score, dict) or "value" not in score:
            raise InputError(f"{where}: scores: {quote(scorer)} has no value; is the log whole?")
        value = score["value"]
        if isinstance(value, dict) and value:
            values |= {f"{scorer}.{name}": of_name for name, of_name in value.items()}
        else:
            values[scorer] = None if value == {} else value
    return values


def _answer_and_process(values: dict[str, Any]) -> tuple[str, str] | None:
    """The names of the verdicts of our scorer, where these are all."""
    scorers = {name.rpartition(".")[0] for name in values}
    names = {name.rpartition(".")[2] for name in values}
    if len(scorers) != 1 or names != {"answer", "process"}:
        return None
    scorer = next(iter(scorers))
    return f"{scorer}.answer", f"{scorer}.process"


def _process(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if value not in ("C", "I", "N"):
        raise InputError(f"{where}: {quote(value)}; C, I or N is needed")
    number = _NUMBERS[value]
    return {"process": None if number is None else number == 1}


def _named(wanted: str, names: list[str]) -> str | None:
    """The score that `wanted` names: with its scorer, or without where one scorer has it; None where none has."""
    if wanted in names:
        return wanted
    inner = [name for name in names if name.endswith(f".{wanted}")]
    of_scorer = [name for name in names if name.startswith(f"{wanted}.")]
    return next((found[0] for found in (inner, of_scorer) if len(found) == 1), None)


def _verdict(value: Any, where: str, table: RolloutTable) -> dict[str, Any]:
    if isinstance(value, bool | int | float):
        return {"score": value, "graded": value}
    if isinstance(value, str) and value in _NUMBERS:
        number = _NUMBERS[value]
        if table.threshold is not None:
            return {"score": number, "graded": number}
        if value == "P":
            table.warn("partly right answers (P) count as wrong: --threshold 0.5 takes them as correct")
        return {"score": number, "correct": None if number is None else number == 1}
    try:
        if isinstance(value, str):
            return {"correct": to_verdict(value)}
    except ValueError:
        pass
    raise InputError(f"{where}: {quote(value)}; C, I, P, N or a number is needed")
