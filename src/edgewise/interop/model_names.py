"""Order and name models: a known base first, steps by their number, the shortest names of files that differ.

A name says the base where one of its words does (base, start, pretrained, ...), or where it is the beginning of all
others (Qwen2.5-7B beside Qwen2.5-7B-GRPO). Names that differ only in a number, such as step 5 and step 20, are in the
order of the number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

BASE_WORDS = frozenset(
    [
        "base",
        "baseline",
        "before",
        "init",
        "initial",
        "original",
        "pre",
        "pretrain",
        "pretrained",
        "ref",
        "reference",
        "start",
        "untuned",
        "untrained",
    ]
)
# What the type of a file and its compression are called; other endings are part of a name, such as 2.5-7B.
_TYPES = re.compile(r"\.(jsonl?|ndjson|parquet|arrow|csv|tsv|txt|eval|gz|xz|bz2|zst)$", re.IGNORECASE)
_NUMBER = re.compile(r"([0-9]+)")

NaturalKey = tuple[tuple[str, int], ...]


def words_of(name: str) -> list[str]:
    """The words of a name in small letters, without numbers and signs."""
    return re.findall(r"[a-z]+", name.lower())


def natural_key(name: str) -> NaturalKey:
    """What names are sorted by so that 5 comes before 10."""
    pieces = _NUMBER.split(name)
    return tuple((text, int(digits)) for text, digits in zip(pieces[::2], [*map(int, pieces[1::2]), -1], strict=True))


def without_numbers(name: str) -> str:
    """The name with # for every number; names that differ only in numbers become equal."""
    return _NUMBER.sub("#", name)


def known_base(names: Sequence[str]) -> str | None:
    """The one of these names that says that it is the base, None where none does or several do."""
    if len(set(map(without_numbers, names))) == 1:
        return min(names, key=natural_key)
    called = [name for name in names if BASE_WORDS & set(words_of(name))]
    beginnings = [name for name in names if all(other.startswith(name) for other in names)]
    found = called or beginnings
    return found[0] if len(found) == 1 else None


def in_order(names: Sequence[str]) -> list[str]:
    """The names with the known base first, the others by their number where they differ only in that, else as given."""
    base = known_base(names)
    others = [name for name in names if name != base]
    if len(set(map(without_numbers, others))) == 1:
        others.sort(key=natural_key)
    return others if base is None else [base, *others]


def stem(name: str) -> str:
    """The name of a file without its type and compression."""
    while (shorter := _TYPES.sub("", name)) not in (name, ""):
        name = shorter
    return name


def shortest_names(paths: Sequence[Path]) -> list[str]:
    """A name for each path: the file's without its type, else the nearest folder's, else as much as tells them apart.

    Equal paths have equal names.
    """
    parts = [(*path.absolute().parts[:-1], stem(path.absolute().name)) for path in paths]
    distinct = len(set(parts))
    longest = max(map(len, parts), default=0)
    for place in range(1, longest + 1):
        names = [part[-place] if place <= len(part) else "" for part in parts]
        if "" not in names and len(set(names)) == distinct:
            return names
    tails = (["/".join(part[-length:]) for part in parts] for length in range(2, longest + 1))
    return next((names for names in tails if len(set(names)) == distinct), [])
