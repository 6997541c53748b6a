"""Problems are numbered as by a dictionary of triples, whatever the batches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgewise.interop.ingest.columns import DictionaryColumn
from edgewise.interop.ingest.problems import ProblemAttribute, ProblemIndex, rank_within

Key = tuple[int, int, int]
keys = st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(0, 4))


@given(st.lists(st.lists(keys, min_size=1, max_size=12), max_size=5))
def test_problems_are_numbered_in_order_of_appearance(batches: list[list[Key]]) -> None:
    index, numbers = ProblemIndex(), dict[Key, int]()
    first_row, ranks, group_sizes, start = list[int](), list[int](), dict[tuple[int, int], int](), 0
    for batch in batches:
        expected, expected_new = [], []
        for row, key in enumerate(batch):
            if key not in numbers:
                numbers[key] = len(numbers)
                first_row.append(start + row)
                expected_new.append(row)
                ranks.append(group_sizes.get(key[:2], 0))
                group_sizes[key[:2]] = ranks[-1] + 1
            expected.append(numbers[key])
        problem_S, new_rows = index.number(start, *np.array(batch, dtype=np.int32).T)
        assert problem_S.tolist() == expected
        assert new_rows.tolist() == expected_new
        start += len(batch)
    assert index.count == len(numbers)
    triples = zip(index.model_P.tolist(), index.set_P.tolist(), index.id_P.tolist(), strict=True)
    assert list(triples) == list(numbers)
    assert index.first_row_P.tolist() == first_row
    assert index.rank_in_group_P.tolist() == ranks


def test_an_attribute_is_the_first_value_and_a_contradiction_is_told() -> None:
    attribute = ProblemAttribute()
    problem_S = np.array([0, 1, 0, 1], np.int32)
    assert attribute.add(2, problem_S, DictionaryColumn.of(["x", None, None, "y"])) is None
    assert attribute.values(3, np.arange(3)) == ["x", "y", None]
    assert attribute.add(2, problem_S, DictionaryColumn.of(["x", "z", "w", "y"])) == (1, "z", "y")


@given(st.lists(st.integers(0, 5), min_size=1))
def test_ranks_count_the_items_of_a_group_before(groups: list[int]) -> None:
    assert rank_within(np.array(groups)).tolist() == [groups[:place].count(group) for place, group in enumerate(groups)]
