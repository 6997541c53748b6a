"""A word-level tokenizer with distinct pad, bos, eos and unk, saved in Hugging Face's format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgewise.core.errors import InputError

PAD, BOS, EOS, UNK = "<pad>", "<bos>", "<eos>", "<unk>"
SPECIAL = (PAD, BOS, EOS, UNK)


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
        """Write tokenizer.json and tokenizer_config.json, which transformers loads."""
        from tokenizers import AddedToken, models, pre_tokenizers
        from tokenizers import Tokenizer as Fast

        fast = Fast(models.WordLevel(dict(self._id_of), unk_token=UNK))
        fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        fast.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in SPECIAL])
        fast.save(str(folder / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": PAD,
            "bos_token": BOS,
            "eos_token": EOS,
            "unk_token": UNK,
            "clean_up_tokenization_spaces": False,
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read a tokenizer.json written by `save`; InputError on any other kind."""
        path = folder / "tokenizer.json"
        try:
            model = json.loads(path.read_text())["model"]
            words = sorted(model["vocab"], key=model["vocab"].__getitem__)
            kind, ids = model["type"], sorted(model["vocab"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a word-level tokenizer ({type(error).__name__})") from None
        if kind != "WordLevel" or ids != list(range(len(words))):
            raise InputError(f"{path}: must be a WordLevel model with the ids 0 to {len(words) - 1}, each once")
        if tuple(words[: len(SPECIAL)]) != SPECIAL:
            raise InputError(f"{path}: the first ids must be {', '.join(SPECIAL)}")
        return cls(words[len(SPECIAL) :])
