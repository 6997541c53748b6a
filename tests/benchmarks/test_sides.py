"""Our side of each benchmark, a few tokens long; and what of the peers needs transformers only."""

from __future__ import annotations

import pytest
import torch

from benchmarks import cores, cost, kept_groups, memory, next_token, peers, rl_step, sampling
from benchmarks.models import NATURAL, NEVER, RandomWords, decoder, prompt, tokenizer_of
from edgewise.model.decoder import DecoderSpec

TINY = DecoderSpec(width=16, layers=1, heads=2, kv_heads=2, feed_forward=32, max_positions=128)
TOKENIZER = tokenizer_of(508)


def test_a_draw_of_ours_is_timed_and_counted() -> None:
    tokens, seconds = sampling.our_draw(
        decoder(TINY, TOKENIZER, NEVER), TOKENIZER, 0, prompts=2, samples=3, new_tokens=4
    )
    assert tokens == 24 and 0 < seconds < 30


def test_a_step_of_ours_is_the_trainer_s_and_leaves_the_model_alone() -> None:
    model = decoder(TINY, TOKENIZER, NEVER)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tokens, seconds = rl_step.our_step(model, TOKENIZER, 0, prompts=2, samples=4, new_tokens=5, steps=2)
    assert tokens == 2 * 4 * 5 and 0 < seconds < 30
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_another_repeat_draws_other_completions() -> None:
    model = decoder(TINY, TOKENIZER, NATURAL)
    drawn = {sampling.our_draw(model, TOKENIZER, seed, prompts=4, samples=4, new_tokens=40)[0] for seed in range(4)}
    assert len(drawn) > 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_our_next_token_step_learns_the_rows(precision: str) -> None:
    rows = next_token.rows(len(TOKENIZER), count=2, length=32)
    trainer = next_token.OurTrainer(decoder(TINY, TOKENIZER, NEVER), rows, precision)
    losses = [trainer.step()[0] for _ in range(3)]
    assert losses[2] < losses[0]


def test_sampling_in_bf16_is_told_as_a_multiple_of_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "our_draw", lambda _m, _t, _r, precision: (300 if precision == "bf16" else 200, 1.0))
    found = sampling.gain_of_bf16(sampling.CASES[0], 2)
    assert (found.value, found.met, found.values) == (1.5, True, [1.5, 1.5])


def test_unequal_work_is_an_error() -> None:
    next_token.check_alike(6.0, 6.1)
    rl_step.check_alike([50.0, 52.0], [49.0, 55.0])
    with pytest.raises(RuntimeError, match="not the same work"):
        next_token.check_alike(6.0, 6.2)
    with pytest.raises(RuntimeError, match="not the same work"):
        rl_step.check_alike([50.0], [60.0])
    rl_step.check_prompts(64.0)
    with pytest.raises(RuntimeError, match="not the same work"):
        rl_step.check_prompts(1.0)


def test_cost_is_of_sampling_and_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "our_draw", lambda _m, _t, _r, problems, samples, length: (0, 1e-3 * problems * samples))
    monkeypatch.setattr(
        cost, "our_step", lambda _m, _t, _r, problems, samples, length: (0.0, 3e-3 * problems * samples)
    )
    sampling_series, rest = cost.along("samples", [cost.Size(samples=n, width=16) for n in (4, 8)], 1)
    assert [sampling_series.exponent, rest.exponent] == pytest.approx([1.0, 1.0])
    assert [one["rest_seconds"] for one in rest.points] == pytest.approx([0.032, 0.064])


def test_parameters_are_what_the_width_gives() -> None:
    one = cost.point("parameters", cost.Size(problems=1, samples=2, length=2, width=16), 1)
    model = decoder(cost.shape(16), TOKENIZER, NEVER)
    assert one["parameters"] == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.slow
def test_steps_run_in_processes_of_their_own() -> None:
    assert 0 < cores.seconds_with(1, seed=0, steps=1, new_tokens=2) < 60
    small, large = (memory.point(samples, 1, new_tokens=16) for samples in (2, 64))
    assert large["above_mb"] > small["above_mb"] and large["cache_mb"] > 10 * small["cache_mb"]


@pytest.fixture(scope="module")
def theirs() -> object:
    pytest.importorskip("transformers")
    model, _ = peers.same_model(decoder(TINY, TOKENIZER, NATURAL), TOKENIZER)
    return model.eval()


def test_the_peer_has_the_same_weights(theirs: object) -> None:
    model = decoder(TINY, TOKENIZER, NATURAL)
    sampling.check_equal(model, theirs, TOKENIZER, prompts=2, new_tokens=6)
    other = decoder(TINY, TOKENIZER, NATURAL)
    torch.nn.init.normal_(other.embedding.weight)
    with pytest.raises(RuntimeError, match="prompt 0: our greedy completion"):
        sampling.check_equal(other, theirs, TOKENIZER, prompts=2, new_tokens=6)


def test_the_peer_s_completions_end_where_they_end(theirs: object) -> None:
    drawn, seconds = peers.generate(theirs, TOKENIZER, [prompt(TOKENIZER, p) for p in range(3)], 4, 30, batch=8)
    assert len(drawn) == 12 and seconds > 0
    assert all(TOKENIZER.eos not in ids[:-1] and 1 <= len(ids) <= 30 for ids in drawn)
    assert any(ids[-1] == TOKENIZER.eos for ids in drawn)


def test_the_peer_reads_the_words_as_ours_are_read() -> None:
    pytest.importorskip("transformers")
    _, words = peers.same_model(decoder(TINY, TOKENIZER, NEVER), TOKENIZER)
    text = RandomWords().problem("train", 0, 0).prompt
    assert words(text)["input_ids"] == TOKENIZER.prompt(text)


def test_keeping_groups_is_timed_within_each_step() -> None:
    steps = kept_groups.steps_that_keep(steps=2, pretrained=1)
    assert len(steps) == 2
    for step in steps:
        assert 0 < step["keeping"] < step["whole"] and step["bytes"] > 1000
