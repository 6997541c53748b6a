"""The answer that opens the ledger: prose whose every number and verdict is read from the records.

The text is a file of the folder of records, `answer.md.j2`: Markdown in which `{{ claim("headroom", "holds") }}` says
of a claim what its record must say, and `{{ measured("headroom", "pass@16 hard, ...") }}` is what was measured, with
its interval, training seeds and problems; with `by_answers=true` of answers alone. A text that says what the records do
not say is an error, so it cannot go stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from edgewise.core.errors import InputError, unknown_name
from edgewise.core.words import counted
from edgewise.report.ledger import words
from edgewise.report.markdown import escaped

if TYPE_CHECKING:
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry
    from edgewise.claims.ledger.results import ClaimAnswer

ANSWER = "answer.md.j2"
_TEXT = 400


def answer_markdown(folder: Path, entries: Sequence[LedgerEntry], place_of: Callable[[ClaimRecord], str]) -> str:
    """The answer of a folder of records as Markdown; an empty text where there is none.

    `place_of` gives the address of a record's part of the page. InputError names what the text says and no record that
    counts does, and where the text itself is at fault.
    """
    path = folder / ANSWER
    if not path.exists():
        return ""
    by_name = {entry.record.claim: entry for entry in entries}

    def record_of(name: str) -> ClaimRecord:
        if name not in by_name:
            raise unknown_name(f"{path}: record", name, by_name)
        if by_name[name].not_counted:
            raise InputError(f"{path}: the record of {name} does not count ({by_name[name].not_counted}); run it again")
        return by_name[name].record

    def claim(name: str, answer: ClaimAnswer) -> str:
        """The claim as a link with its answer, which must be that of its record."""
        record = record_of(name)
        if record.verdict.answer != answer:
            raise InputError(f"{path}: {name} is called {answer!r}, and its record says {record.verdict.answer!r}")
        return f"[{escaped(name, _TEXT)}]({place_of(record)}) {answer}"

    def measured(name: str, quantity: str, *, by_answers: bool = False) -> str:
        """What was measured of a quantity: its mean; in brackets its interval, then training seeds x problems."""
        verdict = record_of(name).verdict
        found = {one.name: one for one in (verdict.quantities_by_answers if by_answers else verdict.quantities)}
        if quantity not in found:
            raise unknown_name(f"{path}: {name}: quantity", quantity, found)
        one = found[quantity]
        unit = " points" if one.unit == "points" else ""
        of = counted(len(one.seeds), "seed") if one.problems is None else f"{len(one.seeds)} x {one.problems}"
        value, interval = words.value_text(one.value, one.unit), words.interval_text(one, one.unit)
        return f"{value}{unit} [{interval.strip('[]')}; {of}]"

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
        return template.render(claim=claim, measured=measured).strip() + "\n"
    except jinja2.TemplateError as error:
        raise InputError(f"{path}: {error}; see the texts of `edgewise.report.ledger.answer`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__})") from None
