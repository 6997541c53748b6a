"""Contrast of the page's colours, light and dark: WCAG 2.2 AA, 4.5 for text and 3 for what a chart draws."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.verdict.labels import LABELS
from edgewise.report.charts import MUTED, PALETTE
from edgewise.report.document import resource
from edgewise.report.figures import set_figures, verdict_figures
from edgewise.report.problem_charts import CELLS, DIRECTIONS
from edgewise.report.prose import BAD, BAR, CARE, GOOD

TEXT, DRAWN = 4.5, 3.0
GROUNDS = ("paper", "panel", "soft")
TERMINALS = ("#ffffff", "#1e1e1e", "#000000")

Color = tuple[float, float, float]


def color(text: str) -> Color:
    assert re.fullmatch("#[0-9a-f]{6}", text), text
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def mixed(above: Color, below: Color, share: float) -> Color:
    """What `color-mix(in srgb, above share, below)` is."""
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(above, below, strict=True))
    return red, green, blue


def contrast(one: Color, other: Color) -> float:
    """The ratio of their relative luminances, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(of: Color) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def scheme(name: str) -> dict[str, Color]:
    """The colours of the style: what dark does not name is as in light."""
    light, dark = re.findall(r":root \{(.*?)\}", resource("page/page.css"), re.S)[:2]
    text = light if name == "light" else light + dark
    return {key: color(value) for key, value in re.findall(r"--([\w-]+): (#[0-9a-f]+);", text)}


SCHEMES = pytest.mark.parametrize("name", ["light", "dark"])


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast(color("#000000"), color("#ffffff")) == pytest.approx(21)
    assert contrast(color("#777777"), color("#ffffff")) == pytest.approx(4.48, abs=0.005)
    assert scheme("light")["paper"] != scheme("dark")["paper"]


@SCHEMES
def test_text_can_be_read(name: str) -> None:
    colors = scheme(name)
    pairs = [(text, ground) for text in ("ink", "muted", "good", "wrong", "warn", "focus") for ground in GROUNDS]
    found = {pair: contrast(*(colors[part] for part in pair)) for pair in [*pairs, ("wrong", "wrong-paper")]}
    assert {pair: ratio for pair, ratio in found.items() if ratio < TEXT} == {}


@SCHEMES
def test_labels_can_be_read_alone_and_on_their_badge(name: str) -> None:
    colors = scheme(name)
    [share] = re.findall(r"color-mix\(in srgb, var\(--tone\) (\d+)%", resource("page/page.css"))
    for label, entry in LABELS.items():
        tone = color(entry.color if name == "light" else entry.dark_color)
        badge = mixed(tone, colors["paper"], int(share) / 100)
        assert min(contrast(tone, ground) for ground in (*(colors[g] for g in GROUNDS), badge)) >= TEXT, label


@SCHEMES
def test_what_is_drawn_can_be_seen(name: str) -> None:
    drawn = {MUTED, *PALETTE, *(color for _, color, _ in DIRECTIONS.values())}
    # What no model solves has next to no ink but the outline, which all bars have.
    drawn |= {color for key, (_, color) in CELLS.items() if key != "neither"}
    found = {one: contrast(color(one), scheme(name)["paper"]) for one in sorted(drawn)}
    assert {one: ratio for one, ratio in found.items() if ratio < DRAWN} == {}


def test_what_a_terminal_shows_can_be_read_on_both_grounds() -> None:
    """No colour reaches 4.5 on white and on near-black at once; bold text needs 3."""
    styles = [GOOD, BAD, CARE, BAR, *(entry.style for entry in LABELS.values() if "#" in entry.style)]
    found = {(style, ground): contrast(color(style[-7:]), color(ground)) for style in styles for ground in TERMINALS}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 3.9} == {}
    assert {entry.style.partition("#")[0] for entry in LABELS.values()} == {"bold", "bold "}, "no colour has a name"


def test_text_in_a_chart_has_the_colours_of_the_page(found: Audit) -> None:
    assert not re.search("#[0-9a-f]{3}", resource("page/charts.js"))
    figures = [*verdict_figures(found).values(), *set_figures(found, found.sets[0], "0").values()]
    texts = [mark for figure in figures for mark in marks(figure.chart) if mark["type"] == "text"]
    assert texts and not any({"color", "fill", "opacity"} & set(mark) for mark in texts)


def marks(chart: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (layer["mark"] for layer in chart["layer"])


def test_every_chart_says_its_numbers_in_words(found: Audit) -> None:
    for problem_set in found.sets:
        for name, figure in set_figures(found, problem_set, "0").items():
            words = figure.chart["description"]
            assert re.search(r": .*\d", words) and words.endswith("."), name
    scope = found.sets[0].whole
    curve = scope.curves[found.models[0]][found.metric]
    words = set_figures(found, found.sets[0], "0")["curves"].chart["description"]
    for k in (1, scope.k):
        assert f"{100 * curve.at(k).value:.1f}%" in words and f"at k = {k}" in words
    assert all(f"{model}: " in words for model in found.models)
