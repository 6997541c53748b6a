"""Hints: a part of the gold solution that is revealed where a whole group of samples is wrong, or at random places.

POPE (arXiv 2601.18779) and NuRL (arXiv 2509.25666) say that RL extends what a model solves at large k once it is guided
on problems that no sample solves, and that it must be evaluated without guidance. Here the policy goes on after the
first tokens of the gold solution. These are read and not trained on.

Two controls: as many hints at groups that are chosen at random (`groups` "random"), and fine-tuning.
The latter, next-token training on what is revealed and nothing else, is `sampling.behavior` "gold"
with the same `fraction`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from edgewise.core.keyed import rng
from edgewise.core.spec import ADDED_LATER, Spec, by_name


class FractionSchedule(Spec):
    """A fraction of the gold solution, from `first` at the first step to `last` at the last one in equal strides.

    A bare number is that fraction at all steps.
    """

    first: float = Field(ge=0, lt=1)
    last: float = Field(ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        bare = isinstance(value, int | float) and not isinstance(value, bool)
        return {"first": value, "last": value} if bare else value

    def at_step(self, step: int, steps: int) -> float:
        """The fraction of update `step` (from 0) of `steps`."""
        done = step / (steps - 1) if steps > 1 else 0.0
        return self.first + (self.last - self.first) * done


class NoHints(Spec):
    """Nothing is revealed."""

    kind: Literal["none"] = "none"

    def fraction_at(self, step: int, steps: int) -> float:
        """0."""
        return 0.0

    def drawn_again(self, wrong: Sequence[int], groups: int, *keys: int) -> list[int]:
        """None."""
        return []


class GoldPrefix(Spec):
    """A group whose samples are all wrong is drawn again, each sample after the first tokens of the gold solution.

    The second group stands in for the first in the batch. The draws of both count. What a run logs of rewards and
    solved samples is of the first, without hints; so is what curriculum and coverage learn. Where the fraction is 0
    no group is drawn again.

    With `groups` "random" as many groups are drawn again as are all wrong, chosen at random from all of the draw: a
    control for where the hints stand.
    """

    kind: Literal["gold_prefix"] = "gold_prefix"
    fraction: FractionSchedule = FractionSchedule(first=0.5, last=0.0)
    groups: Annotated[Literal["all_wrong", "random"], ADDED_LATER] = "all_wrong"

    def fraction_at(self, step: int, steps: int) -> float:
        """The fraction of update `step` (from 0) of `steps`."""
        return self.fraction.at_step(step, steps)

    def drawn_again(self, wrong: Sequence[int], groups: int, *keys: int) -> list[int]:
        """The numbers of the groups that get hints, of so many groups, where those in `wrong` are all wrong.

        `keys` are of this draw alone.
        """
        if self.groups == "all_wrong":
            return list(wrong)
        return sorted(rng("hinted groups", *keys).sample(range(groups), len(wrong)))


Hints = Annotated[NoHints | GoldPrefix, Field(discriminator="kind"), by_name("kind")]
"""What is revealed where all samples are wrong; a bare name stands for the choice with its defaults."""


def gold_prefix(solution: Sequence[int], fraction: float) -> list[int]:
    """The first tokens of a gold solution (token ids, the end among them) that are revealed at a fraction.

    The fraction of the tokens before the end, rounded up, at least one of them, and all of them only where there is
    one: at least one token of a solution is left to write besides its end.
    """
    written = len(solution) - 1
    # 0.1 of 30 tokens is 3 of them, whatever the product is rounded to.
    count = math.ceil(fraction * written - 1e-9)
    return list(solution[: max(1, min(count, written - 1))])
