"""Read a file or folder of rollouts of any known format, one `ModelRollouts` for each model in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgewise.core.errors import InputError, unknown_name
from edgewise.interop.column_map import column_map
from edgewise.interop.file_names import FILES_ARE, FilesAre
from edgewise.interop.folder import FileWithReader, find_files, notes_on_unread, with_reader
from edgewise.interop.ingest.assemble import assemble
from edgewise.interop.ingest.table import RolloutTable, RowListener
from edgewise.interop.model_names import in_order, natural_key
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.readers.base import ReadOptions, read_head
from edgewise.interop.relations import Role, relate
from edgewise.interop.standard_input import NAME, STANDARD_INPUT, spooled


@dataclass(frozen=True, eq=False)
class ReadSource:
    """What was read of a file or folder.

    `unused` are the options that no file of it has a use for, as the command line calls them. `largest_score` is that
    of the scores that a threshold decides about, -inf where there is none.
    """

    models: tuple[ModelRollouts, ...]
    unused: tuple[str, ...]
    largest_score: float


def read_rollouts(
    path: str | Path,
    *,
    score: str | None = None,
    threshold: float | None = None,
    filter: str | None = None,
    columns: Mapping[str, str] | None = None,
    files_are: FilesAre | None = None,
) -> tuple[ModelRollouts, ...]:
    """Read the rollouts in a file or folder of any known format, one ModelRollouts for each model.

    A folder stands for all files of a known format in it and in the folders below it, in the order of their paths, 5
    before 10, and `-` for standard input. Their names and first rows tell whether files of edgewise's columns are
    samples of the same problems, problem sets or models (`edgewise.interop.file_names`); `files_are` takes one reading
    for all. Models come with the base first, where a name says which it is, and training steps in their order.

    `score` names what holds the verdict where a file has several scores: a column, a metric of
    lm-evaluation-harness, a scorer of inspect_ai, a reward of TRL or verl. `threshold` is the least
    graded score that is correct; without it scores must be 0 and 1, or -1 and 1. `filter` names the filter
    of lm-evaluation-harness. `columns` says by which name the files have a documented column, such as
    {"problem": "qid", "correct": "score"}.

    Raises InputError, one line with file, row and field, for anything that is damaged or not as documented
    in `edgewise.interop.readers.rows`, and where an option is given that none of the files has a use for.
    """
    read = read_source(path, score=score, threshold=threshold, filter=filter, columns=columns, files_are=files_are)
    require_followed(str(path), [read], threshold)
    return read.models


def require_followed(name: str, reads: Sequence[ReadSource], threshold: float | None) -> None:
    """InputError, which begins with `name`, for an option that none has a use for or a threshold above all scores."""
    for option in reads[0].unused:
        if all(option in read.unused for read in reads):
            raise InputError(f"{name}: --{option}: these files have no use for it; leave it out")
    largest = max(read.largest_score for read in reads)
    if threshold is not None and largest < threshold:
        raise InputError(f"{name}: --threshold: {threshold:g} is above every score; the largest is {largest:g}")


def read_source(
    path: str | Path,
    *,
    score: str | None = None,
    threshold: float | None = None,
    filter: str | None = None,
    columns: Mapping[str, str] | None = None,
    files_are: FilesAre | None = None,
    listener: RowListener | None = None,
) -> ReadSource:
    """As `read_rollouts`, without an error for options that are not followed; `listener` is told of every row."""
    names = column_map(columns or {})
    if files_are is not None and files_are not in FILES_ARE:
        raise unknown_name("--files", files_are, FILES_ARE)
    if str(path) != STANDARD_INPUT:
        return _read_source(Path(path), score, threshold, filter, names, files_are, listener)
    with spooled() as file:
        read = _read_source(file, score, threshold, filter, names, files_are, listener)
    return replace(read, models=tuple(replace(model, files=(Path(NAME),)) for model in read.models))


def _read_source(
    source: Path,
    score: str | None,
    threshold: float | None,
    filter: str | None,
    names: Mapping[str, str],
    files_are: FilesAre | None,
    listener: RowListener | None,
) -> ReadSource:
    try:
        table = RolloutTable(threshold)
        table.listener = listener
        files = _files(source, names, table)
        roles = relate(source, files, names, files_are, table)
        _read_files(files, roles, table, ReadOptions(files[0][0], score, filter, names))
        options = {"score": score, "threshold": threshold, "filter": filter, "map": names or None, "files": files_are}
        models = _in_order(assemble(table))
        given = [option for option, value in options.items() if value is not None]
        unused = tuple(option for option in given if option not in table.obeyed)
        return ReadSource(models, unused, table.largest_score)
    except RecursionError:
        raise InputError(f"{source}: a value is nested too deep; values are texts, numbers or chat messages") from None


def _files(source: Path, columns: Mapping[str, str], table: RolloutTable) -> list[FileWithReader]:
    """The files to read; the table gets the notes on those of a folder that are not read."""
    if not is_there(source):
        raise InputError(f"{source}: no such file or folder; give rollouts")
    if not source.is_dir():
        return [with_reader(source, columns)]
    files, unread = find_files(source, columns)
    notes, warnings = notes_on_unread(unread)
    for note in notes:
        table.note(note)
    for warning in warnings:
        table.warn(warning)
    return files


def is_there(path: Path) -> bool:
    """Whether there is a file or folder. A path that no file can have, such as a very long one, is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _in_order(models: tuple[ModelRollouts, ...]) -> tuple[ModelRollouts, ...]:
    """The known base first, steps and training seeds by their number."""
    by_name: dict[str, list[ModelRollouts]] = {}
    for model in sorted(models, key=lambda model: natural_key(model.training_seed or "")):
        by_name.setdefault(model.model or "", []).append(model)
    appeared = dict.fromkeys(model.model or "" for model in models)
    return tuple(model for name in in_order(list(appeared)) for model in by_name[name])


def _read_files(
    files: Sequence[FileWithReader], roles: Sequence[Role], table: RolloutTable, options: ReadOptions
) -> None:
    if len({reader.is_totals for _, reader in files}) > 1:
        raise InputError(f"{files[0][0].path.parent}: a counts CSV among other files; give it by itself")
    for (head, reader), role in zip(files, roles, strict=True):
        # What a head has looked at is let go with it.
        head = read_head(head.path) if head.kind == "document" else replace(head)
        reader.read(head.path, table, replace(options, head=head, set_name=role.set, model_name=role.model))
