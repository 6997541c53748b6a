"""Markdown of an audit that fits a pull request or a chat: label, sentence, table, problems lost and found, concerns.

Names, prompts and completions come from files that nobody vouches for. A name is escaped so that it is text in any
dialect: no HTML, no link, no table cell, no mention of a user. A completion stands in a fence that it cannot close.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.verdict.labels import shown_label
from edgewise.boundary.verdict.policy import PolicyCheck
from edgewise.boundary.verdict.verdict import CombinedVerdict
from edgewise.core.words import counted
from edgewise.outcomes.example import Example
from edgewise.report import formats
from edgewise.report.brief import Moved, Way, churn, crossing, moved_problems, reported_passes, solved_cells, verdict_on
from edgewise.report.concerns import one_line
from edgewise.report.excerpts import bounded

# Problems of each arm that are named, those shown with completions, and the characters of a completion.
MOST_NAMED: Mapping[Way, int] = {"down": 10, "up": 5}
MOST_SHOWN, MOST_CHARACTERS = 3, 1_000
# The characters of a name.
NAME = 80
_SPECIAL = re.compile(r"([\\`*_|~$]|\](?=[(\[:]))")
_MARKS = {"holds": "pass", "fails": "**fail**", "cannot tell": "cannot tell"}


def markdown_of(audit: Audit, examples: Mapping[str, Sequence[Example]]) -> str:
    """The result of an audit as Markdown; `examples` holds completions of each model, as far as they are known."""
    lines = []
    for concern in sorted(audit.concerns, key=lambda concern: not concern.forbids):
        if not concern.harmless:
            lines += [f"> {_concern(concern)}", ""]
    for arm, verdict in audit.answers.items():
        lines += _arm(audit, arm, verdict, examples)
    lines += _policy(audit.policy)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str, limit: int = NAME) -> str:
    """Untrusted text as text in Markdown, on one line and at most about `limit` characters long."""
    return _without_html(_SPECIAL.sub(r"\\\1", bounded(one_line(text), limit)))


def fenced(text: str, limit: int = MOST_CHARACTERS) -> str:
    """Untrusted text in a block that it cannot end."""
    shown = bounded("".join(c if c.isprintable() or c == "\n" else " " for c in text), limit)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _without_html(text: str) -> str:
    """Text of one line without tags and entities. A word joiner keeps "@name", "#12", a@b.c and addresses from becoming
    links."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?i)((?<![a-z0-9])@|@(?=[\w-]+\.\w)|#|:(?=//)|www(?=\.))", "\\1\u2060", text)


def _arm(audit: Audit, arm: str, verdict: CombinedVerdict, examples: Mapping[str, Sequence[Example]]) -> Iterator[str]:
    ks = sorted({part.k for part in verdict.parts.values()})
    label = shown_label(verdict.label, ", ".join(map(str, ks)))
    seeds = audit.seeds.get(arm, {})
    of_recipe = f" (recipe, {counted(len(seeds), 'training seed')})" if seeds else ""
    yield from (f"**{escaped(arm)}{of_recipe}: {label}**", "", escaped(verdict.sentence, 1_000), "")
    yield "| set | verdict | pass@1 | pass@k | problems | n |"
    yield "|---|---|---|---|---|---|"
    for problem_set in audit.sets:
        part = verdict_on(problem_set, arm)
        deltas = [f"{formats.points(d.value)} {formats.points_interval(d)}" for d in (part.delta_1, part.delta_k)]
        cells = (escaped(problem_set.name), shown_label(part.label, part.k), *deltas, part.problems, part.n)
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    for problem_set in audit.sets:
        where = f"{escaped(problem_set.name)}: " if len(audit.sets) > 1 else ""
        texts = [solved_cells(verdict_on(problem_set, arm).solved)]
        if seeds:
            texts.append(escaped(problem_set.whole.recipes[arm].sentence, 1_000))
        else:
            texts += [reported_passes(audit, problem_set, arm), crossing(problem_set, arm)]
        yield f"- {where}{'; '.join(filter(None, texts))}"
    if not seeds:
        yield f"- {churn(audit, arm, MOST_NAMED, escaped)}"
        yield ""
        shown = [one for one in moved_problems(audit, arm, examples) if one.base or one.tuned]
        for one in shown[:MOST_SHOWN]:
            yield from _completions(audit, arm, one)
    yield ""


def _completions(audit: Audit, arm: str, one: Moved) -> Iterator[str]:
    p = one.problem
    rates = f"{p.base_c}/{p.base_n} right before, {p.tuned_c}/{p.tuned_n} after"
    yield f"<details><summary>{_without_html(bounded(one_line(p.problem), NAME))}, {one.way}: {rates}</summary>"
    for model, example in ((audit.bases[arm], one.base), (arm, one.tuned)):
        if example is not None:
            mark = example.process if audit.metric == "process" and example.process else example.answer
            yield from ("", f"{escaped(model)}, {mark}:", "", fenced(example.text))
    yield from ("", "</details>", "")


def _policy(checks: Sequence[PolicyCheck]) -> Iterator[str]:
    if checks:
        yield from ("| policy | arm | set | | why |", "|---|---|---|---|---|")
    for check in checks:
        cells = (escaped(check.rule, 200), escaped(check.arm), escaped(check.set), _MARKS[check.outcome])
        yield f"| {' | '.join(cells)} | {escaped(check.reason, 400)} |"


def _concern(concern: Concern) -> str:
    about = f"{', '.join(concern.models)}: " if concern.models else ""
    return f"**{'No claim' if concern.forbids else 'Take care'}:** {escaped(about + concern.message, 600)}"
