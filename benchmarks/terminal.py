"""Benchmarks in the terminal: which there are, and what one found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.registry import Benchmark


def show_names(benchmarks: Mapping[str, Benchmark]) -> None:
    """Print each benchmark's name and what it measures."""
    console, table = Console(highlight=False), _table()
    table.add_column("benchmark", no_wrap=True)
    table.add_column("what it measures")
    table.add_column("compares with")
    for name, one in benchmarks.items():
        table.add_row(name, one.what, ", ".join(one.peers))
    console.print(table)
    console.print("python -m benchmarks NAME...: run them, or all, and write benchmarks/results/NAME.json")


def show_found(found: Mapping[str, Any]) -> None:
    """Print the medians, ratios and targets of one result file."""
    console, table = Console(highlight=False), _table()
    for column in ("", "ours", "peer", "ratio", "target", "unit"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right", no_wrap=column != "unit")
    for one in found["comparisons"]:
        target = _target(one["target"], one["met"])
        table.add_row(one["name"], number(one["ours"]), number(one["peer"]), number(one["ratio"]), target, one["unit"])
    for one in found["measurements"]:
        reference = number(one["reference"])
        table.add_row(one["name"], number(one["value"]), reference, "", _target(one["target"], one["met"]), one["unit"])
    for one in found["series"]:
        table.add_row(f"{one['name']}, exponent", number(one["exponent"]), "", "", "", "")
    console.print(table)
    console.print(f"other processes used {found['load']:.2f} cores meanwhile")


def number(value: float | None) -> str:
    """Three digits or more; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _target(target: float | None, met: bool | None) -> str:
    return "" if target is None else f"{number(target)} {'met' if met else 'missed'}"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
