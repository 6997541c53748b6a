"""The tokenizer of a language model, as its tokenizer.json describes it: byte-level pieces, SentencePiece or words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError

# What transformers reads a tokenizer from, besides tokenizer.json.
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")


class TextTokenizer:
    """Text to ids and back by the package `tokenizers`, with the ids that transformers' AutoTokenizer gives.

    `bos`, `eos` and `pad` are None where the folder names none. `stops` are the ids that end a completion: those of
    `eos_token_id` in generation_config.json, else in config.json, else `eos`.
    """

    def __init__(self, folder: Path, fast: Any, special: dict[str, int | None], stops: tuple[int, ...]) -> None:
        self.folder, self.stops = folder, stops
        self.bos, self.eos, self.pad = special["bos"], special["eos"], special["pad"]
        self._fast = fast

    def __len__(self) -> int:
        """One more than the largest id: how many rows of an embedding have a word."""
        vocabulary: dict[str, int] = self._fast.get_vocab(with_added_tokens=True)
        return 1 + max(vocabulary.values())

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without the special tokens that the tokenizer puts around one."""
        ids: list[int] = self._fast.encode(text, add_special_tokens=False).ids
        return ids

    def prompt(self, text: str) -> list[int]:
        """Ids of a text with those special tokens, such as bos before it: what a completion is conditioned on."""
        ids: list[int] = self._fast.encode(text, add_special_tokens=True).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens left out."""
        text: str = self._fast.decode(list(ids), skip_special_tokens=True)
        return text

    def save(self, folder: Path) -> None:
        """Write the files that describe it, as they were read."""
        for name in ("tokenizer.json", *_BESIDE):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)

    @classmethod
    def load(cls, folder: Path) -> TextTokenizer:
        """Read tokenizer.json and which of its tokens are special; InputError names the file that is wrong."""
        from tokenizers import Tokenizer as Fast

        path = folder / "tokenizer.json"
        try:
            fast = Fast.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # The package raises no class of its own.
            raise InputError(f"{path}: missing or not a tokenizer ({error!s:.100})") from None
        # A folder may ask for shorter texts; prompts are never cut in silence here.
        fast.no_truncation()
        fast.no_padding()
        named = _object(folder / "tokenizer_config.json")
        special = {name: _id(fast, named.get(f"{name}_token"), folder) for name in ("bos", "eos", "pad")}
        stops = next(
            (
                ids
                for file in ("generation_config.json", "config.json")
                if (ids := _object(folder / file).get("eos_token_id")) is not None
            ),
            special["eos"],
        )
        stops = [] if stops is None else stops if isinstance(stops, list) else [stops]
        if not all(isinstance(token, int) for token in stops):
            raise InputError(f"{folder}: eos_token_id must be an id or a list of ids, is {stops!r:.80}")
        return cls(folder, fast, special, tuple(stops))


def _object(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); must be a JSON object") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a JSON object")
    return content


def _id(fast: Any, token: object, folder: Path) -> int | None:
    """The id of a special token, which tokenizer_config.json writes as a text or as an object with its `content`."""
    text = token.get("content") if isinstance(token, dict) else token
    if text is None:
        return None
    number = fast.token_to_id(text) if isinstance(text, str) else None
    if number is None:
        raise InputError(
            f"{folder / 'tokenizer_config.json'}: names the token {text!r:.80}, which tokenizer.json lacks"
        )
    return int(number)
