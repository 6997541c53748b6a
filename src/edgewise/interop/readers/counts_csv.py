"""Totals as CSV: a header with problem_id, n and c, and if known level, set and cluster; a row a problem."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgewise.core.errors import InputError
from edgewise.interop.ingest import values
from edgewise.interop.ingest.imported import Decoding, Imported
from edgewise.interop.ingest.lines import lines
from edgewise.interop.ingest.values import INTEGER, shown
from edgewise.interop.readers.jsonl import NAMES
from edgewise.outcomes.counts import Counts

_COLUMNS = {name: NAMES[name] for name in ("problem", "level", "set", "cluster")} | {"n": ("n",), "c": ("c",)}


def recognised(header: str) -> bool:
    """Whether this is the first line of such a file."""
    try:
        names = [name.strip() for name in next(csv.reader([header], strict=True), [])]
    except csv.Error:
        return False
    return {"n", "c"} <= set(names) and any(name in names for name in NAMES["problem"])


def read_counts(path: Path) -> Imported:
    """The counts of one file, sorted by problem id; InputError names the line that is at fault."""
    rows = _cells(path)
    _, header = next(rows)
    here = {column: header.index(name) for column, names in _COLUMNS.items() for name in names[::-1] if name in header}
    table: dict[str, list[str]] = {column: [] for column in here}
    seen: dict[tuple[str, str], int] = {}
    for number, cells in rows:
        place = f"{path}: line {number}"
        if len(cells) != len(header):
            raise InputError(f"{place}: {len(cells)} cells; the header has {len(header)}")
        for column, position in here.items():
            table[column].append(_cell(column, cells[position], place))
        n, c = int(table["n"][-1]), int(table["c"][-1])
        if c > n or not n:
            raise InputError(f"{place}: c: {c} correct of n = {n} samples; n is at least 1 and c at most n")
        key = (table["set"][-1] if "set" in table else "", table["problem"][-1])
        if seen.setdefault(key, number) != number:
            raise InputError(f"{place}: problem_id: {shown(key[1])} was on line {seen[key]}; a problem is one row")
    if not seen:
        raise InputError(f"{path}: no row; a row is one problem")
    counts = _counts(path, table)
    return Imported(None, "counts CSV", (path,), None, counts, {}, (), Decoding((), (), (), ()), (), None, ())


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, text in lines(path):
        try:
            yield number, [cell.strip() for cell in next(csv.reader([text], strict=True))]
        except csv.Error as error:
            raise InputError(f"{path}: line {number}: not CSV ({error}); a row is one line") from None


def _cell(column: str, cell: str, place: str) -> str:
    """A cell as it stands, checked."""
    try:
        if column in ("n", "c") and not (INTEGER.fullmatch(cell) and int(cell) >= 0):
            raise ValueError(f"{shown(cell)}; use a whole number of at least 0")
        return values.name(cell) or ""
    except ValueError as error:
        raise InputError(f"{place}: {column}: {error}") from None


def _counts(path: Path, table: dict[str, list[str]]) -> Counts:
    ids, cluster = table["problem"], table.get("cluster")
    if len(set(table.get("set", ()))) > 1:
        ids = [f"{name}/{one}" for name, one in zip(table["set"], ids, strict=True)]
        if cluster is not None:
            cluster = [f"{name}/{one}" for name, one in zip(table["set"], cluster, strict=True)]
        if len(set(ids)) < len(ids):
            raise InputError(f"{path}: set: two problems have one name set/problem_id; rename a set")
    order = sorted(range(len(ids)), key=ids.__getitem__)
    level = np.array(table.get("level", ["0"] * len(ids)), dtype=np.str_)[order]
    counts = Counts.of(
        n=np.array(table["n"], dtype=np.int64)[order],
        c=np.array(table["c"], dtype=np.int64)[order],
        problem=[ids[place] for place in order],
        level=level.astype(np.int64) if all(map(INTEGER.fullmatch, level.tolist())) else level,
        cluster=None if cluster is None else np.unique(cluster, return_inverse=True)[1][order],
    )
    return counts if "set" not in table else replace(counts, set=np.array(table["set"], dtype=np.str_)[order])
