"""A world, a decoder, a next-token run of milliseconds a step, and a study of one RL run that takes seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from torch import Tensor

from edgewise.core.spec import digest
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.store import Store
from edgewise.study.study import Study
from edgewise.tasks import ModularArithmetic
from edgewise.training import next_token
from edgewise.training.execution import CPU, Execution
from edgewise.training.metrics_file import Metrics
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec
from edgewise.training.run_folder import RunFolder

WORLD = ModularArithmetic(min_op=1, max_op=2, modulus=5, letters=4)
TOKENIZER = Tokenizer(WORLD.words())
SHAPE = DecoderSpec(width=16, layers=2, heads=2, kv_heads=1, feed_forward=32, max_positions=96)
SPEC = NextTokenSpec(steps=8, documents=5, row_length=96, optimizer=OptimizerSpec(learning_rate=1e-2, warmup=0.25))

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


def decoder(seed: int = 3) -> Decoder:
    return Decoder(SHAPE, len(TOKENIZER), seed=seed)


def train(folder: RunFolder, spec: NextTokenSpec = SPEC, seed: int = 1, execution: Execution = CPU) -> Decoder:
    """A run from the same start every time; returns the trained model."""
    model = decoder()
    next_token.train_next_token(model, TOKENIZER, WORLD, spec, seed, folder, execution)
    return model


def traces(folder: Path) -> tuple[bytes, bytes]:
    """All that a run leaves, as bytes: metrics, and weights with the optimizer's moments."""
    return (folder / "metrics.jsonl").read_bytes(), (folder / "checkpoint" / "state.safetensors").read_bytes()


def weights(model: Decoder) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@dataclass
class Log:
    """A watcher that remembers."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    done: list[tuple[str, bool]] = field(default_factory=list)
    lines: dict[str, list[Metrics]] = field(default_factory=dict)

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        self.steps.append((digest(stage), done, total))

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        self.lines.setdefault(digest(stage), []).extend(lines)

    def completed(self, stage: Stage, *, reused: bool) -> None:
        self.done.append((digest(stage), reused))


class Interrupted(Exception):
    """A run was left by its progress."""


def interrupt(store: Store, stage: Stage, at: int) -> None:
    """Begin a stage, with a checkpoint after each step, and leave it after so many."""

    def progress(done: int, total: int, note: str) -> None:
        if done == at:
            raise Interrupted

    with pytest.raises(Interrupted):
        store.compute(stage, progress=progress, checkpoint_seconds=0.0)


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
