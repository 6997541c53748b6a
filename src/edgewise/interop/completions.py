"""Verify completions of a world's problems, given as JSONL: one row a problem, with one completion or several.

| column | holds |
|---|---|
| completion | what the model wrote after the prompt: a text, or a list of texts |
| split, seed, index | which problem it is |
| world | the world's knobs, as `edgewise problems --json` writes them; without this column, those of the command |
| id | optional; must be that of the problem at this address |
| problem, question, solution | instead of an address: a row of the released graph arithmetic |
| truncated, finish_reason | true, or "length" in any server's spelling, if the completion met the length limit |
| tokens, logprob, temperature, top_p, max_tokens, model | are copied to the verdicts |

truncated, finish_reason, tokens and logprob may be lists with one item for each completion. Other columns are ignored.

The output is JSONL that an audit reads (`edgewise.interop.readers.rows`): one row a completion; `correct` and
`process_correct` are null if no verdict could be given. The samples of a problem are numbered in the order of the rows.
Rows are of the same problem if their ids are equal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from edgewise.core.errors import InputError
from edgewise.core.spec import difference, digest
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.finish_reasons import is_cut_off
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.schema import CONVERTERS
from edgewise.outcomes import Outcomes
from edgewise.tasks.base import SPLITS, Problem, Score, Split, Unscorable, Verdict, World, unscorable
from edgewise.tasks.graph.graph import identity, named_identity
from edgewise.tasks.graph.released import read_row, write_row
from edgewise.tasks.graph.released_verifier import verify_released

VerifierMode = Literal["verified", "paper_compat"]

RELEASED = ("problem", "question", "solution")
_OF_SAMPLES = ("truncated", "finish_reason", "tokens", "logprob")
_OF_ROWS = ("temperature", "top_p", "max_tokens", "model")
_CORRECT = {Score.CORRECT: True, Score.WRONG: False, Score.UNSCORABLE: None}


class RowProblem(NamedTuple):
    """The problem of a row; `verify` grades a completion of it, given its text and whether it was truncated.

    `verifies_process` is that of its world.
    """

    id: str
    level: int
    prompt: str
    answer: str
    verifies_process: bool
    verify: Callable[[str, bool], Verdict]


class VerifiedCompletion(NamedTuple):
    """One completion with its verdict: the problem, the number of the sample, and the row to be written."""

    problem: RowProblem
    sample: int
    truncated: bool
    verdict: Verdict
    row: dict[str, Any]


def verify_file(
    path: Path, expected: World | type[World], mode: VerifierMode, rows: TextIO
) -> tuple[Outcomes, Counter[str]]:
    """Verify a file of completions and write a row for each to `rows`.

    Returns the outcomes, and how often each reason was given. See `verified_completions`.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("problem", "level", "sample", "answer", "process", "truncated")
    }
    reasons: Counter[str] = Counter()
    by_process = False
    for completion in verified_completions(path, expected, mode):
        rows.write(json.dumps(completion.row, allow_nan=False) + "\n")
        problem, sample, truncated, verdict, _ = completion
        values = (problem.id, problem.level, sample, verdict.answer, verdict.process, truncated)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
        by_process |= problem.verifies_process
        if verdict.reason:
            reasons[verdict.reason] += 1
    return Outcomes.of(**columns if by_process else {**columns, "process": None}), reasons


def verified_completions(path: Path, expected: World | type[World], mode: VerifierMode) -> Iterator[VerifiedCompletion]:
    """Every completion of a file with its verdict, in the order of the rows.

    `expected` is the world of the rows. If it is a world, rows that name their world must name this one; if it is a
    class, any world of it; rows that name none belong to the world with the class's defaults. In mode "paper_compat"
    graph arithmetic is graded as the released scorer does.

    InputError names file, line and field of a row that cannot be verified.
    """
    reader = _Reader(expected, mode)
    samples: Counter[str] = Counter()
    model = None
    for _, number, row, _ in records(path):
        line = f"{path}: line {number}"
        try:
            texts = _texts(row)
            columns = _columns(row, len(texts))
            problem = reader.problem_of(row)
        except ValueError as error:
            raise InputError(f"{line}: {error}") from None
        if samples and row.get("model") != model:
            raise InputError(
                f"{line}: model: {quote(row.get('model'))} after {quote(model)}; write the completions of each model "
                "to a file of its own"
            )
        model = row.get("model")
        for place, text in enumerate(texts):
            of_sample = {name: column[place] for name, column in columns.items()}
            truncated = bool(of_sample.get("truncated")) or bool(is_cut_off(of_sample.get("finish_reason") or ""))
            verdict = problem.verify(text, truncated)
            sample = samples[problem.id]
            samples[problem.id] += 1
            written = {
                "problem_id": problem.id,
                "level": problem.level,
                "sample": sample,
                "correct": _CORRECT[verdict.answer],
                **({"process_correct": _CORRECT[verdict.process]} if problem.verifies_process else {}),
                "first_wrong_step": verdict.first_wrong_step,
                "reason": verdict.reason,
                "verifier": reader.name,
                **of_sample,
                "gold": problem.answer,
                "prompt": problem.prompt,
                "completion": text,
            }
            yield VerifiedCompletion(problem, sample, truncated, verdict, written)
    if not samples:
        raise InputError(f"{path}: no row; write one JSON object a line")


class _Reader:
    """Find the problem of a row. Worlds and problems are made once, however many rows share them.

    Its methods raise ValueError "field: what is wrong; what would be right".
    """

    def __init__(self, expected: World | type[World], mode: VerifierMode) -> None:
        self._expected = expected
        self._kind = expected if isinstance(expected, type) else type(expected)
        self._mode = mode
        self._name, version = (str(self._kind.model_fields[name].default) for name in ("world", "version"))
        self.name = f"edgewise {self._name} {version} {mode}"
        self._worlds: dict[str, World] = {}
        self._problem = lru_cache(4096)(self._make_problem)

    def problem_of(self, row: Mapping[str, Any]) -> RowProblem:
        if self._name == "graph" and "index" not in row and all(name in row for name in RELEASED):
            return _released(row, self._mode)
        split = row.get("split")
        if split not in SPLITS:
            raise InputError(f"split: {quote(split)}; must be one of {', '.join(SPLITS)}")
        world = row.get("world", self._name)
        name = world.get("world") if isinstance(world, dict) else world
        if name != self._name:
            raise InputError(f"world: {quote(name)}; must be {self._name!r}, or name another task")
        key = json.dumps(world, sort_keys=True)
        if key not in self._worlds:
            self._worlds[key] = self._world(world if isinstance(world, dict) else {})
        problem = self._problem(key, split, _address(row, "seed"), _address(row, "index"))
        if row.get("id", problem.id) != problem.id:
            raise InputError(
                f"id: {quote(row['id'])}, but the problem at this address is {problem.id}; "
                "use the settings and the version that it was made with"
            )
        made = self._worlds[key]
        verify = _verifier(made, problem, self._mode)
        return RowProblem(problem.id, problem.level, problem.prompt, problem.answer, made.verifies_process, verify)

    def _make_problem(self, world: str, split: Split, seed: int, index: int) -> Problem:
        return self._worlds[world].problem(split, seed, index)

    def _world(self, knobs: dict[str, Any]) -> World:
        if isinstance(self._expected, type):
            return self._expected.parse(knobs, "world")
        named = self._kind.parse(knobs, "world") if knobs else self._expected
        # The same file of questions may lie elsewhere: its place is no part of the digest.
        if digest(named) != digest(self._expected):
            knob, (of_row, of_command) = next(iter(difference(named, self._expected).items()))
            raise InputError(
                f"world.{knob}: {quote(of_row)}, but the command says {quote(of_command)}; "
                f"name the task {self._name}, or give the settings of the rows"
            )
        return named


def _verifier(world: World, problem: Problem, mode: VerifierMode) -> Callable[[str, bool], Verdict]:
    if mode == "verified":
        return lambda text, truncated: world.verify(problem, text, truncated=truncated)
    maker, original = world.origin(problem)
    if getattr(maker, "wording", None) != "paper":
        raise InputError("mode: paper_compat grades graph arithmetic in the paper's wording; use verified")
    return _released(write_row(original), mode).verify


def _released(row: Mapping[str, Any], mode: VerifierMode) -> RowProblem:
    def verify(text: str, truncated: bool) -> Verdict:
        # The released scorer reads a cut text like any other.
        if truncated and mode == "verified":
            return unscorable(Unscorable.TRUNCATED)
        return verify_released(row, text, mode=mode)

    graph = read_row(row).graph
    content = identity(graph.nodes, graph.sink, graph.unknown, graph.told)
    prompt = f"{row['problem']}{row['question']}"
    name = f"graph-{graph.op}-{content:016x}-{named_identity(graph) >> 32:08x}"
    return RowProblem(name, graph.op, prompt, str(graph.answer), True, verify)


def _address(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{name}: {quote(value)}; must be a whole number from 0, part of the problem's address")
    return value


def _texts(row: Mapping[str, Any]) -> list[str]:
    completion = row.get("completion")
    items = completion if isinstance(completion, list) else [completion]
    texts = [text for text in items if isinstance(text, str)]
    if not texts or len(texts) < len(items):
        raise InputError(f"completion: {quote(completion)}; must be a text or a list of texts")
    return texts


def _columns(row: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """The columns of the row that describe its completions, one item for each."""
    columns = {}
    for name in (*_OF_SAMPLES, *_OF_ROWS):
        if name not in row:
            continue
        value = row[name]
        cells = value if isinstance(value, list) and name in _OF_SAMPLES else [value] * count
        if len(cells) != count:
            raise InputError(f"{name}: {len(cells)} items for {count} completions; give one for each")
        try:
            columns[name] = [CONVERTERS[name](cell) for cell in cells]
        except ValueError as error:
            raise InputError(f"{name}: {error}") from None
    return columns
