"""Counts in columns: one row a problem, with n (samples) and c (correct ones), in CSV, JSON lines, JSON or Parquet.

| column | also called |
|---|---|
| n | n_samples, num_samples, num_rollouts, n_total, num_total, total, attempts, trials |
| c | num_correct, n_correct, num_pass, num_passed, n_pass, passed, passes, correct, solved |
| in place of n, the wrong ones | num_fail, num_failed, n_fail, num_wrong, n_wrong, num_incorrect, failed |

problem_id, level, set, cluster, model and training_seed have the names of `edgewise.interop.readers.rows`. Two models
may stand in one row: c_base and c_rl, with n or with n_base and n_rl. Where the names are others than n and c, rows are
counts only if they are whole numbers that can be counts, of a problem each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import INTEGER, CellConverter, quote, to_group_name, to_integer, to_name
from edgewise.interop.ingest.roles import FileColumns, choose_columns
from edgewise.interop.ingest.schema import PROBLEM_NAMES, VERDICT_NAMES
from edgewise.interop.ingest.shapes import names_models
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.readers.row_source import RowSource
from edgewise.interop.readers.rows import has_columns
from edgewise.outcomes.counts import Counts

_N = ("n", "n_samples", "num_samples", "num_rollouts", "n_total", "num_total", "total", "attempts", "trials")
_C = ("c", "num_correct", "n_correct", "num_pass", "num_passed", "n_pass", "passed", "passes", "correct", "solved")
_WRONG = ("num_fail", "num_failed", "n_fail", "num_wrong", "n_wrong", "num_incorrect", "failed")


# What a row is the counts of.
_KEY = ("model", "training_seed", "set", "problem")


class CountNames(NamedTuple):
    """The names of the columns that hold the correct samples and all samples, or the wrong ones."""

    c: str
    n: str
    is_wrong: bool


class CountsReader(Reader):
    """Reads counts, sorted by problem id; an error names the row."""

    name = "counts CSV"
    listed_as = "counts CSV (problem_id, n, c)"
    is_totals = True
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """Rows that name a problem and can be its counts."""
        return not PROBLEM_NAMES.isdisjoint(head.columns) and _are_counts(head, {})

    def takes(self, head: FileHead, columns: Mapping[str, str]) -> bool:
        """Counts of which --map names other columns than the verdict."""
        named = has_columns(next(iter(head.first_rows(1)), None), columns)
        return named and not {"correct", "graded"} & columns.keys() and _are_counts(head, columns)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Set the table's totals to the counts of one file."""
        table.begin(path, self.name)
        source = RowSource(options.head, None, options.columns)
        names = _count_names(source.head, options.columns)
        if names is None:
            raise InputError(f"{path}: no counts; a row has n samples of a problem, c of them correct")
        columns = choose_columns(source.head, source.place, score=None, mapped=options.columns, has_verdict=False)
        if options.columns:
            table.obey("map")
        for warning in (*source.warnings, *columns.warnings):
            table.warn(warning)
        if names.c in VERDICT_NAMES:
            what = f"rows are counts, `{names.c}` correct of `{names.n}` samples"
            table.warn(f"{what}: --map correct={names.c} takes a row as one sample")
        counts_of: dict[tuple[str | None, str | None], _CountRows] = {}
        for noun, number, row, _ in source:
            where = f"{path}: {noun} {number}"
            checkpoint = _name(row, columns, "model", where), _name(row, columns, "training_seed", where)
            counts_of.setdefault(checkpoint, _CountRows(path, columns, names)).add(row, where, f"{noun} {number}")
        for column, values in zip(("model", "training_seed"), map(set, zip(*counts_of, strict=True)), strict=False):
            if None in values and len(values) > 1:
                raise InputError(f"{path}: {column}: empty in some rows only; every row needs it")
        for (model, training_seed), rows in counts_of.items():
            table.add_totals(model or options.model_name, training_seed, rows.counts())


def _are_counts(head: FileHead, columns: Mapping[str, str]) -> bool:
    if head.kind not in ("records", "parquet") or not (_names_of(head.columns) or names_models(head.columns, ("c",))):
        return False
    rows = RowSource(head, None, columns).head
    return bool(rows) and _count_names(rows, columns) is not None


def _names_of(names: Sequence[str]) -> CountNames | None:
    c, n, wrong = (next((name for name in known if name in names), None) for known in (_C, _N, _WRONG))
    if c is None or (n is None and wrong is None):
        return None
    return CountNames(c, n or wrong or "", n is None)


def _count_names(rows: Sequence[Mapping[str, Any]], mapped: Mapping[str, str]) -> CountNames | None:
    """The names of the counts. None where rows are rather samples: with other names than n and c they must be whole
    numbers, c of n at most, some n above 1, and no problem may be there twice."""
    names = _names_of(list(rows[0]))
    if names is None or (names.c, names.n) == ("c", "n"):
        return names
    pairs = []
    for row in rows:
        c, n = row.get(names.c), row.get(names.n)
        if isinstance(c, bool) or isinstance(n, bool):
            return None
        try:
            pair = to_integer(c), to_integer(n)
        except ValueError:
            return None
        if pair[0] is None or pair[1] is None or min(pair[0], pair[1]) < 0:
            return None
        pairs.append((pair[0], pair[0] + pair[1] if names.is_wrong else pair[1]))
    if any(c > n for c, n in pairs) or all(n <= 1 for _, n in pairs):
        return None
    columns = choose_columns(rows, "", score=None, mapped=mapped, has_verdict=False)
    keys = [tuple(repr(row.get(columns.names.get(part, ""))) for part in _KEY) for row in rows]
    return names if len(set(keys)) == len(keys) else None


class _CountRows:
    """The counts of one model, as they are read."""

    def __init__(self, path: Path, columns: FileColumns, names: CountNames) -> None:
        self._path = path
        self._columns = columns
        self._names = names
        self._n: list[int] = []
        self._c: list[int] = []
        self._texts: dict[str, list[str | None]] = {column: [] for column in ("problem", "set", "level", "cluster")}
        self._place_of: dict[tuple[str | None, str], str] = {}

    def add(self, row: Mapping[str, Any], where: str, place: str) -> None:
        """Add the counts of one problem. InputError beginning with `where` where they cannot be counts."""
        n, c = (_count(row, name, column, where) for name, column in ((self._names.n, "n"), (self._names.c, "c")))
        n += c if self._names.is_wrong else 0
        if c > n or not n:
            raise InputError(f"{where}: c: {c} correct of n = {n} samples; n is at least 1 and c at most n")
        names = {column: _name(row, self._columns, column, where) for column in self._texts}
        problem = names["problem"] or ""
        before = self._place_of.setdefault((names["set"], problem), place)
        if before != place:
            raise InputError(f"{where}: problem_id: {quote(problem)} was on {before}; a problem is one row")
        self._n.append(n)
        self._c.append(c)
        for column, name in names.items():
            self._texts[column].append(name)

    def counts(self) -> Counts:
        """All of them, sorted by problem id. InputError where a row holds the sums of the others."""
        for problem, n, c in zip(self._texts["problem"], self._n, self._c, strict=True) if len(self._n) > 2 else ():
            if (2 * n, 2 * c) == (sum(self._n), sum(self._c)):
                raise InputError(
                    f"{self._path}: problem_id: {quote(problem)} has the sums of the other rows; leave it out"
                )
        sets = [name or "none" for name in self._texts["set"]]
        ids = [name or "" for name in self._texts["problem"]]
        levels = [name or "0" for name in self._texts["level"]]
        clusters = [name or id for name, id in zip(self._texts["cluster"], ids, strict=True)]
        if len(set(sets)) > 1:
            ids, clusters = (
                [f"{name}/{label}" for name, label in zip(sets, part, strict=True)] for part in (ids, clusters)
            )
            if len(set(ids)) < len(ids):
                raise InputError(f"{self._path}: set: two problems have one name set/problem_id; rename a set")
        order = sorted(range(len(ids)), key=ids.__getitem__)
        level = np.array(levels, dtype=np.str_)[order]
        counts = Counts.of(
            n=np.array(self._n, dtype=np.int64)[order],
            c=np.array(self._c, dtype=np.int64)[order],
            problem=[ids[place] for place in order],
            level=level.astype(np.int64) if all(map(INTEGER.fullmatch, level.tolist())) else level,
            cluster=np.unique(clusters, return_inverse=True)[1][order] if any(self._texts["cluster"]) else None,
        )
        return replace(counts, set=np.array(sets, dtype=np.str_)[order]) if any(self._texts["set"]) else counts


def _count(row: Mapping[str, Any], name: str, column: str, where: str) -> int:
    cell = row.get(name)
    wrong = InputError(f"{where}: {column}: {quote('' if cell is None else cell)}; use a whole number of at least 0")
    if isinstance(cell, str) and not INTEGER.fullmatch(cell):
        raise wrong
    try:
        number = to_integer(cell)
    except ValueError:
        raise wrong from None
    if number is None or number < 0:
        raise wrong
    return number


def _name(row: Mapping[str, Any], columns: FileColumns, column: str, where: str) -> str | None:
    """The cell of a row in a column of names; a problem's must not be empty."""
    cell = row.get(columns.names.get(column, ""))
    try:
        if column != "problem":
            return to_group_name(cell)
        convert: CellConverter = columns.converters.get("problem", to_name)
        return str(convert("" if cell is None else cell))
    except ValueError as error:
        raise InputError(f"{where}: {column}: {error}") from None


READER = CountsReader()
