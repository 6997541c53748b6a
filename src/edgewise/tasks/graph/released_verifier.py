"""Verify solutions of rows of the released data, by our rule or by that of the released scorer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from edgewise.core.errors import InputError
from edgewise.tasks.graph.paper_compat import verify_paper_compat
from edgewise.tasks.graph.released import Released, read_row
from edgewise.tasks.graph.verifier import check_english
from edgewise.tasks.verdict import Verdict, unreadable


def verify_released(
    row: Mapping[str, object], solution: str, mode: Literal["verified", "paper_compat"] = "verified"
) -> Verdict:
    """The verdict on a solution of a row of the released data (arXiv 2512.07783).

    `solution` has the form of a row (it ends in "Answer: N.") or of a model ("BODY </solution> <answer> N </answer>").
    Mode "verified" checks it against the graph of the row's problem (`edgewise.tasks.graph.verifier.check_english`);
    "paper_compat" repeats the decisions of the released scorer. If the problem lacks a definition, "verified" takes the
    one of the row's own solution, and the reason says so for any verdict.

    InputError names a column of the row that is missing or malformed, and an unknown mode.
    """
    if mode == "paper_compat":
        gold = row.get("solution")
        if not isinstance(gold, str):
            raise InputError(f"solution: must be the text of the gold solution, is {str(gold)[:40]!r}")
        return verify_paper_compat(gold, solution)
    if mode != "verified":
        raise InputError(f"mode: must be verified or paper_compat, is {str(mode)[:40]!r}")
    released = _released(row)
    verdict = unreadable(solution, truncated=False) or check_english(released.graph, solution)
    if not released.lacking:
        return verdict
    first, *others = released.lacking
    lacks = f"problem lacks the definition of {first}" + (f" and {len(others)} more" if others else "")
    return replace(verdict, reason=f"{verdict.reason}; {lacks}" if verdict.reason else lacks)


_COLUMNS = ("problem", "question", "solution", "template")


def _released(row: Mapping[str, object]) -> Released:
    texts = tuple(text for column in _COLUMNS if isinstance(text := row.get(column), str))
    return _read_texts(*texts) if len(texts) == len(_COLUMNS) else read_row(row)


@lru_cache(maxsize=1024)  # a row has many solutions to verify
def _read_texts(*texts: str) -> Released:
    return read_row(dict(zip(_COLUMNS, texts, strict=True)))
