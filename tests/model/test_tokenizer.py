"""The tokenizer: ours and the one transformers loads from our files are one and the same."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from tests.model.decoders import SHAPES, TOKENIZER, WORDS, sharp


@pytest.fixture(scope="module", params=["AutoTokenizer", "PreTrainedTokenizerFast"])
def theirs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer that a class of transformers loads from a whole folder, as users load it."""
    import transformers

    folder = tmp_path_factory.mktemp("tokenizer")
    save_pretrained(sharp(SHAPES["one head"]), TOKENIZER, folder)
    return getattr(transformers, request.param).from_pretrained(folder)


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
    assert theirs(text)["input_ids"] == TOKENIZER.prompt(text), "bos is what a completion is conditioned on"


@given(st.lists(st.integers(0, len(TOKENIZER) - 1), max_size=40))
@settings(deadline=None, max_examples=200)
def test_transformers_gives_the_same_text(theirs: Any, ids: list[int]) -> None:
    assert theirs.decode(ids, skip_special_tokens=False) == " ".join(TOKENIZER.words[i] for i in ids)
    assert theirs.decode(ids, skip_special_tokens=True) == TOKENIZER.decode(ids)


def test_transformers_knows_the_special_words(theirs: Any) -> None:
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id) == (0, 1, 2)
    assert theirs.convert_tokens_to_ids("<unk>") == 3
    assert sorted(theirs.all_special_ids) == [0, 1, 2], "a special unk would be left out of decoded texts"
    assert len(theirs) == len(TOKENIZER)


def test_transformers_pads_a_batch_on_the_left(theirs: Any) -> None:
    batch = theirs(["a", "a = 3"], padding=True)
    assert sorted(batch) == ["attention_mask", "input_ids"], "what a decoder takes, and nothing else"
    assert batch["input_ids"] == [[0, 0, *TOKENIZER.prompt("a")], TOKENIZER.prompt("a = 3")]
    assert batch["attention_mask"] == [[0, 0, 1, 1], [1, 1, 1, 1]]


def test_save_and_load(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again == TOKENIZER
    assert hash(again) == hash(TOKENIZER)
    assert again.words == TOKENIZER.words
    assert Tokenizer(WORDS[:-1]) != TOKENIZER


def test_what_transformers_saves_is_loaded(theirs: Any, tmp_path: Path) -> None:
    theirs(["a", "a = 3"], padding=True, truncation=True, max_length=2)
    theirs.save_pretrained(tmp_path)
    assert Tokenizer.load(tmp_path) == TOKENIZER


def test_words_that_were_added_in_transformers_are_words(theirs: Any, tmp_path: Path) -> None:
    grown = copy.deepcopy(theirs)
    grown.add_tokens(["new"])
    grown.add_special_tokens({"extra_special_tokens": ["<|end|>"]})
    grown.save_pretrained(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again == Tokenizer([*WORDS, "new", "<|end|>"])
    assert again.prompt("a new = <|end|>") == grown("a new = <|end|>")["input_ids"]


def test_what_was_saved_before_transformers_put_bos_is_loaded(tmp_path: Path) -> None:
    """As folders of 0.x have it: unk is special, and nothing stands before a text."""
    TOKENIZER.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    unk = content["added_tokens"][-1] | {"id": TOKENIZER.unk, "content": "<unk>"}
    path.write_text(
        json.dumps(content | {"post_processor": None, "added_tokens": [*content["added_tokens"], unk]}, indent=2)
    )
    for other in tmp_path.glob("token*"):
        if other != path:
            other.unlink()
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
    "field",
    [
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {"type": "ByteLevel"}},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Lowercase"}},
        {"added_tokens": [{"content": "new", "id": len(TOKENIZER) + 1}]},
        {"added_tokens": [{"content": "new"}]},
        {"added_tokens": 3},
    ],
    ids=str,
)
def test_words_that_are_found_in_another_way_are_refused(tmp_path: Path, field: dict[str, Any]) -> None:
    TOKENIZER.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | field))
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
