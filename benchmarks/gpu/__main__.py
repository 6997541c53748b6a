"""`make gpu`, or `python -m benchmarks.gpu all`: every part that is not done yet, within eight minutes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks import terminal
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.report import record
from benchmarks.gpu.runner import Outcome, run_parts
from benchmarks.gpu.scale import SCALES
from edgewise.cli.entry import main
from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError, unknown_name
from edgewise.training.execution import check_device

RESULTS = Path("benchmarks/results")


def gpu(
    names: Annotated[list[str], typer.Argument(help="Parts to run, or all.", show_default=False)],
    scale: Annotated[str, typer.Option(help="paper, or tiny for a try on any device.")] = "paper",
    device: Annotated[str, typer.Option(help="Where it runs.")] = "cuda",
    minutes: Annotated[float, typer.Option(help="At most, in all.")] = 8.0,
    kept: Annotated[Path, typer.Option(help="Folder of the parts that are done.")] = Path("runs/gpu"),
    out: Annotated[Path, typer.Option(help="Folder for gpu.json.")] = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the parts that are done.")] = False,
) -> None:
    """Run the parts that are not done, print as they go, and write gpu.json after each.

    Exit status 1 where a part fails or is still to do.
    """
    known = {part.name: part for part in PARTS}
    for name in names:
        if name != "all" and name not in known:
            raise unknown_name("part", name, ["all", *known])
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    if scale != "paper" and out == RESULTS:
        raise InputError(f"out: numbers of scale {scale} are no results; give another folder than {RESULTS}")
    if minutes <= 0:
        raise InputError(f"minutes: must be more than 0, is {minutes:g}")
    name_of_device = device_name(check_device(device))
    if fresh:
        shutil.rmtree(kept, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)

    def write(outcomes: dict[str, Outcome]) -> None:
        write_json(out / "gpu.json", record(outcomes, SCALES[scale], name_of_device), indent=1)

    chosen = [part for part in PARTS if "all" in names or part.name in names]
    # Parts of an earlier call that this one does not ask for stay in the record.
    others = [part for part in PARTS if part not in chosen]
    before = run_parts(others, scale, device, name_of_device, kept, 0.0, lambda _: None)

    def seen(outcomes: dict[str, Outcome]) -> None:
        write({name: (before | outcomes)[name] for name in known})

    outcomes = run_parts(chosen, scale, device, name_of_device, kept, 60 * minutes, typer.echo, seen)
    terminal.show_record(record(before | outcomes, SCALES[scale], name_of_device))
    typer.echo(f"written to {out / 'gpu.json'}")
    open_parts = [name for name, outcome in outcomes.items() if outcome.status in ("failed", "waiting")]
    if open_parts:
        typer.echo(f"not done: {', '.join(open_parts)}; run it again to go on")
        raise typer.Exit(1)


def device_name(device: torch.device) -> str:
    """What the GPU is called, with its memory; "cpu" for a CPU."""
    if device.type != "cuda":
        return str(device)
    properties = torch.cuda.get_device_properties(device)
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(gpu)

if __name__ == "__main__":
    main(app, program=None)
