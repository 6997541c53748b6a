"""Print fitted scaling laws, one screen an arm: parameters with intervals, window, held-out error, refusal."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgewise.boundary.inference.means import Estimate
from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.concerns import one_line
from edgewise.report.prose import CARE, print_prose
from edgewise.report.record import as_json
from edgewise.scaling import DepthFit, EntropyFit, HeldOut, LawFit, Points, RepeatedSampling, TrainingCurve

# How the parameters of a law are called on the screen.
_NAMES = {
    "start": "R_0, start",
    "ceiling": "A, ceiling",
    "steepness": "B, steepness",
    "midpoint": "C_mid",
    "gap": "gap at the largest compute",
    "exponent": "B, exponent",
    "a": "a",
    "scale": "T at depth 1",
    "gamma": "gamma",
}


def print_curve(name: str, curve: TrainingCurve, console: Console) -> None:
    """Print the laws of one arm's reward against compute, and against entropy where it was recorded."""
    sigmoid, ceiling = curve.sigmoid, curve.ceiling
    _title(name, sigmoid, console)
    console.print(_parameters(sigmoid, hidden=() if ceiling.value else ("ceiling",)))
    ratio = ceiling.window_ratio
    print_prose(
        f"window / C_mid: {formats.number(ratio.value)} {formats.number_interval(ratio)}; compute of all seeds reached "
        f"{formats.number(ceiling.window)}",
        console,
    )
    if ceiling.refusal:
        print_prose(Text(ceiling.refusal, CARE), console)
    grid = curve.grid
    print_prose(
        f"by the published grid: A {_unless(ceiling.refusal, grid.ceiling)}, B {formats.number(grid.steepness)}, C_mid "
        f"{formats.number(grid.midpoint)}, with R_0 {formats.number(grid.start)} {curve.start_source}",
        console,
    )
    _held_out("sigmoid, half the compute predicts the rest", curve.sigmoid_held_out, console)
    _power(curve, console)
    if curve.entropy is not None:
        print_entropy(curve.entropy, console)


def print_entropy(entropy: EntropyFit | str, console: Console) -> None:
    """Print R = -a e^H + b, its ceiling at H = 0 or why none is stated."""
    if isinstance(entropy, str):
        print_prose(f"R = -a e^H + b: {entropy}", console)
        return
    a = entropy.fit.estimates["a"]
    ceiling = "" if entropy.ceiling is None else f", ceiling at H = 0 {_with_interval(entropy.ceiling)}"
    print_prose(f"R = -a e^H + b: a {_with_interval(a)}, b {formats.number(entropy.b)}{ceiling}", console)
    _held_out("entropy law, a third of the compute predicts the rest", entropy.held_out, console)
    if entropy.refusal:
        print_prose(Text(entropy.refusal, CARE), console)


def print_common_ceiling(common: tuple[float, Mapping[str, Estimate]] | str, console: Console) -> None:
    """Print the steepness of the arms refitted at their common ceiling, or why it is not compared."""
    if isinstance(common, str):
        print_prose(common, console)
        return
    ceiling, steepness = common
    shown = "; ".join(f"{one_line(name)} {_with_interval(estimate)}" for name, estimate in steepness.items())
    print_prose(f"B refitted at the common ceiling {formats.number(ceiling)}: {shown}", console)


def print_depth(name: str, depth: DepthFit, console: Console) -> None:
    """Print T ~ D^gamma of one arm."""
    _title(name, depth.fit, console)
    console.print(_parameters(depth.fit, hidden=()))
    print_prose(
        f"R2 of log T {depth.r_squared:.3f}; depths {', '.join(formats.number(value) for value in depth.depths)}",
        console,
    )
    if depth.censored:
        print_prose(
            f"{counted(depth.censored, 'run')} did not get there; the shallowest such depth and all deeper ones are "
            "left out.",
            console,
        )
    print_prose(depth.between, console)
    _held_out("the shallow half predicts the deep one, in log T", depth.held_out, console)


def print_repeated_sampling(name: str, fit: RepeatedSampling, console: Console) -> None:
    """Print the tail of pass@k of one arm."""
    about = f": {counted(fit.problems, 'problem')}, n = {fit.n} samples"
    print_prose(Text.assemble((one_line(name), "bold"), about), console)
    print_prose("-log pass@k ~ c k^-b", console)
    print_prose(f"b of the beta-binomial: {_with_interval(fit.exponent)}", console)
    print_prose(
        f"b of the line through log(-log pass@k): {_with_interval(fit.line_exponent)}; fitted up to n/8 it is off by "
        f"{formats.points(fit.line_error)} points at pass@{fit.n}",
        console,
    )
    if fit.refusal:
        print_prose(Text(fit.refusal, CARE), console)


def print_notes_on_reading(notes: Sequence[str], console: Console) -> None:
    """Print what was assumed on reading the files."""
    for note in notes:
        print_prose(Text(f"note: {one_line(note)}", "dim"), console)


def scaling_json(value: Any) -> Any:
    """Fits as JSON values, in the structure of their dataclasses; a law is its name and formula.

    Points are left out, and so is every ceiling of a law whose ceiling was refused.
    """
    if isinstance(value, LawFit):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        del fields["law"], fields["theta"]
        return {"law": value.law.name, "formula": value.law.formula} | as_json(fields)
    if dataclasses.is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        document = {name: scaling_json(item) for name, item in named.items() if not isinstance(item, Points)}
        if isinstance(value, TrainingCurve) and value.ceiling.refusal:
            _without_ceiling(document["sigmoid"])
            document["grid"]["ceiling"] = None
        elif isinstance(value, EntropyFit) and value.refusal:
            _without_ceiling(document["fit"])
        return document
    if isinstance(value, Mapping):
        return {name: scaling_json(item) for name, item in value.items()}
    return as_json(value)


def _without_ceiling(fit: dict[str, Any]) -> None:
    for estimates in (fit["estimates"], fit["over_seeds"], fit["open_ends"], *fit["by_seed"].values()):
        estimates.pop("ceiling", None)


def _title(name: str, fit: LawFit, console: Console) -> None:
    print_prose(
        Text.assemble(
            (one_line(name), "bold"),
            f": {fit.law.formula}; {counted(fit.points, 'point')}, {counted(fit.seeds, 'training seed')}",
        ),
        console,
    )
    if fit.seeds == 1:
        print_prose("Intervals are of this run alone; one training seed says nothing of the recipe.", console)


def _parameters(fit: LawFit, hidden: Sequence[str]) -> Table:
    """A row for each parameter; of those in `hidden` no value is stated."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    profile = f"{formats.confidence(fit.confidence)} profile interval"
    for heading in ("value", profile, *(("mean over seeds, interval",) if fit.over_seeds else ())):
        table.add_column(heading, justify="right")
    for name, estimate in fit.estimates.items():
        cells = ["not stated"] if name in hidden else [formats.number(estimate.value)]
        cells.append("known" if name in fit.held else "" if name in hidden else formats.number_interval(estimate))
        if fit.over_seeds:
            over = fit.over_seeds.get(name)
            cells.append("" if over is None or name in hidden else _with_interval(over))
        table.add_row(_NAMES.get(name, name), *cells)
    return table


def _power(curve: TrainingCurve, console: Console) -> None:
    power = curve.power
    if isinstance(power, str):
        print_prose(f"power law: {power}", console)
        return
    a, exponent = power.estimates["ceiling"], power.estimates["exponent"]
    at_bound = ", at its bound" if power.law.is_bound(0, a.value) else ""
    print_prose(
        f"power law: A {_with_interval(a)}{at_bound}, B {_with_interval(exponent)}, scatter "
        f"{formats.number(power.scatter)} (sigmoid {formats.number(curve.sigmoid.scatter)})",
        console,
    )
    _held_out("power law, the same", curve.power_held_out, console)


def _held_out(what: str, result: HeldOut | str, console: Console) -> None:
    if isinstance(result, str):
        print_prose(f"{what}: not checked. {result}", console)
        return
    print_prose(
        f"{what}: error {formats.number(result.error)}, bias {formats.number(result.bias)} over "
        f"{counted(result.predicted, 'point')} (no change after the cut: {formats.number(result.flat_error)}; "
        f"scatter of the {counted(result.fitted, 'fitted point')} {formats.number(result.scatter)})",
        console,
    )


def _with_interval(estimate: Estimate) -> str:
    return f"{formats.number(estimate.value)} {formats.number_interval(estimate)}".rstrip()


def _unless(refusal: str, value: float) -> str:
    return "not stated" if refusal else formats.number(value)
