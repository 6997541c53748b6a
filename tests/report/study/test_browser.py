"""The lab's page in a real browser, without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.study.measure import Findings
from tests.report.browser import CLOSE, OPEN, drive, dump, needs_browser
from tests.report.study import synthetic

pytestmark = needs_browser

DRIVE = f"""{OPEN}
const dashes = () => [...document.querySelectorAll("#chart-region-0 svg path[stroke-dasharray='5,3']")]
  .map((p) => Number(p.getAttribute("stroke-opacity") ?? p.getAttribute("opacity") ?? 1));
seen.answerBefore = dashes();
document.getElementById("show-answer").click();
await pause(); await pause();
seen.answerAfter = dashes();
seen.all = column(0).length;
click("process:1"); seen.falling = column(6);
seen.sort = document.querySelector("[data-sort='process:1']").closest("th").ariaSort;
click("process:1"); seen.rising = column(6);
set("find-level", "3"); seen.levels = column(1);
set("find-kind", "gained:1"); seen.gained = column(0); seen.status = document.getElementById("found").textContent;
set("find-kind", ""); set("find-level", ""); set("find-text", "NUMBER 17 "); seen.text = column(0);
seen.prompt = column(2);
{CLOSE}"""


@pytest.fixture(scope="module")
def seen(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return drive(page, DRIVE, tmp_path_factory.mktemp("page"))


def test_no_fault_and_nothing_hostile_ran(seen: dict[str, Any]) -> None:
    assert seen["faults"] == []
    assert seen["hacked"] is None


def test_every_chart_is_drawn(seen: dict[str, Any]) -> None:
    assert {name.partition("-")[0] for name in seen["charts"]} == {"region", "level", "training"}
    assert len(seen["charts"]) == 2 + 4 + 6
    assert min(seen["charts"].values()) >= 3


def test_answer_curves_can_be_hidden(seen: dict[str, Any]) -> None:
    assert len(seen["answerBefore"]) >= 3 and min(seen["answerBefore"]) > 0.2
    assert len(seen["answerAfter"]) >= 3 and max(seen["answerAfter"]) == 0


def test_a_phone_needs_no_sideways_scroll(seen: dict[str, Any]) -> None:
    scroll, window = seen["width"]
    assert window == 390
    assert seen["wide"] == []
    assert scroll <= window


def test_the_table_sorts(seen: dict[str, Any], found: Findings) -> None:
    problems = found.problems
    counts = sorted(problem.process[synthetic.EDGE] for problem in problems)
    shown = [f"{count}/{synthetic.SAMPLES}" for count in counts]
    assert seen["all"] == len(problems)
    assert seen["sort"] == "descending"
    assert seen["falling"] == shown[::-1]
    assert seen["rising"] == shown


def test_the_table_filters(seen: dict[str, Any], found: Findings) -> None:
    problems = found.problems
    assert seen["levels"] == ["3"] * synthetic.PROBLEMS
    gained = [p for p in problems if p.level == 3 and p.process["base"] == 0 and p.process[synthetic.EDGE] > 0]
    assert gained and sorted(seen["gained"]) == sorted(p.id for p in gained)
    assert seen["status"] == f"{len(gained)} of {len(problems)} problems"
    assert seen["text"] == ["graph-017"]
    assert problems[17].prompt in seen["prompt"][0]


def test_the_untouched_page_draws_under_its_own_policy(page: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(page, "utf-8")
    drawn = dump(tmp_path / "page.html")
    assert 'data-charts="ready"' in drawn
    assert len(re.findall(r'class="chart[^>]*data-chart="[^"]+"[^>]*><svg', drawn)) == 12
