"""Digest of a stage's outputs by content, and the first thing in which two outputs differ.

**Covered** are the files of a stage's folder, by what they hold:
- `.safetensors`: name, type, shape and numbers of every tensor (weights);
- `.parquet`: name, type and values of every column, in the order of the rows (rollouts, outcomes);
- `.jsonl`: every field of every line (metrics, kept groups), and `.json`: every field (configuration, tokenizer);
- any other file: its bytes.

**Outside** are spec.json, whose digest is the folder's name; provenance.json, which holds times, host and versions; the
checkpoint of a stage under way; `.py` files, which are code for other libraries; fields of metrics that say when, where
or how fast (`OUTSIDE`); and how a file is written: compression, version of the writer, order of keys, spaces.

No path, time, host or version enters, so two machines that compute the same have the same digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import SafetensorError, deserialize

from edgewise.core.errors import InputError
from edgewise.training.metrics_file import METRICS

SPEC = "spec.json"
PROVENANCE = "provenance.json"

# Fields of metrics that are no result.
OUTSIDE = ("seconds", "time", "host", "machine", "path")

# Rows of a table that are read, and named, together.
_ROWS = 256

_Part = tuple[str, bytes]
"""What a part of a file is called, and its content."""


def output_digests(folder: Path) -> dict[str, str]:
    """Output -> 16 hexadecimal digits of its content, in the order in which a stage makes them: metrics, then the rest.

    The outputs are named by their place in the folder. InputError names a file that cannot be read.
    """
    return {name: _digest(folder / name) for name in _outputs(folder)}


def alteration(folder: Path, recorded: Mapping[str, str]) -> tuple[str, str] | None:
    """The first output of a folder that is not as recorded, and what is wrong with it; None where all are."""
    found = output_digests(folder)
    for output in in_output_order({**found, **recorded}):
        if output not in recorded:
            return output, "is there and is not recorded"
        if output not in found:
            return output, "is recorded and is not there"
        if found[output] != recorded[output]:
            return output, f"was altered after it was recorded: {found[output]}, recorded {recorded[output]}"
    return None


def in_output_order(outputs: Iterable[str]) -> list[str]:
    """Names of outputs in the order in which a stage makes them: metrics, what else it logs, then the rest."""
    return sorted(outputs, key=lambda name: (name != METRICS, not name.endswith(".jsonl"), name))


def digest_of_outputs(outputs: Mapping[str, str]) -> str:
    """16 hexadecimal digits for all outputs of a stage, to be published in one word."""
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()[:16]


def first_difference(recorded: Path, again: Path) -> str | None:
    """The first part in which two files of one output differ: "step 17: loss is 0.25, recorded 0.26"; None where none.

    A short value is shown, a long one only named.
    """
    for old, new in zip_longest(_parts(recorded), _parts(again)):
        if old == new:
            continue
        if old is None or new is None or old[0] != new[0]:
            lost = old is not None and old[0] not in {name for name, _ in _parts(again)}
            return f"{old[0]} is missing" if old and lost else f"{new[0] if new else again.name} is new"
        was, now = (part[1].decode() if _is_short(recorded, part[1]) else "" for part in (old, new))
        return f"{old[0]} is {now}, recorded {was}" if was and now else f"{old[0]} differs"
    return None


def _is_short(path: Path, value: bytes) -> bool:
    return path.suffix in (".json", ".jsonl") and len(value) <= 40


def _outputs(folder: Path) -> list[str]:
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return in_output_order(path.as_posix() for path in paths if not _is_outside(path))


def _is_outside(path: Path) -> bool:
    # A run that was killed may have left `checkpoint.old`, or the half of a file with `.new` in its name.
    of_checkpoint = path.parts[0].partition(".")[0] == "checkpoint"
    return of_checkpoint or path.suffix in (".py", ".new") or path.as_posix() in (SPEC, PROVENANCE)


def _digest(path: Path) -> str:
    content = hashlib.sha256()
    for name, value in _parts(path):
        for piece in (name.encode(), value):
            content.update(len(piece).to_bytes(8, "little"))
            content.update(piece)
    return content.hexdigest()[:16]


def _parts(path: Path) -> Iterator[_Part]:
    """The content of a file, part by part; InputError where it is not of the kind that its name says."""
    reader = _READERS.get(path.suffix, _bytes)
    try:
        yield from reader(path)
    except (OSError, ValueError, pa.ArrowException, SafetensorError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {path.parent}") from None


def _bytes(path: Path) -> Iterator[_Part]:
    yield "the content", path.read_bytes()


def _fields(path: Path) -> Iterator[_Part]:
    document = json.loads(path.read_bytes())
    for name, value in sorted(document.items()) if isinstance(document, dict) else [("the content", document)]:
        yield str(name), _canonical(value)


def _lines(path: Path) -> Iterator[_Part]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        record = json.loads(line)
        if not isinstance(record, dict):
            yield f"line {number + 1}", _canonical(record)
            continue
        place = f"step {record['step']}" if "step" in record else f"line {number + 1}"
        for name, value in sorted(record.items()):
            if name not in OUTSIDE and not name.endswith("_seconds"):
                yield f"{place}: {name}", _canonical(value)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _tensors(path: Path) -> Iterator[_Part]:
    for name, tensor in sorted(deserialize(path.read_bytes())):  # type: ignore[no-untyped-call]
        yield f"tensor {name}", f"{tensor['dtype']} {list(tensor['shape'])} ".encode() + bytes(tensor["data"])


def _columns(path: Path) -> Iterator[_Part]:
    table = pq.read_table(path)
    yield "the list of columns", "\n".join(f"{field.name}: {field.type}" for field in table.schema).encode()
    for start in range(0, len(table), _ROWS):
        rows = table.slice(start, _ROWS).combine_chunks()
        for name in table.column_names:
            column = b"".join(chunk for part in rows[name].chunks for chunk in _buffers(part))
            yield f"column {name}, rows {start + 1} to {start + len(rows)}", column


def _buffers(array: pa.Array) -> Iterator[bytes]:
    """The values of an array as bytes that do not depend on its offset, its chunks or what stands under its nulls."""
    kind = array.type
    yield array.is_valid().cast(pa.uint8()).to_numpy(zero_copy_only=False).tobytes()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield pc.list_value_length(array).fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False).tobytes()
        yield from _buffers(array.flatten())
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        yield array.fill_null(0).to_numpy(zero_copy_only=False).tobytes()
    else:
        values = array.to_pylist()
        yield _canonical([value if isinstance(value, str | bool | None) else repr(value) for value in values])


_READERS: Mapping[str, Callable[[Path], Iterator[_Part]]] = {
    ".safetensors": _tensors,
    ".parquet": _columns,
    ".jsonl": _lines,
    ".json": _fields,
}
