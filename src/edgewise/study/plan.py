"""The order in which stages can run: every stage once, parents first, long paths first; and whether they can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, plain
from edgewise.study.stages import Stage


def topological_order(stages: Iterable[Stage]) -> list[Stage]:
    """All stages and their ancestors, each digest once, parents before children."""
    ordered: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        for parent in stage.parents:
            visit(parent)
        ordered.setdefault(digest(stage), stage)

    for stage in stages:
        visit(stage)
    return list(ordered.values())


def first_parents(stage: Stage) -> list[Stage]:
    """The first parent of a stage, that one's first parent, and so on to a stage without parents."""
    line = []
    while stage.parents:
        stage = stage.parents[0]
        line.append(stage)
    return line


def root(stage: Stage) -> Stage:
    """The stage without parents that began a stage's line of first parents: the stage itself where it has none."""
    return [stage, *first_parents(stage)][-1]


def without_seeds(stage: Stage) -> str:
    """What two stages share that differ in their seeds and those of their ancestors alone."""
    return repr(_unseeded(plain(stage)))


def check_stages(stages: Iterable[Stage], names: Mapping[str, str]) -> None:
    """InputError names the first stage that cannot be computed, by `names` of digests or its kind, and says why."""
    for stage in stages:
        try:
            stage.check()
        except InputError as error:
            raise InputError(f"{names.get(digest(stage), stage.kind)}: {error}") from None


def stages_after(ordered: Sequence[Stage]) -> dict[str, int]:
    """Digest -> number of stages on the longest path that starts from it, itself left out. Parents come first."""
    after = {digest(stage): 0 for stage in ordered}
    for stage in reversed(ordered):
        for parent in stage.parents:
            after[digest(parent)] = max(after[digest(parent)], after[digest(stage)] + 1)
    return after


def longest_paths_first(ordered: Sequence[Stage]) -> list[Stage]:
    """Stages that much depends on first, so that no core is left with a long path at the end. Parents come first."""
    after = stages_after(ordered)
    return sorted(ordered, key=lambda stage: -after[digest(stage)])


def ready(waiting: Mapping[str, Stage], running: Iterable[str]) -> list[str]:
    """Digests of the waiting stages of which no parent waits or is among `running`, in the order of `waiting`."""
    incomplete = {*waiting, *running}
    return [name for name, stage in waiting.items() if incomplete.isdisjoint(map(digest, stage.parents))]


def _unseeded(value: Any) -> Any:
    """A plain spec without the seeds of its stages, which are the nested fields that have a kind and a seed."""
    if isinstance(value, dict):
        of_stage = "kind" in value and "version" in value
        return {name: _unseeded(item) for name, item in value.items() if not (of_stage and name == "seed")}
    return [_unseeded(item) for item in value] if isinstance(value, list) else value
