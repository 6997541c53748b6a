"""A whole RL loop on one page: GRPO in plain torch, beside the same run through the library, with equal numbers.

    python examples/rl_loop.py

Ours here are the world (problems and a verifier), the decoder and the sampler. Everything that makes it RL is written
out: collect rollouts, compute advantages, compute the loss, update. `through_the_library` runs the same algorithm as a
recipe; both log the same numbers at each step, up to the order in which floats are summed.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import load_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import Pretrain
from edgewise.study.store import Store
from edgewise.tasks.base import Problem, World
from edgewise.tasks.modular import ModularArithmetic
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec
from edgewise.training.run_folder import RunFolder

# The base: a tiny decoder that has read some worked problems, and solves a part of them.
WORLD = ModularArithmetic(min_op=1, max_op=2, modulus=5, letters=4)
BASE = Pretrain(
    world=WORLD,
    model=DecoderSpec(width=32, layers=1, heads=2, kv_heads=1, feed_forward=64, max_positions=96),
    training=NextTokenSpec(steps=200, documents=16, row_length=96, optimizer=OptimizerSpec(learning_rate=2e-2)),
)

# The algorithm: GRPO with PPO's clip, two updates a step.
STEPS, PROMPTS, SAMPLES, MAX_NEW_TOKENS, TEMPERATURE = 10, 8, 8, 36, 1.0
MINIBATCHES, CLIP = 2, 0.2
LEARNING_RATE, BETAS, EPSILON, MAX_GRADIENT_NORM = 1e-3, (0.9, 0.98), 1e-8, 1.0

Metrics = dict[str, float]


# 1. Collect: sample completions of problems, and verify them.


@dataclass
class Group:
    """All samples of one problem: token ids of the prompt and of the completions, and a reward for each of these."""

    prompt: list[int]
    completions: list[list[int]]
    rewards: list[float]


def collect(policy: Decoder, tokenizer: Tokenizer, world: World, problems: list[Problem], seed: int) -> list[Group]:
    """One group for each problem. The reward is 1 for a right answer and 0 for anything else."""
    prompts = [tokenizer.prompt(problem.prompt) for problem in problems]
    # Randomness has a key for what it is for, so that a completion does not depend on the rest of the batch.
    keys = [key("completion", seed, problem.prompt) for problem in problems]
    params = SamplingParams(max_new_tokens=MAX_NEW_TOKENS, temperature=TEMPERATURE)
    sampled = Engine(policy, tokenizer.eos).sample(prompts, keys, SAMPLES, params)
    groups = []
    for p, problem in enumerate(problems):
        completions = [sampled.ids(p, g) for g in range(SAMPLES)]
        rewards = []
        for g, ids in enumerate(completions):
            truncated = not sampled.finished_PG[p, g]
            verdict = world.verify(problem, tokenizer.decode(ids), truncated=truncated)
            rewards.append(float(verdict.answer_correct))
        groups.append(Group(prompts[p], completions, rewards))
    return groups


# 2. Advantages: GRPO compares the samples of a group with each other.


def advantages_of(group: Group) -> Tensor:
    """(r - mean) / (std + 1e-6) of each sample; 0 throughout where all rewards are equal."""
    rewards = torch.tensor(group.rewards)
    if (rewards == rewards[0]).all():
        return torch.zeros_like(rewards)
    return (rewards - rewards.mean()) / (rewards.std() + 1e-6)


# 3. The loss of tokens, from log-probabilities now and before the step's updates.


@dataclass
class Batch:
    """Rows of prompt and completion, padded. `target` is the next token, `trained` where it is of a completion."""

    tokens: Tensor
    target: Tensor
    trained: Tensor
    documents: Tensor
    advantage: Tensor


def batch_of(groups: list[Group]) -> Batch:
    """The rows [B, T] of all samples, and the advantage of each [B]."""
    samples = [(group.prompt, completion) for group in groups for completion in group.completions]
    longest = max(len(prompt) + len(completion) - 1 for prompt, completion in samples)
    shape = (len(samples), longest)
    tokens, target = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    trained, documents = torch.zeros(shape, dtype=torch.bool), torch.full(shape, -1)
    for row, (prompt, completion) in enumerate(samples):
        ids = torch.tensor(prompt + completion)
        length = len(ids) - 1
        tokens[row, :length], target[row, :length] = ids[:-1], ids[1:]
        trained[row, len(prompt) - 1 : length] = True
        documents[row, :length] = 0  # -1 is padding, which nobody sees
    return Batch(tokens, target, trained, documents, torch.cat([advantages_of(group) for group in groups]))


def logp_of(policy: Decoder, batch: Batch) -> Tensor:
    """The log-probability [N] of every completion token under the tempered policy."""
    positions = torch.arange(batch.tokens.shape[1]).expand(batch.tokens.shape)
    hidden = policy(batch.tokens, positions, batch.documents)
    logits = policy.logits(hidden[batch.trained] / TEMPERATURE)
    return torch.log_softmax(logits, dim=-1).gather(1, batch.target[batch.trained].unsqueeze(1)).squeeze(1)


def ppo_loss(logp: Tensor, old_logp: Tensor, advantage: Tensor) -> tuple[Tensor, Tensor]:
    """-min(r A, clip(r) A) of each token with r = pi / pi_old, and where the clip cuts its gradient."""
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
    loss = -torch.minimum(ratio * advantage, clipped * advantage)
    cut = torch.where(advantage < 0, ratio < 1 - CLIP, ratio > 1 + CLIP)
    return loss, cut


# 4. Update: one step of AdamW for each minibatch of problems.


def update(policy: Decoder, optimizer: torch.optim.Optimizer, groups: list[Group]) -> Metrics:
    """The updates of one step; returns the mean gradient norm and the share of tokens that the clip cuts."""
    size = len(groups) // MINIBATCHES
    minibatches = [batch_of(groups[i * size : (i + 1) * size]) for i in range(MINIBATCHES)]
    with torch.no_grad():
        old_logps = [logp_of(policy, batch) for batch in minibatches]
    norms: list[float] = []
    cut_weight = weight = 0.0
    for batch, old_logp in zip(minibatches, old_logps, strict=True):
        if not batch.advantage.any():
            continue  # no signal, no update
        tokens_of_row = batch.trained.sum(1)
        advantage = batch.advantage.repeat_interleave(tokens_of_row)
        loss, cut = ppo_loss(logp_of(policy, batch), old_logp, advantage)
        loss.mean().backward()  # "token-mean": every token of the minibatch counts the same
        norms.append(float(torch.nn.utils.clip_grad_norm_(policy.parameters(), MAX_GRADIENT_NORM)))
        optimizer.step()
        optimizer.zero_grad()
        # The library leaves out samples without advantage, so it counts only the others.
        signal = advantage != 0
        cut_weight += float(cut[signal].sum()) / len(advantage)
        weight += float(signal.sum()) / len(advantage)
    return {
        "grad_norm": sum(norms) / len(norms) if norms else 0.0,
        "clip_fraction": cut_weight / weight if weight else 0.0,
    }


# The loop.


def by_hand(policy: Decoder, tokenizer: Tokenizer, world: World, seed: int) -> list[Metrics]:
    """Train the policy in place; returns the metrics of each step."""
    optimizer = torch.optim.AdamW(policy.parameters(), LEARNING_RATE, BETAS, EPSILON, weight_decay=0.0)
    metrics = []
    for step in range(STEPS):
        problems = [world.problem("held_out", seed, step * PROMPTS + p) for p in range(PROMPTS)]
        groups = collect(policy, tokenizer, world, problems, key("rl", seed, step))
        rewards = [reward for group in groups for reward in group.rewards]
        lengths = [len(completion) for group in groups for completion in group.completions]
        sampled = {"reward": sum(rewards) / len(rewards), "length": sum(lengths) / len(lengths)}
        metrics.append(sampled | update(policy, optimizer, groups))
    return metrics


# The same run through the library.

RECIPE = Recipe(
    steps=STEPS,
    sampling={
        "prompts": PROMPTS,
        "samples": SAMPLES,
        "max_new_tokens": MAX_NEW_TOKENS,
        "temperature": TEMPERATURE,
    },
    reward={"function": "outcome"},
    advantage="grpo",
    loss={"function": {"kind": "ppo_clip", "low": CLIP, "high": CLIP}, "normalization": "token-mean"},
    optimizer={
        "learning_rate": LEARNING_RATE,
        "warmup": 0.0,
        "beta_1": BETAS[0],
        "beta_2": BETAS[1],
        "epsilon": EPSILON,
        "clip": MAX_GRADIENT_NORM,
        "minibatches": MINIBATCHES,
    },
)


def through_the_library(policy: Decoder, tokenizer: Tokenizer, world: World, seed: int, folder: Path) -> list[Metrics]:
    """Train the policy in place by the recipe; returns the metrics of each step."""
    train(policy, tokenizer, world, RECIPE, seed, RunFolder(folder))
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = Store(Path(folder)).compute(BASE) / "model"
        ours = by_hand(*load_pretrained(base), WORLD, seed=0)
        library = through_the_library(*load_pretrained(base), WORLD, seed=0, folder=Path(folder) / "rl")
    print("step   reward: by hand, library   gradient norm: by hand, library")
    for step, (hand, recipe) in enumerate(zip(ours, library, strict=True)):
        print(
            f"{step:4d}   {hand['reward']:15.3f}, {recipe['reward']:.3f}"
            f"     {hand['grad_norm']:22.4f}, {recipe['grad_norm']:.4f}"
        )


if __name__ == "__main__":
    main()
