"""Which reward a recipe pays, and how length shapes it: small specs that bind the pure functions.

`Reward` and `Length` are the unions of all choices, told apart by the fields `reward` and `length`;
where one is expected, its bare name stands for it with its defaults.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, by_name
from edgewise.rl import rewards
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Problem, Verdict, World
from edgewise.tasks.graph.paper_compat import Defects
from edgewise.tasks.graph.world import GraphArithmetic


class RewardSpec(Spec):
    """What a completion earns before its length counts."""

    @abstractmethod
    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        """The binary outcomes (bool) that filters look at, and the rewards (float32), both [problems, samples].

        The outcome is whether the answer, or for process rewards the process, is right; for controls it is their own
        reward, so that no filter tells them the truth. `seed` keys whatever is drawn.
        """

    def check(self, world: World) -> None:
        """InputError where this world cannot give this reward."""


class Outcome(RewardSpec):
    """`rewards.outcome`: 1 for a right answer."""

    reward: Literal["outcome"] = "outcome"

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return _both(_verdicts(rollouts, rewards.outcome))


class Process(RewardSpec):
    """`rewards.process`: 1 for a right process, which ends in a right answer."""

    reward: Literal["process"] = "process"

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return _both(_verdicts(rollouts, rewards.process))


class Mixture(RewardSpec):
    """`rewards.mixture` of the outcome and `rewards.process_share`, or `rewards.mixture_as_released`.

    `alpha` is the weight of the outcome. As released, a truncated completion earns nothing.
    """

    reward: Literal["mixture"] = "mixture"
    alpha: float = Field(ge=0, le=1)
    as_released: bool = False

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        outcome_PG = _verdicts(rollouts, rewards.outcome)
        if self.as_released:
            paid_PG = _by_defects(world, rollouts, lambda found: rewards.mixture_as_released(found, self.alpha))
        else:
            paid_PG = _table(
                [
                    rewards.mixture(rewards.outcome(verdict), rewards.process_share(verdict, steps), self.alpha)
                    for verdict in row
                ]
                for row, steps in zip(rollouts.verdict_PG, map(world.steps, rollouts.problems), strict=True)
            )
        return outcome_PG.bool(), paid_PG

    def check(self, world: World) -> None:
        if self.as_released:
            _check_released(world)


class Strict(RewardSpec):
    """`rewards.strict` of outcome and process, or `rewards.strict_as_released`.

    As published it is the same as `Process`, whose right process ends in a right answer. As released, a truncated
    completion earns nothing; the outcome is the verified process all the same.
    """

    reward: Literal["strict"] = "strict"
    as_released: bool = False

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        right_PG = _verdicts(
            rollouts, lambda verdict: rewards.strict(rewards.outcome(verdict), rewards.process(verdict))
        )
        return right_PG.bool(), _by_defects(
            world, rollouts, rewards.strict_as_released
        ) if self.as_released else right_PG

    def check(self, world: World) -> None:
        if self.as_released:
            _check_released(world)


class FormatOnly(RewardSpec):
    """`rewards.format_only`: 1 where an answer could be read."""

    reward: Literal["format"] = "format"

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return _both(_verdicts(rollouts, rewards.format_only))


class Random(RewardSpec):
    """`rewards.random`: 1 with probability `p`, whatever the text."""

    reward: Literal["random"] = "random"
    p: float = Field(0.5, ge=0, le=1)

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        samples = range(rollouts.samples)
        return _both(
            _table([rewards.random(self.p, seed, problem.id, g) for g in samples] for problem in rollouts.problems)
        )


class WrongLabel(RewardSpec):
    """`rewards.labelled` by `rewards.wrong_label`: 1 for one wrong answer, which a problem keeps for the whole run.

    `labels` says which set of wrong answers it is.
    """

    reward: Literal["wrong_label"] = "wrong_label"
    labels: int = Field(0, ge=0)

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        labels = [rewards.wrong_label(world, problem, self.labels) for problem in rollouts.problems]
        return _both(
            _table(
                [rewards.labelled(verdict, label) for verdict in row]
                for row, label in zip(rollouts.verdict_PG, labels, strict=True)
            )
        )

    def check(self, world: World) -> None:
        for part in world.sources():
            for level in part.levels:
                rewards.wrong_label(part, part.at_level(level).problem("train", 0, 0), self.labels)


class Majority(RewardSpec):
    """`rewards.majority`: 1 for the most frequent answer of the group."""

    reward: Literal["majority"] = "majority"

    def grade(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return _both(_table(rewards.majority([verdict.predicted for verdict in row]) for row in rollouts.verdict_PG))


class LengthSpec(Spec):
    """What length does to a reward; outcomes stay as they are."""

    @abstractmethod
    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        """The rewards at update `step` (from 0), where a completion has at most `max_new_tokens` tokens."""


class NoLength(LengthSpec):
    """Length does not count."""

    length: Literal["none"] = "none"

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        return reward_PG


class Overlong(LengthSpec):
    """`weight` times `rewards.overlong` is added; `soft` is the share of the limit in which it falls.

    DAPO: 4096 of 20480, and rewards of -1 and 1, so that the weight is a half where they are 0 and 1.
    """

    length: Literal["overlong"] = "overlong"
    soft: float = Field(0.2, gt=0, le=1)
    weight: float = Field(1.0, gt=0)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        soft = _soft_tokens(self.soft, max_new_tokens)
        cost_PG = _lengths(rollouts, lambda p, g, length: rewards.overlong(length, max_new_tokens, soft))
        return reward_PG + self.weight * cost_PG


class OverlongScaleRl(LengthSpec):
    """`rewards.overlong_scalerl` is added; `soft` is the share of the limit in which it falls (ScaleRL: 2k of 14k)."""

    length: Literal["overlong_scalerl"] = "overlong_scalerl"
    soft: float = Field(1 / 7, gt=0, le=1)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        soft = _soft_tokens(self.soft, max_new_tokens)
        right_PG = outcome_PG.tolist()
        return reward_PG + _lengths(
            rollouts,
            lambda p, g, length: rewards.overlong_scalerl(right_PG[p][g], length, max_new_tokens, soft),
        )


class Cosine(LengthSpec):
    """`rewards.cosine` in place of the 0 or 1 of the outcome: it is added and the outcome taken off, so that what a
    shaped reward pays beyond the outcome stays. The numbers are those of arXiv 2502.03373.

    It counts for `on` updates, then not for `off` updates, and so on (ProRL v2: 100 and 500); `off` 0 is always on.
    """

    length: Literal["cosine"] = "cosine"
    right_short: float = 2.0
    right_long: float = 1.0
    wrong_short: float = -10.0
    wrong_long: float = 0.0
    exceeding: float = -10.0
    on: int = Field(1, ge=1)
    off: int = Field(0, ge=0)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        if not rewards.cycle(step, self.on, self.off):
            return reward_PG
        values = self.model_dump(include={"right_short", "right_long", "wrong_short", "wrong_long", "exceeding"})
        right_PG = outcome_PG.tolist()
        cosine_PG = _lengths(
            rollouts, lambda p, g, length: rewards.cosine(right_PG[p][g], length, max_new_tokens, **values)
        )
        return reward_PG - outcome_PG.float() + cosine_PG


Reward = Annotated[
    Outcome | Process | Mixture | Strict | FormatOnly | Random | WrongLabel | Majority,
    Field(discriminator="reward"),
    by_name("reward"),
]

Length = Annotated[
    NoLength | Overlong | OverlongScaleRl | Cosine,
    Field(discriminator="length"),
    by_name("length"),
]


def _table(rows: Iterable[list[float]]) -> Tensor:
    return torch.tensor(list(rows), dtype=torch.float32)


def _both(reward_PG: Tensor) -> tuple[Tensor, Tensor]:
    """A binary reward is its own outcome."""
    return reward_PG.bool(), reward_PG


def _verdicts(rollouts: Rollouts, of: Callable[[Verdict], float]) -> Tensor:
    return _table([of(verdict) for verdict in row] for row in rollouts.verdict_PG)


def _lengths(rollouts: Rollouts, of: Callable[[int, int, int], float]) -> Tensor:
    lengths_PG = rollouts.completions.length_PG.tolist()
    return _table([of(p, g, length) for g, length in enumerate(row)] for p, row in enumerate(lengths_PG))


def _soft_tokens(share: float, max_new_tokens: int) -> int:
    return max(1, round(share * max_new_tokens))


def _by_defects(world: World, rollouts: Rollouts, of: Callable[[Defects], float]) -> Tensor:
    finished_PG = rollouts.completions.finished_PG.tolist()
    return _table(
        [of(_defects(world, problem, text)) if whole else 0.0 for text, whole in zip(texts, finished, strict=True)]
        for problem, texts, finished in zip(rollouts.problems, rollouts.text_PG, finished_PG, strict=True)
    )


def _defects(world: World, problem: Problem, text: str) -> Defects:
    part, asked = world.origin(problem)
    if not isinstance(part, GraphArithmetic):
        raise _not_released(part)
    return part.defects(asked, text)


def _check_released(world: World) -> None:
    for part in world.sources():
        if not isinstance(part, GraphArithmetic) or part.wording == "compact":
            raise _not_released(part)


def _not_released(part: World) -> InputError:
    wording = f" in the {part.wording} wording" if isinstance(part, GraphArithmetic) else ""
    return InputError(
        "reward: as_released needs the released scorer, which reads the world graph in the english or paper wording; "
        f"the world is {part.world}{wording}; set as_released=false"
    )
