from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.inference.resampling import Estimate
from edgewise.report import formats
from edgewise.report.audit import page as audit_page
from edgewise.report.audit.lookups import counts_of
from edgewise.report.audit.page import render
from edgewise.report.document import content_policy
from tests.report.audit import synthetic
from tests.report.audit.synthetic import BASE, HARD, MODELS, SETS, SHARP, WIDE
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.reading import Reader, addresses

SECTIONS = [
    *("verdict", "curves", "difference", "solved", "changes", "problems", "completions", "certificates"),
    *("reliability", "population", "efficiency", "guessing", "soundness", "diversity", "rates", "computed"),
]
FORBIDDING = Concern("base and tuned come from one file", forbids=True, models=(WIDE,))


@pytest.fixture(scope="module")
def text(page: str) -> str:
    return re.sub(r"\s+", " ", Reader(page).text)


@pytest.fixture(scope="module")
def bare(found: Audit) -> str:
    """The page of one set of which little is known: no texts, levels, answers, scores or samples in order."""
    one = found.sets[0]
    nothing: dict[str, Any] = dict.fromkeys(("sound", "majority_vote", "diversity", "best_scores", "backtest"))
    less = replace(
        one,
        levels=(),
        measures={"guessing": None},
        models={
            m: {**measures, **nothing, "completions": replace(measures["completions"], tokens=None, entropy=None)}
            for m, measures in one.models.items()
        },
        comparisons={m: {**c, "certificates": None, "redrawn": None} for m, c in one.comparisons.items()},
    )
    verdicts = {m: replace(v, parts={one.name: v.parts[one.name]}) for m, v in found.verdicts.items()}
    counts = {m: counts_of(found, one, m) for m in MODELS}
    return render(replace(found, sets=(less,), verdicts=verdicts, counts=counts, concerns=()), examples={}, prompts={})


@pytest.fixture(scope="module")
def tight(found: Audit) -> str:
    """The page where there is room for little text, with a concern that forbids a claim."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_page, "PROMPTS", 0)
        patch.setattr(audit_page, "MOST_EXAMPLES", 1)
        warned = replace(found, concerns=(*found.concerns, FORBIDDING))
        return render(warned, examples=synthetic.examples(), prompts=synthetic.prompts())


def section(page: str, name: str) -> str:
    start = page.index(f'<section id="{name}"')
    return page[start : page.index("</section>\n\n", start) if name != "computed" else page.index("</main>")]


def shown(e: Estimate) -> str:
    return f"{formats.percent(e.value)} {formats.percent_interval(e)}"


def test_nothing_is_fetched_from_anywhere(page: str) -> None:
    found = addresses(page)
    assert len(found) > 10
    assert [a for a in found if not a.startswith(("#", "data:"))] == []
    css = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in css and "@import" not in css
    assert "$schema" not in Reader(page).scripts[0]


def test_hostile_text_is_escaped_and_nowhere_raw(page: str) -> None:
    assert html.escape(SCRIPT) in page
    assert SCRIPT not in page and IMAGE not in page and "<!--" not in page
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags if tag == "img"] == []
    assert len(reader.scripts) == 5
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert reader.text.count(HOSTILE) >= 3, "escaped, not dropped"


def test_the_policy_allows_the_two_scripts_and_no_other(page: str) -> None:
    reader = Reader(page)
    policy = next(attrs["content"] for _, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy == content_policy(*reader.scripts[3:])
    assert "unsafe-eval" not in str(policy) and "script-src 'sha256-" in str(policy)


def test_every_section_stands_and_is_linked(page: str) -> None:
    assert re.findall(r'<section id="([^"]+)"', page) == SECTIONS
    contents = page[page.index('<nav aria-label="Contents">') : page.index("</nav>")]
    assert re.findall(r'href="#([^"]+)"', contents) == SECTIONS


def test_the_verdict_comes_first_with_concerns_below_it(found: Audit, page: str, text: str) -> None:
    answers = page.index('<ul class="answers">')
    assert answers < page.index('<aside class="concerns"') < page.index("<main>")
    for verdict in found.verdicts.values():
        assert re.sub(r"\s+", " ", verdict.sentence) in text and verdict.rule in text
        for part in verdict.parts.values():
            assert re.sub(r"\s+", " ", part.sentence) in text and part.rule in text
    for concern in found.concerns:
        assert re.sub(r"\s+", " ", concern.message) in text


def test_a_concern_that_forbids_a_claim_comes_first(tight: str) -> None:
    concerns = tight[tight.index('<aside class="concerns"') : tight.index("</aside>")]
    assert concerns.index("No claim about wide") < concerns.index("12.5%")


def test_the_verdicts_of_levels_are_told(found: Audit, page: str) -> None:
    rows = re.findall(r'<tr data-level="([^"]*)">(.*?)</tr>', page, re.S)
    parts = [(scope.level, scope.verdicts[model]) for model in MODELS[1:] for one in found.sets for scope in one.levels]
    assert [level for level, _ in rows] == [str(level) for level, _ in parts]
    for (_, row), (_, part) in zip(rows, parts, strict=True):
        assert f'<span class="word">{part.label}</span>' in row
        assert f'<data value="{part.delta_k.value}">' in row


def test_a_number_at_the_k_of_the_claims_and_at_every_other(found: Audit, page: str) -> None:
    series = json.loads(Reader(page).scripts[2])
    cells = re.findall(
        r'<data data-series="(\d+)" value="([^"]+)">([^<]+)</data> <span class="ci">([^<]*)</span>', page
    )
    assert [int(id) for id, _, _, _ in cells] == list(range(len(series)))
    for id, _, value, interval in cells:
        told = series[int(id)]
        assert [html.unescape(value), interval] == told["at"][str(told["k"])]
    curve = found.sets[1].whole.curves[SHARP]["process"]
    expected = {
        str(k): [formats.percent(v), formats.percent_interval(Estimate(v, low, high))]
        for k, v, low, high in zip(
            *(c.tolist() for c in (curve.k_K, curve.value_K, curve.low_K, curve.high_K)), strict=True
        )
    }
    assert expected in [one["at"] for one in series]


def test_sections_hold_the_audits_numbers(found: Audit, page: str) -> None:
    one = found.sets[1]
    place = f'<div data-set="{found.sets.index(one)}">'
    tables = {name: section(page, name) for name in SECTIONS}
    support = one.comparisons[WIDE]["support"]
    assert f'<data value="{support.measured.srr.value}">' in tables["solved"]
    assert f'<data value="{support.unchanged.ndr.value}">' in tables["solved"]
    changes = one.comparisons[WIDE]["changes"]
    assert f'<td data-model="2">{changes.up}</td><td data-model="2">{changes.down}</td>' in tables["changes"]
    population = one.models[BASE]["population"]
    assert place in tables["population"] and f'<data value="{population.unreached.value}">' in tables["population"]
    efficiency = one.comparisons[SHARP]["efficiency"]
    assert f'<data value="{efficiency.delta_se.value}">' in tables["efficiency"]
    assert f"<td>{formats.percent(one.whole.rates[BASE].unscorable)}</td>" in tables["rates"]
    diversity = one.models[WIDE]["diversity"]
    assert diversity is not None and f'<data value="{diversity.distinct.value}">' in tables["diversity"]
    sound = one.models[WIDE]["sound"]
    assert sound is not None and f'<data value="{sound.corrected.value}">' in tables["soundness"]
    redrawn = one.comparisons[WIDE]["redrawn"]
    assert redrawn is not None and f'<data value="{redrawn.excess.value}">' in tables["certificates"]


def test_every_table_of_numbers_tells_problems_and_level(page: str) -> None:
    for name in ("curves", "difference", "solved", "certificates", "reliability", "population", "efficiency"):
        assert re.search(r"(problems|Problems)", section(page, name)), name
        assert re.search(r"intervals? at [\d.]+%", section(page, name)), name


def test_problems_reach_the_script_whole(found: Audit, page: str) -> None:
    data: dict[str, Any] = json.loads(Reader(page).scripts[1])
    assert (data["sets"], data["models"]) == (list(SETS), list(MODELS))
    rows = data["rows"]
    counts = found.counts[WIDE]
    by_id = dict(zip(counts.problem.tolist(), counts.c_P.tolist(), strict=True))
    assert {row[0]: row[3][2][0] for row in rows} == by_id
    changes = found.sets[1].comparisons[WIDE]["changes"]
    of_set = {row[0]: row[4][1] for row in rows if data["sets"][row[1]] == HARD}
    assert {id: q for id, (q, _) in of_set.items()} == dict(
        zip(changes.problem.tolist(), changes.q_P.tolist(), strict=True)
    )
    assert sum(way != "none" for _, way in of_set.values()) == changes.up + changes.down
    assert rows[1][5] == synthetic.prompts()[rows[1][0]]


def test_long_text_is_bounded_with_a_note(page: str) -> None:
    assert "x" * 3_000 in page and "x" * 4_001 not in page
    assert "The first wrong step lies beyond." in page
    assert "more characters not shown]" in page


def test_many_prompts_are_cut_to_a_budget(tight: str) -> None:
    data = json.loads(Reader(tight).scripts[1])
    prompts, shortest = synthetic.prompts(), audit_page.SHORTEST_PROMPT
    assert all(row[5][:shortest] == prompts[row[0]][:shortest] for row in data["rows"])
    assert all(row[5].endswith("more characters not shown]") for row in data["rows"])


def test_the_first_wrong_step_is_marked(page: str) -> None:
    marked = re.findall(r'<mark title="first wrong step">(.*?)</mark>', page)
    assert marked == [
        f" b = {html.escape(HOSTILE).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')} ",
        " answer 6",
    ]
    assert "Answer: answer is 3, not 6" in page


def test_only_so_many_completions_are_shown(tight: str) -> None:
    assert tight.count('<details class="level"') == 1
    assert "1 more problems have examples and are not shown" in tight


def test_what_is_not_known_is_left_out_or_said_in_a_line(bare: str) -> None:
    assert re.findall(r'<section id="([^"]+)"', bare) == [s for s in SECTIONS if s not in ("completions", "soundness")]
    assert "Needs what each sample answered, as text." in section(bare, "diversity")
    assert "number of possible answers" in section(bare, "guessing")
    assert "Certificates need at least 2 samples" in section(bare, "certificates")
    assert "maj@k needs the answers as text." in section(bare, "reliability")
    assert 'id="choose-set"' not in bare and "Read this first" not in bare
    assert json.loads(Reader(bare).scripts[1])["columns"] == ["id", "level"]
    assert len(json.loads(Reader(bare).scripts[1])["rows"][0]) == 5


def test_one_set_needs_no_sentence_about_sets(found: Audit, bare: str) -> None:
    header = bare[bare.index('<ul class="answers">') : bare.index("</ul>")]
    part = found.verdicts[SHARP].parts[SETS[0]]
    assert html.escape(part.sentence, quote=False) in header
    assert "over 2" not in bare


def test_how_it_was_computed(page: str) -> None:
    text = Reader(page[page.index('<section id="computed"') :]).text
    for expected in ("edgewise audit 'x' & more", "numpy", "scipy", "resamples", "0.05", "boundary.json"):
        assert expected in text
