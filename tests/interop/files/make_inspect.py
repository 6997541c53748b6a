"""Writes the inspect_ai logs of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# What the scripted model says in each epoch; the prompt is the key.
ANSWERS = {
    "What is 2 + 2?": ("4", "5", "4", "I say 4"),
    "What is 3 + 6?": ("8", "9", "10", "11"),
    "What is 5 + 5?": ("1", "2", "3", "4"),
}


def main(folder: Path) -> None:
    """Run a small task three times: as .eval, its first problem as .json, and as .eval with partial scores."""
    inspect: Any = importlib.import_module("inspect_ai")
    data: Any = importlib.import_module("inspect_ai.dataset")
    model: Any = importlib.import_module("inspect_ai.model")
    scorer: Any = importlib.import_module("inspect_ai.scorer")
    logs: Any = importlib.import_module("inspect_ai.log")
    asked: dict[str, int] = {}

    @model.modelapi(name="scripted")  # type: ignore[untyped-decorator]
    def scripted() -> Any:
        class Scripted(model.ModelAPI):  # type: ignore[misc]
            async def count_text_tokens(self, text: str) -> int:
                return len(text.split())

            async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:
                prompt = input[-1].text
                turn = asked[prompt] = asked.get(prompt, -1) + 1
                said = ANSWERS[prompt][turn % 4]
                output = model.ModelOutput.from_content("scripted", said)
                output.usage = model.ModelUsage(input_tokens=5, output_tokens=len(said.split()), total_tokens=6)
                return output

        return Scripted

    @scorer.scorer(metrics=[scorer.mean()])  # type: ignore[untyped-decorator]
    def shades() -> Any:
        async def score(state: Any, target: Any) -> Any:
            said = state.output.completion
            value = {"5": "P", "I say 4": "N"}.get(said, "C" if said == target.text else "I")
            return scorer.Score(value=value, answer=said, explanation=f"{said} for {target.text}")

        return score

    samples = [
        data.Sample(id="add-1", input="What is 2 + 2?", target="4", metadata={"level": 1}),
        data.Sample(id=2, input="What is 3 + 6?", target="9", metadata={"level": 2}),
        data.Sample(id="add/3", input="What is 5 + 5?", target="10", metadata={"level": 2}),
    ]
    config = model.GenerateConfig(temperature=0.7, top_p=0.9, max_tokens=16, seed=5)
    expected = {}
    for name, kind, verify in (
        ("inspect.eval", "eval", scorer.match()),
        ("inspect.json", "json", scorer.match()),
        ("inspect_shades.eval", "eval", shades()),
    ):
        asked.clear()
        task = inspect.Task(dataset=samples, scorer=verify, epochs=4, name="sums", config=config)
        (log,) = inspect.eval(
            task,
            model="scripted/tiny",
            log_dir="logs",
            log_format=kind,
            display="none",
            max_connections=1,
            max_samples=1,
            limit=1 if kind == "json" else None,
        )
        (folder / name).write_bytes(Path(log.location.removeprefix("file://")).read_bytes())
        counts: dict[str, list[int]] = {}
        for sample in logs.read_eval_log(log.location).samples:
            (score,) = sample.scores.values()
            count = counts.setdefault(str(sample.id), [0, 0, 0])
            count[0] += 1
            count[1] += score.as_str() == "C"
            count[2] += score.as_str() == "N"
        expected[name] = counts
    (folder / "expected_inspect.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
