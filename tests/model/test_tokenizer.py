"""The tokenizer: ours and the one transformers loads from our files are one and the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from tests.model.decoders import TOKENIZER, WORDS


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    TOKENIZER.save(folder)
    return AutoTokenizer.from_pretrained(folder)


# Separators on which Python and the Unicode standard agree; angle brackets could spell a special word.
SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2003"])
UNKNOWN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Z", "C"), exclude_characters="<>"), min_size=1, max_size=4
)
TEXTS = st.lists(st.one_of(st.sampled_from((*WORDS, *SPECIAL)), UNKNOWN, SPACES), max_size=30)


def test_special_ids_are_distinct_and_first() -> None:
    assert (TOKENIZER.pad, TOKENIZER.bos, TOKENIZER.eos, TOKENIZER.unk) == (0, 1, 2, 3)
    assert len(TOKENIZER) == len(WORDS) + 4
    assert TOKENIZER.encode(" ".join(WORDS)) == list(range(4, len(TOKENIZER)))


def test_encode_decode_and_prompt() -> None:
    text = "a = 3 ; answer 3"
    ids = TOKENIZER.encode(text)
    assert [TOKENIZER.words[i] for i in ids] == text.split()
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.prompt(text) == [TOKENIZER.bos, *ids]
    assert TOKENIZER.prompt("") == [TOKENIZER.bos]
    assert TOKENIZER.encode("a zebra = 3x") == [TOKENIZER.encode("a")[0], 3, TOKENIZER.encode("=")[0], 3]
    assert TOKENIZER.decode([1, *ids, 2, 0, 0]) == text
    # Unknown words are shown: leaving them out would let a verifier read what was never written.
    assert TOKENIZER.decode([3, ids[0]]) == "<unk> a"


@given(st.lists(st.sampled_from(WORDS), max_size=40))
@settings(deadline=None, max_examples=50)
def test_decode_undoes_encode(words: list[str]) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode("\n".join(words))) == " ".join(words)


@given(TEXTS)
@settings(deadline=None, max_examples=200)
def test_transformers_gives_the_same_ids(theirs: Any, words: list[str]) -> None:
    text = " ".join(words)
    assert theirs(text, add_special_tokens=False)["input_ids"] == TOKENIZER.encode(text)
    assert theirs(text)["input_ids"] == TOKENIZER.encode(text), "nothing is put around a text unasked"


@given(st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=40))
@settings(deadline=None, max_examples=200)
def test_transformers_gives_the_same_text(theirs: Any, ids: list[int]) -> None:
    assert theirs.decode(ids, skip_special_tokens=False) == " ".join(TOKENIZER.words[i] for i in ids)
    known = [i for i in ids if i != TOKENIZER.unk]
    assert theirs.decode(known, skip_special_tokens=True) == TOKENIZER.decode(known)


def test_transformers_knows_the_special_words(theirs: Any) -> None:
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id, theirs.unk_token_id) == (0, 1, 2, 3)
    assert len(theirs) == len(TOKENIZER)


def test_save_and_load(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again == TOKENIZER
    assert hash(again) == hash(TOKENIZER)
    assert again.words == TOKENIZER.words
    assert Tokenizer(WORDS[:-1]) != TOKENIZER


def test_what_transformers_saves_is_loaded(theirs: Any, tmp_path: Path) -> None:
    theirs.save_pretrained(tmp_path)
    assert Tokenizer.load(tmp_path) == TOKENIZER


@pytest.mark.parametrize("words", [["a", "a"], ["<pad>"], ["<eos>", "b"]], ids=str)
def test_words_must_differ(words: list[str]) -> None:
    with pytest.raises(InputError, match="tokenizer: every word must differ"):
        Tokenizer(words)


def edited(folder: Path, **model: Any) -> Path:
    """A folder whose tokenizer.json has other entries under "model"."""
    TOKENIZER.save(folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"] |= model
    path.write_text(json.dumps(content))
    return path


VOCAB = {word: i for i, word in enumerate((*SPECIAL, "a", "b"))}


@pytest.mark.parametrize(
    "model",
    [
        {"vocab": VOCAB | {"b": 7}},
        {"vocab": VOCAB | {"b": 4}},
        {"vocab": VOCAB | {"b": -1}},
        {"vocab": VOCAB | {"b": "5"}},
        {"vocab": VOCAB | {"b": None}},
        {"vocab": VOCAB | {"<pad>": 1, "<bos>": 0}},
        {"vocab": {"a": 0, "b": 1}},
        {"vocab": {}},
        {"vocab": [["<pad>", 0.0], ["a", -1.0]]},
        {"vocab": None},
        {"vocab": VOCAB, "type": "BPE", "merges": []},
        {"vocab": VOCAB, "type": "WordPiece"},
    ],
    ids=str,
)
def test_another_kind_of_tokenizer_is_refused(tmp_path: Path, model: dict[str, Any]) -> None:
    """A hole in the ids or another way of splitting words would give wrong ids without a word."""
    path = edited(tmp_path, **model)
    with pytest.raises(InputError) as error:
        Tokenizer.load(tmp_path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "3", "{}", '{"model": 3}', '{"model": {}}', "\ufeff{}", b"\xff\xfe\x00"]
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as error:
        Tokenizer.load(tmp_path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    whole = path.read_text()
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_text(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"tokenizer\.json"):
            Tokenizer.load(tmp_path)
