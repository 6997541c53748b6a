"""Keep prompts and completions within a budget of memory, and find out whether samples repeat each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.interop.ingest.columns import GrowingArray
from edgewise.interop.ingest.problems import ProblemIndex
from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import Int32Array, MarkArray

PROMPT_CHARACTERS = 20_000
EXAMPLE_CHARACTERS = 8_000
# Of so many problems of each model and set examples are kept: the first correct and the first wrong completion.
EXAMPLE_PROBLEMS = 400
# How final answers begin or end, in small letters, within the last characters of a completion.
ANSWER_MARKS = ("\\boxed", "####", "</answer>", "answer is", "answer:")
_TAIL = 2_000
# The characters of all kept prompts together, and of all kept examples.
TEXT_BUDGET = 64_000_000


@dataclass(frozen=True, eq=False)
class WantedTexts:
    """The rows whose completion is to be kept, and those whose prompt is."""

    completions: IntArray
    prompts: IntArray


@dataclass(frozen=True)
class KeptCompletion:
    """One kept completion, and what its verifier said of it."""

    row: int
    text: str
    first_wrong_step: int | None
    reason: str


class KeptTexts:
    """The first prompt of each problem, and the first correct and wrong completions of some, within TEXT_BUDGET."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.prompts: dict[int, str] = {}
        self.completions: list[KeptCompletion] = []
        self._note = note
        self._has_verdict = {1: GrowingArray(np.bool_, 0), 0: GrowingArray(np.bool_, 0)}
        self._budget = {"prompts": TEXT_BUDGET, "examples": TEXT_BUDGET}

    def wanted(
        self, problems: ProblemIndex, start: int, problem_S: Int32Array, verdict_S: MarkArray, new_rows: IntArray
    ) -> WantedTexts:
        """The rows, counted from the first of all, of a batch that begins at `start`, whose texts are to be kept."""
        chosen = []
        candidate_S = problems.rank_in_group_P[problem_S] < EXAMPLE_PROBLEMS
        for verdict, has_verdict in self._has_verdict.items():
            done_P = has_verdict.first(problems.count)
            rows = np.flatnonzero(candidate_S & (verdict_S == verdict) & ~done_P[problem_S])
            numbers, first = np.unique(problem_S[rows], return_index=True)
            done_P[numbers] = True
            chosen.append(rows[first])
        return WantedTexts(np.sort(np.concatenate(chosen)) + start, new_rows + start)

    def keep_prompt(self, row: int, text: str) -> None:
        """Keep the prompt of a row, cut at PROMPT_CHARACTERS."""
        text = text[:PROMPT_CHARACTERS]
        if self._spend("prompts", text):
            self.prompts[row] = text

    def keep_completion(self, row: int, text: str, first_wrong_step: int | None, reason: str) -> None:
        """Keep the completion of a row, cut at EXAMPLE_CHARACTERS."""
        text = text[:EXAMPLE_CHARACTERS]
        if self._spend("examples", text):
            self.completions.append(KeptCompletion(row, text, first_wrong_step, reason[:EXAMPLE_CHARACTERS]))

    def _spend(self, purpose: str, text: str) -> bool:
        """Take the text from the budget; False, and a note, where nothing is left of it."""
        self._budget[purpose] -= len(text)
        if self._budget[purpose] < 0:
            self._note(f"{purpose} beyond {TEXT_BUDGET:,} characters in all are left out")
        return self._budget[purpose] >= 0


class TextComparison:
    """Whether all texts of a problem are equal, from a hash of each text; 17 bytes a problem."""

    def __init__(self) -> None:
        self._first_hash = GrowingArray(np.int64, 0)
        self._texts = GrowingArray(np.int64, 0)
        self._differ = GrowingArray(np.bool_, 0)

    def add(self, problems: int, problem_S: Int32Array, hash_S: IntArray) -> int | None:
        """Add texts of some of the `problems` so far; return the place of the first that differs from one before."""
        first_P, texts_P = self._first_hash.first(problems), self._texts.first(problems)
        new_S = texts_P[problem_S] == 0
        # Backwards, so that the first text of a problem is written last.
        first_P[problem_S[new_S][::-1]] = hash_S[new_S][::-1]
        texts_P += np.bincount(problem_S, minlength=problems)
        differs_S = hash_S != first_P[problem_S]
        self._differ.first(problems)[problem_S[differs_S]] = True
        return int(np.argmax(differs_S)) if differs_S.any() else None

    def texts(self, problems: int) -> IntArray:
        """How many texts there were of each problem."""
        return self._texts.first(problems)

    def first_hashes(self, problems: int) -> IntArray:
        """The hash of the first text of each problem, 0 where there was none."""
        return self._first_hash.first(problems)

    def differ(self, problems: int) -> npt.NDArray[np.bool_]:
        """Whether two texts of a problem differ."""
        return self._differ.first(problems)


def text_hashes(texts: Iterable[Any]) -> IntArray:
    """A hash of each text, never 0; equal texts have equal hashes within one run of Python."""
    hash_S = np.array([hash(text if isinstance(text, str) else repr(text)) for text in texts], dtype=np.int64)
    return np.where(hash_S == 0, 1, hash_S)


def row_hashes(text_S: IntArray, verdict_S: MarkArray) -> IntArray:
    """A hash of each row from that of its text and its verdict, 0 where the text is not known and nowhere else."""
    mixed_S = text_S * 3 + verdict_S
    return np.where(text_S == 0, 0, np.where(mixed_S == 0, 1, mixed_S))


def answer_marks(texts: Iterable[Any]) -> IntArray:
    """Which of ANSWER_MARKS each completion holds: a bit for each, 0 where it holds none, -1 where there is no text."""
    return np.array([_marks(text) for text in texts], dtype=np.int64)


def _marks(text: Any) -> int:
    if text is None:
        return -1
    tail = (text if isinstance(text, str) else repr(text))[-_TAIL:].lower()
    return sum(1 << bit for bit, mark in enumerate(ANSWER_MARKS) if mark in tail)
