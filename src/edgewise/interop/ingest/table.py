"""The table that all readers write to: rows of any number of models, sets and files, a few bytes each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.checkpoints import CheckpointIndex
from edgewise.interop.ingest.columns import (
    MISSING,
    Array,
    BatchColumn,
    ChunkedColumn,
    DictionaryColumn,
    DictionaryEncoder,
    floats_of,
    integers_of,
)
from edgewise.interop.ingest.problems import ProblemAttribute, ProblemIndex
from edgewise.interop.ingest.schema import PROBLEM_ATTRIBUTES
from edgewise.interop.ingest.texts import PROMPT_CHARACTERS, KeptTexts, TextComparison, WantedTexts
from edgewise.interop.ingest.verdicts import VerdictReader, process_verdicts, truncation
from edgewise.outcomes.counts import Counts, IntArray
from edgewise.outcomes.outcomes import Int32Array


class RowListener(Protocol):
    """Is told of rows as they are added: their cells, named as in CONVERTERS, and what was made of their verdicts."""

    def __call__(self, rows: Sequence[Mapping[str, Any]], verdict_S: Array, process_S: Array | None) -> None: ...


# More distinct values than this mean that the column is something else.
_LIMITS = {"model": 1_000, "set": 100_000, "problem": 2**31 - 1, "seed": 1_000, "verifier": 100, "graded_by": 100}
_LIMITS |= {"answer": 1_000_000, "training_seed": 1_000}
# Finish reasons of no known spelling that are named.
_NAMED = 3


class RolloutTable:
    """Rows of rollouts, added batch by batch in the order of sampling, as dictionary-encoded columns.

    A graded score of at least `threshold` is correct. `totals` holds the counts of each model and training
    seed in a file without samples.
    """

    def __init__(self, threshold: float | None = None) -> None:
        self.rows = 0
        self.threshold = threshold
        self.totals: dict[tuple[str | None, str | None], Counts] | None = None
        self.origins = RowOrigins()
        self.notes: list[str] = []
        self.warnings: list[str] = []
        # For each note and warning the numbers of the files that it was said of, 0 where of all.
        self.said_of: dict[str, set[int]] = {}
        self.checkpoints = CheckpointIndex()
        self.problems = ProblemIndex()
        self.attributes = {name: ProblemAttribute() for name in PROBLEM_ATTRIBUTES}
        self.encoders = {name: DictionaryEncoder(limit) for name, limit in _LIMITS.items()}
        self.columns: dict[str, ChunkedColumn] = {}
        self.samples_are_named = False
        # Pairs of a model's code and that of a seed, a verifier or a field that holds the verdict.
        self.used: dict[str, set[tuple[int, int]]] = {"seed": set(), "verifier": set(), "graded_by": set()}
        # Codes of a model, a set of it and a field that holds verdicts of it.
        self.graded: set[tuple[int, int, int]] = set()
        self.obeyed: set[str] = set()
        # With one, rows of Parquet files too are added one at a time.
        self.listener: RowListener | None = None
        # Some row says, or could say, that a completion could not be read.
        self.says_unreadable = False
        # Of the scores that a threshold decides about.
        self.largest_score = -np.inf
        # Files of several folders are draws of one model, as somebody said.
        self.files_are_samples = False
        # The first row whose prompt is not that of its problem before it, and that prompt.
        self.second_prompt: tuple[int, str] | None = None
        # An id that no two of the first rows share, so that it may count rows instead of problems; and the prompt.
        self.row_ids: tuple[str, str] | None = None
        self.texts = KeptTexts(self.note)
        self.completion_texts, self.prompt_texts = TextComparison(), TextComparison()
        self._verdicts = VerdictReader(threshold)
        self._finish_reasons: set[str] = set()

    def begin(self, file: Path, source: str) -> None:
        """The rows to come are from `file`, written by `source`."""
        self.origins.begin(self.rows, file, source)
        self._verdicts.begin_file()

    def note(self, text: str) -> None:
        """Add an assumption that a reader of the results should know, once."""
        self.said_of.setdefault(text, set()).add(len(self.origins.files))
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, text: str) -> None:
        """Add, once, how the files were read where another reading is possible, with the option that takes the other,
        or why the samples may be other than they should be."""
        self.said_of.setdefault(text, set()).add(len(self.origins.files))
        if text not in self.warnings:
            self.warnings.append(text)

    def obey(self, option: str) -> None:
        """This option (score, threshold, filter, map, files) is followed; one that nobody follows is refused."""
        self.obeyed.add(option)

    def add_totals(self, model: str | None, training_seed: str | None, counts: Counts) -> None:
        """Add the counts of a model, or of one training seed of it. InputError where it has some already."""
        if (model, training_seed) in (self.totals or {}):
            name = "one model" if model is None else f"the model {quote(model)}"
            raise InputError(
                f"{self.origins.files[-1]}: counts of {name}, as in {self.origins.files[0]}; give one of them"
            )
        self.totals = {**(self.totals or {}), (model, training_seed): counts}

    def error(self, row: int, field: str, problem: str) -> InputError:
        """The error that a field of a row is wrong, with the row's file and place."""
        return InputError(f"{self.origins.place(row)}: {field}: {problem}")

    def add(self, size: int, columns: Mapping[str, BatchColumn]) -> WantedTexts:
        """Add `size` rows; return those whose texts are to be kept.

        Names and attributes are DictionaryColumns, numbers are those or plain arrays. Raises InputError
        naming the row where a cell contradicts others.
        """
        problem_S, new_rows = self._number_problems(size, columns)
        self._add_attributes(problem_S, columns)
        self._add_used(problem_S, columns)
        verdict_S = self._verdicts.verdicts(size, columns, self._error_in_batch)
        if "graded" in columns:
            self.obey("threshold")
            self.largest_score = float(np.fmax.reduce(floats_of(columns["graded"]), initial=self.largest_score))
        self._append("problem", problem_S)
        self._append("verdict", verdict_S)
        self.says_unreadable |= "parse_ok" in columns or bool((verdict_S == -1).any())
        if "sample" in columns:
            self._append("sample", integers_of(columns["sample"]))
        if "seed" in columns:
            self._append("seed", integers_of(columns["seed"]))
        if "process" in columns:
            self._append("process", process_verdicts(columns["process"], verdict_S))
        if (truncated_S := truncation(columns, self._unknown_finish_reason)) is not None:
            self._append("truncated", truncated_S)
        if "tokens" in columns:
            self._append("tokens", self._lengths(columns["tokens"]))
        for name in ("score", "logprob"):
            if name in columns:
                self._append(name, floats_of(columns[name]))
        if isinstance(answer := columns.get("answer"), DictionaryColumn):
            self._append("predicted", self.encoders["answer"].encode(answer))
        wanted = self.texts.wanted(self.problems, self.rows, problem_S, verdict_S, new_rows)
        self.rows += size
        return wanted

    def compare_texts(
        self,
        texts: TextComparison,
        start: int,
        hash_S: IntArray,
        given_S: npt.NDArray[np.bool_],
        text_of: Callable[[int], Any],
    ) -> None:
        """Compare the texts of the rows from `start` on, those that have one, with others of their problems.

        `text_of` gives the text of a row, counted from `start`. The hashes of completions are remembered as well, to
        find samples that are there twice, and the first prompt that differs.
        """
        end = start + hash_S.size
        problem_S = self.columns["problem"].slice(start, end)
        differing = texts.add(self.problems.count, problem_S[given_S], hash_S[given_S])
        if texts is self.prompt_texts and differing is not None and self.second_prompt is None:
            place = int(np.flatnonzero(given_S)[differing])
            self.second_prompt = start + place, str(text_of(place))[:PROMPT_CHARACTERS]
        if texts is self.completion_texts:
            self._append_at(start, "text", np.where(given_S, hash_S, 0))

    def mark_texts(self, start: int, mark_S: IntArray) -> None:
        """Remember which marks of a final answer the completions of the rows from `start` on hold."""
        self._append_at(start, "marks", mark_S.astype(np.int8))

    def _number_problems(self, size: int, columns: Mapping[str, BatchColumn]) -> tuple[Int32Array, IntArray]:
        codes = {}
        for name in ("model", "training_seed", "set", "problem"):
            column, encoder = columns.get(name), self.encoders[name]
            if not isinstance(column, DictionaryColumn):
                codes[name] = np.full(size, -1, np.int32)
                continue
            codes[name] = encoder.encode(column)
            if (codes[name] < 0).any():
                if encoder.full:
                    file = self.origins.files[-1]
                    raise InputError(f"{file}: {name}: more than {encoder.limit:,} different ones; name fewer")
                if name != "set":
                    raise self._error_in_batch(int(np.argmin(codes[name])), name, "empty; every row needs it")
        checkpoint_S = self.checkpoints.number(codes["model"], codes["training_seed"])
        return self.problems.number(self.rows, checkpoint_S, codes["set"], codes["problem"])

    def _add_attributes(self, problem_S: Int32Array, columns: Mapping[str, BatchColumn]) -> None:
        for name, attribute in self.attributes.items():
            if not isinstance(column := columns.get(name), DictionaryColumn):
                continue
            contradiction = attribute.add(self.problems.count, problem_S, column)
            if contradiction is not None:
                row, value, before = contradiction
                problem = quote(self.encoders["problem"].values()[self.problems.id_P[problem_S[row]]])
                what = f"{quote(value)} for problem {problem}, which had {quote(before)} before; a problem has one"
                raise self._error_in_batch(row, name, what)

    def _add_used(self, problem_S: Int32Array, columns: Mapping[str, BatchColumn]) -> None:
        for name, pairs in self.used.items():
            if isinstance(column := columns.get(name), DictionaryColumn):
                code_S = self.encoders[name].encode(column)
                # One number for model, set and code, since NumPy is slow to find distinct columns.
                model_set_S = self.problems.model_P[problem_S].astype(np.int64) * 2**20 + self.problems.set_P[problem_S]
                distinct = np.unique((model_set_S + 1) * 2**32 + code_S + 1).tolist()
                for model_set, code in ((both >> 32, (both & (2**32 - 1)) - 1) for both in distinct):
                    model, set_code = model_set >> 20, (model_set & (2**20 - 1)) - 1
                    if code >= 0:
                        pairs.add((model, code))
                    if name == "graded_by":
                        self.graded.add((model, set_code, code))

    def _lengths(self, column: BatchColumn) -> IntArray:
        tokens_S = integers_of(column)
        negative_S = (tokens_S < 0) & (tokens_S != MISSING)
        if negative_S.any():
            row = int(np.argmax(negative_S))
            raise self._error_in_batch(row, "tokens", f"{tokens_S[row]}; a length is 0 or more")
        return tokens_S

    def _unknown_finish_reason(self, reason: str) -> None:
        if len(self._finish_reasons) < _NAMED:
            self._finish_reasons.add(reason)
            self.warn(
                f"the finish_reason {quote(reason)} is of no known spelling and read as no cut-off: give a column "
                "`truncated` where it is one"
            )

    def _append(self, name: str, chunk: Array) -> None:
        self._append_at(self.rows, name, chunk)

    def _append_at(self, start: int, name: str, chunk: Array) -> None:
        self.columns.setdefault(name, ChunkedColumn()).append(start, chunk)

    def _error_in_batch(self, row: int, field: str, problem: str) -> InputError:
        return self.error(self.rows + row, field, problem)


class RowOrigins:
    """From which file and line each row came."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.starts: list[int] = []
        self.sources: list[str] = []
        self._runs: list[tuple[int, Path, str, int, int]] = []

    def begin(self, row: int, file: Path, source: str) -> None:
        """From `row` on, rows are from `file`, written by `source`."""
        self.files.append(file)
        self.starts.append(row)
        if source not in self.sources:
            self.sources.append(source)

    def mark(self, row: int, file: Path, noun: str, number: int, step: int = 1) -> None:
        """From `row` on, rows are `noun` `number` of `file`, the next number, and so on; with step 0 all are this."""
        self._runs.append((row, file, noun, number, step))

    def place(self, row: int) -> str:
        """File and line of a row, as an error names them."""
        start, file, noun, number, step = self._runs[bisect_right(self._runs, row, key=lambda run: run[0]) - 1]
        return f"{file}: {noun} {number + step * (row - start)}"
