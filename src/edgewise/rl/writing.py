"""Who writes the completions of a step, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise.model.decoder import Decoder
from edgewise.model.flops import sampling_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.staleness import Past
from edgewise.rollouts.collect import gold_rollouts, roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Problem, World
from edgewise.training.execution import CPU, Execution


class Writing:
    """Judged completions on demand; `tokens` and `flops` add up all that was sampled, by all ranks."""

    def __init__(
        self,
        models: Models,
        past: Past,
        tokenizer: Tokenizer,
        world: World,
        recipe: Recipe,
        execution: Execution = CPU,
    ) -> None:
        self.tokens, self.flops = 0, 0.0
        self._models, self._past, self._tokenizer, self._world, self._recipe = models, past, tokenizer, world, recipe
        self._execution = execution

    def write(self, problems: Sequence[Problem], seed: int) -> Rollouts:
        """The groups that are trained on, by the recipe's writer."""
        recipe = self._recipe
        match recipe.writer:
            case "gold":
                return gold_rollouts(self._tokenizer, self._world, problems, recipe.max_new_tokens)
            case "start":
                writer = self._models.start
            case "teacher":
                assert self._models.teacher is not None
                writer = self._models.teacher
            case "policy":
                writer = self._past.writer
        return self._roll_out(writer, problems, recipe.samples, seed, recipe.temperature, recipe.logit_noise)

    def by_start(self, problems: Sequence[Problem], samples: int, seed: int) -> Rollouts:
        """What the start model writes."""
        return self._roll_out(self._models.start, problems, samples, seed, self._recipe.temperature)

    def by_policy(self, problems: Sequence[Problem], samples: int, seed: int, temperature: float) -> Rollouts:
        """What the policy writes now; at temperature 0 its greedy completion."""
        return self._roll_out(self._models.policy, problems, samples, seed, temperature)

    def _roll_out(
        self,
        writer: Decoder,
        problems: Sequence[Problem],
        samples: int,
        seed: int,
        temperature: float,
        noise: float = 0.0,
    ) -> Rollouts:
        params = SamplingParams(max_new_tokens=self._recipe.max_new_tokens, temperature=temperature)
        engine = Engine(writer, self._tokenizer.eos, logit_noise=noise, cores=self._execution.cores)
        mine = self._execution.distributed.shard(problems)
        drawn = [roll_out(engine, self._tokenizer, self._world, mine, samples, params, seed)] if mine else []
        rollouts = Rollouts.concatenate(self._execution.distributed.all_gather(drawn))
        self.tokens += rollouts.sampled_tokens
        self.flops += sampling_flops(
            writer.spec,
            writer.vocabulary,
            problems=len(problems),
            samples=rollouts.samples,
            prompt_tokens=sum(map(len, rollouts.prompts)),
            completion_tokens=rollouts.sampled_tokens,
        )
        return rollouts
