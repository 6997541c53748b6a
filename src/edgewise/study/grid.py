"""Grids of settings for arms: product, zip and chain of named choices over mixtures, recipes, budgets or anything else.

    recipes = choices("recipe", {"GRPO": named_recipe("grpo/small"), "MaxRL": named_recipe("maxrl/small")})
    deep = choices("share", {"1% deep": 0.01, "10% deep": 0.1})
    arms = {name: arm(**point) for name, point in product(recipes, deep).items()}

A grid maps the name of an arm to its settings. Every operation refuses what would lose an arm or a setting: two points
of one name, one setting from two grids, grids of unequal length side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product as every_combination
from typing import Any

from edgewise.core.errors import InputError

Point = Mapping[str, Any]
Grid = Mapping[str, Point]


def choices(setting: str, named: Mapping[str, Any]) -> Grid:
    """A grid of one setting: name -> value becomes name -> {setting: value}."""
    if not named:
        raise InputError(f"{setting}: has no choice; give at least one")
    return {name: {setting: value} for name, value in named.items()}


def product(*grids: Grid) -> Grid:
    """Every combination of a point of each grid, the last grid's fastest; names are joined by commas."""
    return _joined(every_combination(*(grid.items() for grid in grids)))


def zipped(*grids: Grid) -> Grid:
    """The first points of all grids as one, the second ones as one, and so on; InputError unless equally many."""
    sizes = [len(grid) for grid in grids]
    if len(set(sizes)) > 1:
        raise InputError(f"zipped: grids of {', '.join(map(str, sizes))} points; side by side they need equally many")
    return _joined(zip(*(grid.items() for grid in grids), strict=True))


def chain(*grids: Grid) -> Grid:
    """The points of all grids, one grid after the other."""
    return _by_name((name, point) for grid in grids for name, point in grid.items())


def _joined(combinations: Iterable[tuple[tuple[str, Point], ...]]) -> Grid:
    return _by_name((", ".join(name for name, _ in points), _merged(points)) for points in combinations)


def _merged(points: Iterable[tuple[str, Point]]) -> Point:
    merged: dict[str, Any] = {}
    for name, point in points:
        twice = next((setting for setting in point if setting in merged), None)
        if twice is not None:
            raise InputError(f"{name}: sets {twice!r}, which another grid sets too; leave it to one of them")
        merged |= point
    return merged


def _by_name(points: Iterable[tuple[str, Point]]) -> Grid:
    grid: dict[str, Point] = {}
    for name, point in points:
        if name in grid:
            raise InputError(f"{name}: two points of the grid have this name; give them different ones")
        grid[name] = point
    return grid
