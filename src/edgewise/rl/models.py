"""The models of one run and their parts in it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from edgewise.model.decoder import Decoder
from edgewise.rl.critic import Critic
from edgewise.rl.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Models:
    """`policy` is trained; `start` is what it was at first; `reference` is the start until it is reset."""

    policy: Decoder
    start: Decoder
    reference: Decoder
    teacher: Decoder | None
    critic: Critic | None

    @classmethod
    def of(cls, policy: Decoder, teacher: Decoder | None, recipe: Recipe) -> Models:
        """The models of a run that begins with this policy."""
        start = copy.deepcopy(policy).requires_grad_(False)
        reference = copy.deepcopy(start) if recipe.reset.reset != "never" else start
        critic = Critic(start, recipe.critic) if recipe.advantage.needs_critic else None
        return cls(policy, start, reference, teacher, critic)

    def pulled_to(self, recipe: Recipe) -> Decoder:
        """The model that the recipe's KL term is to."""
        if recipe.kl.to == "reference":
            return self.reference
        assert self.teacher is not None, "the trainer refuses recipes whose teacher is missing"
        return self.teacher
