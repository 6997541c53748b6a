"""Writes the verifiers traces of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

# What a scripted model says to three questions, four times each; None: the rollout ended in an error.
SAID: dict[str, tuple[str, list[str | None]]] = {
    "What is 2 + 2?": ("4", ["4", "5", None, "4"]),
    "What is 3 + 6?": ("9", ["9", "9", "9", "9"]),
    "What is 5 + 5?": ("10", ["1", "10 and so", "2", None]),
}


def main(folder: Path) -> None:
    """Build scripted rollouts of the tool's own classes and write them as its evaluation does."""
    traces: Any = importlib.import_module("verifiers.v1.trace")
    tasks: Any = importlib.import_module("verifiers.v1.task")
    episodes: Any = importlib.import_module("verifiers.v1.episode")
    graph: Any = importlib.import_module("verifiers.v1.graph")
    types: Any = importlib.import_module("verifiers.v1.types")
    agents: Any = importlib.import_module("verifiers.v1.configs.agent")

    class Sum(tasks.TaskData):  # type: ignore[misc]
        answer: str

    def trace(number: int, question: str, gold: str, text: str | None) -> Any:
        config = agents.AgentConfig(model="toy-model", sampling={"temperature": 1.0, "max_tokens": 16})
        made = traces.Trace(
            task=traces.TraceTask(type="Sum", data=Sum(idx=number, prompt=question, answer=gold)),
            agent=traces.AgentInfo(config=config),
        )
        made.nodes = [graph.MessageNode(message=types.UserMessage(content=question))]
        if text is None:
            made.record_error(RuntimeError("the sandbox was lost"))
            return made
        made.nodes.append(graph.MessageNode(parent=0, message=types.AssistantMessage(content=text), sampled=True))
        finish = "length" if "and so" in text else "stop"
        usage = types.Usage(prompt_tokens=5, completion_tokens=len(text))
        made.calls = [traces.ModelCall(node=1, model="toy-model", finish_reason=finish, usage=usage)]
        made.record_reward("right", float(text == gold))
        made.record_metric("length", len(text))
        made.ok = made.is_completed = True
        return made

    made = [
        trace(number, question, gold, text)
        for number, (question, (gold, said)) in enumerate(SAID.items())
        for text in said
    ]
    target = folder / "verifiers"
    shutil.rmtree(target, ignore_errors=True)
    expected = {}
    for name in ("episodes", "traces"):
        (target / name).mkdir(parents=True)
        with (target / name / "traces.jsonl").open("w") as file:
            for one in made:
                if name == "episodes":
                    episode = episodes.Episode(env=episodes.EnvInfo(id="sums"), traces=[one], ok=one.ok)
                    record = json.loads(episode.model_dump_json(exclude_none=True))
                else:
                    record = one.to_record()
                file.write(json.dumps(record) + "\n")
        expected[name] = {
            "totals": {
                str(number): [4, sum(one.reward == 1 for one in made[4 * number : 4 * number + 4])]
                for number in range(len(SAID))
            },
            "unscorable": [said.count(None) for _, said in SAID.values()],
            "truncated": [sum(one.is_truncated for one in made[4 * i : 4 * i + 4]) for i in range(len(SAID))],
            "tokens": sum(one.num_output_tokens for one in made),
        }
    (folder / "expected_verifiers.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
