"""A study of one pre-training, one RL run and two evaluations that takes seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgewise.core.spec import digest
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.study import Study
from edgewise.tasks import ModularArithmetic
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec

WORLD = ModularArithmetic(min_op=1, max_op=2, modulus=5, letters=4)
EASY = WORLD.at_level(1)
PARAMS = SamplingParams(max_new_tokens=36)
PRETRAIN = Pretrain(
    world=EASY,
    model=DecoderSpec(width=32, layers=1, heads=2, kv_heads=1, feed_forward=64, max_positions=96),
    training=NextTokenSpec(steps=150, documents=16, row_length=96, optimizer=OptimizerSpec(learning_rate=2e-2)),
)
# A learning rate at which four updates change what the base solves.
RECIPE = Recipe(
    steps=4,
    sampling={"prompts": 4, "samples": 8, "max_new_tokens": 36},
    optimizer={"learning_rate": 3e-3, "warmup": 0.02, "weight_decay": 0.01},
)
TUNED = RL(parent=PRETRAIN, world=EASY, recipe=RECIPE)
BASE_EVALUATION = Evaluate(parent=PRETRAIN, world=WORLD, problems=4, samples=16, sampling=PARAMS)
TUNED_EVALUATION = Evaluate(parent=TUNED, world=WORLD, problems=4, samples=16, sampling=PARAMS)
STUDY = Study(
    title="Tiny",
    question="Does it run?",
    base=BASE_EVALUATION,
    arms={"tuned": TUNED_EVALUATION},
    regions={"inside": range(1, 2), "outside": range(2, 3)},
)
STAGES: tuple[Stage, ...] = (PRETRAIN, TUNED, BASE_EVALUATION, TUNED_EVALUATION)


@dataclass
class Log:
    """A watcher that remembers."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    done: list[tuple[str, bool]] = field(default_factory=list)

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        self.steps.append((digest(stage), done, total))

    def completed(self, stage: Stage, *, reused: bool) -> None:
        self.done.append((digest(stage), reused))


def results(folder: Path) -> dict[str, bytes]:
    """Every file of a stage but its provenance and its checkpoint's note of the seconds, as bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("provenance.json", "state.json")
    }


def identity(root: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file below a store, locks left out."""
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
