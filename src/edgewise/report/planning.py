"""Print the plan of `edgewise audit --plan`: the problems, samples and training seeds that a claim needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.inference.power import LEAST_POWER, Design, SamplePlan
from edgewise.boundary.inference.seed_power import SeedDesign, SeedPlan
from edgewise.report.concerns import print_concerns, print_notes
from edgewise.report.prose import print_prose


def print_plan(
    plan: SamplePlan, concerns: Sequence[Concern] = (), seeds: SeedPlan | None = None, source: str = ""
) -> None:
    """Print the concerns about the base, what is assumed, the designs that reach the power, and all designs.

    With `seeds`, what training seeds are needed too; `source` says where the scatter over seeds is from.
    """
    console = Console(highlight=False)
    print_concerns(concerns, console)
    print_prose(
        f"To claim a change of {100 * plan.effect:+.1f} points of pass@{plan.k} with probability {plan.power:.2f}, "
        f"at {100 * plan.confidence:.4g}% intervals.",
        console,
    )
    print_prose(f"Assumed: {plan.alternative}. Success rates: {plan.population}.", console)
    fewest = Table(title="Fewest problems", title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    table = Table(title="Designs", title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    for designs in (fewest, table):
        for name in ("problems", "samples each", "samples of both models", "SE, points", "smallest claim", "power"):
            designs.add_column(name, justify="right")
    for design in plan.enough:
        fewest.add_row(*_cells(design), style="bold" if design == plan.cheapest else None)
    for design in plan.designs:
        table.add_row(*_cells(design))
    console.print(fewest)
    console.print(table)
    print_prose(
        f"To show that one problem's success rate is below {plan.certify_rate:g}: {plan.certify_draws:,} held-out "
        "samples, none of them correct.",
        console,
    )
    if seeds is not None:
        console.print()
        _print_seed_plan(seeds, source, console)
    print_notes(concerns, console)


def _print_seed_plan(plan: SeedPlan, source: str, console: Console) -> None:
    """Print what training seeds a statement about the recipe needs, and what one more seed, problem or sample buys."""
    title = f"Over training seeds that scatter by {100 * plan.scatter:.1f} points ({source})"
    print_prose(f"{title}:", console)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("seeds", "problems", "samples each", "samples of all models", "SE, points", "smallest claim", "power"):
        table.add_column(name, justify="right")
    for design in plan.designs:
        cells = [f"{number:,}" for number in (design.seeds, design.problems, design.samples, design.draws)]
        cells += [f"{100 * design.se:.2f}", f"{100 * design.detectable:.1f}", f"{design.power:.2f}"]
        table.add_row(*cells, style="bold" if design == plan.cheapest else None)
    console.print(table)
    now = plan.cheapest
    print_prose(
        f"{now.seeds} seeds, {now.problems:,} problems and {now.samples:,} samples of each see a change of "
        f"{100 * now.detectable:.2f} points with power {LEAST_POWER}. One more buys:",
        console,
    )
    for name, more in (("seed", plan.more_seeds), ("problem", plan.more_problems), ("sample", plan.more_samples)):
        print_prose(f"{name}: {_bought(now, more)}", console, indent=2)


def _bought(now: SeedDesign, more: SeedDesign) -> str:
    less = 100 * (now.detectable - more.detectable)
    return f"{less:.3f} points less, power {now.power:.3f} -> {more.power:.3f}, for {more.draws - now.draws:,} samples"


def _cells(design: Design) -> list[str]:
    return [
        f"{design.problems:,}",
        f"{design.samples:,}",
        f"{design.draws:,}",
        f"{100 * design.se:.2f}",
        f"{100 * design.detectable:.1f}",
        f"{design.power:.2f}",
    ]
