"""Digests of outputs: the same for the same content however it is written, another for any change of a value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from edgewise.core.errors import InputError
from edgewise.study.outputs import digest_of_outputs, first_difference, output_digests

LINES = [{"step": step, "loss": 2.0 / (step + 1), "grad_norm": None, "wall_seconds": 0.1 * step} for step in range(3)]
TABLE: dict[str, Any] = {
    "problem_id": ["a", "", None, "d"] * 200,
    "completion_ids": [[1, 2], [], None, [3]] * 200,
    "logprob": np.arange(800) / -1024,
    "truncated": [True, False, None, True] * 200,
}
TENSORS: dict[str, NDArray[Any]] = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros(2, np.float16)}


def lines(path: Path, records: list[dict[str, Any]], **how: Any) -> None:
    path.write_text("".join(json.dumps(record, **how) + "\n" for record in records))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an output of each kind, and what is no output."""
    folder = tmp_path / "stage"
    (folder / "model").mkdir(parents=True)
    lines(folder / "metrics.jsonl", LINES)
    save_file(TENSORS, folder / "model" / "model.safetensors")
    (folder / "model" / "config.json").write_text('{"width": 8, "depth": 2}')
    pq.write_table(pa.table(TABLE), folder / "rollouts.parquet")
    (folder / "notes.txt").write_text("own")
    return folder


def test_every_output_has_a_digest_metrics_first(folder: Path) -> None:
    found = output_digests(folder)
    assert list(found) == [
        "metrics.jsonl",
        "model/config.json",
        "model/model.safetensors",
        "notes.txt",
        "rollouts.parquet",
    ]
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in found.values())
    assert len(set(found.values())) == 5
    assert digest_of_outputs(found) == digest_of_outputs(dict(reversed(found.items())))
    assert digest_of_outputs(found) != digest_of_outputs({**found, "metrics.jsonl": "0" * 16})


def test_the_digests_are_these(folder: Path) -> None:
    """Published digests must not change by themselves."""
    assert output_digests(folder) == {
        "metrics.jsonl": "f96e0787cc524d72",
        "model/config.json": "55bf5698af220349",
        "model/model.safetensors": "2a3de4a0e36a6a6f",
        "notes.txt": "bbf627aa69070fb2",
        "rollouts.parquet": "76b543fe10f9db97",
    }


REWRITTEN: dict[str, Callable[[Path], object]] = {
    "other times": lambda at: lines(at / "metrics.jsonl", [{**line, "wall_seconds": 9, "host": 1} for line in LINES]),
    "other spaces and order": lambda at: lines(
        at / "metrics.jsonl", [dict(reversed(line.items())) for line in LINES], indent=None, separators=(", ", " : ")
    ),
    "other compression, row groups and notes": lambda at: pq.write_table(
        pa.table(TABLE).replace_schema_metadata({"host": "b"}), at / "rollouts.parquet", compression="none",
        row_group_size=7,
    ),
    "other order of tensors and notes": lambda at: save_file(
        dict(reversed(TENSORS.items())), at / "model" / "model.safetensors", {"host": "b"}
    ),
    "another layout of the configuration": lambda at: (at / "model" / "config.json").write_text(
        '{\n "depth": 2,\n "width": 8}\n'
    ),
    "provenance": lambda at: (at / "provenance.json").write_text('{"finished": "now"}'),
    "code for other libraries": lambda at: (at / "model" / "tokenization.py").write_text("pass"),
    "what a killed run left": lambda at: (at / "metrics.jsonl.new").write_text("{"),
}  # fmt: skip


@pytest.mark.parametrize("name", REWRITTEN)
def test_how_and_when_it_was_written_makes_no_difference(name: str, folder: Path) -> None:
    before = output_digests(folder)
    REWRITTEN[name](folder)
    assert output_digests(folder) == before


CHANGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a metric": (
        "metrics.jsonl",
        lambda path: lines(path, [LINES[0], {**LINES[1], "loss": 1.0000000000000002}, LINES[2]]),
        "step 1: loss is 1.0000000000000002, recorded 1.0",
    ),
    "a metric that is null": (
        "metrics.jsonl",
        lambda path: lines(path, [LINES[0], LINES[1], {**LINES[2], "grad_norm": 0}]),
        "step 2: grad_norm is 0, recorded null",
    ),
    "a step too few": ("metrics.jsonl", lambda path: lines(path, LINES[:2]), "step 2: grad_norm is missing"),
    "a metric more": (
        "metrics.jsonl",
        lambda path: lines(path, [{**LINES[0], "entropy": 1}, *LINES[1:]]),
        "step 0: entropy is new",
    ),
    "a metric less": (
        "metrics.jsonl",
        lambda path: lines(path, [{"step": 0, "grad_norm": None}, *LINES[1:]]),
        "step 0: loss is missing",
    ),
    "the last bit of a weight": (
        "model/model.safetensors",
        lambda path: save_file({**TENSORS, "b": np.nextafter(TENSORS["b"], np.float32(9))}, path),
        "tensor b differs",
    ),
    "the sign of zero": (
        "model/model.safetensors",
        lambda path: save_file({**TENSORS, "a": -TENSORS["a"]}, path),
        "tensor a differs",
    ),
    "the type of a weight": (
        "model/model.safetensors",
        lambda path: save_file({**TENSORS, "a": np.zeros(2, np.int16)}, path),
        "tensor a differs",
    ),
    "the shape of a weight": (
        "model/model.safetensors",
        lambda path: save_file({**TENSORS, "b": TENSORS["b"].reshape(3, 2)}, path),
        "tensor b differs",
    ),
    "a field of the configuration": (
        "model/config.json",
        lambda path: path.write_text('{"width": 16, "depth": 2}'),
        "width is 16, recorded 8",
    ),
    "a token": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table({**TABLE, "completion_ids": [*TABLE["completion_ids"][:-1], [4]]}), path),
        "column completion_ids, rows 769 to 800 differs",
    ),
    "where one row ends": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table({**TABLE, "completion_ids": [[1], [2], None, [3]] * 200}), path),
        "column completion_ids, rows 1 to 256 differs",
    ),
    "an empty list for none": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table({**TABLE, "completion_ids": [[1, 2], [], [], [3]] * 200}), path),
        "column completion_ids, rows 1 to 256 differs",
    ),
    "an empty text for none": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table({**TABLE, "problem_id": ["a", "", "", "d"] * 200}), path),
        "column problem_id, rows 1 to 256 differs",
    ),
    "the order of rows": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table(TABLE).slice(400).take(list(range(400))[::-1]), path),
        "column problem_id, rows 1 to 256 differs",
    ),
    "the name of a column": (
        "rollouts.parquet",
        lambda path: pq.write_table(pa.table({name.replace("logprob", "logp"): TABLE[name] for name in TABLE}), path),
        "the list of columns differs",
    ),
    "another file": ("notes.txt", lambda path: path.write_text("other"), "the content differs"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_a_value_is_another_digest_and_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    output, change, difference = CHANGES[name]
    before = output_digests(folder)
    recorded = (tmp_path / "recorded").with_suffix((folder / output).suffix)
    (folder / output).rename(recorded)
    change(folder / output)
    after = output_digests(folder)
    assert {changed for changed in before if before[changed] != after[changed]} == {output}
    assert first_difference(recorded, folder / output) == difference
    assert first_difference(recorded, recorded) is None


@pytest.mark.parametrize("name", ["metrics.jsonl", "model/config.json", "model/model.safetensors", "rollouts.parquet"])
def test_a_damaged_output_is_named(name: str, folder: Path) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=rf"^[^\n]*{path.name}: missing or corrupt"):
        output_digests(folder)
