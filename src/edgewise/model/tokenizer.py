"""A word-level tokenizer with distinct pad, bos, eos and unk, saved in Hugging Face's format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgewise.core.errors import InputError

PAD, BOS, EOS, UNK = "<pad>", "<bos>", "<eos>", "<unk>"
SPECIAL = (PAD, BOS, EOS, UNK)

# Without an `auto_map`, AutoTokenizer of transformers 5 takes every Qwen2 folder for Qwen2's own byte-level pieces,
# whatever `tokenizer_class` says. With one it reads tokenizer.json as it is. The code runs only where a user trusts it.
_CODE_FILE, _CODE_CLASS = "tokenization_edgewise.py", "EdgewiseTokenizer"
_CODE = f'''"""The tokenizer of this folder, for AutoTokenizer with trust_remote_code=True; it is not needed without."""

from transformers import PreTrainedTokenizerFast


class {_CODE_CLASS}(PreTrainedTokenizerFast):
    """Words separated by white space, as tokenizer.json lists them."""
'''


class Tokenizer:
    """Words separated by white space, one id each; the first four ids are the special words."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (*SPECIAL, *words)
        self._id_of = {word: i for i, word in enumerate(self.words)}
        if len(self._id_of) != len(self.words):
            raise InputError("tokenizer: every word must differ from the others and from the special words")
        self.pad, self.bos, self.eos, self.unk = range(len(SPECIAL))

    def __len__(self) -> int:
        return len(self.words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def encode(self, text: str) -> list[int]:
        """Ids of the words of a text, without bos or eos; unknown words become unk."""
        unk, id_of = self.unk, self._id_of
        return [id_of.get(word, unk) for word in text.split()]

    def prompt(self, text: str) -> list[int]:
        """bos and the words of a prompt: what a completion is conditioned on."""
        return [self.bos, *self.encode(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of the ids joined by spaces, pad, bos and eos left out."""
        silent = (self.pad, self.bos, self.eos)
        return " ".join(self.words[i] for i in ids if i not in silent)

    def save(self, folder: Path) -> None:
        """Write files from which transformers makes a tokenizer with our ids, bos before a text, and our texts.

        A text is encoded as `prompt` does, and decoded without special tokens as `decode` does: unk is a
        word like others for transformers, so that it is shown. Batches are padded on the left.
        """
        from tokenizers import AddedToken, models, pre_tokenizers, processors
        from tokenizers import Tokenizer as Fast

        fast = Fast(models.WordLevel(dict(self._id_of), unk_token=UNK))
        fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        fast.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, self.bos)]
        )
        fast.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in (PAD, BOS, EOS)])
        fast.save(str(folder / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "auto_map": {"AutoTokenizer": [None, f"{_CODE_FILE.removesuffix('.py')}.{_CODE_CLASS}"]},
            "pad_token": PAD,
            "bos_token": BOS,
            "eos_token": EOS,
            "padding_side": "left",
            "model_input_names": ["input_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
        }
        (folder / "tokenizer_config.json").write_text(
            json.dumps(config, indent=2, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )
        (folder / _CODE_FILE).write_text(_CODE, encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read a tokenizer.json written by `save`, or by transformers after it; InputError on any other kind.

        Words that were added there, with ids after the vocabulary's, are words like the others here.
        """
        path = folder / "tokenizer.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            model, kind = content["model"], content["model"]["type"]
            added = {token["content"]: token["id"] for token in content.get("added_tokens", ())}
            vocab = {**added, **model["vocab"]}
            words = sorted(vocab, key=vocab.__getitem__)
            ids = sorted(vocab.values())
            splits, normalizer = content["pre_tokenizer"]["type"], content.get("normalizer")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a word-level tokenizer ({type(error).__name__})") from None
        agree = all(vocab[word] == i for word, i in added.items())
        if kind != "WordLevel" or ids != list(range(len(words))) or not agree:
            raise InputError(f"{path}: must be a WordLevel model with the ids 0 to {len(words) - 1}, each once")
        if splits != "WhitespaceSplit" or normalizer is not None:
            raise InputError(f"{path}: must split at white space only (WhitespaceSplit, no normalizer)")
        if tuple(words[: len(SPECIAL)]) != SPECIAL:
            raise InputError(f"{path}: the first ids must be {', '.join(SPECIAL)}")
        return cls(words[len(SPECIAL) :])
