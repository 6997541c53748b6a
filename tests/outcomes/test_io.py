"""Outcomes survive their file, and bad files are refused in one line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import Outcomes
from edgewise.core.errors import InputError
from edgewise.outcomes.io import read_outcomes, write_outcomes
from tests.outcomes.test_outcomes import columns


def test_parquet_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"
    before = Outcomes.of(**columns())
    write_outcomes(before, path)
    after = read_outcomes(path)
    for one in fields(Outcomes):
        there, here = getattr(after, one.name), getattr(before, one.name)
        assert np.array_equal(there, here)
        assert getattr(there, "dtype", None) == getattr(here, "dtype", None)
    assert [one.name for one in tmp_path.iterdir()] == ["o.parquet"]
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"
    with pytest.raises(InputError, match=r"o\.parquet: no such file"):
        read_outcomes(path)
    path.write_bytes(b"PAR1 this is not a table PAR1")
    with pytest.raises(InputError, match=r"o\.parquet: not a readable Parquet file") as caught:
        read_outcomes(path)
    assert "\n" not in str(caught.value)
    write_outcomes(Outcomes.of(**columns()), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_outcomes(path)

    def rewrite(**changed: Any) -> None:
        cells = columns(**changed)
        pq.write_table(pa.table({name: cells[name] for name in cells if cells[name] is not None}), path)

    rewrite(level=None, sample=None)
    with pytest.raises(InputError, match=r"o\.parquet: no column level, sample; outcomes need"):
        read_outcomes(path)
    rewrite(tokens=pa.array([1, None, 2, 3, 4]))
    with pytest.raises(InputError, match=r"o\.parquet: column tokens has empty cells"):
        read_outcomes(path)
    rewrite(answer=np.array([1, 0, 300, 0, 1]))
    with pytest.raises(InputError, match=r"o\.parquet: column answer_S: verdict 300"):
        read_outcomes(path)
    with pytest.raises(InputError, match="cannot be written"):
        write_outcomes(Outcomes.of(**columns()), tmp_path / "absent" / "o.parquet")
