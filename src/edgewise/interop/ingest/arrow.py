"""Read Arrow files, such as those in a dataset that Hugging Face `datasets` saved to disk, batch by batch.

`ArrowColumns` has what the readers use of `pyarrow.parquet.ParquetFile`, under the same names, so that both kinds of
file are read by the same code; a record batch stands for a row group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa

# How the two Arrow formats begin: a file, and a stream, which `datasets` writes.
ARROW_MAGIC = (b"ARROW1", b"\xff\xff\xff\xff")


def is_arrow(beginning: bytes) -> bool:
    """Whether a file with these first bytes is an Arrow file or stream."""
    return beginning.startswith(ARROW_MAGIC)


class RowGroup(NamedTuple):
    """The size of a record batch."""

    num_rows: int


class ArrowColumns:
    """The record batches of an Arrow file, mapped into memory and checked before they are used.

    Raises what pyarrow raises where the file is not whole: an OSError or an ArrowException.
    """

    def __init__(self, path: Path) -> None:
        self._source = pa.memory_map(str(path))
        try:
            self._is_file = path.open("rb").read(6) == ARROW_MAGIC[0]
            self.schema_arrow: pa.Schema = self._reader().schema
            self._rows = [batch.num_rows for batch in self._batches()]
        except BaseException:
            self._source.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    @property
    def num_row_groups(self) -> int:
        """The number of record batches."""
        return len(self._rows)

    @property
    def metadata(self) -> ArrowColumns:
        """What `row_group` is asked of."""
        return self

    def row_group(self, number: int) -> RowGroup:
        """The size of a record batch."""
        return RowGroup(self._rows[number])

    def iter_batches(
        self, batch_size: int, *, columns: Sequence[str] | None = None, row_groups: Sequence[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of at most `batch_size` rows, of some columns and record batches only where they are named."""
        for number, batch in enumerate(self._batches()):
            if row_groups is not None and number not in row_groups:
                continue
            chosen = batch if columns is None else batch.select(list(columns))
            for start in range(0, chosen.num_rows, batch_size):
                yield chosen.slice(start, batch_size)

    def _reader(self) -> Any:
        self._source.seek(0)
        return pa.ipc.open_file(self._source) if self._is_file else pa.ipc.open_stream(self._source)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        reader = self._reader()
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if self._is_file else iter(reader)
        for batch in batches:
            # Offsets of a hostile file may point anywhere.
            batch.validate(full=True)
            yield batch
