"""Counts as CSV: a header with problem_id, n (samples) and c (correct ones), one row a problem.

The columns level, set and cluster may stand beside them, and have the names of `edgewise.interop.readers.jsonl`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import INTEGER, quote, to_name
from edgewise.interop.ingest.lines import text_lines
from edgewise.interop.ingest.schema import ALIASES
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.outcomes.counts import Counts

_COLUMNS = {name: ALIASES[name] for name in ("problem", "level", "set", "cluster")} | {"n": ("n",), "c": ("c",)}


class CountsReader(Reader):
    """Reads counts, sorted by problem id; an error names the line."""

    name = "counts CSV"
    listed_as = "counts CSV (problem_id, n, c)"
    is_totals = True

    def recognises(self, head: FileHead) -> bool:
        """A first line that is a CSV header with n, c and a name of the problem."""
        return (
            head.kind == "records"
            and {"n", "c"} <= set(head.columns)
            and any(name in head.columns for name in ALIASES["problem"])
        )

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Set the table's totals to the counts of one file."""
        table.begin(path, self.name)
        rows = _cells(path)
        _, header = next(rows)
        places = {
            column: header.index(name) for column, names in _COLUMNS.items() for name in names[::-1] if name in header
        }
        columns: dict[str, list[str]] = {column: [] for column in places}
        line_of: dict[tuple[str, str], int] = {}
        for number, cells in rows:
            where = f"{path}: line {number}"
            if len(cells) != len(header):
                raise InputError(f"{where}: {len(cells)} cells; the header has {len(header)}")
            for column, place in places.items():
                columns[column].append(_checked(column, cells[place], where))
            n, c = int(columns["n"][-1]), int(columns["c"][-1])
            if c > n or not n:
                raise InputError(f"{where}: c: {c} correct of n = {n} samples; n is at least 1 and c at most n")
            key = (columns["set"][-1] if "set" in columns else "", columns["problem"][-1])
            if line_of.setdefault(key, number) != number:
                what = f"{quote(key[1])} was on line {line_of[key]}; a problem is one row"
                raise InputError(f"{where}: problem_id: {what}")
        if not line_of:
            raise InputError(f"{path}: no row; a row is one problem")
        table.totals = _counts(path, columns)


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, text in text_lines(path):
        try:
            yield number, [cell.strip() for cell in next(csv.reader([text], strict=True))]
        except csv.Error as error:
            raise InputError(f"{path}: line {number}: not CSV ({error}); a row is one line") from None


def _checked(column: str, cell: str, where: str) -> str:
    """The cell, or InputError where it cannot stand in this column."""
    try:
        if column in ("n", "c") and not (INTEGER.fullmatch(cell) and int(cell) >= 0):
            raise ValueError(f"{quote(cell)}; use a whole number of at least 0")
        return to_name(cell) or ""
    except ValueError as error:
        raise InputError(f"{where}: {column}: {error}") from None


def _counts(path: Path, columns: dict[str, list[str]]) -> Counts:
    ids, cluster = columns["problem"], columns.get("cluster")
    if len(set(columns.get("set", ()))) > 1:
        ids = [f"{name}/{label}" for name, label in zip(columns["set"], ids, strict=True)]
        if cluster is not None:
            cluster = [f"{name}/{label}" for name, label in zip(columns["set"], cluster, strict=True)]
        if len(set(ids)) < len(ids):
            raise InputError(f"{path}: set: two problems have one name set/problem_id; rename a set")
    order = sorted(range(len(ids)), key=ids.__getitem__)
    level = np.array(columns.get("level", ["0"] * len(ids)), dtype=np.str_)[order]
    counts = Counts.of(
        n=np.array(columns["n"], dtype=np.int64)[order],
        c=np.array(columns["c"], dtype=np.int64)[order],
        problem=[ids[place] for place in order],
        level=level.astype(np.int64) if all(map(INTEGER.fullmatch, level.tolist())) else level,
        cluster=None if cluster is None else np.unique(cluster, return_inverse=True)[1][order],
    )
    return counts if "set" not in columns else replace(counts, set=np.array(columns["set"], dtype=np.str_)[order])


READER = CountsReader()
