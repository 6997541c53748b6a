"""The audit's page in a real browser, without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.report import formats
from tests.report.browser import CLOSE, OPEN, drive, dump, needs_browser
from tests.report.synthetic import BASE, LEVELS, MODELS, PROBLEMS, SAMPLES, SETS, WIDE

pytestmark = needs_browser

DRIVE = f"""{OPEN}
const ready = async () => {{ for (let i = 0; i < 15; i++) await pause(); }};
const change = (id, value) => {{
  const e = document.getElementById(id);
  e.value = value;
  e.dispatchEvent(new Event("input", {{bubbles: true}}));
}};
const tick = (e) => {{ e.checked = !e.checked; e.dispatchEvent(new Event("input", {{bubbles: true}})); }};
const visible = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
const labels = () => [...document.querySelectorAll("#chart-curves-0 .role-axis-label text")]
  .map((t) => t.textContent).filter((t) => /^\\d+$/.test(t));
const lines = () => document.querySelectorAll("#chart-curves-0 .mark-line path").length;
const passes = () => document.querySelector("#curves tbody tr data[data-series]").textContent;
const rule = () => document.querySelector("#chart-curves-0 .mark-rule line[stroke-dasharray='1,3']").outerHTML;

seen.bases = [passes(), document.querySelector("#curves .at-k").textContent, rule()];
change("choose-k", "2"); await ready();
seen.twos = [passes(), document.querySelector("#curves .at-k").textContent, rule()];
seen.noisy2 = document.querySelectorAll(".noisy").length;
change("choose-k", "32"); await ready();
seen.noisy32 = document.querySelectorAll(".noisy").length;
change("choose-k", "0"); await ready();
seen.log = labels();
tick(document.getElementById("linear")); await ready();
seen.linear = labels();
tick(document.getElementById("linear")); await ready();
seen.lines = lines();
const boxes2 = [...document.querySelectorAll("#choices [name=model]")];
seen.cards = visible("article.arm").length;
tick(boxes2[1]); await ready();
seen.fewerLines = lines();
seen.fewerCards = visible("article.arm").length;
seen.fewerColumns = visible("#problem-table thead th").length;
tick(boxes2[1]); await ready();
seen.columns = visible("#problem-table thead th").length;
document.querySelector(".by-level").open = true; await ready();
seen.levelCharts = document.querySelectorAll("[data-chart^=level-0] svg").length;
seen.all = document.querySelectorAll("#problem-table tbody tr").length;
click("c:2"); seen.falling = column(6);
click("c:2"); seen.rising = column(6);
click("q:2"); seen.q = column(7);
set("find-level", "2"); seen.levels = column(2);
set("find-level", "");
for (const kind of ["gained", "lost", "up", "down"]) {{ set("find-kind", `${{kind}}:2`); seen[kind] = column(0); }}
set("find-kind", ""); set("find-text", "NUMBER 17 "); seen.text = column(0);
set("find-text", "");
change("choose-set", "1"); await ready();
seen.oneSet = [...new Set(column(1))];
seen.oneSetRegions = visible("tr.region").length;
{CLOSE}"""


@pytest.fixture(scope="module")
def seen(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return drive(page, DRIVE, tmp_path_factory.mktemp("page"))


def test_no_fault_and_nothing_hostile_ran(seen: dict[str, Any]) -> None:
    assert seen["faults"] == []
    assert seen["hacked"] is None


def test_every_chart_in_sight_is_drawn_and_others_when_they_come(seen: dict[str, Any]) -> None:
    folded = ("level-", "trajectory-", "cover-", "soundness-")
    drawn = {name: paths for name, paths in seen["charts"].items() if not name.startswith(folded)}
    assert len(drawn) == 6 * len(SETS) + len(MODELS) - 1 and min(drawn.values()) >= 3
    assert {paths for name, paths in seen["charts"].items() if name.startswith(folded)} == {0}
    assert seen["levelCharts"] == len(LEVELS)


def test_a_phone_needs_no_sideways_scroll(seen: dict[str, Any]) -> None:
    scroll, window = seen["width"]
    assert window == 390
    assert seen["wide"] == []
    assert scroll <= window


def test_the_chosen_k_acts_on_numbers_and_charts(seen: dict[str, Any], found: Audit) -> None:
    scope = found.sets[0].whole
    curve = scope.curves[BASE]["process"]

    def told(k: int) -> str:
        return formats.percent(curve.at(k).value)

    assert seen["bases"][:2] == [told(scope.k), str(scope.k)]
    assert seen["twos"][:2] == [told(2), "2"]
    assert seen["bases"][2] != seen["twos"][2], "the line at k moves"


def test_numbers_beyond_half_of_the_samples_are_marked(seen: dict[str, Any]) -> None:
    assert seen["noisy2"] == 0
    assert seen["noisy32"] >= 20


def test_the_axis_can_be_linear(seen: dict[str, Any]) -> None:
    assert seen["log"] == ["1", "2", "4", "8", "16", "32"]
    assert {"10", "20", "30"} <= set(seen["linear"])


def test_a_model_can_be_left_out_everywhere(seen: dict[str, Any]) -> None:
    assert 0 < seen["fewerLines"] < seen["lines"]
    assert (seen["cards"], seen["fewerCards"]) == (2, 1)
    assert seen["columns"] - seen["fewerColumns"] == 2


def test_the_table_sorts(seen: dict[str, Any], found: Audit) -> None:
    counts = sorted(found.counts[WIDE].c_P.tolist())
    shown = [f"{c}/{SAMPLES}" for c in counts]
    assert seen["all"] == len(shown) == len(SETS) * len(LEVELS) * PROBLEMS
    assert seen["falling"] == shown[::-1]
    assert seen["rising"] == shown
    q = sorted(q for one in found.sets for q in one.comparisons[WIDE]["changes"].q_P.tolist())
    assert [text.split(" ")[0] for text in seen["q"] if not text.startswith("<")] == [
        f"{one:.3f}" for one in q if one >= 0.001
    ]


def test_the_table_filters(seen: dict[str, Any], found: Audit) -> None:
    assert set(seen["levels"]) == {"3"} and len(seen["levels"]) == len(SETS) * PROBLEMS
    base, wide = found.counts[BASE], found.counts[WIDE]
    assert set(seen["gained"]) == set(base.problem[(base.c_P == 0) & (wide.c_P > 0)].tolist()) != set()
    assert set(seen["lost"]) == set(base.problem[(base.c_P > 0) & (wide.c_P == 0)].tolist()) != set()
    for way, sign in (("up", 1), ("down", -1)):
        changed = {
            id
            for one in found.sets
            for c in [one.comparisons[WIDE]["changes"]]
            for id in c.problem[(c.q_P <= c.q) & (c.direction_P == sign)].tolist()
        }
        assert set(seen[way]) == changed != set()
    assert len(seen["text"]) == 1


def test_one_set_alone(seen: dict[str, Any], found: Audit) -> None:
    assert seen["oneSet"] == [SETS[1]]
    assert seen["oneSetRegions"] == len(MODELS) - 1
    assert found.counts_of(SETS[1], BASE).problems == len(LEVELS) * PROBLEMS


def test_the_untouched_page_draws_under_its_own_policy(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes((folder / "report.html").read_bytes())
    drawn = dump(tmp_path / "page.html")
    assert 'data-charts="ready"' in drawn
    assert len(re.findall(r'class="chart[^>]*data-chart="[^"]+"[^>]*><svg', drawn)) == 6 * len(SETS) + len(MODELS) - 1
