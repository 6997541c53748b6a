"""TRL callback: log unbiased pass@k with intervals, solved sets and the verdict against step 0 at each evaluation.

    trainer.add_callback(BoundaryCallback(trainer, Path("out"), verdict="accuracy_reward"))

It works with any GRPOTrainer that evaluates: `eval_strategy="steps"`, `eval_on_start=True` for the base, and
`num_generations_eval` samples of each problem. The numbers go through the trainer's own log to whatever tracker is on,
and the rows to `validation/`, which `edgewise audit` reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError, unknown_name
from edgewise.interop.plugins.boundary_log import BoundaryLog
from edgewise.interop.plugins.hand_over import VALIDATION
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class GradedSample:
    """A completion of an evaluation: prompt and text, the verdict (1, 0, or -1 for unscorable), whether cut off."""

    prompt: str
    text: str
    verdict: int
    truncated: bool
    tokens: int


class BoundaryCallback(TrainerCallback):
    """Logs each evaluation of a GRPOTrainer as `BoundaryLog` sees it, as `eval_boundary/...`.

    `verdict` names the reward function that is the verdict: 1 right, 0 wrong, None unscorable. It may have no weight in
    what is learned. A problem is an equal prompt. `folder` gets `validation/STEP.jsonl` and the outcomes of step 0.
    """

    def __init__(self, trainer: Any, folder: Path, verdict: str) -> None:
        """InputError where the trainer has no such reward function, or one that is a model."""
        if verdict not in trainer.reward_func_names:
            raise unknown_name("verdict", verdict, trainer.reward_func_names)
        place = trainer.reward_func_names.index(verdict)
        if not callable(trainer.reward_funcs[place]) or hasattr(trainer.reward_funcs[place], "forward"):
            raise InputError(f"verdict: {verdict} is a model; name a reward function that says 1, 0 or None")
        self._trainer, self._name, self._folder = trainer, verdict, folder
        self._samples: list[GradedSample] = []
        self._reward = trainer.reward_funcs[place]
        trainer.reward_funcs[place] = self._watched

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log the evaluation that has just ended; its rows are those of all processes."""
        samples: list[GradedSample] = gather_object(self._samples)
        self._samples = []
        if not samples:
            return
        step = int(state.global_step)
        if self._trainer.accelerator.is_main_process:
            self._write(samples, step)
            look = BoundaryLog(self._folder).look(outcomes_of(samples), step)
            print(f"edgewise: {look.line}")
            self._trainer.log({f"eval_boundary/{name}": value for name, value in look.metrics.items()})

    def _watched(
        self, prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Sequence[Sequence[int]], **named: Any
    ) -> list[float | None]:
        """The reward function, whose verdicts of an evaluation are kept."""
        scores: list[float | None] = self._reward(
            prompts=prompts, completions=completions, completion_ids=completion_ids, **named
        )
        if not self._trainer.model.training:
            ends = set(self._trainer.eos_token_ids)
            rows = zip(prompts, completions, completion_ids, scores, strict=True)
            self._samples += [
                GradedSample(
                    _text(prompt), _text(completion), self._verdict(score), not ids or ids[-1] not in ends, len(ids)
                )
                for prompt, completion, ids, score in rows
            ]
        return scores

    def _verdict(self, score: float | None) -> int:
        if score is None or math.isnan(score):
            return -1
        if score not in (0, 1):
            raise InputError(f"verdict: {self._name} gave {score:g}; a verdict is 1, 0 or None, so name another reward")
        return int(score)

    def _write(self, samples: Sequence[GradedSample], step: int) -> None:
        """The rows of one validation, in the columns that `edgewise.interop.readers.rows` documents."""
        place = self._folder / VALIDATION
        place.mkdir(parents=True, exist_ok=True)
        with (
            atomic_write(place / f"{step:06d}.jsonl") as aside,
            aside.open("w", encoding="utf-8", newline="\n") as file,
        ):
            for sample in samples:
                row = {
                    "model": f"step {step}",
                    "prompt": sample.prompt,
                    "completion": sample.text,
                    "correct": None if sample.verdict < 0 else bool(sample.verdict),
                    "truncated": sample.truncated,
                    "tokens": sample.tokens,
                }
                file.write(json.dumps(row) + "\n")


def outcomes_of(samples: Sequence[GradedSample]) -> Outcomes:
    """The outcomes of an evaluation; a problem is an equal prompt, its samples in the order in which they came."""
    drawn: dict[str, int] = {}
    numbers = []
    ids = {prompt: f"p{number:06d}" for number, prompt in enumerate(sorted({sample.prompt for sample in samples}))}
    for sample in samples:
        numbers.append(drawn.get(sample.prompt, 0))
        drawn[sample.prompt] = numbers[-1] + 1
    return Outcomes.of(
        problem=[ids[sample.prompt] for sample in samples],
        sample=numbers,
        answer=[sample.verdict for sample in samples],
        truncated=[sample.truncated for sample in samples],
        tokens=[sample.tokens for sample in samples],
    )


def _text(message: Any) -> str:
    """A text as it is; of a conversation its messages as JSON."""
    return message if isinstance(message, str) else json.dumps(message, default=str, sort_keys=True)
