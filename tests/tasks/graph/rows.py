"""Three hundred rows that the reference generator of graph arithmetic wrote, and sixty of them that hold every case."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from edgewise.tasks.graph.graph import Graph, Quantity
from edgewise.tasks.graph.released import read_row

Row = dict[str, Any]

_FILE = Path(__file__).parent / "data" / "reference.jsonl.gz"

# Every op, mode and template together, and every odd case.
_CHOSEN = (
    0,
    16,
    17,
    32,
    39,
    43,
    47,
    68,
    75,
    80,
    90,
    101,
    107,
    110,
    120,
    121,
    130,
    131,
    139,
    151,
    155,
    161,
    171,
    193,
    194,
    196,
    197,
    199,
    205,
    211,
    212,
    218,
    220,
    222,
    224,
    226,
    230,
    234,
    239,
    240,
    243,
    248,
    249,
    253,
    255,
    259,
    262,
    266,
    267,
    269,
    274,
    275,
    278,
    283,
    285,
    286,
    287,
    289,
    293,
    296,
)


@cache
def all_rows() -> list[Row]:
    """The three hundred."""
    with gzip.open(_FILE, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


ROWS = [all_rows()[i] for i in _CHOSEN]
GRAPHS = [read_row(row).graph for row in ROWS]


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
