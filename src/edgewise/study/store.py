"""The store: a stage's digest names its folder, which is complete or clearly unfinished.

    <root>/rl-0123456789abcdef/               complete: spec.json provenance.json and the outputs
    <root>/rl-0123456789abcdef.unfinished/    being written, or interrupted and ready to resume

A stage is computed in the second, which is renamed to the first at the end, under a lock that the
system releases when its holder dies.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from edgewise import __version__
from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.core.spec import digest, plain
from edgewise.study.stages import Stage
from edgewise.training.execution import CPU, Execution
from edgewise.training.run_folder import Progress, RunFolder, silent

_RECORDED_PACKAGES = ("torch", "numpy", "pydantic", "safetensors", "tokenizers", "pyarrow")


class Store:
    """Stage folders below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: Stage) -> Path:
        """Where the stage's outputs are once complete."""
        return self.root / f"{stage.kind}-{digest(stage)}"

    def is_complete(self, stage: Stage) -> bool:
        return (self.folder(stage) / "provenance.json").exists()

    def compute(
        self, stage: Stage, execution: Execution = CPU, progress: Progress = silent, checkpoint_seconds: float = 20.0
    ) -> Path:
        """The stage's complete folder, computed now unless it is there.

        Parents must be complete. All ranks of `execution` must call this; they compute the stage together. InputError
        where the store cannot be written or another process holds the stage.
        """
        folder = self.folder(stage)
        unfinished = folder.with_name(folder.name + ".unfinished")
        distributed = execution.distributed
        with self._lock(folder) if distributed.is_rank_zero else nullcontext():
            if distributed.on_rank_zero(lambda: self._begin(stage, unfinished)):
                started = time.monotonic()
                parents = [self.folder(parent) for parent in stage.parents]
                totals = stage.run(parents, RunFolder(unfinished, progress, checkpoint_seconds, distributed), execution)
                provenance = self._provenance(stage, totals, time.monotonic() - started, distributed.size)
                distributed.on_rank_zero(lambda: self._finish(unfinished, folder, provenance))
        return folder

    def provenance(self, stage: Stage) -> dict[str, Any]:
        """What is recorded about how a complete stage was made."""
        return read_json(self.folder(stage) / "provenance.json")

    def metrics(self, stage: Stage) -> list[dict[str, float]]:
        """The lines of the stage's metrics.jsonl; empty where it logs none."""
        path = self.folder(stage) / "metrics.jsonl"
        try:
            return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        except ValueError:
            raise InputError(f"{path}: not JSON lines; remove {path.parent} to compute the stage again") from None

    def _begin(self, stage: Stage, unfinished: Path) -> bool:
        """Make the folder to work in; False where the stage is complete."""
        folder = self.folder(stage)
        if self.is_complete(stage):
            return False
        if folder.exists():
            raise InputError(f"{folder}: has no provenance.json, so it is not a complete stage; remove it")
        absent = [self.folder(parent).name for parent in stage.parents if not self.is_complete(parent)]
        if absent:
            raise InputError(f"{folder.name}: its parent {absent[0]} is not complete; compute that first")
        unfinished.mkdir(exist_ok=True)
        write_json(unfinished / "spec.json", plain(stage))
        return True

    def _finish(self, unfinished: Path, folder: Path, provenance: dict[str, Any]) -> None:
        write_json(unfinished / "provenance.json", provenance)
        os.replace(unfinished, folder)

    def _provenance(self, stage: Stage, totals: dict[str, float], wall_seconds: float, ranks: int) -> dict[str, Any]:
        return {
            "digest": digest(stage),
            "parents": [self.folder(parent).name for parent in stage.parents],
            "seed": stage.seed,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            # The last sitting alone; `totals.seconds` sums over interruptions.
            "wall_seconds": round(wall_seconds, 3),
            "totals": totals,
            "ranks": ranks,
            "versions": versions(),
            "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        }

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        lock = FileLock(str(folder) + ".lock", timeout=0)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise InputError(f"{folder}: another process is computing this stage; wait for it or stop it") from None
        except OSError as error:
            raise InputError(f"{self.root}: cannot be used as a store ({error.strerror})") from None
        try:
            yield
        finally:
            lock.release()


def versions() -> dict[str, str]:
    """Versions of Edgewise, Python and the packages that can change a number."""
    found = {"edgewise": __version__, "python": platform.python_version()}
    for name in _RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file that is whole or absent."""
    with atomic_write(path) as aside:
        aside.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; InputError names the file that is missing or corrupt."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {path.parent}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object; remove {path.parent}")
    return data
