"""The sampler: exact op, every value in range, hardly anything drawn in vain, close to the reference."""

from __future__ import annotations

import random
from collections import Counter
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks.graph.draw import (
    MAX_DEGREE,
    MULTIPLIERS,
    SIDE,
    GraphShape,
    Limits,
    Numbers,
    draw_numbers,
    draw_order,
    draw_others,
    draw_shape,
    draw_some,
    most_op,
)
from edgewise.tasks.graph.graph import TOTAL, evaluate

LIMITS = Limits(constants=9, unknowns=20, largest=1000)

# Named nodes and longest path of the reference generator at each op (200 and more problems each).
REFERENCE = {2: (2.0, 2.0), 6: (3.9, 3.2), 10: (5.7, 5.1), 14: (7.5, 6.5), 20: (9.8, 8.1)}

knobs = st.tuples(st.integers(2, 42), st.booleans(), st.integers(0, 20)).filter(lambda k: k[0] <= most_op(k[2]))
sources = st.integers(0, 2**64).map(random.Random)


def degrees(shape: GraphShape) -> list[int]:
    return [max(1, len(parents) + joined) for parents, joined in zip(shape.parents, shape.constants, strict=True)]


def depth(shape: GraphShape) -> int:
    distributed: list[int] = []
    for parents in shape.parents:
        distributed.append(1 + max((distributed[p] for p in parents), default=0))
    return distributed[-1]


def numbers_of(source: random.Random, shape: GraphShape, reverse: bool) -> Numbers:
    return next(n for _ in range(1000) if (n := draw_numbers(source.random, shape, LIMITS, reverse=reverse)))


@given(sources, knobs)
@settings(deadline=None, max_examples=300)
def test_a_shape_has_exactly_the_op_and_needs_all_its_nodes(
    source: random.Random, knobs: tuple[int, bool, int]
) -> None:
    op, reverse, distractors = knobs
    shape = draw_shape(source.random, op, reverse=reverse, distractors=distractors)
    assert sum(degrees(shape)) == op
    assert max(degrees(shape)) <= MAX_DEGREE
    sink = len(shape.parents) - 1
    assert {p for parents in shape.parents for p in parents} == set(range(sink)), "all but the sink are used"
    for i, parents in enumerate(shape.parents):
        assert len(set(parents)) == len(parents)
        assert all(0 <= p < i for p in parents)
        assert parents or not shape.constants[i]


@given(sources, knobs)
@settings(deadline=None, max_examples=300)
def test_totals_have_a_place_of_their_own_and_room_is_left_for_the_rest(
    source: random.Random, knobs: tuple[int, bool, int]
) -> None:
    op, reverse, distractors = knobs
    shape = draw_shape(source.random, op, reverse=reverse, distractors=distractors)
    assert not reverse or len(shape.parents) - 1 in shape.totals
    in_totals = [p for total in shape.totals for p in shape.parents[total]]
    assert len(set(in_totals)) == len(in_totals)
    assert not set(in_totals) & set(shape.totals)
    assert not any(shape.constants[total] for total in shape.totals)
    rest = len(shape.parents) - len(shape.totals) - len(in_totals) + distractors
    assert rest <= SIDE * (SIDE - len(shape.totals))


@given(sources, knobs)
@settings(deadline=None, max_examples=300)
def test_numbers_are_in_range_and_the_sink_depends_on_the_unknown(
    source: random.Random, knobs: tuple[int, bool, int]
) -> None:
    op, reverse, distractors = knobs
    limits = Limits(constants=5, unknowns=30, largest=500)
    shape = draw_shape(source.random, min(op, 24), reverse=reverse, distractors=distractors)
    numbers = draw_numbers(source.random, shape, limits, reverse=reverse)
    if numbers is None:
        return
    assert all(1 <= value <= 500 for value in numbers.values)
    assert (numbers.unknown is not None) == reverse
    x = 0 if numbers.unknown is None else numbers.values[numbers.unknown]
    forms = evaluate(numbers.nodes, numbers.unknown)
    assert [a * x + b for a, b in forms] == numbers.values
    assert bool(forms[-1].a) == reverse
    for i, node in enumerate(numbers.nodes):
        assert set(node.parents) == set(shape.parents[i])
        assert bool(node.operator) == shape.constants[i]
        if node.operator == "*":
            assert node.constant in MULTIPLIERS
        elif i == numbers.unknown:
            assert node.constant == 0 and 1 <= x <= 30
        elif node.operator or not node.parents:
            assert 1 <= node.constant <= 5
        if i in shape.totals:
            assert (node.combine, node.operator) == ("+", "")


@given(sources, knobs)
@settings(deadline=None, max_examples=300)
def test_distractors_are_as_many_as_asked_for_and_every_total_is_the_sum_of_its_place(
    source: random.Random, knobs: tuple[int, bool, int]
) -> None:
    op, reverse, distractors = knobs
    op = min(op, 24)
    shape = draw_shape(source.random, op, reverse=reverse, distractors=distractors)
    numbers = numbers_of(source, shape, reverse)
    nodes, standing = draw_others(source.random, shape, numbers, distractors, LIMITS)
    assert nodes[: len(numbers.nodes)] == numbers.nodes
    assert len(standing) == len(nodes) == len(set(standing))
    extra = standing[len(numbers.nodes) :]
    assert sum(kind != TOTAL for _, kind in extra) == distractors
    for i, (place, kind) in enumerate(standing):
        assert place in range(SIDE)
        assert kind in (TOTAL, *range(SIDE))
        assert all(p < i for p in nodes[i].parents)
        if kind == TOTAL:
            here = {j for j, (other, kind) in enumerate(standing) if other == place and kind != TOTAL}
            assert set(nodes[i].parents) == here
            assert (nodes[i].combine, nodes[i].operator) == ("+", "")
    x = 0 if numbers.unknown is None else numbers.values[numbers.unknown]
    assert all(1 <= a * x + b <= LIMITS.largest for a, b in evaluate(nodes, numbers.unknown))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("op", [2, 3, 4, 6, 10, 14, 20, 30])
def test_hardly_any_numbers_are_drawn_in_vain(op: int, reverse: bool) -> None:
    source = random.Random(op)
    shapes = [draw_shape(source.random, op, reverse=reverse, distractors=4) for _ in range(200)]
    drawn = [draw_numbers(source.random, shape, LIMITS, reverse=reverse) for shape in shapes]
    assert sum(numbers is not None for numbers in drawn) >= 200 * (0.9 if op <= 20 else 0.6)


@pytest.mark.parametrize("op", REFERENCE)
def test_nodes_and_longest_path_are_close_to_the_reference(op: int) -> None:
    source = random.Random(op)
    shapes = [draw_shape(source.random, op, reverse=bool(i % 2), distractors=4) for i in range(400)]
    nodes, longest = REFERENCE[op]
    assert mean(len(shape.parents) for shape in shapes) == pytest.approx(nodes, rel=0.12)
    assert mean(map(depth, shapes)) == pytest.approx(longest, rel=0.25)


def test_every_form_of_expression_occurs() -> None:
    source = random.Random(5)
    forms: Counter[tuple[int, str, str, bool]] = Counter()
    for i in range(600):
        shape = draw_shape(source.random, 10, reverse=bool(i % 2), distractors=4)
        for k, node in enumerate(numbers_of(source, shape, bool(i % 2)).nodes):
            forms[len(node.parents), node.combine, node.operator, k in shape.totals] += 1
    plain = {(count, "+", operator, False) for count in (1, 2, 3) for operator in ("", "+", "*")}
    differences = {(2, "-", operator, False) for operator in ("", "+", "*")}
    totals = {(count, "+", "", True) for count in (1, 2, 3, 4)}
    assert set(forms) == plain | differences | totals | {(0, "+", "", False), (4, "+", "", False)}
    assert min(forms.values()) >= 5, forms


def test_orders_and_choices_are_uniform() -> None:
    source = random.Random(1)
    orders = Counter(draw_order(source.random) for _ in range(12_000))
    assert len(orders) == 120
    assert max(orders.values()) < 200
    first = Counter(draw_some(source.random, range(10, 20), 3)[0] for _ in range(5_000))
    assert set(first) == set(range(10, 20))
    assert max(first.values()) < 620
    assert sorted(draw_some(source.random, range(10, 20), 10)) == list(range(10, 20))
