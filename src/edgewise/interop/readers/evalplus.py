"""EvalPlus results: `eval_results.json`, one JSON object whose `eval` has a list of graded solutions for each task.

Taken are task_id, solution, base_status and plus_status; files of before 2023-12 hold the statuses in lists `base` and
`plus`. A solution is correct by `plus_status` where it passes the tests of `base_status` as well, as EvalPlus counts;
a run without the added tests has only `base_status`. A solution that took too long is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

BASE, PLUS = "base_status", "plus_status"

_STATUSES: dict[str | None, bool | None] = {
    **dict.fromkeys(("pass", "success"), True),
    **dict.fromkeys(("fail", "failed", "timeout", "timed out"), False),
    None: None,
}


class EvalPlusReader(Reader):
    """Reads the results of EvalPlus (HumanEval+, MBPP+)."""

    name = "EvalPlus results"
    listed_as = "EvalPlus results"
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """A JSON object with `eval`, whose tasks have lists of statuses."""
        tasks = head.record.get("eval") if isinstance(head.record, dict) else None
        if not isinstance(tasks, dict) or not tasks:
            return False
        solutions = next(iter(tasks.values()))
        if isinstance(solutions, dict):
            return {"base", "plus"} <= set(solutions)
        return (
            isinstance(solutions, list) and bool(solutions) and isinstance(solutions[0], dict) and BASE in solutions[0]
        )

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the solutions of a file; `options.score` is base_status or plus_status."""
        table.begin(path, self.name)
        tasks = {
            task: _solutions(of_task, f"{path}: {quote(task)}") for task, of_task in json_document(path)["eval"].items()
        }
        field = options.score or _field(tasks)
        if field not in (BASE, PLUS):
            raise InputError(f"{path}: score: {quote(field)}; name {PLUS} or {BASE}")
        if options.score:
            table.obey("score")
        elif field == PLUS:
            table.warn(
                f"the verdict is {PLUS}, the tests that EvalPlus added with those of the benchmark: --score {BASE} "
                "takes the benchmark's alone"
            )
        batcher = RowBatcher(table, path, constants=options.names | {"graded_by": field})
        number = 0
        for task, solutions in tasks.items():
            for sample, solution in enumerate(solutions):
                number += 1
                row = {
                    "problem": task,
                    "sample": sample,
                    "completion": solution.get("solution"),
                    "correct": _verdict(solution, field, f"{path}: {quote(task)}, solution {sample + 1}"),
                }
                batcher.add("solution", number, row, len(str(solution.get("solution"))))
        batcher.flush()


def _solutions(of_task: Any, where: str) -> list[dict[str, Any]]:
    """The solutions of one task, as EvalPlus writes them now."""
    if isinstance(of_task, dict):
        base, plus = of_task.get("base"), of_task.get("plus")
        if not isinstance(base, list) or not isinstance(plus, list) or (plus and len(plus) != len(base)):
            raise InputError(f"{where}: base, plus: not lists of one length")
        return [
            {BASE: _first(status), PLUS: _first(plus[place]) if plus else None} for place, status in enumerate(base)
        ]
    if not isinstance(of_task, list) or not all(isinstance(solution, dict) for solution in of_task):
        raise InputError(f"{where}: not a list of solutions")
    return of_task


def _first(status: Any) -> Any:
    """The status of a pair of a status and the results of single tests."""
    return status[0] if isinstance(status, list) and status else status


def _field(tasks: dict[str, list[dict[str, Any]]]) -> str:
    """The status that is the verdict: that of all tests, where some solution has it."""
    has_plus = any(solution.get(PLUS) is not None for solutions in tasks.values() for solution in solutions)
    return PLUS if has_plus else BASE


def _verdict(solution: dict[str, Any], field: str, where: str) -> bool | None:
    passed: dict[str, bool | None] = {}
    for name in (BASE, PLUS):
        status = solution.get(name)
        if not (status is None or isinstance(status, str)) or status not in _STATUSES:
            raise InputError(f"{where}: {name}: {quote(status)}; use pass, fail or timeout")
        passed[name] = _STATUSES[status]
    if field == BASE or passed[PLUS] is None:
        return passed[field]
    return passed[PLUS] and passed[BASE] is not False


READER = EvalPlusReader()
