"""`edgewise fit`: fit scaling laws to the metrics of runs or a table, and say what they do not decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewise.cli.options import AsJson, print_json
from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from edgewise.interop.scaling_table import ScalingColumns, ScalingTable


def fit_scaling(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="metrics.jsonl of a run or its folder, one for each training seed; or a CSV or JSONL of compute, "
            "reward, seed and arm, of n and c by problem, or of depth, steps and seed.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="COLUMN=NAME,...",
            help="What columns are called in the files, e.g. compute=flops,seed=run.",
        ),
    ] = None,
    start: Annotated[
        float | None,
        typer.Option(help="The reward before RL, R_0. Default: fitted.", show_default=False),
    ] = None,
    first: Annotated[
        float,
        typer.Option("--from", min=0, help="The least compute that is fitted; ScaleRL leaves out the first epoch."),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Fit scaling laws: reward against RL compute and entropy, pass@k against k, or steps against depth."""
    from edgewise.interop.scaling_table import read_scaling_table

    table = read_scaling_table(files or [], _pairs(columns))
    if table.kind != "curve" and (start is not None or first):
        raise InputError(
            f"{'--start' if start is not None else '--from'}: is of reward against compute, not of {table.kind}"
        )
    fits, compared = _fits(table, start, first)
    if as_json:
        from edgewise.report.scaling import scaling_json

        document = {"kind": table.kind, "notes": table.notes, "arms": fits, "common_ceiling": compared}
        print_json(scaling_json(document))
    else:
        _show(table, fits, compared)


def _pairs(text: str | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in text.split(",") if text else []:
        column, equals, name = (part.strip() for part in pair.partition("="))
        if not (column and equals and name) or column in pairs:
            raise InputError(f"--map: {pair.strip()!r}; write each COLUMN=NAME once, such as compute=flops,seed=run")
        pairs[column] = name
    return pairs


def _fits(table: ScalingTable, start: float | None, first: float) -> tuple[dict[str, Any], Any]:
    """The fits of each arm, and the comparison of steepness where there are several arms; an error names the arm."""
    from edgewise.report.terminal import status
    from edgewise.scaling import steepness_at_common_ceiling

    fits: dict[str, Any] = {}
    with status("fitting"):
        for name, columns in table.arms.items():
            try:
                fits[name] = _fit(table.kind, columns, start, first)
            except InputError as error:
                raise InputError(f"{name}: {error}" if len(table.arms) > 1 else str(error)) from None
        several = table.kind == "curve" and len(fits) > 1
        compared = steepness_at_common_ceiling(fits) if several else None
    return fits, compared


def _fit(kind: str, columns: ScalingColumns, start: float | None, first: float) -> Any:
    import numpy as np

    from edgewise.outcomes.counts import Counts
    from edgewise.scaling import Points, fit_depth_law, fit_repeated_sampling, fit_training_curve

    if kind == "counts":
        for name, column_N in (("n", columns.first_N), ("c", columns.second_N)):
            if (column_N % 1 != 0).any():
                raise InputError(f"{name}: {column_N[column_N % 1 != 0][0]:g}; a whole number of samples is needed")
        counts = Counts.of(columns.first_N.astype(np.int64), columns.second_N.astype(np.int64))
        return fit_repeated_sampling(counts)
    if kind == "depth":
        return fit_depth_law(columns.first_N, columns.second_N, columns.seed_N)
    order = np.argsort(columns.first_N, kind="stable")
    points = Points.of(columns.first_N, columns.second_N, columns.seed_N)
    entropy_N = None if columns.entropy_N is None else columns.entropy_N[order]
    return fit_training_curve(points, entropy=entropy_N, start=start, first=first)


def _show(table: ScalingTable, fits: Mapping[str, Any], compared: Any) -> None:
    from rich.console import Console

    from edgewise.report import scaling

    console = Console(highlight=False)
    show: dict[str, Callable[[str, Any, Console], None]] = {
        "curve": scaling.print_curve,
        "counts": scaling.print_repeated_sampling,
        "depth": scaling.print_depth,
    }
    for place, (name, fit) in enumerate(fits.items()):
        if place:
            console.print()
        show[table.kind](name, fit, console)
    if compared is not None:
        console.print()
        scaling.print_common_ceiling(compared, console)
    scaling.print_notes_on_reading(table.notes, console)
