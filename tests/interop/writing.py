"""Files for the tests of the importers, and what is read of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from edgewise.boundary import Counts
from edgewise.core.errors import InputError
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import read_rollouts

FILES = Path(__file__).parent / "files"

Totals = dict[str, tuple[int, int]]


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """The rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def only(path: Path, **options: Any) -> ModelRollouts:
    """What is read of the one model there."""
    (imported,) = read_rollouts(path, **options)
    return imported


def counts(imported: ModelRollouts) -> Counts:
    """Its counts, by answer."""
    found = imported.counts if imported.outcomes is None else imported.outcomes.counts()
    assert found is not None
    return found


def totals(imported: ModelRollouts) -> Totals:
    """n and c of each problem."""
    found = counts(imported)
    return dict(zip(found.problem.tolist(), zip(found.n_P.tolist(), found.c_P.tolist(), strict=True), strict=True))


def refused(path: Path, **options: Any) -> str:
    """The line of the error, without the folder of the file."""
    with pytest.raises(InputError) as error:
        read_rollouts(path, **options)
    line = str(error.value)
    assert "\n" not in line
    assert str(path) in line
    return line.replace(f"{path.parent}/", "")
