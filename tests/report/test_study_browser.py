"""The page of a study in a real browser, without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.study.measure import Findings
from tests.report.browser import CLOSE, OPEN, drive, dump, needs_browser
from tests.report.lab import EDGE, PROBLEMS, SAMPLES

pytestmark = needs_browser

DRIVE = f"""{OPEN}
const tick = async (id) => {{
  document.getElementById(id).click();
  for (let i = 0; i < 15; i++) await pause();
}};
const dashes = () => [...document.querySelectorAll("#chart-curves-0 svg path[stroke-dasharray='5,3']")]
  .map((p) => Number(p.getAttribute("stroke-opacity") ?? p.getAttribute("opacity") ?? 1));
seen.answerBefore = dashes();
await tick("show-answers");
seen.answerAfter = dashes();
await tick("show-answers");
seen.answerAgain = dashes();
seen.all = column(0).length;
click("c:1"); seen.falling = column(4);
seen.sort = document.querySelector("[data-sort='c:1']").closest("th").ariaSort;
click("c:1"); seen.rising = column(4);
set("find-level", "2"); seen.levels = column(2);
set("find-kind", "gained:1"); seen.gained = column(0); seen.status = document.getElementById("found").textContent;
set("find-kind", ""); set("find-level", ""); set("find-text", "NUMBER 17 "); seen.text = column(0);
seen.prompt = column(8);
{CLOSE}"""


@pytest.fixture(scope="module")
def seen(study_page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return drive(study_page, DRIVE, tmp_path_factory.mktemp("page"))


def test_no_fault_and_nothing_hostile_ran(seen: dict[str, Any]) -> None:
    assert seen["faults"] == []
    assert seen["hacked"] is None


def test_every_chart_in_sight_is_drawn(seen: dict[str, Any]) -> None:
    drawn = {name.partition("-")[0] for name, paths in seen["charts"].items() if paths >= 3}
    assert drawn >= {"curves", "difference", "training", "verdict"}
    assert sum(name.startswith("training-") for name in seen["charts"]) == 11


def test_answer_curves_can_be_shown_and_hidden(seen: dict[str, Any]) -> None:
    assert len(seen["answerBefore"]) >= 3 and max(seen["answerBefore"]) == 0
    assert len(seen["answerAfter"]) >= 3 and min(seen["answerAfter"]) > 0.2
    assert max(seen["answerAgain"]) == 0


def test_a_phone_needs_no_sideways_scroll(seen: dict[str, Any]) -> None:
    scroll, window = seen["width"]
    assert window == 390
    assert seen["wide"] == []
    assert scroll <= window


def test_the_table_sorts(seen: dict[str, Any], findings: Findings) -> None:
    counts = sorted(findings.audit.counts[EDGE].c_P.tolist())
    shown = [f"{count}/{SAMPLES}" for count in counts]
    assert seen["all"] == len(counts)
    assert seen["sort"] == "descending"
    assert seen["falling"] == shown[::-1]
    assert seen["rising"] == shown


def test_the_table_filters(seen: dict[str, Any], findings: Findings) -> None:
    base, tuned = findings.audit.counts["base"], findings.audit.counts[EDGE]
    assert seen["levels"] == ["3"] * PROBLEMS
    gained = base.problem[(base.level == 3) & (base.c_P == 0) & (tuned.c_P > 0)].tolist()
    assert gained and sorted(seen["gained"]) == sorted(gained)
    assert seen["status"] == f"{len(gained)} of {base.problems} problems"
    assert seen["text"] == ["graph-017"]
    assert findings.prompts["graph-017"] in seen["prompt"][0]


def test_the_untouched_page_draws_under_its_own_policy(study_page: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(study_page, "utf-8")
    drawn = dump(tmp_path / "page.html")
    assert 'data-charts="ready"' in drawn
    assert len(re.findall(r'class="chart[^>]*data-chart="[^"]+"[^>]*><svg', drawn)) >= 20
