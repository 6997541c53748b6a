"""Text in and out of language models: prompts as token ids, with or without a chat template, and completions as text.

Models of this package have words of their own (`edgewise.model.tokenizer`); all others are read by transformers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgewise.core.errors import InputError
from edgewise.model.problem_ids import prompt_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks.base import Problem


class TextTokenizer(Protocol):
    """Turns problems into token ids and token ids into text.

    Any of `end_ids` ends a completion, the first of them is the tokenizer's own. `words` is the number of ids that mean
    something: a model may have more rows, which are padding. `template` identifies the chat template that prompts are
    put into: a SHA-256, "" where there is none.
    """

    @property
    def end_ids(self) -> tuple[int, ...]: ...

    @property
    def words(self) -> int: ...

    @property
    def template(self) -> str: ...

    def prompt_ids(self, problem: Problem) -> list[int]:
        """What a completion of the problem is conditioned on."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of a completion, without special tokens."""


@dataclass(frozen=True, slots=True)
class WordTokenizer:
    """The words of a model of this package; it knows no chat."""

    tokenizer: Tokenizer

    @property
    def end_ids(self) -> tuple[int, ...]:
        return (self.tokenizer.eos,)

    @property
    def words(self) -> int:
        return len(self.tokenizer)

    @property
    def template(self) -> str:
        return ""

    def prompt_ids(self, problem: Problem) -> list[int]:
        """InputError where the prompt has a word that the model does not know."""
        return prompt_ids(self.tokenizer, problem)

    def decode(self, ids: Iterable[int]) -> str:
        return self.tokenizer.decode(ids)


@dataclass(frozen=True, slots=True)
class PretrainedTokenizer:
    """A tokenizer of transformers. With `chat` a prompt is the one turn of a user in the model's chat template."""

    tokenizer: Any
    end_ids: tuple[int, ...]
    chat: bool

    @property
    def words(self) -> int:
        return int(max(self.tokenizer.get_vocab().values())) + 1

    @property
    def template(self) -> str:
        return hashlib.sha256(str(self.tokenizer.chat_template).encode()).hexdigest() if self.chat else ""

    def prompt_ids(self, problem: Problem) -> list[int]:
        if self.chat:
            turns = [{"role": "user", "content": problem.prompt}]
            ids = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
        else:
            ids = self.tokenizer(problem.prompt)["input_ids"]
        return [int(i) for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return text


def load_text_tokenizer(folder: Path, chat: bool | None = None) -> TextTokenizer:
    """The tokenizer of a Hugging Face folder. `chat` None uses a chat template where the folder has one.

    A completion ends with the end of sequence of generation_config.json, of config.json or of the tokenizer.
    InputError where the folder has no tokenizer that transformers reads, where `chat` is asked for and there is no
    template, and where nothing says how a completion ends.
    """
    if _is_word_level(folder):
        if chat:
            raise InputError(f"--chat: {folder} is a model of this package, which knows no chat; leave it out")
        return WordTokenizer(Tokenizer.load(folder))
    transformers = load_transformers()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: transformers reads no tokenizer there ({reason:.120})") from None
    if chat and not tokenizer.chat_template:
        raise InputError(f"--chat: the tokenizer of {folder} has no chat template; give --no-chat")
    own = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
    ends = tuple(dict.fromkeys([*own, *sorted(_end_ids(folder))]))
    if not ends:
        raise InputError(f"{folder}: no eos_token_id in generation_config.json or config.json, so no completion ends")
    return PretrainedTokenizer(tokenizer, ends, bool(tokenizer.chat_template) if chat is None else chat)


def load_transformers() -> Any:
    """The package transformers; InputError, which names the extra, where it is not installed."""
    try:
        import transformers
    except ModuleNotFoundError:
        raise InputError("transformers: not installed; this model needs `pip install edgewise[transformers]`") from None
    return transformers


def _is_word_level(folder: Path) -> bool:
    try:
        content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        return bool(content["model"]["type"] == "WordLevel" and content["pre_tokenizer"]["type"] == "WhitespaceSplit")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _end_ids(folder: Path) -> frozenset[int]:
    """Of generation_config.json and config.json: a number or a list of numbers in each."""
    ends: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        try:
            stated = json.loads((folder / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        ends.update(i for i in (stated if isinstance(stated, list) else [stated]) if isinstance(i, int))
    return frozenset(ends)
