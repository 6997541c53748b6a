"""Writes the lm-evaluation-harness samples of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HELPERS = """
def load(**_):
    import datasets
    rows = [{"question": "2 + 2", "answer": "4"}, {"question": "3 + 6", "answer": "9"},
            {"question": "5 + 5", "answer": "10"}]
    return {"test": datasets.Dataset.from_list(rows)}

def each(doc, results):
    said = results[0] if isinstance(results[0], list) else [results[0]]
    return {"exact_match": [float(one == doc["answer"]) for one in said]}

def mean(items):
    return sum(sum(item) for item in items) / sum(len(item) for item in items)
"""

ONCE = r"""
task: sums_once
custom_dataset: !function helpers.load
test_split: test
output_type: generate_until
doc_to_text: "{{question}} ="
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\n"], do_sample: false, max_gen_toks: 16}
filter_list:
  - name: strict-match
    filter: [{function: regex, regex_pattern: "The answer is (\\d+)"}, {function: take_first}]
  - name: flexible-extract
    filter: [{function: regex, group_select: -1, regex_pattern: "(\\d+)"}, {function: take_first}]
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
metadata: {version: 1.0}
"""

FOUR = r"""
task: sums_four
custom_dataset: !function helpers.load
test_split: test
output_type: generate_until
repeats: 4
doc_to_text: "{{question}} ="
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\n"], do_sample: true, temperature: 0.7, top_p: 0.9, max_gen_toks: 16}
filter_list:
  - name: all
    filter: [{function: regex, group_select: -1, regex_pattern: "(\\d+)"}, {function: take_first_k, k: 4}]
process_results: !function helpers.each
metric_list: [{metric: exact_match, aggregation: !function helpers.mean, higher_is_better: true}]
metadata: {version: 1.0}
"""

# What the scripted model says, one after another.
SAID = {
    "2 + 2 =": ("The answer is 4", "5", "4", "four"),
    "3 + 6 =": ("It is 9", "The answer is 9", "8", "9"),
    "5 + 5 =": ("11", "12", "13", "14"),
}


def main(folder: Path) -> None:
    """Run both tasks with a scripted model and copy the samples that lm-eval logs."""
    harness: Any = importlib.import_module("lm_eval")
    api: Any = importlib.import_module("lm_eval.api.model")
    tasks: Any = importlib.import_module("lm_eval.tasks")
    tracking: Any = importlib.import_module("lm_eval.loggers")

    class Scripted(api.LM):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.turn: dict[str, int] = {}

        def generate_until(self, requests: Any, **_: Any) -> list[str]:
            said = []
            for request in requests:
                key = request.task_name + request.args[0]
                turn = self.turn[key] = self.turn.get(key, -1) + 1
                said.append(SAID[request.args[0]][turn])
            return said

        def loglikelihood(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

    here = Path(tempfile.mkdtemp())
    (here / "helpers.py").write_text(HELPERS)
    (here / "once.yaml").write_text(ONCE)
    (here / "four.yaml").write_text(FOUR)
    expected: dict[str, dict[str, list[float]]] = {}
    target = folder / "lm_eval"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    names = ["sums_once", "sums_four"]
    tracker = tracking.EvaluationTracker(output_path=str(here / "out"))
    tracker.general_config_tracker.log_experiment_args(
        model_source="scripted",
        model_args="pretrained=tiny",
        system_instruction=None,
        chat_template=None,
        fewshot_as_multiturn=False,
    )
    manager = tasks.TaskManager(include_path=str(here), include_defaults=False)
    results = harness.simple_evaluate(model=Scripted(), tasks=names, task_manager=manager, log_samples=True)
    samples = results.pop("samples")
    for task in names:
        for row in samples[task]:
            if row["filter"] in ("strict-match", "all"):
                scores = row["exact_match"] if isinstance(row["exact_match"], list) else [row["exact_match"]]
                expected.setdefault(task, {})[str(row["doc_id"])] = [len(scores), int(sum(scores))]
    tracker.save_results_aggregated(results={"results": results["results"], "configs": {}}, samples=samples)
    for task in names:
        tracker.save_results_samples(task_name=task, samples=samples[task])
    for file in sorted((here / "out").rglob("*.json*")):
        shutil.copy(file, target / file.name)
    (folder / "expected_lm_eval.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
