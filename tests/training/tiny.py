"""A world, a decoder and a loop so small that a step takes milliseconds."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks import ModularArithmetic
from edgewise.training import next_token
from edgewise.training.execution import CPU, Execution
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec
from edgewise.training.run_folder import RunFolder

WORLD = ModularArithmetic(min_op=1, max_op=2, modulus=5, letters=4)
TOKENIZER = Tokenizer(WORLD.words())
SHAPE = DecoderSpec(width=16, layers=2, heads=2, kv_heads=1, feed_forward=32, max_positions=96)
SPEC = NextTokenSpec(steps=8, documents=5, row_length=96, optimizer=OptimizerSpec(learning_rate=1e-2, warmup=0.25))


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
