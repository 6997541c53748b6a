"""Read lines and JSON objects of plain or gzipped text files, one at a time, with bounded memory."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from edgewise.core.errors import InputError

LINE_BYTES = 64 * 2**20

_GZIP = b"\x1f\x8b"


def text_lines(path: Path, limit: int = LINE_BYTES) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1.

    Raises InputError naming file and line where the file cannot be read or unpacked, is not UTF-8 or
    has a line of more than `limit` bytes.
    """
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
                if not text.isspace():
                    yield number, text
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read after line {number} ({error_summary(error)}); is it whole?") from None


def parse_json(text: str, where: str) -> Any:
    """Parse a JSON text; InputError beginning with `where` when it is not JSON, or holds NaN or infinity."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg}, character {error.pos + 1})") from None
    except RecursionError:
        raise InputError(f"{where}: not JSON of any use: nested too deep") from None
    except ValueError as error:
        raise InputError(f"{where}: {error_summary(error)}") from None


def json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any], int]]:
    """The line number, JSON object and length in characters of each line that is not blank."""
    for number, text in text_lines(path):
        value = parse_json(text, f"{path}: line {number}")
        if not isinstance(value, dict):
            raise InputError(f"{path}: line {number}: JSON, but not an object; write one object a line")
        yield number, value, len(text)


def error_summary(error: BaseException) -> str:
    """The first line of an error's message; it may quote bytes of the file, so that only printable ones are kept."""
    message = str(error).splitlines() or [type(error).__name__]
    return "".join(letter if letter.isprintable() else "?" for letter in message[0][:200])


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        compressed = stream.read(2) == _GZIP
    return cast(IO[bytes], gzip.open(path)) if compressed else path.open("rb")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON; write null where there is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
