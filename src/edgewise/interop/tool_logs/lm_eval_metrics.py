"""Which metric of lm-evaluation-harness is the verdict of a sample, and what the mean over several samples says."""

from __future__ import annotations

import re
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead

# Of tasks that edgewise wrote: whether every step of each response is right.
PROCESS = "process"
# Verdicts, the usual one first. Logs before version 0.4.4 do not list their metrics.
_VERDICTS: tuple[str, ...] = (
    *("exact_match", "acc", "accuracy", "math_verify", "extractive_match", "pass@1", "pass_at_1"),
    *("prompt_level_strict_acc", "acc_norm", "em"),
)
# Numbers that are no verdicts, and verdicts of several samples together.
_NO_VERDICT = re.compile(
    r"perplexity|bits_per|likelihood|brier|(^|_)loss$|bleu|rouge|^(ter|chrf|mcc|f1)$", re.IGNORECASE
)
_OF_SEVERAL = re.compile(r"(pass|maj|cons|best)(@|_at_)(?!1$)(\d+|n$|k$)", re.IGNORECASE)


def choose_metric(head: FileHead, wanted: str | None, table: RolloutTable) -> str:
    """The metric that holds the verdict: `wanted`, else one whose values in the first lines are verdicts.

    A warning names another one that would do. Raises InputError where there is none, or no usual one of several.
    """
    record = head.record
    listed = record.get("metrics")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    names = names or [name for name in _VERDICTS if name in record]
    if wanted is not None:
        if _OF_SEVERAL.fullmatch(wanted):
            of_one = name_list([name for name in names if not _OF_SEVERAL.fullmatch(name)])
            what = f"{quote(wanted)} is about several responses together; name a metric of one, of {of_one}"
            raise InputError(f"{head.path}: score: {what}")
        return wanted
    candidates = [name for name in names if not _NO_VERDICT.search(name) and not _OF_SEVERAL.fullmatch(name)]
    if names and not candidates:
        raise InputError(
            f"{head.path}: score: no metric is a verdict ({name_list(names)}); log one such as exact_match"
        )
    binary = [name for name in candidates if all(_is_verdict(row.get(name)) for row in head.rows)]
    candidates = binary or candidates
    # A verdict of each response says more than a number of all of them.
    candidates = [name for name in candidates if _is_of_each(head, name)] or candidates
    if set(candidates) == {"exact_match", PROCESS}:
        # A task of ours: `process` is read beside the answer.
        return "exact_match"
    chosen = candidates if len(candidates) == 1 else [name for name in _VERDICTS if name in candidates]
    if not chosen:
        raise InputError(f"{head.path}: score: not named; name one of the metrics {name_list(names)}")
    if others := [name for name in candidates if name != chosen[0]]:
        table.warn(
            f"of the metrics {name_list(candidates)} the verdict is {quote(chosen[0])}: --score {others[0]} takes "
            "another"
        )
    elif len(names) > 1:
        table.note(f"of the metrics {name_list(names)} the verdict is {quote(chosen[0])}")
    return chosen[0]


def _is_of_each(head: FileHead, name: str) -> bool:
    """Whether the metric holds a list in every line: a verdict for each response."""
    return all(isinstance(row.get(name), list) for row in head.rows)


def correct_of_mean(mean: Any, responses: int, where: str) -> int | None:
    """How many of the responses are correct, from the mean of their verdicts; None where there is none.

    Raises InputError where no number of correct ones has this mean.
    """
    if mean is None:
        return None
    correct = round(mean * responses) if isinstance(mean, bool | int | float) and 0 <= mean <= 1 else -1
    if correct < 0 or abs(mean * responses - correct) > 1e-6 * responses:
        what = f"{quote(mean)} is no mean of {responses} verdicts; log one value for each response"
        raise InputError(f"{where}: {what}")
    return correct


def _is_verdict(value: Any) -> bool:
    """Whether a value is a verdict, or one for each of several responses; or the mean of several."""
    values = value if isinstance(value, list) else [value]
    return all(one is None or (isinstance(one, bool | int | float) and 0 <= one <= 1) for one in values)
