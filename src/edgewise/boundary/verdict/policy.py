"""Policies for a gate: rules such as "not shrunk@16" or "pass@1 +2", parsed, and decided from a verdict.

A rule holds, fails, or cannot be decided. It holds only where what it asks for is shown, and fails only where the
contrary is shown; a claim that is refused, or an interval that reaches both ways, decides nothing.

    RULE  = [SET: ] TERM [and TERM ...]
    TERM  = [not] NAME[@K]           NAME is one of CLAIMS
          | [not] pass@K POINTS      at least so many points more than the base: +2, or -1 for a loss of at most 1
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.verdict.facts import LEAST_K_EXTENDED
from edgewise.boundary.verdict.labels import shown_label
from edgewise.boundary.verdict.sentences import difference_text, points_text
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.core.errors import InputError, unknown_name

PolicyOutcome = Literal["holds", "fails", "cannot tell"]

_PASS = re.compile(r"pass@(\d{1,9})\s+([+-]?\d+(?:\.\d+)?)(?: points?)?")
_NAME = re.compile(r"([a-z][a-z ]*[a-z])(?:@(\d{1,9}))?")


@dataclass(frozen=True)
class PolicyClaim:
    """A name that a rule may ask for: when a verdict shows it, and when it shows the contrary. `meaning` says so in
    words. Claims about one sample take no k, and `least_k` is the smallest one of the others."""

    meaning: str
    shown: Callable[[BoundaryVerdict], bool]
    refuted: Callable[[BoundaryVerdict], bool]
    least_k: int = 2
    at_once: bool = False


@dataclass(frozen=True)
class PolicyTerm:
    """One condition of a rule: a claim by name, or a least difference of pass@k in points. `k` is None where the rule
    states none, and that of the set is meant."""

    text: str
    k: int | None
    name: str | None = None
    points: float | None = None
    negated: bool = False


@dataclass(frozen=True)
class PolicyRule:
    """Terms that must all hold, on one set of problems or, where `set` is None, on every set."""

    text: str
    set: str | None
    terms: tuple[PolicyTerm, ...]


@dataclass(frozen=True)
class PolicyCheck:
    """What a rule came to for one tuned arm on one set, and why."""

    rule: str
    arm: str
    set: str
    outcome: PolicyOutcome
    reason: str


def parse_policy(texts: Sequence[str]) -> tuple[PolicyRule, ...]:
    """The rules of a policy, one a text. Raises InputError for one that does not parse, and where there is none."""
    if not texts:
        raise InputError('policy: no rule; write one such as "not shrunk@16"')
    return tuple(_rule(text) for text in texts)


def read_policy(path: Path) -> tuple[PolicyRule, ...]:
    """The rules of a file: TOML with `rules = [...]` for all sets and a table `[sets]` of NAME = rule or rules, or any
    other text with one rule a line, where `#` begins a comment. InputError names the file."""
    try:
        text = path.read_text(encoding="utf-8")
        texts = _toml_rules(tomllib.loads(text)) if path.suffix == ".toml" else _lines(text)
        return parse_policy(texts)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"policy: {path} cannot be read ({error})") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def decide_term(term: PolicyTerm, verdict: BoundaryVerdict) -> tuple[PolicyOutcome, str]:
    """What a term comes to under the verdict at its k, and why."""
    if verdict.reserved.doubts:
        return "cannot tell", verdict.reserved.doubts[0].rstrip(".")
    if term.name is None:
        shown, refuted, reason = _least_difference(term, verdict)
    else:
        claim = CLAIMS[term.name]
        shown, refuted = claim.shown(verdict), claim.refuted(verdict)
        at = 1 if claim.at_once else verdict.k
        difference = difference_text(f"pass@{at}", verdict.delta_1 if claim.at_once else verdict.delta_k)
        reason = f"{shown_label(verdict.label, verdict.k)}, {difference}"
        if not shown and not refuted:
            reason += f"; {_undecided(verdict)}"
    if term.negated:
        shown, refuted = refuted, shown
    return "holds" if shown else "fails" if refuted else "cannot tell", reason


def decide_rule(terms: Sequence[tuple[PolicyOutcome, str]]) -> tuple[PolicyOutcome, str]:
    """What a rule comes to whose terms came to these: it fails with any, and holds with all. The reasons are those of
    the terms that decided."""
    outcomes = [outcome for outcome, _ in terms]
    outcome: PolicyOutcome = "fails" if "fails" in outcomes else "cannot tell" if "cannot tell" in outcomes else "holds"
    reasons = [reason for its_outcome, reason in terms if its_outcome == outcome]
    return outcome, "; ".join(dict.fromkeys(reasons))


def worst(checks: Sequence[PolicyCheck]) -> PolicyOutcome:
    """What a policy comes to: it fails with any of its checks, and holds with all."""
    return decide_rule([(check.outcome, "") for check in checks])[0]


def _lost(v: BoundaryVerdict) -> bool:
    return v.facts.at_k in ("shrunk", "both")


def _no_loss(v: BoundaryVerdict) -> bool:
    """A loss as large as the margin is excluded: by the fact, or by the interval alone."""
    return v.facts.at_k in ("same", "extended", "more") or (
        v.facts.at_k == "open" and v.k > 1 and v.reserved.at_k.low > -v.margin and not v.reserved.hidden_loss
    )


def _no_gain(v: BoundaryVerdict) -> bool:
    return v.facts.at_k in ("same", "shrunk", "both") or (
        v.facts.at_k == "open" and v.k > 1 and v.reserved.at_k.high < v.margin
    )


def _nothing_new(v: BoundaryVerdict) -> bool:
    new = v.reserved.new.high / v.problems
    return _no_gain(v) or (v.facts.at_k in ("open", "more") and v.k > 1 and new < v.margin)


def _moved_at_k(v: BoundaryVerdict) -> bool:
    return v.facts.at_k not in ("same", "open")


CLAIMS: Mapping[str, PolicyClaim] = {
    "shrunk": PolicyClaim("a loss within k samples, net or of single problems", _lost, _no_loss),
    "more": PolicyClaim("more solved within k samples", lambda v: v.facts.at_k in ("extended", "more"), _no_gain),
    "extended": PolicyClaim(
        "problems solved within k samples that the base leaves unsolved",
        lambda v: v.facts.at_k == "extended",
        _nothing_new,
        least_k=LEAST_K_EXTENDED,
    ),
    "sharpened": PolicyClaim(
        "right more often at once, with less than the margin new or lost within k samples",
        lambda v: v.label == "sharpened",
        lambda v: v.facts.at_1 in ("down", "same") or _moved_at_k(v),
    ),
    "unchanged": PolicyClaim(
        "nothing as large as the margin at once or within k samples",
        lambda v: v.label == "unchanged",
        lambda v: v.facts.at_1 in ("up", "down") or _moved_at_k(v),
    ),
    "surer": PolicyClaim(
        "right more often at once",
        lambda v: v.facts.at_1 == "up",
        lambda v: v.facts.at_1 in ("down", "same"),
        at_once=True,
    ),
    "less sure": PolicyClaim(
        "right less often at once",
        lambda v: v.facts.at_1 == "down",
        lambda v: v.facts.at_1 in ("up", "same"),
        at_once=True,
    ),
}


def _least_difference(term: PolicyTerm, v: BoundaryVerdict) -> tuple[bool, bool, str]:
    """Whether at least so many points more than the base are shown, and whether fewer are."""
    assert term.points is not None and term.k is not None
    least = term.points / 100
    delta, wide = (v.delta_1, v.reserved.at_1) if term.k == 1 else (v.delta_k, v.reserved.at_k)
    # That there is no fall beyond the least, or no rise, is an absence: problems that changed may not have been seen.
    low, high = (delta if least > 0 else wide).low, (delta if least < 0 else wide).high
    text = difference_text(f"pass@{term.k}", delta)
    if not low >= least and not high < least and (low, high) != (delta.low, delta.high):
        unseen = difference_text(f"pass@{term.k}", Estimate(delta.value, low, high))
        text = f"{unseen}, with problems that may have changed unseen"
    return low >= least, high < least, text


def _undecided(v: BoundaryVerdict) -> str:
    if v.k < 2:
        return "a claim within k samples needs 8 or more of every problem"
    return f"changes of pass@{v.k} from {points_text(v.detectable)} would show"


def _rule(text: str) -> PolicyRule:
    where, colon, rest = text.rpartition(":")
    name = where.strip()
    if colon and not name:
        raise InputError(f"policy: {text!r} has no set before its colon; write SET: RULE")
    terms = tuple(_term(part.strip(), text) for part in re.split(r"\band\b", rest))
    return PolicyRule(text.strip(), name or None, terms)


def _term(text: str, rule: str) -> PolicyTerm:
    negated = text.startswith("not ")
    claim = " ".join(text.removeprefix("not ").replace("\u2212", "-").split())
    if found := _PASS.fullmatch(claim):
        points = float(found[2])
        if not int(found[1]) or abs(points) >= 100:
            raise InputError(f"policy: {text!r} in {rule!r}; k is at least 1, and points lie between -100 and 100")
        return PolicyTerm(text, int(found[1]), points=points, negated=negated)
    if claim.startswith("pass@"):
        raise InputError(f"policy: {text!r} in {rule!r} says no points; write pass@K and a number, such as pass@1 +2")
    found = _NAME.fullmatch(claim)
    if not found:
        raise InputError(f"policy: {text!r} in {rule!r} is no term; write one such as not shrunk@16 or pass@1 +2")
    name, k_text = found[1], found[2]
    if name not in CLAIMS:
        raise unknown_name("policy", name, CLAIMS)
    entry, k = CLAIMS[name], int(k_text) if k_text else None
    if entry.at_once and k is not None:
        raise InputError(f"policy: {text!r} in {rule!r}; {name} is about one sample, leave @{k} out")
    if k is not None and k < entry.least_k:
        instead = ", or more@K" if name == "extended" else ""
        raise InputError(f"policy: {text!r} in {rule!r}; {name} needs k of {entry.least_k} or more{instead}")
    return PolicyTerm(text, k, name=name, negated=negated)


def _lines(text: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _toml_rules(table: Mapping[str, Any]) -> list[str]:
    unknown = [name for name in table if name not in ("rules", "sets")]
    if unknown:
        raise unknown_name("policy", unknown[0], ("rules", "sets"))
    sets = table.get("sets", {})
    if not isinstance(sets, Mapping):
        raise InputError("policy: sets is no table; write [sets] and below it NAME = RULE")
    rules = _texts("rules", table.get("rules", []))
    return [*rules, *(f"{name}: {rule}" for name, value in sets.items() for rule in _texts(name, value))]


def _texts(name: str, value: Any) -> list[str]:
    rules = [value] if isinstance(value, str) else value
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise InputError(f"policy: {name} is no rule; write a text, or a list of texts")
    return rules
