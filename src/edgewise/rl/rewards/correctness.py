"""Rewards for correctness: of the answer, of the process, of both mixed, or as the world itself defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import REWARDS, RewardFunction, by_verdict, its_own_outcome, reward_table
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Score, Split, Verdict, World, WorldReward


def outcome(verdict: Verdict) -> float:
    """1 for a right answer, else 0.

    A completion that cannot be scored earns nothing; the trainer logs the share of those, so that they are never
    mistaken for wrong answers.
    """
    return float(verdict.answer is Score.CORRECT)


@REWARDS.register
class Outcome(RewardFunction):
    """`outcome` of each verdict."""

    kind: Literal["outcome"] = "outcome"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return its_own_outcome(by_verdict(rollouts, outcome))


def process(verdict: Verdict) -> float:
    """1 where every necessary step and the answer are right, else 0.

    This is also the strict reward of arXiv 2512.07783 (R_out where R_pv = 1, else 0), since a right process ends in a
    right answer.
    """
    return float(verdict.process is Score.CORRECT)


@REWARDS.register
class Process(RewardFunction):
    """`process` of each verdict."""

    kind: Literal["process"] = "process"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return its_own_outcome(by_verdict(rollouts, process))


def process_share(verdict: Verdict, steps: int) -> float:
    """How much of a solution of `steps` steps is right before its first wrong step: 1 for a correct process, else
    min((first_wrong_step - extra_steps) / steps, 1 - 1 / steps); 0 where nothing could be read.

    Our dense process reward. That of arXiv 2512.07783 (its R_pv, the share of gold quantities with the right value and
    parents, wherever they stand) also pays for what comes after a mistake. Steps that the problem does not need earn
    nothing, so that a policy cannot pad its way to a reward.
    """
    if verdict.process is Score.CORRECT:
        return 1.0
    if verdict.process is Score.UNSCORABLE or verdict.first_wrong_step is None:
        return 0.0
    return min(verdict.first_wrong_step - verdict.extra_steps, steps - 1) / steps


def mixture(outcome: float, process: float, alpha: float) -> float:
    """alpha * R_out + (1 - alpha) * R_pv, as arXiv 2512.07783 writes it in its section on rewards."""
    return alpha * outcome + (1 - alpha) * process


@REWARDS.register
class OutcomeAndProcess(RewardFunction):
    """`mixture` of the outcome and `process_share`; `alpha` is the weight of the outcome."""

    binary: ClassVar[bool] = False
    kind: Literal["mixture"] = "mixture"
    alpha: float = Field(ge=0, le=1)

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        steps_P = map(world.steps, rollouts.problems)
        reward_PG = reward_table(
            [mixture(outcome(verdict), process_share(verdict, steps), self.alpha) for verdict in verdicts]
            for verdicts, steps in zip(rollouts.verdict_PG, steps_P, strict=True)
        )
        return by_verdict(rollouts, outcome).bool(), reward_PG


@REWARDS.register
class OfWorld(RewardFunction):
    """A reward that the world itself offers under this name (`World.rewards`); a truncated completion earns 0.

    `numbers` are the reward's own. `outcome` says which verdict is the binary outcome of its samples.
    """

    binary: ClassVar[bool] = False
    kind: Literal["world"] = "world"
    name: str
    numbers: Mapping[str, float] = {}
    outcome: Literal["answer", "process"] = "answer"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        reward = self._reward(world)
        finished_PG = rollouts.completions.finished_PG.tolist()
        reward_PG = reward_table(
            [
                reward(problem, rollouts.solution_text(p, g), rollouts.verdict_PG[p][g], **self.numbers)
                if finished
                else 0.0
                for g, finished in enumerate(finished_PG[p])
            ]
            for p, problem in enumerate(rollouts.problems)
        )
        return by_verdict(rollouts, outcome if self.outcome == "answer" else process).bool(), reward_PG

    def check(self, world: World, split: Split) -> None:
        """InputError where the world does not offer the reward, or the reward takes other numbers."""
        reward, problem = self._reward(world), world.problem(split, 0, 0)
        text = world.solution(problem)
        try:
            reward(problem, text, world.verify(problem, text), **self.numbers)
        except TypeError as error:
            raise InputError(f"reward.function.numbers: {self.name} takes other numbers ({error})") from None

    def _reward(self, world: World) -> WorldReward:
        offered = world.rewards()
        if self.name not in offered:
            raise InputError(
                f"reward.function.name: the world {world.world} with these knobs offers"
                f" {', '.join(offered) or 'no rewards of its own'}, not {self.name!r}"
            )
        return offered[self.name]


DESCRIPTIONS = (
    RewardDescription(
        recipe="reward.function=outcome",
        functions=(outcome,),
        pays="1 for a right answer",
        use="the default",
    ),
    RewardDescription(
        recipe="reward.function=process",
        functions=(process,),
        pays="1 where every necessary step and the answer are right",
        use="where guessing pays",
    ),
    RewardDescription(
        recipe='reward.function={"kind":"mixture","alpha":0.2}',
        functions=(mixture,),
        pays=r"$`\alpha R_{out} + (1 - \alpha) R_{pv}`$",
        use="arXiv 2512.07783; process as `process_share`",
    ),
    RewardDescription(
        recipe='reward.function={"kind":"world","name":"released_strict"}',
        pays="a reward of the world's own: graph arithmetic has released_mixture and released_strict",
        use="the rewards of arXiv 2512.07783 as its code computes them; its strict reward as written is `process`",
    ),
)
