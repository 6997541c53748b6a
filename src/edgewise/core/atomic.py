"""Atomic writes: a file is whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, renamed to it at the end of the block.

    Where writing fails nothing is left beside it, what stood at `path` still does, and the
    OSError names it (a write to a full disk does not say by itself which file it was for).
    """
    aside = path.with_name(path.name + ".new")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
