"""Loss specs: ours are their pure functions with the default numbers; what holds of every registered one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, canonical_json, override
from edgewise.rl import losses
from edgewise.rl.importance import Correction
from edgewise.rl.losses.base import LOSSES, AnyPolicyLoss, LossAndMetrics, LossInputs

# Those whose default numbers `expected` writes out; another loss has its numbers in its own test.
NAMES = ["reinforce", "ppo_clip", "dual_clip", "cispo", "gspo", "natural_gradient"]
OURS = [name for name, spec in LOSSES.specs().items() if spec.__module__.startswith("edgewise.")]
CORRECTIONS = ["none", "ratio", "truncated", "masked"]


class Choice(Spec):
    loss: AnyPolicyLoss
    correction: Correction


def choose(loss: Any = "reinforce", correction: Any = "none") -> Choice:
    return Choice.parse({"loss": loss, "correction": correction}, "choice")


def some_tokens() -> LossInputs:
    """Ratios far enough from 1 that every clip acts somewhere."""
    generator = torch.Generator().manual_seed(0)
    logits_NV = torch.randn(200, 6, generator=generator)
    token_N = torch.randint(0, 6, (200,), generator=generator)
    logp_N = logits_NV.log_softmax(-1).gather(1, token_N[:, None]).squeeze(1)
    sample_index_N = torch.arange(200) // 4 * 3
    advantage_N = torch.randn(200, generator=generator)[sample_index_N]
    old_logp_N = logp_N + torch.randn(200, generator=generator)
    chosen_N = torch.rand(200, generator=generator) < 0.2
    return LossInputs(logp_N, old_logp_N, advantage_N, sample_index_N, token_N, logits_NV, chosen_N)


def expected(name: str, inputs: LossInputs) -> LossAndMetrics:
    """The loss and the clip fraction, with the default numbers written out."""
    logp_N, old_N, advantage_N = inputs.logp_N, inputs.old_logp_N, inputs.advantage_N
    match name:
        case "reinforce":
            return losses.reinforce(logp_N, advantage_N)
        case "ppo_clip":
            return losses.ppo_clip(logp_N, old_N, advantage_N, 0.2, 0.2)
        case "dual_clip":
            return losses.dual_clip(logp_N, old_N, advantage_N, 0.2, 0.2, 3.0)
        case "cispo":
            return losses.cispo(logp_N, old_N, advantage_N, 0.0, 5.0)
        case "gspo":
            return losses.gspo(logp_N, old_N, advantage_N, inputs.sample_index_N, 3e-4, 4e-4)
    return losses.natural_gradient(inputs.logits_NV, inputs.token_N, advantage_N, 100.0)


def cut(metrics: Mapping[str, Tensor]) -> Tensor:
    """Where a clip acts; nowhere for a loss without one."""
    return metrics.get("clip_fraction", torch.zeros(200, dtype=torch.bool))


def test_these_losses_are_registered() -> None:
    assert [name for name in OURS if name in NAMES] == NAMES


@pytest.mark.parametrize("name", OURS)
def test_a_loss_and_its_metrics_have_a_number_for_every_token(name: str) -> None:
    inputs = some_tokens()
    logits_NV = inputs.logits_NV.clone().requires_grad_()
    logp_N = logits_NV.log_softmax(-1).gather(1, inputs.token_N[:, None]).squeeze(1)
    loss_N, metrics = choose(loss=name).loss.per_token(replace(inputs, logits_NV=logits_NV, logp_N=logp_N))
    assert loss_N.shape == inputs.logp_N.shape and bool(loss_N.isfinite().all())
    assert all(metric_N.shape == loss_N.shape and not metric_N.requires_grad for metric_N in metrics.values())
    (gradient_NV,) = torch.autograd.grad(loss_N.sum(), logits_NV)
    assert bool(gradient_NV.isfinite().all()) and bool(gradient_NV.any())


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_name_is_a_loss_with_its_default_numbers(name: str) -> None:
    spec = choose(loss=name)
    assert spec.loss.kind == name
    assert spec == choose(loss={"kind": name})
    inputs = some_tokens()
    loss_N, metrics = spec.loss.per_token(inputs)
    wanted_N, where = expected(name, inputs)
    assert torch.equal(loss_N, wanted_N)
    assert torch.equal(cut(metrics), cut(where))
    assert bool(cut(metrics).any()) == (name != "reinforce"), "a clip that never acts proves nothing"


@pytest.mark.parametrize("name", OURS)
def test_a_token_has_the_same_loss_however_whole_samples_are_cut_and_ordered(name: str) -> None:
    spec, inputs = choose(loss=name).loss, some_tokens()
    loss_N, metrics = spec.per_token(inputs)
    order_N = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    for rows in (torch.arange(80), torch.arange(80, 200), order_N):
        part = LossInputs(*(getattr(inputs, field.name)[rows] for field in fields(LossInputs)))
        part_N, part_metrics = spec.per_token(part)
        torch.testing.assert_close(part_N, loss_N[rows])
        assert metrics.keys() == part_metrics.keys()
        for name, metric_N in metrics.items():
            assert torch.equal(part_metrics[name], metric_N[rows])


def test_numbers_reach_the_loss() -> None:
    inputs = some_tokens()
    changed = {
        "ppo_clip": {"low": 0.5, "high": 2.0},
        "dual_clip": {"low": 0.5, "high": 2.0, "bound": 1.5},
        "cispo": {"least": 0.5, "most": 1.5},
        "gspo": {"low": 0.2, "high": 0.5},
        "natural_gradient": {"cap": 3.0},
    }
    for name, numbers in changed.items():
        for field, value in numbers.items():
            plain_N, plain_metrics = choose(loss=name).loss.per_token(inputs)
            loss_N, metrics = choose(loss={"kind": name, field: value}).loss.per_token(inputs)
            assert not torch.equal(loss_N, plain_N), (name, field)
            assert not torch.equal(cut(metrics), cut(plain_metrics)), (name, field)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_bare_name_is_a_correction_with_its_default_numbers(name: str) -> None:
    spec = choose(correction=name)
    assert spec == choose(correction={"kind": name})
    rollout_N = torch.full((5,), -1.0)
    ratio_N = torch.tensor([1.0, 0.4, 1.5, 4.0, 6.0])
    weights = {
        "none": [1.0] * 5,
        "ratio": [1.0] * 5,
        "truncated": [1.0, 0.4, 1.5, 2.0, 2.0],
        "masked": [1.0, 0.0, 1.5, 4.0, 0.0],
    }
    assert spec.correction.weight(rollout_N + ratio_N.log(), rollout_N).tolist() == pytest.approx(weights[name])
    assert spec.correction.ratio_to_rollout == (name == "ratio")


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"loss": "ppo"}, "ppo"),
        ({"loss": {"kind": "ppo_clip", "low": 0.0}}, "low"),
        ({"loss": {"kind": "ppo_clip", "high": 0.0}}, "high"),
        ({"loss": {"kind": "ppo_clip", "bound": 3.0}}, "bound"),
        ({"loss": {"kind": "dual_clip", "bound": 1.0}}, "bound"),
        ({"loss": {"kind": "cispo", "least": 1.0}}, "least"),
        ({"loss": {"kind": "cispo", "most": 1.0}}, "most"),
        ({"loss": {"kind": "natural_gradient", "cap": 0.5}}, "cap"),
        ({"correction": "clipped"}, "clipped"),
        ({"correction": {"kind": "truncated", "cap": 0.9}}, "cap"),
        ({"correction": {"kind": "masked", "low": 2.0}}, "low"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(choice: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        choose(**choice)


def test_a_choice_survives_its_canonical_json_and_is_overridden_by_name_or_number() -> None:
    spec = choose(loss={"kind": "dual_clip", "bound": 4.0}, correction="masked")
    assert Choice.model_validate_json(canonical_json(spec)) == spec
    assert override(spec, ["loss.bound=5"]).loss == choose(loss={"kind": "dual_clip", "bound": 5.0}).loss
    assert override(spec, ["loss=gspo", "correction=truncated"]) == choose("gspo", "truncated")
