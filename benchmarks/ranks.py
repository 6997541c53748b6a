"""The whole RL step on two ranks of one thread each beside the same on one rank of two threads."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.findings import Comparison, Findings, alternate
from benchmarks.models import NEVER, SMALL, SMALL_WORDS, RandomWords, decoder, tokenizer_of
from benchmarks.rl_step import LEARNING_RATE
from edgewise.core.distributed import process_group
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

PROMPTS, SAMPLES, NEW_TOKENS = 8, 8, 128
STEPS = 3


def measure(repeats: int) -> Findings:
    """Both in turn, each time in processes of their own."""
    alternated = alternate(lambda seed: seconds_with(2, 1, seed), lambda seed: seconds_with(1, 2, seed), repeats)
    comparison = Comparison.of(
        "ranks",
        f"a GRPO step on two ranks of one thread beside one rank of two, {PROMPTS} prompts x {SAMPLES} samples of"
        f" {NEW_TOKENS} tokens, gloo",
        "s/step",
        alternated,
        "one rank of two threads",
        better="less",
    )
    return Findings(comparisons=[comparison])


def seconds_with(ranks: int, threads: int, seed: int, steps: int = STEPS, new_tokens: int = NEW_TOKENS) -> float:
    """Seconds of a step, as the first of so many ranks measures it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "seconds"
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks), "-m", __name__]
        done = subprocess.run(
            [sys.executable, *torchrun, str(out), str(seed), str(steps), str(new_tokens)],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"torchrun ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        return float(out.read_text())


def main(out: Path, seed: int, steps: int, new_tokens: int) -> None:
    """One rank: a step that does not count, then those that do; the first rank writes down their mean."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    with process_group("cpu") as distributed, tempfile.TemporaryDirectory() as folder:
        for name, count in (("warm", 1), ("timed", steps)):
            recipe = Recipe(
                steps=count,
                sampling={"prompts": PROMPTS, "samples": SAMPLES, "max_new_tokens": new_tokens},
                optimizer={"learning_rate": LEARNING_RATE, "warmup": 0.0},
            )
            run = RunFolder(Path(folder) / name, checkpoint_seconds=1e9, distributed=distributed)
            totals = train(
                decoder(SMALL, tokenizer, NEVER),
                tokenizer,
                RandomWords(),
                recipe,
                seed,
                run,
                Execution(distributed=distributed),
            )
        if distributed.is_rank_zero:
            out.write_text(str(totals.seconds / steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
