"""Import: a Hugging Face folder as a parent, known by a digest of its content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.model.folder_content import folder_content
from edgewise.model.hf import load_pretrained
from edgewise.model.hf_config import read_shape
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from edgewise.study.stages.artifacts import save_model
from edgewise.study.stages.base import Product, Stage, register_stage
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


@register_stage
class Import(Stage):
    """The model of a Hugging Face folder, such as `model/` of another stage, copied and used as a parent.

    `content` identifies it and is filled in if it is missing: a SHA-256 of the names and bytes of config.json,
    tokenizer.json and the weights. `path` only says where the folder is. Refused where the decoder or the tokenizer is
    not of our kind (see `load_pretrained`).
    """

    produces: ClassVar[Product] = "model"

    kind: Literal["import"] = "import"
    version: Literal[1] = 1
    path: str = Field("", exclude=True)
    content: str = Field("", pattern="^([0-9a-f]{64})?$")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("content"):
            if not data.get("path"):
                raise ValueError("path must name a Hugging Face folder")
            return {**data, "content": folder_content(Path(data["path"]))}
        return data

    def words(self) -> tuple[str, ...]:
        return Tokenizer.load(self._folder()).words[len(SPECIAL) :]

    def max_positions(self) -> int:
        return read_shape(self._folder())[0].max_positions

    def check(self) -> None:
        folder = self._folder()
        read_shape(folder)
        Tokenizer.load(folder)
        content = folder_content(folder)
        if content != self.content:
            raise InputError(
                f"content: {self.path} has changed: its SHA-256 is {content[:16]}…, not {self.content[:16]}…"
            )

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        self.check()
        model, tokenizer = load_pretrained(self._folder(), execution.device, execution.backend)
        save_model(model, tokenizer, folder)
        return Totals()

    def _folder(self) -> Path:
        if not self.path:
            raise InputError(f"path: must name the folder with the SHA-256 {self.content[:16]}…, is empty")
        return Path(self.path)
