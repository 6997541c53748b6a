"""Reference reset: when the reference of the KL term is replaced by the policy as it is.

A KL to a fixed reference comes to dominate the loss as the policy moves away; a reset starts that
anew. ProRL (Liu et al. 2025, arXiv 2505.24864) resets when validation stalls or gets worse and
starts its optimizer anew; ProRL v2 (NVIDIA 2025) resets every 200 to 500 steps, on a jump of the
KL or when validation stalls, and keeps the optimizer. ProRL's people looked and decided; here the
rule is explicit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import Spec, by_name
from edgewise.tasks.base import Problem, Split, World


class ResetTrigger(ABC):
    """Decides after each update whether the reference is reset now. What it remembers is its state."""

    @abstractmethod
    def due(self, step: int, kl: float | None, score: Callable[[], float]) -> bool:
        """Call once after every update; `step` counts from 0.

        `kl` is that of the policy to the reference, nats per token over tokens that were sampled in
        this step, None where nothing was measured. `score` gives the pass rate on
        `validation_problems`; it is costly, and called only when it is needed.
        """

    def tensors(self) -> dict[str, Tensor]:
        """The state; empty where the rule needs none."""
        return {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, in place of what is there; InputError where it is of another reset."""
        current = self.tensors()
        if {name: (t.shape, t.dtype) for name, t in tensors.items()} != {
            n: (t.shape, t.dtype) for n, t in current.items()
        }:
            raise InputError("checkpoint of another reset")


class NeverReset(Spec):
    """The reference stays the start model."""

    kind: Literal["never"] = "never"

    def start(self) -> ResetTrigger:
        return _NeverDue()


class _Resetting(Spec):
    kind: str
    optimizer: Literal["keep", "clear"] = Field(
        "keep", description="what becomes of the optimizer's moments: ProRL clears them, ProRL v2 keeps them"
    )


class PeriodicReset(_Resetting):
    """After every `every` updates: the first reset is after step `every` - 1."""

    kind: Literal["period"] = "period"
    every: int = Field(ge=1, description="updates from one reset to the next")

    def start(self) -> ResetTrigger:
        return _PeriodTrigger(self)


class ResetOnKl(_Resetting):
    """After every update whose step had a KL to the reference above `above`.

    A step on which no KL was measured, because no sample was left to train on, resets nothing.
    """

    kind: Literal["kl"] = "kl"
    above: float = Field(gt=0, description="nats per token")

    def start(self) -> ResetTrigger:
        return _KlTrigger(self)


class ResetOnPlateau(_Resetting):
    """When `patience` looks in a row at the validation problems show no gain.

    Every `every` updates the pass rate on `problems` problems is measured with `samples` samples
    each, `validation_problems` of the split that is trained on. A look gains where the pass rate is above the best
    so far by more than `gain`; the first look always does. After a reset, best and patience start anew.

    Every look asks the same problems, so that looks differ by chance through sampling alone: each has
    a standard error of at most (4 `problems` `samples`)^-1/2, 0.031 by default. The best of several
    looks is one that was lucky; without a `gain`, patience should be more than one look.
    """

    kind: Literal["plateau"] = "plateau"
    every: int = Field(ge=1, description="updates between looks")
    patience: int = Field(ge=1, description="looks without a gain that make a plateau")
    gain: float = Field(0.0, ge=0, lt=1, description="rise of the pass rate that a look must exceed")
    problems: int = Field(64, ge=1)
    samples: int = Field(4, ge=1)

    def start(self) -> ResetTrigger:
        return _PlateauTrigger(self)


Reset = Annotated[
    NeverReset | PeriodicReset | ResetOnKl | ResetOnPlateau,
    Field(discriminator="kind"),
    by_name("kind"),
]
"""One of them, told apart by `kind`; a bare name stands for the choice with its defaults."""


def validation_problems(world: World, split: Split, seed: int, count: int) -> list[Problem]:
    """The problems that a plateau is watched on: of the split that is trained on, under a seed that no draw has.

    Of no other split: whatever decides the course of training is part of
    training. ProRL's resets were triggered by subsets of the benchmarks that it then reported, so
    its schedule was tuned on test data. A world of few problems may ask some of these in training
    too, which makes the watch less sharp and leaks nothing.
    """
    validation_seed = key("validation problems of a reset", seed)
    return [world.problem(split, validation_seed, index) for index in range(count)]


class _NeverDue(ResetTrigger):
    def due(self, step: int, kl: float | None, score: Callable[[], float]) -> bool:
        return False


class _PeriodTrigger(ResetTrigger):
    def __init__(self, spec: PeriodicReset) -> None:
        self._spec = spec

    def due(self, step: int, kl: float | None, score: Callable[[], float]) -> bool:
        return (step + 1) % self._spec.every == 0


class _KlTrigger(ResetTrigger):
    def __init__(self, spec: ResetOnKl) -> None:
        self._spec = spec

    def due(self, step: int, kl: float | None, score: Callable[[], float]) -> bool:
        if kl is None:
            return False
        if not math.isfinite(kl):
            raise InputError(f"kl: must be finite, is {kl} at step {step}; the policy has diverged")
        return kl > self._spec.above


class _PlateauTrigger(ResetTrigger):
    _best: float
    _waited: int

    def __init__(self, spec: ResetOnPlateau) -> None:
        self._spec = spec
        self._begin()

    def due(self, step: int, kl: float | None, score: Callable[[], float]) -> bool:
        if (step + 1) % self._spec.every:
            return False
        pass_rate = score()
        if not 0 <= pass_rate <= 1:
            raise InputError(f"score: must be a pass rate from 0 to 1, is {pass_rate} at step {step}")
        if pass_rate > self._best + self._spec.gain:
            self._best, self._waited = pass_rate, 0
            return False
        self._waited += 1
        if self._waited < self._spec.patience:
            return False
        self._begin()
        return True

    def tensors(self) -> dict[str, Tensor]:
        return {"best": torch.tensor(self._best, dtype=torch.float64), "waited": torch.tensor(self._waited)}

    def load(self, tensors: dict[str, Tensor]) -> None:
        super().load(tensors)
        self._best, self._waited = float(tensors["best"]), int(tensors["waited"])

    def _begin(self) -> None:
        self._best, self._waited = -math.inf, 0
