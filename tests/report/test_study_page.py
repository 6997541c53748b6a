from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.boundary.verdict.labels import shown_label
from edgewise.report import formats
from edgewise.report.document import content_policy
from edgewise.report.folder import write_report
from edgewise.study.measure import Findings
from tests.report import lab
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.lab import EDGE, MODELS, PROBLEMS, SAMPLES
from tests.report.reading import Reader, addresses


def test_nothing_is_fetched_from_anywhere(study_page: str) -> None:
    found = addresses(study_page)
    assert len(found) > 5
    assert [a for a in found if not a.startswith(("#", "data:"))] == []
    css = study_page[study_page.index("<style>") : study_page.index("</style>")]
    assert "url(" not in css and "@import" not in css
    assert "$schema" not in Reader(study_page).scripts[0]


def test_hostile_text_is_escaped_and_nowhere_raw(study_page: str) -> None:
    assert html.escape(SCRIPT) in study_page
    assert SCRIPT not in study_page and IMAGE not in study_page and "<!--" not in study_page
    reader = Reader(study_page)
    assert [tag for tag, _ in reader.tags if tag == "img"] == []
    assert len(reader.scripts) == 6
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)


def test_the_page_shows_hostile_text_as_it_is(study_page: str) -> None:
    """Escaped, not dropped: a reader sees what the model wrote."""
    assert Reader(study_page).text.count(HOSTILE) >= 3


def test_the_policy_allows_the_two_scripts_and_no_other(study_page: str) -> None:
    reader = Reader(study_page)
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy == content_policy(*reader.scripts[4:])
    assert "unsafe-eval" not in str(policy) and "script-src 'sha256-" in str(policy)


def test_every_verdict_is_told_in_full(findings: Findings, study_page: str) -> None:
    text = re.sub(r"\s+", " ", Reader(study_page).text)
    labels = {verdict.label for verdict in findings.audit.verdicts.values()}
    for verdict in findings.audit.verdicts.values():
        assert re.sub(r"\s+", " ", verdict.sentence) in text
        assert verdict.rule[1:] in text
        for part in verdict.parts.values():
            labels.add(part.label)
            assert part.rule in text
    assert len(labels) > 1
    evidence = study_page[study_page.index('id="verdict"') : study_page.index('id="curves"')]
    k = findings.audit.sets[0].whole.k
    for label in labels:
        assert f'<span class="badge {re.sub("[^a-z]+", "-", label)}">' in evidence
        assert f'<span class="word">{shown_label(label, k)}</span>' in evidence


def test_the_table_of_curves_holds_their_numbers(findings: Findings, study_page: str) -> None:
    rows = re.findall(r'<tr data-region="([^"]*)" data-model="([^"]*)">(.*?)</tr>', study_page, re.S)
    audit = findings.audit
    assert len(rows) == len(audit.sets) * len(audit.models)
    scopes = {one.name: one.whole for one in audit.sets}
    for region, place, row in rows:
        scope, model = scopes[html.unescape(region)], audit.models[int(place)]
        curves = [scope.curves[model][metric] for metric in ("process", "answer")]
        expected = [c.at(k) for c in curves for k in (1, scope.k)]
        cells = re.findall(r'<data (?:data-series="\d+" )?value="([^"]+)">([^<]+)</data> <span class="ci">([^<]+)', row)
        assert [float(value) for value, _, _ in cells] == [e.value for e in expected]
        assert [text for _, text, _ in cells] == [f"{100 * e.value:.1f}%" for e in expected]
        assert [ci for _, _, ci in cells] == [f"[{100 * e.low:.1f}, {100 * e.high:.1f}]" for e in expected]
        assert f"<td>{formats.percent(scope.rates[model].unscorable)}</td>" in row
        assert row.endswith(f"<td>{SAMPLES}</td><td>{2 * PROBLEMS}</td>")


def test_the_evidence_holds_the_verdicts_numbers(findings: Findings, study_page: str) -> None:
    rows = re.findall(r'<tr class="region" data-set="\d+" data-region="([^"]*)">(.*?)</tr>', study_page, re.S)
    parts = [(region, part) for v in findings.audit.verdicts.values() for region, part in v.parts.items()]
    assert [html.unescape(region) for region, _ in rows] == [region for region, _ in parts]
    for (_, shown), (_, part) in zip(rows, parts, strict=True):
        solved = part.solved
        estimates = [part.delta_1, part.delta_k, solved.excess_expansion, solved.excess_shrinkage]
        assert [float(v) for v in re.findall(r'<data value="([^"]+)">', shown)] == [e.value for e in estimates]
        assert f"<td>{part.k}</td><td>{part.n}</td><td>{part.problems}</td>" in shown
        assert f">{formats.points(part.delta_k.value)}</data>" in shown


def test_problems_reach_the_script_whole(findings: Findings, study_page: str) -> None:
    data: dict[str, Any] = json.loads(Reader(study_page).scripts[1])
    audit = findings.audit
    assert data["models"] == list(audit.models) and data["sets"] == [one.name for one in audit.sets]
    right = {row[0]: [c for c, _ in row[3]] for row in data["rows"]}
    columns = np.stack([audit.counts[model].c_P for model in audit.models], 1).tolist()
    assert right == dict(zip(audit.counts["base"].problem.tolist(), columns, strict=True))
    assert data["rows"][1][5] == findings.prompts[data["rows"][1][0]]


def test_long_text_is_bounded_with_a_note(study_page: str) -> None:
    assert "x" * 4_000 in study_page
    assert "x" * 4_001 not in study_page
    assert "The first wrong step lies beyond." in study_page
    assert "more characters not shown]" in study_page


def test_the_first_wrong_step_is_marked(study_page: str) -> None:
    marked = re.findall(r'<mark title="first wrong step">(.*?)</mark>', study_page)
    assert marked == [
        f" b = {html.escape(HOSTILE).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')} ",
        " answer 6",
    ]
    assert "Answer: answer is 3, not 6" in study_page


def test_how_it_was_made(study_page: str) -> None:
    text = Reader(study_page).text
    for shown in ("rl-0123456789abcdef", "1 h 7 min", "1.02 M", "54.2 GFLOP", "2.13.0", "edgewise run 'x' & more"):
        assert shown in text
    assert '"note": ' in text and "not recorded" in text


def test_stages_without_metrics(study_page: str) -> None:
    without = lab.render(lab.findings(metrics=False))
    assert 'id="training"' in study_page and 'data-chart="training' in study_page
    assert 'id="training"' not in without and 'data-chart="training' not in without


def test_a_study_leaves_all_that_an_audit_leaves(findings: Findings, tmp_path: Path) -> None:
    """A lone surrogate, which only untrusted text can hold, is replaced."""
    odd = dataclasses.replace(findings, question="lone \ud800 surrogate")
    page = write_report(odd.audit, tmp_path, examples=odd.examples, prompts=odd.prompts, study=odd)
    text = page.read_text("utf-8")
    assert "lone ? surrogate" in text and text.rstrip().endswith("</html>")
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "boundary.json", "figures", "tables"}
    written = json.loads((tmp_path / "boundary.json").read_text("utf-8"))
    assert [one["name"] for one in written["sets"]] == list(lab.REGIONS)
    rows = (tmp_path / "tables" / "problems.csv").read_text("utf-8").count("\n")
    assert rows >= 1 + sum(one.whole.problems for one in odd.audit.sets)


def test_arms_named_like_hostile_text_have_their_evidence(study_page: str) -> None:
    arms = [attrs["data-arm"] for _, attrs in Reader(study_page).tags if "data-arm" in attrs]
    assert arms == list(MODELS[1:]) and arms[0] == EDGE
