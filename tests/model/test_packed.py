"""Texts: rows of documents and shared prompts, written flat and laid out again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.model.packed import PackedTokens
from edgewise.training.documents import Document
from edgewise.training.packing import pack
from tests.model.decoders import SHAPES, sharp, texts
from tests.model.flat import VOCABULARY, in_double, shared_text, shared_texts


def visible(text: PackedTokens) -> list[list[int]]:
    """The tokens that each token sees, in order, by the definition."""
    seen: list[list[int]] = [[] for _ in range(len(text.token_N))]
    for start, length, prefix, prefix_length in text.segments_S4.tolist():
        for i in range(length):
            seen[start + i] = [*range(prefix, prefix + prefix_length), *range(start, start + i + 1)]
    return seen


@given(shared_texts())
@settings(deadline=None, max_examples=50)
def test_rows_hold_what_each_token_sees(text: PackedTokens) -> None:
    number_ST, documents_ST, place_N = text.rows()
    assert number_ST.shape == documents_ST.shape
    assert sorted(set(documents_ST.flatten().tolist())) in ([0], [-1, 0])
    for token, seen in enumerate(visible(text)):
        row, column = divmod(int(place_N[token]), number_ST.shape[1])
        assert number_ST[row, : column + 1].tolist() == seen
        assert (documents_ST[row, : column + 1] == 0).all()


@given(shared_texts())
@settings(deadline=None, max_examples=50)
def test_the_context_is_what_tokens_see_on_average(text: PackedTokens) -> None:
    seen = visible(text)
    assert text.context == pytest.approx(sum(map(len, seen)) / len(seen))


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 9))
@settings(deadline=None, max_examples=50)
def test_documents_in_rows_are_segments(seed: int, longest: int, more: int) -> None:
    rows = pack([Document(ids, [1.0] * len(ids)) for ids in texts(6, longest, seed)], longest + more, 0)
    text, place_N = PackedTokens.of_rows(rows.tokens_RT, rows.positions_RT, rows.document_RT)
    found = []
    for start, length, *prefix in text.segments_S4.tolist():
        mine = place_N[start : start + length]
        assert prefix == [0, 0]
        assert text.position_N[start : start + length].tolist() == list(range(length))
        assert len(rows.document_RT.flatten()[mine].unique()) == 1
        assert mine.tolist() == list(range(int(mine[0]), int(mine[0]) + length)), "a document stands in one piece"
        found.append(text.token_N[start : start + length].tolist())
    assert sorted(found) == sorted(texts(6, longest, seed))


def test_a_document_number_in_two_rows_is_two_documents() -> None:
    """Also where nothing stands between them: the last of one row and the first of the next."""
    documents_RT = torch.tensor([[0, 0, 1], [1, 1, -1], [-1, 1, 1]])
    tokens_RT = torch.arange(9).view(3, 3)
    text, place_N = PackedTokens.of_rows(tokens_RT, tokens_RT + 10, documents_RT)
    assert text.segments_S4.tolist() == [[0, 2, 0, 0], [2, 1, 0, 0], [3, 2, 0, 0], [5, 2, 0, 0]]
    assert place_N.tolist() == text.token_N.tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert text.position_N.tolist() == [10, 11, 12, 13, 14, 17, 18]


def test_rows_of_padding_alone_are_no_text() -> None:
    nothing = torch.zeros(2, 3, dtype=torch.int64)
    text, place_N = PackedTokens.of_rows(nothing, nothing, nothing - 1)
    assert [len(text.token_N), len(text.position_N), len(place_N)] == [0, 0, 0]
    assert text.segments_S4.shape == (0, 4)


@pytest.mark.parametrize("mixed", [False, True])
def test_torch_reads_a_text_as_a_document_for_each_token(mixed: bool) -> None:
    """Each token after exactly what it sees, in a row of its own."""
    model = in_double(sharp(SHAPES["tied, grouped"], VOCABULARY))
    text = shared_text([(5, [3, 1]), (1, []), (4, [6])], seed=3, mixed=mixed)
    with torch.no_grad():
        hidden = model.forward_packed(text)
        for token, seen in enumerate(visible(text)):
            row = text.token_N[seen].unsqueeze(0)
            alone = model(row, text.position_N[seen].unsqueeze(0), torch.zeros_like(row))
            torch.testing.assert_close(hidden[token], alone[0, -1], atol=1e-5, rtol=1e-5)
