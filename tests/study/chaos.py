"""Chaos: every kind of stage is killed (SIGKILL) at random moments, and must end with the digests of a calm run.

`make chaos N=50` runs it. The moments are keyed, so a run that fails can be repeated, as far as the machine keeps time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import signal
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from edgewise.core.keyed import key
from edgewise.core.words import counted
from edgewise.study.stages import MODEL, Import, Stage
from edgewise.study.store import Store
from tests.study.test_midtrain import MIDTRAIN
from tests.study.test_more_stages import AVERAGE, DISTILLED, DRAWN, REJECTION
from tests.study.test_more_stages import TUNED as SUPERVISED
from tests.tiny import PRETRAIN, TUNED, TUNED_EVALUATION

# So many samples that an evaluation has several parts, which it saves one by one.
STAGES: tuple[Stage, ...] = (
    PRETRAIN,
    MIDTRAIN,
    TUNED,
    TUNED_EVALUATION.model_copy(update={"samples": 1024}),
    *(SUPERVISED, REJECTION, DISTILLED, AVERAGE),
    DRAWN.model_copy(update={"samples": 1024}),
)


def compute(root: Path, stage: Stage) -> None:
    """What the processes that are killed do. A checkpoint after each step leaves the most to go wrong."""
    torch.set_num_threads(1)
    Store(root).compute(stage, checkpoint_seconds=0.0)


def chaos(folder: Path, kills: int, seed: int = 0) -> dict[str, int]:
    """Kind of stage -> times that it was completed between its kills; AssertionError where any of them differs.

    Each kind is killed `kills` times. Where a process completes its stage before its moment, the outputs are compared
    and the stage begins afresh.
    """
    calm, wild = Store(folder / "calm"), Store(folder / "wild")
    completed = {}
    compute_in_process(calm.root, PRETRAIN)
    for stage in (*STAGES, Import(path=str(calm.folder(PRETRAIN) / MODEL))):
        for parent in stage.parents:
            compute_in_process(calm.root, parent)
            compute_in_process(wild.root, parent)
        compute_in_process(calm.root, stage)
        seconds = calm.provenance(stage).wall_seconds
        killed = completed[stage.kind] = 0
        attempt = 0
        while killed < kills:
            process = started(wild.root, stage)
            # The same share of all moments for each attempt, and of the start of the process too.
            process.join(seconds * (key("chaos", seed, stage.kind, attempt) % 1000) / 1000)
            process.kill()
            process.join()
            attempt += 1
            killed += process.exitcode == -signal.SIGKILL
            assert process.exitcode in (0, -signal.SIGKILL), f"{stage.kind}: exit status {process.exitcode}"
            if wild.is_complete(stage):
                compare(stage, calm, wild)
                completed[stage.kind] += 1
                shutil.rmtree(wild.folder(stage))
        compute_in_process(wild.root, stage)
        compare(stage, calm, wild)
        completed[stage.kind] += 1
    return completed


def compare(stage: Stage, calm: Store, wild: Store) -> None:
    wild.check_unaltered(stage)
    assert wild.provenance(stage).outputs == calm.provenance(stage).outputs, f"{stage.kind}: other digests than calm"
    assert sorted(path.name for path in wild.folder(stage).iterdir()) == sorted(
        path.name for path in calm.folder(stage).iterdir()
    ), f"{stage.kind}: something is left in its folder"


def started(root: Path, stage: Stage) -> BaseProcess:
    """A process that computes a stage: a fork of one that has imported all, so that it is at work at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=compute, args=(root, stage))
    process.start()
    return process


def compute_in_process(root: Path, stage: Stage) -> None:
    process = started(root, stage)
    process.join()
    assert process.exitcode == 0, f"{stage.kind}: exit status {process.exitcode}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("kills", type=int, nargs="?", default=50, help="kills of each kind of stage")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    before = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgewise-chaos-") as folder:
        completed = chaos(Path(folder), arguments.kills, arguments.seed)
    kills = counted(arguments.kills, "time")
    for kind, times in completed.items():
        print(f"{kind}: killed {kills}, completed {counted(times, 'time')}, always with the digests of a calm run")
    print(f"{time.monotonic() - before:.0f} seconds")
