"""Base class of readers of rollout files, and the head of a file, from which its format is recognised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgewise.core.errors import InputError
from edgewise.interop.ingest.arrow import is_arrow
from edgewise.interop.ingest.lines import error_summary, json_document, text_lines
from edgewise.interop.ingest.parquet import first_rows, parquet_columns
from edgewise.interop.ingest.records import container_of, first_records
from edgewise.interop.ingest.schema import names_in_file
from edgewise.interop.ingest.table import RolloutTable

# How much of a file is looked at before it is read.
HEAD_ROWS = 1_000
_HEAD_CHARACTERS = 4_000_000


@dataclass(frozen=True)
class FileHead:
    """The beginning of a file, from which its format is recognised and the meaning of its columns is told.

    `kind` is "parquet" (Parquet or Arrow), "zip", "records" (JSON lines, a JSON array of objects, CSV), "document" (any
    other JSON value over the whole file) or "text" (anything else). `columns` are the names of a Parquet file's
    columns, or the keys of the first record. `record` is the first record, or the document. `line` is the first line of
    a text file.
    """

    path: Path
    kind: Literal["parquet", "zip", "records", "document", "text"]
    columns: tuple[str, ...] = ()
    record: Any = None
    line: str = ""

    @cached_property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """The first HEAD_ROWS records or Parquet rows, fewer where they are long. InputError where one is broken."""
        return self.first_rows(HEAD_ROWS)

    def first_rows(self, most: int) -> tuple[Mapping[str, Any], ...]:
        """As `rows`, at most so many and not kept."""
        if self.kind == "parquet":
            return first_rows(self.path, most, _HEAD_CHARACTERS)
        if self.kind != "records":
            return ()
        return tuple(record.fields for record in first_records(self.path, most, _HEAD_CHARACTERS))


@dataclass(frozen=True)
class ReadOptions:
    """What a reader is told beside the file.

    `score` names what holds the verdict where a file has several scores, `filter` which one of several filters of the
    completions is read, and `columns` the name in the file of columns of CONVERTERS. `head` is that of the file. Rows
    that name no set or model are of `set_name` and `model_name`.
    """

    head: FileHead
    score: str | None = None
    filter: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    set_name: str | None = None
    model_name: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The cells `set` and `model` of rows that name none, those of them that are known."""
        names = {"set": self.set_name, "model": self.model_name}
        return {column: name for column, name in names.items() if name is not None}


class Reader(ABC):
    """Reads one file format into the table. A subclass says what it recognises and which columns it takes.

    `name` is the format, as reports name the source; `listed_as` names it where an error lists the known
    formats ("" leaves it out). Readers of `priority` 1 are asked first: they recognise what only one tool writes.
    Those of priority 0 take any file that has some column of theirs.
    """

    name: ClassVar[str]
    listed_as: ClassVar[str]
    priority: ClassVar[int] = 1
    # Rows that name no set or model are of those that the name of their file says, where a folder holds several files.
    sets_are_files: ClassVar[bool] = False
    # The file holds counts instead of samples, and is read by itself.
    is_totals: ClassVar[bool] = False
    # A format whose files hold the same samples: in one folder with such a file this one is left out.
    repeats: ClassVar[str | None] = None
    # How the names of files begin that a tool writes beside its rollouts: the reader looks into them, or need not.
    companions: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def recognises(self, head: FileHead) -> bool:
        """Whether the file is of this format, or near enough that an error of `read` says what it lacks."""

    def takes(self, head: FileHead, columns: Mapping[str, str]) -> bool:
        """Whether this reader reads a file by the names of its columns that --map gives, whatever wrote it."""
        return False

    @abstractmethod
    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of a file to the table. InputError naming file, row and field where it is not as documented.

        A reader calls `table.obey` for each option that it follows, so that none is ignored in silence, and gives
        every row `graded_by`: the name of the field, metric or reward that its verdict is.
        """

    def names_its_set(self, path: Path) -> bool:
        """Whether the name of a file says its set, so that files with other names are no other models."""
        return False

    def model_of(self, path: Path) -> str | None:
        """The model that something beside a file says it is of; None where nothing does."""
        return None

    def copy_of(self, path: Path) -> Path | None:
        """A file that holds the samples of this one and more, beside which it is left out of a folder; None: none."""
        return None

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The id of the problem of one of `FileHead.rows`, and a text that tells it from others: prompt or gold answer.

        None where the row does not say. By this it is told how the files of a folder relate; `columns` is as in
        ReadOptions. Here by the documented columns.
        """
        return problem_in(row, {**names_in_file(tuple(row)), **columns})

    def problems_of(self, head: FileHead, most: int, columns: Mapping[str, str]) -> dict[str, str | None]:
        """`problem_of` for the first `most` rows."""
        problems = (self.problem_of(row, columns) for row in head.first_rows(most))
        return dict(problem for problem in problems if problem is not None)


def problem_in(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str | None] | None:
    """The problem of a row and a text of it, where `names` are those of the columns in the file."""
    id, prompt, gold = (row.get(names.get(column, "")) for column in ("problem", "prompt", "gold"))
    if id is None and prompt is None:
        return None
    return repr(prompt) if id is None else str(id), next(
        (repr(text) for text in (prompt, gold) if text is not None), None
    )


def read_head(path: Path) -> FileHead:
    """Read the beginning of a file. InputError where it is empty or cannot be read."""
    try:
        with path.open("rb") as stream:
            magic = stream.read(6)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error_summary(error)})") from None
    if not magic:
        raise InputError(f"{path}: the file is empty; rollouts have at least one row")
    if magic.startswith(b"PAR1") or is_arrow(magic):
        return FileHead(path, "parquet", columns=tuple(parquet_columns(path)))
    if magic.startswith(b"PK\x03\x04"):
        return FileHead(path, "zip")
    line = next((text for _, text in text_lines(path)), None)
    if line is None:
        raise InputError(f"{path}: only blank lines; rollouts have at least one row")
    container = container_of(path)
    if container == "unknown":
        return FileHead(path, "text", line=line)
    if container == "document":
        document = json_document(path)
        if not (isinstance(document, list) and document and isinstance(document[0], dict)):
            columns = tuple(document) if isinstance(document, dict) else ()
            return FileHead(path, "document", columns, document, line)
    (first,) = first_records(path, 1, 1) or (None,)
    if first is None:
        raise InputError(f"{path}: a CSV header without a row; rollouts have at least one row")
    return FileHead(path, "records", tuple(first.fields), first.fields, line)
