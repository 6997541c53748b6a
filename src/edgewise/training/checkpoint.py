"""Checkpoints: what an interrupted run needs to go on, each whole or absent, its content known by a hash.

checkpoint/       the newest: state.safetensors, and state.json with step, notes and the hash of all of it
checkpoint.old/   the one before, used where the newest is damaged
checkpoint.new/   half of one, left by a kill; never read

Where tensors are sharded each rank writes its rows, into shard-0-of-8.safetensors and so on in place of
state.safetensors, and state.json has the hash of each. Any number of ranks goes on from it, one too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.training.sharded_tensors import is_sharded, own_rows, read_shards

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

_WHOLE = "state.safetensors"


class Checkpoint(NamedTuple):
    """What a run goes on from. `damaged`: the newest could not be used, and this is the one before."""

    step: int
    tensors: dict[str, Tensor]
    notes: dict[str, float]
    damaged: bool = False


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: dict[str, Tensor],
    notes: dict[str, float],
    distributed: Distributed = SINGLE_PROCESS,
) -> None:
    """Write a checkpoint: step, tensors and notes. When it is whole, the newest so far becomes the one before.

    Everything random is keyed by step, so there is no generator state to keep. With sharded tensors all ranks of
    `distributed` must call this.
    """
    aside = _aside(folder)
    distributed.on_rank_zero(lambda: _make_anew(aside))
    state: dict[str, object] = {"step": step, "notes": notes}
    if distributed.size == 1:
        save_tensors(tensors, aside / _WHOLE)
    else:
        path = aside / f"shard-{distributed.rank}-of-{distributed.size}.safetensors"
        # What is whole on every rank is written once.
        own = {n: own_rows(t) for n, t in tensors.items() if is_sharded(t) or distributed.is_rank_zero}
        save_tensors(own, path)
        state["shards"] = dict(distributed.all_gather([(path.name, _hash_of_file(path))]))
    distributed.on_rank_zero(lambda: _make_newest(aside, folder, state))


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint, the one before it, and what an interrupted `save_checkpoint` left beside them."""
    for path in (folder, _aside(folder), _old(folder)):
        shutil.rmtree(path, ignore_errors=True)


def load_checkpoint(folder: Path, mesh: DeviceMesh | None = None) -> Checkpoint | None:
    """The newest checkpoint, or the one before where the newest is damaged; None where there is none.

    Tensors that were sharded are divided among the ranks of `mesh`, of which each reads its rows; without it they are
    whole. InputError names the folder where one is there and none is whole.
    """
    there = [path for path in (folder, _old(folder)) if path.exists()]
    for path in there:
        found = _read(path, mesh)
        if found is not None:
            return found._replace(damaged=path != there[0])
    if not there:
        return None
    folders = " and ".join(str(path) for path in there)
    raise InputError(f"{folders}: corrupt checkpoint; remove the folder to start this stage afresh")


def newest_step(folder: Path) -> int:
    """The step of the newest checkpoint, by what it says alone; 0 where there is none."""
    for path in (folder, _old(folder)):
        try:
            return int(json.loads((path / "state.json").read_text(encoding="utf-8"))["step"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return 0


def drop_damaged(folder: Path) -> None:
    """Remove the newest checkpoint, which is damaged, so that the next one does not push out the whole one before."""
    shutil.rmtree(folder, ignore_errors=True)


def _make_anew(aside: Path) -> None:
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()  # without parents: a run folder that was moved away is not made again, half of it missing


def _make_newest(aside: Path, folder: Path, state: dict[str, object]) -> None:
    text = json.dumps({**state, "sha256": _hash(state, aside)}, allow_nan=False)
    (aside / "state.json").write_text(text, encoding="utf-8", newline="\n")
    old = _old(folder)
    if folder.exists():  # else `old` is the only checkpoint there is, and stays
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(aside, folder)


def _read(folder: Path, mesh: DeviceMesh | None) -> Checkpoint | None:
    """None where the folder is not what was written."""
    try:
        written = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        state = {name: value for name, value in written.items() if name != "sha256"}
        if written["sha256"] != _hash(state, folder):
            return None
        shards = [(folder / name, content) for name, content in state.get("shards", {}).items()]
        if any(_hash_of_file(path) != content for path, content in shards):
            return None
        tensors = read_shards([path for path, _ in shards], mesh) if shards else load_tensors(folder / _WHOLE)
        return Checkpoint(int(state["step"]), tensors, dict(state["notes"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _hash(state: dict[str, object], folder: Path) -> str:
    """Of the state and its tensors, or of the state that has the hashes of the shards."""
    content = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    return content.hexdigest() if "shards" in state else _hash_of_file(folder / _WHOLE, content)


def _hash_of_file(path: Path, before: hashlib._Hash | None = None) -> str:
    """Of `before` and the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: before or hashlib.sha256()).hexdigest()


def _aside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def _old(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")
