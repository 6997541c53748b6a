"""Rollouts as Parquet or Arrow in columns, which are those of `edgewise.interop.readers.rows`.

A dataset of Hugging Face is a folder of such files: Arrow where `datasets` saved it to disk
(`edgewise.interop.ingest.saved_dataset`), Parquet where it was downloaded.

Names may be strings, whole numbers or dictionaries, `tokens` also a list column, whose lengths count. Rows that hold
lists of samples, or the verdicts of two models, are read one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from edgewise.interop.ingest.parquet import add_parquet, open_parquet
from edgewise.interop.ingest.schema import CONVERTERS
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.readers.row_source import RowSource
from edgewise.interop.readers.rows import add_rows, columns_of, has_columns, holds_rollouts, problems_by_content


class ParquetReader(Reader):
    """Reads a Parquet or Arrow file of edgewise's documented columns."""

    name = "edgewise rollouts Parquet"
    listed_as = "edgewise Parquet (problem_id, correct)"
    priority = 0
    sets_are_files = True
    # What `datasets` writes beside its Arrow files.
    companions = ("state.json", "dataset_info.json", "dataset_dict.json")

    def recognises(self, head: FileHead) -> bool:
        """A Parquet or Arrow file that names the problem and the verdict, or one of them by its documented name."""
        return head.kind == "parquet" and holds_rollouts(head, next(iter(head.first_rows(1)), None))

    def takes(self, head: FileHead, columns: Mapping[str, str]) -> bool:
        """Rows that have all these columns, be it in the samples within a row."""
        return head.kind == "parquet" and has_columns(next(iter(head.first_rows(1)), None), columns)

    def problems_of(self, head: FileHead, most: int, columns: Mapping[str, str]) -> dict[str, str | None]:
        """As the base class says, by the columns that are chosen by content."""
        return problems_by_content(head, most, columns)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; their set is `options.set_name` where no column says."""
        table.begin(path, self.name)
        source = RowSource(options.head, options.score, options.columns)
        columns = columns_of(table, options, source)
        if not source.shape.is_flat or (columns.converters and _is_nested(path, columns.names["problem"])):
            add_rows(path, table, options, source, columns)
            return
        constants = {"set": options.set_name, "model": options.model_name, "graded_by": columns.graded_by}
        add_parquet(path, table, columns.names, constants, CONVERTERS | columns.converters)


def _is_nested(path: Path, name: str) -> bool:
    with open_parquet(path) as file:
        return bool(pa.types.is_nested(file.schema_arrow.field(name).type))


READER = ParquetReader()
