"""Rollout worker: generates verified completions by the behavior policy, and counts what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.spec import Spec, by_name
from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import total
from edgewise.model.flops import sampling_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.batch import MicroBatch, Minibatch, all_cells, every_token, logits_of, logp_of
from edgewise.rl.models import Models, StalePolicy
from edgewise.rollouts.collect import gold_rollouts, roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Problem, World
from edgewise.training.execution import CPU, Execution


class PolicyWrites(Spec):
    """The policy writes, as it was `staleness` steps ago.

    `logit_noise` adds noise of that standard deviation to its logits, as a sampler of other numerics than the trainer's
    would. `loss.correction` says what is done about either.
    """

    kind: Literal["policy"] = "policy"
    staleness: int = Field(0, ge=0)
    logit_noise: float = Field(0.0, ge=0)


class StartWrites(Spec):
    """The start model writes: draws that match those of RL without any feedback (rejection fine-tuning)."""

    kind: Literal["start"] = "start"


class TeacherWrites(Spec):
    """A teacher writes (distillation)."""

    kind: Literal["teacher"] = "teacher"


class GoldSolutions(Spec):
    """The world writes its gold solution (supervised fine-tuning)."""

    kind: Literal["gold"] = "gold"


Behavior = Annotated[
    PolicyWrites | StartWrites | TeacherWrites | GoldSolutions,
    Field(discriminator="kind"),
    by_name("kind"),
]
"""Who writes the completions that are trained on; a bare name stands for the choice with its defaults."""


class RolloutWorker:
    """Generates verified completions, and sums since `reset_costs` what that took, by all ranks.

    `tokens` are those of completions, `prompt_tokens` those of the prompts before them, each read once for its group.
    """

    def __init__(
        self,
        models: Models,
        behavior: Behavior,
        tokenizer: Tokenizer,
        world: World,
        max_new_tokens: int,
        temperature: float,
        execution: Execution = CPU,
        precision: str = "fp32",
    ) -> None:
        self.stale_policy = StalePolicy(models.policy, behavior.staleness if behavior.kind == "policy" else 0)
        self.reset_costs()
        self._models, self._behavior = models, behavior
        self._tokenizer, self._world = tokenizer, world
        self._max_new_tokens, self._temperature = max_new_tokens, temperature
        self._execution, self._precision = execution, precision

    def reset_costs(self) -> None:
        """Count tokens and FLOPs from 0 again."""
        self.tokens, self.prompt_tokens, self.flops = 0, 0, 0.0

    def by_behavior(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
        """The groups that are trained on, by the behavior policy."""
        behavior = self._behavior
        match behavior.kind:
            case "gold":
                return self._of_all_ranks(
                    problems, lambda some: gold_rollouts(self._tokenizer, self._world, some, self._max_new_tokens)
                )
            case "start":
                return self.by_start(problems, samples, seed)
            case "teacher":
                assert self._models.teacher is not None
                return self._generate(self._models.teacher, problems, samples, seed, self._temperature)
            case "policy":
                decoder, noise = self.stale_policy.decoder, behavior.logit_noise
                return self._generate(decoder, problems, samples, seed, self._temperature, noise)

    def by_start(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
        """Completions of the start model."""
        return self._generate(self._models.start, problems, samples, seed, self._temperature)

    def by_policy(
        self, problems: Sequence[Problem], samples: int, seed: int, temperature: float | None = None
    ) -> Rollouts:
        """Completions of the policy as it is now; at temperature 0 its greedy completion."""
        temperature = self._temperature if temperature is None else temperature
        return self._generate(self._models.policy, problems, samples, seed, temperature)

    def with_start_logp(self, rollouts: Rollouts) -> Rollouts:
        """The rollouts with the log-probability of each completion under the start model, tempered as the policy is."""
        start = self._models.start

        def logp(micro_batch: MicroBatch) -> Tensor:
            return logp_of(logits_of(start, micro_batch, self._temperature, self._precision), micro_batch)

        logp_PG = total(every_token(logp, rollouts, self._execution))
        shape = rollouts.completions.length_PG.shape
        self.flops += Minibatch.of(rollouts, all_cells(rollouts), torch.ones(shape)).forward_flops(start)
        return replace(rollouts, start_logp_PG=logp_PG.numpy())

    def _generate(
        self,
        decoder: Decoder,
        problems: Sequence[Problem],
        samples: int,
        seed: int,
        temperature: float,
        logit_noise: float = 0.0,
    ) -> Rollouts:
        params = SamplingParams(max_new_tokens=self._max_new_tokens, temperature=temperature, precision=self._precision)
        engine = Engine(decoder, self._tokenizer.eos, logit_noise=logit_noise, cores=self._execution.cores)
        rollouts = self._of_all_ranks(
            problems, lambda some: roll_out(engine, self._tokenizer, self._world, some, samples, params, seed)
        )
        prompt_tokens = sum(map(len, rollouts.prompts))
        self.tokens += rollouts.sampled_tokens
        self.prompt_tokens += prompt_tokens
        self.flops += sampling_flops(
            decoder.spec,
            decoder.vocabulary,
            problems=len(problems),
            samples=rollouts.samples,
            prompt_tokens=prompt_tokens,
            completion_tokens=rollouts.sampled_tokens,
        )
        return rollouts

    def _of_all_ranks(self, problems: Sequence[Problem], make: Callable[[Sequence[Problem]], Rollouts]) -> Rollouts:
        """The verified rollouts of all problems, of which each rank makes its share."""
        share = self._execution.distributed.shard(problems)
        return Rollouts.concatenate(self._execution.distributed.all_gather([make(share)] if share else []))
