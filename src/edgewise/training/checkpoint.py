"""Checkpoints: what an interrupted run needs to go on, written so that it is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.tensors import load_tensors, save_tensors


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor], notes: dict[str, float]) -> None:
    """Write a checkpoint: step, tensors and notes. It replaces the previous one when it is whole.

    Everything random is keyed by step, so there is no generator state to keep.
    """
    aside = folder.with_name(folder.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_tensors(tensors, aside / "state.safetensors")
    (aside / "state.json").write_text(json.dumps({"step": step, "notes": notes}, allow_nan=False))
    old = folder.with_name(folder.name + ".old")
    if folder.exists():  # else `old` is the only checkpoint there is, and stays until the new one stands
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(aside, folder)
    shutil.rmtree(old, ignore_errors=True)


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint and what an interrupted `save_checkpoint` left beside it."""
    for path in (folder, folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")):
        shutil.rmtree(path, ignore_errors=True)


def load_checkpoint(folder: Path) -> tuple[int, dict[str, Tensor], dict[str, float]] | None:
    """Step, tensors and notes of the checkpoint; None where there is none.

    InputError names the file where one is there but cannot be read.
    """
    if not folder.exists():
        old = folder.with_name(folder.name + ".old")  # killed between the two renames of `save_checkpoint`
        if not old.exists():
            return None
        folder = old
    try:
        state = json.loads((folder / "state.json").read_text())
        return int(state["step"]), load_tensors(folder / "state.safetensors"), dict(state["notes"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder}: corrupt checkpoint; remove the folder to start this stage afresh") from None
