"""Pages in a real browser, without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

BROWSER = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on the PATH")

WATCH = """<script>
window.faults = [];
addEventListener("error", (e) => faults.push(String(e.message || e.target)), true);
addEventListener("unhandledrejection", (e) => faults.push(String(e.reason)));
addEventListener("securitypolicyviolation", (e) => faults.push(e.violatedDirective));
</script>"""

# The opening of a script that runs in the page, which is in a frame as wide as a phone, and reports
# to the page around it; it waits for the charts.
OPEN = """<script type="module">
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
seen.width = [document.documentElement.scrollWidth, innerWidth];
const inBox = (e) => e.closest(".scroll, pre, svg, .skip");
seen.wide = [...document.querySelectorAll("main *, header *")]
  .filter((e) => !inBox(e) && e.getBoundingClientRect().right > innerWidth)
  .map((e) => `${e.tagName} ${e.className}`);
"""
CLOSE = """
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
    return dump_address(path.as_uri(), path.parent)


def dump_address(address: str, folder: Path) -> str:
    """The document at an address when its time is over; nothing but this machine can be reached."""
    assert BROWSER is not None
    unreachable = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", unreachable]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--window-size=1280,900"]
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=60)
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
