"""Writes the verl dumps of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

PROBLEMS = [("user\nWhat is 2 + 2?\nassistant\n", "4"), ("user\nWhat is 5 + 5?\nassistant\n", "10")]
SAID = {
    0: ("Answer: 4", "Answer: 5", "Answer: 10", "no idea"),
    20: ("Answer: 4", "so\nAnswer: 4", "Answer: 10", "Answer: 10"),
}


def main(folder: Path) -> None:
    """Grade scripted completions with verl's own graders and write them with its trainer's own function."""
    trainer: Any = importlib.import_module("verl.trainer.ppo.ray_trainer")
    dapo: Any = importlib.import_module("verl.utils.reward_score.math_dapo")
    gsm8k: Any = importlib.import_module("verl.utils.reward_score.gsm8k")
    write = trainer.RayPPOTrainer._write_generations
    expected: dict[str, dict[str, dict[str, list[int]]]] = {}
    for name in ("dapo", "gsm8k"):
        target = folder / f"verl_{name}"
        shutil.rmtree(target, ignore_errors=True)
        for step, said in SAID.items():
            asked, replies, golds, scores = [], [], [], []
            extras: dict[str, list[Any]] = {}
            counts = expected.setdefault(name, {}).setdefault(str(step), {})
            for prompt, gold in PROBLEMS:
                for reply in said:
                    if name == "dapo":
                        found = dapo.compute_score(reply, gold)
                        score = found.pop("score")
                        for key, value in found.items():
                            extras.setdefault(key, []).append(value)
                    else:
                        score = gsm8k.compute_score(reply.replace("Answer:", "####"), gold)
                    asked.append(prompt)
                    replies.append(reply)
                    golds.append(gold)
                    scores.append(score)
                    count = counts.setdefault(prompt, [0, 0])
                    count[0] += 1
                    count[1] += score == 1
            write(asked, replies, golds, scores, extras, str(target), step)
    (folder / "expected_verl.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
