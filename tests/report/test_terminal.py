from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.verdict.labels import shown_label
from edgewise.report import formats
from edgewise.report.concerns import MOST_LINES
from edgewise.report.terminal import print_audit
from tests.cli.running import as_terminal
from tests.report.synthetic import BASE, HARD, WIDE, outcomes


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
    assert "the files do not state a temperature" not in text, "notes stand on the page alone"
    assert text.index("no claim: ") < text.index("take care: "), "what forbids a claim comes first"
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
    for width in (60, 80, 120):
        as_terminal(monkeypatch, width)
        print_audit(found, Path("out"))
        lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
        assert max(map(len, lines)) <= width


def test_what_forbids_a_claim_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    concerns = [
        Concern("Sampled with another temperature.", True, ("tuned",)),
        Concern("Graded by another verifier.", True),
        Concern("Few problems."),
    ]
    print_audit(audit({BASE: outcomes(BASE), "tuned": outcomes(WIDE)}, concerns=concerns, resamples=100), None)
    text = capsys.readouterr().out
    assert text.count("another temperature") == text.count("another verifier") == 1
    assert text.count(": as said above. Without that: ") == 2, "of each set"


def test_many_concerns_stay_short(found: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    names = tuple(f"step {step}" for step in range(40))
    many = [Concern("Graded by another verifier.", True, names), *(Concern(f"Reading {i}.") for i in range(30))]
    print_audit(replace(found, concerns=tuple(many[::-1])), Path("out"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("no claim: ", "take care: "))]
    assert lines[0] == "no claim: step 0, step 1, step 2, 37 more: Graded by another verifier."
    assert len(lines) == MOST_LINES + 1 and lines[-1] == "take care: 23 more such lines stand in the report"


def test_a_long_name_is_not_folded_where_a_narrow_window_has_room_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict then stands under the name; in a wide window, beside it."""
    name = "in-distribution RL, long, 2"
    found = audit({BASE: outcomes(BASE), name: outcomes(WIDE)}, resamples=100)
    part = found.verdicts[name].parts[HARD]
    label = shown_label(part.label, part.k)
    change = f"{formats.points(part.delta_k.value)} {formats.points_interval(part.delta_k)}"
    for width, below in ((80, 1), (140, 0)):
        monkeypatch.setenv("COLUMNS", str(width))
        print_audit(found, Path("out"))
        table = capsys.readouterr().out.partition("Percent of problems")[2].splitlines()
        *_, row = (i for i, line in enumerate(table) if line.startswith(f"   {name}"))
        assert change in table[row] and label in table[row + below]
