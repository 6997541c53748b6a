"""Alarms and groups by level on a study's page, and a line for each alarm in the terminal."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest

from edgewise.report.health import health_lines, print_health
from edgewise.study.health import StageHealth, stage_health
from edgewise.study.measure import Findings
from tests.report import lab
from tests.report.reading import Reader
from tests.rl.test_health import NAMES, healthy, planted


def test_the_page_says_which_alarm_rang_where(findings: Findings, study_page: str) -> None:
    (run,) = findings.health
    by_name = {alarm.name: alarm for alarm in run.alarms}
    assert by_name["length drift"].step == 19 and not by_name["entropy collapse"].watched
    (table,) = re.findall(r'<table class="numbers alarms">(.*?)</table>', study_page, re.S)
    assert re.findall(r'<th scope="col">([^<]+)</th>', table) == list(NAMES)
    assert re.findall(r"<td>(.*?)</td>", table) == ["<b>step 19</b>", "not watched", "silent", "silent"]
    assert f"{run.name}, length drift at step 19: {by_name['length drift'].sentence}." in Reader(study_page).text


def test_the_page_has_the_groups_of_each_level(study_page: str) -> None:
    (table,) = re.findall(r'<table class="numbers groups">(.*?)</table>', study_page, re.S)
    assert re.findall(r"<td>([^<]+)</td>", table) == ["3", "25.0%", "25.0%", "12.5%", "50.0%"]


def test_a_study_without_metrics_has_no_alarms() -> None:
    silent = lab.findings(metrics=False)
    assert silent.health == () and "Alarms" not in Reader(lab.render(silent)).text
    assert list(health_lines(silent.health)) == []


def test_names_of_stages_are_text(findings: Findings, study_page: str) -> None:
    (run,) = findings.health
    assert html.escape(run.name) in study_page and run.name not in study_page


def of(name: str, *, fault: str = "", draw: int = 0) -> StageHealth:
    return stage_health(name, planted(fault, draw) if fault else healthy(draw))


def test_one_line_for_each_alarm_over_all_runs() -> None:
    runs = (of("edge/0: rl"), of("edge/1: rl", fault="hacked", draw=1), of("edge/2: rl", fault="longer", draw=2))
    lines = {name: (rang, text) for name, rang, text in health_lines(runs)}
    assert tuple(lines) == NAMES
    assert lines["entropy collapse"] == (False, "silent in 3 runs")
    hacked = runs[1].alarms[3]
    assert lines[hacked.name] == (
        True,
        f"rang in 1 of 3 runs, first at step {hacked.step} of edge/1: rl: {hacked.sentence}",
    )


def test_the_earliest_ring_is_told_and_what_was_too_short() -> None:
    short = dataclasses.replace(of("short"), alarms=stage_health("short", healthy(0)[:5]).alarms)
    runs = (of("a", fault="longer", draw=1), short)
    lines = {name: text for name, _, text in health_lines(runs)}
    assert lines["length drift"].endswith("; 1 more could not be watched")
    assert lines["KL acceleration"] == "silent in 1 run; 1 more could not be watched"
    assert next(text for _, _, text in health_lines((short,))) == "not watched: 5 of 20 lines with length"


def test_the_terminal_obeys_no_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    print_health((of("\x1b[2J[bold]evil\r\n", fault="longer", draw=1),))
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\r" not in text and "[2J[bold]evil" in text
    assert len(text.splitlines()) == len(NAMES) and all(line.startswith("alarm ") for line in text.splitlines())
