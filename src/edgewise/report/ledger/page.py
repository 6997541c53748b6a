"""The ledger as Markdown pages, as one HTML page that works offline, as JSON, and its figures; from records alone.

README.md opens with the answer, where the folder has one, and the figure of all claims; each record has a page of its
own. What stands in a record may come from elsewhere, so all of its text is escaped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from edgewise.core.words import counted
from edgewise.report import document, formats
from edgewise.report.excerpts import bounded
from edgewise.report.ledger import words
from edgewise.report.ledger.answer import answer_markdown
from edgewise.report.ledger.chart import claim_svg
from edgewise.report.ledger.overview import ledger_svg
from edgewise.report.markdown import escaped

if TYPE_CHECKING:
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry

PAGE, HTML, DATA, FIGURES, ALL_CLAIMS = "README.md", "ledger.html", "ledger.json", "figures", "claims"
# Characters of a text of a record.
_TEXT = 2_000

_HOW_TO_READ = """## The claims

Each is a pre-registered study. Its predictions, controls, rule and number of training seeds were written before it was
run, and are covered by its digest; a record of another digest is stale and does not count. The unit is the training
seed. Intervals are over new problems and new training seeds; those of predictions are corrected for their number
(Holm). *Shown*: the interval lies in the predicted range; *contradicted*: outside; *open*: neither. Where a control is
not shown, the claim cannot tell. Written by `edgewise claims ledger`.
"""
_DECIDED = (
    "What decided each claim, with its interval. Of a claim that holds it is the prediction nearest to being open, of"
    " one that does not the surest contradiction, of one that cannot tell the control or prediction that is not shown."
)


def write_ledger_page(entries: Sequence[LedgerEntry], content: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write README.md, a page and a figure for each record, ledger.html and ledger.json.

    `content` is what ledger.json holds. InputError names what cannot be written, and what the folder's answer says and
    the records do not.
    """
    figures = {figure_name(entry.record): claim_svg(entry.record) for entry in entries}
    figures[ALL_CLAIMS] = ledger_svg(entries)
    answer = answer_markdown(folder, entries, page_name)
    of_html = answer_markdown(folder, entries, lambda record: f"#{figure_name(record)}")
    for name, svg in figures.items():
        if svg:
            document.write(svg, folder / FIGURES / f"{name}.svg")
    document.write(ledger_markdown(entries, figures, answer), folder / PAGE)
    for entry in entries:
        page = record_markdown(entry, figures[figure_name(entry.record)])
        document.write(page, folder / page_name(entry.record))
    document.write(ledger_html(entries, figures, of_html), folder / HTML)
    document.write(json.dumps(content, indent=2, allow_nan=False) + "\n", folder / DATA)


def ledger_markdown(entries: Sequence[LedgerEntry], figures: dict[str, str], answer: str = "") -> str:
    """The first page as Markdown: the answer, the figure of all claims, and a row for each record.

    `figures` has the SVG of each record by its name, and that of all.
    """
    lines = ["# The ledger\n", *([answer] if answer else [])]
    if figures.get(ALL_CLAIMS):
        lines += [f"![{_DECIDED}]({FIGURES}/{ALL_CLAIMS}.svg)", "", _DECIDED, ""]
    lines += [_HOW_TO_READ, "| claim | scale | seeds | answer | by answers alone |", "|---|---|---|---|---|"]
    for entry in entries:
        record = entry.record
        cells = (record.scale, str(len(record.seeds)), words.state_text(entry), record.verdict.answer_by_answers)
        lines.append(f"| [{_text(record.claim)}]({page_name(record)}) {_row(*cells)}")
    if not entries:
        lines.append("\nNo claim was run.")
    return "\n".join(lines).rstrip() + "\n"


def record_markdown(entry: LedgerEntry, svg: str) -> str:
    """The page of a record as Markdown; `svg` is its figure, empty where it has none."""
    return "\n".join(_claim(entry, svg)).rstrip() + "\n"


def ledger_html(entries: Sequence[LedgerEntry], figures: dict[str, str], answer: str = "") -> str:
    """The page as HTML without a script: the answer, which is Markdown, and every record; figures stand in it."""
    images = {
        name: "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
        for name, svg in figures.items()
        if svg
    }
    return document.render(
        "ledger/ledger.html.j2",
        style="page/page.css",
        scripts=(),
        entries=[(entry, entry.record, entry.record.verdict) for entry in entries],
        images=images,
        all_claims=ALL_CLAIMS,
        answer=Markup(MarkdownIt("commonmark", {"html": False}).render(answer)),
        decided=_DECIDED,
        deciding=_deciding(entries),
        name_of=figure_name,
        words=words,
        formats=formats,
        twins=_twins,
        by_answers=_by_answers,
    )


def _claim(entry: LedgerEntry, svg: str) -> Iterator[str]:
    record, verdict = entry.record, entry.record.verdict
    yield f"# {_text(record.claim)}, {_text(record.scale)}: {_text(words.state_text(entry))}"
    yield "\nA claim of [the ledger](README.md), which says how to read it."
    yield f"\n> {_text(record.statement)}\n"
    yield f"{_text(record.work)}; {_text(record.section)}.\n"
    yield f"**{words.answer_text(entry)}.** {_text(verdict.reason)}"
    yield f"By answers alone: {verdict.answer_by_answers}.\n"
    yield from (f"Note. {_text(note)}\n" for note in record.notes)
    if svg:
        yield f"![predictions and controls]({FIGURES}/{figure_name(record)}.svg)\n"
    yield "| predicted before the run | because | measured | interval | p | | power | by answers |"
    yield "|---|---|---|---|---|---|---|---|"
    answers = _by_answers(record)
    for place, (prediction, result) in enumerate(zip(record.predictions, verdict.predictions, strict=True)):
        unit = words.unit_of(record, result.quantity)
        p = "" if result.p is None else formats.p_value(result.p)
        interval = f"{words.interval_text(result, unit)} at {formats.confidence(result.confidence)}"
        power = f"{record.power.get(result.quantity, 0.0):.2f}"
        expected = f"{result.quantity}: {words.range_text(result, unit)}"
        measured = words.value_text(result.value, unit)
        yield _row(expected, prediction.why, measured, interval, p, result.outcome, power, answers[place])
    yield "\n| control | must be | measured | 95% interval | | if it is not |"
    yield "|---|---|---|---|---|---|"
    for control, result in zip(record.controls, verdict.controls, strict=True):
        unit = words.unit_of(record, result.quantity)
        value, interval = words.value_text(result.value, unit), words.interval_text(result, unit)
        expected = words.range_text(result, unit)
        yield _row(f"{control.kind}: {result.quantity}", expected, value, interval, result.outcome, control.meaning)
    yield "\n| published | value | where | what is wrong with it |"
    yield "|---|---|---|---|"
    for number in record.published:
        yield _row(number.what, number.value, number.where, number.fault)
    yield f"\n<details><summary>Every quantity, {counted(len(record.seeds), 'training seed')}</summary>\n"
    yield "| quantity | mean | 95% interval | each seed | problems | by answers |"
    yield "|---|---|---|---|---|---|"
    twins = _twins(record)
    for one in verdict.quantities:
        value, interval = words.value_text(one.value, one.unit), words.interval_text(one, one.unit)
        problems = "" if one.problems is None else str(one.problems)
        yield _row(one.name, value, interval, words.each_seed_text(one), problems, twins[one.name])
    yield "\n</details>\n"
    yield f"Design. {_text(record.design)}\n"
    yield f"Tried before. {_text(record.scouted)}\n"
    yield f"Digest `{_text(record.digest)}`. {_text(words.sources_text(record))}"
    yield f"Verify: `{_text(words.command_text(record))}`"


def _deciding(entries: Sequence[LedgerEntry]) -> str:
    """What the figure of all claims shows, in words."""
    texts = []
    for entry in entries:
        result = words.deciding_result(entry.record)
        unit = words.unit_of(entry.record, result.quantity)
        numbers = f"{words.value_text(result.value, unit)} {words.interval_text(result, unit)}".strip()
        texts.append(f"{entry.record.claim}, {words.state_text(entry)}: {result.quantity} {numbers}")
    return bounded("; ".join(texts), _TEXT)


def _by_answers(record: ClaimRecord) -> list[str]:
    """What each prediction would have come to by answers."""
    return [
        f"{words.value_text(result.value, words.unit_of(record, result.quantity))}, {result.outcome}"
        for result in record.verdict.by_answers
    ]


def _twins(record: ClaimRecord) -> dict[str, str]:
    """Quantity -> its value by answers; empty where it is of answers already."""
    values = {one.name: words.value_text(one.value, one.unit) for one in record.verdict.quantities_by_answers}
    return {one.name: values.get(one.name, "") for one in record.verdict.quantities}


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _text(text: str) -> str:
    return escaped(text, _TEXT)


def figure_name(record: ClaimRecord) -> str:
    """What the figure of a record is called: nothing that leaves its folder."""
    return "".join(c if c.isalnum() or c in "-." else "-" for c in f"{record.claim}.{record.scale}").lstrip(".")


def page_name(record: ClaimRecord) -> str:
    """What the page of a record is called."""
    return f"{figure_name(record)}.md"
