"""A recipe in bf16: all layers run in it, the numbers stay near those of FP32, and FP32 has the digest it had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest
from edgewise.model.decoder import Decoder
from edgewise.model.packed import PackedTokens
from edgewise.rl import rollout_worker
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.sampling.params import SamplingParams
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

from .bandit import SHAPE, TOKENIZER, WORLD, Recorder, advantages_for, changed, decoder, draw, one_batch, update

# A critic, a KL in the reward, and several updates a step: everything that runs layers.
WHOLE = {
    "precision": "bf16",
    "steps": 2,
    "advantage": "gae",
    "optimizer": {"minibatches": 2},
    "loss": {"kl": {"coefficient": 0.05, "estimator": "k1", "place": "reward"}},
}


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_fp32_is_left_out_of_the_digest_and_bf16_is_in() -> None:
    assert "precision" not in canonical_json(Recipe())
    assert digest(Recipe(precision="bf16")) != digest(Recipe())
    with pytest.raises(InputError, match="precision"):
        Recipe.parse({"precision": "fp16"})


def test_every_pass_through_the_layers_is_in_the_precision_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[str] = []
    drawn: list[str] = []
    forward_packed = Decoder.forward_packed

    def watched(self: Decoder, packed: PackedTokens, precision: str = "fp32") -> torch.Tensor:
        passes.append(precision)
        return forward_packed(self, packed, precision)

    def params(**fields: object) -> SamplingParams:
        made = SamplingParams.parse(fields)
        drawn.append(made.precision)
        return made

    monkeypatch.setattr(Decoder, "forward_packed", watched)
    monkeypatch.setattr(rollout_worker, "SamplingParams", params)
    for precision in ("bf16", "fp32"):
        passes.clear()
        drawn.clear()
        recipe = changed(WHOLE, {"precision": precision})
        train(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path / precision))
        # A step: probe of two models, two of the KL, values, old log-probs and two updates of policy and critic.
        assert len(passes) >= 2 * 10 and set(passes) == {precision}
        assert drawn and set(drawn) == {precision}


def test_what_sampler_and_trainer_round_differently_is_measured(tmp_path: Path) -> None:
    for precision in ("fp32", "bf16"):
        recipe = changed({"steps": 3, "precision": precision})
        train(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path / precision))
    exact, rounded = metrics(tmp_path / "fp32"), metrics(tmp_path / "bf16")
    assert all("drift" not in line for line in exact)
    drifts = [line["drift"] for line in rounded if line["effective_batch"]]
    assert drifts and all(0 < abs(drift) < 0.02 for drift in drifts)
    assert rounded[0]["entropy"] == pytest.approx(exact[0]["entropy"], abs=0.01)


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_gradient_in_bf16_is_near_that_of_fp32(backend: str) -> None:
    rollouts = draw(decoder())
    gradients = []
    for precision in ("fp32", "bf16"):
        model = Decoder(SHAPE, len(TOKENIZER), backend=backend)
        recipe = changed({"precision": precision})
        recorder = Recorder(model)
        update(model, recorder, [one_batch(rollouts, advantages_for(rollouts), recipe)], recipe, 0.1)
        gradients.append(recorder.gradients[0])
    exact, rounded = (torch.cat([g.flatten() for g in each.values()]) for each in gradients)
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    assert float((rounded - exact).norm() / exact.norm()) < 0.05


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["torch", "inductor"])
def test_a_gpu_in_bf16_is_near_a_cpu_in_fp32(backend: str, tmp_path: Path) -> None:
    for name, device, precision in (("cpu", "cpu", "fp32"), ("cuda", "cuda", "bf16")):
        asked = backend if device == "cuda" else "auto"
        model = Decoder(SHAPE, len(TOKENIZER), device=device, backend=asked)
        execution = Execution(torch.device(device), asked)
        recipe = changed(WHOLE, {"precision": precision})
        train(model, TOKENIZER, WORLD, recipe, 0, RunFolder(tmp_path / name), execution)
    exact, rounded = metrics(tmp_path / "cpu"), metrics(tmp_path / "cuda")
    assert rounded[0]["entropy"] == pytest.approx(exact[0]["entropy"], abs=0.02)
    assert all(line["grad_norm"] > 0 for line in rounded)
