"""A reader is found because its module is there, and is asked in a stated order."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.interop import readers
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers import registry
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.readers.registry import all_readers, known_formats
from tests.interop.writing import only, totals


class BracketReader(Reader):
    """A format of a test: a JSON list in the first line, [problem, correct, correct, ...]."""

    name = "brackets"
    listed_as = "brackets"

    def recognises(self, head: FileHead) -> bool:
        return isinstance(head.record, list)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        table.begin(path, self.name)
        batcher = RowBatcher(table, path)
        problem, *verdicts = json.loads(path.read_text())
        for number, correct in enumerate(verdicts, 1):
            batcher.add("item", number, {"problem": problem, "correct": correct}, 1)
        batcher.flush()


READER = BracketReader()


def test_every_module_with_a_reader_is_found() -> None:
    names = [module.name for module in pkgutil.iter_modules(readers.__path__)]
    modules = {name for name in names if hasattr(import_module(f"{readers.__name__}.{name}"), "READER")}
    assert {type(reader).__module__.rpartition(".")[2] for reader in all_readers()} == modules
    assert len({reader.name for reader in all_readers()}) == len(modules)


def test_formats_that_one_tool_writes_are_asked_before_documented_columns() -> None:
    priorities = [reader.priority for reader in all_readers()]
    assert priorities == sorted(priorities, reverse=True)
    assert known_formats() == (
        "edgewise JSONL (problem_id, correct), edgewise Parquet (problem_id, correct), counts CSV (problem_id, n, c), "
        "EvalPlus results, Every Eval Ever instances, inspect_ai logs, lighteval details, lm-evaluation-harness "
        "samples, NeMo Evaluator results, NeMo Gym rollouts, TRL completions, verifiers and prime-rl results, "
        "verifiers and prime-rl traces, verl rollouts"
    )


def test_an_installed_package_may_add_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(value: str) -> None:
        point = EntryPoint("brackets", value, registry.GROUP)

        def points(*, group: str) -> Any:
            return [point] if group == registry.GROUP else []

        monkeypatch.setattr(registry, "entry_points", points)
        all_readers.cache_clear()

    try:
        installed(f"{__name__}:READER")
        (tmp_path / "a").write_text('["p", true, false]')
        assert totals(only(tmp_path / "a")) == {"p": (2, 1)}
        for value, says in (("no_such:READER", "cannot be imported"), (f"{__name__}:Path", "must be a Reader")):
            installed(value)
            with pytest.raises(InputError, match=says):
                all_readers()
    finally:
        monkeypatch.undo()
        all_readers.cache_clear()
