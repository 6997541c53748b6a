"""Find the episodes of a verl dump, in which an agent may have written several outputs, a row each.

verl's trainer for agents sorts the rows by `uid`, "{id of the problem}_{number of the rollout}_{number of the output}";
others name the episode as `traj_uid` or `request_id`. Without such a field rows that go on from others are refused:
as problems of their own, they would be counted as often as the agent wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from edgewise.core.errors import InputError
from edgewise.interop.ingest.prompt_problems import Asked
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.table import RolloutTable

_EPISODES = ("traj_uid", "trajectory_id", "request_id")
_UID_OF_OUTPUT = re.compile(r"(?P<problem>.+)_(?P<rollout>\d+)_(?P<output>\d+)")
# Rows that go on from others are looked for among so many, and told from those whose prompts only begin alike by an
# output of so many characters, in at least this share.
_COMPARED_ROWS = 1_000
_LONG_OUTPUT = 20
_SHARE = 0.05


class Turn(NamedTuple):
    """A row: what it asks, the problem's id as the tool has it, its episode (None: it is one) and its number in it."""

    asked: Asked
    uid: str | None
    episode: str | None
    number: int


def turn_of(record: dict[str, Any], asked: Asked) -> Turn:
    """The turn that a row is."""
    uid = record.get("uid")
    uid = None if uid is None else str(uid)
    if uid is not None and (parts := _UID_OF_OUTPUT.fullmatch(uid)):
        return Turn(asked, parts["problem"], f"{parts['problem']}_{parts['rollout']}", int(parts["output"]))
    episode = next((record[name] for name in _EPISODES if record.get(name) is not None), None)
    return Turn(asked, uid, None if episode is None else str(episode), 0)


def ends_and_starts(path: Path, turns: Sequence[Turn], table: RolloutTable) -> dict[int, int]:
    """The place of the last row of each episode, in their order, and that of its first.

    A warning says that rows are left out. InputError where rows seem to go on from others and no field says so.
    """
    places: dict[tuple[str, str], list[int]] = {}
    for place, turn in enumerate(turns):
        places.setdefault((turn.asked.model, turn.episode or f"row {place}"), []).append(place)
    if len(places) == len(turns):
        _refuse_rows_that_go_on(path)
    else:
        table.warn(
            f"rows are turns ({len(turns)} of {len(places)} episodes): the last turn of each is read, as the answer to "
            "the first input"
        )
    start_of_end = {}
    for of_episode in places.values():
        # A stable order: turns without a number are in that of the rows.
        in_order = sorted(of_episode, key=lambda place: turns[place].number)
        start_of_end[in_order[-1]] = in_order[0]
    return dict(sorted(start_of_end.items()))


def _refuse_rows_that_go_on(path: Path) -> None:
    outputs: dict[str, list[str]] = {}
    for record in islice(records(path), _COMPARED_ROWS):
        if isinstance(record.fields["input"], str) and isinstance(record.fields["output"], str):
            outputs.setdefault(record.fields["input"], []).append(record.fields["output"].strip())
    inputs = sorted(outputs)
    go_on = 0
    for before, after in pairwise(inputs):
        rest = after[len(before) :].lstrip() if after.startswith(before) else ""
        go_on += any(len(output) >= _LONG_OUTPUT and rest.startswith(output) for output in outputs[before])
    if go_on > _SHARE * len(inputs):
        raise InputError(
            f"{path}: input: {go_on} of {len(inputs)} inputs go on from the input and output of another row, as turns "
            "of one episode do; a row is one episode, or has verl's uid of problem, rollout and output"
        )
