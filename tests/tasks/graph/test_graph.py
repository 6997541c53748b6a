"""The graph: values, necessary nodes, depth and width, and what makes two questions the same."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import SPLITS
from edgewise.tasks.base import Problem, split_of
from edgewise.tasks.graph.compact import LETTERS
from edgewise.tasks.graph.graph import (
    TOTAL,
    Graph,
    Linear,
    Node,
    Quantity,
    evaluate,
    identity,
    named_identity,
    necessary,
)
from tests.tasks.graph.worlds import GRAPHS

# k = 3, B = 2 * k, z = k + B, d = 4 + (B - k); the question is z.
NODES = (Node((), constant=3), Node((0,), "+", "*", 2), Node((0, 1)), Node((1, 0), "-", "+", 4))
GRAPH = Graph(
    setting="zoo",
    nodes=NODES,
    quantities=(Quantity(0, 0), Quantity(0, 1), Quantity(0, TOTAL), Quantity(1, 0)),
    values=evaluate(NODES, None),
    sink=2,
    unknown=None,
    answer=9,
    steps=(0, 1, 2),
    order=(0, 3, 1),
    letters=("k", "B", "z", ""),
)


@cache
def problems() -> tuple[Problem, ...]:
    return tuple(world.problem(SPLITS[i % 4], 5, i) for world in GRAPHS.values() for i in range(40))


drawn = st.integers(0, 40 * len(GRAPHS) - 1).map(lambda i: problems()[i].gold)
sources = st.integers(0, 2**64).map(random.Random)


def of(graph: Graph) -> int:
    return identity(graph.nodes, graph.sink, graph.unknown, graph.told)


def with_node(graph: Graph, index: int, node: Node) -> Graph:
    nodes = (*graph.nodes[:index], node, *graph.nodes[index + 1 :])
    return replace(graph, nodes=nodes, values=evaluate(nodes, graph.unknown))


def shuffled(graph: Graph, source: random.Random) -> Graph:
    """The same question: nodes in another topological order, sums commuted, distractors added."""
    placed: list[int] = []
    while len(placed) < len(graph.nodes):
        open_ = [i for i, n in enumerate(graph.nodes) if i not in placed and set(n.parents) <= set(placed)]
        placed.append(source.choice(open_))
    number = {old: new for new, old in enumerate(placed)}
    nodes = []
    for old in placed:
        node = graph.nodes[old]
        parents = [number[p] for p in node.parents]
        if node.combine == "+":
            source.shuffle(parents)
        nodes.append(node._replace(parents=tuple(parents)))
    nodes += [Node((source.randrange(len(nodes)),), "+", "+", 5) for _ in range(source.randrange(3))]
    unknown = None if graph.unknown is None else number[graph.unknown]
    extra = [Quantity(99, kind) for kind in range(len(nodes) - len(placed))]
    return replace(
        graph,
        nodes=tuple(nodes),
        quantities=(*[graph.quantities[old] for old in placed], *extra),
        values=evaluate(nodes, unknown),
        sink=number[graph.sink],
        unknown=unknown,
        steps=tuple(sorted(number[i] for i in graph.steps)),
        letters=tuple(source.sample(LETTERS, len(nodes))),
    )


def test_the_documented_graph() -> None:
    assert GRAPH.values == (Linear(0, 3), Linear(0, 6), Linear(0, 9), Linear(0, 7))
    assert (GRAPH.op, GRAPH.depth, GRAPH.width, GRAPH.distractors) == (5, 3, 1, 1)
    assert (GRAPH.query, GRAPH.told) == (2, 9)
    assert [node.op for node in NODES] == [1, 2, 2, 3]
    reverse = replace(GRAPH, unknown=0, values=evaluate(NODES, 0), answer=3)
    assert reverse.values == (Linear(1, 0), Linear(2, 0), Linear(3, 0), Linear(1, 4))
    assert (reverse.query, reverse.told, reverse.number(3)) == (0, 9, 7)


def test_width_is_that_of_the_widest_rank_and_distractors_do_not_count() -> None:
    nodes = (Node((), constant=1), Node((), constant=2), Node((), constant=3), Node((0, 2)), Node((1,)))
    graph = replace(GRAPH, nodes=nodes, quantities=tuple(Quantity(0, k) for k in range(5)), sink=3, steps=(0, 2, 3))
    assert (graph.depth, graph.width, graph.distractors) == (2, 2, 2)
    assert necessary(nodes, 3) == (0, 2, 3)


@given(drawn)
@settings(deadline=None)
def test_drawn_graphs_know_what_is_necessary_and_what_everything_is_worth(graph: Graph) -> None:
    assert set(graph.steps) == set(necessary(graph.nodes, graph.sink))
    assert list(graph.steps) == sorted(graph.steps), "parents come first"

    @cache
    def number(i: int) -> int:
        parents, combine, operator, constant = graph.nodes[i]
        if not parents:
            return graph.answer if i == graph.unknown else constant
        values = [number(p) for p in parents]
        value = values[0] - sum(values[1:]) if combine == "-" else sum(values)
        return value * constant if operator == "*" else value + (constant if operator else 0)

    assert [graph.number(i) for i in range(len(graph.nodes))] == [number(i) for i in range(len(graph.nodes))]
    assert graph.answer == graph.number(graph.query)


@given(drawn, sources)
@settings(deadline=None, max_examples=150)
def test_identity_ignores_order_commuted_sums_and_distractors(graph: Graph, source: random.Random) -> None:
    other = shuffled(graph, source)
    assert of(other) == of(graph)
    assert of(replace(graph, setting="zoo", order=(), letters=(), quantities=())) == of(graph)
    extra = graph.nodes[: graph.sink + 1]
    assert of(replace(graph, nodes=extra, values=evaluate(extra, graph.unknown))) == of(graph)


@given(drawn, sources)
@settings(deadline=None, max_examples=150)
def test_the_named_identity_ignores_letters_orders_and_distractors(graph: Graph, source: random.Random) -> None:
    assert named_identity(shuffled(graph, source)) == named_identity(graph)


@given(drawn, st.data())
@settings(deadline=None, max_examples=150)
def test_the_named_identity_sees_every_place_kind_and_definition(graph: Graph, data: st.DataObject) -> None:
    i = data.draw(st.sampled_from(graph.steps))
    node, here = graph.nodes[i], graph.quantities[i]
    changed = [replace(graph, setting="farm")]
    for there in (Quantity(here.place + 100, here.kind), Quantity(here.place, here.kind + 100)):
        changed.append(replace(graph, quantities=tuple(there if q == here else q for q in graph.quantities)))
    for k in graph.steps[:i]:
        # Where both are defined alike, they can change places.
        if sorted(node.parents) != sorted(graph.nodes[k].parents) or node[1:] != graph.nodes[k][1:]:
            swap = {here: graph.quantities[k], graph.quantities[k]: here}
            changed.append(replace(graph, quantities=tuple(swap.get(q, q) for q in graph.quantities)))
    assert {of(other) for other in changed} == {of(graph)}
    if node.operator or (not node.parents and i != graph.unknown):
        changed.append(with_node(graph, i, node._replace(constant=node.constant + 1)))
    if node.operator:
        changed.append(with_node(graph, i, node._replace(operator="+" if node.operator == "*" else "*")))
    if len(node.parents) == 2:
        other = "+" if node.combine == "-" else "-"
        changed.append(with_node(graph, i, node._replace(combine=other)))
        changed.append(with_node(graph, i, Node(node.parents[::-1], other, *node[2:])))
    if node.combine == "-":
        changed.append(with_node(graph, i, node._replace(parents=node.parents[::-1])))
    if len(node.parents) > 1:
        changed.append(with_node(graph, i, node._replace(parents=node.parents[1:])))
    assert named_identity(graph) not in map(named_identity, changed)


@given(drawn)
@settings(deadline=None, max_examples=100)
def test_identity_sees_every_constant_operator_and_parent(graph: Graph) -> None:
    for i in graph.steps:
        node = graph.nodes[i]
        if i != graph.unknown and (node.operator or not node.parents):
            assert of(with_node(graph, i, node._replace(constant=node.constant + 1))) != of(graph)
        if node.operator:
            other = "+" if node.operator == "*" else "*"
            assert of(with_node(graph, i, node._replace(operator=other))) != of(graph)
        if len(node.parents) == 2:
            other = "+" if node.combine == "-" else "-"
            assert of(with_node(graph, i, node._replace(combine=other))) != of(graph)
        if len(node.parents) > 1:
            assert of(with_node(graph, i, node._replace(parents=node.parents[1:]))) != of(graph)
    assert identity(graph.nodes, graph.sink, graph.unknown, graph.told + 1) != of(graph) or graph.unknown is None


def hashed(*nodes: Node, unknown: int | None = None) -> int:
    return identity(nodes, len(nodes) - 1, unknown, 12)


def test_identity_tells_a_constant_from_a_leaf_a_copy_from_its_original_and_the_terms_of_a_difference() -> None:
    three, four, five = (Node((), constant=c) for c in (3, 4, 5))
    assert hashed(three, four, five, Node((0, 1, 2))) != hashed(four, five, Node((0, 1), "+", "+", 3))
    assert hashed(three, Node((0,))) != hashed(three)
    assert hashed(three, four, Node((0, 1), "-")) != hashed(three, four, Node((1, 0), "-"))
    assert hashed(three, four, Node((0, 1))) == hashed(four, three, Node((0, 1)))
    assert hashed(three, Node((), constant=45), Node((0, 1))) != hashed(Node((), constant=34), five, Node((0, 1)))
    assert hashed(three, four, Node((0, 1)), unknown=0) != hashed(three, four, Node((0, 1)), unknown=1)
    assert hashed(Node(()), four, Node((0, 1)), unknown=0) == hashed(four, Node(()), Node((1, 0)), unknown=1)
    shared = hashed(three, Node((0,)), Node((0, 1)))
    assert shared == hashed(three, three, Node((1,)), Node((0, 2)))


def test_identity_of_expressions_that_double_with_every_node_takes_no_time() -> None:
    nodes = [Node((), constant=1), Node((), constant=2)]
    for i in range(400):
        nodes.append(Node((i, i + 1)))
    assert hashed(*nodes) != hashed(Node((), constant=3), *nodes[1:])


def test_every_split_has_problems_of_op_2_and_3_even_with_the_constants_of_the_paper() -> None:
    leaves = [Node((), constant=c) for c in (1, 2, 3, 4)]
    assert {split_of(hashed(leaf, Node((0,)))) for leaf in leaves} == set(SPLITS)
    for chain in ((Node((0,)),), (Node((0,)), Node((1,)))):
        told = {split_of(identity((Node(()), *chain), len(chain), 0, x)) for x in (1, 2, 3, 4)}
        assert told == set(SPLITS)
