"""Split the table by model and training seed: the rows and problems of one checkpoint, renumbered from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.columns import MISSING, Array
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.ingest.verdicts import NOT_VERIFIED
from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import Int32Array

# The set or level of problems whose cell is empty, where others of the same files have one.
NO_NAME = "none"

# What an empty cell of each column holds.
EMPTY: dict[str, float] = {
    "problem": -1,
    "verdict": -1,
    "sample": MISSING,
    "process": NOT_VERIFIED,
    "truncated": -1,
    "tokens": MISSING,
    "score": np.nan,
    "logprob": np.nan,
    "predicted": -1,
    "seed": MISSING,
    # The text of the completion is not known.
    "text": 0,
    "marks": -1,
}


@dataclass(frozen=True, eq=False)
class ModelRows:
    """The rows of one model, or of one training seed of it, called its model here.

    `_S` arrays have one value a row, `_P` arrays one a problem of this model.

    `code` is the model's in the table, -1 where the files name none. `number_P` are its problems' numbers in
    the table and `set_P` the codes of their sets; `row_S` are the rows' places in the table, None where all
    rows are this model's; `problem_S` are the places of the rows' problems in `number_P`. `notes` and
    `warnings` grow while the columns are looked at.
    """

    table: RolloutTable
    code: int
    number_P: IntArray
    set_P: Int32Array
    row_S: IntArray | None
    problem_S: Int32Array
    columns: Mapping[str, Array]
    notes: list[str]
    warnings: list[str]

    @property
    def name(self) -> str | None:
        """The model's name, None where the files do not say."""
        code = self.table.checkpoints.model(self.code)
        return None if code < 0 else self.table.encoders["model"].values()[code]

    @property
    def training_seed(self) -> str | None:
        """The training seed of its model, None where the files do not say."""
        code = self.table.checkpoints.training_seed(self.code)
        return None if code < 0 else self.table.encoders["training_seed"].values()[code]

    @property
    def has_several_sets(self) -> bool:
        """Whether its problems are of two or more sets, one of which may have no name."""
        return np.unique(self.set_P).size > 1

    def set_names(self) -> list[str]:
        """The name of each problem's set, NO_NAME where it has none."""
        names = self.table.encoders["set"].values()
        return [NO_NAME if code < 0 else names[code] for code in self.set_P.tolist()]

    def attribute(self, name: str) -> list[Any]:
        """An attribute of each problem, None where no row says it."""
        return self.table.attributes[name].values(self.table.problems.count, self.number_P)

    def used(self, name: str) -> list[Any]:
        """The distinct seeds, verifiers or fields that hold the verdict, ascending."""
        values = self.table.encoders[name].values()
        return sorted(values[code] for model, code in self.table.used[name] if model == self.code)

    def places(self, rows: Sequence[int]) -> list[int | None]:
        """Where rows of the table are among this model's; None for rows of other models."""
        if self.row_S is None:
            return list(rows)
        places = np.searchsorted(self.row_S, rows).tolist()
        return [
            place if place < self.row_S.size and self.row_S[place] == row else None
            for row, place in zip(rows, places, strict=True)
        ]

    def file_of_rows(self) -> IntArray:
        """The number of the file that each row came from."""
        rows = np.arange(self.problem_S.size) if self.row_S is None else self.row_S
        return np.searchsorted(self.table.origins.starts, rows, side="right")

    def error_at(self, place: int, field: str, problem: str) -> InputError:
        """The error that a field of one of its rows is wrong."""
        return self.table.error(place if self.row_S is None else int(self.row_S[place]), field, problem)

    def error_of_problem(self, place: int, field: str, problem: str) -> InputError:
        """The error that a field of the first row of one of its problems is wrong."""
        return self.table.error(int(self.table.problems.first_row_P[self.number_P[place]]), field, problem)


def split_by_model(table: RolloutTable) -> list[ModelRows]:
    """The rows of each model and training seed, in order of appearance. InputError where only some rows name one."""
    columns = {name: chunks.combine(table.rows, EMPTY[name]) for name, chunks in table.columns.items()}
    model_P = table.problems.model_P
    models, first = np.unique(model_P, return_index=True)
    if models[0] < 0 and models.size > 1:
        row = int(table.problems.first_row_P[first[0]])
        name = "model" if any(table.checkpoints.model(code) >= 0 for code in models.tolist()) else "training_seed"
        raise table.error(row, name, "empty here and given in other rows; every row needs it")
    return [_rows_of(table, columns, int(models[place]), alone=models.size == 1) for place in np.argsort(first)]


def _rows_of(table: RolloutTable, columns: Mapping[str, Array], model: int, *, alone: bool) -> ModelRows:
    of_model_P = table.problems.model_P == model
    row_S = None if alone else np.flatnonzero(of_model_P[columns["problem"]])
    own_columns = columns if row_S is None else {name: column[row_S] for name, column in columns.items()}
    place_P = (np.cumsum(of_model_P) - 1).astype(np.int32)
    number_P = np.flatnonzero(of_model_P)
    model_rows = ModelRows(
        table=table,
        code=model,
        number_P=number_P,
        set_P=table.problems.set_P[number_P],
        row_S=row_S,
        problem_S=place_P[own_columns["problem"]],
        columns=own_columns,
        notes=list(table.notes),
        warnings=list(table.warnings),
    )
    if not alone:
        files = {0, *np.flatnonzero(np.bincount(model_rows.file_of_rows())).tolist()}
        for texts in (model_rows.notes, model_rows.warnings):
            texts[:] = [text for text in texts if files & table.said_of.get(text, {0})]
    return model_rows
