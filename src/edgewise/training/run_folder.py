"""Folder of a training run: logs metrics, saves and restores the checkpoint, reports progress.

Both loops, next-token and RL, iterate over `RunFolder.steps`, so that resuming, logging and timing exist once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from edgewise.core.atomic import atomic_write
from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.core.json_lines import whole_lines
from edgewise.core.provenance import Totals
from edgewise.training.checkpoint import drop_damaged, load_checkpoint, remove_checkpoint, save_checkpoint
from edgewise.training.metrics_file import METRICS
from edgewise.training.sharded_tensors import mesh_of, own_rows
from edgewise.training.state import State

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

# Of some steps, groups of rollouts to be read; beside METRICS, the numbers of each step.
GROUPS = "groups.jsonl"

Progress = Callable[[int, int, str], None]
"""Called with the number of steps done, the number of all steps, and a note."""


def silent(done: int, total: int, note: str) -> None:
    """A progress callback that shows nothing."""


def kept_here() -> None:
    """What is done with what a run saves, beyond saving it in its folder: nothing."""


def check_finite(metrics: Mapping[str, float], names: Sequence[str], remedy: str) -> None:
    """InputError at the first of the metrics `names` that is NaN or infinite; `remedy` says what to try.

    Called within a step, it ends the run before another checkpoint. Metrics that were not measured are passed over.
    """
    for name in names:
        if not math.isfinite(metrics.get(name, 0.0)):
            raise InputError(f"{name} is {metrics[name]}; {remedy}")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run of a training loop in one folder: `metrics.jsonl`, `groups.jsonl` of RL, and `checkpoint/`.

    `checkpoint_seconds` is how much work an interruption may cost. All ranks of `distributed` read the folder, and
    the first one writes it; of a sharded state each rank writes its rows. `saved` is called on the first one after each
    checkpoint or part that an interrupted run goes on from.
    """

    path: Path
    progress: Progress = silent
    checkpoint_seconds: float = 20.0
    distributed: Distributed = SINGLE_PROCESS
    saved: Callable[[], None] = kept_here

    def steps(self, total: int, state: State, totals: Totals) -> Iterator[int]:
        """Yield the steps still to do, after restoring `state` and `totals` from the checkpoint, where there is one.

        The loop adds to `totals`; its seconds are counted here. A checkpoint is written between
        steps, every `checkpoint_seconds`, and after the last step. Where the newest is damaged the one before is taken,
        and the progress says so. InputError where neither is whole, the metrics are damaged, either is of another run,
        and where what a checkpoint would keep is no number.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        mesh = mesh_of(state.tensors().values())
        first, note = self._restore(state, totals, mesh)
        writers = SINGLE_PROCESS if mesh is None else self.distributed
        last, before = time.monotonic(), totals.seconds
        start = last
        for step in range(first, total):
            yield step
            now = time.monotonic()
            totals.seconds = before + now - start
            self.progress(step + 1, total, note)
            due = step + 1 == total or now - last >= self.checkpoint_seconds
            if self._writes_now(due, writers):
                tensors = state.tensors()
                with self.errors_of(step):
                    _check_tensors(tensors, writers)
                save_checkpoint(self._checkpoint, step + 1, tensors, asdict(totals), writers)
                if self.distributed.is_rank_zero:
                    self.saved()
                last = time.monotonic()

    @contextmanager
    def errors_of(self, step: int) -> Iterator[None]:
        """Context of one step: an InputError of the block names the folder, which is the stage's, and the step."""
        try:
            yield
        except InputError as error:
            raise InputError(f"{self.path}: step {step}: {error}") from None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append one line to metrics.jsonl, on the first rank. A metric without a finite value is null there."""
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        self._append(METRICS, [{"step": step, **finite}])

    def keep(self, groups: Iterable[Mapping[str, object]]) -> None:
        """Append groups of rollouts, each with its `step`, to groups.jsonl, on the first rank."""
        self._append(GROUPS, groups)

    def drop_checkpoint(self) -> None:
        """Remove what only resuming needs, most of it the optimizer's moments: for a run that is finished."""
        remove_checkpoint(self._checkpoint)

    @property
    def _checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def _append(self, name: str, records: Iterable[Mapping[str, object]]) -> None:
        if self.distributed.is_rank_zero:
            with (self.path / name).open("a", encoding="utf-8", newline="\n") as file:
                file.write("".join(json.dumps(record, allow_nan=False) + "\n" for record in records))

    def _writes_now(self, due: bool, writers: Distributed) -> bool:
        """Whether this rank writes a checkpoint: the first alone, or each of several when it is due to the first."""
        if writers.size == 1:
            return due and self.distributed.is_rank_zero
        return writers.on_rank_zero(lambda: due)

    def _restore(self, state: State, totals: Totals, mesh: DeviceMesh | None) -> tuple[int, str]:
        """The first step to do, and a note for whoever watches."""
        loaded = load_checkpoint(self._checkpoint, mesh)
        first, damaged = 0, False
        if loaded is not None:
            first, damaged = loaded.step, loaded.damaged
            try:
                state.load(loaded.tensors)
            except InputError as error:
                raise InputError(f"{self._checkpoint}: {error}; remove the folder or use another one") from None
            for field in fields(totals):
                setattr(totals, field.name, loaded.notes.get(field.name, 0.0))
        if len(set(self.distributed.all_gather([first]))) > 1:
            raise InputError(
                f"{self._checkpoint}: the ranks find different steps there; they need a file system that they share"
            )
        if damaged:
            self.distributed.on_rank_zero(lambda: drop_damaged(self._checkpoint))
        self.distributed.on_rank_zero(lambda: self._drop_lines_from(first))
        return first, f"newest checkpoint damaged, went on from step {first}" if damaged else ""

    def _drop_lines_from(self, step: int) -> None:
        """Drop the lines of steps that will be done again, and a half-written last line."""
        for path in (self.path / METRICS, self.path / GROUPS):
            if not path.exists():
                continue
            try:
                kept = [line for line in whole_lines(path) if json.loads(line)["step"] < step]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{path}: corrupt ({type(error).__name__}); remove {path.parent} to start afresh"
                ) from None
            with atomic_write(path) as aside:
                aside.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8", newline="\n")


def _check_tensors(tensors: Mapping[str, Tensor], writers: Distributed) -> None:
    """InputError, on all ranks that write, where a tensor of one has a number that is none."""
    # Weights and moments have dimensions. A single number may be infinite: the best of no looks yet.
    checked = ((name, own_rows(tensor)) for name, tensor in tensors.items() if tensor.dim())
    wrong = [name for name, tensor in checked if tensor.is_floating_point() and not tensor.isfinite().all()]
    for name in writers.all_gather(wrong[:1]):
        raise InputError(f"{name} is not finite after the update; lower the learning rate")
