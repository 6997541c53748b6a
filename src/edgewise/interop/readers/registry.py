"""All readers: those of this package, and those that installed packages add under the entry point `edgewise.readers`.

A module here that defines `READER` is a reader; an entry point names such an object ("my_package.my_format:READER").
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from edgewise.core.errors import InputError
from edgewise.interop import readers
from edgewise.interop.readers.base import FileHead, Reader

GROUP = "edgewise.readers"


@cache
def all_readers() -> tuple[Reader, ...]:
    """The readers in the order in which they are asked: by priority, the highest first, then by name."""
    readers = (*_of_this_package(), *_of_others())
    return tuple(sorted(readers, key=lambda reader: (-reader.priority, reader.name.casefold())))


def find_reader(head: FileHead, columns: Mapping[str, str]) -> Reader | None:
    """The first reader that takes these columns of a file, else that recognises it; None where none does."""
    if columns and (mapped := next((reader for reader in all_readers() if reader.takes(head, columns)), None)):
        return mapped
    return next((reader for reader in all_readers() if reader.recognises(head)), None)


def known_formats() -> str:
    """The formats, as an error lists them: edgewise's own first."""
    listed = [reader for reader in all_readers() if reader.listed_as]
    return ", ".join(reader.listed_as for reader in sorted(listed, key=lambda reader: reader.priority))


def _of_this_package() -> Iterator[Reader]:
    for module in pkgutil.iter_modules(readers.__path__):
        reader = getattr(import_module(f"{readers.__name__}.{module.name}"), "READER", None)
        if isinstance(reader, Reader):
            yield reader


def _of_others() -> Iterator[Reader]:
    for point in entry_points(group=GROUP):
        try:
            reader = point.load()
        except (ImportError, AttributeError) as error:
            raise InputError(f"entry point {point.value}: cannot be imported ({error})") from None
        if not isinstance(reader, Reader):
            raise InputError(f"entry point {point.value}: must be a Reader of edgewise.interop.readers.base")
        yield reader
