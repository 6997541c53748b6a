"""Print the plan of `edgewise audit --plan`: the problems and samples that a claim needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.inference.power import Design, SamplePlan
from edgewise.report.concerns import print_concerns, print_notes


def print_plan(plan: SamplePlan, concerns: Sequence[Concern] = ()) -> None:
    """Print the concerns about the base, what is assumed, the designs that reach the power, and all designs."""
    console = Console(highlight=False)
    print_concerns(concerns, console)
    console.print(
        f"To claim a change of {100 * plan.effect:+.1f} points of pass@{plan.k} with probability {plan.power:.2f}, "
        f"at {100 * plan.confidence:.4g}% intervals.",
        soft_wrap=True,
    )
    console.print(f"Assumed: {plan.alternative}. Success rates: {plan.population}.", markup=False, soft_wrap=True)
    fewest = Table(title="Fewest problems", title_justify="left", box=box.SIMPLE_HEAD)
    table = Table(title="Designs", title_justify="left", box=box.SIMPLE_HEAD)
    for designs in (fewest, table):
        for name in ("problems", "samples each", "samples of both models", "SE, points", "smallest claim", "power"):
            designs.add_column(name, justify="right")
    for design in plan.enough:
        fewest.add_row(*_cells(design), style="bold" if design == plan.cheapest else None)
    for design in plan.designs:
        table.add_row(*_cells(design))
    console.print(fewest)
    console.print(table)
    console.print(
        f"To show that one problem's success rate is below {plan.certify_rate:g}: {plan.certify_draws:,} held-out "
        "samples, none of them correct.",
        soft_wrap=True,
    )
    print_notes(concerns, console)


def _cells(design: Design) -> list[str]:
    return [
        f"{design.problems:,}",
        f"{design.samples:,}",
        f"{design.draws:,}",
        f"{100 * design.se:.2f}",
        f"{100 * design.detectable:.1f}",
        f"{design.power:.2f}",
    ]
