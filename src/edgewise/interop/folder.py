"""Find the rollout files in a folder and the folders below it, and say of each other file why it is not read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.interop.ingest.arrow import ARROW_MAGIC
from edgewise.interop.ingest.guess import guess_map
from edgewise.interop.ingest.head import Head
from edgewise.interop.ingest.lines import COMPRESSED, error_summary
from edgewise.interop.ingest.saved_dataset import left_out_of_dataset
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.model_names import natural_key
from edgewise.interop.readers.base import FileHead, Reader, read_head
from edgewise.interop.readers.registry import all_readers, find_reader, known_formats

_MOST_FILES = 10_000
_MOST_FOLDERS = 1_000
# Folders below the one that is given: lm-eval's output path has one, a data set of Hugging Face two.
_DEEPEST = 6
_PEEK_BYTES = 4096
# Files that hold rows: one that is broken is an error, one of an unknown format is pointed out.
_ROWS = re.compile(r"\.(jsonl|ndjson|parquet|arrow|csv|tsv|eval)(\.(gz|xz|bz2|zst))?$", re.IGNORECASE)
# How a file begins that this package wrote as a result, of whichever version.
_RESULT = re.compile(r"""['"]schema['"]: ['"](edgewise\.[a-z]+/[0-9]+)['"]""")
_RESULT_FILE, _FOLDERS_OF_RESULT = "boundary.json", ("figures", "tables")

# Folders that systems and Python make beside files.
_NO_ROWS = ("__pycache__", "__MACOSX")

FileWithReader = tuple[FileHead, Reader]


class UnknownFormatError(InputError):
    """No reader recognises a file."""


@dataclass(frozen=True)
class Unread:
    """A file that is not read, by its path below the folder, and why; `has_rows` where it might hold rollouts."""

    name: str
    reason: str
    has_rows: bool


def find_files(folder: Path, columns: Mapping[str, str] | None = None) -> tuple[list[FileWithReader], list[Unread]]:
    """The rollout files below a folder in the order of their paths, 5 before 10, and the files that are not read.

    Hidden files and folders, links to folders, stages of the laboratory that are not finished and tables of a result
    are passed over. InputError where there is no rollout file, or more files or folders than can be looked at.
    """
    companions = tuple(name for reader in all_readers() for name in reader.companions)
    files: list[FileWithReader] = []
    unread: list[Unread] = []
    for path in _paths(folder, unread):
        name = path.relative_to(folder).as_posix()
        try:
            if reason := _useless(path) or left_out_of_dataset(path):
                unread.append(Unread(name, reason, has_rows=False))
                continue
            head = read_head(path)
        except InputError as error:
            if _ROWS.search(path.name) and path.stat().st_size:
                raise
            unread.append(Unread(name, str(error).removeprefix(f"{path}: ").partition(";")[0], has_rows=False))
            continue
        log = _log_of_training(head)
        reader = None if log else find_reader(head, columns or {})
        if reader is not None:
            # A whole document is not kept while others are looked at.
            files.append((replace(head, record=None) if head.kind == "document" else head, reader))
        elif not path.name.startswith(companions):
            reason = log or ("text, no rows" if head.kind == "text" else describe(head))
            unread.append(Unread(name, reason, has_rows=bool(_ROWS.search(path.name)) and not log))
    kept = []
    read = {head.path for head, _ in files}
    formats = {(head.path.parent, reader.name) for head, reader in files}
    for head, reader in files:
        if (head.path.parent, reader.repeats) in formats:
            name = head.path.relative_to(folder).as_posix()
            unread.append(Unread(name, f"{reader.repeats} beside it hold the same", has_rows=False))
        elif (whole := reader.copy_of(head.path)) in read:
            name = head.path.relative_to(folder).as_posix()
            reason = f"{whole.relative_to(folder).as_posix()} holds all of its samples"
            unread.append(Unread(name, reason, has_rows=False))
        else:
            kept.append((head, reader))
    if not kept:
        raise InputError(f"{folder}: no file of a known format{_why(unread)}; known are {known_formats()}")
    return kept, unread


def with_reader(path: Path, columns: Mapping[str, str]) -> FileWithReader:
    """The head of a file and the reader that recognises it. UnknownFormatError where none does, with a map to try.

    `columns` is as in ReadOptions.
    """
    head = read_head(path)
    reader = find_reader(head, columns)
    if reader is None:
        result = _RESULT.search(str(head.record if head.kind == "document" else head.line)[:1000])
        if result:
            raise UnknownFormatError(f"{path}: {result[1]} is the result of an audit; give the rollouts it was made of")
        guess = guess_map(Head(head.rows)) if head.rows else ""
        advice = f"; try --map {guess}" if "," in guess else ""
        raise UnknownFormatError(f"{path}: unknown format: {describe(head)}; known are {known_formats()}{advice}")
    return head, reader


def describe(head: FileHead) -> str:
    """What a file begins with."""
    if head.kind == "parquet":
        return f"the columns are {name_list(head.columns)}"
    if head.kind == "document":
        kind = "list" if isinstance(head.record, list) else type(head.record).__name__
        return f"one JSON object with {name_list(head.columns)}" if head.columns else f"one JSON {kind}"
    if head.columns:
        return f"the first row has {name_list(head.columns)}"
    return f"the first line is {head.line.strip()[:60]!r}"


def notes_on_unread(unread: list[Unread]) -> tuple[list[str], list[str]]:
    """One note for each reason, and a warning where a file that was not read might hold rollouts."""
    names_of: dict[str, list[str]] = {}
    for file in unread:
        names_of.setdefault(file.reason, []).append(file.name)
    notes = [f"not read: {name_list(names)} ({reason})" for reason, names in names_of.items()]
    rows = [f"{file.name} ({file.reason})" for file in unread if file.has_rows]
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return notes, [f"files that are not read: {', '.join(rows[:3])}{more}"] if rows else []


def _paths(folder: Path, unread: list[Unread]) -> Iterator[Path]:
    """The files to look at, in the order of their paths; folders that are too deep are added to `unread`."""
    below: list[Path] = []
    for folders, (place, names, file_names) in enumerate(os.walk(folder, onerror=_refuse), 1):
        here = Path(place)
        deep = len(here.relative_to(folder).parts) >= _DEEPEST
        inside = [name for name in names if not _is_passed_over(name, file_names)]
        if deep:
            unread += [
                Unread(
                    (here / name).relative_to(folder).as_posix(), f"more than {_DEEPEST} folders down", has_rows=False
                )
                for name in inside
            ]
        names[:] = [] if deep else inside
        below += [here / name for name in file_names if not name.startswith(".") and (here / name).is_file()]
        if len(below) > _MOST_FILES:
            raise InputError(f"{folder}: more than {_MOST_FILES:,} files; give the folder that holds the rollouts")
        if folders > _MOST_FOLDERS:
            raise InputError(f"{folder}: more than {_MOST_FOLDERS:,} folders; give the folder that holds the rollouts")
    yield from sorted(below, key=lambda path: [natural_key(part) for part in path.relative_to(folder).parts])


def _is_passed_over(name: str, beside: list[str]) -> bool:
    """Whether a folder is not looked into; `beside` are the files in the folder that holds it."""
    of_result = _RESULT_FILE in beside and name in _FOLDERS_OF_RESULT
    # Not all that begin with __: lm-eval calls the folder of a model so whose path begins with a /.
    return name.startswith(".") or name in _NO_ROWS or name.endswith((".unfinished", ".lock")) or of_result


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error_summary(error)})")


def _useless(path: Path) -> str:
    """Why a file cannot hold rollouts, told from its first bytes; "" where it might."""
    try:
        with path.open("rb") as stream:
            peek = stream.read(_PEEK_BYTES)
    except OSError as error:
        return f"cannot be read: {error_summary(error)}"
    if peek.startswith(b"PK\x03\x04"):
        return "" if path.suffix == ".eval" else "a zip file that is not named .eval"
    if peek.startswith((b"PAR1", *ARROW_MAGIC, *COMPRESSED)) or _ROWS.search(path.name):
        return ""
    return "binary" if b"\0" in peek else ""


def _log_of_training(head: FileHead) -> str:
    """What the records of a training log are: numbers of a step alone, or groups that the laboratory kept; "" if none.

    Rollouts of a training are by a model that changes, and of different problems at each step.
    """
    if head.kind != "records" or not {"step", "loss", "epoch", "iteration"} & set(head.columns):
        return ""
    if {"step", "problem_id", "sampled", "rollouts"} <= set(head.columns):
        return "some groups of training steps"
    numbers = all(value is None or isinstance(value, int | float) for value in head.record.values())
    return "numbers of training steps" if numbers else ""


def _why(unread: list[Unread]) -> str:
    return f" ({unread[0].name}: {unread[0].reason})" if len(unread) == 1 else ""
