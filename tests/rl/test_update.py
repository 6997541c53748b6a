"""The gradient of one update against the published objective, written out sample by sample."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from edgewise.rl.batch import logits_of, logp_of
from edgewise.rl.kl import exact_kl
from edgewise.rl.losses.base import LossAndMetrics, LossInputs
from edgewise.rl.losses.clipped import PpoClip
from edgewise.rl.normalization import Normalization
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import CPU, Execution
from edgewise.training.optimizer import Optimizer

from .bandit import (
    RECIPE,
    Recorder,
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

NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    found = draw(decoder(), problems=5, samples=4)
    lengths = found.completions.length_PG
    assert lengths.min() < lengths.max(), "completions of one length would hide mistakes"
    assert found.completions.finished_PG.any() and not found.completions.finished_PG.all()
    return found


def normalized(losses: list[Tensor], normalization: Normalization, max_tokens: int) -> Tensor:
    """Losses of the tokens of 5 x 4 samples, one tensor a sample."""
    everything = torch.cat(losses)
    match normalization:
        case "token-mean":
            return everything.mean()
        case "seq-mean-token-mean":
            return torch.stack([loss.mean() for loss in losses]).mean()
        case "prompt-mean-token-mean":
            return torch.stack([torch.cat(losses[4 * p : 4 * p + 4]).mean() for p in range(5)]).mean()
        case "seq-mean-token-sum-norm":
            return everything.sum() / (len(losses) * max_tokens)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(("kl", "entropy"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
@pytest.mark.parametrize("temperature", [1.0, 1.3])
def test_the_gradient_is_that_of_the_objective(
    rollouts: Rollouts, normalization: Normalization, kl: float, entropy: float, temperature: float
) -> None:
    recipe = changed(
        loss={"normalization": normalization, "kl": {"coefficient": kl}, "entropy_bonus": entropy},
        sampling={"temperature": temperature},
    )
    advantage_PG = advantages_for(rollouts)
    model, reference = decoder(), decoder(7)
    with torch.no_grad():
        references = unpacked(reference, rollouts, temperature)
    losses = []
    for (logits, logp), (reference_logits, _), advantage in zip(
        unpacked(model, rollouts, temperature), references, advantage_PG.ravel(), strict=True
    ):
        loss = -advantage * (logp - logp.detach()).exp() + kl * exact_kl(logits, reference_logits)
        losses.append(loss - entropy * torch.distributions.Categorical(logits=logits).entropy())
    normalized(losses, normalization, recipe.sampling.max_new_tokens).backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    found = gradient_of(decoder(), one_batch(rollouts, advantage_PG, recipe), recipe, kl_target=reference)
    assert close(found, expected)


@pytest.mark.parametrize("estimator", ["exact", "k1", "k2", "k3"])
@pytest.mark.parametrize("sharpness", [1.0, 0.5])
def test_the_kl_term_is_the_named_one_to_the_tempered_model(
    rollouts: Rollouts, estimator: str, sharpness: float
) -> None:
    recipe = changed(
        advantage="indicator_none", loss={"kl": {"coefficient": 0.7, "estimator": estimator, "temperature": sharpness}}
    )
    model, reference = decoder(), decoder(7)
    losses = []
    for (logits, logp), (other_logits, other_logp) in zip(
        unpacked(model, rollouts), unpacked(reference, rollouts, sharpness), strict=True
    ):
        ratio = logp - other_logp.detach()
        value = {
            "exact": (logits.softmax(-1) * (logits.log_softmax(-1) - other_logits.detach().log_softmax(-1))).sum(-1),
            "k1": ratio,
            "k2": ratio**2 / 2,
            "k3": (-ratio).exp() - 1 + ratio,
        }
        losses.append(0.7 * value[estimator])
    torch.cat(losses).mean().backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    batch = one_batch(rollouts, torch.zeros(5, 4), recipe)
    assert close(gradient_of(decoder(), batch, recipe, kl_target=reference), expected)


def test_a_token_is_credited_with_its_own_advantage(rollouts: Rollouts) -> None:
    shape = rollouts.completions.logp_PGT.shape
    advantage_PGT = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    model = decoder()
    losses = [
        -advantage_PGT.view(-1, shape[2])[row, : len(logp)] * logp
        for row, (_, logp) in enumerate(unpacked(model, rollouts))
    ]
    torch.cat(losses).mean().backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert close(gradient_of(decoder(), one_batch(rollouts, advantage_PGT, RECIPE), RECIPE), expected)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(
    "fields", [{}, {"loss": {"kl": {"coefficient": 0.3}}}, {"loss": {"function": {"kind": "gspo"}}}]
)
def test_the_gradient_does_not_depend_on_micro_batches_order_or_rows(
    rollouts: Rollouts, normalization: Normalization, fields: dict[str, object]
) -> None:
    recipe = changed(fields, loss={"normalization": normalization})
    advantage_PG = advantages_for(rollouts)
    reference = decoder(7)
    whole = gradient_of(decoder(), one_batch(rollouts, advantage_PG, recipe), recipe, kl_target=reference)
    for tokens in (1, 64):
        batch = one_batch(rollouts, advantage_PG, recipe)
        assert close(gradient_of(decoder(), batch, recipe, tokens, reference), whole)
    order = [3, 0, 4, 2, 1]
    batch = one_batch(rollouts.select(order), advantage_PG[order], recipe)
    assert close(gradient_of(decoder(), batch, recipe, 40, reference), whole)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_leaving_out_samples_without_advantage_changes_nothing(
    rollouts: Rollouts, normalization: Normalization
) -> None:
    recipe = changed(loss={"normalization": normalization})
    advantage_PG = advantages_for(rollouts)
    dropped = one_batch(rollouts, advantage_PG, recipe)
    # A coefficient too small to add anything keeps every sample in the batch.
    kept_recipe = changed(loss={"normalization": normalization, "entropy_bonus": 1e-30})
    kept = one_batch(rollouts, advantage_PG, kept_recipe)
    assert len(kept.weight_D) == 20 and len(dropped.weight_D) == 20 - 4 - 1
    assert close(gradient_of(decoder(), dropped, recipe), gradient_of(decoder(), kept, kept_recipe))


def watch_tokens(monkeypatch: pytest.MonkeyPatch) -> list[LossInputs]:
    """The tokens in the order in which the loss sees them."""
    seen: list[LossInputs] = []
    real = PpoClip.per_token

    def per_token(self: PpoClip, tokens: LossInputs) -> LossAndMetrics:
        assert not tokens.old_logp_N.requires_grad
        seen.append(tokens)
        return real(self, tokens)

    monkeypatch.setattr(PpoClip, "per_token", per_token)
    return seen


def ratio(tokens: LossInputs) -> Tensor:
    return (tokens.logp_N.detach() - tokens.old_logp_N).exp()


@pytest.mark.parametrize("tokens", [1, 64, 10**6])
def test_on_policy_the_ratio_is_exactly_one(rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    seen = watch_tokens(monkeypatch)
    model = decoder()
    batch = one_batch(rollouts, advantages_for(rollouts), RECIPE)
    execution = Execution(tokens_per_micro_batch=tokens)
    found = update(model, Optimizer(model, RECIPE.optimizer), [batch], RECIPE, 0.1, execution)
    assert found["ratio_max"] == 1.0 and found["clip_fraction"] == 0.0
    assert seen and all(bool((ratio(some) == 1).all()) for some in seen)
    assert found["grad_norm"] > 0 and "kl" not in found and "drift" not in found


@pytest.mark.parametrize("tokens", [1, 10**6])
@pytest.mark.parametrize(("updates", "epochs"), [(2, 1), (1, 2)])
def test_of_two_updates_the_first_is_on_policy_and_the_second_is_not(
    rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch, tokens: int, updates: int, epochs: int
) -> None:
    seen = watch_tokens(monkeypatch)
    model = decoder()
    recipe = changed(optimizer={"minibatches": updates, "epochs": epochs})
    made = batches(rollouts, advantages_for(rollouts), recipe)
    execution = Execution(tokens_per_micro_batch=tokens)
    found = update(model, Optimizer(model, recipe.optimizer), made, recipe, 0.1, execution)
    assert made[0] is not None
    first = len(made[0].weight_D) if tokens == 1 else 1
    assert all(bool((ratio(some) == 1).all()) for some in seen[:first])
    second = torch.cat([ratio(some) for some in seen[first:]])
    assert bool((second != 1).any())
    assert found["ratio_max"] == pytest.approx(float(second.max()))
    assert found["clip_fraction"] > 0


def test_old_log_probabilities_are_of_the_policy_before_the_first_update(rollouts: Rollouts) -> None:
    """The second update's gradient, by hand: with the moved weights, against the first ones' log-probabilities."""
    recipe = changed(loss={"function": {"kind": "ppo_clip", "low": 0.9, "high": 50.0}}, optimizer={"minibatches": 2})
    first, second = batches(rollouts, advantages_for(rollouts), recipe)
    assert first is not None and second is not None
    model = decoder()
    (part,) = second.micro_batches(Execution(tokens_per_micro_batch=10**6))
    with torch.no_grad():
        old_N = logp_of(logits_of(model, part, 1.0), part)
    update(model, Optimizer(model, recipe.optimizer), [first], recipe, 0.02, CPU)
    logp_N = logp_of(logits_of(model, part, 1.0), part)
    (-(logp_N - old_N).exp() * part.advantage_N * part.weight_N).sum().backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    class Second(Recorder):
        """Moves the weights at the first step as the real one does, and records the second."""

        def step(self, learning_rate: float) -> float:
            if not self.gradients:
                self.gradients.append({})
                return Optimizer.step(self, learning_rate)
            return super().step(learning_rate)

    again = decoder()
    recorder = Second(again)
    recorder.spec = recipe.optimizer
    recorder._adamw = Optimizer(again, recipe.optimizer)._adamw
    update(again, recorder, [first, second], recipe, 0.02, CPU)
    assert close(recorder.gradients[1], expected)


@pytest.mark.parametrize(
    ("correction", "weigh"),
    [
        ("none", lambda r: torch.ones_like(r)),
        ("ratio", lambda r: r),
        ({"kind": "truncated", "cap": 1.1}, lambda r: r.clamp(max=1.1)),
        ({"kind": "masked", "low": 0.9, "high": 1.1}, lambda r: r * ((r >= 0.9) & (r <= 1.1))),
    ],
)
def test_what_another_policy_wrote_is_corrected_as_named(rollouts: Rollouts, correction: object, weigh: Any) -> None:
    """With a clip that never acts, the gradient is that of -w A log pi, w a function of pi / pi_drawn."""
    loss = {"kind": "ppo_clip", "low": 0.99, "high": 1e6}
    recipe = changed(
        sampling={"behavior": {"kind": "policy", "staleness": 1}}, loss={"correction": correction, "function": loss}
    )
    noise = 0.2 * torch.randn(rollouts.completions.logp_PGT.shape, generator=torch.Generator().manual_seed(5))
    drawn_PGT = torch.from_numpy(rollouts.completions.logp_PGT) + noise
    advantage_PG = advantages_for(rollouts)
    model = decoder()
    losses = []
    for row, (_, logp) in enumerate(unpacked(model, rollouts)):
        drawn = drawn_PGT.view(20, -1)[row, : len(logp)]
        losses.append(-weigh((logp.detach() - drawn).exp()) * advantage_PG.ravel()[row] * logp)
    torch.cat(losses).mean().backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    batch = one_batch(rollouts, advantage_PG, recipe, rollout_logp=drawn_PGT)
    assert close(gradient_of(decoder(), batch, recipe), expected)
    found = update(decoder(), Recorder(model := decoder()), [], recipe, 0.1, CPU)
    assert "drift" not in found
    found = update(model, Recorder(model), [batch], recipe, 0.1, CPU)
    assert found["drift"] == pytest.approx(0, abs=3 * 0.2 / batch.tokens**0.5) and found["drift"] != 0


def test_a_batch_without_signal_is_no_update(rollouts: Rollouts) -> None:
    zero_PG = torch.zeros(5, 4)
    assert batches(rollouts, zero_PG, RECIPE) == [None]
    assert batches(rollouts, zero_PG, changed(loss={"kl": {"coefficient": 0.1}})) != [None]
    model = decoder()
    found = update(model, Optimizer(model, RECIPE.optimizer), [None], RECIPE, 0.1, CPU)
    assert found == {"grad_norm": 0.0, "clip_fraction": 0.0, "ratio_max": 1.0}
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), decoder().parameters(), strict=True))


def test_kl_pulls_towards_the_reference(rollouts: Rollouts) -> None:
    recipe = changed(loss={"kl": {"coefficient": 1.0}})
    model, reference = decoder(), decoder(7)
    optimizer = Optimizer(model, recipe.optimizer)
    batch = one_batch(rollouts, torch.zeros(5, 4), recipe)
    found = [update(model, optimizer, [batch], recipe, 1e-2, CPU, reference)["kl"] for _ in range(15)]
    assert found[-1] < 0.5 * found[0]
    assert all(torch.equal(a, b) for a, b in zip(reference.parameters(), decoder(7).parameters(), strict=True))


@pytest.mark.parametrize("bonus", [1.0, -1.0], ids=["flattens", "sharpens"])
def test_entropy_is_changed_also_where_no_sample_has_an_advantage(rollouts: Rollouts, bonus: float) -> None:
    recipe = changed(loss={"entropy_bonus": bonus})
    before, after = decoder(), decoder()
    optimizer = Optimizer(after, recipe.optimizer)
    for _ in range(15):
        update(after, optimizer, [one_batch(rollouts, torch.zeros(5, 4), recipe)], recipe, 1e-2, CPU)

    def entropy(model: Any) -> float:
        return sum(
            float(torch.distributions.Categorical(logits=x).entropy().sum()) for x, _ in unpacked(model, rollouts)
        )

    assert (entropy(after) - entropy(before)) * bonus > 0.1


def test_one_update_raises_what_was_rewarded_and_lowers_what_was_not(rollouts: Rollouts) -> None:
    advantage_PG = torch.zeros(5, 4)
    advantage_PG[0, 0], advantage_PG[3, 1] = 1.0, -1.0
    model = decoder()

    def total(p: int, g: int) -> float:
        return float(unpacked(model, rollouts)[p * 4 + g][1].detach().sum())

    before = total(0, 0), total(3, 1)
    batch = one_batch(rollouts, advantage_PG, RECIPE)
    update(model, Optimizer(model, RECIPE.optimizer), [batch], RECIPE, 1e-3, CPU)
    assert total(0, 0) > before[0] and total(3, 1) < before[1]


def test_equal_parts_of_the_problems_make_the_updates(rollouts: Rollouts) -> None:
    made = batches(rollouts, torch.ones(5, 4), changed(optimizer={"minibatches": 2}))
    assert [len(batch.weight_D) for batch in made if batch] == [8, 12]
    few = batches(rollouts.select([0]), torch.ones(1, 4), changed(optimizer={"minibatches": 4}))
    assert [len(batch.weight_D) for batch in few if batch] == [4]
