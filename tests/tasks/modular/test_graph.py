"""The graphs behind graph arithmetic: exact op, gold answers, canonical identity, knobs."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import SPLITS, ModularArithmetic, Problem, Score
from edgewise.tasks.modular import ModularGraph, ModularNode, Operand, canonical_digest
from edgewise.tasks.modular.graph import LEAF, LETTERS, digits, node_values
from tests.tasks.modular.reading import expression, needed, read, solve, without
from tests.tasks.modular.worlds import MODULAR

NAMES = list(MODULAR)
DOCUMENTED = ModularGraph(
    nodes=(
        ModularNode(LEAF, (Operand(False, 3),)),
        ModularNode("+", (Operand(True, 0), Operand(False, 2))),
        ModularNode("*", (Operand(False, 4), Operand(True, 1))),
    ),
    values=(3, 5, 6),
    query=2,
    names=("a", "b", "c"),
    order=(0, 1, 2),
    modulus=7,
)


@cache
def problems(name: str, count: int = 150) -> tuple[Problem, ...]:
    return tuple(MODULAR[name].problem(SPLITS[i % 3], 5, i) for i in range(count))


def identity(graph: ModularGraph) -> int:
    return canonical_digest(graph.nodes, graph.query)


def shuffled(graph: ModularGraph, source: random.Random) -> ModularGraph:
    """The same question: nodes renumbered in another topological order, renamed, commuted, re-ordered, extended."""
    placed: list[int] = []
    while len(placed) < len(graph.nodes):
        placed.append(
            source.choice(
                [i for i, n in enumerate(graph.nodes) if i not in placed and all(p in placed for p in n.parents)]
            )
        )
    number = {old: new for new, old in enumerate(placed)}
    nodes = []
    for old in placed:
        node = graph.nodes[old]
        operands = tuple(Operand(True, number[o.number]) if o.is_node else o for o in node.operands)
        if node.operator in ("+", "*") and source.random() < 0.5:
            operands = operands[::-1]
        nodes.append(ModularNode(node.operator, operands))
    extra = source.randrange(4)
    for _ in range(extra):
        nodes.append(
            ModularNode("+", (Operand(True, source.randrange(len(nodes))), Operand(False, source.randint(1, 9))))
        )
    return ModularGraph(
        nodes=tuple(nodes),
        values=node_values(nodes, graph.modulus),
        query=number[graph.query],
        names=tuple(source.sample(LETTERS, len(nodes))),
        order=tuple(source.sample(range(len(nodes)), len(nodes))),
        modulus=graph.modulus,
    )


def test_the_documented_wording() -> None:
    assert DOCUMENTED.prompt() == "a = 3 ; b = a + 2 ; c = 4 * b ? c :"
    assert DOCUMENTED.solution() == (
        "a = 3 ; b = a + 2 = 3 + 2 = 5 ; c = 4 * b = 4 * 5 = 6 ; answer 6"
    )  # fmt: skip
    assert node_values(list(DOCUMENTED.nodes), 7) == DOCUMENTED.values
    assert digits(-12) == "- 1 2"


def test_problems_of_version_1_never_move() -> None:
    """A change to how problems are drawn needs a new version: stored results name this one."""
    problem = ModularArithmetic(max_op=4).problem("train", 0, 0)
    assert (problem.id, problem.prompt, problem.answer) == (
        "modular-7-1-d27572c021c86155",
        "i = 6 ; k = i - 5 ? k :",
        "1",
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_solver_that_reads_only_the_prompt_finds_the_gold_answer(name: str) -> None:
    for problem in problems(name):
        assert str(solve(problem.prompt, MODULAR[name].modulus)) == problem.answer, problem.prompt


@pytest.mark.parametrize("name", NAMES)
def test_op_is_the_number_of_operators_that_the_query_needs(name: str) -> None:
    for problem in problems(name):
        names = needed(problem.prompt)
        operators = sum(bool(d.operator) for d in read(problem.prompt)[0] if d.name in names)
        assert operators == problem.level
        written = MODULAR[name].solution(problem)
        assert written.count(";") == len(names), "one step for each needed definition, then the answer"


@pytest.mark.parametrize("name", NAMES)
def test_distractors_are_counted_and_never_needed(name: str) -> None:
    world = MODULAR[name]
    for problem in problems(name):
        definitions, query = read(problem.prompt)
        spare = {d.name for d in definitions} - needed(problem.prompt)
        assert len(spare) == world.distractors
        assert query not in spare
        assert str(solve(without(problem.prompt, spare), world.modulus)) == problem.answer
        for definition in definitions:
            if definition.name not in spare and definition.name != query:
                with pytest.raises((AssertionError, KeyError)):
                    solve(without(problem.prompt, {definition.name}), world.modulus)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_equal_exactly_where_the_expressions_are(name: str) -> None:
    """Against an expression built from the text alone, so that no isomorphic pair is in two splits."""
    drawn = [MODULAR[name].problem(split, 6, i) for split in SPLITS for i in range(250)]
    pairs = {(p.id, expression(p.prompt)) for p in drawn}
    assert len({one for one, _ in pairs}) == len(pairs)
    assert len({other for _, other in pairs}) == len(pairs)
    splits = {split: {expression(p.prompt) for p in drawn if p.split == split} for split in SPLITS}
    assert not splits["train"] & splits["validation"]
    assert not splits["train"] & splits["test"]
    assert not splits["validation"] & splits["test"]


def test_splits_hold_10_1_2_and_3_sixteenths_of_all_graphs() -> None:
    world = ModularArithmetic(min_op=3, max_op=3, leaves=2, modulus=97)
    shares = {"train": range(10), "validation": range(10, 11), "test": range(11, 13), "held_out": range(13, 16)}
    for split, buckets in shares.items():
        ids = {world.problem(split, 0, index).id for index in range(300)}  # type: ignore[arg-type]
        assert {int(one.rpartition("-")[2], 16) % 16 for one in ids} == set(buckets)


@given(st.sampled_from(NAMES), st.integers(0, 149), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_identity_ignores_names_order_commuted_operands_and_distractors(
    name: str, index: int, source: random.Random
) -> None:
    graph = problems(name)[index].gold
    other = shuffled(graph, source)
    assert identity(other) == identity(graph)
    assert solve(other.prompt(), graph.modulus) == graph.values[graph.query]


@given(st.sampled_from(NAMES), st.integers(0, 149))
@settings(deadline=None, max_examples=100)
def test_identity_sees_every_constant_operator_and_operand_and_the_query(name: str, index: int) -> None:
    graph = problems(name)[index].gold
    for i in graph.necessary():
        node = graph.nodes[i]
        for k, operand in enumerate(node.operands):
            if not operand.is_node:
                operands = (*node.operands[:k], Operand(False, operand.number + 1), *node.operands[k + 1 :])
                assert identity(with_node(graph, i, ModularNode(node.operator, operands))) != identity(graph)
        for operator in "+-*" if node.operator else "":
            if operator != node.operator:
                assert identity(with_node(graph, i, ModularNode(operator, node.operands))) != identity(graph)
        if node.operator == "-" and not all(o.is_node for o in node.operands):
            assert identity(with_node(graph, i, ModularNode("-", node.operands[::-1]))) != identity(graph)
        if i != graph.query:
            assert canonical_digest(graph.nodes, i) != identity(graph)


def with_node(graph: ModularGraph, index: int, node: ModularNode) -> ModularGraph:
    return replace(graph, nodes=(*graph.nodes[:index], node, *graph.nodes[index + 1 :]))


def test_identity_tells_a_constant_from_a_leaf_and_joined_digits_apart() -> None:
    def of(*nodes: ModularNode) -> int:
        return canonical_digest(nodes, len(nodes) - 1)

    three, leaf = Operand(False, 3), ModularNode(LEAF, (Operand(False, 3),))
    assert of(leaf, ModularNode("+", (Operand(True, 0), three))) != of(
        leaf, leaf, ModularNode("+", (Operand(True, 0), Operand(True, 1)))
    )
    eleven, twelve = Operand(False, 11), Operand(False, 12)
    assert of(ModularNode("+", (Operand(False, 1), Operand(False, 112)))) != of(ModularNode("+", (eleven, twelve)))


@pytest.mark.parametrize("name", NAMES)
def test_constants_values_and_names_are_in_range(name: str) -> None:
    world = MODULAR[name]
    largest = world.modulus - 1 if world.modulus else 9
    for problem in problems(name):
        graph = problem.gold
        assert {o.number for n in graph.nodes for o in n.operands if not o.is_node} <= set(range(1, largest + 1))
        assert set(graph.names) <= set(LETTERS[: world.letters])
        assert len(set(graph.names)) == len(graph.names)
        if world.modulus:
            assert all(0 <= value < world.modulus for value in graph.values)
    assert (min(v for p in problems(name) for v in p.gold.values) < 0) == (world.modulus == 0)


def leaves_of(problem: Problem) -> int:
    names = needed(problem.prompt)
    return sum(not d.operator for d in read(problem.prompt)[0] if d.name in names)


def test_leaves_bounds_the_number_of_leaves_and_is_reached() -> None:
    assert {leaves_of(p) for p in problems("chains")} == {1}
    assert {leaves_of(p) for p in problems("leaves")} == {1, 2, 3, 4}
    assert all(leaves_of(p) <= p.level + 1 for p in problems("leaves"))


def uses(problem: Problem) -> Counter[str]:
    names = needed(problem.prompt)
    return Counter(parent for d in read(problem.prompt)[0] if d.name in names for parent in d.parents)


def test_reuse_is_the_chance_of_a_second_use() -> None:
    for problem in (*problems("chains"), *problems("leaves")):
        assert set(uses(problem).values()) <= {1}
    always = ModularArithmetic(min_op=6, max_op=6, reuse=1.0)
    for index in range(40):
        problem = always.problem("train", 0, index)
        definitions, _ = read(problem.prompt)
        # Only the first operation has no earlier quantity to take.
        assert sum(len(d.parents) == 1 for d in definitions) == 1
        assert max(uses(problem).values()) > 1


def test_disorder_moves_definitions_and_only_that_far() -> None:
    for name in NAMES:
        moved = 0
        for problem in problems(name):
            graph = problem.gold
            place = {node: at for at, node in enumerate(graph.order)}
            assert sorted(graph.order) == list(range(len(graph.nodes)))
            moved += any(place[p] > place[i] for i, n in enumerate(graph.nodes) for p in n.parents)
            if not MODULAR[name].distractors:
                pairs = [(i, j) for i in range(len(place)) for j in range(i) if place[i] < place[j]]
                assert all(i - j < MODULAR[name].disorder for i, j in pairs)
        assert (moved > 0) == (MODULAR[name].disorder > 0), f"{name}: {moved} problems use what is defined later"


def test_distractors_stand_among_the_others() -> None:
    """A distractor that always came last would give itself away."""
    after = Counter[bool]()
    for problem in problems("distractors"):
        definitions, query = read(problem.prompt)
        names = [d.name for d in definitions]
        for name in set(names) - needed(problem.prompt):
            after[names.index(name) > names.index(query)] += 1
    assert after[False] > after.total() / 2


def test_long_problems_over_plain_integers_can_be_written_down() -> None:
    """Products of products grow fast; numbers must stay within what Python turns into text."""
    chain = ModularArithmetic(min_op=50, max_op=50, reuse=1.0, modulus=0, letters=52)
    bushy = ModularArithmetic(min_op=48, max_op=48, leaves=3, reuse=1.0, modulus=0, letters=52)
    # Index 659 once drew a number of more than 4300 digits, which Python refuses to turn into text.
    for world, seed, index in [(bushy, 1, 659), *((chain, 1, i) for i in range(150))]:
        problem = world.problem("train", seed, index)
        assert world.verify(problem, world.solution(problem)).process is Score.CORRECT
