"""Read lines and JSON of text files, plain or compressed (gzip, xz, bzip2, zstandard), with bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from edgewise.core.errors import InputError

LINE_BYTES = 64 * 2**20
DOCUMENT_BYTES = 256 * 2**20


def _open_zstd(path: Path) -> IO[bytes]:
    return io.BufferedReader(cast(io.RawIOBase, pa.input_stream(str(path), compression="zstd")))


# How compressed files begin, and what opens them.
COMPRESSED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)


def text_lines(path: Path, limit: int = LINE_BYTES) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1.

    Raises InputError naming file and line where the file cannot be read or unpacked, is not UTF-8 or
    has a line of more than `limit` bytes.
    """
    return _lines(path, limit, blank=False)


def all_lines(path: Path, limit: int = LINE_BYTES) -> Iterator[tuple[int, str]]:
    """As `text_lines`, with the blank lines."""
    return _lines(path, limit, blank=True)


def _lines(path: Path, limit: int, *, blank: bool) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with _opened(path) as stream:
            while line := stream.readline(limit + 1):
                number += 1
                if len(line) > limit:
                    raise InputError(f"{path}: line {number}: longer than {limit:,} bytes; write one row a line")
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{path}: line {number}: byte {error.start} is not UTF-8; save the file as UTF-8"
                    ) from None
                if blank or not text.isspace():
                    yield number, text
    except _BROKEN as error:
        raise InputError(f"{path}: cannot be read after line {number} ({error_summary(error)}); is it whole?") from None


def parse_json(text: str, where: str) -> Any:
    """Parse a JSON text; NaN, which Python writes for a number that is missing, is None.

    Raises InputError beginning with `where` when the text is not JSON.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg}, character {error.pos + 1})") from None
    except RecursionError:
        raise InputError(f"{where}: not JSON of any use: nested too deep") from None
    except ValueError as error:
        raise InputError(f"{where}: {error_summary(error)}") from None


def json_document(path: Path) -> Any:
    """The one JSON value that a whole file holds. InputError where it is not JSON or larger than DOCUMENT_BYTES."""
    parts, size = [], 0
    for _, text in all_lines(path, DOCUMENT_BYTES):
        size += len(text)
        if size > DOCUMENT_BYTES:
            raise InputError(f"{path}: more than {DOCUMENT_BYTES:,} bytes of JSON; write JSONL, one row a line")
        parts.append(text)
    return parse_json("".join(parts), str(path))


def error_summary(error: BaseException) -> str:
    """The first line of an error's message; it may quote bytes of the file, so that only printable ones are kept."""
    message = str(error).splitlines() or [type(error).__name__]
    return "".join(letter if letter.isprintable() else "?" for letter in message[0][:200])


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        magic = stream.read(6)
    for beginning, open_file in COMPRESSED.items():
        if magic.startswith(beginning):
            return cast(IO[bytes], open_file(path))
    return path.open("rb")


_DECODER = json.JSONDecoder(parse_constant=lambda constant: None if constant == "NaN" else float(constant))
