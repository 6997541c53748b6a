"""The page in a real browser, without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from edgewise.study.findings import Findings
from tests.report import synthetic

BROWSER = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on the PATH")

WATCH = """<script>
window.faults = [];
addEventListener("error", (e) => faults.push(String(e.message || e.target)), true);
addEventListener("unhandledrejection", (e) => faults.push(String(e.reason)));
addEventListener("securitypolicyviolation", (e) => faults.push(e.violatedDirective));
</script>"""

# Runs in the page, which is in a frame as wide as a phone, and reports to the page around it.
DRIVE = """<script type="module">
const tell = (seen) => parent.postMessage(JSON.stringify({...seen, faults, hacked: window.hacked ?? null}), "*");
const click = (key) => document.querySelector(`[data-sort="${key}"]`).click();
const set = (id, value) => {
  const e = document.getElementById(id);
  e.value = value;
  e.dispatchEvent(new Event("input"));
};
const column = (i) => [...document.querySelectorAll("#problem-table tbody tr")].map((r) => r.cells[i].textContent);
const pause = () => new Promise((done) => setTimeout(done, 20));
const seen = {};
for (let i = 0; i < 400 && document.documentElement.dataset.charts !== "ready"; i++) await pause();
const boxes = [...document.querySelectorAll("[data-chart]")];
seen.charts = Object.fromEntries(boxes.map((b) => [b.dataset.chart, b.querySelectorAll("svg path").length]));
const dashes = () => [...document.querySelectorAll("#chart-region-0 svg path[stroke-dasharray='5,3']")]
  .map((p) => Number(p.getAttribute("stroke-opacity") ?? p.getAttribute("opacity") ?? 1));
seen.answerBefore = dashes();
document.getElementById("show-answer").click();
await pause(); await pause();
seen.answerAfter = dashes();
seen.width = [document.documentElement.scrollWidth, innerWidth];
const inBox = (e) => e.closest(".scroll, pre, svg, .skip");
seen.wide = [...document.querySelectorAll("main *, header *")]
  .filter((e) => !inBox(e) && e.getBoundingClientRect().right > innerWidth)
  .map((e) => `${e.tagName} ${e.className}`);
seen.all = column(0).length;
click("process:1"); seen.falling = column(6);
seen.sort = document.querySelector("[data-sort='process:1']").closest("th").ariaSort;
click("process:1"); seen.rising = column(6);
set("find-level", "3"); seen.levels = column(1);
set("find-kind", "gained:1"); seen.gained = column(0); seen.status = document.getElementById("found").textContent;
set("find-kind", ""); set("find-level", ""); set("find-text", "NUMBER 17 "); seen.text = column(0);
seen.prompt = column(2);
tell(seen);
</script>"""

FRAME = """<!doctype html><body><script>
addEventListener("message", (e) => {
  const p = document.createElement("pre");
  p.id = "seen";
  p.textContent = e.data;
  document.body.append(p);
});
</script><iframe src="page.html" style="width: 390px; height: 800px; border: 0"></iframe>"""


def dump(path: Path) -> str:
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={path.parent / 'profile'}", "--virtual-time-budget=20000", "--window-size=1280,900"]
    done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=60)
    return done.stdout


def drive(page: str, script: str, folder: Path) -> dict[str, Any]:
    """What `script` saw in the page. The page's policy is taken out, so that escaping stands alone."""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (folder / "page.html").write_text(page.replace("<head>", f"<head>{WATCH}", 1) + script, "utf-8")
    (folder / "frame.html").write_text(FRAME)
    shown = re.search(r'<pre id="seen">(.*?)</pre>', dump(folder / "frame.html"), re.S)
    assert shown is not None, "the page reported nothing"
    seen: dict[str, Any] = json.loads(unescape(shown[1]))
    return seen


@pytest.fixture(scope="module")
def seen(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return drive(page, DRIVE, tmp_path_factory.mktemp("page"))


def test_the_harness_sees_faults_and_hostile_scripts(tmp_path: Path) -> None:
    bare = f"<html><head></head><body>{synthetic.SCRIPT}<script>missing()</script></body></html>"
    seen = drive(bare, DRIVE[: DRIVE.index("const click")] + "tell({});</script>", tmp_path)
    assert seen["hacked"] == 1
    assert any("missing" in fault for fault in seen["faults"])


def test_no_fault_and_nothing_hostile_ran(seen: dict[str, Any]) -> None:
    assert seen["faults"] == []
    assert seen["hacked"] is None


def test_every_chart_is_drawn(seen: dict[str, Any]) -> None:
    assert {name.partition("-")[0] for name in seen["charts"]} == {"region", "level", "training"}
    assert len(seen["charts"]) == 2 + 4 + 5
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
    assert len(re.findall(r'class="chart[^>]*data-chart="[^"]+"[^>]*><svg', drawn)) == 11
