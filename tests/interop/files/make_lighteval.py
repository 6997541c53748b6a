"""Writes the lighteval details of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

# What a scripted model says to three questions, four times each.
QUESTIONS = {"2 + 2": ("4", ["4", "5", "4", "four"]), "3 + 6": ("9", ["9", "9", "9", "9"]), "5 + 5": ("10", ["1"] * 4)}


def main(folder: Path) -> None:
    """Grade scripted responses by lighteval's own metrics and save them by its tracker."""
    tracking: Any = importlib.import_module("lighteval.logging.evaluation_tracker")
    models: Any = importlib.import_module("lighteval.models.model_output")
    requests: Any = importlib.import_module("lighteval.tasks.requests")
    sample: Any = importlib.import_module("lighteval.metrics.metrics_sample")
    config: Any = importlib.import_module("lighteval.models.dummy.dummy_model")

    here = Path(tempfile.mkdtemp())
    tracker = tracking.EvaluationTracker(output_dir=str(here), save_details=True)
    # The model's name, which is that of the folders.
    tracker.general_config_logger.model_name = "lab/toy"
    tracker.general_config_logger.model_config = config.DummyModelConfig(seed=0)
    metrics = {
        "avg@n:n=4": sample.AvgAtN(n=4),
        "pass@k:k=1&n=4": sample.PassAtK(k=1, n=4),
        "pass@k:k=2&n=4": sample.PassAtK(k=2, n=4),
        "maj@n:n=4": sample.MajAtN(n=4),
    }
    expected: dict[str, Any] = {"totals": {}, "pass@2": 0.0}
    for number, (question, (gold, said)) in enumerate(QUESTIONS.items()):
        doc = requests.Doc(
            query=question,
            choices=[gold],
            gold_index=0,
            id=str(number),
            task_name="sums|0",
            num_samples=4,
            generation_size=16,
            sampling_methods=[requests.SamplingMethod.GENERATIVE],
        )
        response = models.ModelResponse(input=question, text=said, output_tokens=[[1, 2]] * 4, input_tokens=[1])
        values = {name: float(metric.compute(doc=doc, model_response=response)) for name, metric in metrics.items()}
        tracker.details_logger.log("sums|0", doc, response, values)
        tracker.metrics_logger.log("sums|0", values)
        expected["totals"][str(number)] = [4, round(4 * values["avg@n:n=4"])]
        expected["pass@2"] += values["pass@k:k=2&n=4"] / len(QUESTIONS)
    tracker.details_logger.aggregate()
    tracker.save()
    target = folder / "lighteval"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(here, target)
    (folder / "expected_lighteval.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
