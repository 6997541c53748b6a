"""Rollouts from standard input, which an argument `-` stands for: kept in a file while they are read.

Readers look at a file more than once, and a pipe can be read but once. The file is removed afterwards.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgewise.core.errors import InputError

STANDARD_INPUT = "-"
# What messages and models are called by.
NAME = "stdin"
MOST_BYTES = 8 * 2**30

_CHUNK = 2**20


@contextmanager
def spooled() -> Iterator[Path]:
    """A file that holds all of standard input; errors that name the file name `stdin` instead.

    Raises InputError where standard input is a terminal, holds nothing, as when it was read before, or holds more than
    MOST_BYTES.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(f"{NAME}: a terminal; pipe rollouts in, as in `zcat base.jsonl.gz | edgewise audit - tuned`")
    with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
        path = Path(folder) / NAME
        _copy(path)
        try:
            yield path
        except InputError as error:
            raise InputError(str(error).replace(str(path), NAME)) from None


def _copy(path: Path) -> None:
    size = 0
    with path.open("wb") as file:
        while chunk := sys.stdin.buffer.read(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise InputError(f"{NAME}: more than {MOST_BYTES:,} bytes; give a file")
            file.write(chunk)
    if not size:
        raise InputError(f"{NAME}: nothing came; `-` is standard input, which can be read once")
