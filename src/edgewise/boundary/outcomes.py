"""The table problems x samples of verdicts: all that the boundary part ever sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.boundary.counts import (
    Counts,
    IntArray,
    Metric,
    Rates,
    StrArray,
    integers,
    require_same_problems,
)
from edgewise.errors import InputError
from edgewise.files import whole

# One long id would otherwise widen every row of a fixed-width string column.
MAX_ID_LENGTH = 256


@dataclass(frozen=True, eq=False)
class Outcomes:
    """One row per sample, in any order.

    Columns of equal length: `problem` (id), `level` (of the problem), `sample` (number of the
    sample within its problem; its order is the order of drawing), `answer` and `process` (1
    correct, 0 wrong, -1 unscorable), `truncated` (the completion met the length limit), `tokens`
    (length of the completion in tokens).

    Raises InputError when there is no row, lengths or types differ from these, a verdict is not
    in {-1, 0, 1}, a (problem, sample) pair occurs twice, or a problem has two levels.
    """

    problem: StrArray
    level: IntArray
    sample: IntArray
    answer: npt.NDArray[np.int8]
    process: npt.NDArray[np.int8]
    truncated: npt.NDArray[np.bool_]
    tokens: IntArray

    def __post_init__(self) -> None:
        ids = _ids(self.problem)

        def keep(name: str, column: npt.NDArray[Any]) -> None:
            if column.shape != ids.shape:
                raise InputError(f"{name}: shape {column.shape}; it needs one value for each of the {ids.size} rows")
            column.setflags(write=False)
            object.__setattr__(self, name, column)

        keep("problem", ids)
        for name in ("level", "sample", "tokens"):
            keep(name, integers(name, getattr(self, name)))
        for name in ("answer", "process"):
            keep(name, _verdicts(name, getattr(self, name)))
        truncated = np.asarray(self.truncated)
        if truncated.dtype != np.bool_:
            raise InputError(f"truncated: {truncated.dtype} values; true or false is needed")
        keep("truncated", truncated.copy())
        if (self.tokens < 0).any():
            raise InputError("tokens: a negative length; lengths start at 0")
        self._check_rows()

    def _check_rows(self) -> None:
        ids, code = self._coded
        order = np.lexsort((self.sample, code))
        code, sample, level = code[order], self.sample[order], self.level[order]
        same_problem = code[1:] == code[:-1]
        twice = same_problem & (sample[1:] == sample[:-1])
        if twice.any():
            row = int(np.argmax(twice))
            raise InputError(f"sample: problem {ids[code[row]]} has sample {sample[row]} twice; a sample is one row")
        moved = same_problem & (level[1:] != level[:-1])
        if moved.any():
            row = int(np.argmax(moved))
            raise InputError(
                f"level: problem {ids[code[row]]} has levels {level[row]} and {level[row + 1]}; a problem has one level"
            )

    @cached_property
    def _coded(self) -> tuple[StrArray, IntArray]:
        """Sorted distinct ids, and for each row the position of its problem among them."""
        ids, code = np.unique(self.problem, return_inverse=True)
        return ids, code.astype(np.int64)

    @property
    def levels(self) -> tuple[int, ...]:
        """The distinct levels, ascending."""
        return tuple(int(level) for level in np.unique(self.level))

    def select_levels(self, levels: Iterable[int]) -> Outcomes:
        """The rows whose problem is at one of `levels`.

        Raises InputError when a level does not occur.
        """
        wanted = list(levels)
        absent = sorted(set(wanted) - set(self.levels))
        if absent or not wanted:
            raise InputError(f"levels: {absent or 'none'} asked for; there are {self.levels}")
        rows = np.isin(self.level, wanted)
        return Outcomes(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def rates(self) -> Rates:
        """The shares of samples unscorable by their answer, and truncated; see `Rates`."""
        return self.counts("answer").rates()

    def counts(self, metric: Metric = "answer") -> Counts:
        """Samples and correct samples of every problem, sorted by problem id.

        An unscorable sample is in `n_P` and not in `c_P`; `unscorable_P` counts it beside. See
        `Counts`. Raises InputError when `metric` is neither "answer" nor "process".
        """
        if metric not in ("answer", "process"):
            raise InputError(f"metric: {metric!r} is unknown; use 'answer' or 'process'")
        verdict = self.answer if metric == "answer" else self.process
        ids, code = self._coded
        n_P = np.bincount(code, minlength=ids.size)
        level_P = np.zeros(ids.size, dtype=np.int64)
        level_P[code] = self.level

        def count(rows: npt.NDArray[np.bool_]) -> IntArray:
            return np.bincount(code[rows], minlength=ids.size).astype(np.int64)

        order = np.lexsort((self.sample, code))
        rank = np.empty(order.size, dtype=np.int64)
        rank[order] = np.arange(order.size) - np.repeat(np.cumsum(n_P) - n_P, n_P)
        first_P = n_P.astype(np.int64)
        correct = verdict == 1
        np.minimum.at(first_P, code[correct], rank[correct])
        return Counts(
            problem=ids,
            level=level_P,
            n_P=n_P.astype(np.int64),
            c_P=count(correct),
            unscorable_P=count(verdict == -1),
            truncated_P=count(self.truncated),
            first_P=first_P,
            metric=metric,
        )

    def write(self, path: str | Path) -> None:
        """Write the table as Parquet (zstd); the file appears whole or not at all.

        Raises InputError naming the file when it cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        target = Path(path)
        table = pa.table({one.name: pa.array(getattr(self, one.name)) for one in fields(self)})
        try:
            with whole(target) as aside:
                pq.write_table(table, aside, compression="zstd")
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({_line(error)})") from None

    @classmethod
    def read(cls, path: str | Path) -> Outcomes:
        """Read what `write` wrote, or any Parquet file with these columns; others are ignored.

        Raises InputError naming the file, and the column where one is at fault.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [one.name for one in fields(cls)]
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file; give a Parquet file of outcomes")
        try:
            with pq.ParquetFile(path) as file:
                present = file.schema_arrow.names
                absent = [name for name in names if name not in present]
                table = None if absent else file.read(columns=names)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path}: not a readable Parquet file ({_line(error)})") from None
        if table is None:
            raise InputError(f"{path}: no column {', '.join(absent)}; outcomes need {', '.join(names)}")
        columns: dict[str, Any] = {}
        for name in names:
            column = table.column(name)
            if column.null_count:
                raise InputError(f"{path}: column {name} has empty cells; every row needs a value")
            columns[name] = column.to_pylist() if name == "problem" else column.to_numpy()
        try:
            return cls(**columns)
        except InputError as error:
            raise InputError(f"{path}: column {error}") from None


def align(base: Outcomes, tuned: Outcomes, metric: Metric = "answer") -> tuple[Counts, Counts]:
    """The counts of both arms on the same problems in the same order.

    Raises InputError, naming the first few problems that differ, unless both arms hold the same
    problems at the same levels.
    """
    pair = base.counts(metric), tuned.counts(metric)
    require_same_problems(*pair)
    return pair


def _ids(values: Any) -> StrArray:
    listed = list(values)
    if not listed:
        raise InputError("problem: there is no row; outcomes need at least one sample")
    odd = next((one for one in listed if not isinstance(one, str | int | np.integer)), None)
    if odd is not None:
        raise InputError(f"problem: an id of type {type(odd).__name__}; ids are strings")
    ids = [str(one) for one in listed]
    if max(map(len, ids)) > MAX_ID_LENGTH:
        raise InputError(f"problem: an id is longer than {MAX_ID_LENGTH} characters")
    return np.array(ids, dtype=np.str_)


def _verdicts(name: str, values: Any) -> npt.NDArray[np.int8]:
    array = integers(name, values)
    odd = array[(array < -1) | (array > 1)]
    if odd.size:
        raise InputError(f"{name}: verdict {odd[0]}; use 1 (correct), 0 (wrong) or -1 (unscorable)")
    return array.astype(np.int8)


def _line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
