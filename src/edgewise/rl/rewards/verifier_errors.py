"""Rewards by a verifier with planted errors: at random (false positive and false negative rates), or by a pattern.

Both stand over another reward of 0 or 1, which says what the verifier should pass. Filters and curricula see what the
verifier says; the metrics `answer_correct` and `process_correct` keep the truth beside the reward.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.core.spec import Spec, by_name
from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import REWARDS, AnyRewardFunction, RewardFunction, its_own_outcome, reward_table
from edgewise.rl.rewards.correctness import Outcome
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Problem, Split, World


def misread(right: float, false_positive: float, false_negative: float, coin: int) -> float:
    """What a verifier says that passes a share `false_positive` of the wrong and fails `false_negative` of the right.

    `right` is 1 for what it should pass, else 0; `coin` is uniform over 64 bits.
    """
    errs = coin < (false_negative if right else false_positive) * 2**64
    return 1.0 - right if errs else right


def youden(false_positive: float, false_negative: float) -> float:
    """Youden's index J = true positive rate - false positive rate = 1 - false_negative - false_positive.

    Random errors multiply by J what a right sample earns more than a wrong one, on average. So where the advantage is
    linear in the reward they multiply the expected update by J: learning slows down where J > 0, and turns round where
    J < 0 (Rad et al. 2026, arXiv 2601.04411, for GRPO).
    """
    return 1 - false_negative - false_positive


class OfProblem(Spec):
    """A share of the problems, the same in the whole run; `draw` says which set of them."""

    kind: Literal["problem"] = "problem"
    share: float = Field(0.5, ge=0, le=1)
    draw: int = Field(0, ge=0)

    def matches(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return key("verifier pattern", self.kind, self.draw, problem.id) < self.share * 2**64


class OfAnswer(Spec):
    """Completions whose answer is one of a share of all texts, the same in the whole run; `draw` says which set."""

    kind: Literal["answer"] = "answer"
    share: float = Field(0.1, ge=0, le=1)
    draw: int = Field(0, ge=0)

    def matches(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return predicted is not None and key("verifier pattern", self.kind, self.draw, predicted) < self.share * 2**64


class OfText(Spec):
    """Completions that contain a text."""

    kind: Literal["text"] = "text"
    contains: str = Field(min_length=1)

    def matches(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return self.contains in text


class OfLength(Spec):
    """Completions of `least` to `most` tokens, their end included."""

    kind: Literal["length"] = "length"
    least: int = Field(1, ge=1)
    most: int = Field(ge=1)

    @model_validator(mode="after")
    def _least_is_at_most_most(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least must be at most most ({self.most}), is {self.least}")
        return self

    def matches(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return self.least <= tokens <= self.most


Pattern = Annotated[OfProblem | OfAnswer | OfText | OfLength, Field(discriminator="kind"), by_name("kind")]
"""Where a patterned verifier errs; a bare name stands for the choice with its defaults."""


class VerifierErrors(RewardFunction):
    """Two error rates over another reward; the base of `noisy` and `patterned`.

    `of` is the reward without errors, one of 0 or 1. `false_positive` is the share that is passed of what `of` pays
    nothing, completions without an answer included; `false_negative` the share that is failed of what it pays 1. The
    coin of a completion is keyed by (seed, problem, sample): samples of a group have independent ones, and a problem
    that comes again under the same seed has the same.
    """

    of: AnyRewardFunction = Outcome()
    false_positive: float = Field(0.0, ge=0, le=1)
    false_negative: float = Field(0.0, ge=0, le=1)

    @field_validator("of")
    @classmethod
    def _is_binary(cls, of: RewardFunction) -> RewardFunction:
        if not of.binary or isinstance(of, VerifierErrors):
            raise ValueError(f"must be a reward of 0 or 1 without planted errors, such as outcome, is {of.kind}")
        return of

    @abstractmethod
    def errs(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        """Whether the error rates hold for a completion of the problem; else it is judged as by `of`."""

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        _, right_PG = self.of.score(world, rollouts, seed)
        length_PG = rollouts.completions.length_PG.tolist()

        def says(p: int, g: int) -> float:
            problem, verdict = rollouts.problems[p], rollouts.verdict_PG[p][g]
            right = float(right_PG[p, g])
            if not self.errs(problem, verdict.predicted, rollouts.text_PG[p][g], length_PG[p][g]):
                return right
            coin = key("verifier error", seed, problem.id, g)
            return misread(right, self.false_positive, self.false_negative, coin)

        samples = range(rollouts.samples)
        return its_own_outcome(reward_table([says(p, g) for g in samples] for p in range(len(rollouts.problems))))

    def check(self, world: World, split: Split) -> None:
        self.of.check(world, split)


@REWARDS.register
class Noisy(VerifierErrors):
    """Errors at random: of every completion alike."""

    kind: Literal["noisy"] = "noisy"
    false_positive: float = Field(0.1, ge=0, le=1)
    false_negative: float = Field(0.1, ge=0, le=1)

    def errs(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return True


@REWARDS.register
class Patterned(VerifierErrors):
    """Errors by a pattern: the rates hold where `where` matches, by default every wrong completion there is passed.

    Egashira et al. 2026 (arXiv 2605.02909) plant systematic errors so: by words, length, or nearness to the answer.
    """

    kind: Literal["patterned"] = "patterned"
    where: Pattern = OfProblem()
    false_positive: float = Field(1.0, ge=0, le=1)
    false_negative: float = Field(0.0, ge=0, le=1)

    def errs(self, problem: Problem, predicted: str | None, text: str, tokens: int) -> bool:
        return self.where.matches(problem, predicted, text, tokens)


DESCRIPTIONS = (
    RewardDescription(
        recipe="reward.function=noisy",
        functions=(misread, youden),
        pays=(
            "as `reward.function.of` (outcome), but 1 for a share `false_positive` of what that pays nothing, and 0 for"
            " a share `false_negative` of what it pays 1; a coin for each completion"
        ),
        use=(
            "a noisy verifier, arXiv 2601.04411: the mean update of an advantage that is linear in the reward is"
            " multiplied by $`J = 1 - FN - FP`$, from -0.2 (both 0.6) to 1 (both 0)"
        ),
    ),
    RewardDescription(
        recipe="reward.function=patterned",
        functions=(misread,),
        pays=(
            "as `noisy`, but only where a pattern matches, and there every wrong completion by default: `where` is"
            " problem (a fixed share of them), answer (a fixed share of all answers), text or length"
        ),
        use="a verifier with systematic errors, arXiv 2605.02909; beside `noisy` at the same rates over all",
    ),
)
