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
# All rules that axe has on. What a chart draws is an image with a text, whose colours tests/report/test_contrast.py
# looks at. The rows of problems are made by one function: four of them stand for all.
LEFT_OUT = "['.chart svg', '#problem-table tbody tr:nth-child(n+5)']"
AXE = f"() => axe.run({{exclude: {LEFT_OUT}}}, {{resultTypes: ['violations']}})"
SIZES = pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
DRAWN = "() => !document.querySelector('[data-chart]') || document.documentElement.dataset.charts === 'ready'"

# The focused element: what it is called, whether it is in sight and its focus shown, and whether it is a control. The
# middle of a control is in the window and nothing stands before it; of a region, which may be larger, some part.
FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const [style, box] = [getComputedStyle(e), e.getClientRects()[0]];
  const control = e.matches('a, button, input, select, summary');
  const part = control ? box : {
    left: Math.max(box.left, 0), top: Math.max(box.top, 0),
    right: Math.min(box.right, innerWidth), bottom: Math.min(box.bottom, innerHeight),
  };
  const at = (x, y) => document.elementFromPoint(
    part.left + x * (part.right - part.left), part.top + y * (part.bottom - part.top));
  const places = control ? [0.5] : [0.1, 0.5, 0.9];
  return {
    name: `${e.tagName} ${e.id} ${e.getAttribute('aria-label') ?? e.textContent.slice(0, 40)}`,
    seen: places.some((x) => places.some((y) => e.contains(at(x, y)))),
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    control,
  };
}"""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


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
    """The page, drawn, without smooth scrolling. Its policy is passed by, so that scripts of a test can run."""
    scheme = "dark" if dark else "light"
    size = {"width": width, "height": 900}
    page = chromium.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_function(DRAWN)
    return page


def violations(page: Any) -> list[tuple[str, str]]:
    """What axe finds, every folded part open: the rule and the element."""
    page.evaluate("() => { for (const part of document.querySelectorAll('details')) part.open = true; }")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    return [(one["id"], node["html"][:200]) for one in page.evaluate(AXE)["violations"] for node in one["nodes"]]


def reached(page: Any, key: str = "Tab") -> list[dict[str, Any]]:
    """What the key moves the focus to, in order, until it leaves the page."""
    found: list[dict[str, Any]] = []
    for _ in range(2_000):
        page.keyboard.press(key)
        page.evaluate(FRAMES)  # what has the focus is scrolled into sight with the next frame
        focused = page.evaluate(FOCUSED)
        if focused is None:
            return found
        found.append(focused)
    pytest.fail("the focus never leaves the page")


@SIZES
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(chromium: Any, pages: dict[str, str], kind: str, dark: bool, width: int) -> None:
    page = opened(chromium, pages[kind], dark=dark, width=width)
    found = violations(page)
    page.close()
    assert found == []


# Each fault is of another kind: of a colour, of a chart's text, and of what is good practice and no criterion.
FAULTS = {
    "color-contrast": "document.documentElement.style.setProperty('--muted', '#c0c0c0')",
    "role-img-alt": "document.querySelector('.picture .chart').removeAttribute('aria-label')",
    "landmark-unique": "for (const part of document.querySelectorAll('#curves .scroll, #solved .scroll'))"
    " part.setAttribute('aria-label', 'Table')",
    "region": "document.body.insertAdjacentHTML('beforeend', '<p>Text outside of every landmark</p>')",
}


def test_axe_finds_faults_of_each_kind(chromium: Any, pages: dict[str, str]) -> None:
    page = opened(chromium, pages["seeds"])
    page.evaluate(f"() => {{ {'; '.join(FAULTS.values())} }}")
    found = violations(page)
    page.close()
    assert {rule for rule, _ in found} == set(FAULTS)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    chromium: Any, pages: dict[str, str], kind: str, width: int
) -> None:
    page = opened(chromium, pages[kind], width=width)
    controls = page.evaluate(
        "() => [...document.querySelectorAll('a, button, input, select, summary')]"
        ".filter((e) => e.checkVisibility() && !e.disabled).length"
    )
    found = reached(page)
    backward = reached(page, "Shift+Tab")
    page.close()
    assert found[0]["name"].startswith("A  Skip to"), "the first is the link past what stands above"
    assert sum(one["control"] for one in found) >= controls
    assert len(backward) >= len(found)
    assert [one["name"] for one in found + backward if not one["ring"]] == []
    assert [one["name"] for one in found + backward if not one["seen"]] == []


def test_a_focus_that_something_covers_is_not_in_sight(chromium: Any, pages: dict[str, str]) -> None:
    page = opened(chromium, pages["running"])
    page.add_style_tag(content="body::after { content: ''; position: fixed; inset: 0 0 50% 0; z-index: 9; }")
    found = reached(page)
    page.close()
    assert {one["seen"] for one in found} == {True, False}


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
