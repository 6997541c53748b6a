"""The store: a stage's digest names its folder, which is complete or clearly unfinished.

    <root>/rl-0123456789abcdef/               complete: spec.json provenance.json and the outputs
    <root>/rl-0123456789abcdef.unfinished/    being written, or interrupted and ready to resume

A stage is computed in the second, which is renamed to the first at the end, without the checkpoint that only resuming
needs, under a lock that the system releases when its holder dies. Studies with one root share their stages.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.core.json_lines import whole_lines
from edgewise.core.provenance import Provenance, Totals, machine, versions
from edgewise.core.spec import digest, own_code, plain
from edgewise.model.backend import choose_backend, describe_backend
from edgewise.study.other_bits import other_bits
from edgewise.study.outputs import PROVENANCE, SPEC, alteration, output_digests
from edgewise.study.stages import Stage
from edgewise.study.stages.artifacts import beyond_kernels
from edgewise.training.execution import CPU, Execution
from edgewise.training.metrics_file import METRICS
from edgewise.training.run_folder import Progress, RunFolder, kept_here, silent

# The folder of a stage that is being computed, or was interrupted, ends in this.
UNFINISHED = ".unfinished"
# The file beside a stage's folder that whoever computes it holds locked ends in this.
LOCK = ".lock"

# Seconds after which a lock is held by another process that computes, and not by one that looked for a moment.
_A_LOOK = 0.5

# Where stages that were computed elsewhere arrive, until they are whole.
_ARRIVING = ".arriving"


def folder_name(stage: Stage) -> str:
    """What the folder of a complete stage is called: its kind and its digest."""
    return f"{stage.kind}-{digest(stage)}"


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl in a stage's folder, without metrics that had no value; empty where it logs none.

    The last line of a stage under way may be half written, and is no line yet. InputError where the file is damaged.
    """
    path = folder / METRICS
    try:
        if folder.name.endswith(UNFINISHED) or not path.exists():
            written = whole_lines(path)
        else:
            written = path.read_text(encoding="utf-8").splitlines()
        lines = [json.loads(line) for line in written]
        return [{name: value for name, value in line.items() if value is not None} for line in lines]
    except (ValueError, AttributeError):
        raise InputError(f"{path}: not JSON lines; remove {folder} to compute the stage again") from None


def is_held(folder: Path) -> bool:
    """Whether a process is computing the stage of a folder. It looks for a moment, for which a study waits."""
    lock = Path(f"{folder}{LOCK}")
    return lock.exists() and _is_locked(lock)


if sys.platform == "win32":

    def _is_locked(lock: Path) -> bool:
        """Whether another process holds a lock: by taking it, as there is no shared one; two who look disturb each
        other."""
        try:
            with FileLock(str(lock), timeout=0):
                return False
        except Timeout:
            return True

else:
    import fcntl

    def _is_locked(lock: Path) -> bool:
        """Whether another process holds a lock: by a shared one, which several can take."""
        try:
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


class StageHeld(InputError):
    """Another process is computing the stage."""


class Store:
    """The stage folders below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: Stage) -> Path:
        """Where the stage's outputs are once complete."""
        return self.root / folder_name(stage)

    def is_complete(self, stage: Stage) -> bool:
        return (self.folder(stage) / PROVENANCE).exists()

    def unfinished(self, stage: Stage) -> Path:
        """Where the stage is computed, and what is saved of it stands until it is complete."""
        return self.root / (folder_name(stage) + UNFINISHED)

    def arriving(self, stage: Stage) -> Path:
        """Where what was computed elsewhere is written, until it is whole and takes its place."""
        return self.root / _ARRIVING / folder_name(stage)

    def compute(
        self,
        stage: Stage,
        execution: Execution = CPU,
        progress: Progress = silent,
        checkpoint_seconds: float = 20.0,
        saved: Callable[[], None] = kept_here,
    ) -> Path:
        """The stage's complete folder, computed now unless it is there.

        Parents must be complete, and are compared with their recorded digests before anything is built upon them. All
        ranks of `execution` must call this; they compute the stage together. `saved` is called on the first one when
        there is more to go on from. InputError where the store cannot be written, is full or is moved away, another
        process holds the stage, or a parent was altered.
        """
        folder, unfinished = self.folder(stage), self.unfinished(stage)
        distributed = execution.distributed
        with self.hold(stage) if distributed.is_rank_zero else nullcontext():
            if distributed.on_rank_zero(lambda: self._begin(stage, unfinished)):
                started = time.monotonic()
                parents = [self.folder(parent) for parent in stage.parents]
                work = RunFolder(unfinished, progress, checkpoint_seconds, distributed, saved)
                with _disk_errors_of(unfinished):
                    totals = stage.run(parents, work, execution)
                    seconds = time.monotonic() - started
                    beyond = beyond_kernels([unfinished, *parents])
                    provenance = self._provenance(stage, totals, seconds, execution, beyond)
                    distributed.on_rank_zero(lambda: self._finish(unfinished, folder, provenance))
        return folder

    def receive(self, stage: Stage, write: Callable[[Path], None]) -> None:
        """Have `write` fill an empty folder with a complete stage, and give it its place. The caller holds the stage.

        What was saved of it here is dropped. InputError where something that is no complete stage is in its place.
        """
        folder, arriving = self.folder(stage), self.arriving(stage)
        self._check_free(folder)
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir(parents=True)
        write(arriving)
        os.replace(arriving, folder)
        shutil.rmtree(self.unfinished(stage), ignore_errors=True)

    def provenance(self, stage: Stage) -> Provenance:
        """What is recorded about how a complete stage was made; InputError where it cannot be read."""
        path = self.folder(stage) / PROVENANCE
        return Provenance.parse(read_json_object(path), str(path))

    def check_unaltered(self, stage: Stage) -> None:
        """InputError names the output of a complete stage that is not what its provenance recorded, if there is one."""
        folder, recorded = self.folder(stage), self.provenance(stage).outputs
        altered = alteration(folder, recorded) if recorded else None  # none are recorded by old versions
        if altered:
            output, what = altered
            raise InputError(f"{folder / output}: {what}; remove {folder} to compute the stage again")

    def metrics(self, stage: Stage) -> list[dict[str, float]]:
        """`read_metrics` of the stage's folder."""
        return read_metrics(self.folder(stage))

    def _begin(self, stage: Stage, unfinished: Path) -> bool:
        """Make the folder to work in; False where the stage is complete."""
        folder = self.folder(stage)
        if self.is_complete(stage):
            return False
        self._check_free(folder)
        absent = [self.folder(parent).name for parent in stage.parents if not self.is_complete(parent)]
        if absent:
            raise InputError(f"{folder.name}: its parent {absent[0]} is not complete; compute that first")
        for parent in stage.parents:
            self.check_unaltered(parent)
        if (unfinished / PROVENANCE).exists():  # it was interrupted between its last two acts
            self._publish(unfinished, folder)
            return False
        unfinished.mkdir(exist_ok=True)
        write_json(unfinished / SPEC, plain(stage), sort_keys=True)
        return True

    def _check_free(self, folder: Path) -> None:
        if folder.exists():
            raise InputError(f"{folder}: has no provenance.json, so it is not a complete stage; remove it")

    def _finish(self, unfinished: Path, folder: Path, provenance: Provenance) -> None:
        if not (unfinished / SPEC).exists():  # moved away after the last step; what was written since is no whole stage
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(unfinished / SPEC))
        whole = provenance.model_copy(update={"outputs": output_digests(unfinished)})
        write_json(unfinished / PROVENANCE, whole.model_dump(), sort_keys=True)
        self._publish(unfinished, folder)

    def _publish(self, unfinished: Path, folder: Path) -> None:
        RunFolder(unfinished).drop_checkpoint()
        os.replace(unfinished, folder)

    def _provenance(
        self, stage: Stage, totals: Totals, wall_seconds: float, execution: Execution, beyond: str | None
    ) -> Provenance:
        return Provenance(
            digest=digest(stage),
            parents=tuple(self.folder(parent).name for parent in stage.parents),
            seed=stage.seed,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_seconds=round(wall_seconds, 3),
            totals=totals,
            ranks=execution.distributed.size,
            device=str(execution.device),
            backend=describe_backend(choose_backend(execution.backend, execution.device), beyond),
            versions=versions(),
            machine=machine(),
            own_code=own_code(stage),
            other_bits=other_bits(stage, execution, beyond),
        )

    @contextmanager
    def hold(self, stage: Stage, patience: float = _A_LOOK) -> Iterator[None]:
        """Keep every other process of the machines that share the store from the stage.

        `StageHeld` where one keeps it itself for longer than `patience` seconds.
        """
        folder = self.folder(stage)
        lock = FileLock(str(folder) + LOCK, timeout=patience, poll_interval=0.01)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise StageHeld(f"{folder}: another process is computing this stage; wait for it or stop it") from None
        except OSError as error:
            raise InputError(f"{self.root}: cannot be used as a store ({error.strerror})") from None
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _disk_errors_of(folder: Path) -> Iterator[None]:
    """InputError in place of an OSError that says the disk is full or cannot be written, or the folder is gone."""
    try:
        yield
    except OSError as error:
        if not (folder / SPEC).exists():
            raise InputError(
                f"{folder}: was moved or removed while it was computed; what is complete is kept, run again to go on"
            ) from None
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
            raise
        raise InputError(f"{folder}: {os.strerror(error.errno)}; what is saved is kept, run again to go on") from None
