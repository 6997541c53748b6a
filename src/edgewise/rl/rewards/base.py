"""Base of all reward functions: their spec, the registry that recipes choose from, and tables of rewards.

A reward is a pure function of plain values (verdicts, texts), and a spec below it whose fields are the function's
numbers. One of your own:

    @REWARDS.register
    class Mine(RewardFunction):
        kind: Literal["mine"] = "mine"

        def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
            return its_own_outcome(by_verdict(rollouts, mine))
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar

import torch
from pydantic import PlainValidator, SerializeAsAny
from torch import Tensor

from edgewise.core.spec import Spec
from edgewise.rl.registry import SpecRegistry
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Split, Verdict, World


class RewardFunction(Spec):
    """What a completion earns before its length counts; the base of all of them.

    `binary`: rewards are 0 or 1. `needs_start_logp`: the rollouts must also bring `start_logp_PG`, the log-probability
    of each completion under the start model, which costs a forward pass.
    """

    binary: ClassVar[bool] = True
    needs_start_logp: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        """The binary outcomes (bool) that filters look at, and the rewards (float32), both [problems, samples].

        The outcome is whether the answer, or for process rewards the process, is right; for controls it is their own
        reward, so that no filter tells them the truth. `seed` keys whatever is drawn. What a group gets depends on that
        group alone: where several ranks train, each asks for its share of a step's groups.
        """

    def check(self, world: World, split: Split) -> None:
        """InputError where problems of this split of the world cannot give this reward."""


REWARDS: SpecRegistry[RewardFunction] = SpecRegistry("reward", "edgewise.rl.rewards")

AnyRewardFunction = Annotated[RewardFunction, PlainValidator(REWARDS.parse), SerializeAsAny()]
"""A field that accepts any registered reward function; its name alone stands for its defaults."""


def reward_table(rows: Iterable[list[float]]) -> Tensor:
    """Rewards [problems, samples], float32."""
    return torch.tensor(list(rows), dtype=torch.float32)


def by_verdict(rollouts: Rollouts, reward: Callable[[Verdict], float]) -> Tensor:
    """The reward [problems, samples] of each verdict."""
    return reward_table([reward(verdict) for verdict in row] for row in rollouts.verdict_PG)


def its_own_outcome(reward_PG: Tensor) -> tuple[Tensor, Tensor]:
    """A binary reward as its own outcome."""
    return reward_PG.bool(), reward_PG
