from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path
from typing import Any

from edgewise.report.document import content_policy
from edgewise.report.study.page import render, write_page
from edgewise.report.study.tables import at, claim_k, curve_of
from edgewise.study.measure import Findings
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.reading import Reader, addresses
from tests.report.study import synthetic
from tests.report.study.synthetic import EDGE


def test_nothing_is_fetched_from_anywhere(page: str) -> None:
    found = addresses(page)
    assert len(found) > 5
    assert [a for a in found if not a.startswith(("#", "data:"))] == []
    css = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in css and "@import" not in css
    assert "$schema" not in Reader(page).scripts[0]


def test_hostile_text_is_escaped_and_nowhere_raw(page: str) -> None:
    assert html.escape(SCRIPT) in page
    assert SCRIPT not in page and IMAGE not in page and "<!--" not in page
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags if tag == "img"] == []
    assert len(reader.scripts) == 4
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)


def test_the_page_shows_hostile_text_as_it_is(page: str) -> None:
    """Escaped, not dropped: a reader sees what the model wrote."""
    assert Reader(page).text.count(HOSTILE) >= 3


def test_the_policy_allows_the_two_scripts_and_no_other(page: str) -> None:
    reader = Reader(page)
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy == content_policy(*reader.scripts[2:])
    assert "unsafe-eval" not in str(policy) and "script-src 'sha256-" in str(policy)


def test_every_verdict_is_told_in_full(found: Findings, page: str) -> None:
    text = re.sub(r"\s+", " ", Reader(page).text)
    labels = {verdict.label for verdict in found.verdicts.values()}
    for verdict in found.verdicts.values():
        assert re.sub(r"\s+", " ", verdict.sentence) in text
        assert verdict.rule in text
        for part in verdict.parts.values():
            labels.add(part.label)
            assert part.sentence in text
            assert part.rule in text
    assert len(labels) > 1
    cards = page[page.index('id="verdicts"') : page.index('id="reading"')]
    for label in labels:
        badge = f'<span class="badge {label.replace(" ", "-")}">'
        assert badge in cards
        assert f'<span class="word">{label}</span>' in cards


def test_the_summary_holds_the_curves_numbers(found: Findings, page: str) -> None:
    rows = re.findall(r'<tr data-region="([^"]*)" data-model="([^"]*)">(.*?)</tr>', page, re.S)
    assert len(rows) == len(found.regions) * len(found.models)
    for region, model, row in rows:
        region, model = html.unescape(region), html.unescape(model)
        k = claim_k(found, region)
        expected = [
            at(curve_of(found, model, metric, region), which) for which in (1, k) for metric in ("process", "answer")
        ]
        cells = re.findall(r'<data value="([^"]+)">([^<]+)</data> <span class="ci">([^<]+)</span>', row)
        assert [float(value) for value, _, _ in cells] == [e.value for e in expected]
        assert [text for _, text, _ in cells] == [f"{100 * e.value:.1f}%" for e in expected]
        assert [ci for _, _, ci in cells] == [f"[{100 * e.low:.1f}, {100 * e.high:.1f}]" for e in expected]
        rates = found.rates[model][region]
        tail = [synthetic.SAMPLES, 2 * synthetic.PROBLEMS, f"{100 * rates.unscorable:.1f}%"]
        assert [f"<td>{value}</td>" in row for value in (k, *tail)] == [True] * 4


def test_a_card_holds_its_verdicts_numbers(found: Findings, page: str) -> None:
    sections = re.findall(r'<section class="region" data-region="([^"]*)">(.*?)</section>', page, re.S)
    parts = [(region, part) for v in found.verdicts.values() for region, part in v.parts.items()]
    assert [html.unescape(region) for region, _ in sections] == [region for region, _ in parts]
    for (_, shown), (_, part) in zip(sections, parts, strict=True):
        solved = part.solved
        estimates = [part.delta_1, part.delta_k, solved.both, solved.tuned_only, solved.base_only, solved.neither]
        estimates += [solved.floor, solved.excess_expansion, solved.excess_shrinkage]
        assert [float(v) for v in re.findall(r'<data value="([^"]+)">', shown)] == [e.value for e in estimates]
        assert f"k = {part.k}, n = {part.n} samples at least, {part.problems} problems" in shown
        signed = "0.0" if part.delta_k.value == 0 else f"{100 * part.delta_k.value:+.1f}"
        assert f">{signed}</data>" in shown


def test_problems_reach_the_script_whole(found: Findings, page: str) -> None:
    data: dict[str, Any] = json.loads(Reader(page).scripts[1])
    assert data["models"] == list(found.models)
    assert [row["process"] for row in data["rows"]] == [[p.process[m] for m in found.models] for p in found.problems]
    assert data["rows"][1]["prompt"] == found.problems[1].prompt


def test_long_text_is_bounded_with_a_note(page: str) -> None:
    assert "x" * 4_000 in page
    assert "x" * 4_001 not in page
    assert "The first wrong step lies beyond." in page
    assert "more characters not shown]" in page


def test_the_first_wrong_step_is_marked(page: str) -> None:
    marked = re.findall(r'<mark title="first wrong step">(.*?)</mark>', page)
    assert marked == [
        f" b = {html.escape(HOSTILE).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')} ",
        " answer 6",
    ]
    assert "Answer: answer is 3, not 6" in page


def test_how_it_was_made(page: str) -> None:
    text = Reader(page).text
    for shown in ("rl-0123456789abcdef", "1 h 7 min", "1.02 M", "54.2 GFLOP", "2.13.0", "edgewise run 'x' & more"):
        assert shown in text
    assert '"note": ' in text and "not recorded" in text


def test_stages_without_metrics(page: str) -> None:
    without = render(synthetic.findings(metrics=False))
    assert 'id="training"' in page and 'data-chart="training' in page
    assert 'id="training"' not in without and 'data-chart="training' not in without


def test_a_lone_surrogate_is_replaced(found: Findings, tmp_path: Path) -> None:
    write_page(dataclasses.replace(found, question="lone \ud800 surrogate", levels=()), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "lone ? surrogate" in text and text.rstrip().endswith("</html>")


def test_arms_named_like_hostile_text_have_their_cards(page: str) -> None:
    arms = [attrs["data-arm"] for _, attrs in Reader(page).tags if "data-arm" in attrs]
    assert arms[0] == EDGE
