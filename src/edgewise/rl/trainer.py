"""The one RL trainer: ask, write, grade, credit, update. It does not know which algorithm it runs."""

from __future__ import annotations

import torch

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl import losses
from edgewise.rl.batch import Batch, Part, logits_of, make_batch
from edgewise.rl.coverage import Coverage
from edgewise.rl.crediting import batches_of, credit
from edgewise.rl.gathering import gather
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.resets import Never, Plateau, validation_problems
from edgewise.rl.staleness import Past
from edgewise.rl.update import update
from edgewise.rl.writing import Writing
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import World
from edgewise.training.execution import CPU, Execution
from edgewise.training.optimizer import Optimizer
from edgewise.training.run_folder import RunFolder
from edgewise.training.state import State, Together, Weights


def train(
    model: Decoder,
    tokenizer: Tokenizer,
    world: World,
    recipe: Recipe,
    seed: int,
    folder: RunFolder,
    execution: Execution = CPU,
    teacher: Decoder | None = None,
) -> Totals:
    """Train `model`, which comes as the start model, in place; returns the totals (tokens are those sampled).

    Everything random is keyed by seed and step, and all that a step leaves behind is in the
    checkpoint, so a resumed run equals the whole one. InputError, before any work, where the world
    cannot give what the recipe asks for, or a teacher is missing.
    """
    if recipe.has_teacher != (teacher is not None):
        raise InputError(f"teacher: must be {'given' if recipe.has_teacher else 'left out'} with this recipe")
    recipe.reward.check(world)
    models = Models.of(model, teacher, recipe)
    optimizer = Optimizer(model, recipe.optimizer)
    past, course, coverage = Past(model, recipe.staleness), recipe.curriculum.start(world, seed), Coverage()
    watch = recipe.reset.start()
    writing = Writing(models, past, tokenizer, world, recipe, execution)
    parts: dict[str, State] = {
        "model": Weights(model),
        "optimizer": optimizer,
        "past": past,
        "course": course,
        "coverage": coverage,
        "watch": watch,
    }
    if models.reference is not models.start:
        parts["reference"] = Weights(models.reference)
    if models.critic is not None:
        parts["critic"] = models.critic.state

    def pass_rate() -> float:
        """Of the policy on problems of the train split that the run does not train on by their seed."""
        spec = recipe.reset
        assert isinstance(spec, Plateau), "nothing else asks"
        asked = validation_problems(world, seed, spec.problems)
        rollouts = writing.by_policy(asked, spec.samples, key("validate", seed), recipe.temperature)
        return float(recipe.reward.grade(world, rollouts, seed)[0].float().mean())

    totals = Totals()
    for step in folder.steps(recipe.steps, Together(parts), totals):
        writing.tokens, writing.flops, trained = 0, 0.0, 0.0
        step_seed = key("rl", seed, step)
        gathered, metrics = gather(world, recipe, course, coverage, writing, step_seed)
        past.advance()
        metrics |= coverage.metrics() | course.metrics() | {"effective_batch": 0.0, "grad_norm": 0.0}
        if gathered is not None:
            metrics |= probe(models, gathered.rollouts, recipe, execution)
            credited = credit(gathered, models, writing, world, recipe, step, step_seed, execution)
            metrics["effective_batch"] = float(credited.effective_batch)
            batches = batches_of(credited, recipe)
            rate = recipe.optimizer.learning_rate_at(step, recipe.steps)
            pulled_to = models.pulled_to(recipe) if recipe.kl.in_loss else None
            metrics |= update(model, optimizer, batches, recipe, rate, execution, pulled_to)
            if models.critic is not None:
                metrics |= models.critic.learn(batches, recipe.epochs, execution)
            trained = update_flops(model, batches, recipe)
        reset = watch.due(step, metrics.get("kl_to_reference"), pass_rate)
        if reset and not isinstance(recipe.reset, Never):
            Weights(models.reference).load(Weights(model).tensors())
            if recipe.reset.optimizer == "clear":
                optimizer.load({})
        totals.tokens += writing.tokens
        totals.flops += writing.flops + trained
        folder.log(step, metrics | {"reset": float(reset), "tokens": totals.tokens})
    return totals


@torch.no_grad()
def probe(models: Models, rollouts: Rollouts, recipe: Recipe, execution: Execution) -> dict[str, float]:
    """Exact entropy of the policy, and its exact KL to start and reference, before the updates.

    Nats per token, means over the `probe_tokens` tokens of each group's first sample.
    """
    cells = [(p, 0) for p in range(len(rollouts.problems))]
    batch = make_batch(rollouts, cells, torch.ones(len(cells), 1), {})
    names = ("entropy", "kl_to_start", "kl_to_reference")

    def measured(part: Part) -> tuple[float, ...]:
        logits_NV = logits_of(models.policy, part, recipe.temperature)
        to_start = float(losses.exact_kl(logits_NV, logits_of(models.start, part, recipe.temperature)).sum())
        to_reference = to_start
        if models.reference is not models.start:
            reference_NV = logits_of(models.reference, part, recipe.temperature)
            to_reference = float(losses.exact_kl(logits_NV, reference_NV).sum())
        return float(losses.entropy(logits_NV).sum()), to_start, to_reference

    of_parts = execution.distributed.all_gather(list(execution.map_in_order(measured, batch.parts(execution))))
    sums = map(sum, zip(*of_parts, strict=True))
    means = {name: total / batch.tokens for name, total in zip(names, sums, strict=True)}
    return means | {"probe_tokens": float(batch.tokens)}


def update_flops(model: Decoder, batches: list[Batch | None], recipe: Recipe) -> float:
    """Three forward passes' worth for each update, one more for old log-probabilities, for a KL term and
    for what it costs in the reward (two there), and four for a critic."""
    passes = (3 + recipe.kl.in_loss) * recipe.epochs + 2 * recipe.kl.in_reward
    passes += len(batches) * recipe.epochs > 1
    passes += recipe.advantage.needs_critic * (1 + 3 * recipe.epochs)
    return passes * sum(batch.forward_flops(model) for batch in batches if batch is not None)
