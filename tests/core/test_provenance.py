from __future__ import annotations

import platform
from pathlib import Path

import pytest

from edgewise import __version__
from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance, Totals, machine, versions

PROVENANCE = Provenance(
    digest="0123456789abcdef",
    parents=("pretrain-0123456789abcdef",),
    seed=3,
    finished="2026-01-02T03:04:05+00:00",
    wall_seconds=1.5,
    totals=Totals(tokens=10.0, flops=2e9, seconds=4.0),
    ranks=2,
    device="cpu",
    backend={"name": "torch"},
    versions={"edgewise": "0.1.0"},
    machine="x86_64 Linux, 2 cores",
)


def test_provenance_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "provenance.json", PROVENANCE.model_dump())
    assert Provenance.parse(read_json_object(tmp_path / "provenance.json")) == PROVENANCE


def test_a_file_of_a_version_that_counted_less_is_read() -> None:
    written = PROVENANCE.model_dump()
    written["totals"] = {"tokens": 10.0, "flops": 2e9, "seconds": 4.0, "data_seconds": 0.0}
    assert Provenance.parse(written) == PROVENANCE


def test_damaged_totals_name_the_file_and_the_field() -> None:
    damaged = PROVENANCE.model_dump() | {"totals": {"tokens": "many"}}
    with pytest.raises(InputError, match=r"^provenance\.json: totals\.tokens: [^\n]*'many'"):
        Provenance.parse(damaged, "provenance.json")


def test_versions_are_those_of_what_is_installed() -> None:
    found = versions(("numpy", "no-such-package"))
    assert list(found) == ["edgewise", "python", "numpy"]
    assert (found["edgewise"], found["python"]) == (__version__, platform.python_version())
    assert machine().startswith(platform.machine())


def test_what_json_cannot_say_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "file.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []
