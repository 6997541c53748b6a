"""A world of your own questions: a JSONL file of prompts and answers.

    {"prompt": "What is 6 times 7?", "answer": 42}
    {"prompt": "Half of three?", "answer": "3/2", "match": "numeric", "level": 2, "id": "halves-1"}
    {"prompt": "Name a prime below 6.", "answer": "[235]", "match": "regex"}

`question` may stand for `prompt`. A row without level has level 1, and one without match has that of the world. The
answer of a completion is what `edgewise.tasks.answers` reads in it.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from fractions import Fraction
from functools import cached_property, lru_cache
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key, rng
from edgewise.core.spec import Spec, plain
from edgewise.tasks.answers import (
    CLOSE,
    OPEN,
    final_answer,
    gold_completion,
    marked,
    number_in,
)
from edgewise.tasks.base import Problem, Split, World, check_split, split_of
from edgewise.tasks.grading import grade
from edgewise.tasks.math_answer.grader import math_verdict
from edgewise.tasks.verdict import Unscorable, Verdict, right, unscorable, wrong

Match = Literal["exact", "numeric", "regex", "math"]
_PATTERN_SECONDS = 2.0


def _text(value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf
    if not (number or isinstance(value, str)):
        raise ValueError("must be a text or a number")
    return str(value)


class QuestionRow(Spec):
    """One line of the file."""

    model_config = ConfigDict(populate_by_name=True)

    prompt: StrictStr = Field(min_length=1, validation_alias=AliasChoices("prompt", "question"))
    answer: Annotated[str, BeforeValidator(_text)]
    id: StrictStr | StrictInt | None = None
    level: StrictInt = Field(1, ge=0)
    match: Match | None = None

    @property
    def identity(self) -> int:
        """A 64-bit hash of the prompt without regard to white space."""
        return key("question", " ".join(self.prompt.split()))


class Questions(World):
    """The rows of a JSONL file, verified by `match`; the level is what each row says.

    exact: the same text; numeric: the same number (see `edgewise.tasks.answers.number_in`) up to `tolerance` times
    the right one; regex: the row's answer is a pattern that the whole answer matches, tried in a process that can be
    killed; math: an equal expression by math-verify, which reads the whole completion.

    The SHA-256 of the file's bytes, `content`, identifies the file and is filled in if it is missing; `path` only
    says where the file is. Problems go through all rows of a split in an order drawn from the seed, then again in
    another order: the first n problems are the n rows, each once.
    """

    world: Literal["questions"] = "questions"
    version: Literal[1] = 1
    path: str = Field("", exclude=True, description="the JSONL file")
    content: str = Field("", pattern="^([0-9a-f]{64})?$", description="the SHA-256 of the file")
    match: Match = Field("exact", description="how rows that do not say so are verified")
    tolerance: float = Field(0.0, ge=0, lt=1, description="of numbers, relative to the right one")
    split: Split | None = Field(None, description="the split of all rows; null: the hash of a row's prompt decides")
    level: int | None = Field(None, description="only rows of this level; null: all")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("content"):
            if not data.get("path"):
                raise ValueError("path must name a JSONL file of prompts and answers")
            return {**data, "content": hashlib.sha256(_bytes(data["path"])).hexdigest()}
        return data

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of the file's rows; a level is drawn as often as it has rows."""
        return tuple(sorted({row.level for row in self._rows if self.level in (None, row.level)}))

    def at_level(self, level: int) -> Self:
        if level not in self.levels:
            raise InputError(f"level: must be one of {', '.join(map(str, self.levels))}, is {level}")
        return type(self).parse({**plain(self), "level": level}, f"level {level}")

    def words(self) -> tuple[str, ...]:
        """All words of the file's prompts and answers; InputError if an answer is a pattern."""
        if any(self._match(row) == "regex" for row in self._rows):
            raise InputError("match: the words of answers to a pattern are not known; use a tokenizer of its own")
        texts = (text for row in self._rows for text in (row.prompt, gold_completion(row.answer)))
        return tuple(sorted({word for text in texts for word in text.split()} | {OPEN, CLOSE}))

    @cached_property
    def _rows(self) -> tuple[QuestionRow, ...]:
        if not self.path:
            raise InputError(f"path: must name the file with the SHA-256 {self.content[:16]}…, is empty")
        data = _bytes(self.path)
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.content:
            raise InputError(
                f"content: {self.path} has changed: its SHA-256 is {actual[:16]}…, not {self.content[:16]}…"
            )
        return _read(data, self.path, self.match)

    @cached_property
    def _split(self) -> dict[str, tuple[QuestionRow, ...]]:
        rows_of: dict[str, list[QuestionRow]] = {}
        for row in self._rows:
            if self.level not in (None, row.level):
                continue
            rows_of.setdefault(self.split or split_of(row.identity), []).append(row)
        return {split: tuple(rows) for split, rows in rows_of.items()}

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        check_split(split)
        rows = self._split.get(split)
        if not rows:
            counts = ", ".join(f"{name} {len(rows)}" for name, rows in sorted(self._split.items()))
            counts = counts or "none at this level"
            raise InputError(f"split {split!r} has no rows; rows: {counts}; set split={split} to put every row there")
        epoch, place = divmod(index, len(rows))
        row = rows[_order(self._digest, split, seed, epoch, len(rows))[place]]
        name = self._grading(row) + ("" if row.id is None else f"-{row.id}")
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=row.level,
            id=f"questions-{row.level}-{row.identity:016x}{name}",
            prompt=row.prompt,
            answer=row.answer,
            gold=self._match(row),
        )

    def solution(self, problem: Problem) -> str:
        """The row's answer between its marks; InputError if that is a pattern."""
        if problem.gold == "regex":
            raise InputError("match: an answer that is a pattern is no completion; the row can only be verified")
        return gold_completion(problem.answer)

    def check(self, problem: Problem, text: str) -> Verdict:
        if problem.gold == "math":
            return math_verdict(problem.answer, text)
        answer = final_answer(text)
        if isinstance(answer, Verdict):
            return answer
        predicted = answer
        if problem.gold == "regex":
            reply = grade("edgewise.tasks.questions:matches", problem.answer, answer, timeout=_PATTERN_SECONDS)
            if reply.failure:
                return unscorable(Unscorable.GRADER_FAILED, reply.failure)
            same = bool(reply.value)
        elif problem.gold == "numeric":
            number, gold = number_in(answer), number_in(problem.answer)
            if number is None or gold is None:
                return unscorable(Unscorable.NO_NUMBER)
            same = abs(number - gold) <= Fraction(self.tolerance) * abs(gold)
            predicted = str(number)
        else:
            same = answer == problem.answer.strip()
        return right(predicted) if same else wrong(predicted, f"answer is {problem.answer!r:.40}, not {answer!r:.40}")

    @property
    def verifies_process(self) -> bool:
        return False

    def steps(self, problem: Problem) -> int:
        """The answer is the only step."""
        return 1

    def _grading(self, row: QuestionRow) -> str:
        """What an id says of how the row is verified: nothing where the text must be the same."""
        match = self._match(row)
        tolerance = f"={self.tolerance:g}" if match == "numeric" and self.tolerance else ""
        return "" if match == "exact" else f"-{match}{tolerance}"

    def _match(self, row: QuestionRow) -> Match:
        return row.match or self.match


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text. It may take for ever, so call it through `grade`."""
    return re.fullmatch(pattern, text) is not None


@lru_cache(maxsize=16)
def _order(digest: str, split: str, seed: int, epoch: int, rows: int) -> list[int]:
    order = list(range(rows))
    rng("questions", digest, split, seed, epoch).shuffle(order)
    return order


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"path: cannot read {path}: {error.strerror}; name a JSONL file") from None


def _read(data: bytes, path: str, match: Match) -> tuple[QuestionRow, ...]:
    """The different rows of the file in its order; InputError names the line and the wrong field."""
    rows: dict[int, tuple[QuestionRow, int]] = {}
    lines_of_ids: dict[str, int] = {}
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        row = _row(line, place)
        _check(row, row.match or match, place)
        before, first = rows.setdefault(row.identity, (row, number))
        if first != number:
            if _grading_of(before) != _grading_of(row):
                raise InputError(f"{place}: prompt: line {first} asks the same and differs in answer, level or match")
            continue
        if row.id is not None and (first := lines_of_ids.setdefault(str(row.id), number)) != number:
            raise InputError(f"{place}: id: {row.id!r:.40} stands in line {first} already; ids must differ")
    if not rows:
        raise InputError(f"{path}: has no rows; write one JSON object a line")
    return tuple(row for row, _ in rows.values())


def _row(line: bytes, place: str) -> QuestionRow:
    try:
        written = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is no JSON: {error!s:.80}; write one object a line") from None
    if not isinstance(written, dict):
        raise InputError(f"{place}: must be an object with prompt and answer, is {written!r:.40}")
    return QuestionRow.parse(written, place)


def _check(row: QuestionRow, match: Match, place: str) -> None:
    answer = row.answer
    if not answer.strip() or marked(answer):
        raise InputError(f"{place}: answer: must be a text without {OPEN} and {CLOSE}, is {answer!r:.40}")
    if match == "numeric" and number_in(answer) is None:
        raise InputError(f"{place}: answer: must be a number such as 12, -1.5, 3/4 or 50%, is {answer!r:.40}")
    if match == "regex":
        try:
            re.compile(answer)
        except (re.error, OverflowError, RecursionError) as error:
            raise InputError(f"{place}: answer: is no regular expression: {error}, is {answer!r:.40}") from None


def _grading_of(row: QuestionRow) -> tuple[str, int, Match | None]:
    """What rows that ask the same must have in common."""
    return row.answer.strip(), row.level, row.match
