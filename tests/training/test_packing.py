from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.training.documents import Document
from edgewise.training.packing import PackedRows, pack

PAD = 0
ROW = 24


def documents(sizes: list[int]) -> list[Document]:
    """Every token of every document is another number, so that nothing can be confused."""
    found, next_token = [], 1
    for size in sizes:
        tokens = list(range(next_token, next_token + size))
        # The first half is context.
        found.append(Document(tokens, [0.0 if i < size // 2 else 1.0 + i for i in range(size)]))
        next_token += size
    return found


def spans(rows: PackedRows) -> dict[int, list[tuple[int, int]]]:
    """Document number -> its (row, column) places in reading order."""
    found: dict[int, list[tuple[int, int]]] = {}
    for row, column in (rows.document_RT >= 0).nonzero().tolist():
        found.setdefault(int(rows.document_RT[row, column]), []).append((row, column))
    return found


sizes_of_documents = st.lists(st.integers(1, ROW), min_size=1, max_size=14)


@given(sizes_of_documents)
@settings(max_examples=150, deadline=None)
def test_every_document_appears_once_and_whole(sizes: list[int]) -> None:
    given_documents = documents(sizes)
    rows = pack(given_documents, ROW, PAD)
    places = spans(rows)
    assert sorted(places) == list(range(len(sizes)))
    for number, cells in places.items():
        document = given_documents[number]
        assert len({row for row, _ in cells}) == 1, "split over rows"
        columns = [column for _, column in cells]
        assert columns == list(range(columns[0], columns[0] + len(document.tokens))), "not contiguous"
        assert [int(rows.tokens_RT[cell]) for cell in cells] == list(document.tokens)
        assert [int(rows.positions_RT[cell]) for cell in cells] == list(range(len(document.tokens)))
    assert rows.real_tokens == sum(sizes)
    assert rows.mean_context == pytest.approx(sum(n * (n + 1) / 2 for n in sizes) / sum(sizes))


@given(sizes_of_documents)
@settings(max_examples=150, deadline=None)
def test_targets_shift_inside_a_document_and_weights_follow_the_target(sizes: list[int]) -> None:
    given_documents = documents(sizes)
    rows = pack(given_documents, ROW, PAD)
    for number, cells in spans(rows).items():
        document = given_documents[number]
        assert [int(rows.targets_RT[cell]) for cell in cells[:-1]] == list(document.tokens[1:])
        assert [float(rows.weights_RT[cell]) for cell in cells[:-1]] == list(document.weights[1:])
        assert float(rows.weights_RT[cells[-1]]) == 0, "the end of a document predicts the next document"
    padding = rows.document_RT < 0
    assert not rows.weights_RT[padding].any()
    assert (rows.tokens_RT[padding] == PAD).all()
    # The weight of a first token is no prediction's weight; all the others are there once.
    assert float(rows.weights_RT.sum()) == sum(sum(document.weights[1:]) for document in given_documents)


@given(sizes_of_documents)
@settings(max_examples=100, deadline=None)
def test_rows_are_as_few_and_as_short_as_first_fit_makes_them(sizes: list[int]) -> None:
    rows = pack(documents(sizes), ROW, PAD)
    used_R = (rows.document_RT >= 0).sum(1)
    assert int(used_R.max()) <= ROW
    width = rows.tokens_RT.shape[1]
    assert width % 8 == 0 and 0 <= width - int(used_R.max()) < 8
    # First fit: what opened a row fitted into none of the rows before it.
    opener_R = [sizes[int(number)] for number in rows.document_RT[:, 0]]
    for later in range(1, len(rows)):
        assert all(int(used_R[earlier]) + opener_R[later] > ROW for earlier in range(later))


def test_first_fit_fills_rows_exactly() -> None:
    rows = pack(documents([3, 5, 4, 4]), 8, PAD)
    assert rows.document_RT.tolist() == [[1, 1, 1, 1, 1, 0, 0, 0], [2, 2, 2, 2, 3, 3, 3, 3]]


def test_too_long_a_document_names_row_length() -> None:
    with pytest.raises(InputError, match=r"^row_length: .*9 tokens.* is 8$"):
        pack(documents([3, 9]), 8, PAD)


def test_given_positions_are_kept() -> None:
    rows = pack([Document([5, 6, 7], [0, 1, 1], [2, 3, 9]), Document([8], [0])], 8, PAD)
    assert rows.positions_RT[0, :4].tolist() == [2, 3, 9, 0]
    # Context is what a token sees, however far away it stands.
    assert rows.mean_context == pytest.approx((1 + 2 + 3 + 1) / 4)


def test_no_document_is_refused() -> None:
    with pytest.raises(InputError, match="at least one document"):
        pack([], 8, PAD)


def test_a_slice_of_rows_is_the_same_rows() -> None:
    rows = pack(documents([8, 7, 6, 5]), 8, PAD)
    parts = [rows[0:1], rows[1:]]
    for name in PackedRows.__slots__:
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(rows, name))
