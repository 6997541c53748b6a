"""The page of a study that runs: the report's sections, hostile text escaped, and only what changed is sent again."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.report.document import content_policy
from edgewise.report.page import groups
from edgewise.report.page.running import changed_parts, render_running, running_parts
from edgewise.report.serve import PageServer, Query, json_of
from edgewise.report.serve import html as page_of
from edgewise.report.training_charts import TRAINING
from tests.report import lab
from tests.report.browser import dump_address, needs_browser
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.reading import Reader, addresses


@pytest.fixture(scope="module")
def page() -> str:
    study = lab.running()
    return render_running(study, running_parts(study))


def test_every_stage_stands_there_with_its_status(page: str) -> None:
    words = re.findall(r'<tr data-status="(\w+)">', page)
    assert words == ["finished", "running", "interrupted", "waiting"]
    text = re.sub(r"\s+", " ", Reader(page).text)
    assert "1 finished, 1 running, 1 interrupted, 1 waiting, of 4 stages" in text
    assert "step 30 of 60, 1 min 15 s left" in text and "step 30 of 90" in text
    assert "edgewise run &#39;x&#39;" in page, "how to go on"


def test_it_has_the_sections_of_the_report(page: str, study_page: str) -> None:
    for section in ("training", "groups", "made"):
        assert f'<section id="{section}"' in page and f'<section id="{section}"' in study_page
    charts = set(re.findall(r'data-chart="(training-[^"]+)"', study_page))
    assert charts and set(re.findall(r'data-chart="([^"]+)"', page)) == charts
    assert re.search(r"<style>(.*?):root { --", study_page, re.S)[1] in page  # type: ignore[index]


def test_hostile_text_is_escaped_and_nowhere_raw(page: str) -> None:
    assert html.escape(SCRIPT) in page
    assert SCRIPT not in page and IMAGE not in page and "<!--" not in page
    reader = Reader(page)
    assert not any(tag == "img" or name.startswith("on") for tag, attrs in reader.tags for name in attrs)
    found = [address for address in addresses(page) if not address.startswith(("#", "data:", "?study="))]
    assert found == []


def test_the_page_may_ask_its_own_server_and_no_other(page: str) -> None:
    reader = Reader(page)
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy == content_policy(*reader.scripts[-2:], live=True)
    assert "connect-src 'self';" in str(policy) and "default-src 'none'" in str(policy)


def test_the_report_may_ask_nobody(study_page: str) -> None:
    policy = next(attrs["content"] for _, attrs in Reader(study_page).tags if attrs.get("http-equiv"))
    assert "connect-src" not in str(policy)


def test_only_what_has_changed_is_sent_again() -> None:
    study = lab.running()
    parts = running_parts(study)
    known = {name: part["digest"] for name, part in parts.items()}
    assert changed_parts(parts, known) == {}
    assert set(changed_parts(parts, {})) == {"stages", "training", "made", "groups"}
    (first, running, *others) = study.stages
    further = replace(running, metrics=[*running.metrics, {"step": 30.0, "reward": 0.9}])
    again = running_parts(replace(study, stages=(first, further, *others)))
    assert set(changed_parts(again, known)) == {"training"}
    json.dumps(again, allow_nan=False)


def test_a_study_that_has_logged_nothing_has_a_page() -> None:
    study = lab.running()
    waiting = tuple(replace(study.stages[-1], name=stage.name, folder=stage.folder) for stage in study.stages)
    page = render_running(replace(study, stages=waiting), running_parts(replace(study, stages=waiting)))
    assert "No stage has logged a step yet." in page and 'id="groups" hidden' in page


def test_a_finished_study_names_its_report(tmp_path: Path) -> None:
    done = replace(lab.running(), report=tmp_path / "report.html")
    page = render_running(done, running_parts(done))
    assert 'href="report.html?study=' in page


def test_groups_are_thinned_to_a_page_that_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = lab.running().stages
    (whole,) = groups.group_data(stages)
    assert whole["every"] == 1 and [of["step"] for of in whole["steps"]] == list(range(0, 30, 4))
    (group, *_) = whole["steps"][0]["groups"]
    assert [sample["process"] for sample in group["samples"]] == ["correct", "wrong"]
    assert "".join(group["samples"][1]["text"]) == f"a = 3 ; b = {HOSTILE} ; answer 5"
    assert group["samples"][1]["text"][1] == f" b = {HOSTILE} ", "the first wrong step"
    size = sum(map(groups._characters, stages[1].groups))
    monkeypatch.setattr(groups, "MOST_CHARACTERS", (size + 2) // 3)
    (thinned,) = groups.group_data(stages)
    assert thinned["every"] == 3 and [of["step"] for of in thinned["steps"]] == [0, 12, 24, 28]


DRIVE = """<script type="module">
const pause = () => new Promise((done) => setTimeout(done, 50));
const seen = { faults: window.faults };
const samples = () => [...document.querySelectorAll("#group-samples article")].map((one) => one.textContent);
for (let i = 0; i < 200 && document.documentElement.dataset.charts !== "ready"; i++) await pause();
seen.charts = [...document.querySelectorAll("[data-chart] svg")].length;
seen.step = document.getElementById("group-at").textContent;
seen.samples = samples();
const step = document.getElementById("group-step");
step.value = 0;
step.dispatchEvent(new Event("input"));
seen.first = document.getElementById("group-at").textContent;
const paths = () => document.querySelector("#chart-training-reward svg .mark-line path").getAttribute("d").length;
seen.before = paths();
const further = () => document.querySelector("[data-status=finished] ~ [data-status=finished]");
for (let i = 0; i < 200 && !further(); i++) await pause();
for (let i = 0; i < 10; i++) await pause();
seen.words = [...document.querySelectorAll("[data-status]")].map((row) => row.dataset.status);
seen.after = paths();
seen.still = document.getElementById("group-at").textContent;
seen.hacked = window.hacked ?? null;
const shown = document.createElement("pre");
shown.id = "seen";
shown.textContent = JSON.stringify(seen);
document.body.append(shown);
</script>"""

WATCH = """<script>
window.faults = [];
addEventListener("error", (e) => faults.push(String(e.message || e.target)), true);
addEventListener("unhandledrejection", (e) => faults.push(String(e.reason)));
</script>"""


@pytest.fixture
def server() -> Iterator[PageServer]:
    """Serves the page, and a study that is further from the second question on; the page's policy is taken out."""
    study = lab.running()
    first, running, *others = study.stages
    further = replace(
        running,
        metrics=[*running.metrics, *({"step": float(i), "reward": 0.9} for i in range(30, 60))],
        status=first.status,
    )
    later = replace(study, stages=(first, further, *others))
    asked: list[Query] = []

    def page(query: Query) -> tuple[str, bytes]:
        text = render_running(study, running_parts(study))
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        return page_of(text.replace("<head>", f"<head>{WATCH}", 1) + DRIVE)

    def live(query: Query) -> tuple[str, bytes]:
        asked.append(query)
        changed = changed_parts(running_parts(later if len(asked) > 1 else study), query)
        return json_of(changed) if changed else ("", b"")

    with PageServer({"/": page, "/live": live}) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@needs_browser
def test_the_page_follows_the_study_in_a_browser(server: PageServer, tmp_path: Path) -> None:
    shown = re.search(r'<pre id="seen">(.*?)</pre>', dump_address(server.address, tmp_path), re.S)
    assert shown is not None, "the page reported nothing"
    seen: dict[str, Any] = json.loads(html.unescape(shown[1]))
    assert seen["faults"] == [] and seen["hacked"] is None
    assert seen["charts"] == len(TRAINING)
    assert (seen["step"], seen["first"]) == ("28", "0"), "the newest step first, then the one that was chosen"
    assert len(seen["samples"]) == 2 and HOSTILE.split("{{")[0] in seen["samples"][1]
    assert seen["words"] == ["finished", "finished", "interrupted", "waiting"]
    assert seen["after"] > seen["before"], "the line has more points"
    assert seen["still"] == "0", "what was chosen stays"
