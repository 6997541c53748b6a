"""Outcomes of the laboratory (`outcomes.parquet`, by `write_outcomes`): one row is the verdict of one sample."""

from __future__ import annotations

from pathlib import Path

from edgewise.interop.ingest.cells import to_stored_verdict
from edgewise.interop.ingest.parquet import add_parquet, parquet_columns
from edgewise.interop.ingest.schema import CONVERTERS, has_needed_columns
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers import lab_rollouts
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

_COLUMNS = {"problem", "level", "sample", "answer"}


class LabOutcomesReader(Reader):
    """Reads outcomes as the laboratory stores them."""

    name = "edgewise outcomes"
    listed_as = ""
    sets_are_files = True
    # A stage's outcomes are the verdicts of its rollouts once more.
    repeats = lab_rollouts.NAME

    def recognises(self, head: FileHead) -> bool:
        """The columns of stored outcomes; a table with a column `correct` or `score` is a documented one."""
        return head.kind == "parquet" and set(head.columns) >= _COLUMNS and not has_needed_columns(head.columns)

    def model_of(self, path: Path) -> str | None:
        """The stage whose model was evaluated."""
        return lab_rollouts.evaluated_stage(path)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; their set is `options.set_name` where no column says."""
        columns = [name for name in parquet_columns(path) if name in CONVERTERS]
        names = {"correct" if name == "answer" else name: name for name in columns}
        table.begin(path, self.name)
        constants = {"set": options.set_name, "model": self.model_of(path) or options.model_name}
        add_parquet(path, table, names, constants, dict.fromkeys(("correct", "process"), to_stored_verdict))


READER = LabOutcomesReader()
