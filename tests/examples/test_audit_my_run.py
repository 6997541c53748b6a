"""examples/audit_my_run.py: the same verdict from arrays, from files and from the command's function."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    return importlib.import_module("audit_my_run")


def drawn(rates: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).binomial(1, rates[:, None], (len(rates), 64))


def test_arrays_and_files_get_one_verdict(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = np.concatenate([np.zeros(30), np.full(30, 0.9)])
    base_PG, tuned_PG = drawn(rates, 0), drawn(np.full(60, 0.8), 1)
    result = example.verdict_of(base_PG, tuned_PG)
    assert result.verdict.label == "more within k"  # k = 16: "extended" takes 32 and more
    paths = []
    for name, table_PG in (("base", base_PG), ("tuned", tuned_PG)):
        paths.append(tmp_path / f"{name}.jsonl")
        rows = [
            {"problem_id": f"problem {p}", "sample": g, "correct": bool(correct)}
            for p, row_G in enumerate(table_PG.tolist())
            for g, correct in enumerate(row_G)
        ]
        paths[-1].write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    example.main(str(paths[0]), str(paths[1]), str(tmp_path / "report"))
    assert f"all problems: More within 16 samples. {result.verdict.sentence}" in capsys.readouterr().out
    record = json.loads((tmp_path / "report" / "boundary.json").read_text(encoding="utf-8"))
    (part,) = result.verdict.parts.values()
    (written,) = record["verdict"]["parts"].values()
    assert written["delta_k"]["value"] == pytest.approx(part.delta_k.value)
    assert (tmp_path / "report" / "report.html").exists()


def test_without_arguments_it_prints_one_usage_line() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLES / "audit_my_run.py")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: python examples/audit_my_run.py BASE TUNED REPORT_FOLDER\n"
