"""Base class of readers of rollout files, and the head of a file, from which its format is recognised."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgewise.core.errors import InputError
from edgewise.interop.ingest.lines import error_summary, text_lines
from edgewise.interop.ingest.parquet import parquet_columns
from edgewise.interop.ingest.table import RolloutTable

# The lines of a text file that a reader sees where the first is no JSON value by itself.
_HEAD_LINES = 40


@dataclass(frozen=True)
class FileHead:
    """The beginning of a file, from which its format is recognised.

    `columns` are the names of a Parquet file's columns, or the keys of the JSON object in the first line;
    empty where there is none. `record` is the JSON value of the first line, None where it is not JSON.
    `lines` are the first lines of a text file that are not blank; the first only, where it is JSON.
    """

    path: Path
    kind: Literal["parquet", "zip", "text"]
    columns: tuple[str, ...] = ()
    record: Any = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What a reader is told beside the file.

    `score` names what holds the verdict where a file has several scores; `set_name` is the set of rows that name
    none.
    """

    score: str | None = None
    set_name: str | None = None


class Reader(ABC):
    """Reads one file format into the table. A subclass says what it recognises and which columns it takes.

    `name` is the format, as reports name the source; `listed_as` names it where an error lists the known
    formats ("" leaves it out). Readers of `priority` 1 are asked first: they recognise what only one tool writes.
    Those of priority 0 take any file that has some column of theirs.
    """

    name: ClassVar[str]
    listed_as: ClassVar[str]
    priority: ClassVar[int] = 1
    # Rows that name no set are of a set named after their file, where a folder holds several.
    sets_are_files: ClassVar[bool] = False
    # The file holds counts instead of samples, and is read by itself.
    is_totals: ClassVar[bool] = False
    # A format whose files hold the same samples: in one folder with such a file this one is left out.
    repeats: ClassVar[str | None] = None
    # How the names of files begin that this reader itself looks into, beside those that it recognises.
    companions: ClassVar[str | None] = None

    @abstractmethod
    def recognises(self, head: FileHead) -> bool:
        """Whether the file is of this format, or near enough that an error of `read` says what it lacks."""

    @abstractmethod
    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of a file to the table. InputError naming file, row and field where it is not as documented."""


def read_head(path: Path) -> FileHead:
    """Read the beginning of a file. InputError where it is empty or cannot be read."""
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error_summary(error)})") from None
    if not magic:
        raise InputError(f"{path}: the file is empty; rollouts have at least one row")
    if magic == b"PAR1":
        return FileHead(path, "parquet", columns=tuple(parquet_columns(path)))
    if magic == b"PK\x03\x04":
        return FileHead(path, "zip")
    first = next((text for _, text in text_lines(path)), None)
    if first is None:
        raise InputError(f"{path}: only blank lines; rollouts have at least one row")
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return FileHead(path, "text", lines=_first_lines(path))
    return FileHead(path, "text", tuple(record) if isinstance(record, dict) else (), record, (first,))


def _first_lines(path: Path) -> tuple[str, ...]:
    lines = []
    for number, text in text_lines(path):
        lines.append(text)
        if number >= _HEAD_LINES:
            break
    return tuple(lines)
