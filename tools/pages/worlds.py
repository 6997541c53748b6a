"""Write docs/worlds.md: the worlds, their measured properties, and the same of the reference generator and scorer.

    python -m tools.pages.worlds

takes a few minutes on one core. Rates are read from benchmarks/results/worlds.json (`make bench`).
"""

from __future__ import annotations

import gzip
import inspect
import json
import random
import re
import statistics
import string
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from edgewise.tasks import SPLITS, Split, worlds
from edgewise.tasks.graph import GraphArithmetic, english
from edgewise.tasks.graph.graph import Graph, Node
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.graph.released_verifier import verify_released
from tools.pages import DOCS, ROOT

PAGE = DOCS / "worlds.md"
ROWS = ROOT / "tests" / "tasks" / "graph" / "data" / "reference.jsonl.gz"
RATES = ROOT / "benchmarks" / "results" / "worlds.json"
OPS = (2, 3, 4, 6, 8, 10, 12, 14, 17, 20)
DRAWN = 2_000
DISTINCT = 1_000_000
RENAMINGS = 128
# Percent of renamed gold solutions of reverse problems that the released scorer accepts: measured with the released
# generator and scorer, 47 to 80 problems an op and 128 renamings each.
RELEASED_SCORER = {4: 95, 6: 92, 8: 62, 10: 35, 12: 27, 14: 12, 17: 13, 20: 3}

HEAD = """# The worlds

A world is a family of problems with knobs, a wording and a verifier. A problem is a function of its address (world,
split, seed, index). Nothing is stored, any process can draw any problem, and two machines draw the same one. A verdict
is correct, wrong or unscorable, with a reason. A completion that was cut off, is too long or cannot be read is
unscorable; it never silently counts as wrong.

```sh
edgewise tasks                        # all worlds with their knobs, and the paper's mixtures
edgewise tasks graph                  # one world: what its knobs mean, and a problem
edgewise tasks check strings          # that a world, such as my_world.py:Mine, does what training and audits need
edgewise problems graph min_op=11 max_op=14 wording=compact --count 5
edgewise problems strings max_calls=4 --split test --json > asked.jsonl
edgewise verify strings done.jsonl max_calls=4 --out verdicts.jsonl   # done: asked with a `completion` in each row
edgewise audit base.jsonl verdicts.jsonl
```

A canonical hash of what a problem asks decides its split: 10/16 train, 1/16 validation, 2/16 test, 3/16 held out. The
held-out split is for problems that neither training nor testing may use, such as those of RL only. This page is
written by `make pages PAGES=worlds`.
"""

GRAPH = """## Graph arithmetic

How many of a kind there are in a place, worked out from other such numbers. These are the problems of GSM-Infinite
(arXiv 2502.05252) as used by "On the Interplay of Pre-Training, Mid-Training and RL" (arXiv 2512.07783). The level is
its `op`: the sum of in-degrees of all necessary quantities, a constant counting as one more edge. Places and kinds are
word files (`tasks/graph/settings`): a new setting is a new file. In forward mode the last quantity is asked for;
in reverse mode one leaf is unknown, the last quantity is told, and the unknown follows from a linear equation.

A graph has three wordings. `english` is the paper's text with spaces between all words, digits and marks, so that a
word is a token. `compact` has a letter for each quantity. `paper` is the released format byte for byte, for the
released data and checkpoints: the tests read all 300 rows of the reference generator to a graph and write them again
without a difference.
"""

FAULTS = (
    (
        "In 12 to 46% of the reverse problems of op 10 and more, the text lacks a needed definition.",
        "Every problem is solvable and unambiguous: a solver that reads only the text finds exactly the gold"
        " answer (a property test over all knobs).",
    ),
    (
        "Reverse answers are 1 to 4: every fourth guess is right, and pass@128 of answers says nothing.",
        "The unknown is 1 to `unknowns` (20), each equally often.",
    ),
    (
        "Distractors come with the op: four to six on average at op 2-6, one or two at op 10-20.",
        "`min_distractors` to `max_distractors`, each equally often, at every op.",
    ),
    (
        "The op is reached by rejection: 1 to 24% of the proposals are kept.",
        "The op is exact by construction; only numbers are drawn again, if they are too large or give another split.",
    ),
    ("The mode of a run depends on its batch size.", "Mode and setting are drawn for each problem."),
    (
        "Duplicates are searched among texts, but random letters and order make every text new.",
        "The graph decides the split.",
    ),
    (
        "The 52 letters run out near op 40, where 6 of 2,323 proposals are kept.",
        "The limit is 25 quantities and their totals: op 42 without distractors, 34 with up to 4 of them.",
    ),
)

SHAPES = """### Shape, ours beside the reference's

Mean (10th to 90th percentile) at each op, forward and reverse together. *Quantities* are the necessary ones with
a name, *depth* is their number on the longest path, *width* the largest number of them at one distance from the leaves,
*words* the length of problem and solution in English, and *distractors* the quantities that are not needed. Ours are
{drawn:,} problems of seed 0 for each op with default knobs; the reference's are {rows} rows of its generator.
"""

DUPLICATES = """### Duplicates across splits

{count:,} problems of op 2-20 (compact, seed 0), a quarter from each split. *By id* compares the canonical hash that
decides the split. *By expression* compares the question written out down to its constants; this shares no code with
the hash.
"""

VERIFIERS = """### Verifiers

`verified` checks every step against the graph: each necessary quantity is worked out once, after its parents; each
expression, with intermediate letters replaced, is the same linear combination of other quantities as in the problem;
everything after an equals sign has the right value as a linear form a*x + b; in reverse mode the answer is the only
solution of every equation at the end; the answer stands once, at the end. A letter means what the text last assigned
to it, so other names make no difference. `paper_compat` decides as the released scorer does: in the last step of a
reverse problem it reads letters of ordinary words as variables. So a perfect model that chooses its letters at random
fails most deep reverse problems. Several plateaus in the paper come from this ceiling.

```python
from edgewise.tasks.graph import verify_released

verdict = verify_released(row, completion, mode="verified")  # or "paper_compat"
verdict.answer_correct, verdict.process_correct, verdict.reason
```

`verified` accepts {accepted} of the {rows} gold solutions of the reference rows. In {lacking} of them (all reverse)
the problem lacks a definition: these are verified with the definition of their own gold solution, and the reason says
so. Percent accepted if the letters of gold solutions are renamed at random, {renamings} times each, ± two standard
errors over problems:
"""

STRINGS = """## String functions

Chains f(g(h(x))) of 24 functions on lowercase strings under meaningless names, 12 for training and 12 held out. The
level is the exact number of calls and every call is on the path from x to the result. All functions keep the length,
so outputs are bounded by construction. No two functions, and no function and the identity, agree on more than 4.5%
of random strings (2,000 at each of 8 lengths); in the released generator of arXiv 2509.25123 three pairs across the
split are equal. Two or three neighbouring calls that are together one function or none are never drawn. The null
model a ** level takes a from `StringFunctions(min_calls=1, max_calls=1)`.

## Countdown, colouring, paths

{countdown}

## Mixtures

A mixture is a world made of worlds: `Mixture(parts=(MixturePart(share=.2, world=...), ...))`. Shares are of tokens,
which is what next-token training sees; `of="problems"` makes them shares of prompts, as RL counts. Problem i of a
mixture is problem i of one of its parts, with the same id. The mixtures of arXiv 2512.07783 are presets:
`preset_mixture("interplay/id2-10_0.2easy_0.3medium_0.5hard")`, with `wording="paper"` for the released checkpoints;
`edgewise tasks` lists all of them, and the table in `edgewise.tasks.presets` says what was corrected.

## Reasoning Gym

{gym}

## Yours

{yours}
"""

COUNTDOWN = """Countdown: reach a target with given numbers, each used exactly once, by operations that each give a
positive whole number. The level is how many numbers. With the default knobs a problem of 2, 3, 4, 5 numbers has 1.1,
1.5, 3.9, 18.5 right answers on average, up to order and brackets (300, 300, 200, 12 test problems); `solutions`
lists them.

Colouring: colour a connected graph so that neighbours differ. The level is the number of vertices. Every problem has
20 to 100 right answers of equal length (44 on average), and `answers` lists them all. So the probability of each is
exact by teacher forcing, as a study of rollout width needs it (BroRL, arXiv 2510.01180). The gold answer is drawn
uniformly. Isomorphic graphs are in one split, so there are few at 6 vertices: 26, 2, 8 and 11 in the four splits.

Paths: find a shortest path between two nodes of a graph. The level is its number of edges; each step must be an edge.
`graph=star` has the graphs of "The pitfalls of next-token prediction" (arXiv 2403.06963), in which only the first step
is a choice: with 3 arms a guess is right 1 time in 3. In random graphs with the default knobs a walk of the right
length that visits no node twice is right in 15, 13 and 12% of cases at lengths 2, 3 and 4. There is one right answer,
or with `max_answers=6 edges=16` 1 to 6 of them, each number equally often, of equal length, all listed by `answers`.
So it is exact which right answers a model keeps and which it loses. Random graphs that differ in their names alone are
in one split; stars of one shape do not differ in anything else, so there the names decide."""

GYM = """`edgewise problems gym task=jugs` (after `pip install edgewise[gym]`): any task of reasoning-gym 0.1.25 by
name, with its own settings in `config`. Its code makes and scores problems in a process that is killed if it hangs; a
scorer that dies, hangs or raises makes a completion unscorable, never wrong. A strict rule is applied before its
score: one answer, in `<answer>` tags, after `Answer:` or as the only line; partial marks are wrong (the library pays
0.333 for 979 if 7 is right); and full marks count for the answer itself only, because some scorers give them to others
(any text in `game_of_life_halting`, any four numbers that make 24 in `puzzle24`, another sign in `gsm_symbolic`). Six
of its 105 tasks draw other problems in another process with the same seed; here the child process fixes what they
depend on."""

YOURS = """A JSONL file of prompts and answers is a world, and so is a class of a few methods:
[Write a world](write_a_world.md)."""

RATE_HEAD = """## Rates

On one core, the median of five runs of `make bench`. The reference is its generator and the parser of its scorer,
measured on one core (its problems at each op by rejection, forward and reverse mixed).
"""
RATE_TAIL = """Worker processes make problems while the model trains; any number of workers makes the same ones. Until
they have started, the process that trains makes its own. The provenance of each stage records `data_seconds`, the time
spent waiting for rows. A GPU takes what four processes prepare: one of them prepares more than three times what a
quarter of an H100 takes that trains 100M parameters at half its peak, of compact problems too. So 20,000 of them a
second would change nothing; the last row is what counts.
"""
RATE_COLUMNS = ("value", "target", "reference")

LETTER = re.compile(r"(?<![\w'])[A-Za-z](?!\w)")

Row = dict[str, Any]


class Shape(NamedTuple):
    """The measures of one graph that the table shows."""

    quantities: int
    depth: int
    width: int
    words: int
    distractors: int


def main() -> None:
    with gzip.open(ROWS, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    others = STRINGS.format(countdown=COUNTDOWN, gym=GYM, yours=YOURS)
    parts = [
        HEAD,
        *table(),
        GRAPH,
        *examples(),
        *faults(),
        *shapes(rows),
        *duplicates(),
        *verifiers(rows),
        others,
        *rates(),
    ]
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")


def table() -> Iterator[str]:
    """What each world is, from the first paragraph of its docstring."""
    yield "| world | what a problem and a level are |\n|---|---|"
    for name, kind in worlds().items():
        about = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].replace("|", "\\|").split())
        yield f"| `{name}` | {about} |"
    yield ""


def examples() -> Iterator[str]:
    """A forward and a reverse problem in each wording."""
    for wording in ("english", "compact", "paper"):
        for mode in ("forward", "reverse"):
            knobs = {"min_op": 4, "max_op": 4, "modes": [mode], "settings": ["zoo"], "max_distractors": 0}
            world = GraphArithmetic.parse({**knobs, "wording": wording})
            problem = world.problem("train", 0, 2)
            yield f"{wording}, {mode}, op 4:\n\n```text\n{problem.prompt}\n\n{world.solution(problem).strip()}\n```\n"


def faults() -> Iterator[str]:
    """What differs from the reference generator."""
    yield "### Differences from the reference generator\n\n| there | here |\n|---|---|"
    yield from (f"| {theirs} | {ours} |" for theirs, ours in FAULTS)
    yield ""


def shape(graph: Graph) -> Shape:
    text = f"{english.WORDING.prompt(graph)} {english.WORDING.solution(graph)}"
    return Shape(len(graph.steps), graph.depth, graph.width, len(text.split()), graph.distractors)


def shapes(rows: Sequence[Row]) -> Iterator[str]:
    """Mean and spread of each measure at each op, ours beside the reference's."""
    reference: dict[int, list[Shape]] = {op: [] for op in OPS}
    for row in rows:
        reference[row["op"]].append(shape(read_row(row).graph))
    yield SHAPES.format(drawn=DRAWN, rows=len(rows))
    yield "| op | whose | n | " + " | ".join(Shape._fields) + " |\n" + "|---" * (3 + len(Shape._fields)) + "|"
    for op in OPS:
        world = GraphArithmetic(min_op=op, max_op=op)
        ours = [shape(world.problem("train", 0, index).gold) for index in range(DRAWN)]
        for whose, some in (("ours", ours), ("reference", reference[op])):
            yield f"| {op} | {whose} | {len(some):,} | " + " | ".join(map(spread, zip(*some, strict=True))) + " |"
    yield ""


def spread(numbers: Iterable[int]) -> str:
    some = sorted(numbers)
    low, high = some[len(some) // 10], some[len(some) * 9 // 10]
    return f"{statistics.mean(some):.1f} ({low}-{high})"


def duplicates() -> Iterator[str]:
    """How many of a million problems are in two splits."""
    world = GraphArithmetic(min_op=2, max_op=20, wording="compact")
    count = DISTINCT // len(SPLITS)
    asked: dict[Split, tuple[set[str], set[int]]] = {}
    for split in SPLITS:
        problems = (world.problem(split, 0, index) for index in range(count))
        pairs = {(problem.id, hash(expression(problem.gold))) for problem in problems}
        asked[split] = {identity for identity, _ in pairs}, {written for _, written in pairs}
    yield DUPLICATES.format(count=DISTINCT)
    yield "| split | problems | different by id | by expression | also in another split, by id | by expression |"
    yield "|---|---|---|---|---|---|"
    for split, (ids, expressions) in asked.items():
        others = [asked[name] for name in SPLITS if name != split]
        shared_ids = ids & set().union(*(other_ids for other_ids, _ in others))
        shared_expressions = expressions & set().union(*(other_expressions for _, other_expressions in others))
        yield (
            f"| {split} | {count:,} | {len(ids):,} | {len(expressions):,} |"
            f" {len(shared_ids)} | {len(shared_expressions)} |"
        )
    yield ""


def expression(graph: Graph) -> str:
    """The question written out down to its constants, with the terms of a sum sorted."""
    written: dict[int, str] = {}
    for i in sorted(graph.steps):
        node: Node = graph.nodes[i]
        terms = [written[p] for p in node.parents]
        if node.combine == "+":
            terms.sort()
        inner = f"{node.constant}{node.operator}({node.combine.join(terms)})"
        written[i] = "x" if i == graph.unknown else inner
    result = "" if graph.unknown is None else f"={graph.told}"
    return written[graph.sink] + result


def verifiers(rows: Sequence[Row]) -> Iterator[str]:
    """Gold solutions and renamed gold solutions under both verifiers."""
    accepted = sum(verify_released(row, row["solution"]).process_correct for row in rows)
    lacking = sum(bool(read_row(row).lacking) for row in rows)
    yield VERIFIERS.format(rows=len(rows), accepted=accepted, lacking=lacking, renamings=RENAMINGS)
    yield "| mode | op | problems | verified | paper_compat | the released scorer |\n|---|---|---|---|---|---|"
    source = random.Random(0)
    for mode, name in (("normalforward", "forward"), ("forwardreverse", "reverse")):
        for op in OPS:
            some = [row for row in rows if (row["op"], row["mode"]) == (op, mode)]
            texts = [[renamed(row["solution"], source) for _ in range(RENAMINGS)] for row in some]
            passed = []
            for verify in ("verified", "paper_compat"):
                means = [
                    statistics.mean(verify_released(row, text, mode=verify).process_correct for text in renamings)
                    for row, renamings in zip(some, texts, strict=True)
                ]
                error = 2 * statistics.stdev(means) / len(means) ** 0.5
                passed.append(f"{100 * statistics.mean(means):.0f}" + (f" ± {100 * error:.0f}" if error else ""))
            released = 100 if name == "forward" else RELEASED_SCORER.get(op, "")
            yield f"| {name} | {op} | {len(some)} | {passed[0]} | {passed[1]} | {released} |"
    yield ""


def renamed(solution: str, source: random.Random) -> str:
    """The solution with every letter but x renamed at random."""
    letters = sorted(set(LETTER.findall(solution)) - {"x"})
    free = [letter for letter in string.ascii_letters if letter not in "xX"]
    new = dict(zip(letters, source.sample(free, len(letters)), strict=True))
    return LETTER.sub(lambda match: new.get(match[0], match[0]), solution)


def rates() -> Iterator[str]:
    """The table of benchmarks/results/worlds.json."""
    yield RATE_HEAD
    yield "| what | ours | target | reference |\n|---|---|---|---|"
    for measurement in json.loads(RATES.read_text(encoding="utf-8"))["measurements"]:
        cells = [_rate(measurement[name]) for name in RATE_COLUMNS]
        yield f"| {measurement['what']}, {measurement['unit']} | {' | '.join(cells)} |"
    yield f"\n{RATE_TAIL.strip()}"


def _rate(value: float | None) -> str:
    return f"{value:,.{0 if value > 100 else 2}f}" if value else ""


if __name__ == "__main__":
    main()
