"""Find the folder of a model: a Hugging Face folder, or the one inside the folder of a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgewise.core.errors import InputError

CONFIG = "config.json"
# Where a stage keeps the model that it made.
MODEL = "model"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with config.json, weights and a tokenizer, and the name that results call its model by."""

    folder: Path
    name: str


def find_model(path: str | Path) -> ModelFolder:
    """The model at `path`: a Hugging Face folder, or the folder of a stage, whose name its model then has.

    InputError where there is no such folder, or no config.json in it or in its `model/`.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{path}: no such folder; name one with {CONFIG}, or the folder of a stage")
    if not (folder / CONFIG).is_file():
        folder = folder / MODEL
        if not (folder / CONFIG).is_file():
            raise InputError(f"{path}: has no {CONFIG}, nor has its {MODEL}/; a folder with a model is needed")
    whole = folder.resolve()
    return ModelFolder(folder, whole.parent.name if whole.name == MODEL else whole.name)
