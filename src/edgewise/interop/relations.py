"""Tell how several files of one folder relate: samples of the same problems, problem sets, or models.

Told from their names and from what the first rows of each ask. Names are compared folder by folder, and the words of a
name apart from its numbers; `edgewise.interop.file_names` has the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgewise.interop.file_names import FILES_ARE, FilesAre, SameProblems, by_number, by_words, common_name
from edgewise.interop.folder import FileWithReader
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.model_names import natural_key, stem, without_numbers
from edgewise.interop.readers.base import Reader

# Of all files together so many rows are looked at, and of each at least and at most so many.
_ROWS_OF_ALL, _FEWEST_ROWS, _MOST_ROWS = 100_000, 20, 1_000
_OF = re.compile(r"[-_.]?[0-9]+-of-[0-9]+$")
# An id that says of which data set it is, such as HumanEval/3 or aime-2024-1; not 3, q3 or problem_3.
_TELLING_ID = re.compile(
    r"[A-Za-z]{3,}[^A-Za-z0-9]*[0-9]+[^A-Za-z0-9]+[0-9]|^(?!problem|question|test|task)[A-Za-z]{4,}[/-][0-9]"
)
_TAKEN = {"samples": "samples of the same problems", "sets": "a problem set each", "models": "a model each"}


@dataclass
class Role:
    """The model and the set that the name of a file says; None where it says none."""

    model: str | None = None
    set: str | None = None


# What the first rows of a file ask: the text of each problem by its id, None where the rows do not show it.
_Asked = Mapping[str, object]


@dataclass
class _Named:
    """A file by the names on its path, outermost first; `models` and `sets` are the names that say these."""

    names: list[str]
    asked: _Asked
    models: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)


def relate(
    folder: Path,
    files: Sequence[FileWithReader],
    columns: Mapping[str, str],
    files_are: FilesAre | None,
    table: RolloutTable,
) -> list[Role]:
    """The role of each file of a folder; the table gets a warning where another reading is possible.

    `columns` is as in ReadOptions. `files_are` takes one reading for all, where there are files to relate.
    """
    related = [place for place, (_, reader) in enumerate(files) if reader.sets_are_files]
    roles = [Role() for _ in files]
    most = max(_FEWEST_ROWS, min(_MOST_ROWS, _ROWS_OF_ALL // max(len(related), 1)))
    named = []
    for place in related:
        head, reader = files[place]
        path = head.path.relative_to(folder) if len(files) > 1 else Path(head.path.name)
        if (model := reader.model_of(head.path)) is not None and len(path.parts) > 1:
            path = path.parent.with_name(model) / path.name
        asked = reader.problems_of(head, most, columns) if len(related) > 1 and files_are is None else {}
        named.append(_Named(_names(path, reader), asked))
    deepest = max((len(file.names) for file in named), default=0)
    for file in named:
        file.names[:0] = [""] * (deepest - len(file.names))
    for level in range(deepest):
        _relate_level(named, level, files_are, table.warn)
    for place, models, sets in zip(
        related, _shortest([file.models for file in named]), _shortest([file.sets for file in named]), strict=True
    ):
        roles[place] = Role(models, sets)
    table.files_are_samples = files_are == "samples"
    if files_are is not None and len({tuple(file.names) for file in named}) > 1:
        table.obey("files")
    return roles


def _names(path: Path, reader: Reader) -> list[str]:
    """The folders on the path and the name of the file, without its type and the number of a part."""
    name = "" if reader.names_its_set(path) else _OF.sub("", stem(path.name))
    return [*path.parts[:-1], name or "rows"]


def _relate_level(files: Sequence[_Named], level: int, files_are: FilesAre | None, warn: Callable[[str], None]) -> None:
    """Add to the files what their names at one level say."""
    of_words: dict[str, list[_Named]] = {}
    for file in files:
        of_words.setdefault(without_numbers(file.names[level]), []).append(file)
    taken_of_words = None
    if len(of_words) > 1:
        names = sorted({file.names[level] for file in files if file.names[level]}, key=natural_key)
        evidence = _compare(of_words.values(), level)
        taken_of_words, is_sure = (files_are, True) if files_are else by_words(names, evidence)
        if not is_sure:
            warn(_sentence(names, taken_of_words))
    for group in of_words.values():
        names = sorted({file.names[level] for file in group}, key=natural_key)
        taken_of_number: FilesAre | None = None
        if len(names) > 1:
            by_name = {name: [file for file in group if file.names[level] == name] for name in names}
            evidence = _compare(by_name.values(), level)
            taken_of_number, is_sure = (files_are, True) if files_are else by_number(names, evidence)
            if not is_sure:
                warn(_sentence(names, taken_of_number))
        common = names[0] if len(names) == 1 else common_name(names)
        for file in group:
            for taken, says in (("models", file.models), ("sets", file.sets)):
                if taken_of_number == taken:
                    says.append(file.names[level])
                elif taken_of_words == taken:
                    says.append(common)


def _compare(groups: Iterable[Sequence[_Named]], level: int) -> SameProblems:
    """Whether groups of files hold the same problems, as far as their first rows show.

    Problems are compared by id and by text, among files whose names agree at the other levels where there are such.
    """
    groups = list(groups)
    for beside_others in (True, False):
        texts: dict[tuple[str, ...], list[object]] = {}
        for group in groups:
            of_group: dict[tuple[str, ...], object] = {}
            for file in group:
                others = tuple(file.names[:level] + file.names[level + 1 :]) if beside_others else ()
                of_group |= {(*others, id): text for id, text in file.asked.items()}
            for key, text in of_group.items():
                texts.setdefault(key, []).append(text)
        shared = [values for values in texts.values() if len(values) > 1]
        if shared:
            break
    else:
        return "disjoint" if all(any(file.asked for file in group) for group in groups) else "unknown"
    known = [values for values in shared if None not in values]
    if not known and any(_TELLING_ID.search(key[-1]) for key, values in texts.items() if len(values) > 1):
        return "same"
    equal = sum(len(set(values)) == 1 for values in known)
    if not known:
        return "unknown"
    return "same" if equal > len(known) / 2 else "different"


def _shortest(paths: Sequence[Sequence[str]]) -> list[str | None]:
    """A name for each path of names: the one part that tells as much apart as all do, else all of them."""
    if not paths or not any(paths):
        return [None] * len(paths)
    distinct = len(set(map(tuple, paths)))
    for part in range(max(map(len, paths))):
        names = [path[part] if part < len(path) else "" for path in paths]
        if all(names) and len(set(names)) == distinct:
            return list(names)
    return ["/".join(filter(None, path)) or None for path in paths]


def _sentence(names: Sequence[str], taken: FilesAre) -> str:
    shown = name_list(names) if len(names) < 5 else f"{names[0]}, {names[1]}, ..., {names[-1]}"
    others = " or ".join(f"--files {other}" for other in FILES_ARE if other != taken)
    return f"the files {shown} are read as {_TAKEN[taken]}; {others} takes another reading"
