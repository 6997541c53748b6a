"""Read what a Parquet file says of itself: one entry of the metadata of its schema."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def parquet_metadata(path: Path, key: bytes) -> bytes | None:
    """The entry of a Parquet file's metadata under `key`; None where there is none, or the file is of another format.

    OSError or ValueError where it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return None
    metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
    return metadata.get(key)
