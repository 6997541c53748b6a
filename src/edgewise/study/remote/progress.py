"""What is saved of a stage under way, at a URL: a machine goes on with what another had saved before it was lost.

    <URL>/rl-0123456789abcdef.unfinished/000000000012.json    how far it goes, and each file's hash by its name
    <URL>/rl-0123456789abcdef.unfinished/<hash>               a file, named by the SHA-256 of its content

A list is written when its files are there, and only then are an older list and its files removed, so there is always
a whole one. What is there already is not sent again: parts of an evaluation are sent once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from edgewise.core.errors import InputError
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.stages import Stage
from edgewise.study.stages.artifacts import PARTS
from edgewise.study.store import UNFINISHED, folder_name
from edgewise.training.checkpoint import newest_step
from edgewise.training.run_folder import Progress

# Sending what is saved takes at most one part in so many of a stage's time.
_SHARE = 10


class ProgressSender:
    """Sends what a stage saves to the URL as it saves it: `saved` and `progress` are called by the stage's run folder.

    A failure costs no more than what has not arrived: the progress tells of it, and the next time sends all.
    """

    def __init__(self, remote: RemoteFolder, stage: Stage, unfinished: Path, progress: Progress) -> None:
        self._remote, self._stage, self._unfinished, self._progress = remote, stage, unfinished, progress
        self._not_before = 0.0
        self._failure = ""

    def progress(self, done: int, total: int, note: str) -> None:
        self._progress(done, total, "; ".join(filter(None, (note, self._failure))))

    def saved(self) -> None:
        started = time.monotonic()
        if started < self._not_before:
            return
        try:
            send_progress(self._remote, self._stage, self._unfinished)
            self._failure = ""
        except InputError as error:
            self._failure = f"not saved elsewhere: {error}"
        ended = time.monotonic()
        self._not_before = ended + (_SHARE - 1) * (ended - started)


def send_progress(remote: RemoteFolder, stage: Stage, unfinished: Path) -> None:
    """Copy what is saved in a stage's unfinished folder to the URL, in place of what was there."""
    place = _place(stage)
    there = remote.names(place)
    files = {path.relative_to(unfinished).as_posix(): path for path in unfinished.rglob("*") if _is_saved(path)}
    hashes = {name: _hash(path) for name, path in sorted(files.items())}
    for name, content in hashes.items():
        if content not in there:
            remote.put(files[name], f"{place}/{content}")
    number = 1 + max((int(PurePosixPath(name).stem) for name in _lists(there)), default=0)
    text = json.dumps({"steps": steps_saved(unfinished), "files": hashes}, indent=2) + "\n"
    remote.write(f"{place}/{number:012d}.json", text.encode())
    remote.remove(f"{place}/{name}" for name in there if name not in hashes.values())


def fetch_progress(remote: RemoteFolder, stage: Stage, unfinished: Path, aside: Path) -> bool:
    """Put what is saved at the URL in place of the stage's unfinished folder, where it goes further; whether it did.

    `aside` is a folder on the same disk, made and emptied here. Files that are not what their hash says are as good as
    none: then the list before is tried.
    """
    place = _place(stage)
    there = remote.names(place)
    for name in reversed(_lists(there)):
        saved = _read_list(remote.read(f"{place}/{name}") or b"")
        if saved is None or not set(saved[1].values()) <= set(there):
            continue
        steps, hashes = saved
        if steps <= steps_saved(unfinished):
            return False
        shutil.rmtree(aside, ignore_errors=True)
        if all(
            remote.get(f"{place}/{content}", aside / file) and _hash(aside / file) == content
            for file, content in hashes.items()
        ):
            shutil.rmtree(unfinished, ignore_errors=True)
            aside.replace(unfinished)
            return True
    return False


def remove_progress(remote: RemoteFolder, stage: Stage) -> None:
    """Remove what is saved of a stage at the URL: for one that is complete there."""
    remote.remove_folder(_place(stage))


def steps_saved(unfinished: Path) -> int:
    """How far what is saved in an unfinished folder goes: the step of its checkpoint, or how many parts there are."""
    parts = sum(path.suffix == ".parquet" for path in (unfinished / PARTS).glob("*"))
    return max(newest_step(unfinished / "checkpoint"), parts)


def _place(stage: Stage) -> str:
    return folder_name(stage) + UNFINISHED


def _is_saved(path: Path) -> bool:
    """Whether a file is whole and the newest of its kind: the checkpoint before is there for damage on a disk."""
    return path.is_file() and path.suffix != ".new" and path.parent.suffix not in (".new", ".old")


def _lists(names: list[str]) -> list[str]:
    return sorted(name for name in names if name.removesuffix(".json").isdecimal())


def _read_list(content: bytes) -> tuple[int, Mapping[str, str]] | None:
    """Steps, and hash of each file; None where it was written in part or names a file outside the folder."""
    try:
        saved = json.loads(content)
        steps, hashes = int(saved["steps"]), {str(name): str(content) for name, content in saved["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    paths = [PurePosixPath(name) for name in hashes]
    return None if not paths or any(path.is_absolute() or ".." in path.parts for path in paths) else (steps, hashes)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
