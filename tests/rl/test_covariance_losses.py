"""Clip-Cov and KL-Cov: which tokens they choose, their exact gradients, and that no layout of a batch matters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import override
from edgewise.model.decoder import Decoder
from edgewise.rl.losses import clip_cov, drawn_between, highest, kl_cov, ppo_clip, token_covariance
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rl.train import train
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.optimizer import Optimizer
from edgewise.training.run_folder import RunFolder

from .bandit import (
    SHAPE,
    TOKENIZER,
    WORLD,
    advantages_for,
    batches,
    changed,
    close,
    decoder,
    draw,
    gradient_of,
    one_batch,
    unpacked,
    update,
)

RATIO_N = torch.tensor([1.1, 0.9, 0.5, 1.6, 1.6, 0.85, 1.25, 4.0], dtype=torch.float64)
ADVANTAGE_N = torch.tensor([1.0, -2.0, 0.5, 2.0, -2.0, -1.0, 0.0, 1.0], dtype=torch.float64)
OLD_N = torch.linspace(-3, -0.5, len(RATIO_N), dtype=torch.float64)
LOGP_N = OLD_N + RATIO_N.log()
CHOSEN_N = torch.tensor([True, False, False, True, True, False, True, False])


def gradient(loss_N: Tensor, at: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss_N.sum(), at)
    return found


# Which tokens.


def test_covariance_by_hand() -> None:
    logp_M, advantage_M = torch.tensor([-1.0, -3.0, -2.0, -2.0]), torch.tensor([2.0, -2.0, 1.0, -1.0])
    assert token_covariance(logp_M, advantage_M).tolist() == [2.0, 2.0, 0.0, 0.0]
    values_M = token_covariance(LOGP_N, ADVANTAGE_N)
    pairs = torch.stack([LOGP_N, ADVANTAGE_N])
    assert float(values_M.mean()) == pytest.approx(float(torch.cov(pairs, correction=0)[0, 1]))


def test_the_covariance_is_what_a_natural_step_takes_off_the_entropy() -> None:
    """dH = -Cov(log pi, A) for a step of the logits along A, exact by finite differences; the work's theorem."""
    logits_V = torch.tensor([0.3, -1.0, 1.2, 0.0], dtype=torch.float64)
    advantage_V = torch.tensor([1.0, -0.5, 0.7, -2.0], dtype=torch.float64)

    def entropy(step: float) -> float:
        p_V = (logits_V + step * advantage_V).softmax(0)
        return -float((p_V * p_V.log()).sum())

    slope = (entropy(1e-6) - entropy(-1e-6)) / 2e-6
    p_V = logits_V.softmax(0)
    centred_V = (p_V.log() - p_V @ p_V.log()) * (advantage_V - p_V @ advantage_V)
    assert slope == pytest.approx(-float(p_V @ centred_V), rel=1e-6)
    assert abs(slope) > 0.1


def test_a_random_subset_is_drawn_within_the_bounds() -> None:
    covariance_M = torch.linspace(-2, 8, 1001)
    within_M = (covariance_M > 1) & (covariance_M < 5)
    chosen_M = drawn_between(covariance_M, 0.1, 1.0, 5.0, seed=3)
    assert int(chosen_M.sum()) == 100 and bool((chosen_M & ~within_M).sum() == 0)
    assert torch.equal(drawn_between(covariance_M, 0.1, 1.0, 5.0, seed=3), chosen_M)
    assert not torch.equal(drawn_between(covariance_M, 0.1, 1.0, 5.0, seed=4), chosen_M)
    assert torch.equal(drawn_between(covariance_M, 0.9, 1.0, 5.0, seed=3), within_M), "no more than there are"
    assert int(drawn_between(covariance_M, 1e-6, 1.0, 5.0, seed=3).sum()) == 1
    assert not drawn_between(covariance_M, 0.1, 9.0, 10.0, seed=3).any()
    times_M = sum(drawn_between(covariance_M, 0.1, 1.0, 5.0, seed=s).double() for s in range(200))
    assert isinstance(times_M, Tensor) and times_M[within_M].min() > 20 and times_M[within_M].max() < 85


def test_the_highest_are_chosen_and_of_equal_ones_the_first() -> None:
    covariance_M = torch.tensor([0.0, 3.0, 1.0, 3.0, 3.0, -1.0])
    assert highest(covariance_M, 0.34).nonzero().squeeze(1).tolist() == [1, 3]
    assert highest(covariance_M, 0.9).nonzero().squeeze(1).tolist() == [0, 1, 2, 3, 4]
    assert highest(covariance_M, 1e-9).nonzero().squeeze(1).tolist() == [1]


# Their losses.


def test_chosen_tokens_have_no_loss_and_no_gradient_under_clip_cov() -> None:
    logp_N = LOGP_N.clone().requires_grad_()
    loss_N, metrics = clip_cov(logp_N, OLD_N, ADVANTAGE_N, CHOSEN_N, 0.2, 0.3)
    plain_N, plain = ppo_clip(logp_N, OLD_N, ADVANTAGE_N, 0.2, 0.3)
    assert torch.equal(loss_N, torch.where(CHOSEN_N, 0.0, plain_N))
    assert torch.equal(gradient(loss_N, logp_N), torch.where(CHOSEN_N, 0.0, gradient(plain_N, logp_N)))
    assert torch.equal(metrics["clip_fraction"], plain["clip_fraction"] | CHOSEN_N)
    assert torch.equal(metrics["chosen_fraction"], CHOSEN_N)
    assert gradcheck(lambda x: clip_cov(x, OLD_N, ADVANTAGE_N, CHOSEN_N, 0.2, 0.3)[0], logp_N)


def test_chosen_tokens_pay_for_leaving_the_old_policy_under_kl_cov() -> None:
    logp_N = LOGP_N.clone().requires_grad_()
    loss_N, metrics = kl_cov(logp_N, OLD_N, ADVANTAGE_N, CHOSEN_N, 0.7)
    torch.testing.assert_close(loss_N, -ADVANTAGE_N * RATIO_N + 0.7 * RATIO_N.log().abs() * CHOSEN_N)
    expected_N = -ADVANTAGE_N * RATIO_N + 0.7 * RATIO_N.log().sign() * CHOSEN_N
    torch.testing.assert_close(gradient(loss_N, logp_N), expected_N)
    assert torch.equal(metrics["chosen_fraction"], CHOSEN_N)
    assert gradcheck(lambda x: kl_cov(x, OLD_N, ADVANTAGE_N, CHOSEN_N, 0.7)[0], logp_N)


def test_at_ratio_one_the_penalty_has_no_gradient() -> None:
    logp_N = OLD_N.clone().requires_grad_()
    found_N = gradient(kl_cov(logp_N, logp_N, ADVANTAGE_N, CHOSEN_N, 1.0)[0], logp_N)
    assert torch.equal(found_N, -ADVANTAGE_N)


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"kind": "clip_cov", "share": 0.0}, "share"),
        ({"kind": "clip_cov", "least": 5.0}, "least must be below most"),
        ({"kind": "kl_cov", "coefficient": 0.0}, "coefficient"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(choice: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Recipe.parse({"loss": {"function": choice}})
    with pytest.raises(InputError, match="shape"):
        kl_cov(LOGP_N, OLD_N, ADVANTAGE_N, CHOSEN_N[:1], 1.0)


# In a step.

LOSSES = {
    "clip_cov": {"kind": "clip_cov", "share": 0.3, "least": -1e9, "most": 1e9},
    "kl_cov": {"kind": "kl_cov", "share": 0.3},
}


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    return draw(decoder(), problems=5, samples=4)


def test_a_step_chooses_among_all_tokens_of_a_minibatch(rollouts: Rollouts) -> None:
    """The gradient of one update against the objective written out, samples without an advantage included."""
    recipe = changed(loss={"function": LOSSES["clip_cov"]})
    advantage_PG, model = advantages_for(rollouts), decoder()
    logps = [logp for _, logp in unpacked(model, rollouts)]
    advantage_M = torch.cat([a.expand(len(logp)) for a, logp in zip(advantage_PG.ravel(), logps, strict=True)])
    logp_M = torch.cat(logps)
    covariance_M = token_covariance(logp_M.detach(), advantage_M)
    chosen_M = drawn_between(covariance_M, 0.3, -1e9, 1e9, key("chosen tokens", 0, 0))
    assert bool((chosen_M & (advantage_M == 0)).any()) and bool((chosen_M & (advantage_M != 0)).any())
    (-advantage_M * (logp_M - logp_M.detach()).exp() * ~chosen_M).mean().backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert close(gradient_of(decoder(), one_batch(rollouts, advantage_PG, recipe), recipe), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_how_a_minibatch_is_cut_into_micro_batches_does_not_matter(rollouts: Rollouts, name: str) -> None:
    recipe = changed(loss={"function": LOSSES[name]})
    batch = one_batch(rollouts, advantages_for(rollouts), recipe)
    whole = gradient_of(decoder(), batch, recipe)
    assert close(gradient_of(decoder(), batch, recipe, tokens=20), whole)
    plain = changed(loss={"function": {"kind": "ppo_clip", "low": 1.0, "high": 1.0}})
    # A KL to the old policy has no gradient in a single update.
    assert close(gradient_of(decoder(), batch, plain), whole) == (name == "kl_cov")


@pytest.mark.parametrize("name", LOSSES)
def test_torch_and_the_compiled_kernels_choose_and_learn_alike(rollouts: Rollouts, name: str) -> None:
    recipe = changed(loss={"function": LOSSES[name]})
    batch = one_batch(rollouts, advantages_for(rollouts), recipe)
    by_torch, by_kernels = (Decoder(SHAPE, len(TOKENIZER), backend=backend) for backend in ("torch", "native"))
    assert close(gradient_of(by_torch, batch, recipe), gradient_of(by_kernels, batch, recipe))


def test_in_later_updates_the_penalty_pulls_back(rollouts: Rollouts) -> None:
    def moved(coefficient: float) -> dict[str, float]:
        function = {"kind": "kl_cov", "share": 1.0, "coefficient": coefficient}
        recipe = changed(loss={"function": function}, optimizer={"minibatches": 1, "epochs": 8})
        model = decoder()
        optimizer = Optimizer(model, recipe.optimizer)
        return update(model, optimizer, batches(rollouts, advantages_for(rollouts), recipe), recipe, 1e-2)

    free, held = moved(1e-6), moved(3.0)
    assert held["ratio_max"] < free["ratio_max"] and held["chosen_fraction"] == free["chosen_fraction"] == 1


@pytest.mark.parametrize("name", LOSSES)
def test_a_run_says_how_many_tokens_were_chosen_and_is_the_same_again(name: str, tmp_path: Path) -> None:
    recipe = changed(loss={"function": LOSSES[name]}, optimizer={"minibatches": 2}).model_copy(update={"steps": 2})

    def run(folder: Path, cores: int = 1) -> list[dict[str, Any]]:
        train(decoder(), TOKENIZER, WORLD, recipe, 0, RunFolder(folder))
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]

    lines = run(tmp_path / "one")
    assert all(0.15 < line["chosen_fraction"] < 0.45 for line in lines if line["effective_batch"])
    assert any(line["effective_batch"] for line in lines)
    again = run(tmp_path / "two")
    untimed = [{k: v for k, v in line.items() if "seconds" not in k and "per_second" not in k} for line in lines]
    assert [{k: line[k] for k in kept} for line, kept in zip(again, untimed, strict=True)] == untimed


@pytest.mark.parametrize(("name", "kind", "share"), [("clip-cov", "clip_cov", 2e-4), ("kl-cov", "kl_cov", 2e-3)])
def test_the_named_recipes_make_several_updates_a_step(name: str, kind: str, share: float) -> None:
    recipe = named_recipe(name)
    assert (recipe.loss.function.kind, recipe.optimizer.minibatches) == (kind, 8)
    assert override(Recipe(), [f"loss.function={kind}"]).loss.function == recipe.loss.function
    assert recipe.loss.function.model_dump()["share"] == share
