"""Compute the boundary's measures with other people's tools, on small inputs, and keep the numbers.

Run once, by hand, in an environment of its own:

    pip install scorio inspect_ai
    pip install --no-deps verl
    python tests/boundary/oracles/make.py

It writes one JSON file for each tool next to itself, with the tool's version. The tests read the
files; they run none of the tools. Nothing of edgewise is imported here.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.util
import json
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TAUS = (0.0, 0.2, 0.25, 0.5, 2 / 3, 0.75, 5 / 6, 1.0)
SMALL = [(n, c, k) for n in (1, 2, 3, 5, 8) for c in range(n + 1) for k in range(1, n + 1)]
LARGE = [(128, c, k) for c in (0, 1, 40, 127, 128) for k in (2, 32, 128)]
GRADED = (
    (0.1, 0.3, 0.5, 0.7, 0.9),
    (0.2, 0.2, 0.2, 1.0),
    (-1.0, 0.5, 0.5, 2.0, 2.0, 3.0),
    (0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0),
)


def scorio() -> dict[str, Any]:
    """Binary and graded point estimates, and the posterior mean of pass@k under the flat prior."""
    tool = importlib.import_module("scorio.eval")
    counts = []
    for n, c, k in SMALL + LARGE:
        marks = np.array([[1] * c + [0] * (n - c)])
        counts.append(
            {
                "n": n,
                "c": c,
                "k": k,
                "pass_at_k": tool.pass_at_k(marks, k),
                "pass_hat_k": tool.pass_hat_k(marks, k),
                "g_pass_at_k": [tool.g_pass_at_k_tau(marks, k, tau) for tau in TAUS],
                "mean_g_pass_at_k": tool.mg_pass_at_k(marks, k),
                "strict_majority_at_k": tool.maj_at_k(marks, k),
                "posterior_pass_at_k": tool.pass_at_k_ci(marks, k)[0],
            }
        )
    graded = []
    for scores in GRADED:
        values, codes = np.unique(scores, return_inverse=True)
        if values.size < 2:
            raise ValueError(f"{scores}: at least two different scores are needed")
        ks = range(1, len(scores) + 1)
        graded.append({"scores": scores, "max_at_k": [tool.max_at_k(codes[None], k, w=values) for k in ks]})
    return {"version": importlib.metadata.version("scorio"), "taus": TAUS, "counts": counts, "graded": graded}


def inspect_ai() -> dict[str, Any]:
    """The reducers over epochs; an unscored epoch is a score of NaN."""
    tool = importlib.import_module("inspect_ai.scorer")
    reducers = importlib.import_module("inspect_ai.scorer._reducer.reducer")

    def reduced(name: str, k: int, values: list[float]) -> float:
        scores = [tool.Score(value=value) for value in values]
        return float(getattr(reducers, name)(k=k)(scores).value)

    counts = []
    for n, c, k in SMALL + LARGE:
        values = [1.0] * c + [0.0] * (n - c)
        counts.append(
            {"n": n, "c": c, "k": k} | {name: reduced(name, k, values) for name in ("pass_at", "pass_k", "at_least")}
        )
    half_scored = [1.0, 0.0, float("nan"), float("nan")]
    unscored = [{"n": 4, "c": 1, "unscored": 2, "k": k, "pass_at": reduced("pass_at", k, half_scored)} for k in (1, 2)]
    return {"version": importlib.metadata.version("inspect_ai"), "counts": counts, "unscored": unscored}


def verl() -> dict[str, Any]:
    """The validation metrics of one problem, from verl's functions without the trainer around them."""
    found = importlib.util.find_spec("verl")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("verl is not installed")
    source = Path(found.submodule_search_locations[0]) / "trainer" / "ppo" / "metric_utils.py"
    wanted = {"bootstrap_metric", "calc_maj_val", "process_validation_metrics"}
    tree = ast.parse(source.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    names: dict[str, Any] = {"np": np, "defaultdict": defaultdict, "partial": partial, "Any": Any}
    future = ast.parse("from __future__ import annotations").body
    tree.body = future + tree.body
    exec(compile(tree, str(source), "exec"), names)

    problems = []
    for marks, said in (
        ([1, 0, 0, 0], ["a", "b", "c", "d"]),
        ([1, 1, 0, 0], ["a", "a", "b", "b"]),
        ([0, 0, 1, 1], ["b", "b", "a", "a"]),
        ([1, 0, 0, 1, 0, 0, 0, 0], ["a", "b", "c", "a", "b", "d", "e", "f"]),
    ):
        size = len(marks)
        metrics = names["process_validation_metrics"](["set"] * size, ["one"] * size, {"acc": marks, "pred": said})
        problems.append({"marks": marks, "said": said, "metrics": dict(metrics["set"]["acc"])})
    return {"version": importlib.metadata.version("verl"), "problems": problems}


def main() -> None:
    """Write the numbers of each tool, one record a line."""
    for tool in (scorio, inspect_ai, verl):
        lines = []
        for key, value in tool().items():
            if isinstance(value, list):
                value = "[\n" + ",\n".join(json.dumps(record) for record in value) + "\n]"
            else:
                value = json.dumps(value)
            lines.append(f"{json.dumps(key)}: {value}")
        target = HERE / f"{tool.__name__}.json"
        target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
