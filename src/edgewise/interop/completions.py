"""Completions of a world's problems, to be judged, as JSONL: one row a problem with one completion or several.

| column | holds |
|---|---|
| completion | what the model wrote after the prompt: a text, or a list of texts |
| split, seed, index | which problem it is |
| world | the world's knobs, as `edgewise problems --json` writes them; without them those of the command hold |
| id | if there, must be that of the problem at this address |
| problem, question, solution | instead of an address: a row of the released graph arithmetic |
| truncated, finish_reason | true, or "length", where the completion met the length limit |
| tokens, logprob, temperature, top_p, max_tokens, model | go over to the verdicts as they are |

truncated, finish_reason, tokens and logprob may be lists, one item a completion. Other columns are ignored.

What is written is JSONL that an audit reads (`edgewise.interop.readers.jsonl`): one row a completion, `correct`
and `process_correct` null where no verdict could be given. The samples of a problem are numbered in the order
of the rows; problems are the same where their ids are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from edgewise.core.errors import InputError
from edgewise.core.spec import difference, digest
from edgewise.interop.ingest.lines import objects
from edgewise.interop.ingest.rows import FIELDS
from edgewise.interop.ingest.values import shown
from edgewise.tasks.base import SPLITS, Problem, Score, Split, Verdict, World, unscorable

Mode = Literal["verified", "paper_compat"]
Verify = Callable[[str, bool], Verdict]

RELEASED = ("problem", "question", "solution")
_OF_SAMPLES = ("truncated", "finish_reason", "tokens", "logprob")
_OF_ROWS = ("temperature", "top_p", "max_tokens", "model")
_CORRECT = {Score.CORRECT: True, Score.WRONG: False, Score.UNSCORABLE: None}


class Asked(NamedTuple):
    """The problem of a row, and what judges a completion of it (a text, and whether it was truncated)."""

    id: str
    level: int
    prompt: str
    answer: str
    verify: Verify


class Judged(NamedTuple):
    """One completion's verdict: the problem, the sample's number, and the row that is written of it."""

    asked: Asked
    sample: int
    truncated: bool
    verdict: Verdict
    row: dict[str, Any]


def judged(path: Path, expected: World | type[World], mode: Mode) -> Iterator[Judged]:
    """Every completion of a file with its verdict, in the order of the rows.

    `expected` is the world that the rows are of: rows that say which must be of this very one, or where it is
    a class, of any of its worlds; rows that do not say are of the world with the class's defaults. `mode`
    "paper_compat" judges graph arithmetic as the released scorer does.

    Raises InputError naming file, line and field for a row that cannot be judged.
    """
    reader = _Reader(expected, mode)
    samples: Counter[str] = Counter()
    model = None
    for number, row, _ in objects(path):
        where = f"{path}: line {number}"
        try:
            texts = _texts(row)
            columns = _columns(row, len(texts))
            asked = reader.asked(row)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
        if samples and row.get("model") != model:
            raise InputError(
                f"{where}: model: {shown(row.get('model'))} after {shown(model)}; write the completions of each model "
                "to a file of its own"
            )
        model = row.get("model")
        for place, text in enumerate(texts):
            of_sample = {name: column[place] for name, column in columns.items()}
            truncated = bool(of_sample.get("truncated")) or of_sample.get("finish_reason") == "length"
            verdict = asked.verify(text, truncated)
            sample = samples[asked.id]
            samples[asked.id] += 1
            written = {
                "problem_id": asked.id,
                "level": asked.level,
                "sample": sample,
                "correct": _CORRECT[verdict.answer],
                "process_correct": _CORRECT[verdict.process],
                "first_wrong_step": verdict.first_wrong_step,
                "reason": verdict.reason,
                "verifier": reader.name,
                **of_sample,
                "gold": asked.answer,
                "prompt": asked.prompt,
                "completion": text,
            }
            yield Judged(asked, sample, truncated, verdict, written)
    if not samples:
        raise InputError(f"{path}: no row; write one JSON object a line")


class _Reader:
    """Finds the problem that a row is about. Worlds and problems are made once, however many rows share them.

    Its methods raise ValueError "field: what is wrong; what would be right".
    """

    def __init__(self, expected: World | type[World], mode: Mode) -> None:
        self._expected = expected
        self._kind = expected if isinstance(expected, type) else type(expected)
        self._mode = mode
        self._called, version = (str(self._kind.model_fields[name].default) for name in ("world", "version"))
        self.name = f"edgewise {self._called} {version} {mode}"
        self._worlds: dict[str, World] = {}
        self._problem = lru_cache(4096)(self._drawn)

    def asked(self, row: Mapping[str, Any]) -> Asked:
        if self._called == "graph" and "index" not in row and all(name in row for name in RELEASED):
            return _released(row, self._mode)
        split = row.get("split")
        if split not in SPLITS:
            raise InputError(f"split: {shown(split)}; must be one of {', '.join(SPLITS)}")
        world = row.get("world", self._called)
        name = world.get("world") if isinstance(world, dict) else world
        if name != self._called:
            raise InputError(f"world: {shown(name)}; must be {self._called!r}, or name another task")
        key = json.dumps(world, sort_keys=True)
        if key not in self._worlds:
            self._worlds[key] = self._world(world if isinstance(world, dict) else {})
        problem = self._problem(key, split, _address(row, "seed"), _address(row, "index"))
        if row.get("id", problem.id) != problem.id:
            raise InputError(
                f"id: {shown(row['id'])}, but the problem at this address is {problem.id}; "
                "use the settings and the version that it was made with"
            )
        verify = _verify(self._worlds[key], problem, self._mode)
        return Asked(problem.id, problem.level, problem.prompt, problem.answer, verify)

    def _drawn(self, world: str, split: Split, seed: int, index: int) -> Problem:
        return self._worlds[world].problem(split, seed, index)

    def _world(self, knobs: dict[str, Any]) -> World:
        if isinstance(self._expected, type):
            return self._expected.parse(knobs, "world")
        found = self._kind.parse(knobs, "world") if knobs else self._expected
        # The same file of questions may lie elsewhere: its place is no part of the digest.
        if digest(found) != digest(self._expected):
            knob, (here, there) = next(iter(difference(found, self._expected).items()))
            raise InputError(
                f"world.{knob}: {shown(here)}, but the command says {shown(there)}; "
                f"name the task {self._called}, or give the settings of the rows"
            )
        return found


def _verify(world: World, problem: Problem, mode: Mode) -> Verify:
    if mode == "verified":
        return lambda text, truncated: world.verify(problem, text, truncated=truncated)
    maker, original = world.origin(problem)
    if getattr(maker, "wording", None) != "paper":
        raise InputError("mode: paper_compat judges graph arithmetic in the paper's wording; use verified")
    from edgewise.tasks.graph.released import write_row

    return _released(write_row(original), mode).verify


def _released(row: Mapping[str, Any], mode: Mode) -> Asked:
    from edgewise.tasks.graph.graph import identity, named_identity
    from edgewise.tasks.graph.released import read_row
    from edgewise.tasks.graph.released_verifier import verify_released

    def verify(text: str, truncated: bool) -> Verdict:
        # The released scorer reads a cut text like any other.
        if truncated and mode == "verified":
            return unscorable("truncated")
        return verify_released(row, text, mode=mode)

    graph = read_row(row).graph
    content = identity(graph.nodes, graph.sink, graph.unknown, graph.told)
    prompt = f"{row['problem']}{row['question']}"
    name = f"graph-{graph.op}-{content:016x}-{named_identity(graph) >> 32:08x}"
    return Asked(name, graph.op, prompt, str(graph.answer), verify)


def _address(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{name}: {shown(value)}; must be a whole number from 0, part of the problem's address")
    return value


def _texts(row: Mapping[str, Any]) -> list[str]:
    found = row.get("completion")
    texts = [text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str)]
    if not texts or (isinstance(found, list) and len(texts) < len(found)):
        raise InputError(f"completion: {shown(found)}; must be a text or a list of texts")
    return texts


def _columns(row: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """What is known of each of the row's completions beside its text."""
    columns = {}
    for name in (*_OF_SAMPLES, *_OF_ROWS):
        if name not in row:
            continue
        value = row[name]
        cells = value if isinstance(value, list) and name in _OF_SAMPLES else [value] * count
        if len(cells) != count:
            raise InputError(f"{name}: {len(cells)} items for {count} completions; give one for each")
        try:
            columns[name] = [FIELDS[name](cell) for cell in cells]
        except ValueError as error:
            raise InputError(f"{name}: {error}") from None
    return columns
