"""Repeat the decisions of the released scorer of arXiv 2512.07783, with its faults, so that published numbers compare.

It reads the gold text and the completion in the same way and compares the two readings (section 2.2 of the paper's
appendix; `utils/solution_dependency_graph.py` of its repository). Known faults, all kept:
- letters are characters, so the letters of English words count as parents if a quantity has that letter. Therefore
  renaming the letters of a right solution of a reverse problem often makes it wrong;
- only the last number of a linear form is compared;
- if a quantity is defined more than once, the last definition counts.

Two differences, which no useful solution meets: arithmetic is never run as code, so numbers beyond 10^300 count as
unreadable; and a completion of more than 100,000 characters or without an answer is unscorable (the scorer calls it
wrong).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from edgewise.core.errors import InputError
from edgewise.tasks.graph.arithmetic import evaluate_text
from edgewise.tasks.verdict import MAX_CHARACTERS, Score, Unscorable, Verdict, unreadable, unscorable

TOLERANCE = 1e-6

_TAGGED_ANSWER = re.compile(r"<answer>\s*([-+]?\d+(?:\.\d+)?)", re.IGNORECASE)
_PLAIN_ANSWER = re.compile(r"Answer:\s*([-+]?\d+(?:\.\d+)?)")
_ASSIGNMENT = re.compile(r"([A-Za-z])\s*=\s*([^.;]+)")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_LETTER = re.compile(r"[A-Za-z]")
_WHOLE_LETTER = re.compile(r"\b[A-Za-z]\b")
_DEFINE = re.compile(r"Define\s+", re.IGNORECASE)
_AS = re.compile(r"(?<!\S)(?:as|a)(?!\S)", re.IGNORECASE)
_OWN_LETTER = re.compile(r"(?<!\S)[A-Za-z];")
_NEITHER_LETTER_NOR_SPACE = re.compile(r"[^A-Za-z\s]")
_INNER_DEFINE = re.compile(r"\bDefine\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the scorer reads in a text: values and parents by the name of the quantity, and the answer.

    `order` has the names in the order of the text, repeated ones included.
    """

    values: Mapping[str, float | None]
    parents: Mapping[str, frozenset[str]]
    order: tuple[str, ...]
    answer: float | None


def verify_paper_compat(gold: str, completion: str) -> Verdict:
    """The scorer's verdict on a completion, given the gold solution as text.

    Unscorable if the completion has no answer, or more than 100,000 characters.
    """
    if verdict := unreadable(completion, truncated=False):
        return verdict
    expected, written = _read_gold(gold), read_solution(completion)
    if written.answer is None:
        return unscorable(Unscorable.NO_ANSWER)
    predicted = str(int(written.answer)) if written.answer.is_integer() else str(written.answer)
    answer = Score(_same(expected.answer, written.answer))
    wrong = {name: reason for name in expected.values if (reason := _difference(expected, written, name))}
    if not wrong and answer is Score.CORRECT:
        return Verdict(Score.CORRECT, Score.CORRECT, predicted=predicted)
    position = next((i for i, name in enumerate(written.order) if name in wrong), len(written.order))
    name = written.order[position] if position < len(written.order) else next(iter(wrong), None)
    reason = "the answer differs" if name is None else f"{name:.80} {wrong[name]}"
    return Verdict(answer, Score.WRONG, position, reason, predicted)


@dataclass(frozen=True, slots=True)
class Defects:
    """What the released reward counts in a completion: gold quantities with another value, with other parents
    (one quantity may be both), and missing; quantities that gold does not have; the number of gold quantities;
    and whether the answer differs or is missing."""

    value: int
    dependency: int
    missing: int
    extra: int
    nodes: int
    answer_wrong: bool


def defects(gold: str, completion: str) -> Defects:
    """The scorer's counts of a completion, given the gold solution as text; a completion of more than 100,000
    characters counts as an empty one. InputError if the gold text defines nothing.

    `edgewise.tasks.graph.released_reward` makes rewards of them.
    """
    expected = _read_gold(gold)
    if not expected.values:
        raise InputError(f"gold: must define quantities (Define NAME as L; ...), is {gold[:40]!r}")
    written = read_solution(completion if len(completion) <= MAX_CHARACTERS else "")
    both = [name for name in expected.values if name in written.values]
    return Defects(
        value=sum(not _same(expected.values[name], written.values[name]) for name in both),
        dependency=sum(expected.parents[name] != written.parents[name] for name in both),
        missing=len(expected.values) - len(both),
        extra=len(written.values) - len(both),
        nodes=len(expected.values),
        answer_wrong=not _same(expected.answer, written.answer),
    )


def _difference(expected: Reading, written: Reading, name: str) -> str:
    if name not in written.values:
        return "is missing"
    if not _same(expected.values[name], written.values[name]):
        return "has another value"
    return "" if expected.parents[name] == written.parents[name] else "has other parents"


def _same(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    # Not "within the tolerance": a difference that is no number counts as none.
    return not abs(left - right) > TOLERANCE


@lru_cache(maxsize=1024)
def _read_gold(gold: str) -> Reading:
    """The reading of a gold solution, which is compared with many completions."""
    return read_solution(gold)


@dataclass(slots=True)
class _Step:
    name: str
    letter: str
    value: float | None = None
    parents: set[str] = field(default_factory=set)
    expressions: list[str] = field(default_factory=list)


def read_solution(text: str) -> Reading:
    """What the scorer reads in any text, in time linear in its length."""
    answer = _TAGGED_ANSWER.search(text) or _PLAIN_ANSWER.search(text)
    steps = _steps(_without_tags(text).strip())
    return Reading(
        values={step.name: step.value for step in steps},
        parents={step.name: frozenset(step.parents) for step in steps},
        order=tuple(step.name for step in steps),
        answer=None if answer is None else float(answer[1]),
    )


def _without_tags(text: str) -> str:
    # A tag is "<", at least one character, and the next ">".
    *parts, rest = text.split(">")
    kept = []
    for part in parts:
        before, opened, inside = part.partition("<")
        kept.append(before if opened and inside else f"{part}>")
    return "".join(kept) + rest


def _steps(text: str) -> list[_Step]:
    owners: dict[str, str] = {}
    known: dict[str, float] = {}
    steps = []
    for name, letter, body in _definitions(text):
        step = _Step(name, letter)
        _work_out(step, body, owners, known)
        owners[letter] = name
        steps.append(step)
    for step in steps:
        # By now every letter has a value that will ever have one.
        if step.value is None:
            values = (_value(expression, known) for expression in reversed(step.expressions))
            step.value = next((value for value in values if value is not None), known.get(step.letter))
        if step.value is not None:
            known[step.letter] = step.value
    return steps


def _work_out(step: _Step, body: str, owners: Mapping[str, str], known: dict[str, float]) -> None:
    inner: dict[str, set[str]] = {}
    for assignment in _ASSIGNMENT.finditer(body):
        letter, chain = assignment[1], assignment[2].strip()
        expression = chain.rpartition("=")[2].strip()
        mentioned = {*_LETTER.findall(chain)}
        parents = {owners[other] for other in mentioned & owners.keys()}
        parents.update(*(inner[other] for other in mentioned & inner.keys()))
        value = _value(expression, known)
        if value is None:
            value = _last_number(assignment[0])
        if value is not None:
            known[letter] = value
        if letter != step.letter:
            inner.setdefault(letter, set()).update(parents)
            continue
        step.parents |= parents
        step.expressions += [expression] if expression else []
        step.value = step.value if value is None else value
    if step.value is None:
        step.value = _last_number(body)
        if step.value is not None:
            known[step.letter] = step.value


def _last_number(text: str) -> float | None:
    numbers = _NUMBER.findall(text)
    return float(numbers[-1]) if numbers else None


def _definitions(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, letter and body of each "Define NAME as LETTER; BODY", with the shortest name.

    The scorer's pattern lets "a" stand for "as" and other words stand between it and the letter. That pattern needs
    quadratic time for a text full of "Define"; here each part of it is looked for once.
    """
    name_ends = list(_name_ends(text))
    definitions: list[tuple[int, int, str, str]] = []
    resumed = following = 0
    for define in _DEFINE.finditer(text):
        if define.start() < resumed:
            continue
        while following < len(name_ends) and name_ends[following][0] <= define.end():
            following += 1
        if following == len(name_ends):
            # The pattern falls back on an empty name if there is white space for both of its sides.
            if not name_ends or name_ends[-1][0] < define.end() or define.end() - define.start() < len("Define  "):
                break
            following -= 1
        name_end, letter_at = name_ends[following]
        resumed = letter_at + len("k;")
        definitions.append((define.start(), resumed, _normalised(text[define.end() : name_end]), text[letter_at]))
    ends = (*(start for start, *_ in definitions[1:]), len(text))
    for (_, begin, name, letter), end in zip(definitions, ends, strict=False):
        yield name, letter, text[begin:end].strip().partition("Answer:")[0].strip()


def _name_ends(text: str) -> Iterator[tuple[int, int]]:
    """The place of each "as" that ends a name, and of the letter after it.

    Only words stand between the two, and a semicolon follows the letter.
    """
    letters = [match.start() for match in _OWN_LETTER.finditer(text)]
    alone = []
    for before, letter in zip([0, *letters], letters, strict=False):
        other = _NEITHER_LETTER_NOR_SPACE.search(text[before:letter][::-1])
        alone.append(letter - other.start() if other else before)
    following = 0
    for word in _AS.finditer(text):
        while following < len(letters) and letters[following] < word.end():
            following += 1
        if following < len(letters) and alone[following] <= word.start():
            yield word.start(), letters[following]


def _normalised(name: str) -> str:
    cleaned = " ".join(name.split()).replace("\ufffd", "").strip(" .;")
    return _INNER_DEFINE.split(cleaned)[-1].strip(" .;")


def _value(expression: str, known: Mapping[str, float]) -> float | None:
    if not known.keys() >= {*_LETTER.findall(expression)}:
        return None
    return evaluate_text(_WHOLE_LETTER.sub(lambda letter: str(known[letter[0]]), expression).strip())
