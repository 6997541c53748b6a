"""Every kind of page by axe-core, by the keyboard alone and in print, in a real browser, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, audit
from edgewise.report.page.page import render_page
from edgewise.report.page.running import render_running, running_parts
from tests.report import lab
from tests.report.browser import BROWSER, needs_browser

pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, of tests/requirements.txt")

pytestmark = [needs_browser, pytest.mark.slow]

KINDS = ("audit", "study", "seeds", "running", "ledger")
LEDGER = Path(__file__).parents[2] / "docs" / "ledger" / "ledger.html"
# What a chart draws is an image with a text, whose colours tests/report/test_contrast.py looks at. Rows are alike.
AXE = """() => axe.run({exclude: ['.chart svg', '#problem-table tbody tr:nth-child(n+5)', 'tbody:nth-of-type(n+4)']},
  {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"""
DRAWN = "() => !document.querySelector('[data-chart]') || document.documentElement.dataset.charts === 'ready'"

# The focused element: what it is called, whether its focus can be seen, and whether it is a control.
FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const style = getComputedStyle(e);
  return {
    name: `${e.tagName} ${e.id} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 40)}`,
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    control: e.matches('a, button, input, select, summary'),
  };
}"""


@pytest.fixture(scope="module")
def pages(page: str, study_page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Kind -> the address of a page."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.6, 1.5, 60)
    seeds = [[Counts.of(16, rng.binomial(16, p)) for _ in range(3)] for p in (p_P, p_P**0.5, p_P**2, p_P**0.9)]
    found = audit(dict(zip(("base", "grpo", "sft", "dapo"), seeds, strict=True)), resamples=100)
    running = replace(lab.running(), others=())
    texts = {
        "audit": page,
        "study": study_page,
        "seeds": render_page(found, examples={}, prompts={}),
        "running": render_running(running, running_parts(running)),
        "ledger": LEDGER.read_text("utf-8"),
    }
    folder = tmp_path_factory.mktemp("pages")
    for kind, text in texts.items():
        (folder / f"{kind}.html").write_text(text, "utf-8", errors="replace")
    return {kind: (folder / f"{kind}.html").as_uri() for kind in KINDS}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(chromium: Any, address: str, *, dark: bool = False, width: int = 1280) -> Any:
    """The page, drawn. Its policy is passed by, so that scripts of a test can run."""
    scheme = "dark" if dark else "light"
    size = {"width": width, "height": 900}
    page = chromium.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(chromium: Any, pages: dict[str, str], kind: str, dark: bool) -> None:
    page = opened(chromium, pages[kind], dark=dark)
    page.evaluate("() => { for (const part of document.querySelectorAll('details')) part.open = true; }")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    violations = page.evaluate(AXE)["violations"]
    page.close()
    assert [(one["id"], node["html"][:200]) for one in violations for node in one["nodes"]] == []


def test_axe_would_find_something(chromium: Any, pages: dict[str, str]) -> None:
    page = opened(chromium, pages["seeds"])
    page.add_style_tag(content=":root { --muted: #c0c0c0 !important; }")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = {one["id"] for one in page.evaluate(AXE)["violations"]}
    page.close()
    assert "color-contrast" in found


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    chromium: Any, pages: dict[str, str], kind: str
) -> None:
    page = opened(chromium, pages[kind])
    controls = page.evaluate(
        "() => [...document.querySelectorAll('a, button, input, select, summary')]"
        ".filter((e) => e.checkVisibility() && !e.disabled).length"
    )
    found = []
    for _ in range(controls + 400):
        page.keyboard.press("Tab")
        page.wait_for_timeout(15)
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        found.append(focused)
    page.close()
    assert found[0]["name"].startswith("A  Skip to"), "the first is the link past what stands above"
    assert sum(one["control"] for one in found) >= controls
    assert [one["name"] for one in found if not one["ring"] and one["control"]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_print_is_dark_on_white_and_begins_each_section_on_a_page(
    chromium: Any, pages: dict[str, str], kind: str
) -> None:
    page = opened(chromium, pages[kind], dark=True)
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    breaks = page.evaluate(
        "() => [...document.querySelectorAll('main > section')].filter((e) => e.checkVisibility())"
        ".map((e) => getComputedStyle(e).breakBefore)"
    )
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.scroll')]"
        ".filter((e) => getComputedStyle(e).overflowX !== 'visible').length"
    )
    page.close()
    assert paper == "rgb(252, 252, 250)"
    assert breaks and set(breaks) == {"page"} and wide == 0
