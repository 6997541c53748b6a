"""Compute the verdict of a row from its cells: `correct`, a graded score, `parse_ok` and `finish_reason`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.interop.ingest.columns import MISSING, BatchColumn, DictionaryColumn, floats_of, integers_of
from edgewise.interop.ingest.finish_reasons import is_cut_off
from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.outcomes.outcomes import MarkArray

# The process was not verified. A process that was looked at and could not be verified has -1.
NOT_VERIFIED = -2

# The error of a row of the batch, a field and the words.
FailInBatch = Callable[[int, str, str], InputError]


class VerdictReader:
    """Turns the columns of a batch into verdicts: 1 correct, 0 wrong, -1 unscorable.

    A graded score of at least `threshold` is correct. Without a threshold the scores of a file must be
    0 and 1, or -1 and 1. InputError where the threshold is no finite number.
    """

    def __init__(self, threshold: float | None) -> None:
        if threshold is not None and not math.isfinite(threshold):
            raise InputError(f"threshold: {threshold}; use a finite number, the least score that is correct")
        self._threshold = threshold
        self._scores: set[float] = set()

    def begin_file(self) -> None:
        """Forget which scores the file before had."""
        self._scores = set()

    def verdicts(self, size: int, columns: Mapping[str, BatchColumn], fail: FailInBatch) -> MarkArray:
        """The verdict of each row: `correct`, else what `graded` says, and -1 where `parse_ok` is false."""
        verdict_S = np.full(size, -1, dtype=np.int64)
        if "graded" in columns:
            verdict_S = self._from_scores(floats_of(columns["graded"]), fail)
        if "correct" in columns:
            correct_S = integers_of(columns["correct"])
            verdict_S = np.where(correct_S == MISSING, verdict_S, correct_S)
        if "parse_ok" in columns:
            verdict_S[integers_of(columns["parse_ok"]) == 0] = -1
        return verdict_S.astype(np.int8)

    def _from_scores(self, score_S: FloatArray, fail: FailInBatch) -> IntArray:
        empty_S = np.isnan(score_S)
        if self._threshold is not None:
            return np.where(empty_S, -1, score_S >= self._threshold)
        graded_S = ~empty_S & ~np.isin(score_S, (-1, 0, 1))
        if graded_S.any():
            row = int(np.argmax(graded_S))
            raise fail(row, "score", f"{score_S[row]:.6g} is graded; give a threshold for correct")
        self._scores.update(np.unique(score_S[~empty_S]).tolist())
        if {-1.0, 0.0} <= self._scores:
            row = int(np.argmax(score_S == (-1 if (score_S == -1).any() else 0)))
            raise fail(row, "score", "both 0 and -1 occur; give a threshold for correct")
        return np.where(empty_S, -1, score_S == 1)


def process_verdicts(column: BatchColumn, verdict_S: MarkArray) -> MarkArray:
    """The verdict of each row's process: -1 also where there is one and the answer is unscorable."""
    process_S = integers_of(column)
    process_S = np.where((verdict_S == -1) & (process_S != MISSING), -1, process_S)
    return np.where(process_S == MISSING, NOT_VERIFIED, process_S).astype(np.int8)


def truncation(columns: Mapping[str, BatchColumn], unknown: Callable[[str], None]) -> npt.NDArray[np.int8] | None:
    """1 where the completion met the length limit, 0 where not, -1 where the row does not say.

    None where no column says. `unknown` is called with each finish reason of no known spelling, which counts as 0.
    """
    truncated_S = None
    if isinstance(reason := columns.get("finish_reason"), DictionaryColumn):
        marks = [None if value is None else is_cut_off(value) for value in reason.values]
        for value, mark in zip(reason.values, marks, strict=True):
            if value is not None and mark is None:
                unknown(value)
        values = [-1 if value is None else int(mark is True) for value, mark in zip(reason.values, marks, strict=True)]
        truncated_S = np.array(values, dtype=np.int8)[reason.code_S]
    if "truncated" in columns:
        flag_S = integers_of(columns["truncated"])
        truncated_S = np.where(flag_S == MISSING, -1 if truncated_S is None else truncated_S, flag_S).astype(np.int8)
    return truncated_S
