"""What the first rows of a file say of its columns: which cells they have, repeat and convert."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from edgewise.interop.ingest.schema import ALIASES, CONVERTERS, TRUSTED, plain_name

Row = Mapping[str, Any]

# Names that lists of one value a sample have beside the plural of those in ALIASES.
_LIST_NAMES = {"correct": ("graded_list",), "completion": ("output_list", "code_list")}
_TEXT = re.compile(r"\n|\S\s+\S+\s+\S")
_LEAST_WORDS_SHARE = 0.5


class Head:
    """The cells of the first rows of a file, by column, and what can be said of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.names = dict.fromkeys(name for row in rows for name in row)
        self.rows = len(rows)
        self.first = frozenset(rows[0])
        self._rows = rows
        self._cells: dict[str, list[Any]] = {}
        self._spelled: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.names, key=lambda name: name != plain_name(name)):
            self._spelled[plain_name(name)].append(name)
        self._keys: dict[str, list[Hashable]] = {}

    def named(self, column: str, but: frozenset[str] | set[str] = frozenset()) -> list[str]:
        """The names of a column that the first row has, else those that any row has."""
        spelled = (name for plain in list_names(column) for name in self._spelled.get(plain, ()))
        names = [name for name in dict.fromkeys(spelled) if name not in but]
        return [name for name in names if name in self.first] or names

    def usable(self, column: str, but: frozenset[str] | set[str] = frozenset()) -> list[str]:
        """Those names of a column that have cells which convert, or a documented name and any cells."""
        return [
            name
            for name in self.named(column, but)
            if not self.is_empty(name) and (name in TRUSTED or self.converts(column, name))
        ]

    def cells(self, name: str) -> list[Any]:
        """The cells of a column, None where a row has none."""
        if name not in self._cells:
            self._cells[name] = [row.get(name) for row in self._rows]
        return self._cells[name]

    def keys(self, name: str) -> list[Hashable]:
        """What the cells of a column are compared by; None for an empty cell."""
        if name not in self._keys:
            self._keys[name] = [comparable(cell) for cell in self.cells(name)]
        return self._keys[name]

    def is_empty(self, name: str) -> bool:
        """Whether no row has a cell of this column."""
        return all(key is None for key in self.keys(name))

    def converts(self, column: str, name: str) -> bool:
        """Whether the cells can be those of the column."""
        try:
            for cell in self.cells(name):
                CONVERTERS[column](cell)
        except ValueError:
            return False
        return True

    def is_text(self, name: str) -> bool:
        """Whether most cells have a line break or three words, or are chat messages."""
        given = [cell for cell in self.cells(name) if cell is not None]
        texts = sum(isinstance(cell, list | dict) or bool(_TEXT.search(str(cell))) for cell in given)
        return texts > _LEAST_WORDS_SHARE * len(given)

    def number(self, name: str) -> int:
        """How many different values there are."""
        return len(set(self.keys(name)) - {None})

    def repeats(self, name: str) -> bool:
        """Whether two rows have the same value."""
        return self.number(name) < sum(key is not None for key in self.keys(name))

    def differs_within(self, problem_S: Sequence[Hashable], name: str) -> bool:
        """Whether two rows of one problem have different values."""
        first: dict[Hashable, Hashable] = {}
        pairs = zip(problem_S, self.keys(name), strict=True)
        return any(key is not None and first.setdefault(problem, key) != key for problem, key in pairs)

    def is_distinct_within(self, problem_S: Sequence[Hashable], name: str) -> bool:
        """Whether no two rows of one problem have the same value, and none is empty."""
        pairs = list(zip(problem_S, self.keys(name), strict=True))
        return len(set(pairs)) == len(pairs) and all(key is not None for _, key in pairs)


def list_names(column: str) -> tuple[str, ...]:
    """What a column may be called where one cell holds a list, one value a sample; the plain names come first."""
    names = ALIASES[column]
    plurals = (f"{name}{ending}" for name in names for ending in ("s", "_list"))
    return (*names, *plurals, *_LIST_NAMES.get(column, ()))


def comparable(cell: Any) -> Hashable:
    """What a cell is compared by, None for an empty one; 1, 1.0 and "1" are the same."""
    if cell is None or cell == "" or cell != cell:
        return None
    if isinstance(cell, str):
        return cell
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else repr(cell)
