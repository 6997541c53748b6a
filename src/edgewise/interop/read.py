"""Any file or folder of rollouts: which format it is, and what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.interop.ingest.assemble import assemble
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.imported import Imported
from edgewise.interop.ingest.lines import brief, lines, parse
from edgewise.interop.readers import counts_csv, inspect_ai, lm_eval, parquet, trl, verl
from edgewise.interop.readers import jsonl as documented

KNOWN = (
    "edgewise JSONL or Parquet (problem_id, correct), counts CSV (problem_id, n, c), "
    "lm-evaluation-harness samples, inspect_ai logs, verl rollouts, TRL completions"
)

_MOST_FILES = 10_000
# A part of one file: rollouts-00001-of-00004, aime_part2, 0. Not a name that only ends in a number.
_SHARD = re.compile(r"([-_.][0-9]+-of-[0-9]+|[-_.]?(part|shard|chunk|rank|worker)[-_.]?[0-9]+|^[0-9]+)$")


class UnknownFormatError(InputError):
    """The content of a file is none of the known formats."""


def read(path: str | Path, *, score: str | None = None, threshold: float | None = None) -> tuple[Imported, ...]:
    """The rollouts in a file or folder of any known format, one Imported for each model.

    A folder is all files in it of a known format, in the order of their names. Several files of
    edgewise's columns that name no set are one set for each file name; parts of one file, such as
    a-00001-of-00004 or a_part1, are one.

    `score` names what holds the verdict where a file has several scores: a metric of
    lm-evaluation-harness, a scorer of inspect_ai, a reward of TRL or verl. `threshold` is the least
    graded score that is correct; without it scores must be 0 and 1, or -1 and 1.

    Raises InputError, one line with file, row and field, for anything that is not as documented in
    `edgewise.interop.readers.jsonl` or is damaged.
    """
    source = Path(path)
    try:
        if source.is_dir():
            return _read_folder(source, score, threshold)
        if not source.is_file():
            raise InputError(f"{source}: no such file or folder; give rollouts")
        return _read([(source, _recognise(source))], score, threshold, [])
    except RecursionError:
        raise InputError(f"{source}: a value is nested too deep; values are texts, numbers or chat messages") from None


@dataclass(frozen=True)
class _Format:
    """How to read a file: `add` gives its rows to a builder; counts have none.

    Its last argument is the name of the score for the formats of other tools, and for ours (`own`)
    the set of the rows that name none.
    """

    name: str
    add: Callable[[Path, Builder, str | None], None] | None = None
    own: bool = False


def _read(
    files: Sequence[tuple[Path, _Format]], score: str | None, threshold: float | None, notes: list[str]
) -> tuple[Imported, ...]:
    if any(kind.add is None for _, kind in files):
        if len(files) > 1:
            raise InputError(f"{files[0][0].parent}: a counts CSV among other files; give it by itself")
        return (counts_csv.read_counts(files[0][0]),)
    builder = Builder(threshold)
    for note in notes:
        builder.note(note)
    several_sets = len({_set_of(file) for file, kind in files if kind.own}) > 1
    for file, kind in files:
        assert kind.add is not None
        set_name = _set_of(file) if several_sets else None
        kind.add(file, builder, set_name if kind.own else score)
    return assemble(builder)


def _read_folder(folder: Path, score: str | None, threshold: float | None) -> tuple[Imported, ...]:
    try:
        inside = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({brief(error)})") from None
    if len(inside) > _MOST_FILES:
        raise InputError(f"{folder}: {len(inside)} files; a folder of rollouts has at most {_MOST_FILES}")
    files, skipped = [], []
    for file in inside:
        try:
            files.append((file, _recognise(file)))
        except UnknownFormatError:
            # The harness's results, from which the samples' model is read.
            skipped += [] if file.name.startswith("results_") else [file.name]
    if any(kind.name == "edgewise lab rollouts" for _, kind in files):
        # A stage's outcomes are the verdicts of its rollouts once more.
        skipped += [file.name for file, kind in files if kind.name == "edgewise outcomes"]
        files = [(file, kind) for file, kind in files if kind.name != "edgewise outcomes"]
    if not files:
        raise InputError(f"{folder}: no file of a known format; known are {KNOWN}")
    notes = [f"not read: {documented.listed(skipped)}"] if skipped else []
    return _read(files, score, threshold, notes)


def _recognise(path: Path) -> _Format:
    """The format of a file, by its content."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({brief(error)})") from None
    if not start:
        raise InputError(f"{path}: the file is empty; rollouts have at least one row")
    if start == b"PAR1":
        return _parquet(path)
    if start == b"PK\x03\x04":
        return _Format("inspect_ai log", inspect_ai.read_eval)
    number, first = next(lines(path), (0, ""))
    if not number:
        raise InputError(f"{path}: only blank lines; rollouts have at least one row")
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return _not_json_lines(path, first)
    keys = list(record) if isinstance(record, dict) else []
    if inspect_ai.recognised(record):
        return _Format("inspect_ai log", inspect_ai.read_json)
    if set(keys) >= lm_eval.KEYS:
        return _Format("lm-evaluation-harness samples", lm_eval.read_lm_eval)
    if set(keys) >= verl.KEYS:
        return _Format("verl rollouts", verl.read_verl)
    if isinstance(record, dict) and documented.near(keys):
        return _Format("edgewise rollouts JSONL", documented.read_jsonl, own=True)
    found = f"the first line has {documented.listed(keys)}" if keys else "the first line is no JSON object"
    raise UnknownFormatError(f"{path}: unknown format: {found}; known are {KNOWN}")


def _parquet(path: Path) -> _Format:
    names = parquet.schema_names(path)
    if set(names) >= trl.COLUMNS:
        return _Format("TRL completions", trl.read_trl)
    if (table := parquet.layout(names)) is not None:
        return _Format(table.source, partial(parquet.read_parquet, table=table), own=True)
    if documented.near(names):
        documented.require(names, str(path))
    raise UnknownFormatError(f"{path}: unknown format: the columns are {documented.listed(names)}; known are {KNOWN}")


def _not_json_lines(path: Path, first: str) -> _Format:
    """The format of a text file whose first line is no JSON value by itself."""
    if first.lstrip().startswith("{"):
        return _json_document(path)
    if counts_csv.recognised(first):
        return _Format("counts CSV")
    raise UnknownFormatError(f"{path}: unknown format: the first line is {first.strip()[:60]!r}; known are {KNOWN}")


def _json_document(path: Path) -> _Format:
    """The format of a JSON value that is written over many lines."""
    head = []
    for number, text in lines(path):
        head.append(text)
        if number >= 40:
            break
    if head[0].strip() == "{" and any(text.lstrip().startswith('"eval":') for text in head):
        return _Format("inspect_ai log", inspect_ai.read_json)
    if head[0].strip() == "{":
        raise UnknownFormatError(f"{path}: unknown format: one JSON object over many lines; known are {KNOWN}")
    parse(head[0], f"{path}: line 1")
    raise AssertionError("the line was no JSON before")


def _set_of(path: Path) -> str:
    """The set that a file's name says: without its type, and without the number of a part."""
    stem = re.sub(r"(\.jsonl?|\.parquet|\.gz)+$", "", path.name)
    return _SHARD.sub("", stem) or "rows"
