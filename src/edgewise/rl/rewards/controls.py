"""Control rewards, which do not pay for right answers: format, coin flips, wrong labels, majority votes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import REWARDS, RewardFunction, by_verdict, its_own_outcome, reward_table
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Problem, Score, Split, Verdict, World

# Other problems that are looked at for an answer that is wrong here.
_TRIES = 100
# They are among the first so many, so that a world of few problems is not shuffled over and over.
_INDICES = 4096


def format_only(verdict: Verdict) -> float:
    """1 where an answer could be read, right or wrong, else 0 (the format control of arXiv 2506.10947)."""
    return float(verdict.predicted is not None)


@REWARDS.register
class FormatOnly(RewardFunction):
    """`format_only` of each verdict."""

    kind: Literal["format"] = "format"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return its_own_outcome(by_verdict(rollouts, format_only))


def random(p: float, seed: int, problem_id: str, sample: int) -> float:
    """1 with probability p, else 0, whatever the text (the random control of arXiv 2506.10947).

    A coin keyed by (seed, problem, sample): samples of a group have independent ones, and a problem that comes again
    under the same seed has the same.
    """
    return float(key("random reward", seed, problem_id, sample) < p * 2**64)


@REWARDS.register
class RandomReward(RewardFunction):
    """`random`: 1 with probability `p`, whatever the text."""

    kind: Literal["random"] = "random"
    p: float = Field(0.5, ge=0, le=1)

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        samples = range(rollouts.samples)
        return its_own_outcome(
            reward_table([random(self.p, seed, problem.id, g) for g in samples] for problem in rollouts.problems)
        )


def wrong_label(world: World, problem: Problem, seed: int) -> str:
    """A wrong answer to the problem that stays the same: that of another problem of the same world and level.

    The other problem is drawn by (seed, problem); its answer is one that this problem's verifier reads and finds wrong.
    Text as in `Verdict.predicted`. arXiv 2506.10947 (its incorrect labels) takes problems whose majority answer under
    the base model is wrong, and that answer; ours needs no model and can be had for every problem. In a mixture the
    other problem is of the same part. InputError where 100 problems give no such answer, or have no solution to take it
    from.
    """
    world, problem = world.origin(problem)
    narrow = world if tuple(world.levels) == (problem.level,) else world.at_level(problem.level)
    for attempt in range(_TRIES):
        index = key("wrong label", seed, problem.id, attempt) % _INDICES
        other = narrow.problem(problem.split, seed, index)
        verdict = world.verify(problem, narrow.solution(other))
        if verdict.answer is Score.WRONG and verdict.predicted is not None:
            return verdict.predicted
    raise InputError(
        f"reward: {_TRIES} other problems of the world {world.world} at level {problem.level} give no wrong answer; "
        "wrong_label needs a world with different answers"
    )


def labelled(verdict: Verdict, label: str) -> float:
    """1 where the completion gives this answer, else 0."""
    return float(verdict.predicted == label)


@REWARDS.register
class WrongLabel(RewardFunction):
    """`labelled` by `wrong_label`: 1 for one wrong answer, which a problem keeps for the whole run.

    `labels` says which set of wrong answers it is.
    """

    kind: Literal["wrong_label"] = "wrong_label"
    labels: int = Field(0, ge=0)

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        labels = [wrong_label(world, problem, self.labels) for problem in rollouts.problems]
        return its_own_outcome(
            reward_table(
                [labelled(verdict, label) for verdict in row]
                for row, label in zip(rollouts.verdict_PG, labels, strict=True)
            )
        )

    def check(self, world: World, split: Split) -> None:
        for source in world.sources():
            for level in source.levels:
                wrong_label(source, source.at_level(level).problem(split, 0, 0), self.labels)


def majority(predicted_G: Sequence[str | None]) -> list[float]:
    """1 for each sample of a group that gives the most frequent answer, else 0.

    None (nothing could be read) has no vote and earns nothing. Answers that tie for the most frequent all earn 1. So a
    group whose samples all differ teaches nothing, and no order of the samples matters. Votes are those of the group
    itself, as in TTRL (arXiv 2504.16084, 64 votes of the policy); arXiv 2506.10947 labels offline with 64 votes of the
    base model.
    """
    votes = Counter(answer for answer in predicted_G if answer is not None)
    most = max(votes.values(), default=0)
    return [float(answer is not None and votes[answer] == most) for answer in predicted_G]


@REWARDS.register
class GroupMajority(RewardFunction):
    """`majority` of each group."""

    kind: Literal["majority"] = "majority"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        return its_own_outcome(
            reward_table(majority([verdict.predicted for verdict in row]) for row in rollouts.verdict_PG)
        )


DESCRIPTIONS = (
    RewardDescription(
        recipe="reward.function=format",
        functions=(format_only,),
        pays="1 where an answer could be read",
        use="control: how much of a gain is format",
    ),
    RewardDescription(
        recipe="reward.function=random",
        functions=(random,),
        pays="1 by the toss of a coin",
        use="control, arXiv 2506.10947: the effect of the clip alone",
    ),
    RewardDescription(
        recipe="reward.function=wrong_label",
        functions=(wrong_label, labelled),
        pays="1 for one fixed wrong answer",
        use="control, arXiv 2506.10947",
    ),
    RewardDescription(
        recipe="reward.function=majority",
        functions=(majority,),
        pays="1 for the group's most frequent answer",
        use="TTRL, arXiv 2504.16084: RL without labels, sharpening by construction",
    ),
)
