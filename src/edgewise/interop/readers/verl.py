"""verl's rollout and validation dumps: `{step}.jsonl` with input, output, gts, score, step and more.

Every training step is another policy, so each step is a model, named "step 40". `data_source` is the set. A dump names
no problem: equal inputs are one problem, unless their `gts`, their images or their `uid` differ. One field holds the
verdict in the whole file: `acc`, which verl's graders write beside a shaped reward, where some row has it; otherwise
`score`. A completion whose answer the grader could not read (`pred` is "[INVALID]") is unscorable.

Where agents write several outputs in one episode, each is a row (`edgewise.interop.tool_logs.verl_turns`): the last is
read, as the answer to the first input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import prompt_id
from edgewise.interop.ingest.prompt_problems import Asked, PromptProblems
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import require_keys
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.tool_logs.verl_turns import Turn, ends_and_starts, turn_of

KEYS = {"input", "output", "score", "step"}

_UNREADABLE = "[INVALID]"
_IMAGES = ("images", "image", "multi_modal_data")


class VerlReader(Reader):
    """Reads verl's dumps of rollouts."""

    name = "verl rollouts"
    listed_as = "verl rollouts"

    def recognises(self, head: FileHead) -> bool:
        """Records with input, output, score and step."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of one dump; `options` name the fields that hold the verdict and the problem."""
        table.begin(path, self.name)
        verdict, problem = options.score, options.columns.get("problem")
        if verdict:
            table.obey("score")
        if problem:
            table.obey("map")
        verdicts = _Verdicts()
        turns = _turns(path, KEYS | {name for name in (verdict, problem) if name}, verdicts)
        start_of_end = ends_and_starts(path, turns, table)
        verdict = verdict or verdicts.field(table)
        if not problem:
            asked = _asked([turns[start] for start in start_of_end.values()], table)
            ids = PromptProblems(asked)
            _say_what_a_problem_is(ids, table)
            problem_of_end = {end: ids.id(row) for end, row in zip(start_of_end, asked, strict=True)}
        batcher = RowBatcher(table, path)
        inputs: dict[int, Any] = {}
        starts = set(start_of_end.values())
        for place, (noun, number, record, length) in enumerate(records(path)):
            if place in starts:
                inputs[place] = record["input"]
            if place not in start_of_end:
                continue
            row = _row(record, verdict) | {"prompt": inputs.pop(start_of_end[place], record["input"])}
            named = problem_of_end[place] if not problem else record[problem]
            row["problem"] = prompt_id(named) if problem == "input" else named
            batcher.add(noun, number, row, length)
        batcher.flush()


def _turns(path: Path, needed: set[str], verdicts: _Verdicts) -> list[Turn]:
    """What each row of the file is a turn of, and what it asks; its verdicts are counted."""
    turns = []
    for noun, number, record, _ in records(path):
        require_keys(record, needed, f"{path}: {noun} {number}")
        verdicts.add(record, f"{path}: {noun} {number}")
        content = [record.get("gts"), *(record[name] for name in _IMAGES if record.get(name))]
        turns.append(turn_of(record, Asked.of(record["step"], record["input"], content)))
    return turns


def _asked(firsts: Sequence[Turn], table: RolloutTable) -> list[Asked]:
    """What the first turns of the episodes ask, with their `uid` where that is the id of a problem."""
    uids = {(turn.asked.model, turn.uid) for turn in firsts if turn.uid is not None}
    prompts = {turn.asked for turn in firsts}
    # Every rollout of a problem has the problem's uid; where every row has one of its own, it numbers rows.
    numbers_rows = len(uids) == len(firsts) > len(prompts) and not any(turn.episode for turn in firsts)
    if not uids or numbers_rows:
        if uids:
            table.warn(
                f"`uid` numbers rows ({len(uids)} of them), so that problems are equal prompts ({len(prompts)}): "
                "--map id=uid takes the other"
            )
        return [turn.asked for turn in firsts]
    return [turn.asked._replace(group=turn.uid) for turn in firsts]


def _say_what_a_problem_is(ids: PromptProblems, table: RolloutTable) -> None:
    table.note("a problem is an equal prompt; its id is a hash of the prompt")
    if ids.shared_prompts:
        table.warn(
            f"{ids.shared_prompts} prompts are those of several problems, which differ in `gts`, images or `uid`: "
            "--map id=input takes equal prompts as one problem"
        )


@dataclass
class _Verdicts:
    """Which field holds the verdict, told from all rows: how many have `acc`, a value in it, and another in `score`."""

    rows: int = 0
    with_acc: int = 0
    given: int = 0
    differ: int = 0

    def add(self, record: dict[str, Any], where: str) -> None:
        """Count a row. InputError where only some rows have `acc`."""
        self.rows += 1
        self.with_acc += "acc" in record
        if 0 < self.with_acc < self.rows:
            raise InputError(f"{where}: acc: in some rows only; a file has it in all rows or in none")
        acc, score = record.get("acc"), record["score"]
        self.given += acc is not None
        self.differ += acc is not None and score in (-1, 0, 1) and (score == 1) != (acc == 1)

    def field(self, table: RolloutTable) -> str:
        """`acc` where some row has a value in it, otherwise `score`."""
        if not self.given:
            if self.with_acc:
                table.note("`acc` is empty in all rows; the verdict is the field score")
            return "score"
        table.note("the verdict is the field acc")
        other = "--score score takes the other field"
        if self.given < self.rows:
            empty = f"is empty in {self.rows - self.given} of {self.rows} rows, which are unscorable"
            table.warn(f"`acc` holds the verdict and {empty}: {other}")
        if self.differ:
            table.warn(f"`acc` holds the verdict; `score` says another in {self.differ} of {self.rows} rows: {other}")
        return "acc"


def _row(record: dict[str, Any], field: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "model": f"step {record['step']}",
        "completion": record["output"],
        "gold": record.get("gts"),
        "answer": None if record.get("pred") == _UNREADABLE else record.get("pred"),
        "parse_ok": record.get("pred") != _UNREADABLE,
        "score": record["score"],
        "graded": record[field],
        "graded_by": field,
    }
    if isinstance(record.get("data_source"), str):
        row["set"] = record["data_source"]
    for name in ("finish_reason", "stop_reason"):
        if isinstance(record.get(name), str):
            row["finish_reason"] = record[name]
    return row


READER = VerlReader()
