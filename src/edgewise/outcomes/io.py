"""Read and write outcomes: a Parquet file with one row per sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes

NEEDED = ("problem", "level", "sample", "answer")
OPTIONAL = ("process", "truncated", "tokens")


def write_outcomes(outcomes: Outcomes, path: str | Path) -> None:
    """Write the verdicts, one row per sample, as Parquet (zstd); the file appears whole or not at all.

    Raises InputError naming the file when it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = Path(path)
    columns = {
        "problem": outcomes.problem[outcomes.problem_S],
        "level": outcomes.level[outcomes.problem_S],
        "sample": outcomes.sample_S,
        "answer": outcomes.answer_S,
        "process": outcomes.process_S,
        "truncated": outcomes.truncated_S,
        "tokens": outcomes.tokens_S,
    }
    table = pa.table({name: pa.array(column) for name, column in columns.items() if column is not None})
    try:
        with atomic_write(target) as aside:
            pq.write_table(table, aside, compression="zstd")
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({_first_line(error)})") from None


def read_outcomes(path: str | Path) -> Outcomes:
    """Read what `write_outcomes` wrote, or any Parquet file with these columns; other columns are ignored.

    Needed are `problem`, `level`, `sample` and `answer`. Raises InputError naming the file, and
    the column where one is at fault.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; give a Parquet file of outcomes")
    try:
        with pq.ParquetFile(path) as file:
            present = [name for name in (*NEEDED, *OPTIONAL) if name in file.schema_arrow.names]
            absent = [name for name in NEEDED if name not in present]
            table = None if absent else file.read(columns=present)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable Parquet file ({_first_line(error)})") from None
    if table is None:
        raise InputError(f"{path}: no column {', '.join(absent)}; outcomes need {', '.join(NEEDED)}")
    columns: dict[str, Any] = {}
    for name in present:
        column = table.column(name)
        if column.null_count:
            raise InputError(f"{path}: column {name} has empty cells; every row needs a value")
        text = name == "problem" or pa.types.is_string(column.type)
        columns[name] = column.to_pylist() if text else column.to_numpy()
    try:
        return Outcomes.of(**columns)
    except InputError as error:
        raise InputError(f"{path}: column {error}") from None


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
