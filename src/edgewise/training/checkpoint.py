"""Checkpoints: what an interrupted run needs to go on, each whole or absent, its content known by a hash.

checkpoint/       the newest: state.safetensors, and state.json with step, notes and the hash of all of it
checkpoint.old/   the one before, used where the newest is damaged
checkpoint.new/   half of one, left by a kill; never read
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.tensors import load_tensors, save_tensors


class Checkpoint(NamedTuple):
    """What a run goes on from. `damaged`: the newest could not be used, and this is the one before."""

    step: int
    tensors: dict[str, Tensor]
    notes: dict[str, float]
    damaged: bool = False


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], notes: dict[str, float]) -> None:
    """Write a checkpoint: step, tensors and notes. When it is whole, the newest so far becomes the one before.

    Everything random is keyed by step, so there is no generator state to keep.
    """
    aside, old = _aside(folder), _old(folder)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()  # without parents: a run folder that was moved away is not made again, half of it missing
    save_tensors(tensors, aside / "state.safetensors")
    state = {"step": step, "notes": notes}
    text = json.dumps({**state, "sha256": _hash(state, aside)}, allow_nan=False)
    (aside / "state.json").write_text(text)
    if folder.exists():  # else `old` is the only checkpoint there is, and stays
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(aside, folder)


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint, the one before it, and what an interrupted `save_checkpoint` left beside them."""
    for path in (folder, _aside(folder), _old(folder)):
        shutil.rmtree(path, ignore_errors=True)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint, or the one before where the newest is damaged; None where there is none.

    InputError names the folder where one is there and none is whole.
    """
    there = [path for path in (folder, _old(folder)) if path.exists()]
    for path in there:
        found = _read(path)
        if found is not None:
            return found._replace(damaged=path != there[0])
    if not there:
        return None
    folders = " and ".join(str(path) for path in there)
    raise InputError(f"{folders}: corrupt checkpoint; remove the folder to start this stage afresh")


def drop_damaged(folder: Path) -> None:
    """Remove the newest checkpoint, which is damaged, so that the next one does not push out the whole one before."""
    shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Checkpoint | None:
    """None where the folder is not what was written."""
    try:
        written = json.loads((folder / "state.json").read_text())
        state = {"step": written["step"], "notes": written["notes"]}
        if written["sha256"] != _hash(state, folder):
            return None
        return Checkpoint(int(state["step"]), load_tensors(folder / "state.safetensors"), dict(state["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hash(state: dict[str, object], folder: Path) -> str:
    content = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    with (folder / "state.safetensors").open("rb") as file:
        return hashlib.file_digest(file, lambda: content).hexdigest()


def _aside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def _old(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")
