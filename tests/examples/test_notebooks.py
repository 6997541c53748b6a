"""The notebooks of examples/ run from top to bottom, and hold no output of somebody's machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.study.in_process import compute_in_this_process

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


def code_cells(notebook: Path) -> list[str]:
    document: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    assert document["nbformat"] == 4
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    return ["".join(cell["source"]) for cell in cells]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_runs(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compute_in_this_process(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in code_cells(notebook):
        exec(compile(cell, notebook.name, "exec", dont_inherit=True), names)
    shown = capsys.readouterr().out
    if notebook.stem == "audit_notebook":
        assert "sharpened" in shown and "Problems that the base leaves unsolved" in shown
    if notebook.stem == "world_notebook":
        assert "fails" not in shown and "CORRECT" in shown
    if notebook.stem == "claim_notebook":
        assert "cannot tell\n" in shown and "the record counts" in shown and "stale: the claim was changed" in shown
