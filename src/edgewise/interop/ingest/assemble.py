"""From coded columns to one `Imported` for each model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import EXAMPLE_PROBLEMS, UNJUDGED, Builder
from edgewise.interop.ingest.coded import MISSING, Array, Rows
from edgewise.interop.ingest.imported import Decoding, Imported
from edgewise.interop.ingest.values import INTEGER, shown
from edgewise.outcomes.counts import LabelArray, StrArray
from edgewise.outcomes.example import MARKS, Example
from edgewise.outcomes.outcomes import MAX_ID_LENGTH, Outcomes

# NumPy gives every string of a column the width of the longest.
_COLUMN_BYTES = 2 * 10**9


def assemble(builder: Builder) -> tuple[Imported, ...]:
    """One Imported for each model, in order of appearance.

    Raises InputError when a problem has a sample twice, some rows or problems lack what others have,
    or the samples of one problem set were not drawn with one temperature, top_p and max_tokens.
    """
    columns: dict[str, Array] = {
        "problem": builder.columns["problem"].whole(builder.rows, -1),
        "answer": builder.columns["answer"].whole(builder.rows, -1),
    }
    for name, empty in _EMPTY.items():
        if name in builder.columns:
            columns[name] = builder.columns[name].whole(builder.rows, empty)
    key_P = np.array(builder.problems, dtype=np.int64)
    models = np.unique(key_P[:, 0])
    if models[0] < 0 and models.size > 1:
        row = builder.first_row[int(np.argmin(key_P[:, 0]))]
        raise builder.fail(row, "model", "empty here and given in other rows; every row needs it")
    order = sorted(models.tolist(), key=lambda model: int(np.argmax(key_P[:, 0] == model)))
    return tuple(_One(builder, columns, key_P, model, alone=len(order) == 1).imported() for model in order)


_EMPTY: dict[str, float] = {
    "sample": MISSING,
    "process": UNJUDGED,
    "truncated": -1,
    "tokens": MISSING,
    "score": np.nan,
    "logprob": np.nan,
    "said": -1,
}


class _One:
    """The part of the columns that is one model's."""

    def __init__(self, builder: Builder, columns: dict[str, Array], key_P: Rows, model: int, *, alone: bool) -> None:
        self.builder = builder
        self.number = model
        self.model: str | None = None if model < 0 else builder.names["model"].values[model]
        self.notes = list(builder.notes)
        # Positions of this model's problems and rows among all, and what is theirs of each column.
        self.problem_P = np.flatnonzero(key_P[:, 0] == model)
        self.set_P = key_P[self.problem_P, 1]
        self.several_sets = np.unique(self.set_P).size > 1
        in_model = np.zeros(len(key_P), dtype=np.bool_)
        in_model[self.problem_P] = True
        self.row_S: Rows | None = None if alone else np.flatnonzero(in_model[columns["problem"]])
        self.columns = columns if alone else {name: column[self.row_S] for name, column in columns.items()}
        local = np.cumsum(in_model) - 1
        self.code_S = local[self.columns["problem"]].astype(np.int32)
        self.id_P = self._ids(key_P[self.problem_P, 2])

    def imported(self) -> Imported:
        decoding = self._decoding()
        outcomes = self._outcomes()
        builder = self.builder
        ours = {int(problem): place for place, problem in enumerate(self.problem_P)}
        prompts = {self.id_P[ours[problem]]: text for problem, text in builder.prompts.items() if problem in ours}
        self._compare_prompts()
        return Imported(
            model=self.model,
            source=" and ".join(builder.sources),
            files=tuple(builder.files),
            outcomes=outcomes,
            counts=None,
            prompts=prompts,
            examples=self._examples(),
            decoding=decoding,
            verifiers=tuple(sorted(self._seen("verifier"))),
            duplicates=self._duplicates(),
            notes=tuple(self.notes),
        )

    def _outcomes(self) -> Outcomes:
        order = sorted(range(len(self.id_P)), key=self.id_P.__getitem__)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        sample_S = self._sample_numbers()
        truncated_S = self._complete("truncated")
        optional = {name: self._complete(name) for name in ("tokens", "score", "logprob")}
        gold, cluster, level, sets = self._gold(), self._clusters(), self._levels(), self._sets()
        predicted_S = self.columns.get("said")
        if self.builder.names["answer"].full and predicted_S is not None:
            self.notes.append(f"answers are left out: there are more than {len(self.builder.names['answer'].values):,}")
            predicted_S = None
        if predicted_S is not None and (predicted_S < 0).all():
            predicted_S = None
        try:
            return Outcomes(
                problem=_strings("problem_id", [self.id_P[place] for place in order]),
                level=level[order],
                problem_S=rank[self.code_S],
                sample_S=sample_S,
                answer_S=self.columns["answer"],
                process_S=self._process(),
                truncated_S=None if truncated_S is None else truncated_S == 1,
                tokens_S=optional["tokens"],
                score_S=optional["score"],
                logprob_S=optional["logprob"],
                predicted_S=predicted_S,
                answers=() if predicted_S is None else tuple(self.builder.names["answer"].values),
                set=None if sets is None else sets[order],
                cluster=None if cluster is None else cluster[order],
                gold=None if gold is None else gold[order],
            )
        except InputError:
            self._refuse_repeats(sample_S)
            raise

    def _ids(self, code_P: Rows) -> list[str]:
        values = self.builder.names["problem"].values
        ids = [values[code] for code in code_P.tolist()]
        if not self.several_sets:
            return ids
        if (self.set_P < 0).any():
            row = self.builder.first_row[self.problem_P[int(np.argmin(self.set_P))]]
            raise self.builder.fail(row, "set", "empty here and given in other rows; every row needs it")
        sets = self.builder.names["set"].values
        ids = [f"{sets[code]}/{one}" for code, one in zip(self.set_P.tolist(), ids, strict=True)]
        if max(map(len, ids)) > MAX_ID_LENGTH or len(set(ids)) < len(ids):
            raise InputError(
                f"{self.builder.files[0]}: set: ids set/problem_id that are equal, or longer than {MAX_ID_LENGTH} "
                "characters; rename the sets"
            )
        return ids

    def _sample_numbers(self) -> Rows:
        given = self.columns.get("sample")
        if given is None or (given == MISSING).all():
            self.notes.append("samples are numbered in the order of the rows")
            return _ranks(self.code_S)
        if (given == MISSING).any():
            raise self._fail_at(int(np.argmax(given == MISSING)), "sample_id", "empty; every row needs it, or none")
        if not self.builder.named_samples:
            return given
        self._refuse_repeats(given)
        self.notes.append("sample ids are names; samples are numbered in the order of the rows")
        return _ranks(self.code_S)

    def _refuse_repeats(self, sample_S: Rows) -> None:
        order = np.lexsort((sample_S, self.code_S))
        twice = np.flatnonzero((np.diff(self.code_S[order]) == 0) & (np.diff(sample_S[order]) == 0))
        if twice.size:
            row = int(order[twice + 1].min())
            problem = shown(self.id_P[self.code_S[row]])
            raise self._fail_at(row, "sample_id", f"problem {problem} had this sample before; a sample is one row")

    def _complete(self, name: str) -> Array | None:
        """A column that is of use only when every row has it."""
        column = self.columns.get(name)
        if column is None:
            return None
        empty = np.isnan(column) if column.dtype.kind == "f" else column == _EMPTY[name]
        missing = int(empty.sum())
        if 0 < missing < column.size:
            self.notes.append(f"{name} is left out: {missing} of {column.size} rows have none")
        return None if missing else column

    def _process(self) -> Array | None:
        column = self.columns.get("process")
        return None if column is None or (column == UNJUDGED).all() else np.maximum(column, -1)

    def _attribute(self, name: str) -> list[Any]:
        names, numbers = self.builder.attributes[name]
        code_P = numbers.upto(len(self.builder.problems))[self.problem_P]
        return [None if code < 0 else names.values[code] for code in code_P.tolist()]

    def _by_set(self, name: str) -> list[Any]:
        """An attribute that all problems of a set have, or none."""
        values = self._attribute(name)
        given = np.array([value is not None for value in values])
        for number in np.unique(self.set_P).tolist():
            members = np.flatnonzero(self.set_P == number)
            if given[members].any() and not given[members].all():
                place = members[int(np.argmin(given[members]))]
                row = self.builder.first_row[self.problem_P[place]]
                raise self.builder.fail(row, name, "empty here and given for other problems; every problem needs it")
        return values

    def _levels(self) -> LabelArray:
        levels = self._by_set("level")
        if not any(level is not None for level in levels):
            return np.zeros(len(levels), dtype=np.int64)
        if None in levels:
            self.notes.append("problems of sets without levels are at level 0")
        named = ["0" if level is None else level for level in levels]
        if all(INTEGER.fullmatch(level) for level in named):
            return np.array([int(level) for level in named], dtype=np.int64)
        return _strings("level", named)

    def _sets(self) -> StrArray | None:
        if (self.set_P < 0).any():
            return None
        sets = self.builder.names["set"].values
        return _strings("set", [sets[code] for code in self.set_P.tolist()])

    def _clusters(self) -> StrArray | None:
        clusters = self._by_set("cluster")
        if not any(cluster is not None for cluster in clusters):
            return None
        if not self.several_sets:
            return _strings("cluster", clusters)
        sets = self.builder.names["set"].values
        return _strings(
            "cluster",
            [
                own if cluster is None else f"{sets[code]}/{cluster}"
                for own, cluster, code in zip(self.id_P, clusters, self.set_P.tolist(), strict=True)
            ],
        )

    def _gold(self) -> StrArray | None:
        gold = self._attribute("gold")
        return _strings("gold", [one or "" for one in gold]) if any(one is not None for one in gold) else None

    def _decoding(self) -> Decoding:
        laws: dict[str, tuple[Any, ...]] = {}
        for name in ("temperature", "top_p", "max_tokens"):
            values = self._attribute(name)
            first: dict[int, Any] = {}
            for place, (number, value) in enumerate(zip(self.set_P.tolist(), values, strict=True)):
                if value is not None and first.setdefault(number, value) != value:
                    raise self.builder.fail(
                        self.builder.first_row[self.problem_P[place]],
                        name,
                        f"{value} here and {first[number]} before; samples of one model and set are drawn with one",
                    )
            laws[name] = tuple(sorted(set(first.values())))
        seeds = self._seen("seed")
        if self.builder.names["seed"].full:
            self.notes.append(f"only the first {len(self.builder.names['seed'].values):,} seeds are listed")
        return Decoding(laws["temperature"], laws["top_p"], laws["max_tokens"], tuple(sorted(seeds)))

    def _seen(self, name: str) -> Iterable[Any]:
        values = self.builder.names[name].values
        return [values[code] for model, code in self.builder.seen[name] if model == self.number]

    def _examples(self) -> tuple[Example, ...]:
        rows = [kept.row for kept in self.builder.examples]
        if self.row_S is None:
            place_of = dict(zip(rows, rows, strict=True))
        else:
            found = np.searchsorted(self.row_S, rows)
            place_of = {
                row: int(place)
                for row, place in zip(rows, found, strict=True)
                if place < self.row_S.size and self.row_S[place] == row
            }
        # Turn by turn one problem of each set, so that every set has its share.
        turn: dict[int, int] = {}
        of_set: dict[int, int] = {}
        for kept in self.builder.examples:
            if kept.row in place_of and (problem := int(self.code_S[place_of[kept.row]])) not in turn:
                number = int(self.set_P[problem])
                turn[problem] = of_set[number] = of_set.get(number, -1) + 1
        chosen = set(sorted(turn, key=lambda problem: (turn[problem], problem))[:EXAMPLE_PROBLEMS])
        process = self.columns.get("process")
        examples = []
        for kept in self.builder.examples:
            place = place_of.get(kept.row)
            if place is None or int(self.code_S[place]) not in chosen:
                continue
            verified = -1 if process is None else int(process[place])
            examples.append(
                Example(
                    model=self.model,
                    problem_id=self.id_P[self.code_S[place]],
                    text=kept.text,
                    answer=MARKS[int(self.columns["answer"][place])],
                    process=None if verified < 0 else MARKS[verified],
                    first_wrong_step=kept.first_wrong_step,
                    reason=kept.reason,
                )
            )
        return tuple(examples)

    def _duplicates(self) -> float | None:
        problems = len(self.builder.problems)
        several = self.builder.completions.seen(problems)[self.problem_P] > 1
        differ = self.builder.completions.differ(problems)[self.problem_P]
        return float(1 - differ[several].mean()) if several.any() else None

    def _compare_prompts(self) -> None:
        differ = int(self.builder.asked.differ(len(self.builder.problems))[self.problem_P].sum())
        if differ:
            self.notes.append(f"{differ} problems have samples with different prompts")

    def _fail_at(self, place: int, field: str, what: str) -> InputError:
        row = place if self.row_S is None else int(self.row_S[place])
        return self.builder.fail(row, field, what)


def _ranks(code_S: npt.NDArray[np.int32]) -> Rows:
    """Each row's position among the rows of its problem."""
    order = np.argsort(code_S, kind="stable")
    n_P = np.bincount(code_S)
    rank = np.empty(code_S.size, dtype=np.int64)
    rank[order] = np.arange(code_S.size) - np.repeat(np.cumsum(n_P) - n_P, n_P)
    return rank


def _strings(name: str, values: list[str]) -> StrArray:
    longest = max(map(len, values))
    if 4 * longest * len(values) > _COLUMN_BYTES:
        raise InputError(
            f"{name}: {len(values):,} of up to {longest} characters do not fit in memory; use shorter ones"
        )
    return np.array(values, dtype=np.str_)
