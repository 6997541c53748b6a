"""The page of the ledger: what it says of a record, and that it escapes what a record holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgewise.claims.ledger.claim import Control, PlannedEffect, Prediction, PublishedNumber
from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry
from edgewise.claims.ledger.results import ClaimVerdict, MeasuredQuantity, RangeResult
from edgewise.core.errors import InputError
from edgewise.core.spec import plain
from edgewise.report.ledger.answer import ANSWER, answer_markdown
from edgewise.report.ledger.chart import claim_svg
from edgewise.report.ledger.overview import ledger_svg
from edgewise.report.ledger.page import (
    figure_name,
    ledger_html,
    ledger_markdown,
    page_name,
    record_markdown,
    write_ledger_page,
)
from edgewise.report.ledger.words import deciding_result

HOSTILE = "<script>alert(1)</script> | [x](javascript:1) ![y](http://z) `q` \"'</td>"


def record(text: str = "gain") -> ClaimRecord:
    """A record whose every text is `text`."""
    plan = PlannedEffect(effect=0.1, scatter=0.02, problems=9, problem_sd=0.1, residual_sd=0.1, source=text)
    result = RangeResult(
        quantity=text,
        above=0.05,
        below=None,
        value=0.123,
        low=0.06,
        high=0.2,
        confidence=0.95,
        p=0.004,
        outcome="shown",
    )
    quantity = MeasuredQuantity(
        name=text,
        unit="points",
        value=0.123,
        low=0.06,
        high=0.2,
        confidence=0.95,
        seeds=(0.1, None, 0.146),
        scatter=0.03,
        problems=9,
    )
    return ClaimRecord(
        claim=text,
        statement=text,
        work=text,
        section=text,
        published=(PublishedNumber(what=text, value=text, where=text, fault=text),),
        design=text,
        scouted=text,
        scale="nano",
        seeds=(0, 1, 2),
        planned_seeds=3,
        digest=text,
        predictions=(Prediction(quantity=text, above=0.05, why=text, plan=plan),),
        controls=(Control(kind="positive", quantity=text, above=0.05, meaning=text),),
        power={text: 0.87},
        verdict=ClaimVerdict(
            answer="holds",
            reason=text,
            concerns=(),
            predictions=(result,),
            controls=(result,),
            quantities=(quantity,),
            answer_by_answers="cannot tell",
            by_answers=(result.model_copy(update={"outcome": "open"}),),
            quantities_by_answers=(quantity.model_copy(update={"value": 0.456}),),
        ),
        notes=(f"Note of {text}.",),
        outputs={text: {text: text}},
        other_bits=(text,),
        machine=text,
        versions={text: text},
        hours=1.5,
        date=text,
    )


def test_a_claim_is_shown_with_all_that_decided_it() -> None:
    entry = LedgerEntry(record(), "")
    for page in (record_markdown(entry, ""), ledger_html([entry], {"gain.nano": ""})):
        for text in (
            "+12.3",
            "[+6.0, +20.0]",
            "+10.0, none, +14.6",
            "above +5.0",
            "0.004",
            "0.87",
            "+45.6",
            "Note of gain.",
        ):
            assert text in page, text
        for text in ("holds", "cannot tell", "edgewise claims verify gain --scale nano", "1 h 30 min"):
            assert text in page.lower(), text


@pytest.mark.parametrize(
    "reason", ["stale: the claim was changed after this was measured", "the claim is no longer there"]
)
def test_what_does_not_count_is_shown_as_such(reason: str) -> None:
    entry = LedgerEntry(record(), reason)
    assert f"| [gain](gain.nano.md) | nano | 3 | not counted ({reason}) | cannot tell |" in ledger_markdown([entry], {})
    for page, times in ((record_markdown(entry, ""), 1), (ledger_html([entry], {"gain.nano": ""}), 2)):
        assert page.count(f"not counted ({reason})") == times
        assert page.count("Not counted; the answer was: holds") == 1 and "Holds." not in page


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


def tags(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = _Tags()
    parser.feed(page)
    return [(tag, tuple(name for name, _ in attributes)) for tag, attributes in parser.tags]


def test_the_pages_escape_what_a_record_holds() -> None:
    hostile, harmless = record(HOSTILE), record()
    name = figure_name(hostile)
    assert re.fullmatch(r"[\w-][\w.-]*", name)
    html = ledger_html([LedgerEntry(hostile, "")], {name: ""})
    assert tags(html) == tags(ledger_html([LedgerEntry(harmless, "")], {"gain.nano": ""}))
    assert "script" not in {tag for tag, _ in tags(html)}
    [row] = [line for line in ledger_markdown([LedgerEntry(hostile, "")], {}).splitlines() if "script" in line]
    assert (
        row.count("](") - row.count("\\](") == 1 and f"]({page_name(hostile)}) | nano |" in row and "<script" not in row
    )
    markdown = record_markdown(LedgerEntry(hostile, ""), "")
    assert "<script" not in markdown
    assert "](" not in markdown.replace("\\](", "").replace("](README.md)", "")
    for line in markdown.splitlines():
        if line.startswith("| ") and not line.startswith("|---"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (6, 7, 9, 5), line


def test_the_chart_shows_what_was_expected_and_measured() -> None:
    svg = claim_svg(record())
    assert svg.startswith("<svg") and "1. prediction: gain" in svg and "2. control: gain" in svg
    nothing = plain(record())
    nothing["verdict"]["quantities"][0]["unit"] = "k"
    assert claim_svg(ClaimRecord.parse(nothing)) == ""


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("predictions", "verdict.predictions: must be results of the record's predictions"),
        ("by_answers", "verdict.by_answers: must have a result for each prediction"),
        ("quantities", "verdict.quantities: lacks 'gain'"),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_refused(place: str, message: str) -> None:
    data = plain(record())
    data["verdict"][place] = []
    with pytest.raises(ValueError, match=re.escape(message)):
        ClaimRecord.parse(data, "file")


def test_what_decided_a_claim_is_the_least_sure_or_the_surest_of_what_it_rests_on() -> None:
    def of(answer: str, *outcomes: tuple[str, float], control: str = "shown") -> str:
        data = plain(record())
        verdict, [prediction], [result] = data["verdict"], data["predictions"], data["verdict"]["predictions"]
        names = [f"{place}" for place in range(len(outcomes))]
        verdict["answer"] = answer
        verdict["predictions"] = [
            result | {"quantity": name, "outcome": outcome, "p": p}
            for name, (outcome, p) in zip(names, outcomes, strict=True)
        ]
        data["predictions"] = [prediction | {"quantity": name} for name in names]
        verdict["by_answers"] = verdict["predictions"]
        verdict["controls"][0]["outcome"] = control
        [quantity] = verdict["quantities"]
        verdict["quantities"] = [quantity, *(quantity | {"name": name} for name in names)]
        return deciding_result(ClaimRecord.parse(data)).quantity

    assert of("holds", ("shown", 0.001), ("shown", 0.02)) == "1"
    assert of("does not hold", ("contradicted", 0.02), ("shown", 0.0), ("contradicted", 0.001)) == "2"
    assert of("cannot tell", ("shown", 0.001), ("open", 0.2), ("open", 0.6)) == "2"
    assert of("cannot tell", ("shown", 0.001), ("open", 0.2), control="open") == "gain"


def test_the_chart_of_all_claims_has_each_with_its_answer_and_what_decided_it() -> None:
    svg = ledger_svg([LedgerEntry(record(), ""), LedgerEntry(record("other"), "stale: the claim was changed")])
    for text in ("gain", "other", "holds", "not counted"):
        assert f">{text}</text>" in svg, text
    assert ledger_svg([]) == ""


def answered(folder: Path, text: str, not_counted: str = "") -> str:
    (folder / ANSWER).write_text(text, encoding="utf-8")
    return answer_markdown(folder, [LedgerEntry(record(), not_counted)], page_name)


def test_the_answer_has_its_numbers_from_the_records(tmp_path: Path) -> None:
    assert answer_markdown(tmp_path, [], page_name) == ""
    text = answered(tmp_path, 'RL gains {{ measured("gain", "gain") }}, so {{ claim("gain", "holds") }}.')
    assert text == "RL gains +12.3 points [+6.0, +20.0; 3 x 9], so [gain](gain.nano.md) holds.\n"
    by_answers = answered(tmp_path, 'By answers: {{ measured("gain", "gain", by_answers=true) }}.')
    assert by_answers == "By answers: +45.6 points [+6.0, +20.0; 3 x 9].\n"


@pytest.mark.parametrize(
    ("text", "not_counted", "message"),
    [
        ('{{ claim("gain", "does not hold") }}', "", "gain is called 'does not hold', and its record says 'holds'"),
        ('{{ claim("gian", "holds") }}', "", "'gian' is unknown (did you mean gain?)"),
        ('{{ measured("gain", "gains") }}', "", "'gains' is unknown (did you mean gain?)"),
        ('{{ claim("gain", "holds") }}', "stale", "the record of gain does not count (stale)"),
        ("{{ claims }}", "", "'claims' is undefined"),
        ("{{ claim(", "", "unexpected"),
    ],
)
def test_an_answer_that_the_records_do_not_give_is_refused(
    tmp_path: Path, text: str, not_counted: str, message: str
) -> None:
    with pytest.raises(InputError) as refused:
        answered(tmp_path, text, not_counted)
    assert message in str(refused.value) and str(refused.value).startswith(str(tmp_path / ANSWER))


def test_the_folder_has_a_page_for_each_record_and_one_that_opens_with_the_answer(tmp_path: Path) -> None:
    (tmp_path / ANSWER).write_text('**Yes**, for {{ claim("gain", "holds") }}. <b>', encoding="utf-8")
    write_ledger_page([LedgerEntry(record(), "")], [], tmp_path)
    first = (tmp_path / "README.md").read_text()
    assert (
        first.index("**Yes**, for [gain](gain.nano.md) holds")
        < first.index("figures/claims.svg")
        < first.index("| [gain]")
    )
    assert (tmp_path / "gain.nano.md").read_text().startswith("# gain, nano: holds\n")
    html = (tmp_path / "ledger.html").read_text()
    assert '<strong>Yes</strong>, for <a href="#gain.nano">gain</a> holds. &lt;b&gt;' in html
