"""Rows that the reference generator of graph arithmetic wrote: sixty with every op, mode, template and odd case, and
all of the file they were taken from where that file is at hand."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.tasks.graph.graph import Graph, Quantity
from edgewise.tasks.graph.released import read_row

Row = dict[str, Any]

_BESIDE = Path(__file__).parents[4] / "shared" / "data" / "graph_arithmetic_reference.jsonl"


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = _read(Path(__file__).parent / "data" / "released.jsonl")
GRAPHS = [read_row(row).graph for row in ROWS]


def all_rows() -> list[Row]:
    """The whole file, from EDGEWISE_RELEASED_ROWS or beside the repository; skips the test where it is not there."""
    path = Path(os.environ.get("EDGEWISE_RELEASED_ROWS", _BESIDE))
    if not path.exists():
        pytest.skip("the whole reference file is not here; EDGEWISE_RELEASED_ROWS can name it")
    return _read(path)


def gold_steps(row: Row) -> dict[str, str]:
    """Each quantity of the gold solution and its equations, by nothing but the words around them."""
    found = re.findall(r"Define (.*?) as [A-Za-z]; (.*?)\.(?= Define| We know| Answer)", row["solution"])
    return dict(found)


def by_quantity(graph: Graph) -> dict[Quantity, Any]:
    """What a graph says about each quantity, whatever the order of the nodes; the terms of a total in no order."""
    return {
        q: (frozenset(parents) if q.kind == -1 else parents, node.combine, node.operator, node.constant, value)
        for q, node, value in zip(graph.quantities, graph.nodes, graph.values, strict=True)
        for parents in [tuple(graph.quantities[p] for p in node.parents)]
    }
