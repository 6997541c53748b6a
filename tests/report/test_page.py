from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from edgewise.boundary import combine
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.measures.changes import CHANGES
from edgewise.boundary.measures.efficiency import EFFICIENCY
from edgewise.boundary.measures.expansion_rate import REDRAWN
from edgewise.boundary.measures.population import POPULATION
from edgewise.boundary.measures.registry import measures
from edgewise.boundary.measures.soundness import SOUND
from edgewise.boundary.measures.support import SUPPORT
from edgewise.boundary.measures.voting import DIVERSITY
from edgewise.boundary.verdict.labels import shown_label
from edgewise.boundary.verdict.policy import PolicyCheck
from edgewise.outcomes.example import MARKS, Example
from edgewise.report import formats
from edgewise.report.brief import churn, crossing, moved_problems, reported_passes, short_name, solved_cells
from edgewise.report.document import content_policy
from edgewise.report.page import page as page_module
from edgewise.report.page import problem_table
from edgewise.report.page.page import render_page
from tests.report import synthetic
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.reading import Reader, addresses
from tests.report.synthetic import BASE, EASY, HARD, MODELS, SAMPLES, SETS, SHARP, WIDE

SECTIONS = [
    *("verdict", "curves", "difference", "solved", "changes", "problems", "completions", "measures"),
    *("computed", "notes"),
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
    verdicts = {m: combine({one.name: v.parts[one.name]}) for m, v in found.verdicts.items()}
    counts = {m: found.counts_of(one.name, m) for m in MODELS}
    bare = replace(found, sets=(less,), verdicts=verdicts, counts=counts, concerns=())
    return render_page(bare, examples={}, prompts={})


@pytest.fixture(scope="module")
def tight(found: Audit) -> str:
    """The page where there is room for little text, with a concern that forbids a claim."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_table, "PROMPTS", 0)
        patch.setattr(page_module, "MOST_EXAMPLES", 1)
        warned = replace(found, concerns=(*found.concerns, FORBIDDING))
        return render_page(warned, examples=synthetic.examples(), prompts=synthetic.prompts())


NOT_IN_BARE = {"guessing", "sound", "majority_vote", "diversity", "best_scores", "backtest", "certificates", "redrawn"}


def section(page: str, name: str) -> str:
    start = page.index(f'<section id="{name}"')
    return page[start : page.index("</section>\n", start)]


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


def test_what_changes_a_claim_comes_first_then_labels_sentences_and_the_picture(found: Audit, page: str) -> None:
    places = [page.index(mark) for mark in ('<aside class="alerts"', '<ul class="answers">', '<div class="picture">')]
    assert places == sorted(places) and places[-1] < page.index("<main>")
    alerts = page[places[0] : page.index("</aside>")]
    for concern in found.concerns:
        assert (html.escape(concern.message).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in alerts) == (
            not concern.harmless
        )
    first = re.sub(r"\s+", " ", Reader(page[: page.index("</header>")]).text)
    for model, verdict in found.verdicts.items():
        ks = ", ".join(str(k) for k in dict.fromkeys(part.k for part in verdict.parts.values()))
        assert f"{shown_label(verdict.label, ks)} {model}" in first and verdict.sentence in first
        for part in verdict.parts.values():
            for delta in (part.delta_1, part.delta_k):
                assert f"{formats.points(delta.value)}{formats.points_interval(delta)}" in first
            assert f"n = {SAMPLES}" in first


def test_harmless_notes_stand_at_the_end(found: Audit, page: str) -> None:
    (note,) = [concern.message for concern in found.concerns if concern.harmless]
    assert page.count(note) == 1 and page.index(note) > page.index('<section id="notes"')


def test_no_sentence_stands_twice(page: str, study_page: str) -> None:
    for text in (page, study_page):
        reader = Reader(text)
        sentences = Counter(
            sentence
            for block in reader.blocks
            for sentence in re.split(r"(?<=[.?!])\s+", " ".join(block.split()))
            if len(sentence.split()) >= 6 and sentence[-1] in ".?!" and sentence[0].isalpha()
        )
        assert [sentence for sentence, times in sentences.items() if times > 1] == []


def test_every_rule_that_decided_is_told_once(found: Audit, text: str) -> None:
    for verdict in found.verdicts.values():
        for rule in (verdict.rule, *(part.rule for part in verdict.parts.values())):
            assert text.count(f"{rule[0].upper()}{rule[1:].rstrip('.')}.") == 1


def test_the_verdicts_of_levels_are_told(found: Audit, page: str) -> None:
    rows = re.findall(r'<tr data-level="([^"]*)">(.*?)</tr>', page, re.S)
    parts = [(scope.level, scope.verdicts[model]) for model in MODELS[1:] for one in found.sets for scope in one.levels]
    assert [level for level, _ in rows] == [str(level) for level, _ in parts]
    for (_, row), (_, part) in zip(rows, parts, strict=True):
        assert f'<span class="word">{shown_label(part.label, part.k)}</span>' in row
        assert f'<data value="{part.delta_k.value}">' in row


def test_a_number_at_the_k_of_the_claims_and_at_every_other(found: Audit, page: str) -> None:
    series = json.loads(Reader(page).scripts[2])
    cells = re.findall(
        r'<data data-series="(\d+)" value="([^"]+)">([^<]+)</data> <span class="ci">([^<]*)</span>', page
    )
    assert sorted(int(id) for id, _, _, _ in cells) == list(range(len(series)))
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
    solved = one.whole.verdicts[WIDE].solved
    tables = {name: section(page, name) for name in SECTIONS}
    for estimate in (solved.both, solved.tuned_only, solved.base_only, solved.neither, solved.floor):
        assert f'<data value="{estimate.value}">' in tables["solved"]
    part = one.whole.verdicts[WIDE]
    for estimate in (part.delta_1, part.delta_k, part.solved.excess_expansion, part.solved.excess_shrinkage):
        assert f'<data value="{estimate.value}">' in tables["verdict"]
    assert f"<td>{formats.percent(one.whole.rates[BASE].unscorable)}</td>" in tables["curves"]
    support = SUPPORT.result(one.comparisons[WIDE])
    changes = CHANGES.result(one.comparisons[WIDE])
    efficiency = EFFICIENCY.result(one.comparisons[SHARP])
    redrawn = REDRAWN.result(one.comparisons[WIDE])
    population = POPULATION.result(one.models[BASE])
    diversity = DIVERSITY.result(one.models[WIDE])
    sound = SOUND.result(one.models[WIDE])
    assert support and changes and efficiency and redrawn and population and diversity and sound
    for number in (
        *(support.measured.srr.value, support.unchanged.ndr.value, changes.up, changes.down, redrawn.excess.value),
        *(population.unreached.value, efficiency.delta_se.value, diversity.distinct.value, sound.corrected.value),
    ):
        assert f'<data value="{float(number)}">' in tables["measures"]


def test_every_registered_measure_has_its_folded_part(found: Audit, page: str, bare: str) -> None:
    names = re.findall(r'<details class="measure" id="measure-([^"]+)">', page)
    computed = {
        name
        for one in found.sets
        for r in (one.measures, *one.models.values(), *one.comparisons.values())
        for name in r
    }
    assert names == [name for name in measures() if name in computed]
    fewer = re.findall(r'<details class="measure" id="measure-([^"]+)">', bare)
    assert set(names) - set(fewer) == NOT_IN_BARE
    text = Reader(bare[bare.index("<h3>Not computed</h3>") :]).text
    assert DIVERSITY.missing in text and DIVERSITY.title in text


def test_every_table_of_numbers_tells_problems_and_confidence(page: str) -> None:
    for name in ("curves", "difference", "solved", "measures"):
        assert re.search(r"(problems|Problems)", section(page, name)), name
        assert re.search(r"[Ii]ntervals? at [\d.]+%|[\d.]+% intervals?", section(page, name)), name


def test_problems_reach_the_script_whole(found: Audit, page: str) -> None:
    data: dict[str, Any] = json.loads(Reader(page).scripts[1])
    assert (data["sets"], data["models"]) == (list(SETS), list(MODELS))
    rows = data["rows"]
    counts = found.counts[WIDE]
    by_id = dict(zip(counts.problem.tolist(), counts.c_P.tolist(), strict=True))
    assert {row[0]: row[3][2][0] for row in rows} == by_id
    changes = CHANGES.result(found.sets[1].comparisons[WIDE])
    assert changes is not None
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
    prompts, shortest = synthetic.prompts(), problem_table.SHORTEST_PROMPT
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
    assert re.findall(r'<section id="([^"]+)"', bare) == [s for s in SECTIONS if s not in ("completions", "notes")]
    assert 'id="choose-set"' not in bare and 'class="alerts"' not in bare
    assert json.loads(Reader(bare).scripts[1])["columns"] == ["id", "level"]
    assert len(json.loads(Reader(bare).scripts[1])["rows"][0]) == 5


def test_one_set_needs_no_words_about_sets(found: Audit, bare: str) -> None:
    header = bare[bare.index('<ul class="answers">') : bare.index("</ul>")]
    part = found.verdicts[SHARP].parts[SETS[0]]
    assert html.escape(part.sentence, quote=False) in header
    assert "over all sets" not in bare


def test_how_it_was_computed(page: str) -> None:
    text = Reader(page[page.index('<section id="computed"') :]).text
    for expected in ("edgewise audit 'x' & more", "numpy", "scipy", "resamples", "0.05", "boundary.json"):
        assert expected in text


def test_what_people_look_for_first_is_on_the_first_screen(found: Audit, page: str) -> None:
    first = re.sub(r"\s+", " ", Reader(page[: page.index("</header>")]).text)
    for model, verdict in found.verdicts.items():
        assert " ".join(churn(found, model, {"down": 3, "up": 1}, short_name).split()) in first
        for one in found.sets:
            for text in (
                solved_cells(verdict.parts[one.name].solved),
                reported_passes(found, one, model),
                crossing(one, model),
            ):
                assert text and " ".join(text.split()) in first


def test_problems_that_went_down_or_up_are_named_with_a_completion_of_each_arm(found: Audit) -> None:
    moved = [one for model in found.bases for one in moved_problems(found, model)]
    down = next(one for one in moved if one.way == "down")
    model = next(model for model in found.bases if down in moved_problems(found, model))
    examples = {
        name: [Example(name, down.problem.problem, f"{mark} of {place}", mark, mark) for mark in marks]
        for place, (name, marks) in enumerate(((BASE, MARKS.values()), (model, MARKS.values())))
    }
    page = render_page(found, examples=examples, prompts={})
    text = re.sub(r"\s+", " ", Reader(section(page, "changes")).text)
    for one in moved:
        assert re.sub(r"\s+", " ", one.problem.problem).strip() in text
        assert f"{one.problem.base_c}/{one.problem.base_n}" in text
    at = text.index(f"{down.problem.base_c}/{down.problem.base_n}")
    assert "correct of 0" in text[at:] and "wrong of 1" in text[at:]
    assert section(page, "changes").count("<tr data-set=") == len(moved)


def test_the_policy_stands_on_the_first_screen(found: Audit) -> None:
    checks = (
        PolicyCheck("not shrunk@16", WIDE, HARD, "fails", "shrunk @16 <b>"),
        PolicyCheck("surer", SHARP, EASY, "cannot tell", "so few"),
    )
    page = render_page(replace(found, policy=checks), examples={}, prompts={})
    first = re.sub(r"\s+", " ", Reader(page[: page.index("</header>")]).text)
    assert " ".join(f"fails not shrunk@16, {WIDE}, {HARD}: shrunk @16 <b>".split()) in first
    assert f"cannot tell surer, {SHARP}, {EASY}: so few" in first
