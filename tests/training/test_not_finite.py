"""A number that is none: training ends there in one line, and nothing of it is kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.store import Store
from edgewise.training import next_token
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import OptimizerSpec
from edgewise.training.run_folder import RunFolder
from edgewise.training.state import ModuleState
from tests.tiny import EASY, PARAMS, PRETRAIN, RECIPE, SHAPE, SPEC, TOKENIZER, WORLD, decoder

BACKENDS = ("torch", "native")


def spec_with(learning_rate: float, **fields: Any) -> NextTokenSpec:
    optimizer = OptimizerSpec(learning_rate=learning_rate, warmup=0.0, clip=1e30)
    return SPEC.model_copy(update={"optimizer": optimizer, **fields})


def strict(line: str) -> Any:
    """JSON without NaN and Infinity, which Python's reader would take."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in {line}")

    return json.loads(line, parse_constant=refuse)


def logged(folder: Path) -> list[dict[str, Any]]:
    return [strict(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("backend", BACKENDS)
def test_next_token_training_ends_at_the_first_loss_that_is_no_number(tmp_path: Path, backend: str) -> None:
    """Also when run again: no checkpoint holds what the step before made of the weights."""
    for _ in range(2):
        model = Decoder(SHAPE, len(TOKENIZER), seed=3, backend=backend)
        folder = RunFolder(tmp_path, checkpoint_seconds=0.0)
        with pytest.raises(InputError) as caught:
            next_token.train_next_token(model, TOKENIZER, WORLD, spec_with(1e6), 1, folder)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path}: step ") and "\n" not in message
        assert message.endswith(" is nan; lower optimizer.learning_rate, which is 1e+06")
        steps = [line["step"] for line in logged(tmp_path)]
        assert steps == list(range(len(steps))) and len(steps) < SPEC.steps
        assert all(math.isfinite(line["loss"]) and math.isfinite(line["grad_norm"]) for line in logged(tmp_path))


def test_weights_that_the_last_step_broke_are_not_saved(tmp_path: Path) -> None:
    """The loss was measured before the update, so the last one is a number."""
    folder = RunFolder(tmp_path)
    with pytest.raises(InputError, match=r": step 0: model/\S+ is not finite after the update; lower"):
        next_token.train_next_token(decoder(), TOKENIZER, WORLD, spec_with(1e39, steps=1), 1, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_metric_without_a_value_is_null(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.log(0, {"here": 1.5, "nothing": math.nan, "beyond": math.inf})
    assert logged(tmp_path) == [{"step": 0, "here": 1.5, "nothing": None, "beyond": None}]


def test_a_single_number_of_the_state_may_be_infinite(tmp_path: Path) -> None:
    class Best:
        def tensors(self) -> dict[str, torch.Tensor]:
            return {"best": torch.tensor(-math.inf)}

        def load(self, tensors: dict[str, torch.Tensor]) -> None:
            pass

    assert list(RunFolder(tmp_path, checkpoint_seconds=0.0).steps(2, Best(), Totals())) == [0, 1]
    module = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(module.bias, -math.inf)
    with pytest.raises(InputError, match="step 0: bias is not finite after the update"):
        list(RunFolder(tmp_path / "module").steps(1, ModuleState(module), Totals()))


BROKEN = PRETRAIN.model_copy(update={"training": spec_with(1e6)})
BROKEN_RL = RL(
    parent=Pretrain(world=EASY, model=PRETRAIN.model, training=PRETRAIN.training.model_copy(update={"steps": 60})),
    world=EASY,
    recipe=RECIPE.model_copy(
        update={"optimizer": RECIPE.optimizer.model_copy(update={"learning_rate": 1e38, "warmup": 0.0})}
    ),
)


@pytest.mark.parametrize(
    "stage", [BROKEN, pytest.param(BROKEN_RL, marks=pytest.mark.slow)], ids=lambda stage: stage.kind
)
def test_a_stage_that_breaks_is_not_published(tmp_path: Path, stage: Stage) -> None:
    """From a worker process the message comes in one line, and what would follow is not computed."""
    evaluation = Evaluate(parent=stage, world=EASY, problems=2, samples=2, sampling=PARAMS)
    store = Store(tmp_path)
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            run([evaluation], Context(tmp_path, workers=1))
        folder = store.folder(stage)
        assert str(caught.value).startswith(f"{folder}.unfinished: step ") and "\n" not in str(caught.value)
        assert "lower" in str(caught.value) and "learning rate" in str(caught.value).replace("_", " ")
        assert not store.is_complete(stage) and not store.folder(evaluation).exists()
        logged(folder.with_name(folder.name + ".unfinished"))
