"""Read a file or folder of rollouts of any known format, one `ModelRollouts` for each model in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.interop.column_map import column_map
from edgewise.interop.ingest.assemble import assemble
from edgewise.interop.ingest.lines import error_summary
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.model_names import in_order, natural_key, stem
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions, read_head
from edgewise.interop.readers.registry import all_readers, find_reader, known_formats

_MOST_FILES = 10_000
# A part of one file: rollouts-00001-of-00004, aime_part2, 0. Not a name that only ends in a number.
# How a file begins that this package wrote as a result, of whichever version.
_RESULT = re.compile(r"""['"]schema['"]: ['"](edgewise\.[a-z]+/[0-9]+)['"]""")
_SHARD = re.compile(r"([-_.][0-9]+-of-[0-9]+|[-_.]?(part|shard|chunk|rank|worker)[-_.]?[0-9]+|^[0-9]+)$")

FileWithReader = tuple[FileHead, Reader]


class UnknownFormatError(InputError):
    """No reader recognises a file."""


def read_rollouts(
    path: str | Path,
    *,
    score: str | None = None,
    threshold: float | None = None,
    filter: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[ModelRollouts, ...]:
    """Read the rollouts in a file or folder of any known format, one ModelRollouts for each model.

    A folder stands for all files in it of a known format, in the order of their names, 5 before 10. Several files of
    edgewise's columns that name no set are one set for each file name; parts of one file, such as
    a-00001-of-00004 or a_part1, are one set. Models come with the base first, where a name says which it is, and
    training steps in their order.

    `score` names what holds the verdict where a file has several scores: a column, a metric of
    lm-evaluation-harness, a scorer of inspect_ai, a reward of TRL or verl. `threshold` is the least
    graded score that is correct; without it scores must be 0 and 1, or -1 and 1. `filter` names the filter
    of lm-evaluation-harness. `columns` says by which name the files have a documented column, such as
    {"problem": "qid", "correct": "score"}.

    Raises InputError, one line with file, row and field, for anything that is damaged or not as documented
    in `edgewise.interop.readers.jsonl`, and where an option is given that none of the files has a use for.
    """
    source, names = Path(path), column_map(columns or {})
    try:
        if is_there(source) and source.is_dir():
            files, notes = _files_of_folder(source)
        elif is_there(source) and source.is_file():
            files, notes = [_with_reader(source)], []
        else:
            raise InputError(f"{source}: no such file or folder; give rollouts")
        table = RolloutTable(threshold)
        for note in notes:
            table.note(note)
        _read_files(files, table, score, filter, names)
        options = {"score": score, "threshold": threshold, "filter": filter, "map": names or None}
        for option, value in options.items():
            if value is not None and option not in table.obeyed:
                raise InputError(f"{source}: --{option}: these files have no use for it; leave it out")
        return _in_order(assemble(table))
    except RecursionError:
        raise InputError(f"{source}: a value is nested too deep; values are texts, numbers or chat messages") from None


def is_there(path: Path) -> bool:
    """Whether there is a file or folder. A path that no file can have, such as a very long one, is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _in_order(models: tuple[ModelRollouts, ...]) -> tuple[ModelRollouts, ...]:
    """The known base first, steps by their number."""
    by_name = {model.model or "": model for model in models}
    return tuple(by_name[name] for name in in_order(list(by_name)))


def _read_files(
    files: Sequence[FileWithReader],
    table: RolloutTable,
    score: str | None,
    filter: str | None,
    columns: Mapping[str, str],
) -> None:
    if len(files) > 1 and any(reader.is_totals for _, reader in files):
        raise InputError(f"{files[0][0].path.parent}: a counts CSV among other files; give it by itself")
    has_several_sets = len({_set_name(head.path) for head, reader in files if reader.sets_are_files}) > 1
    for head, reader in files:
        set_name = _set_name(head.path) if has_several_sets and reader.sets_are_files else None
        reader.read(head.path, table, ReadOptions(head, score, filter, columns, set_name))


def _files_of_folder(folder: Path) -> tuple[list[FileWithReader], list[str]]:
    """The files of a folder that are read, and a note on those that are not."""
    try:
        found = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        inside = sorted(found, key=lambda file: natural_key(file.name))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error_summary(error)})") from None
    if len(inside) > _MOST_FILES:
        raise InputError(f"{folder}: {len(inside)} files; a folder of rollouts has at most {_MOST_FILES}")
    companions = tuple(reader.companions for reader in all_readers() if reader.companions)
    files, skipped = [], []
    for file in inside:
        try:
            files.append(_with_reader(file))
        except UnknownFormatError:
            skipped += [] if file.name.startswith(companions) else [file.name]
    formats = {reader.name for _, reader in files}
    skipped += [head.path.name for head, reader in files if reader.repeats in formats]
    files = [(head, reader) for head, reader in files if reader.repeats not in formats]
    if not files:
        raise InputError(f"{folder}: no file of a known format; known are {known_formats()}")
    return files, [f"not read: {name_list(skipped)}"] if skipped else []


def _with_reader(path: Path) -> FileWithReader:
    head = read_head(path)
    reader = find_reader(head)
    if reader is None:
        result = _RESULT.search(str(head.record if head.kind == "document" else head.line)[:1000])
        if result:
            raise UnknownFormatError(f"{path}: {result[1]} is the result of an audit; give the rollouts it was made of")
        raise UnknownFormatError(f"{path}: unknown format: {_describe(head)}; known are {known_formats()}")
    return head, reader


def _describe(head: FileHead) -> str:
    """What a file begins with."""
    if head.kind == "parquet":
        return f"the columns are {name_list(head.columns)}"
    if head.kind == "document":
        kind = "list" if isinstance(head.record, list) else type(head.record).__name__
        return f"one JSON object with {name_list(head.columns)}" if head.columns else f"one JSON {kind}"
    if head.columns:
        return f"the first row has {name_list(head.columns)}"
    return f"the first line is {head.line.strip()[:60]!r}"


def _set_name(path: Path) -> str:
    """The set that a file's name says: without its type, and without the number of a part."""
    return _SHARD.sub("", stem(path.name)) or "rows"
