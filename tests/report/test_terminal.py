from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.verdict.labels import shown_label
from edgewise.report import formats
from edgewise.report.terminal import print_audit
from tests.report.synthetic import BASE, HARD, WIDE


def test_the_end_of_an_audit(found: Audit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    forbidding = Concern("base and tuned come from one file", forbids=True)
    print_audit(replace(found, concerns=(*found.concerns, forbidding)), Path("out"))
    text = capsys.readouterr().out
    assert "no claim: base and tuned come from one file" in text
    for model, verdict in found.verdicts.items():
        (k,) = {part.k for part in verdict.parts.values()}
        assert f"{model}: {shown_label(verdict.label, k)}" in text
        assert verdict.sentence.replace("\u2028", " ") in text
    label = text.index(": " + shown_label(found.verdicts[WIDE].label, k))
    assert text.index("take care: wide") < label < text.index("report: ")
    assert text.index("report: ") < text.index("note: the files do not state a temperature"), "notes come last"
    delta = found.verdicts[WIDE].parts[HARD].delta_k
    assert f"{formats.points(delta.value)} {formats.points_interval(delta)}" in text
    curve = found.sets[0].whole.curves[BASE]["process"]
    assert f"{100 * curve.value_K[0]:.1f} [{100 * curve.low_K[0]:.1f}, {100 * curve.high_K[0]:.1f}]" in text
    assert "report: out/report.html" in text


def test_a_terminal_obeys_no_name(found: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J[bold]evil[/bold]\r\n"
    print_audit(replace(found, concerns=(Concern(hostile),)), Path("out"))
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\r" not in text
    assert "[2J[bold]evil[/bold]" in text


def test_lines_are_wrapped_to_the_window(
    found: Audit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        print_audit(found, Path("out"))
        assert max(map(len, capsys.readouterr().out.splitlines())) <= width
