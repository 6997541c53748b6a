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
    for name, row in benchmarks.items():
        table.add_row(name, row.what, ", ".join(row.peers))
    console.print(table)
    console.print("python -m benchmarks NAME...: run them, or all, and write benchmarks/results/NAME.json")


def show_record(record: Mapping[str, Any]) -> None:
    """Print the medians, ratios and targets of one result file."""
    console, table = Console(highlight=False), _table()
    for column in ("", "ours", "peer", "ratio", "target", "unit"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right", no_wrap=column != "unit")
    for row in record["comparisons"]:
        target = _target(row["target"], row["met"])
        table.add_row(row["name"], number(row["ours"]), number(row["peer"]), number(row["ratio"]), target, row["unit"])
    for row in record["measurements"]:
        reference = number(row["reference"])
        table.add_row(row["name"], number(row["value"]), reference, "", _target(row["target"], row["met"]), row["unit"])
    for row in record["series"]:
        table.add_row(f"{row['name']}, exponent", number(row["exponent"]), "", "", "", "")
    console.print(table)
    if record["load"] is not None:
        console.print(f"other processes used {record['load']:.2f} cores meanwhile")


def number(value: float | None) -> str:
    """Three digits or more; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _target(target: float | None, met: bool | None) -> str:
    return "" if target is None else f"{number(target)} {'met' if met else 'missed'}"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
