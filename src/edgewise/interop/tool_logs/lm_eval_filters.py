"""Which lines of an lm-evaluation-harness log are read, where it has a line for each of several filters.

A filter makes answers of the responses to a document. One that votes over several responses gives an answer that is no
sample of the model; such filters are passed over. Of the others one that keeps every response comes before one that
keeps fewer, a name with "strict" before others, then the first of the alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.records import Record, records
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable

_VOTE = re.compile(r"(^|[^a-z])(maj|majority|vote|voting|cons|consensus|best)([^a-z]|$)", re.IGNORECASE)
# A filter that keeps the first response has an answer that is in its text; of a vote, often only other texts have it.
_OFTEN = 0.1


@dataclass(frozen=True)
class ChosenFilter:
    """The lines that are read: those of the filter `name`; without a name, line `line` of each document, or all."""

    name: str | None = None
    line: int | None = None

    def lines(self, rows: Iterable[Record]) -> Iterator[Record]:
        """The records that are read."""
        seen: dict[Any, int] = {}
        for record in rows:
            if self.line is not None:
                document = _key(record.fields["doc_id"])
                seen[document] = seen.get(document, 0) + 1
                if seen[document] != self.line:
                    continue
            if record.fields.get("filter") == self.name:
                yield record


def choose_filter(path: Path, metric: str, wanted: str | None, table: RolloutTable) -> ChosenFilter:
    """The lines that are read of a log: those of the filter `wanted`, else as the module says.

    Raises InputError where the filter is not there or votes, where all vote, or where the log has lines of several
    filters that disagree and names none of them.
    """
    kept = _kept_responses(path)
    if set(kept) == {None}:
        return _unnamed(path, metric, wanted, table)
    names = {name or "": of_filter for name, of_filter in kept.items()}
    votes = sorted(name for name, of_filter in names.items() if of_filter.is_vote(name))
    others = sorted(set(names) - set(votes), key=lambda name: (names[name].fewer > 0, "strict" not in name, name))
    if wanted is not None and wanted not in names:
        raise InputError(f"{path}: filter: no {quote(wanted)}; there are {name_list(sorted(names))}")
    if wanted in votes or not others:
        what = f"{quote(wanted or votes[0])} votes over several responses, and a vote is no sample of the model"
        raise InputError(f"{path}: filter: {what}; {f'name {others[0]}' if others else 'log the responses one by one'}")
    chosen = others[0] if wanted is None else wanted
    if votes:
        table.note(f"votes over several responses are no samples and are passed over: {name_list(votes)}")
    if wanted is None and len(others) > 1:
        listed, another = name_list(sorted(others)), others[1]
        table.warn(f"of the filters {listed} only {quote(chosen)} is read: --filter {another} takes another")
    return ChosenFilter(chosen or None)


def first_request(record: dict[str, Any], where: str) -> tuple[list[Any], list[Any]] | None:
    """The responses to a document and the answers that the filter kept of them.

    None where its requests are the choices of a question. Raises InputError where the line is not whole.
    """
    raw, filtered = record["resps"], record["filtered_resps"]
    if not isinstance(raw, list) or not isinstance(filtered, list) or not raw or len(filtered) != len(raw):
        raise InputError(f"{where}: resps, filtered_resps: not lists of one length; is this file whole?")
    responses = raw[0] if isinstance(raw[0], list) else [raw[0]]
    # A log-likelihood is a pair: the number, and whether the text is what greedy decoding writes.
    if len(raw) > 1 or (responses and isinstance(responses[0], list)):
        return None
    return responses, filtered[0] if isinstance(filtered[0], list) else [filtered[0]]


@dataclass
class _Kept:
    """What one filter kept: of how many documents several responses, fewer than all, and not the first."""

    several: int = 0
    fewer: int = 0
    not_first: int = 0

    def add(self, responses: list[Any], answers: list[Any]) -> None:
        """Count one document."""
        self.several += len(responses) > 1
        self.fewer += len(answers) < len(responses)
        if len(answers) == 1 < len(responses) and isinstance(answers[0], str) and answers[0]:
            has_answer = [answers[0] in str(response) for response in responses]
            self.not_first += any(has_answer) and not has_answer[0]

    def is_vote(self, name: str) -> bool:
        """Whether the filter chooses among the responses."""
        return bool(self.fewer and _VOTE.search(name)) or self.not_first > _OFTEN * max(self.several, 1)


def _kept_responses(path: Path) -> dict[str | None, _Kept]:
    kept: dict[str | None, _Kept] = {}
    for noun, number, record, _ in records(path):
        where = f"{path}: {noun} {number}"
        name = record.get("filter")
        if name is not None and not isinstance(name, str):
            raise InputError(f"{where}: filter: {quote(name)}; a filter is a name")
        of_filter = kept.setdefault(name, _Kept())
        if (request := first_request(record, where)) is not None:
            of_filter.add(*request)
    return kept


def _unnamed(path: Path, metric: str, wanted: str | None, table: RolloutTable) -> ChosenFilter:
    """The lines of a log without names of filters: where documents have several lines of the same responses, one."""
    responses: dict[Any, list[int]] = {}
    verdicts: dict[Any, list[str]] = {}
    for record in records(path):
        document = _key(record.fields["doc_id"])
        responses.setdefault(document, []).append(hash(repr(record.fields["resps"])))
        verdicts.setdefault(document, []).append(repr(record.fields.get(metric)))
    lines = max(map(len, responses.values()), default=1)
    if lines == 1 or any(len(set(of_document)) > 1 for of_document in responses.values()):
        if wanted is not None:
            raise InputError(f"{path}: filter: no {quote(wanted)}; the log names no filter")
        return ChosenFilter()
    numbers = [str(number) for number in range(1, lines + 1)]
    if wanted is not None and wanted not in numbers:
        raise InputError(
            f"{path}: filter: no {quote(wanted)}; the log names none, their lines are {name_list(numbers)}"
        )
    different = sum(len(set(of_document)) > 1 for of_document in verdicts.values())
    if different and wanted is None:
        raise InputError(
            f"{path}: filter: every document has {lines} lines with the same responses, those of {lines} filters "
            f"without names, and {different} documents have different verdicts in them; --filter 1 takes the first "
            "line of each"
        )
    table.note(f"every document has {lines} lines with the same responses, those of {lines} filters; one is read")
    return ChosenFilter(line=int(wanted or 1))


def _key(document: Any) -> Any:
    return document if isinstance(document, int | str | None) else repr(document)
