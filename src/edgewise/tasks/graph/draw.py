"""Draw graphs of graph arithmetic with an exact number of operations.

    shape    how many necessary nodes there are, which depend on which, and which are totals of a place
    numbers  constants and operators for a shape, so that every value lies in 1..largest
    others   distractors, and the place and kind of every node

Only the numbers can fail, if they grow too large or if the unknown cancels out; both are rare. The distributions
follow the reference generator of "On the Interplay of Pre-Training, Mid-Training and RL" (arXiv 2512.07783), which
rejects most of what it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import permutations, product
from typing import NamedTuple, TypeVar

from edgewise.tasks.graph.graph import TOTAL, Node, evaluate

T = TypeVar("T")

SIDE = 5
"""Places in a problem, and kinds in a problem: a group of a setting has as many names."""

MULTIPLIERS = (2, 3, 4)

MAX_DEGREE = 4
"""The largest in-degree of a node, its constant counted."""

UniformSource = Callable[[], float]
"""A source of numbers in [0, 1), such as `random.Random(seed).random`; int(uniform() * n) is one of 0..n-1."""

_NOWHERE = (-1, -1)
_UNKNOWN = Node(())
_ORDERS = tuple(permutations(range(SIDE)))
_CELLS = tuple(product(range(SIDE), range(SIDE)))

# Chosen so that nodes, longest path, leaves and totals at each op are close to the reference's.
_NEXT_NODE = 0.39
_LEAF = 0.4
_CONSTANT = 0.5
_UNUSED = 0.5
_SINK_TOTAL = 0.85
_TOTAL = 0.8
_DISTRACTOR_LEAF = 0.4
_OTHER_TOTAL = 0.3


class Limits(NamedTuple):
    """Leaves and added constants are 1..constants, the unknown is 1..unknowns, every value 1..largest."""

    constants: int
    unknowns: int
    largest: int


class GraphShape(NamedTuple):
    """The necessary nodes without their numbers, in topological order; the last is the sink.

    `parents[i]` are earlier nodes, none for a leaf; `constants[i]` says whether a constant joins them; `totals`
    are the nodes that are the total of a place; their parents, and nothing else, stand in that place.
    """

    parents: list[tuple[int, ...]]
    constants: list[bool]
    totals: list[int]


class Numbers(NamedTuple):
    """A shape's nodes with their numbers; `values` are those at the true value of the unknown."""

    nodes: list[Node]
    values: list[int]
    unknown: int | None


def most_op(distractors: int) -> int:
    """The largest op that there are nodes enough for beside so many distractors, with two operations a node."""
    return 2 * (_room(distractors) - 1)


def draw_shape(uniform: UniformSource, op: int, *, reverse: bool, distractors: int) -> GraphShape:
    """A shape of exactly `op` operations; in reverse mode its sink is a total."""
    degrees = _draw_degrees(uniform, op, _room(distractors), reverse)
    sink_is_total = reverse or uniform() < _SINK_TOTAL
    parents, constants = _draw_edges(uniform, degrees, sink_is_total)
    return GraphShape(parents, constants, _draw_totals(uniform, parents, constants, sink_is_total, distractors))


def draw_numbers(uniform: UniformSource, shape: GraphShape, limits: Limits, *, reverse: bool) -> Numbers | None:
    """Numbers for a shape, and in reverse mode a leaf that is unknown.

    None if a value is over the largest, or if the sink does not depend on the unknown.
    """
    unknown = None
    if reverse:
        leaves = [i for i, parents in enumerate(shape.parents) if not parents]
        unknown = leaves[int(uniform() * len(leaves))]
    nodes: list[Node] = []
    values: list[int] = []
    for i, parents in enumerate(shape.parents):
        if i == unknown:
            node, value = _UNKNOWN, 1 + int(uniform() * limits.unknowns)
        elif not parents:
            node, value = _draw_leaf(uniform, limits)
        else:
            node, value = _draw_node(uniform, parents, shape.constants[i], i in shape.totals, values, limits)
        if value > limits.largest:
            return None
        nodes.append(node)
        values.append(value)
    if reverse and evaluate(nodes, unknown)[-1].a == 0:
        return None
    return Numbers(nodes, values, unknown)


def draw_others(
    uniform: UniformSource, shape: GraphShape, numbers: Numbers, distractors: int, limits: Limits
) -> tuple[list[Node], list[tuple[int, int]]]:
    """All nodes, the necessary ones first, and where they stand: place and kind, both 0..4, a total's kind TOTAL.

    A distractor is a leaf or an expression of any earlier nodes. These may include the total of a place that is
    complete by then; such a total is one more node if the question does not need it.
    """
    nodes, values = list(numbers.nodes), list(numbers.values)
    standing = [_NOWHERE] * len(nodes)
    for place, total in enumerate(shape.totals):
        standing[total] = place, TOTAL
        for parent, kind in zip(shape.parents[total], draw_order(uniform), strict=False):
            standing[parent] = place, kind
    rest = [i for i, cell in enumerate(standing) if cell is _NOWHERE]
    cells = draw_some(uniform, _CELLS[len(shape.totals) * SIDE :], len(rest) + distractors)
    within: list[list[int]] = [[] for _ in range(SIDE)]
    for i, cell in zip(rest, cells, strict=False):
        standing[i] = cell
        within[cell[0]].append(i)
    totalled: set[int] = set()
    # Place after place, so that a place is complete when the next one is filled.
    for cell in sorted(cells[len(rest) :]):
        place, _ = cell
        node, value = _draw_leaf(uniform, limits)
        if uniform() >= _DISTRACTOR_LEAF:
            if uniform() < _OTHER_TOTAL and (complete := [p for p in range(place) if within[p] and p not in totalled]):
                other = complete[int(uniform() * len(complete))]
                totalled.add(other)
                total = sum([values[i] for i in within[other]])
                if total <= limits.largest:
                    nodes.append(Node(tuple(within[other])))
                    values.append(total)
                    standing.append((other, TOTAL))
            parents = tuple(draw_some(uniform, range(len(nodes)), 1 + int(uniform() * min(MAX_DEGREE - 1, len(nodes)))))
            drawn = _draw_node(uniform, parents, uniform() < _CONSTANT, False, values, limits)
            if drawn[1] <= limits.largest:
                node, value = drawn
        within[place].append(len(nodes))
        nodes.append(node)
        values.append(value)
        standing.append(cell)
    return nodes, standing


def draw_order(uniform: UniformSource) -> tuple[int, ...]:
    """The places, or the kinds, in random order."""
    return _ORDERS[int(uniform() * len(_ORDERS))]


def draw_some(uniform: UniformSource, items: Iterable[T], count: int) -> list[T]:
    """`count` of the items, each once, in random order."""
    left = [*items]
    return [left.pop(int(uniform() * size)) for size in range(len(left), len(left) - count, -1)]


def _room(distractors: int) -> int:
    """The largest number of necessary nodes with so many distractors: if the sink is the total of one kind, all others
    stand in the four other places."""
    return SIDE * (SIDE - 1) + 2 - distractors


def _draw_degrees(uniform: UniformSource, op: int, room: int, reverse: bool) -> list[int]:
    """At most `room` in-degrees that sum to `op`.

    Each operation widens the latest node, or begins the next one if that node is full or by chance. A node is full
    with a constant and all earlier nodes, or at `MAX_DEGREE`.
    """
    while True:
        degrees: list[int] = []
        degree = 1
        for left in range(op - 1, 0, -1):
            # Where room is short, further nodes are only as likely as it can hold.
            earlier, free = len(degrees), room - len(degrees) - 1
            chance = _NEXT_NODE if left * _NEXT_NODE < free else free / left
            if degree > earlier or degree == MAX_DEGREE or uniform() < chance:
                degrees.append(degree)
                degree = 1
            else:
                degree += 1
        if reverse and degree > len(degrees):
            # A total has no constant, so it cannot be as full as that.
            degrees.append(degree - 1)
            degree = 1
        degrees.append(degree)
        if len(degrees) <= room:
            return degrees


def _draw_edges(
    uniform: UniformSource, degrees: Sequence[int], plain_sink: bool
) -> tuple[list[tuple[int, ...]], list[bool]]:
    """Parents for these in-degrees, so that a later node uses every node but the last.

    The nodes that are unused so far must never be more than the later nodes can take: a node of in-degree d
    takes d of them at most and is then unused itself.
    """
    parents: list[tuple[int, ...]] = []
    constants: list[bool] = []
    unused: list[int] = []
    can_wait = sum(degrees) - len(degrees)
    for i, degree in enumerate(degrees):
        can_wait -= degree - 1
        must = len(unused) - can_wait
        chosen: list[int] = []
        leaf = i == 0 or (degree == 1 and must <= 0 and uniform() < _LEAF)
        constant = not leaf and (
            degree > i or (1 < degree > must and uniform() < _CONSTANT and not (plain_sink and i == len(degrees) - 1))
        )
        for left in range(0 if leaf else degree - constant, 0, -1):
            if unused and (must >= left or uniform() < _UNUSED):
                parent = unused.pop(int(uniform() * len(unused)))
                must -= 1
            else:
                parent = int(uniform() * i)
                while parent in chosen:
                    parent = int(uniform() * i)
                if parent in unused:
                    unused.remove(parent)
                    must -= 1
            chosen.append(parent)
        parents.append(tuple(chosen))
        constants.append(constant)
        unused.append(i)
    return parents, constants


def _draw_totals(
    uniform: UniformSource,
    parents: Sequence[tuple[int, ...]],
    constants: Sequence[bool],
    sink_is_total: bool,
    distractors: int,
) -> list[int]:
    """Which plain sums are totals. The parents of a total are no totals and stand in no other total's place,
    and all that remains has room in the places that have no total."""
    totals: list[int] = []
    taken: set[int] = set()
    sink = len(parents) - 1
    remaining = len(parents) + distractors
    for i in range(sink, 0, -1):
        if constants[i] or i in taken or not parents[i] or not taken.isdisjoint(parents[i]):
            continue
        if uniform() < _TOTAL if i < sink else sink_is_total:
            without = remaining - len(parents[i]) - 1
            if without <= SIDE * (SIDE - 1 - len(totals)):
                totals.append(i)
                taken.update(parents[i])
                remaining = without
    return totals


def _draw_leaf(uniform: UniformSource, limits: Limits) -> tuple[Node, int]:
    value = 1 + int(uniform() * limits.constants)
    return _leaf(value), value


def _draw_node(
    uniform: UniformSource, parents: tuple[int, ...], constant: bool, total: bool, values: Sequence[int], limits: Limits
) -> tuple[Node, int]:
    """An expression of `parents` and its value, which is at least 1 and can be over the largest.

    A difference (of two different values, the smaller from the larger) and a multiplier (that keeps within the
    largest) are as likely as a sum.
    """
    value = sum([values[p] for p in parents])
    combine = "+"
    if len(parents) == 2 and not total and uniform() < 0.5:
        first, second = parents
        difference = values[first] - values[second]
        if difference:
            combine = "-"
            parents = (first, second) if difference > 0 else (second, first)
            value = abs(difference)
    if not constant:
        return Node(parents, combine), value
    multiplier = MULTIPLIERS[int(uniform() * len(MULTIPLIERS))]
    if uniform() < 0.5 and value * multiplier <= limits.largest:
        return Node(parents, combine, "*", multiplier), value * multiplier
    added = 1 + int(uniform() * limits.constants)
    return Node(parents, combine, "+", added), value + added


@cache
def _leaf(value: int) -> Node:
    return Node((), constant=value)
