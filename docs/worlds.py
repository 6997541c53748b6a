"""Write docs/worlds.md: the worlds, and what can be measured of them, beside the reference generator and scorer.

    python docs/worlds.py

takes a few minutes on one core. Rates are read from benchmarks/results/worlds.json (`make bench`).
"""

from __future__ import annotations

import gzip
import json
import random
import re
import statistics
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.tasks import SPLITS, World, world_named
from edgewise.tasks.graph import Graph, GraphArithmetic, english, judge_released
from edgewise.tasks.graph.graph import TOTAL, Node
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.presets import preset_names

PAGE = Path(__file__).with_name("worlds.md")
ROOT = Path(__file__).parents[1]
ROWS = ROOT / "tests" / "tasks" / "graph" / "data" / "reference.jsonl.gz"
RATES = ROOT / "benchmarks" / "results" / "worlds.json"
OPS = (2, 3, 4, 6, 8, 10, 12, 14, 17, 20)
DRAWN = 2_000
DISTINCT = 1_000_000
RENAMINGS = 128
# Share of renamed gold solutions that the released scorer accepts in reverse mode, in percent
# (measured with the released generator and scorer, 47 to 80 problems a level).
PUBLISHED = {2: None, 3: None, 4: 95, 6: 92, 8: 62, 10: 35, 12: 27, 14: 12, 17: 13, 20: 3}

Row = dict[str, Any]


def main() -> None:
    with gzip.open(ROWS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    parts = [HEAD, *examples(), FAULTS, *shapes(rows), *duplicates(), *judges(rows), *rates(), *presets(), TAIL]
    example = (ROOT / "examples" / "my_world.py").read_text(encoding="utf-8").strip()
    PAGE.write_text("\n".join(parts).replace("{example}", example) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Shape:
    """What the table says of one graph; `words` is the length of problem, question and solution in English."""

    quantities: int
    depth: int
    width: int
    words: int
    distractors: int


MEASURES = ("quantities", "depth", "width", "words", "distractors")


def shape(graph: Graph) -> Shape:
    text = f"{english.prompt(graph)} {english.solution(graph)}"
    return Shape(len(graph.steps), graph.depth, graph.width, len(text.split()), graph.distractors)


def examples() -> Iterator[str]:
    """One forward and one reverse problem in the three wordings."""
    for mode in ("forward", "reverse"):
        for wording in ("english", "compact", "paper"):
            world = GraphArithmetic.parse(
                {"min_op": 4, "max_op": 4, "modes": [mode], "settings": ["zoo"], "wording": wording, "max_distractors": 1}
            )
            problem = world.problem("train", 0, 0)
            yield f"*{wording}, {mode}, op 4*\n\n```text\n{problem.prompt}\n\n{world.solution(problem)}\n```\n"


def shapes(rows: Sequence[Row]) -> Iterator[str]:
    """Mean and 10th to 90th percentile of each measure at each op, ours beside the reference's."""
    reference: dict[int, list[Shape]] = {op: [] for op in OPS}
    for row in rows:
        reference[row["op"]].append(shape(read_row(row).graph))
    yield SHAPES.format(drawn=DRAWN, rows=len(rows))
    yield "| op | n, ours / reference | " + " | ".join(f"{name}, ours | reference" for name in MEASURES) + " |"
    yield "|---" * (2 + 2 * len(MEASURES)) + "|"
    for op in OPS:
        world = GraphArithmetic(min_op=op, max_op=op)
        ours = [shape(world.problem("train", 0, index).gold) for index in range(DRAWN)]
        cells = [spread(getattr(s, name) for s in some) for name in MEASURES for some in (ours, reference[op])]
        yield f"| {op} | {len(ours)} / {len(reference[op])} | " + " | ".join(cells) + " |"
    yield ""


def spread(numbers: Iterable[int]) -> str:
    some = sorted(numbers)
    low, high = some[len(some) // 10], some[len(some) * 9 // 10]
    return f"{statistics.mean(some):.1f} ({low}-{high})"


def duplicates() -> Iterator[str]:
    """How many of a million problems are asked in two splits, by a canonical form that shares no code with the id."""
    seen: dict[str, dict[str, set[int]]] = {"id": {}, "expression": {}}
    world = GraphArithmetic(min_op=2, max_op=20, wording="compact")
    for split in SPLITS:
        ids, expressions = set(), set()
        for index in range(DISTINCT // len(SPLITS)):
            problem = world.problem(split, 0, index)
            ids.add(hash(problem.id))
            expressions.add(hash(expression(problem.gold)))
        seen["id"][split], seen["expression"][split] = ids, expressions
    yield DUPLICATES.format(count=DISTINCT)
    yield "| split | problems | different by id | different by expression | also in another split, by id | by expression |"
    yield "|---|---|---|---|---|---|"
    for split in SPLITS:
        shared = {
            name: len(by[split] & set().union(*(by[other] for other in SPLITS if other != split)))
            for name, by in seen.items()
        }
        different = [len(by[split]) for by in seen.values()]
        yield (
            f"| {split} | {DISTINCT // len(SPLITS):,} | {different[0]:,} | {different[1]:,}"
            f" | {shared['id']} | {shared['expression']} |"
        )
    yield ""


def expression(graph: Graph) -> tuple[object, ...]:
    """What is asked, written out down to the constants, the terms of a sum sorted."""
    written: dict[int, tuple[object, ...]] = {}
    for i in sorted(graph.steps):
        node: Node = graph.nodes[i]
        parts = [written[p] for p in node.parents]
        if node.combine == "+":
            parts.sort(key=repr)
        written[i] = ("x",) if i == graph.unknown else (node.constant, node.operator, node.combine, *parts)
    return written[graph.sink] if graph.unknown is None else ("=", graph.told, written[graph.sink])


def judges(rows: Sequence[Row]) -> Iterator[str]:
    """Gold solutions and renamed gold solutions under both judges."""
    lacking = [row for row in rows if read_row(row).lacking]
    accepted = sum(judge_released(row, row["solution"]).process_correct for row in rows)
    yield JUDGES.format(rows=len(rows), accepted=accepted, lacking=len(lacking), renamings=RENAMINGS)
    yield "| op | mode | problems | verified | paper_compat | measured with the released scorer |"
    yield "|---|---|---|---|---|---|"
    source = random.Random(0)
    for mode in ("normalforward", "forwardreverse"):
        for op in OPS:
            some = [row for row in rows if (row["op"], row["mode"]) == (op, mode)]
            renamed_by_row = [[renamed(row["solution"], source) for _ in range(RENAMINGS)] for row in some]
            shares = []
            for judge_mode, times in (("verified", 8), ("paper_compat", RENAMINGS)):
                passed = [
                    statistics.mean(judge_released(row, text, judge_mode).process_correct for text in texts[:times])  # type: ignore[arg-type]
                    for row, texts in zip(some, renamed_by_row, strict=True)
                ]
                error = statistics.stdev(passed) / len(passed) ** 0.5
                shares.append(f"{100 * statistics.mean(passed):.0f}" + (f" ± {200 * error:.0f}" if error else ""))
            published = "100" if mode == "normalforward" else PUBLISHED[op] or ""
            yield f"| {op} | {mode.removeprefix('normal').removeprefix('forwardr').replace('everse', 'reverse')} | {len(some)} | {shares[0]} | {shares[1]} | {published} |"
    yield ""


def renamed(solution: str, source: random.Random) -> str:
    """The solution with every letter but x renamed at random."""
    letters = sorted({found for found in re.findall(r"\b[A-Za-z]\b", solution)} - {"x"})
    pool = [letter for letter in string.ascii_letters if letter not in "xX"]
    new = dict(zip(letters, source.sample(pool, len(letters)), strict=True))
    return re.sub(r"\b[A-Za-z]\b", lambda match: new.get(match[0], match[0]), solution)


def rates() -> Iterator[str]:
    """The table of benchmarks/results/worlds.json."""
    yield ""


def presets() -> Iterator[str]:
    """Names of the paper's mixtures."""
    yield ""
