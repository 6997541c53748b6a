"""Which advantage a recipe uses, with its numbers: small specs that bind the pure functions.

`Advantage` is the union of all of them, told apart by the field `advantage`; where one is expected,
its bare name stands for it with its defaults. Credit is read from the reward less what the tokens
cost (`Graded.net_PG`) unless a spec says otherwise.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, by_name
from edgewise.rl import advantages
from edgewise.rl.graded import Graded


class KSchedule(Spec):
    """k, and from the share `at` of the steps on `then`, where there is one. A bare int is that k.

    PKPO's annealing is k = 8, then = 1: exploration first, then pass@1.
    """

    k: int = Field(ge=1)
    then: int | None = Field(None, ge=1)
    at: float = Field(0.5, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"k": value} if isinstance(value, int) and not isinstance(value, bool) else value

    def at_step(self, step: int, steps: int) -> int:
        """The k of update `step` (from 0) of `steps`."""
        return self.k if self.then is None or step < self.at * steps else self.then

    @property
    def largest(self) -> int:
        return self.k if self.then is None else max(self.k, self.then)


class AdvantageSpec(Spec):
    """How the samples of a step are credited.

    `needs_group` says that one sample per problem is not enough, `needs_greedy` and `needs_critic`
    that the step must also bring a greedy completion or a critic's values. `positive_only` sets
    negative advantages to 0.
    """

    needs_group: ClassVar[bool] = True
    needs_greedy: ClassVar[bool] = False
    needs_critic: ClassVar[bool] = False

    positive_only: bool = False

    def of(self, graded: Graded) -> Tensor:
        """Advantages [problems, samples], or [problems, samples, tokens], for a mean over samples."""
        credit = self._credit(graded)
        return advantages.positive_only(credit) if self.positive_only else credit

    def returns(self, graded: Graded) -> Tensor:
        """What a critic learns to expect before each token, [P, G, T]; only where `needs_critic`."""
        raise TypeError(f"{type(self).__name__} has no critic")

    def check(self, samples: int) -> None:
        """ValueError where `samples` per problem cannot be used."""
        if self.needs_group and samples < 2:
            raise ValueError(f"samples: this advantage compares a problem's samples; use at least 2, got {samples}")

    @abstractmethod
    def _credit(self, graded: Graded) -> Tensor: ...


class Grpo(AdvantageSpec):
    """`advantages.grpo`."""

    advantage: Literal["grpo"] = "grpo"
    std: Literal["sample", "population"] = "sample"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.grpo(graded.net_PG, self.std)


class DrGrpo(AdvantageSpec):
    """`advantages.dr_grpo`."""

    advantage: Literal["dr_grpo"] = "dr_grpo"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.dr_grpo(graded.net_PG)


class Rloo(AdvantageSpec):
    """`advantages.rloo`."""

    advantage: Literal["rloo"] = "rloo"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.rloo(graded.net_PG)


class ReinforcePlusPlus(AdvantageSpec):
    """`advantages.reinforce_plus_plus`; with penalties, the whitened reward to go of each token."""

    advantage: Literal["reinforce_plus_plus"] = "reinforce_plus_plus"
    needs_group: ClassVar[bool] = False

    def _credit(self, graded: Graded) -> Tensor:
        if graded.penalty_PGT is None:
            return advantages.reinforce_plus_plus(graded.reward_PG, graded.length_PG)
        to_go_PGT = advantages.reward_to_go(graded.reward_PG, graded.penalty_PGT, graded.length_PG)
        return advantages.whiten(to_go_PGT, graded.length_PG)


class ReinforcePlusPlusBaseline(AdvantageSpec):
    """`advantages.reinforce_plus_plus_baseline`, every token counted."""

    advantage: Literal["reinforce_plus_plus_baseline"] = "reinforce_plus_plus_baseline"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.reinforce_plus_plus_baseline(graded.net_PG, graded.length_PG)


class BatchStd(AdvantageSpec):
    """`advantages.batch_std`."""

    advantage: Literal["batch_std"] = "batch_std"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.batch_std(graded.net_PG)


class Remax(AdvantageSpec):
    """`advantages.remax`."""

    advantage: Literal["remax"] = "remax"
    needs_group: ClassVar[bool] = False
    needs_greedy: ClassVar[bool] = True

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.remax(graded.net_PG, _present("greedy_P", graded.greedy_P))


class Opo(AdvantageSpec):
    """`advantages.opo`."""

    advantage: Literal["opo"] = "opo"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.opo(graded.net_PG, graded.length_PG)


class Gae(AdvantageSpec):
    """`advantages.gae`, penalties paid token by token; `whiten`ed over the batch as PPO is run."""

    advantage: Literal["gae"] = "gae"
    needs_group: ClassVar[bool] = False
    needs_critic: ClassVar[bool] = True
    gamma: float = Field(1.0, ge=0, le=1)
    lam: float = Field(1.0, ge=0, le=1)
    whiten: bool = True

    def returns(self, graded: Graded) -> Tensor:
        """The unwhitened advantage plus the value: the lambda-return."""
        return self._estimate(graded) + _present("values_PGT", graded.values_PGT)

    def _credit(self, graded: Graded) -> Tensor:
        advantage_PGT = self._estimate(graded)
        return advantages.whiten(advantage_PGT, graded.length_PG) if self.whiten else advantage_PGT

    def _estimate(self, graded: Graded) -> Tensor:
        values_PGT = _present("values_PGT", graded.values_PGT)
        return advantages.gae(graded.reward_PG, values_PGT, graded.length_PG, self.gamma, self.lam, graded.penalty_PGT)


class Pkpo(AdvantageSpec):
    """n times `advantages.pkpo`, whose S_i are for a sum over samples, so that the mean is the gradient.

    With a baseline, k = 1 is leave-one-out (`advantages.rloo`), as in the paper's runs.
    """

    advantage: Literal["pkpo"] = "pkpo"
    k: KSchedule = KSchedule(k=4)
    baseline: Literal["none", "sloo", "sloo_minus_one", "sloo_kn"] = "sloo_minus_one"

    def check(self, samples: int) -> None:
        super().check(samples)
        most = samples - 1 if self.baseline in ("sloo", "sloo_kn") else samples
        if self.k.largest > most:
            raise ValueError(
                f"samples: pkpo with baseline {self.baseline} and k {self.k.largest} needs at least"
                f" {self.k.largest + samples - most}, got {samples}"
            )

    def _credit(self, graded: Graded) -> Tensor:
        k = self.k.at_step(graded.step, graded.steps)
        if k == 1 and self.baseline != "none":
            return advantages.rloo(graded.net_PG)
        return advantages.pkpo(graded.net_PG, k, self.baseline) * graded.net_PG.shape[1]


class PassAtK(AdvantageSpec):
    """Pass@k Training in the named form; rewards must be 0 or 1, so without shaping or penalties.

    "by_pass_rate" is the analytic form at `advantages.k_by_pass_rate` of each problem, k at most;
    "adaptive" reads a problem's entropy off its log-probabilities.
    """

    advantage: Literal["pass_at_k"] = "pass_at_k"
    k: KSchedule = KSchedule(k=4)
    form: Literal["analytic", "full", "bootstrap", "exceeding", "combination", "adaptive", "by_pass_rate"] = "analytic"

    def check(self, samples: int) -> None:
        super().check(samples)
        # At k = n there is one group, so nothing to compare it with.
        least = 2 * self.k.largest if self.form == "full" else self.k.largest + 1
        if samples < least:
            raise ValueError(
                f"samples: pass_at_k {self.form} with k {self.k.largest} needs at least {least}, got {samples}"
            )

    def _credit(self, graded: Graded) -> Tensor:
        rewards_PG, k = graded.net_PG, self.k.at_step(graded.step, graded.steps)
        match self.form:
            case "analytic":
                return advantages.pass_at_k_training(rewards_PG, k)
            case "full":
                return advantages.pass_at_k_full(rewards_PG, k)
            case "bootstrap":
                return advantages.pass_at_k_bootstrap(rewards_PG, k, graded.seed)
            case "exceeding":
                return advantages.pass_at_k_exceeding(rewards_PG, k)
            case "combination":
                return advantages.pass_at_k_combination(rewards_PG, k)
            case "adaptive":
                return advantages.pass_at_k_adaptive(rewards_PG, -graded.logp_PG.mean(1), k)
            case "by_pass_rate":
                return advantages.pass_at_k_training(rewards_PG, advantages.k_by_pass_rate(rewards_PG, k))


class MaxRl(AdvantageSpec):
    """`advantages.maxrl`."""

    advantage: Literal["maxrl"] = "maxrl"

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.maxrl(graded.net_PG)


class Unlikeliness(AdvantageSpec):
    """`advantages.unlikeliness`."""

    advantage: Literal["unlikeliness"] = "unlikeliness"
    beta: float = Field(0.25, ge=0, le=1)

    def _credit(self, graded: Graded) -> Tensor:
        return advantages.unlikeliness(graded.net_PG, graded.logp_PG, self.beta)


class Reinforce(AdvantageSpec):
    """The reward itself, without a baseline (Williams 1992)."""

    advantage: Literal["reinforce"] = "reinforce"
    needs_group: ClassVar[bool] = False

    def _credit(self, graded: Graded) -> Tensor:
        return graded.net_PG


class Accepted(AdvantageSpec):
    """1 where the outcome is right, else 0, whatever the reward: rejection fine-tuning."""

    advantage: Literal["accepted"] = "accepted"
    needs_group: ClassVar[bool] = False

    def _credit(self, graded: Graded) -> Tensor:
        return graded.outcome_PG.to(graded.reward_PG.dtype)


class Everything(AdvantageSpec):
    """1 for every sample, whatever the reward: supervised fine-tuning, distillation by likelihood."""

    advantage: Literal["everything"] = "everything"
    needs_group: ClassVar[bool] = False

    def _credit(self, graded: Graded) -> Tensor:
        return torch.ones_like(graded.reward_PG)


class Nothing(AdvantageSpec):
    """0 for every sample: only what the loss adds by itself, such as a KL, acts."""

    advantage: Literal["nothing"] = "nothing"
    needs_group: ClassVar[bool] = False

    def _credit(self, graded: Graded) -> Tensor:
        return torch.zeros_like(graded.reward_PG)


Advantage = Annotated[
    Grpo
    | DrGrpo
    | Rloo
    | ReinforcePlusPlus
    | ReinforcePlusPlusBaseline
    | BatchStd
    | Remax
    | Opo
    | Gae
    | Pkpo
    | PassAtK
    | MaxRl
    | Unlikeliness
    | Reinforce
    | Accepted
    | Everything
    | Nothing,
    Field(discriminator="advantage"),
    by_name("advantage"),
]


def _present(name: str, value: Tensor | None) -> Tensor:
    if value is None:
        raise InputError(f"{name}: this advantage needs it, the step brought none")
    return value
