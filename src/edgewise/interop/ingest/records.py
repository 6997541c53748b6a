"""Read the records of a text file, whatever holds them: JSON lines, a JSON array or CSV (comma, semicolon, tab).

A record is a JSON object, or a row of a CSV file by the names of its header; an empty cell of that is None.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from edgewise.core.errors import InputError
from edgewise.interop.ingest.lines import LINE_BYTES, all_lines, json_document, parse_json, text_lines

Container = Literal["lines", "document", "csv", "unknown"]

_DELIMITERS = ",;\t"
_HEADER_CHARACTERS = 100_000


class Record(NamedTuple):
    """A record, its place in the file ("line" 3 or "row" 3) and how many characters it takes, about."""

    noun: str
    number: int
    fields: dict[str, Any]
    characters: int


def records(path: Path) -> Iterator[Record]:
    """The records of a file, one at a time. InputError naming file and place where there is none or one is broken."""
    container = container_of(path)
    if container == "csv":
        return _csv_records(path)
    return _array_records(path) if container == "document" else _line_records(path)


def container_of(path: Path) -> Container:
    """What holds the records, from the first line that is not blank."""
    first = next((text.strip() for _, text in text_lines(path)), "")
    if first[:1] in ("{", "["):
        try:
            value = json.loads(first)
        except RecursionError:
            return "lines"
        except ValueError as error:
            # A document goes on over many lines; a line that breaks off before its end is a mistake in it.
            ends = isinstance(error, json.JSONDecodeError) and error.pos >= len(first)
            return "document" if ends else "lines"
        return "document" if isinstance(value, list) else "lines"
    return "csv" if _delimiter(first) else "unknown"


def _line_records(path: Path) -> Iterator[Record]:
    file = str(path)
    for number, text in text_lines(path):
        value = parse_json(text, f"{file}: line {number}")
        if not isinstance(value, dict):
            raise InputError(f"{path}: line {number}: JSON, but not an object; write one object a line")
        yield Record("line", number, value, len(text))


def _array_records(path: Path) -> Iterator[Record]:
    rows = json_document(path)
    if not isinstance(rows, list):
        raise InputError(f"{path}: one JSON value, but not a list of rows; write one object a line")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"{path}: row {number}: JSON, but not an object; a row is an object")
        yield Record("row", number, row, sum(len(cell) for cell in row.values() if isinstance(cell, str)))


def _csv_records(path: Path) -> Iterator[Record]:
    lines = all_lines(path)
    number, header = next((number, text) for number, text in lines if not text.isspace())
    delimiter = _delimiter(header.strip())
    csv.field_size_limit(LINE_BYTES)
    reader = csv.reader(chain([header], (text for _, text in lines)), delimiter=delimiter, strict=True)
    before = number - 1
    line = before
    names: list[str] = []
    try:
        for cells in reader:
            line, first = before + reader.line_num, line + 1
            cells = [cell.strip() for cell in cells]
            if not names:
                names = cells
                repeated = next((name for name in names if name and names.count(name) > 1), None)
                if repeated is not None:
                    raise InputError(f"{path}: column {repeated!r} is there twice; a column has one name")
                continue
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise InputError(f"{path}: line {first}: {len(cells)} cells; the header has {len(names)}")
            fields = {name: cell or None for name, cell in zip(names, cells, strict=True) if name}
            yield Record("line", first, fields, sum(map(len, cells)))
    except csv.Error as error:
        raise InputError(f"{path}: line {line + 1}: not CSV ({error}); quote cells that hold {delimiter!r}") from None


def _delimiter(header: str) -> str:
    """What separates the names of a CSV header; "" where the line is no header."""
    if len(header) > _HEADER_CHARACTERS:
        return ""
    counts = {delimiter: header.count(delimiter) for delimiter in _DELIMITERS}
    delimiter = max(counts, key=counts.__getitem__)
    return delimiter if counts[delimiter] else ""


def first_records(path: Path, most: int, characters: int) -> tuple[Record, ...]:
    """The first `most` records, fewer where they are longer than `characters` all together; at least one."""
    taken, size = [], 0
    for record in islice(records(path), most):
        taken.append(record)
        size += record.characters
        if size > characters:
            break
    return tuple(taken)
