"""Advantages and rewards of Edgewise inside verl: the module that VERL_USE_EXTERNAL_MODULES names.

verl imports it in each of its processes. It registers every advantage as an estimator, `algorithm.adv_estimator=
edgewise_NAME` with its defaults, and `edgewise_recipe`: that of the run in the folder that EDGEWISE_HAND_OVER names,
with every number. `gae` and `remax` are not among them: the one needs a critic, which verl's own `gae` has, the other
a greedy completion, which verl does not draw for estimators of others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from verl.trainer.ppo.core_algos import register_adv_est

from edgewise.core.errors import InputError
from edgewise.interop.plugins.hand_over import HandedOver
from edgewise.interop.plugins.row_advantages import RowStep, row_advantages
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageSpec

# The folder that `edgewise export verl` wrote.
FOLDER = "EDGEWISE_HAND_OVER"
PREFIX = "edgewise_"
RECIPE = f"{PREFIX}recipe"
# What verl writes itself where its grader reads no answer.
UNREADABLE = "[INVALID]"


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What our trainer for verl knows of a step besides the rows: which it is, and the log-probabilities [B, T]."""

    at: RowStep
    logp_BT: Tensor | None


STEP: ContextVar[StepInputs | None] = ContextVar("step", default=None)
"""Set by `edgewise.interop.plugins.verl_trainer` while verl computes the advantages of a step."""

Estimator = Callable[..., tuple[Tensor, Tensor]]


def estimator(advantage: Callable[[], AdvantageSpec]) -> Estimator:
    """An advantage as verl calls it: rows in, (advantages, returns) out, both [B, T]; there is no critic."""

    def estimate(
        token_level_rewards: Tensor,
        response_mask: Tensor,
        index: Sequence[Hashable] | None = None,
        reward_baselines: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        if index is None:
            raise InputError("index: verl did not say which problem a row is of")
        step = STEP.get()
        advantage_BT = row_advantages(
            advantage(),
            token_level_rewards,
            response_mask,
            list(index),
            at=None if step is None else step.at,
            logp_BT=None if step is None else step.logp_BT,
            greedy_B=reward_baselines,
        )
        return advantage_BT, advantage_BT

    return estimate


def handed_over() -> HandedOver:
    """The run in the folder that EDGEWISE_HAND_OVER names; InputError where it names none."""
    if not os.environ.get(FOLDER):
        raise InputError(f"{FOLDER}: must name the folder that `edgewise export verl` wrote; it is not set")
    return HandedOver(Path(os.environ[FOLDER]))


def score_of(run: HandedOver, solution_str: str, extra_info: dict[str, Any]) -> dict[str, float | str]:
    """What verl calls for each completion (`compute_score`): its reward and its verdict.

    `score` is what is learned from. `acc` and `process` are the verdicts; `pred` is the answer, and "[INVALID]" where
    none could be read, of which `unscorable` is 1: its `acc` of 0 does not call it wrong, and `edgewise audit` reads it
    as unscorable. `outcome` is what filters look at, `problem` the address of the problem.

    verl passes the text alone. Its words are its tokens but the end: where they fill the limit there is no end, and the
    completion is truncated.
    """
    address = str(extra_info["address"])
    limit = run.run.recipe.sampling.max_new_tokens
    tokens = len(solution_str.split()) + 1
    graded = run.grade(address, solution_str, min(tokens, limit), truncated=tokens > limit)
    verdict = graded.verdict
    return {
        "score": graded.reward,
        "acc": float(verdict.answer_correct),
        "process": float(verdict.process_correct),
        "outcome": float(graded.outcome),
        "unscorable": float(verdict.predicted is None),
        "truncated": float(tokens > limit),
        "pred": UNREADABLE if verdict.predicted is None else verdict.predicted,
        "problem": address,
    }


def _register() -> None:
    for name, kind in ADVANTAGES.specs().items():
        has_critic = kind.critic_spec is not AdvantageSpec.critic_spec
        # One that has no defaults, such as the k of PKPO, is had through the recipe alone.
        if not has_critic and not kind.needs_greedy and not any(f.is_required() for f in kind.model_fields.values()):
            register_adv_est(PREFIX + name)(estimator(kind))
    register_adv_est(RECIPE)(estimator(lambda: handed_over().run.recipe.advantage))


_register()
