"""Rows one at a time: what a row may say, and how rows become batches of columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.interop.ingest import values
from edgewise.interop.ingest.builder import Builder, Columns
from edgewise.interop.ingest.coded import Coded, Rows
from edgewise.interop.ingest.values import Convert

# What each column holds. `text_label` is text that is compared, `text` text that is only shown.
FIELDS: dict[str, Convert] = {
    "model": values.name,
    "set": values.name,
    "problem": values.name,
    "level": values.name,
    "cluster": values.name,
    "gold": values.text_label,
    "temperature": values.number,
    "top_p": values.number,
    "max_tokens": values.whole,
    "seed": values.whole,
    "verifier": values.name,
    "sample": values.sample,
    "correct": values.verdict,
    "process": values.verdict,
    "parse_ok": values.flag,
    "truncated": values.flag,
    "finish_reason": values.text_label,
    "tokens": values.whole,
    "score": values.number,
    "graded": values.number,
    "logprob": values.number,
    "answer": values.text_label,
    "prompt": values.text,
    "completion": values.text,
    "first_wrong_step": values.whole,
    "reason": values.text,
}
# Read only for the rows that are kept as examples.
TEXTS = ("prompt", "completion", "first_wrong_step", "reason")

_ROWS = 4096
_CHARACTERS = 16 * 2**20


class RowWriter:
    """Collects the rows of one file, whose cells are named as FIELDS, and adds them batch by batch."""

    def __init__(self, builder: Builder, file: Path) -> None:
        self._builder = builder
        self._file = file
        self._rows: list[dict[str, Any]] = []
        self._characters = 0
        self._next: tuple[str, int] | None = None

    def write(self, noun: str, number: int, row: dict[str, Any], characters: int) -> None:
        """One row, found at `noun` `number` of the file, `characters` long."""
        if self._next != (noun, number):
            self._builder.at(self._file, noun, number, len(self._rows))
        self._next = (noun, number + 1)
        self._rows.append(row)
        self._characters += characters
        if len(self._rows) >= _ROWS or self._characters >= _CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Add the rows collected so far; to be called at the end."""
        if not self._rows:
            return
        builder, start, size = self._builder, self._builder.rows, len(self._rows)
        present = set().union(*self._rows)
        cells = {name: [row.get(name) for row in self._rows] for name in FIELDS if name in present}
        columns: Columns = {
            name: column_of(builder, name, Coded.of(column), FIELDS[name])
            for name, column in cells.items()
            if name not in TEXTS
        }
        wanted = builder.add(size, columns)
        for name, alike in (("completion", builder.completions), ("prompt", builder.asked)):
            if texts := cells.get(name):
                builder.compare(alike, start, hashes(texts), np.array([text is not None for text in texts]))
        for row in wanted.prompts.tolist():
            if (prompt := self._text("prompt", row - start)) is not None:
                builder.keep_prompt(row, prompt)
        for row in wanted.examples.tolist():
            if (completion := self._text("completion", row - start)) is not None:
                step, reason = self._text("first_wrong_step", row - start), self._text("reason", row - start)
                builder.keep_example(row, completion, step, reason or "")
        self._rows, self._characters = [], 0

    def _text(self, name: str, place: int) -> Any:
        """A cell of one of TEXTS."""
        try:
            return FIELDS[name](self._rows[place].get(name))
        except ValueError as error:
            raise self._builder.fail(self._builder.rows - len(self._rows) + place, name, str(error)) from None


def column_of(builder: Builder, name: str, cells: Coded, convert: Convert) -> Coded:
    """A column of the rows to be added next, from its cells as they stand in the file."""
    column = cells.map(convert, lambda row, what: builder.fail(builder.rows + row, name, what))
    if name != "sample":
        return column
    builder.named_samples |= any(cell is not None and cell[1] for cell in column.values)
    return Coded([None if cell is None else cell[0] for cell in column.values], column.code)


def hashes(texts: Iterable[Any]) -> Rows:
    """A hash of each text; equal texts have equal ones within one run of Python."""
    return np.array([hash(text if isinstance(text, str) else repr(text)) for text in texts], dtype=np.int64)
