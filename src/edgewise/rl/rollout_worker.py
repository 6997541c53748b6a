"""Rollout worker: generates verified completions by the behavior policy, and counts what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.spec import ADDED_LATER, Spec, by_name
from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import total
from edgewise.model.flops import sampling_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.batch import MicroBatch, Minibatch, all_cells, every_token, logits_of, logp_of
from edgewise.rl.hints import gold_prefix
from edgewise.rl.models import Models, StalePolicy
from edgewise.rollouts.collect import gold_ids, gold_rollouts, roll_out, roll_out_after
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
    """The world writes its gold solution (supervised fine-tuning).

    `fraction` below 1 leaves its first tokens, as `hints.gold_prefix`: the control of hints that reveal as much.
    """

    kind: Literal["gold"] = "gold"
    fraction: Annotated[float, ADDED_LATER] = Field(1.0, gt=0, le=1)

    @property
    def cut(self) -> Callable[[list[int]], list[int]] | None:
        """What leaves the first tokens of a solution; None where all are left."""
        return None if self.fraction == 1 else lambda ids: gold_prefix(ids, self.fraction)


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
                tokenizer, world, most = self._tokenizer, self._world, self._max_new_tokens
                return self._of_all_ranks(
                    range(len(problems)),
                    lambda share: gold_rollouts(tokenizer, world, [problems[p] for p in share], most, behavior.cut),
                )
            case "start":
                return self.by_start(problems, samples, seed)
            case "teacher":
                assert self._models.teacher is not None
                return self._generate(self._models.teacher, problems, samples, seed, self._temperature)
            case "policy":
                decoder, noise = self.stale_policy.decoder, behavior.logit_noise
                return self._generate(decoder, problems, samples, seed, self._temperature, noise)

    def after_hints(self, problems: Sequence[Problem], fraction: float, samples: int, seed: int) -> Rollouts:
        """Completions by the behavior policy, after the first `fraction` of each problem's gold solution."""
        assert self._behavior.kind == "policy", "a recipe refuses hints for others"
        gold = gold_ids(self._tokenizer, self._world, problems, self._max_new_tokens)
        revealed = [gold_prefix(ids, fraction) for ids in gold]
        decoder, noise = self.stale_policy.decoder, self._behavior.logit_noise
        return self._generate(decoder, problems, samples, seed, self._temperature, noise, revealed)

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
        revealed: Sequence[Sequence[int]] | None = None,
    ) -> Rollouts:
        params = SamplingParams(max_new_tokens=self._max_new_tokens, temperature=temperature, precision=self._precision)
        engine = Engine(decoder, self._tokenizer.eos, logit_noise=logit_noise, cores=self._execution.cores)
        tokenizer, world = self._tokenizer, self._world

        def rolled_out(numbers: Sequence[int]) -> Rollouts:
            some = [problems[p] for p in numbers]
            if revealed is None:
                return roll_out(engine, tokenizer, world, some, samples, params, seed)
            before = [revealed[p] for p in numbers]
            return roll_out_after(engine, tokenizer, world, some, before, samples, params, seed)

        rollouts = self._of_all_ranks(range(len(problems)), rolled_out)
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

    def _of_all_ranks(self, numbers: Sequence[int], make: Callable[[Sequence[int]], Rollouts]) -> Rollouts:
        """The verified rollouts of all problems, by number, of which each rank makes its share."""
        share = self._execution.distributed.shard(numbers)
        return Rollouts.concatenate(self._execution.distributed.all_gather([make(share)] if share else []))
