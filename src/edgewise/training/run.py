"""What a training loop writes while it runs: metrics, checkpoints, progress.

Both loops, next-token and RL, are written against `Run`, so that resuming, logging and timing
exist once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from edgewise.core.atomic import atomic_write
from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.training import checkpoint
from edgewise.training.state import State

# One prepares some 700,000 tokens a second of graph arithmetic in English, as many as 100M parameters on an H100 take.
_FEEDERS_OF_A_GPU = 4
# Steps. To start one takes most of a second, as long as some hundred steps of a small model would wait for data.
_WORTH_A_FEEDER = 500

# Tokens of a micro-batch.
_LEAST_PART, _MOST_PART, _PART_OF_A_GPU = 256, 2048, 65_536

Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, note: str) -> None:
    """A progress callback that shows nothing."""


@dataclass(slots=True)
class Run:
    """One run of a loop in one folder: `metrics.jsonl` and `checkpoint/`.

    `tokens_per_micro_batch` bounds memory; `checkpoint_seconds` is how much work an interruption may
    cost; `data_workers` processes prepare data ahead. None is what suits the device. `ranks` share the
    work; all of them read the folder, and the first writes it. None of these changes a result beyond
    rounding.
    """

    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = silent
    tokens_per_micro_batch: int | None = None
    checkpoint_seconds: float = 20.0
    data_workers: int | None = None
    distributed: Distributed = SINGLE_PROCESS

    def feeders(self, steps: int) -> int:
        """Processes that prepare data for that many steps: `data_workers`, or where that is None what suits the device.

        A GPU takes more than one process prepares. On a CPU one is enough, and for a short run none: it would be
        over when one has started.
        """
        if self.data_workers is not None:
            return self.data_workers
        if self.device.type != "cpu":
            return _FEEDERS_OF_A_GPU
        return int(steps >= _WORTH_A_FEEDER)

    def part_tokens(self, total: int) -> int:
        """Tokens of one micro-batch where there are `total` in all: `tokens_per_micro_batch`, or what suits the device.

        On a CPU up to eight equal parts, and an even number of them, so that several cores have equally
        much to do; fewer where they would cost more to start than to compute, more where they would leave
        the caches. The number of cores does not enter, and so no result. On GPUs every rank has a part.
        """
        if self.tokens_per_micro_batch is not None:
            return self.tokens_per_micro_batch
        if self.device.type != "cpu":
            return (
                min(_PART_OF_A_GPU, -(-total // self.distributed.size)) if self.distributed.size > 1 else _PART_OF_A_GPU
            )
        parts = min(8, total // _LEAST_PART)
        return min(-(-total // max(1, parts - parts % 2)), _MOST_PART)

    def steps(self, total: int, state: State, totals: dict[str, float]) -> Iterator[int]:
        """The steps still to do, after restoring `state` and `totals` where a checkpoint is.

        `totals` are running sums (tokens, FLOPs, seconds) that the loop adds to. A checkpoint is
        written between steps when due and after the last.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "checkpoint"
        first = self._restore(place, state, totals)
        saved, before = time.monotonic(), totals.get("seconds", 0.0)
        start = saved
        for step in range(first, total):
            yield step
            now = time.monotonic()
            totals["seconds"] = before + now - start
            self.progress(step + 1, total, "")
            if self.distributed.is_rank_zero and (step + 1 == total or now - saved >= self.checkpoint_seconds):
                checkpoint.save(place, step + 1, state.tensors(), totals)
                saved = time.monotonic()

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Append one line to metrics.jsonl."""
        if not self.distributed.is_rank_zero:
            return
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")

    def _restore(self, place: Path, state: State, totals: dict[str, float]) -> int:
        loaded = checkpoint.load(place)
        first = 0
        if loaded is not None:
            first, tensors, notes = loaded
            try:
                state.load(tensors)
            except InputError as error:
                raise InputError(f"{place}: {error}; remove the folder or use another one") from None
            totals.update(notes)
        if len(set(self.distributed.all_gather([first]))) > 1:
            raise InputError(f"{place}: the ranks find different steps there; they need a file system that they share")
        self.distributed.on_rank_zero(lambda: self._forget_from(first))
        return first

    def _forget_from(self, step: int) -> None:
        """Drop metrics of steps that will be done again, and a half-written last line."""
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return
        lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        try:
            kept = [line for line in lines if json.loads(line)["step"] < step]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: corrupt ({type(error).__name__}); remove {path.parent} to start afresh"
            ) from None
        with atomic_write(path) as aside:
            aside.write_text("".join(kept))
