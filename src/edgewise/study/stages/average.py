"""Average of weights: one model from several of equal shape and words (model soup, merging)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.model.hf import load_pretrained
from edgewise.model.model_folder import MODEL
from edgewise.study.stages.artifacts import check_same_words, save_model
from edgewise.study.stages.base import ModelStage, Product, Stage, register_stage
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


@register_stage
class Average(Stage):
    """The model whose weights are the means over those of several parents, weighted by `weights` where these are given.

    Computed in FP64 in the order of the parents and rounded once. `weights` must sum to 1; one may be negative, which
    extrapolates. All parents must have the same shape and words; `seed` decides nothing (Wortsman et al. 2022, arXiv
    2203.05482).
    """

    produces: ClassVar[Product] = "model"

    kind: Literal["average"] = "average"
    version: Literal[1] = 1
    models: tuple[ModelStage, ...] = Field(min_length=2)
    weights: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _a_weight_for_each(self) -> Self:
        if self.weights and len(self.weights) != len(self.models):
            raise ValueError(f"weights: must be {len(self.models)}, one for each of models; are {len(self.weights)}")
        if self.weights and abs(math.fsum(self.weights) - 1) > 1e-9:
            raise ValueError(f"weights: must sum to 1, sum to {math.fsum(self.weights):g}")
        return self

    @property
    def depth(self) -> int:
        return 1 + max(parent.depth for parent in self.parents)

    def check(self) -> None:
        for place, parent in enumerate(self.models):
            check_same_words(f"models[{place}]", parent.words(), "models[0]", self.words())
            positions, first = parent.max_positions(), self.max_positions()
            if None not in (positions, first) and positions != first:
                raise InputError(f"models[{place}]: has {positions} positions; must have those of models[0], {first}")

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_pretrained(parents[0] / MODEL, execution.device, execution.backend)
        weights = self.weights or (1 / len(parents),) * len(parents)
        sums: dict[str, Tensor] = {}
        for place, (path, weight) in enumerate(zip(parents, weights, strict=True)):
            other, its_tokenizer = load_pretrained(path / MODEL, execution.device, execution.backend)
            check_same_words(f"models[{place}]", its_tokenizer.words, "models[0]", tokenizer.words)
            if other.spec != model.spec:
                raise InputError(f"models[{place}]: must have the shape of models[0], {model.spec}; has {other.spec}")
            for name, tensor in other.state_dict().items():
                share = tensor.double() * weight
                sums[name] = sums[name] + share if place else share
        with torch.no_grad():
            model.load_state_dict({name: tensor.float() for name, tensor in sums.items()})
        save_model(model, tokenizer, folder)
        return Totals()
