"""Map documented columns to the names they have in a file: `id=qid,correct=score`, checked."""

from __future__ import annotations

from collections.abc import Mapping

from edgewise.core.errors import InputError, unknown_name
from edgewise.interop.ingest.schema import ALIASES, CONVERTERS

_EXAMPLE = "write COLUMN=NAME pairs such as id=qid,correct=score"


def parse_column_map(text: str, field: str = "--map") -> dict[str, str]:
    """The pairs of `column=name,column=name`, as `column_map` returns them.

    Raises InputError, which begins with `field`, for a pair without `=`, an unknown column, or a column or name that
    stands twice.
    """
    pairs: dict[str, str] = {}
    for pair in text.split(","):
        column, equals, name = (part.strip() for part in pair.partition("="))
        if not (column and equals and name):
            raise InputError(f"{field}: {pair.strip()!r} is no pair; {_EXAMPLE}")
        if column in pairs:
            raise InputError(f"{field}: {column} stands twice; a column has one name")
        pairs[column] = name
    return column_map(pairs, field)


def column_map(columns: Mapping[str, str], field: str = "columns") -> dict[str, str]:
    """The names in the file by the columns of CONVERTERS; documented names are understood, and `id` is the problem.

    Raises InputError, which begins with `field`, for an unknown column, or one that is named twice.
    """
    known = {name: name for name in CONVERTERS if name not in ("graded_by", "compared")}
    known |= {aliases[0]: column for column, aliases in ALIASES.items()} | {"id": "problem"}
    names: dict[str, str] = {}
    for column, name in columns.items():
        if column not in known:
            raise unknown_name(field, column, sorted(known))
        if known[column] in names:
            raise InputError(f"{field}: {column} is the {known[column]} again; a column has one name")
        names[known[column]] = name
    return names
