"""Descriptions of algorithms: name, source, formula and use, from which docs/algorithms.md is written.

A module declares its own in a constant `DESCRIPTIONS`, below function and spec: `Description` in `rl/advantages/` and
`rl/losses/`, `RewardDescription` in `rl/rewards/`. The page collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """One advantage or loss, in Markdown; `formula` is LaTeX.

    `function` is the pure function, or says in words why there is none. `recipe` holds the settings that choose the
    algorithm in a recipe. `update` says what it does on average, `use` when to take it.

    Of an advantage, tests check two more statements, with the numbers that `recipe` gives it. `weight(p, n)` is the
    exact w(p): with 0/1 rewards, n samples of equal length and a greedy reward of 0, the expected update of a problem
    of pass rate p is w(p) times the gradient of p. It is None where there is no closed form, and where other problems
    of the batch matter. `zero_if_equal`: a problem whose rewards are all equal gets advantages of exactly 0.
    """

    title: str
    function: Callable[..., Any] | str
    recipe: str
    source: str
    formula: str
    assumes: str
    update: str
    use: str
    weight: Callable[[float, int], float] | None = None
    zero_if_equal: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardDescription:
    """One reward: its setting in a recipe, its pure functions, what it pays, and its use or source."""

    recipe: str
    functions: tuple[Callable[..., Any], ...] = ()
    pays: str
    use: str = ""


def descriptions_of(modules: Iterable[ModuleType]) -> list[Any]:
    """The descriptions that the modules declare, in their order."""
    return [description for module in modules for description in getattr(module, "DESCRIPTIONS", ())]
