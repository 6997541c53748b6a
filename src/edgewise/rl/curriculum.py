"""Curriculum: which problems a run trains on, and in what order.

`Curriculum` is one of four choices, `CurriculumState` the progress of one. Every problem is of one split of the world:
the stage says which. Which problems come next depends on the binary outcomes of those before and never on a shaped
reward, which can be high for what is wrong. A sample that is unscorable counts as not solved.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.core.spec import Spec, by_name
from edgewise.model.fixed_order import average, total
from edgewise.rl.coverage import check_outcomes
from edgewise.tasks.base import Problem, Split, World, first_distinct


def check_problems(world: World, split: Split, seed: int) -> None:
    """InputError where the split holds no problem of one of the world's levels."""
    for source in world.sources():
        for level in source.levels:
            try:
                source.at_level(level).problem(split, seed, 0)
            except InputError as error:
                raise InputError(
                    f"split: {error}; or let the stage draw from another split, of which train is the largest"
                ) from None


class CurriculumState(ABC):
    """The progress of a curriculum. All that it remembers is in its tensors."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._state = state

    @abstractmethod
    def next(self, count: int) -> list[Problem]:
        """The next `count` problems to sample; fewer, possibly none, where the curriculum has no more."""

    def learn(self, problems: Sequence[Problem], solved_PG: Tensor) -> None:
        """Use the binary outcomes (bool) of problems that `next` gave; one may come twice.

        InputError on outcomes that are not bool [problems, samples], and on problems that are not of this curriculum.
        """
        check_outcomes(problems, solved_PG)
        self._learn(problems, solved_PG.sum(1).cpu(), solved_PG.shape[1])

    @abstractmethod
    def _learn(self, problems: Sequence[Problem], solved_P: Tensor, samples: int) -> None: ...

    def metrics(self) -> dict[str, float]:
        """What to log about the progress; empty where there is nothing to say."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, copied."""
        return {name: tensor.clone() for name, tensor in self._state.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, in place of what is there; InputError where it is of another curriculum."""
        if {name: (t.shape, t.dtype) for name, t in tensors.items()} != {
            name: (t.shape, t.dtype) for name, t in self._state.items()
        }:
            raise InputError("checkpoint of another curriculum")
        self._state = {name: tensor.cpu().clone() for name, tensor in tensors.items()}


class FreshProblems(Spec):
    """Fresh problems without end: problem i of the run is problem i of the split under the run's seed."""

    kind: Literal["uniform"] = "uniform"

    def start(self, world: World, split: Split, seed: int) -> CurriculumState:
        return _Fresh(world, split, seed)


class ProblemPool(Spec):
    """A fixed set: the first `size` problems of the split that differ in what they ask.

    Each comes once an epoch, in an order drawn for the epoch. A batch that goes over the end of
    an epoch holds no problem twice; what it had to pass over comes later in that epoch.

    With `retire_at`, a problem never comes again once the pass rate over all its samples so far
    is at least that, after `retire_after` visits (groups of samples) or more: the "no positive resampling" of ScaleRL
    (Khatri et al. 2025, arXiv 2510.13786), which retires at 0.9. Where fewer problems are left than
    a batch asks for, it gets those.
    """

    kind: Literal["pool"] = "pool"
    size: int = Field(ge=1, description="different problems")
    retire_at: float | None = Field(None, gt=0, le=1, description="pass rate; null: none retires")
    retire_after: int = Field(1, ge=1, description="visits before which none retires")

    @model_validator(mode="after")
    def _retires_by_a_rate(self) -> Self:
        if self.retire_after > 1 and self.retire_at is None:
            raise ValueError("retire_after: no problem retires; set retire_at, or leave retire_after at 1")
        return self

    def start(self, world: World, split: Split, seed: int) -> CurriculumState:
        """InputError where the world is not seen to have that many different problems."""
        return _Pooled(self, _different(world, split, seed, self.size), world, split, seed)


class TargetedLevels(Spec):
    """Levels are drawn more often the nearer their pass rate is to `pass_rate`.

    The weight of a level is exp(-((p - pass_rate) / width)^2 / 2) + floor, where p is an exponential
    average of the share of solved samples on the level: p <- memory p + (1 - memory) share at each
    visit, and the share itself at the first. All problems of a level in one call of `CurriculumState.learn` are
    one visit. A level that was never visited counts as on target. How often the world itself draws a
    level plays no part.

    The gradient of a group-centred estimator grows with p (1 - p), largest at 0.5.
    """

    kind: Literal["targeted"] = "targeted"
    pass_rate: float = Field(0.5, ge=0, le=1)
    width: float = Field(0.2, gt=0)
    memory: float = Field(0.9, ge=0, lt=1)
    floor: float = Field(0.05, gt=0)

    def weights(self, rate_L: Tensor, seen_L: Tensor) -> Tensor:
        """How often each level is drawn, up to a common factor, by its average pass rate if it was seen (bool)."""
        distance_L = torch.where(seen_L, rate_L - self.pass_rate, 0.0) / self.width
        closeness = [math.exp(-0.5 * distance * distance) for distance in distance_L.tolist()]
        return torch.tensor(closeness, dtype=distance_L.dtype) + self.floor

    def start(self, world: World, split: Split, seed: int) -> CurriculumState:
        """InputError where the world has a single level."""
        return _Levelled(self, world, split, seed)


class EdgeLevels(Spec):
    """Only levels at the edge of competence, those with a pass rate from `least` to `most`, equally often.

    The pass rate is the exponential average of `TargetedLevels`; a level that was never visited counts as
    inside. Where no level is inside, the nearest is drawn, or all of the nearest where several are as near.

    Levels outside are not visited while any is inside, so what was measured of them stays: a level
    that one visit found unsolved comes back when those inside have left. `memory` says nothing of a
    first visit; more samples a visit make it fairer.

    "Interplay" (arXiv 2512.07783) calls edge what a base solves rarely but not never, and chooses it
    once, before RL, by the number of operations: its base, pre-trained on 2 to 10, solves 11 to 14
    with pass@1 near 0.17 and pass@128 near 0.42. To train on that fixed range is `FreshProblems` on a
    world of those levels. Here the range follows the policy as it learns, and is one of mean pass rates of
    levels: at 0.02 a level may hold problems solved at 0.02 each, or two in a hundred always
    solved and the rest never, of which only the first are an edge.
    """

    kind: Literal["edge"] = "edge"
    least: float = Field(0.02, ge=0, le=1)
    most: float = Field(0.5, ge=0, le=1)
    memory: float = Field(0.9, ge=0, lt=1)

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.least >= self.most:
            raise ValueError(f"least must be below most ({self.most}), is {self.least}")
        return self

    def weights(self, rate_L: Tensor, seen_L: Tensor) -> Tensor:
        """1 for levels that are drawn, 0 for others, by their average pass rate if they were seen (bool)."""
        outside_L = torch.maximum(self.least - rate_L, rate_L - self.most).clamp(min=0)
        distance_L = torch.where(seen_L, outside_L, 0.0)
        return (distance_L == distance_L.min()).to(rate_L.dtype)

    def start(self, world: World, split: Split, seed: int) -> CurriculumState:
        """InputError where the world has a single level."""
        return _Levelled(self, world, split, seed)


Curriculum = Annotated[
    FreshProblems | ProblemPool | TargetedLevels | EdgeLevels,
    Field(discriminator="kind"),
    by_name("kind"),
]
"""One of them, told apart by `kind`; a bare name stands for the choice with its defaults."""


class _Fresh(CurriculumState):
    """`asked` problems so far."""

    def __init__(self, world: World, split: Split, seed: int) -> None:
        super().__init__({"asked": torch.tensor(0)})
        self._world, self._split, self._seed = world, split, seed

    def next(self, count: int) -> list[Problem]:
        first = int(self._state["asked"])
        self._state["asked"] += count
        return [self._world.problem(self._split, self._seed, index) for index in range(first, first + count)]

    def _learn(self, problems: Sequence[Problem], solved_P: Tensor, samples: int) -> None:
        pass


class _Pooled(CurriculumState):
    """The visits, samples and solved samples of each problem; which are retired, and which came this epoch.

    That a problem is retired is kept apart from its counts: samples that were under way when it retired must not bring
    it back.
    """

    def __init__(self, spec: ProblemPool, index_of: dict[str, int], world: World, split: Split, seed: int) -> None:
        counts = {name: torch.zeros(spec.size, dtype=torch.int64) for name in ("visits", "samples", "solved")}
        flags = {name: torch.zeros(spec.size, dtype=torch.bool) for name in ("retired", "asked")}
        super().__init__({**counts, **flags, "epoch": torch.tensor(0)})
        self._spec, self._world, self._split, self._seed = spec, world, split, seed
        self._index_P = list(index_of.values())
        self._place = {name: place for place, name in enumerate(index_of)}

    def next(self, count: int) -> list[Problem]:
        state = self._state
        left_P = ~state["retired"]
        wanted = min(count, int(left_P.sum()))
        taken: list[int] = []
        while len(taken) < wanted:
            free_P = left_P & ~state["asked"]
            free_P[taken] = False
            order_P = _order(self._seed, int(state["epoch"]), self._spec.size)
            now = order_P[free_P[order_P]][: wanted - len(taken)].tolist()
            state["asked"][now] = True
            taken += now
            if len(taken) < wanted:
                state["epoch"] += 1
                state["asked"].zero_()
        return [self._world.problem(self._split, self._seed, self._index_P[place]) for place in taken]

    def _learn(self, problems: Sequence[Problem], solved_P: Tensor, samples: int) -> None:
        try:
            place_P = torch.tensor([self._place[problem.id] for problem in problems], dtype=torch.int64)
        except KeyError as error:
            raise InputError(f"problems: {error} is not of this pool; learn only from what `next` gave") from None
        state = self._state
        state["visits"].index_add_(0, place_P, torch.ones_like(place_P))
        state["samples"].index_add_(0, place_P, torch.full_like(place_P, samples))
        state["solved"].index_add_(0, place_P, solved_P)
        if self._spec.retire_at is not None:
            ripe_P = state["visits"] >= self._spec.retire_after
            state["retired"] |= ripe_P & (self._rates() >= self._spec.retire_at)

    def metrics(self) -> dict[str, float]:
        """Epochs begun before this one, the share of problems retired, and the mean over problems of the pass
        rate over all samples so far, of those visited."""
        progress = {
            "pool_epoch": float(self._state["epoch"]),
            "pool_retired": float(self._state["retired"].double().mean()),
        }
        visited_P = self._state["visits"] > 0
        return progress | ({"pool_pass_rate": float(average(self._rates()[visited_P]))} if visited_P.any() else {})

    def _rates(self) -> Tensor:
        # One correctly rounded division: 9 of 10 is the same number as 0.9. NaN where nothing was drawn.
        return self._state["solved"].double() / self._state["samples"].double()


class _Levelled(CurriculumState):
    """For each level: how many problems were `asked`, the average pass `rate`, and whether the level was `seen`."""

    def __init__(self, spec: TargetedLevels | EdgeLevels, world: World, split: Split, seed: int) -> None:
        self._levels = tuple(world.levels)
        if len(self._levels) < 2:
            raise InputError(
                f"sampling.curriculum: {spec.kind} chooses between levels, the world has only {self._levels[0]}; "
                "use uniform or a world of several levels"
            )
        self._worlds = [world.at_level(level) for level in self._levels]
        count = len(self._levels)
        super().__init__(
            {
                "asked": torch.zeros(count, dtype=torch.int64),
                "rate": torch.zeros(count, dtype=torch.float64),
                "seen": torch.zeros(count, dtype=torch.bool),
            }
        )
        self._spec, self._split, self._seed = spec, split, seed

    def next(self, count: int) -> list[Problem]:
        """Problem n of the run has a level that is drawn for n; it is the next problem of that level."""
        asked_L, weights = self._state["asked"], self._weights().tolist()
        problems = []
        for _ in range(count):
            source = rng("level of a curriculum", self._seed, int(asked_L.sum()))
            (level,) = source.choices(range(len(weights)), weights)
            problems.append(self._worlds[level].problem(self._split, self._seed, int(asked_L[level])))
            asked_L[level] += 1
        return problems

    def _learn(self, problems: Sequence[Problem], solved_P: Tensor, samples: int) -> None:
        if foreign := {problem.level for problem in problems} - set(self._levels):
            raise InputError(f"problems: level {min(foreign)} is not of this world; learn only from what `next` gave")
        rate_L, seen_L = self._state["rate"], self._state["seen"]
        level_P = torch.tensor([self._levels.index(problem.level) for problem in problems])
        for level in set(level_P.tolist()):
            here_P = level_P == level
            share = int(solved_P[here_P].sum()) / (int(here_P.sum()) * samples)
            memory = self._spec.memory if seen_L[level] else 0.0
            rate_L[level] = memory * rate_L[level] + (1 - memory) * share
            seen_L[level] = True

    def metrics(self) -> dict[str, float]:
        """The mean level that is drawn now, how many levels are in use (1 / sum of squared chances, their
        number where all are as likely), and the mean of the average pass rates of the levels seen."""
        chance_L = self._weights() / total(self._weights())
        level_L = torch.tensor(self._levels, dtype=torch.float64)
        progress = {"mean_level": float(total(chance_L * level_L)), "levels_in_use": float(1 / total(chance_L**2))}
        seen_L = self._state["seen"]
        return progress | ({"level_pass_rate": float(average(self._state["rate"][seen_L]))} if seen_L.any() else {})

    def _weights(self) -> Tensor:
        return self._spec.weights(self._state["rate"], self._state["seen"])


def _different(world: World, split: Split, seed: int, size: int) -> dict[str, int]:
    """The ids of the first `size` different problems of the split, and where each first stands."""
    first_index = {problem.id: index for index, problem in first_distinct(world, split, seed, size).items()}
    if len(first_index) < size:
        raise InputError(
            f"sampling.curriculum.size: must be at most {len(first_index)}, the different problems of the split"
            f" {split}, is {size}; use a wider world, or let the stage draw from a larger split, of which train is the"
            " largest"
        )
    return first_index


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> Tensor:
    order = list(range(size))
    rng("order of a pool", seed, epoch).shuffle(order)
    return torch.tensor(order)
