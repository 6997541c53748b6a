"""A GRPO step on the device, sampling, verifying and update in bf16, by the trainer that every run uses."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.gpu.scale import LEARNING_RATE, Scale, memory_gb, model_of, world_of
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


def rl_step(scale: Scale, device: torch.device, backend: str = "torch") -> dict[str, list[float]]:
    """Seconds of a step, of each after the first, and the tokens that it draws."""
    tokenizer, model = model_of(scale, device, backend)
    recipe = Recipe(
        steps=scale.repeats,
        precision="bf16",
        sampling={"prompts": scale.prompts, "samples": scale.samples, "max_new_tokens": scale.new_tokens},
        optimizer={"learning_rate": LEARNING_RATE, "warmup": 0.0},
    )
    times = [time.perf_counter()]

    def done(step: int, steps: int, _: str) -> None:
        times.append(time.perf_counter())
        print(f"  step {step} of {steps}: {times[-1] - times[-2]:.1f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        execution = Execution(device, backend, tokens_per_micro_batch=scale.row_tokens)
        # No checkpoint is written within the run, whose time would count.
        run = RunFolder(Path(folder), done, checkpoint_seconds=float("inf"))
        totals = train(model, tokenizer, world_of(scale), recipe, 0, run, execution)
    first, *rest = (after - before for before, after in pairwise(times))
    return {
        "seconds": rest,
        "first_seconds": [first],
        "tokens": [totals.tokens / recipe.steps],
        "memory_gb": [memory_gb(device)],
    }


def rl_step_compiled(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """The same with the layers of the update compiled."""
    return rl_step(scale, device, "inductor")
