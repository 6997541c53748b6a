"""Guess what --map would name of a file whose columns are not known, for the error that refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from edgewise.core.errors import InputError
from edgewise.interop.ingest.head import Head
from edgewise.interop.ingest.schema import name_list

# A guess looks at so many columns.
_GUESSED_NAMES = 200


def missing_column(head: Head, where: str, column: str) -> InputError:
    """The error that a needed column is missing, with the columns that are there and the map to try."""
    guess = guess_map(head, [column])
    advice = f"; try --map {guess}" if guess else ""
    return InputError(f"{where}: no column {column}; there are {name_list(list(head.names))}{advice}")


def guess_map(head: Head, missing: Sequence[str] = ("problem_id", "correct")) -> str:
    """What --map would name the missing columns, "" where nothing looks like one of them."""
    verdict = next(_guesses(head, "correct", ("correct", "right", "pass", "grad", "score", "reward", "acc")), None)
    guesses = {"correct": verdict}
    hints = ("id", "idx", "index", "problem", "question", "task", "name", "hash", "prompt", "key")
    guesses["problem_id"] = next((name for name in _guesses(head, "problem", hints) if name != verdict), None)
    pairs = [("id" if column == "problem_id" else column, guesses[column]) for column in missing]
    return ",".join(f"{key}={name}" for key, name in pairs if name)


def _guesses(head: Head, column: str, hints: Sequence[str]) -> Iterator[str]:
    """The names of columns whose cells convert and differ: those with a hint in their name, then the others; an id
    repeats there."""
    fitting = [
        name
        for name in islice(head.names, _GUESSED_NAMES)
        if name.isprintable() and len(name) <= 100 and head.number(name) > 1 and head.converts(column, name)
    ]
    if column == "problem":
        fitting = [name for name in fitting if not head.is_text(name)]
    yield from (name for name in fitting if any(hint in name.lower() for hint in hints))
    yield from (name for name in fitting if column == "correct" or head.repeats(name))
