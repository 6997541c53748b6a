"""The words of graph arithmetic: names of places, of kinds and of their total. A new setting is a new file.

A word file is JSON: `released` (the name of the template in the released data), `places` and `kinds` (groups
of names; a problem takes its places from one group and its kinds from one) and `total` (a place's total).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edgewise.core.errors import InputError
from edgewise.tasks.graph.graph import TOTAL, Quantity


@dataclass(frozen=True)
class Setting:
    """Places and kinds in groups; `total` names the total of a place, e.g. "total number of schools"."""

    name: str
    released: str
    places: tuple[tuple[str, ...], ...]
    kinds: tuple[tuple[str, ...], ...]
    total: str

    @property
    def place_names(self) -> tuple[str, ...]:
        """All places, group after group: what `Quantity.place` counts."""
        return tuple(name for group in self.places for name in group)

    @property
    def kind_names(self) -> tuple[str, ...]:
        """All kinds, group after group: what `Quantity.kind` counts."""
        return tuple(name for group in self.kinds for name in group)

    def name_of(self, quantity: Quantity) -> str:
        """E.g. "adult owl in Pine Ridge", "total number of adult animals in Pine Ridge"."""
        kind = self.total if quantity.kind == TOTAL else self.kind_names[quantity.kind]
        return f"{kind} in {self.place_names[quantity.place]}"


def setting_names() -> tuple[str, ...]:
    """The settings that have a word file."""
    folder = resources.files("edgewise.tasks.graph") / "settings"
    return tuple(sorted(file.name.removesuffix(".json") for file in folder.iterdir() if file.name.endswith(".json")))


@cache
def setting_named(name: str) -> Setting:
    """The setting of a word file; InputError if there is none."""
    if name not in setting_names():
        raise InputError(f"settings: must be among {', '.join(setting_names())}, is {name!r}")
    file = resources.files("edgewise.tasks.graph") / "settings" / f"{name}.json"
    words = json.loads(file.read_text(encoding="utf-8"))
    groups = {part: tuple(map(tuple, words[part])) for part in ("places", "kinds")}
    return Setting(name=name, released=words["released"], total=words["total"], **groups)
