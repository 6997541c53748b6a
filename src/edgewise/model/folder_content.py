"""Identify the model of a Hugging Face folder by its content, wherever the folder is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgewise.core.errors import InputError

# What decides the prompts and the ends of completions, where it is there.
_OF_TEXTS = ("generation_config.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model", "vocab.json")


def folder_content(folder: Path) -> str:
    """The SHA-256 of the files of a Hugging Face folder that decide its model; InputError where one is not there."""
    return _digest(_needed(folder))


def text_model_content(folder: Path) -> str:
    """The SHA-256 of the files that decide a model and what it reads and writes, whatever kind its tokenizer is of.

    InputError where config.json or the weights are not there.
    """
    weights = [path for pattern in ("*.safetensors", "pytorch_model*.bin") for path in sorted(folder.glob(pattern))]
    if not weights:
        raise InputError(f"{folder}: has no weights (*.safetensors); name a folder that transformers can load")
    optional = (folder / name for name in ("tokenizer.json", *_OF_TEXTS))
    return _digest([folder / "config.json", *weights, *(path for path in optional if path.is_file())])


def _digest(paths: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                of_file = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); a model folder needs it") from None
        content.update(hashlib.sha256(path.name.encode()).digest() + of_file)
    return content.hexdigest()


def _needed(folder: Path) -> Iterator[Path]:
    yield folder / "config.json"
    yield folder / "tokenizer.json"
    yield from sorted(folder.glob("*.safetensors"))
    yield from sorted(folder.glob("*.safetensors.index.json"))
