"""Writes the NeMo Evaluator results of this folder and their expected counts; see README.md."""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

# What a scripted model says to three questions, four times each; None: the endpoint was not reached.
SAID: dict[str, tuple[str, list[str | None]]] = {
    "2 + 2": ("4", ["4", "5", None, "4"]),
    "3 + 6": ("9", ["9", "9", "9", "9"]),
    "5 + 5": ("10", ["1", "10 and so", "2", None]),
}


def main(folder: Path) -> None:
    """Run the tool's evaluation loop over a scripted solver, and write its artifacts."""
    base: Any = importlib.import_module("nemo_evaluator.environments.base")
    loop: Any = importlib.import_module("nemo_evaluator.engine.eval_loop")
    artifacts: Any = importlib.import_module("nemo_evaluator.engine.artifacts")
    solvers: Any = importlib.import_module("nemo_evaluator.solvers.base")
    types: Any = importlib.import_module("nemo_evaluator.observability.types")
    errors: Any = importlib.import_module("nemo_evaluator.errors")
    questions = list(SAID)

    class Sums(base.EvalEnvironment):  # type: ignore[misc]
        name = "sums"

        async def dataset_size(self) -> int:
            return len(questions)

        async def seed(self, idx: int) -> Any:
            return base.SeedResult(questions[idx], SAID[questions[idx]][0], {"category": "sums"})

        async def verify(self, response: str, expected: str, sandbox: Any = None, **_: Any) -> Any:
            return base.VerifyResult(float(response == expected), response, {"method": "exact"})

    class Scripted:
        def __init__(self) -> None:
            self.turn: dict[str, int] = {}

        async def solve(self, task: Any) -> Any:
            turn = self.turn[task.prompt] = self.turn.get(task.prompt, -1) + 1
            text = SAID[task.prompt][1][min(turn, 3)]
            if text is None:
                raise errors.InfraError("endpoint unreachable")
            cut = "and so" in text
            finish = "length" if cut else "stop"
            response = types.ModelResponse(text, "toy-model", finish, 5, 3, 8, request_prompt=task.prompt)
            return solvers.SolveResult(text, response)

    here = Path(tempfile.mkdtemp())
    bundle = asyncio.run(
        loop.run_evaluation(
            Sums(),
            Scripted(),
            n_repeats=4,
            config={"benchmark": "sums", "model": "toy-model", "repeats": 4},
            max_concurrent=1,
            max_system_retries=1,
            skip_failed=True,
            step_log_dir=here,
        )
    )
    artifacts.write_all(bundle, here)
    target = folder / "nemo_evaluator"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(here, target)
    scores = bundle["benchmark"]["scores"]
    expected = {
        "totals": {str(i): [4, said.count(gold)] for i, (gold, said) in enumerate(SAID.values())},
        "unscorable": [said.count(None) for _, said in SAID.values()],
        "truncated": [sum("and so" in (text or "") for text in said) for _, said in SAID.values()],
        "mean_reward": scores.get("mean_reward", scores.get("pass@1"))["value"],
    }
    (folder / "expected_nemo_evaluator.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
