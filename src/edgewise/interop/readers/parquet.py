"""Rollouts as Parquet in edgewise's documented columns, which are those of `edgewise.interop.readers.jsonl`.

Names may be strings, whole numbers or dictionaries, `tokens` also a list column, whose lengths count.
"""

from __future__ import annotations

from pathlib import Path

from edgewise.interop.ingest.parquet import add_parquet, parquet_columns
from edgewise.interop.ingest.schema import has_a_needed_column, require_columns
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions


class ParquetReader(Reader):
    """Reads a Parquet file of edgewise's documented columns."""

    name = "edgewise rollouts Parquet"
    listed_as = "edgewise Parquet (problem_id, correct)"
    priority = 0
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """A Parquet file with a column for the problem or the verdict."""
        return head.kind == "parquet" and has_a_needed_column(head.columns)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; their set is `options.set_name` where no column says."""
        names = require_columns(parquet_columns(path), str(path))
        table.begin(path, self.name)
        constants = {
            "set": options.set_name,
            "model": options.model_name,
            "graded_by": names.get("correct", names.get("score")),
        }
        add_parquet(path, table, names, constants)


READER = ParquetReader()
