"""Read what a scaling law is fitted to: the metrics of runs, or a CSV or JSONL of compute, reward, seed and arm.

Three kinds of tables, told by their columns:

    compute, reward [, entropy, seed, arm]    a training curve; or step, tokens, reward: metrics.jsonl of a run
    n, c [, arm]                              samples and correct samples of each problem
    depth, steps [, seed, arm]                steps until problems of a depth were learned; empty where they were not
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgewise.core.errors import InputError, unknown_name
from edgewise.core.words import counted
from edgewise.interop.ingest.cells import quote, to_group_name, to_number
from edgewise.interop.ingest.records import container_of, first_records, records
from edgewise.outcomes.counts import FloatArray, IntArray

Kind = Literal["curve", "counts", "depth"]

# The columns that a kind needs, and those that may be empty or absent.
_NEEDED: Mapping[Kind, tuple[str, str]] = {
    "curve": ("compute", "reward"),
    "counts": ("n", "c"),
    "depth": ("depth", "steps"),
}
_COLUMNS = ("compute", "reward", "entropy", "n", "c", "depth", "steps", "seed", "arm")
_MOST_ROWS = 1_000_000
# The columns of a file are those of its first rows.
_SEEN_ROWS, _SEEN_CHARACTERS = 1000, 1_000_000
_METRICS = "metrics.jsonl"
_SPEC = "spec.json"
# The one arm of files without a column that names arms.
ONLY_ARM = "all runs"


@dataclass(frozen=True, eq=False)
class ScalingColumns:
    """The columns of one arm, each of shape (N,); `entropy_N` is NaN where it was not measured, None without any."""

    first_N: FloatArray
    second_N: FloatArray
    seed_N: IntArray
    entropy_N: FloatArray | None


@dataclass(frozen=True, eq=False)
class ScalingTable:
    """The arms of some files, of what kind they are, and what was assumed on reading them.

    `first_N` and `second_N` of the columns are compute and reward, n and c, or depth and steps.
    """

    kind: Kind
    arms: Mapping[str, ScalingColumns]
    notes: tuple[str, ...]


@dataclass
class _Rows:
    """The cells of all files, row by row."""

    where: list[str]
    first: list[float]
    second: list[float]
    entropy: list[float]
    seed: list[str]
    arm: list[str]


def read_scaling_table(paths: Sequence[str], columns: Mapping[str, str] | None = None) -> ScalingTable:
    """Read files, or folders of runs; `columns` names columns that are called otherwise in the files.

    A file without a column `seed` is one training seed. Raises InputError, naming file and place, for what is no table
    of numbers, a file that is given twice, seeds that only some rows have, and runs whose specs differ in more than the
    seed.
    """
    files = [_file(Path(path)) for path in paths]
    if not files:
        raise InputError("files: none; give metrics.jsonl of a run, or a CSV or JSONL of compute, reward, seed and arm")
    for place, path in enumerate(files):
        if path.resolve() in [other.resolve() for other in files[:place]]:
            raise InputError(f"{path}: given twice; each run is one training seed")
    _check_specs(files)
    names = dict(columns or {})
    for column in names:
        if column not in _COLUMNS:
            raise unknown_name("--map", column, _COLUMNS)
    rows, notes = _Rows([], [], [], [], [], []), list[str]()
    kinds = {_read(path, str(place), names, rows, notes) for place, path in enumerate(files)}
    if len(kinds) > 1:
        raise InputError(f"{files[-1]}: another kind of table than {files[0]}; fit one kind at a time")
    kind = kinds.pop()
    if not rows.where:
        raise InputError(f"{files[0]}: no row has both {_NEEDED[kind][0]} and {_NEEDED[kind][1]}")
    return ScalingTable(kind, _arms(kind, rows), tuple(dict.fromkeys(notes)))


def _file(path: Path) -> Path:
    if path.is_dir():
        if not (path / _METRICS).is_file():
            raise InputError(f"{path}: no {_METRICS} in it; give the folder of a run, or a file")
        return path / _METRICS
    if not path.is_file():
        raise InputError(f"{path}: no such file; give {_METRICS} of a run, or a CSV or JSONL")
    return path


def _check_specs(files: Sequence[Path]) -> None:
    """InputError where files lie in folders of runs that are not one arm, with the field in which specs differ."""
    specs = {path: dict(_settings(_spec(path.with_name(_SPEC)))) for path in files if path.with_name(_SPEC).is_file()}
    for path, spec in specs.items():
        first = next(iter(specs))
        field = next((name for name in (*specs[first], *spec) if specs[first].get(name) != spec.get(name)), None)
        if field is not None:
            raise InputError(
                f"{path}: a run of another spec than {first} ({field} is {quote(spec.get(field))}, not "
                f"{quote(specs[first].get(field))}), not another seed of it; fit them apart, or write a table with a "
                "column arm"
            )


def _spec(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: no JSON that can be read; give {_METRICS} from a folder that is whole") from None


def _settings(spec: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted field of a spec but its training seeds, with its value."""
    if not isinstance(spec, dict | list) or not spec:
        yield field, spec
        return
    for name, value in spec.items() if isinstance(spec, dict) else enumerate(spec):
        if name != "seed":
            yield from _settings(value, f"{field}.{name}" if field else str(name))


def _read(path: Path, own_seed: str, names: Mapping[str, str], rows: _Rows, notes: list[str]) -> Kind:
    """Add the rows of one file; returns its kind."""
    if container_of(path) == "unknown":
        raise InputError(f"{path}: neither JSONL nor CSV with a header; write rows of compute and reward")
    # Rows of training and of evaluation may take turns, so that the first lacks what others have.
    fields = {name for record in first_records(path, _SEEN_ROWS, _SEEN_CHARACTERS) for name in record.fields}
    if not fields:
        raise InputError(f"{path}: no row; write rows of compute and reward")
    is_metrics = "compute" not in names and "compute" not in fields and {"step", "tokens"} <= fields
    kind = _kind(path, fields, names, is_metrics)
    seed_column = names.get("seed", "seed" if "seed" in fields else "training_seed")
    numbers = [column for column in (*_NEEDED[kind], "entropy") if not (is_metrics and column == "compute")]
    tokens, skipped, total, seeded, armed = 0.0, 0, 0, set[bool](), set[bool]()
    for record in records(path):
        where = f"{path}: {record.noun} {record.number}"
        total += 1
        if total > _MOST_ROWS:
            raise InputError(f"{path}: more than {_MOST_ROWS:,} rows; write one row for each evaluation")
        cells = {column: _number(record.fields, names.get(column, column), where) for column in numbers}
        if is_metrics:
            # A step's reward is that of the policy before its update, and `tokens` counts the step's own.
            cells["compute"] = tokens
            tokens = _tokens_so_far(record.fields, tokens, where)
        first, second = (cells[column] for column in _NEEDED[kind])
        seed = _name(record.fields, seed_column, where)
        if first is None or (second is None and kind != "depth"):
            skipped += 1
            continue
        arm = _name(record.fields, names.get("arm", "arm"), where)
        for column, given, seen in (("seed", seed, seeded), ("arm", arm, armed)):
            seen.add(given is not None)
            if len(seen) > 1:
                raise InputError(f"{where}: {column}: empty in some rows; every row of a file needs it, or none")
        rows.where.append(where)
        rows.first.append(first)
        rows.second.append(np.nan if second is None else second)
        rows.entropy.append(np.nan if cells["entropy"] is None else cells["entropy"])
        rows.seed.append(f"file {own_seed}" if seed is None else seed)
        rows.arm.append(arm or ONLY_ARM)
    if skipped:
        notes.append(f"{skipped} of {counted(total, 'row')} in {path.name} are left out, where a cell is empty.")
    if is_metrics:
        notes.append(
            "Compute is the tokens sampled before the step, and the reward that of training batches, which the recipe "
            "may filter; ScaleRL's is of held-out problems."
        )
    if seeded == {False} and kind != "counts":
        notes.append(f"{path.name} has no column seed and is taken for one training seed.")
    return kind


def _tokens_so_far(fields: Mapping[str, Any], before: float, where: str) -> float:
    tokens = _number(fields, "tokens", where)
    if tokens is None:
        return before
    if tokens < before:
        raise InputError(
            f"{where}: tokens fall from {before:g} to {tokens:g}; a file holds one run, whose tokens add up"
        )
    return tokens


def _kind(path: Path, fields: Collection[str], names: Mapping[str, str], is_metrics: bool) -> Kind:
    present = {column for column in _COLUMNS if names.get(column, column) in fields}
    if is_metrics:
        present.add("compute")
    for column, name in names.items():
        if name not in fields:
            raise unknown_name(f"{path}: --map {column}", name, fields)
    for kind, needed in _NEEDED.items():
        if present.issuperset(needed):
            return kind
    raise InputError(
        f"{path}: columns {', '.join(quote(name) for name in sorted(fields)[:8])}; compute and reward, n and c, or "
        "depth and steps are needed, and --map compute=flops names those that are called otherwise"
    )


def _number(fields: Mapping[str, Any], name: str, where: str) -> float | None:
    try:
        return to_number(fields.get(name))
    except ValueError as error:
        raise InputError(f"{where}: {name}: {error}") from None


def _name(fields: Mapping[str, Any], name: str, where: str) -> str | None:
    try:
        value: str | None = to_group_name(fields.get(name))
    except ValueError as error:
        raise InputError(f"{where}: {name}: {error}") from None
    return value


def _arms(kind: Kind, rows: _Rows) -> dict[str, ScalingColumns]:
    """The columns of each arm, in order of appearance; seeds are numbered within an arm."""
    arm_N, seed_N = np.array(rows.arm), np.array(rows.seed)
    first_N, second_N, entropy_N = (np.array(column) for column in (rows.first, rows.second, rows.entropy))
    arms = {}
    for arm in dict.fromkeys(rows.arm):
        mine = np.flatnonzero(arm_N == arm)
        numbers = _seed_numbers(list(dict.fromkeys(seed_N[mine].tolist())))
        code_N = np.array([numbers[name] for name in seed_N[mine].tolist()], np.int64)
        if kind != "counts":
            _refuse_repeats(kind, rows, mine, code_N)
            _refuse_copies(arm, numbers, code_N, np.stack([first_N[mine], second_N[mine]]))
        measured = np.isfinite(entropy_N[mine]).any()
        arms[arm] = ScalingColumns(first_N[mine], second_N[mine], code_N, entropy_N[mine] if measured else None)
    return arms


def _seed_numbers(names: list[str]) -> dict[str, int]:
    """The number of each seed: its own, where all are numbers, else its place."""
    if all(re.fullmatch("[0-9]{1,18}", name) for name in names) and len({int(name) for name in names}) == len(names):
        return {name: int(name) for name in names}
    return {name: place for place, name in enumerate(names)}


def _refuse_copies(arm: str, numbers: Mapping[str, int], code_N: IntArray, cells_2N: FloatArray) -> None:
    """InputError where two seeds have the same numbers throughout: a copy would make the interval too narrow."""
    curves: dict[bytes, str] = {}
    for name, code in numbers.items():
        mine_2N = cells_2N[:, code_N == code]
        content = mine_2N[:, np.argsort(mine_2N[0], kind="stable")].tobytes()
        if content in curves:
            raise InputError(f"{arm}: seed {name} has the numbers of seed {curves[content]}; a copy is no second seed")
        curves[content] = name


def _refuse_repeats(kind: Kind, rows: _Rows, mine: IntArray, code_N: IntArray) -> None:
    seen = set[tuple[int, float]]()
    for place, code in zip(mine.tolist(), code_N.tolist(), strict=True):
        cell = (code, rows.first[place])
        if cell in seen:
            name = _NEEDED[kind][0]
            raise InputError(
                f"{rows.where[place]}: {name} {rows.first[place]:g} is there twice for one seed; two runs are two "
                "seeds, and arms have names in a column arm"
            )
        seen.add(cell)
