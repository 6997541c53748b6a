"""Options that several commands share, and what they say together: which study, and on which machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewise.cli.loading import study_of

if TYPE_CHECKING:
    from edgewise.core.distributed import Distributed
    from edgewise.study.context import Context
    from edgewise.study.study import Study

# More stages to compute than these are started with --yes alone.
MOST_STAGES = 100

STUDY = typer.Argument(metavar="MODULE:FUNCTION", help="A module or a .py file, and a function.")
StudySettings = Annotated[list[str] | None, typer.Argument(metavar="[A.B=C]...", help="Settings to change.")]
StudyFolder = Annotated[
    Path, typer.Option("--out", help="Folder for the stages, which studies share, and for the reports.")
]
Workers = Annotated[int | None, typer.Option(min=1, max=4096, help="Stages at a time; default: the cores, 1 on a GPU.")]
Device = Annotated[str, typer.Option(help="Where models run, e.g. cpu or cuda.")]
ComputedBy = Annotated[
    str,
    typer.Option(
        "--backend", help="What computes the model: auto, torch, native (kernels) or inductor (torch.compile)."
    ),
]
TrainingSeeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="SEEDS",
        help="Training seeds: 5 for 0 to 4, 5-9, or a list as 0,3,7. With three or more the result is about recipes."
        " Default: the study's own, mostly 0 alone.",
    ),
]
On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="WHERE",
        help="Where stages are computed: ray, ray://HOST:PORT, slurm or slurm:partition=gpu,... Default: this machine.",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME",
        help="Write the metrics of all stages to tensorboard, wandb or trackio too; may be repeated.",
    ),
]
Artifacts = Annotated[
    str,
    typer.Option(
        "--artifacts",
        metavar="URL",
        help="Where finished stages and checkpoints are for machines that share no file system: s3://bucket/runs,"
        " gs://..., file:///mnt/runs. Default: in --out alone.",
    ),
]
Scale = Annotated[
    str | None, typer.Option(metavar="NAME", help="Size of a study whose spec has a field `scale`, e.g. nano.")
]
Shard = Annotated[
    bool,
    typer.Option("--shard", help="Divide weights, gradients and moments among the ranks of torchrun (FSDP2)."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON document, with all that the text says.")
]
Yes = Annotated[bool, typer.Option("--yes", help=f"Compute more than {MOST_STAGES} stages without being refused.")]


def print_json(document: Any) -> None:
    """Print plain values or dataclasses as one JSON document on one line; a number that is not known is null."""
    from edgewise.report.record import as_json

    typer.echo(json.dumps(as_json(document), allow_nan=False))


@dataclass(frozen=True)
class StudyChoice:
    """A study's function, and what the command line changes of it."""

    name: str
    settings: Sequence[str] = ()
    seeds: str | None = None
    scale: str | None = None

    def study(self) -> Study:
        """The study. InputError names the argument or the field that is wrong."""
        return study_of(self.name, list(self.settings), self.seeds, self.scale)

    def report_name(self) -> str:
        """What the folder of the report is called: the function and the settings, so that each study has its own.

        "demo", "my_study", "my_file.function", "demo,rl.steps=100,seeds=0-4"; a digest stands for settings that are
        long or that no folder should be called.
        """
        from edgewise.study.training_seeds import parse_seeds, seeds_text

        place, _, function = self.name.rpartition(":")
        module = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
        options = [] if self.seeds is None else [f"seeds={seeds_text(parse_seeds(self.seeds))}"]
        options += [] if self.scale is None else [f"scale={self.scale}"]
        words = [function if function == module else f"{module}.{function}", *sorted([*self.settings, *options])]
        text = ",".join(words)
        if len(text) <= 80 and all(c.isalnum() or c in "_-+=.," for c in text):
            return text
        return f"{words[0]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class MachineChoice:
    """What computes the stages, and where; none of it decides a result."""

    workers: int | None = None
    device: str = "cpu"
    backend: str = "auto"
    on: str = ""
    artifacts: str = ""
    shard: bool = False

    def context(self, root: Path, distributed: Distributed | None = None) -> Context:
        """The context of a run in `root`. InputError where the device or the backend cannot compute here."""
        from edgewise.core.distributed import SINGLE_PROCESS
        from edgewise.model.backend import choose_backend
        from edgewise.study.context import Context
        from edgewise.training.execution import Execution, check_device

        device = check_device(self.device)
        backend = choose_backend("torch" if self.shard and self.backend == "auto" else self.backend, device)
        execution = Execution(device, backend, distributed=distributed or SINGLE_PROCESS, shard=self.shard)
        workers = self.workers or execution.stages_at_once()
        return Context(root=root, workers=workers, execution=execution, on=self.on, artifacts=self.artifacts)
