"""Collect rows that are read one at a time into batches of columns, and add them to the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.interop.ingest.cells import CellConverter
from edgewise.interop.ingest.columns import DictionaryColumn
from edgewise.interop.ingest.schema import CONVERTERS, TEXT_COLUMNS
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.ingest.texts import answer_marks, text_hashes

# A batch ends at whichever comes first.
_BATCH_ROWS = 4096
_BATCH_CHARACTERS = 16 * 2**20


class RowBatcher:
    """Collects the rows of one file, whose cells are named as in CONVERTERS, and adds them to the table in batches.

    `converters` holds those columns whose cells mean something else than CONVERTERS says, and `constants` names that
    all rows have which have no such cell.
    """

    def __init__(
        self,
        table: RolloutTable,
        file: Path,
        converters: Mapping[str, CellConverter] | None = None,
        constants: Mapping[str, str | None] | None = None,
    ) -> None:
        self._table = table
        self._file = file
        self._converters = CONVERTERS | dict(converters or {})
        self._constants = {name: value for name, value in (constants or {}).items() if value is not None}
        self._rows: list[dict[str, Any]] = []
        self._characters = 0
        self._noun, self._number = "", -1
        self._repeats = False

    def add(self, noun: str, number: int, row: dict[str, Any], characters: int) -> None:
        """Add a row that is `noun` `number` of the file and `characters` long."""
        if number != self._number + 1 or self._repeats or noun != self._noun:
            is_same = number == self._number and noun == self._noun
            if not (is_same and self._repeats):
                # Several samples may stand in one row of the file.
                start = self._table.rows + len(self._rows)
                self._table.origins.mark(start, self._file, noun, number, step=0 if is_same else 1)
                self._repeats = is_same
            self._noun = noun
        self._number = number
        self._rows.append(row)
        self._characters += characters
        if len(self._rows) >= _BATCH_ROWS or self._characters >= _BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Add the rows collected so far to the table; to be called at the end of the file."""
        if not self._rows:
            return
        table, start, size = self._table, self._table.rows, len(self._rows)
        present = set().union(*self._rows)
        cells = {name: [row.get(name) for row in self._rows] for name in CONVERTERS if name in present}
        columns = {
            name: converted_column(table, name, DictionaryColumn.of(column), self._converters[name])
            for name, column in cells.items()
            if name not in TEXT_COLUMNS
        }
        for name, value in self._constants.items():
            if name not in columns:
                columns[name] = DictionaryColumn([value], np.zeros(size, np.int32))
        wanted = table.add(size, columns)
        for name, comparison in (
            ("completion", table.completion_texts),
            ("compared", table.completion_texts),
            ("prompt", table.prompt_texts),
        ):
            if texts := cells.get(name):
                given_S = np.array([text is not None for text in texts])
                table.compare_texts(comparison, start, text_hashes(texts), given_S, texts.__getitem__)
                if name == "completion":
                    table.mark_texts(start, answer_marks(texts))
        for row in wanted.prompts.tolist():
            if (prompt := self._text(start, row, "prompt")) is not None:
                table.texts.keep_prompt(row, prompt)
        for row in wanted.completions.tolist():
            if (completion := self._text(start, row, "completion")) is not None:
                step, reason = (self._text(start, row, name) for name in ("first_wrong_step", "reason"))
                table.texts.keep_completion(row, completion, step, reason or "")
        if table.listener is not None:
            process = table.columns.get("process")
            table.listener(
                [self._constants | row for row in self._rows],
                table.columns["verdict"].slice(start, start + size),
                None if process is None else process.slice(start, start + size),
            )
        self._rows, self._characters = [], 0

    def _text(self, start: int, row: int, name: str) -> Any:
        """The cell of a row of this batch in one of TEXT_COLUMNS."""
        try:
            return CONVERTERS[name](self._rows[row - start].get(name))
        except ValueError as error:
            raise self._table.error(row, name, str(error)) from None


def converted_column(
    table: RolloutTable, name: str, column: DictionaryColumn, convert_cell: CellConverter
) -> DictionaryColumn:
    """Convert a column of the rows that are added to the table next; an error names the row."""
    converted = column.convert(convert_cell, lambda row, problem: table.error(table.rows + row, name, problem))
    if name != "sample":
        return converted
    table.samples_are_named |= any(cell is not None and cell[1] for cell in converted.values)
    return DictionaryColumn([None if cell is None else cell[0] for cell in converted.values], converted.code_S)
