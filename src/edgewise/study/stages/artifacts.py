"""The files of a stage's folder, and the parent's model read from one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.model.hf import load_pretrained, save_pretrained
from edgewise.model.hf_config import read_shape
from edgewise.model.model_folder import MODEL
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks import World
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

ROLLOUTS = "rollouts.parquet"
OUTCOMES = "outcomes.parquet"
# Of rollouts that are being drawn: a folder of tables.
PARTS = "parts"


def load_parent(parent: Path, world: World, execution: Execution) -> tuple[Decoder, Tokenizer]:
    """The model and tokenizer in a parent's folder; InputError where they do not know every word of the world."""
    model, tokenizer = load_pretrained(parent / MODEL, execution.device, execution.backend)
    check_vocabulary(world, tokenizer.words)
    return model, tokenizer


def check_vocabulary(world: World, words: Sequence[str]) -> None:
    """InputError where a model whose tokenizer has these words lacks one of the world."""
    known = set(words)
    unknown = [word for word in world.words() if word not in known]
    if unknown:
        raise InputError(
            f"world: the parent's model has no word {unknown[0]!r}; use its letters and wording, or declare the world"
            " in the `vocabulary` of the base"
        )


def check_same_words(name: str, words: Sequence[str] | None, of: str, others: Sequence[str] | None) -> None:
    """InputError where two models are known to have other words: `name` those that must be the words of `of`."""
    if words is not None and others is not None and tuple(words) != tuple(others):
        raise InputError(f"{name}: must have the words of {of}, in their order")


def beyond_kernels(folders: Sequence[Path]) -> str | None:
    """The field that keeps the models in these stages' folders from the compiled kernels; None where none does."""
    for folder in folders:
        try:
            shape, _ = read_shape(folder / MODEL)
        except InputError:
            continue  # There is no model, or one of a person's own stage, which no backend of ours computes.
        if shape.beyond_kernels:
            return shape.beyond_kernels
    return None


def save_model(model: Decoder, tokenizer: Tokenizer, folder: RunFolder) -> None:
    """Write the stage's model, on the first rank. Waits for all ranks."""
    folder.distributed.on_rank_zero(lambda: save_pretrained(model, tokenizer, folder.path / MODEL))
