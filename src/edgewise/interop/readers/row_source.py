"""The rows of a file of any container and shape, one a sample, for the readers of documented columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from edgewise.interop.ingest.parquet import parquet_records
from edgewise.interop.ingest.records import Record, first_records, records
from edgewise.interop.ingest.roles import verdict_names
from edgewise.interop.ingest.schema import has_needed_columns
from edgewise.interop.ingest.shapes import RowShape, document_rows, head_rows, shape_of
from edgewise.interop.readers.base import HEAD_ROWS, FileHead


class RowSource:
    """The rows of a file, which may stand in lists inside a row, for two models in a row, or in a JSON object.

    `score` names the verdict and `mapped` other columns, where options say so. The first `most` records are looked at.
    """

    def __init__(
        self,
        head: FileHead,
        score: str | None = None,
        mapped: Mapping[str, str] | None = None,
        most: int = HEAD_ROWS,
    ) -> None:
        self._head = head
        self._most = most
        self._verdicts = verdict_names(score, mapped or {})
        self._given = [name for name in (score, *(mapped or {}).values()) if name is not None]
        self.records_without_rows = 0

    @cached_property
    def place(self) -> str:
        """Where the first row is, as errors name it."""
        if self._head.kind == "parquet":
            return str(self._head.path)
        first = next(iter(self._records()))
        return f"{self._head.path}: {first.noun} {first.number}"

    @property
    def document(self) -> list[dict[str, Any]] | None:
        """The rows of a file that is one JSON object."""
        return None if self._document is None else self._document[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """How the rows were found where another reading is possible."""
        of_document = "" if self._document is None else self._document[1]
        return (*filter(None, [of_document]), *self.shape.warnings)

    @cached_property
    def _document(self) -> tuple[list[dict[str, Any]], str] | None:
        head = self._head
        if head.kind == "document":
            return document_rows(head.record, self._verdicts)
        if head.kind != "records" or has_needed_columns(head.columns) or not _may_hold_rows(head.record):
            return None
        alone = len(first_records(head.path, 2, 2**60)) == 1
        return document_rows(head.record, self._verdicts) if alone else None

    @cached_property
    def _first_records(self) -> Sequence[Mapping[str, Any]]:
        return self._head.first_rows(self._most) if self.document is None else self.document[: self._most]

    @cached_property
    def shape(self) -> RowShape:
        """How the records become rows."""
        return shape_of(self._first_records, self.place, self._verdicts, self._given)

    @cached_property
    def head(self) -> list[dict[str, Any]]:
        """The rows in the first records: of each the first samples."""
        return head_rows(self.shape, self._first_records, self.place)

    def __iter__(self) -> Iterator[Record]:
        shape, path = self.shape, self._head.path
        if shape.is_flat:
            yield from self._records()
            return
        for noun, number, fields, characters in self._records():
            rows = list(shape.rows(fields, f"{path}: {noun} {number}"))
            self.records_without_rows += not rows
            for row in rows:
                yield Record(noun, number, row, characters // len(rows))

    def _records(self) -> Iterable[Record]:
        if self.document is not None:
            return (Record("row", number, row, len(str(row))) for number, row in enumerate(self.document, 1))
        if self._head.kind == "parquet":
            return parquet_records(self._head.path)
        return records(self._head.path)


def _may_hold_rows(record: Any) -> bool:
    return isinstance(record, dict) and any(isinstance(value, dict | list) for value in record.values())
