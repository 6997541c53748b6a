from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from edgewise.rl import trainer
from edgewise.rl.losses import Aggregation, exact_kl
from edgewise.rl.recipes import PpoClip, Recipe
from edgewise.rl.trainer import Batch, describe, make_batch, update
from edgewise.sampling.rollouts import Rollouts, roll_out
from edgewise.tasks.base import Mark
from edgewise.training.optimizer import Optimizer
from edgewise.training.run import Run

from .bandit import (
    RECIPE,
    TOKENIZER,
    WORLD,
    Bandit,
    Recorder,
    advantages_for,
    changed,
    close,
    decoder,
    draw,
    unpacked,
)

AGGREGATIONS: tuple[Aggregation, ...] = ("token", "sample", "constant")


def one_batch(rollouts: Rollouts, advantage_PG: Tensor, recipe: Recipe, order: list[int] | None = None) -> Batch:
    problems = list(range(len(rollouts.problems))) if order is None else order
    batch = make_batch(rollouts, advantage_PG, problems, recipe, TOKENIZER.pad)
    assert batch is not None
    return batch


def gradient_of(batch: Batch, recipe: Recipe, tokens: int = 10**6) -> dict[str, Tensor]:
    model = decoder()
    recorder = Recorder(model)
    update(model, decoder(7), recorder, [batch], recipe, 0.1, Run(Path(), tokens_per_micro_batch=tokens))
    (gradient,) = recorder.gradients
    return gradient


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    found = draw(decoder(), problems=5, samples=4)
    lengths = found.completions.length_PG
    assert lengths.min() < lengths.max(), "completions of one length would hide mistakes"
    assert found.completions.finished_PG.any() and not found.completions.finished_PG.all()
    return found


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("kl", [0.0, 0.3])
def test_the_gradient_is_that_of_the_padded_batch(rollouts: Rollouts, aggregation: Aggregation, kl: float) -> None:
    """Against one forward pass per completion and the textbook's means over a padded batch."""
    recipe = changed(aggregation=aggregation, kl=kl)
    advantage_PG = advantages_for(rollouts)
    model, reference = decoder(), decoder(7)
    pairs = unpacked(model, rollouts)
    with torch.no_grad():
        references = unpacked(reference, rollouts)
    losses = []
    for (logits, logp), (reference_logits, _), advantage in zip(pairs, references, advantage_PG.ravel(), strict=True):
        loss = -advantage * (logp - logp.detach()).exp()
        losses.append(loss + kl * exact_kl(logits, reference_logits))
    padded_ST = torch.nn.utils.rnn.pad_sequence(losses, batch_first=True)
    length_S = torch.tensor([len(loss) for loss in losses])
    match aggregation:
        case "token":
            total = padded_ST.sum() / length_S.sum()
        case "sample":
            total = (padded_ST.sum(1) / length_S).mean()
        case "constant":
            total = padded_ST.sum() / (len(losses) * recipe.max_new_tokens)
    total.backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert close(gradient_of(one_batch(rollouts, advantage_PG, recipe), recipe), expected)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("kl", [0.0, 0.3])
def test_the_gradient_does_not_depend_on_micro_batches_order_or_rows(
    rollouts: Rollouts, aggregation: Aggregation, kl: float
) -> None:
    recipe = changed(aggregation=aggregation, kl=kl)
    advantage_PG = advantages_for(rollouts)
    whole = gradient_of(one_batch(rollouts, advantage_PG, recipe), recipe)
    for tokens in (1, 64):
        assert close(gradient_of(one_batch(rollouts, advantage_PG, recipe), recipe, tokens), whole)
    assert close(gradient_of(one_batch(rollouts, advantage_PG, recipe, [3, 0, 4, 2, 1]), recipe, 40), whole)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_leaving_out_samples_without_advantage_changes_nothing(rollouts: Rollouts, aggregation: Aggregation) -> None:
    recipe = changed(aggregation=aggregation)
    advantage_PG = advantages_for(rollouts)
    dropped = one_batch(rollouts, advantage_PG, recipe)
    # A coefficient too small to add anything keeps every sample in the batch.
    kept_recipe = changed(aggregation=aggregation, kl=1e-30)
    kept = one_batch(rollouts, advantage_PG, kept_recipe)
    assert len(kept.advantage_D) == 20 and len(dropped.advantage_D) == 20 - 4 - 1
    assert close(gradient_of(dropped, recipe), gradient_of(kept, kept_recipe))


def test_batches_hold_the_ids_that_were_drawn(rollouts: Rollouts) -> None:
    batch = one_batch(rollouts, torch.ones(5, 4), RECIPE)
    for document in range(20):
        p, g = divmod(document, 4)
        here = batch.rows.document_RT == document
        ids = [*rollouts.prompts[p], *rollouts.completions.ids(p, g)]
        assert batch.rows.tokens_RT[here].tolist() == ids
        assert int((batch.rows.weights_RT[here] > 0).sum()) == rollouts.completions.length_PG[p, g]


def test_log_probabilities_are_the_samplers(rollouts: Rollouts) -> None:
    batch = one_batch(rollouts, torch.ones(5, 4), RECIPE)
    with torch.no_grad():
        _, logp_N = trainer._logits_logp(decoder(), batch.rows)
    documents_N = batch.rows.document_RT[batch.rows.weights_RT > 0]
    for document in range(20):
        p, g = divmod(document, 4)
        drawn = rollouts.completions.logp_PGT[p, g, : rollouts.completions.length_PG[p, g]]
        np.testing.assert_allclose(logp_N[documents_N == document].numpy(), drawn, atol=1e-4)


def watch_ratios(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The ratio of every token, in the order in which the loss sees them."""
    seen: list[Tensor] = []
    real = PpoClip.per_token

    def per_token(self: PpoClip, logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor) -> tuple[Tensor, Tensor]:
        assert not old_logp_N.requires_grad
        seen.append((logp_N.detach() - old_logp_N).exp())
        return real(self, logp_N, old_logp_N, advantage_N)

    monkeypatch.setattr(PpoClip, "per_token", per_token)
    return seen


@pytest.mark.parametrize("tokens", [1, 64, 10**6])
def test_on_policy_the_ratio_is_exactly_one(rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    ratios = watch_ratios(monkeypatch)
    model = decoder()
    batch = one_batch(rollouts, advantages_for(rollouts), RECIPE)
    optimizer = Optimizer(model, RECIPE.optimizer)
    found = update(model, model, optimizer, [batch], RECIPE, 0.1, Run(Path(), tokens_per_micro_batch=tokens))
    assert found["ratio_max"] == 1.0 and found["clip_fraction"] == 0.0
    assert ratios and all(bool((ratio_N == 1).all()) for ratio_N in ratios)
    assert found["grad_norm"] > 0 and "kl" not in found


@pytest.mark.parametrize("tokens", [1, 10**6])
def test_of_two_updates_the_first_is_on_policy_and_the_second_is_not(
    rollouts: Rollouts, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    ratios = watch_ratios(monkeypatch)
    model = decoder()
    batches = [one_batch(rollouts, advantages_for(rollouts), RECIPE, problems) for problems in ([0, 1, 2], [3, 4])]
    run = Run(Path(), tokens_per_micro_batch=tokens)
    found = update(model, model, Optimizer(model, RECIPE.optimizer), batches, RECIPE, 0.1, run)
    first = len(batches[0].rows) if tokens == 1 else 1
    assert all(bool((ratio_N == 1).all()) for ratio_N in ratios[:first])
    second = torch.cat(ratios[first:])
    assert bool((second != 1).any())
    assert found["ratio_max"] == pytest.approx(float(second.max()))
    assert found["clip_fraction"] > 0


def test_old_log_probabilities_are_of_the_policy_that_sampled(rollouts: Rollouts) -> None:
    """The second batch's gradient, by hand: with the moved weights, against the first ones' log-probabilities."""
    recipe = changed(loss={"loss": "ppo_clip", "low": 0.9, "high": 50.0})
    advantage_PG = advantages_for(rollouts)
    first, second = (one_batch(rollouts, advantage_PG, recipe, problems) for problems in ([0, 1, 2], [3, 4]))
    model = decoder()
    with torch.no_grad():
        old_N = trainer._logits_logp(model, second.rows)[1]
    run = Run(Path())
    update(model, model, Optimizer(model, recipe.optimizer), [first], recipe, 0.02, run)
    logp_N = trainer._logits_logp(model, second.rows)[1]
    counted = second.rows.weights_RT > 0
    advantage_N = second.advantage_D[second.rows.document_RT[counted]]
    (-(logp_N - old_N).exp() * advantage_N * second.rows.weights_RT[counted]).sum().backward()
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
    update(again, again, recorder, [first, second], recipe, 0.02, run)
    assert close(recorder.gradients[1], expected)


def test_a_batch_without_signal_is_no_update(rollouts: Rollouts) -> None:
    zero_PG = torch.zeros(5, 4)
    assert make_batch(rollouts, zero_PG, range(5), RECIPE, TOKENIZER.pad) is None
    assert make_batch(rollouts, zero_PG, range(5), changed(kl=0.1), TOKENIZER.pad) is not None
    model = decoder()
    found = update(model, model, Optimizer(model, RECIPE.optimizer), [None], RECIPE, 0.1, Run(Path()))
    assert found == {"grad_norm": 0.0, "clip_fraction": 0.0, "ratio_max": 1.0}
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), decoder().parameters(), strict=True))


def test_kl_pulls_towards_the_reference(rollouts: Rollouts) -> None:
    recipe = changed(kl=1.0)
    model, reference = decoder(), decoder(7)
    optimizer = Optimizer(model, recipe.optimizer)
    batch = one_batch(rollouts, torch.zeros(5, 4), recipe)
    found = [update(model, reference, optimizer, [batch], recipe, 1e-2, Run(Path()))["kl"] for _ in range(15)]
    assert found[-1] < 0.5 * found[0]
    assert all(torch.equal(a, b) for a, b in zip(reference.parameters(), decoder(7).parameters(), strict=True))


def test_kl_to_the_start_is_zero_at_the_start(rollouts: Rollouts) -> None:
    recipe = changed(kl=1.0)
    batch = one_batch(rollouts, torch.zeros(5, 4), recipe)
    found = update(decoder(), decoder(), Recorder(model := decoder()), [], recipe, 0.1, Run(Path()))
    assert "kl" not in found
    recorder = Recorder(model)
    found = update(model, decoder(), recorder, [batch], recipe, 0.1, Run(Path()))
    assert found["kl"] == pytest.approx(0, abs=1e-7)
    assert all(tensor.abs().max() < 1e-6 for tensor in recorder.gradients[0].values())


def test_one_update_raises_what_was_rewarded_and_lowers_what_was_not(rollouts: Rollouts) -> None:
    advantage_PG = torch.zeros(5, 4)
    advantage_PG[0, 0], advantage_PG[3, 1] = 1.0, -1.0
    model = decoder()

    def total(p: int, g: int) -> float:
        return float(unpacked(model, rollouts)[p * 4 + g][1].detach().sum())

    before = total(0, 0), total(3, 1)
    batch = one_batch(rollouts, advantage_PG, RECIPE)
    update(model, model, Optimizer(model, RECIPE.optimizer), [batch], RECIPE, 1e-3, Run(Path()))
    assert total(0, 0) > before[0] and total(3, 1) < before[1]


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def traces(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "metrics.jsonl").read_bytes(), (folder / "checkpoint" / "state.safetensors").read_bytes()


def train(run: Run, recipe: Recipe, seed: int = 0, world: Bandit = WORLD) -> dict[str, float]:
    return trainer.train(decoder(), decoder(), TOKENIZER, world, recipe, seed, run)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"advantage": "dr_grpo", "loss": {"loss": "reinforce"}, "aggregation": "constant"},
        {"updates": 2, "aggregation": "sample", "reward": "process"},
    ],
)
def test_training_learns_the_bandit(tmp_path: Path, fields: dict[str, object]) -> None:
    optimizer = {"learning_rate": 4e-3, "schedule": "constant", "warmup": 0.0}
    recipe = changed(steps=50, prompts=16, samples=16, max_new_tokens=3, optimizer=optimizer, **fields)
    train(Run(tmp_path), recipe)
    reward = [line["reward"] for line in metrics(tmp_path)]
    # One word in four is right: a policy that does not read the prompt cannot earn much over 0.25.
    assert sum(reward[:3]) / 3 < 0.3
    assert sum(reward[-15:]) / 15 > 0.45


def test_no_signal_no_change(tmp_path: Path) -> None:
    model = decoder()
    trainer.train(model, decoder(), TOKENIZER, Bandit(payable=False), RECIPE, 0, Run(tmp_path))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), decoder().parameters(), strict=True))
    for line in metrics(tmp_path):
        assert (line["zero_variance"], line["grad_norm"], line["reward"]) == (1.0, 0.0, 0.0)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("fields", [{"updates": 2, "kl": 0.05}, {}])
@pytest.mark.parametrize("step", [1, 4, 6])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path: Path, step: int, fields: dict[str, object]) -> None:
    recipe = changed(**fields)
    whole = train(Run(tmp_path / "whole"), recipe)

    def progress(done: int, total: int, note: str) -> None:
        if done == step:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(Run(tmp_path / "parts", progress=progress, checkpoint_seconds=0.0), recipe)
    seen: list[int] = []
    again = Run(tmp_path / "parts", progress=lambda done, total, note: seen.append(done))
    parts = train(again, recipe)
    assert seen == list(range(step, recipe.steps + 1))
    assert traces(tmp_path / "parts") == traces(tmp_path / "whole")
    assert (parts["tokens"], parts["flops"]) == (whole["tokens"], whole["flops"])


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    for seed in (0, 1):
        train(Run(tmp_path / str(seed)), RECIPE, seed)
    assert traces(tmp_path / "0")[0] != traces(tmp_path / "1")[0]


def test_every_step_draws_fresh_problems_of_the_train_split(tmp_path: Path) -> None:
    asked: list[tuple[str, int, int]] = []

    class Watched(Bandit):
        def problem(self, split, seed, index):  # type: ignore[no-untyped-def]
            asked.append((split, seed, index))
            return super().problem(split, seed, index)

    train(Run(tmp_path), RECIPE, 5, Watched())
    assert asked == [("train", 5, index) for index in range(RECIPE.steps * RECIPE.prompts)]


def test_every_step_draws_with_numbers_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One prompt may be asked at many steps; with one key it would get the same completions again."""
    keys: list[int] = []

    def watched(*arguments: Any) -> Rollouts:
        keys.append(arguments[-1])
        return roll_out(*arguments)

    monkeypatch.setattr(trainer, "roll_out", watched)
    for seed in (0, 1):
        train(Run(tmp_path / str(seed)), RECIPE, seed)
    assert len(keys) == len(set(keys)) == 2 * RECIPE.steps


def test_metrics_say_what_the_rollouts_say(rollouts: Rollouts) -> None:
    verdicts = [verdict for row in rollouts.verdict_PG for verdict in row]
    rewards_PG = torch.tensor([[float(v.answer is Mark.CORRECT) for v in row] for row in rollouts.verdict_PG])
    found = describe(rollouts, rewards_PG)
    lengths = rollouts.completions.length_PG
    unscorable = sum(verdict.answer is Mark.UNSCORABLE for verdict in verdicts)
    assert unscorable and rewards_PG.any(), "the case must contain what is counted"
    right = sum(verdict.answer is Mark.CORRECT for verdict in verdicts)
    assert found["reward"] == pytest.approx(right / 20)
    assert found["answer_correct"] == right / 20
    assert found["process_correct"] == sum(verdict.process is Mark.CORRECT for verdict in verdicts) / 20
    assert found["unscorable"] == unscorable / 20
    assert found["truncated"] == pytest.approx(1 - rollouts.completions.finished_PG.mean())
    assert found["length"] == pytest.approx(lengths.mean())
    assert found["zero_variance"] == pytest.approx(
        sum(len({float(reward) for reward in row}) == 1 for row in rewards_PG) / 5
    )
    logps = [float(logp.detach().sum()) for _, logp in unpacked(decoder(), rollouts)]
    assert found["entropy"] == pytest.approx(-math.fsum(logps) / lengths.sum(), abs=1e-4)


def test_totals_count_sampled_tokens_and_work(tmp_path: Path) -> None:
    recipe = changed(steps=1)
    totals = train(Run(tmp_path), recipe)
    (line,) = metrics(tmp_path)
    assert totals["tokens"] == line["tokens"] == line["length"] * recipe.prompts * recipe.samples
    assert train(Run(tmp_path / "kl"), changed(steps=1, kl=0.1))["flops"] > totals["flops"] > 0
