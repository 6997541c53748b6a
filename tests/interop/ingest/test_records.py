"""Records of every container that may hold them read alike."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from edgewise.core.errors import InputError
from edgewise.interop.ingest.records import first_records, records
from edgewise.interop.readers.base import read_head

ROWS: list[dict[str, Any]] = [
    {"id": "a;b", "text": 'say "x",\n\nthen y', "n": "1"},
    {"id": "c", "text": "é", "n": None},
]
JSON_LINES = "\n".join(map(json.dumps, ROWS))


def quoted(delimiter: str) -> str:
    cells = [list(ROWS[0]), *([row["id"], row["text"], row["n"] or ""] for row in ROWS)]
    lines = [delimiter.join('"{}"'.format(str(cell).replace('"', '""')) for cell in line) for line in cells]
    return "\n".join(lines) + "\n\n"


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


@pytest.mark.parametrize(
    "text", [JSON_LINES, json.dumps(ROWS), json.dumps(ROWS, indent=1), quoted(","), quoted(";"), quoted("\t")]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress, zstd])
def test_all_containers_give_the_same_records(tmp_path: Path, text: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "rows"
    path.write_bytes(pack(text.encode()))
    assert [record.fields for record in records(path)] == ROWS
    head = read_head(path)
    assert (head.kind, head.columns, list(head.rows)) == ("records", ("id", "text", "n"), ROWS)


def test_places_are_those_of_an_editor(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text('\na,b\n1,"two\nlines"\n3,4\n')
    assert [(record.noun, record.number) for record in records(path)] == [("line", 3), ("line", 5)]
    path.write_text(json.dumps(ROWS, indent=1))
    assert [(record.noun, record.number) for record in records(path)] == [("row", 1), ("row", 2)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells; the header has 2"),
        ("a,a\n1,2\n", "column 'a' is there twice; a column has one name"),
        ('a,b\n1,"2" 3\n', "line 2: not CSV ("),
        ('a,b\n1,"2\n', "line 2: not CSV ("),
        ('[{"a": 1}, 2]', "row 2: JSON, but not an object; a row is an object"),
        ('[{"a": 1},\n', "not JSON ("),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "rows"
    path.write_text(content)
    with pytest.raises(InputError) as error:
        list(records(path))
    assert str(error.value).removeprefix(f"{path}: ").startswith(says)


def test_nan_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text('{"a": NaN, "b": [1, NaN]}')
    assert next(iter(records(path))).fields == {"a": None, "b": [1, None]}


def test_the_head_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("\n".join(json.dumps({"a": "x" * 100}) for _ in range(50)))
    assert len(first_records(path, 10, 10**6)) == 10
    assert len(first_records(path, 50, 1000)) <= 10
    assert len(first_records(path, 50, 0)) == 1
