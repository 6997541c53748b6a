"""Train a policy with RL: the one loop. Each step: collect -> advantages -> update -> reset -> log.

The loop does not know which algorithm it runs: that is the recipe's. Everything random is keyed by seed and step, and
all that a step leaves behind is in the checkpoint, so a resumed run equals the whole one.
"""

from __future__ import annotations

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.collect import Collector
from edgewise.rl.coverage import Coverage
from edgewise.rl.curriculum import check_problems
from edgewise.rl.flops import update_flops
from edgewise.rl.kept_groups import groups_to_keep, is_kept
from edgewise.rl.models import Models
from edgewise.rl.probe import is_probed, probe
from edgewise.rl.recipe import Recipe
from edgewise.rl.reference_reset import NeverReset, ResetOnPlateau, validation_problems
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rl.token_advantages import TokenAdvantages, minibatches_of
from edgewise.rl.update import PolicyUpdate
from edgewise.rollouts.collect import gold_ids, gold_rollouts
from edgewise.sampling.engine import check_fits
from edgewise.tasks.base import Split, World
from edgewise.training.execution import CPU, Execution
from edgewise.training.optimizer import Optimizer
from edgewise.training.run_folder import RunFolder, check_finite
from edgewise.training.sharding import Trained
from edgewise.training.state import CombinedState, ModuleState, State

# Prompts of the first step that `check_first_step` looks at.
_ENOUGH_PROMPTS = 64


def check_first_step(
    tokenizer: Tokenizer, world: World, recipe: Recipe, seed: int, split: Split, max_positions: int
) -> None:
    """InputError where the first step cannot be made, as far as that shows without a model.

    The split has no problem of some level, the world cannot give the reward, or has too few problems or levels for the
    curriculum; or the prompts with the token limit, or the gold solutions, exceed the positions of the model; or gold
    solutions that are revealed exceed the token limit.
    """
    check_problems(world, split, seed)
    recipe.reward.function.check(world, split)
    sampling = recipe.sampling
    problems = sampling.curriculum.start(world, split, seed).next(min(sampling.prompts, _ENOUGH_PROMPTS))
    prompts = [tokenizer.prompt(problem.prompt) for problem in problems]
    limits = [sampling.max_new_tokens] * len(prompts)
    if sampling.behavior.kind == "gold":
        gold = gold_rollouts(tokenizer, world, problems, sampling.max_new_tokens, sampling.behavior.cut)
        limits = gold.completions.length_PG[:, 0].tolist()
    if sampling.hints.kind != "none":
        gold_ids(tokenizer, world, problems, sampling.max_new_tokens)
    check_fits(prompts, limits, sampling.samples, max_positions)


def train(
    model: Decoder,
    tokenizer: Tokenizer,
    world: World,
    recipe: Recipe,
    seed: int,
    folder: RunFolder,
    execution: Execution = CPU,
    teacher: Decoder | None = None,
    split: Split = "held_out",
) -> Totals:
    """Train `model`, which comes as the start model, in place; returns the totals (see `Totals`).

    Problems are of the split `split` of the world. InputError, before any work, where a level has none there, where
    the world cannot give the recipe's reward, or a teacher is missing; and at the first step whose reward, loss or
    gradient is no number.
    """
    if recipe.has_teacher != (teacher is not None):
        raise InputError(f"teacher: must be {'given' if recipe.has_teacher else 'left out'} with this recipe")
    check_problems(world, split, seed)
    recipe.reward.function.check(world, split)

    # What the run consists of.
    sampling, kl, epochs = recipe.sampling, recipe.loss.kl, recipe.optimizer.epochs
    models = Models.of(model, teacher, kl, recipe.advantage.critic_spec, recipe.precision, execution)
    worker = RolloutWorker(
        models,
        sampling.behavior,
        tokenizer,
        world,
        sampling.max_new_tokens,
        sampling.temperature,
        execution,
        recipe.precision,
    )
    collector = Collector(
        worker,
        world,
        recipe.reward.function,
        sampling.filters,
        sampling.curriculum.start(world, split, seed),
        Coverage(),
        sampling.prompts,
        sampling.samples,
        execution.distributed,
        sampling.hints,
    )
    advantages = TokenAdvantages(
        recipe.advantage,
        recipe.reward.length,
        kl,
        sampling,
        recipe.steps,
        models,
        collector,
        execution,
        recipe.precision,
    )
    policy = Trained(model, recipe.precision, execution)
    optimizer = Optimizer(policy.module, recipe.optimizer)
    policy_update = PolicyUpdate(policy, optimizer, recipe.loss, sampling.temperature, recipe.precision, execution)
    reset_trigger = kl.reset.start()

    # What a checkpoint keeps.
    states: dict[str, State] = {
        "model": policy,
        "optimizer": optimizer,
        "stale_policy": worker.stale_policy,
        "curriculum": collector.curriculum,
        "coverage": collector.coverage,
        "reset_trigger": reset_trigger,
    }
    if models.reference is not models.start:
        states["reference"] = ModuleState(models.reference)
    if models.critic is not None:
        states["critic"] = models.critic.state

    def validation_pass_rate() -> float:
        """The policy's pass rate on problems that the run does not train on by their seed."""
        assert isinstance(kl.reset, ResetOnPlateau), "no other rule asks for it"
        problems = validation_problems(world, split, seed, kl.reset.problems)
        rollouts = worker.by_policy(problems, kl.reset.samples, key("validate", seed))
        return float(collector.score(rollouts, seed).outcome_PG.float().mean())

    # What to try where a number is none.
    policy_remedy = f"lower optimizer.learning_rate, which is {recipe.optimizer.learning_rate:g}"
    reward_remedy = f"reward.function {recipe.reward.function.kind} must give every sample a finite number"
    critic_remedy = "lower advantage.critic.optimizer.learning_rate"
    if kl.estimator in ("k2", "k3") and kl.clamp is None:
        policy_remedy += ", or bound the log-ratio of the KL by loss.kl.clamp"

    totals = Totals()
    for step in folder.steps(recipe.steps, CombinedState(states), totals):
        with folder.errors_of(step):
            step_seed = key("rl", seed, step)
            worker.reset_costs()
            training_flops = 0.0

            # Collect.
            scored, metrics = collector.collect(step_seed, sampling.hints.fraction_at(step, recipe.steps))
            check_finite(metrics, ("reward", "hinted_reward"), reward_remedy)
            worker.stale_policy.advance()
            metrics |= collector.coverage.metrics() | collector.curriculum.metrics()
            metrics |= {"effective_batch": 0.0, "grad_norm": 0.0}
            if scored is not None:
                if is_probed(step, recipe):
                    metrics |= probe(
                        models,
                        scored.rollouts,
                        sampling.temperature,
                        execution,
                        recipe.precision,
                        by_policy=sampling.behavior.kind == "policy",
                        decides=recipe.stop_at_kl is not None,
                    )

                # Advantages.
                batch = advantages.compute(scored, step, step_seed)
                metrics["effective_batch"] = float(batch.effective_samples)

                # Update.
                minibatches = minibatches_of(batch, recipe.loss, recipe.optimizer.minibatches, sampling.max_new_tokens)
                learning_rate = recipe.optimizer.learning_rate_at(step, recipe.steps)
                kl_target = models.kl_target(kl) if kl.in_loss else None
                metrics |= policy_update.run(minibatches, epochs, learning_rate, kl_target, seed=step_seed)
                if models.critic is not None:
                    metrics |= models.critic.learn(minibatches, epochs, execution)
                if sampling.behavior.kind == "gold":
                    trained_on = (m.prompt_tokens + m.tokens for m in minibatches if m is not None)
                    totals.gold_tokens += epochs * sum(trained_on)
                training_flops = update_flops(
                    model, minibatches, recipe.loss, epochs, with_critic=models.critic is not None
                )
                check_finite(metrics, ("policy_loss", "grad_norm", "entropy"), policy_remedy)
                check_finite(metrics, ("value_loss", "value_grad_norm"), critic_remedy)
                if is_kept(step, recipe.steps):
                    folder.keep(groups_to_keep(scored, batch, step))

            # Reset the reference.
            reset = reset_trigger.due(step, metrics.get("kl_to_reference"), validation_pass_rate)
            if reset and not isinstance(kl.reset, NeverReset):
                ModuleState(models.reference).load(ModuleState(model).tensors())
                if kl.reset.optimizer == "clear":
                    optimizer.load({})

            # Log.
            totals.tokens += worker.tokens
            totals.prompt_tokens += worker.prompt_tokens
            totals.flops += worker.flops + training_flops
            folder.log(step, metrics | {"reset": float(reset), "tokens": totals.tokens})

            # Stop.
            if recipe.stop_at_kl is not None and metrics.get("kl_to_start", 0.0) > recipe.stop_at_kl:
                break
    return totals
