"""Atomic files: a file is whole or absent. JSON objects written and read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to, and rename it to `path` at the end of the block.

    Where writing fails the new file is removed and an old one at `path` stays. The OSError then names `path`
    (a write to a full disk does not say by itself which file it was for).
    """
    aside = path.with_name(path.name + ".new")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def write_json(path: Path, data: Any, *, indent: int = 2, sort_keys: bool = False) -> None:
    """Write a JSON file with a line feed at its end; ValueError where `data` holds NaN or an infinite number."""
    text = json.dumps(data, indent=indent, sort_keys=sort_keys, allow_nan=False) + "\n"
    with atomic_write(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; InputError names the file that is missing or corrupt, and the folder to remove."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {path.parent}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object; remove {path.parent}")
    return data
