"""The rows of every importer, batch by batch, as coded columns."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.interop.ingest.coded import MISSING, Alike, Array, Coded, Codes, Growing, Names, Parts, Rows
from edgewise.interop.ingest.imported import EXAMPLE_CHARACTERS, PROMPT_CHARACTERS
from edgewise.interop.ingest.values import shown

EXAMPLE_PROBLEMS = 400
# All kept prompts together, and all kept examples.
TEXT_BUDGET = 64_000_000
# The process of a sample was not looked at; a sample whose process was, but could not be judged, has -1.
UNJUDGED = -2
# Of one problem, the same in every row.
ATTRIBUTES = ("level", "cluster", "gold", "temperature", "top_p", "max_tokens")
# Above this a number of distinct values means that the column is something else.
_MOST = {"model": 1_000, "set": 100_000, "problem": 2**31 - 1, "seed": 1_000, "verifier": 100, "answer": 1_000_000}

Columns = dict[str, Coded | Array]


@dataclass(frozen=True, eq=False)
class Wanted:
    """Rows whose texts are worth keeping: of the examples, and of each problem's first prompt."""

    examples: Rows
    prompts: Rows


@dataclass(frozen=True)
class Kept:
    """One kept completion."""

    row: int
    text: str
    first_wrong_step: int | None
    reason: str


class Builder:
    """Rows of any number of models, problem sets and files, a few bytes each.

    A problem is the triple of model, set and id. Rows are given in the order of drawing. Where
    `threshold` is given, a graded score of at least that much is correct.
    """

    def __init__(self, threshold: float | None = None) -> None:
        self.rows = 0
        self.files: list[Path] = []
        self.sources: list[str] = []
        self.notes: list[str] = []
        self.names = {name: Names(most) for name, most in _MOST.items()}
        self.attributes = {name: (Names(), Growing(np.int32, -1)) for name in ATTRIBUTES}
        self.problems: list[tuple[int, int, int]] = []
        self.first_row: list[int] = []
        self.columns: dict[str, Parts] = {}
        self.named_samples = False
        self.seen: dict[str, set[tuple[int, int]]] = {"seed": set(), "verifier": set()}
        self.prompts: dict[int, str] = {}
        self.examples: list[Kept] = []
        self.completions, self.asked = Alike(), Alike()
        self._threshold = threshold
        self._problem: dict[int, int] = {}
        self._model = Growing(np.int32, -1)
        self._group_size: dict[int, int] = {}
        self._in_sight = Growing(np.bool_, 0)
        self._shown = {1: Growing(np.bool_, 0), 0: Growing(np.bool_, 0)}
        self._origins: list[tuple[int, Path, str, int]] = []
        self._scores: set[float] = set()
        self._left = {"prompts": TEXT_BUDGET, "examples": TEXT_BUDGET}

    def begin(self, file: Path, source: str) -> None:
        """What follows is from `file`, written by `source`."""
        self.files.append(file)
        self._scores = set()
        if source not in self.sources:
            self.sources.append(source)

    def at(self, file: Path, noun: str, number: int, ahead: int = 0) -> None:
        """`ahead` rows from here the rows are `noun` `number` of `file`, and so on upwards."""
        self._origins.append((self.rows + ahead, file, noun, number))

    def note(self, text: str) -> None:
        """Remember an assumption, once."""
        if text not in self.notes:
            self.notes.append(text)

    def fail(self, row: int, field: str, what: str) -> InputError:
        """The error that a field of a row is at fault."""
        start, file, noun, number = self._origins[bisect_right(self._origins, row, key=lambda one: one[0]) - 1]
        return InputError(f"{file}: {noun} {number + row - start}: {field}: {what}")

    def add(self, size: int, columns: Columns) -> Wanted:
        """Add `size` rows; return those whose texts should follow.

        Names and attributes are Coded, numbers Coded or plain arrays. A row's verdict is `correct`,
        or what its `graded` score means; `parse_ok` false makes it unscorable.
        """
        problem_S, new_rows = self._number_problems(size, columns)
        for name in ATTRIBUTES:
            if isinstance(column := columns.get(name), Coded):
                self._set_attribute(name, problem_S, column)
        for name, found in self.seen.items():
            if isinstance(column := columns.get(name), Coded):
                code_S = self.names[name].codes(column)
                pairs = np.unique(np.stack([self._model.upto(len(self.problems))[problem_S], code_S]), axis=1)
                found.update((model, code) for model, code in pairs.T.tolist() if code >= 0)
        verdict_S = self._verdicts(size, columns)
        self._keep("problem", problem_S)
        self._keep("answer", verdict_S)
        if "sample" in columns:
            self._keep("sample", whole_numbers(columns["sample"]))
        if "process" in columns:
            process_S = whole_numbers(columns["process"])
            process_S = np.where((verdict_S == -1) & (process_S != MISSING), -1, process_S)
            self._keep("process", np.where(process_S == MISSING, UNJUDGED, process_S).astype(np.int8))
        if (truncated_S := _truncated(columns)) is not None:
            self._keep("truncated", truncated_S)
        if "tokens" in columns:
            self._keep("tokens", self._lengths(columns["tokens"]))
        for name in ("score", "logprob"):
            if name in columns:
                self._keep(name, real_numbers(columns[name]))
        if isinstance(said := columns.get("answer"), Coded):
            self._keep("said", self.names["answer"].codes(said))
        wanted = self._wanted(problem_S, verdict_S, new_rows)
        self.rows += size
        return wanted

    def keep_prompt(self, row: int, text: str) -> None:
        """Keep the prompt of a wanted row."""
        text = text[:PROMPT_CHARACTERS]
        if self._affordable("prompts", text):
            self.prompts[self._problem_of(row)] = text

    def keep_example(self, row: int, text: str, first_wrong_step: int | None, reason: str) -> None:
        """Keep the completion of a wanted row."""
        text = text[:EXAMPLE_CHARACTERS]
        if self._affordable("examples", text):
            self.examples.append(Kept(row, text, first_wrong_step, reason[:EXAMPLE_CHARACTERS]))

    def compare(self, texts: Alike, start: int, hash_S: Rows, given_S: npt.NDArray[np.bool_]) -> None:
        """Take note of the texts of the rows from `start` on, where one is given."""
        problem_S = self.columns["problem"].between(start, start + hash_S.size)
        texts.add(len(self.problems), problem_S[given_S], hash_S[given_S])

    def _number_problems(self, size: int, columns: Columns) -> tuple[Codes, Rows]:
        """Each row's problem, and the first row of each problem that is new."""
        code = {}
        for name in ("model", "set", "problem"):
            column = columns.get(name)
            code[name] = self.names[name].codes(column) if isinstance(column, Coded) else np.full(size, -1, np.int32)
            if isinstance(column, Coded) and (code[name] < 0).any():
                if self.names[name].full:
                    raise InputError(f"{self.files[-1]}: {name}: more than {_MOST[name]:,} different ones; name fewer")
                raise self.fail(self.rows + int(np.argmin(code[name])), name, "empty; every row needs it")
        key_S = ((code["model"].astype(np.int64) + 1) * 2**20 + code["set"] + 1) * 2**31 + code["problem"]
        keys, first, inverse = np.unique(key_S, return_index=True, return_inverse=True)
        local = np.empty(keys.size, np.int32)
        new_rows = []
        for place in np.argsort(first).tolist():
            key, row = int(keys[place]), int(first[place])
            number = self._problem.setdefault(key, len(self.problems))
            local[place] = number
            if number == len(self.problems):
                self.problems.append((int(code["model"][row]), int(code["set"][row]), int(code["problem"][row])))
                self.first_row.append(self.rows + row)
                new_rows.append(row)
                group = key >> 31
                self._group_size[group] = self._group_size.get(group, 0) + 1
                self._model.upto(number + 1)[number] = code["model"][row]
                self._in_sight.upto(number + 1)[number] = self._group_size[group] <= EXAMPLE_PROBLEMS
        return local[inverse], np.array(new_rows, dtype=np.int64)

    def _set_attribute(self, name: str, problem_S: Codes, column: Coded) -> None:
        names, numbers = self.attributes[name]
        code_S = names.codes(column)
        given = code_S >= 0
        known = numbers.upto(len(self.problems))
        new = given & (known[problem_S] < 0)
        known[problem_S[new][::-1]] = code_S[new][::-1]
        odd = given & (known[problem_S] != code_S)
        if odd.any():
            row = int(np.argmax(odd))
            problem = self.names["problem"].values[self.problems[problem_S[row]][2]]
            before, now = names.values[known[problem_S[row]]], names.values[code_S[row]]
            what = f"{shown(now)} for problem {shown(problem)}, which had {shown(before)} before"
            raise self.fail(self.rows + row, name, f"{what}; a problem has one")

    def _verdicts(self, size: int, columns: Columns) -> npt.NDArray[np.int8]:
        verdict_S = np.full(size, -1, dtype=np.int64)
        if "graded" in columns:
            verdict_S = self._verdicts_from_scores(real_numbers(columns["graded"]))
        if "correct" in columns:
            given = whole_numbers(columns["correct"])
            verdict_S = np.where(given == MISSING, verdict_S, given)
        if "parse_ok" in columns:
            verdict_S[whole_numbers(columns["parse_ok"]) == 0] = -1
        return verdict_S.astype(np.int8)

    def _verdicts_from_scores(self, score_S: npt.NDArray[np.float64]) -> Rows:
        empty = np.isnan(score_S)
        if self._threshold is not None:
            return np.where(empty, -1, score_S >= self._threshold)
        graded = ~empty & ~np.isin(score_S, (-1, 0, 1))
        if graded.any():
            row = int(np.argmax(graded))
            raise self.fail(self.rows + row, "score", f"{score_S[row]:.6g} is graded; give a threshold for correct")
        self._scores.update(np.unique(score_S[~empty]).tolist())
        if {-1.0, 0.0} <= self._scores:
            row = int(np.argmax(score_S == (-1 if (score_S == -1).any() else 0)))
            raise self.fail(self.rows + row, "score", "both 0 and -1 occur; give a threshold for correct")
        return np.where(empty, -1, score_S == 1)

    def _lengths(self, column: Coded | Array) -> Rows:
        tokens_S = whole_numbers(column)
        negative = (tokens_S < 0) & (tokens_S != MISSING)
        if negative.any():
            row = int(np.argmax(negative))
            raise self.fail(self.rows + row, "tokens", f"{tokens_S[row]}; a length is 0 or more")
        return tokens_S

    def _keep(self, name: str, part: Array) -> None:
        self.columns.setdefault(name, Parts()).add(self.rows, part)

    def _wanted(self, problem_S: Codes, verdict_S: npt.NDArray[np.int8], new_rows: Rows) -> Wanted:
        chosen = []
        in_sight = self._in_sight.upto(len(self.problems))[problem_S]
        for verdict, shown_P in self._shown.items():
            done = shown_P.upto(len(self.problems))
            rows = np.flatnonzero(in_sight & (verdict_S == verdict) & ~done[problem_S])
            found, first = np.unique(problem_S[rows], return_index=True)
            done[found] = True
            chosen.append(rows[first])
        return Wanted(np.sort(np.concatenate(chosen)) + self.rows, new_rows + self.rows)

    def _affordable(self, what: str, text: str) -> bool:
        self._left[what] -= len(text)
        if self._left[what] < 0:
            self.note(f"{what} beyond {TEXT_BUDGET:,} characters in all are left out")
        return self._left[what] >= 0

    def _problem_of(self, row: int) -> int:
        return int(self.columns["problem"].between(row, row + 1)[0])


def whole_numbers(column: Coded | Array) -> Rows:
    """The cells as int64, MISSING where empty."""
    return column.whole() if isinstance(column, Coded) else column.astype(np.int64, copy=False)


def real_numbers(column: Coded | Array) -> npt.NDArray[np.float64]:
    """The cells as float64, NaN where empty."""
    return column.real() if isinstance(column, Coded) else column.astype(np.float64, copy=False)


def _truncated(columns: Columns) -> npt.NDArray[np.int8] | None:
    """1 where the completion met the limit, 0 where not, -1 where that is not said."""
    said = None
    if isinstance(reason := columns.get("finish_reason"), Coded):
        values = [-1 if value is None else int(value == "length") for value in reason.values]
        said = np.array(values, dtype=np.int8)[reason.code]
    if "truncated" in columns:
        flag = whole_numbers(columns["truncated"])
        said = np.where(flag == MISSING, -1 if said is None else said, flag).astype(np.int8)
    return said
