"""`python -m benchmarks` as its users meet it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import machine, registry
from benchmarks.findings import Alternated, Comparison, Findings, Measurement, Series
from benchmarks.registry import BENCHMARKS, Benchmark
from edgewise import cli


def run(*words: str) -> str:
    """What `python -m benchmarks WORDS` prints; an error is raised as it is."""
    done = CliRunner().invoke(command.app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_without_names_all_benchmarks_are_listed() -> None:
    shown = run()
    words = " ".join(shown.split())
    assert all(f" {name} " in shown for name in BENCHMARKS)
    assert "compares with" in words and "trl" in words
    assert max(map(len, shown.splitlines())) <= 80


def test_every_benchmark_is_a_module_that_measures() -> None:
    for name, benchmark in BENCHMARKS.items():
        module = importlib.import_module(f"benchmarks.{name}")
        assert bool(benchmark.command) != hasattr(module, "measure")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nothing"], "benchmark: must be one of sampling, rl_step,"),
        (["memory", "cots"], "or all, is 'cots'"),
        (["gpu"], "gpu: is run by a command of its own; use make gpu"),
        (["memory", "--repeats", "0"], "repeats: must be at least 1, is 0"),
        (["rl_step"], "not installed; this benchmark needs `pip install -r benchmarks/requirements.txt`"),
        (["all"], "not installed; this benchmark needs `pip install -r benchmarks/requirements.txt`"),
    ],
)
def test_bad_input_is_one_line_and_status_2_before_anything_is_measured(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "recorded", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stop:
        cli.main(command.app)
    shown = capsys.readouterr()
    assert (stop.value.code, shown.out) == (2, "")
    lines = [line for line in shown.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: ") and named in lines[0], lines
    assert not (tmp_path / "out").exists()


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A benchmark that measures nothing; the repeats that it was asked for."""
    asked: list[int] = []

    def measure(repeats: int) -> Findings:
        asked.append(repeats)
        found = Alternated([4.0] * repeats, [2.0] * repeats, 0.0)
        return Findings(
            [Comparison.of("one", "w", "tokens/s", found, "as it is", better="more", target=1.5)],
            [Measurement.of("two", "w", "s", [3.0], better="less", target=2.0)],
            [Series.of("three", "w", "n", "s", "s", [{"n": 1.0, "s": 1.0}, {"n": 2.0, "s": 4.0}])],
        )

    module: Any = types.ModuleType("benchmarks.made_up")
    module.measure = measure
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "BENCHMARKS", {"made_up": Benchmark("nothing at all", 3)})
    monkeypatch.setattr(machine, "all_peaks", list)
    return asked


def test_what_is_found_is_written_with_machine_versions_commit_date_and_load(
    made_up: list[int], tmp_path: Path
) -> None:
    shown = run("made_up", "made_up", "--out", str(tmp_path / "new"))
    written = json.loads((tmp_path / "new" / "made_up.json").read_text())
    assert made_up == [3]
    assert written.keys() == {
        *("name", "what", "comparisons", "measurements", "series"),
        *("machine", "peaks", "versions", "commit", "date", "seconds", "load"),
    }
    (one,) = written["comparisons"]
    assert (one["ours"], one["peer"], one["ratio"], one["target"], one["met"]) == (4.0, 2.0, 2.0, 1.5, True)
    assert one["ours_all"] == [4.0] * 3 and one["repeats"] == 3
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.split()}
    assert rows["one"] == ["4", "2", "2", "1.5", "met", "tokens/s"]
    assert rows["two"] == ["3", "2", "missed", "s"]
    assert rows["three,"] == ["exponent", "2"]


def test_repeats_and_json_are_as_asked(made_up: list[int], tmp_path: Path) -> None:
    shown = run("all", "--repeats", "2", "--json", "--out", str(tmp_path))
    assert made_up == [2]
    assert json.loads(shown)["made_up"] == json.loads((tmp_path / "made_up.json").read_text())
