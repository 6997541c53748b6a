"""The engine: one distribution, the same bits in any layout, log-probabilities that a full pass confirms."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.decoder import DecoderSpec
from edgewise.model.hf import save_pretrained
from edgewise.sampling.decode_torch import sample_tokens
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import TOKENIZER, alone, sharp
from tests.model.native.present import each_backend
from tests.sampling.batches import ALL_PARAMS, END, KEYS, LENGTHS, NAMES, PARAMS, PROMPTS, SAMPLES, model, same, whole
from tests.sampling.params import fits, probabilities

# ---- The same bits in any layout


@pytest.mark.parametrize("name", NAMES)
def test_the_test_set_ends_at_many_lengths(name: str) -> None:
    """Slots are dropped and moved only where samples end apart; without that the tests below see little."""
    lengths = whole(name).length_PG
    assert len(np.unique(lengths)) > 5
    assert 0.1 < whole(name).finished_PG.mean() < 0.95


@each_backend
@pytest.mark.parametrize("name", NAMES)
def test_rows_at_once_do_not_matter(name: str, backend: str) -> None:
    for rows in (1, 20, 31):
        same(
            name,
            Engine(model(name, backend), END, rows).sample(PROMPTS, KEYS, SAMPLES, PARAMS),
            list(range(len(PROMPTS))),
            backend=backend,
        )


@each_backend
@pytest.mark.parametrize("name", NAMES)
def test_other_prompts_and_their_order_do_not_matter(name: str, backend: str) -> None:
    engine = Engine(model(name, backend), END)
    everyone = list(range(len(PROMPTS)))
    for chosen in (
        [0],
        [4],
        [3, 6],
        [4, 0],
        [8, 1, 5],
        everyone[::-1],
        random.Random(1).sample(everyone, len(everyone)),
    ):
        part = engine.sample([PROMPTS[p] for p in chosen], [KEYS[p] for p in chosen], SAMPLES, PARAMS)
        same(name, part, chosen, backend=backend)


@each_backend
@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_samples_does_not_matter(name: str, backend: str) -> None:
    engine = Engine(model(name, backend), END)
    for samples in (1, 2, 5):
        same(name, engine.sample(PROMPTS, KEYS, samples, PARAMS), list(range(len(PROMPTS))), samples, backend)
    for p in (0, 4, 7):
        same(name, engine.sample([PROMPTS[p]], [KEYS[p]], 1, PARAMS), [p], 1, backend)
        same(name, engine.sample([PROMPTS[p]], [KEYS[p]], 40, PARAMS), [p], backend=backend)


@each_backend
@pytest.mark.parametrize("name", [*NAMES, "one head", "default width"])
def test_many_short_prompts_with_a_sample_each_do_not_matter(name: str, backend: str) -> None:
    """Few queries against a short prompt are the smallest matrices there are."""
    engine = Engine(model(name, backend), END)
    short = [p for p, length in enumerate(LENGTHS) if length <= 16]
    params = SamplingParams(max_new_tokens=20)
    many = engine.sample([PROMPTS[p] for p in short] * 3, [KEYS[p] for p in short] * 3, 1, params)
    for j, p in enumerate(short):
        beside = engine.sample([PROMPTS[p], [5] * 40], [KEYS[p], 0], 4, params)
        length = beside.length_PG[0, 0]
        assert many.ids(j, 0) == beside.ids(0, 0)
        assert many.logp_PGT[j, 0, :length].tobytes() == beside.logp_PGT[0, 0, :length].tobytes()


@each_backend
def test_a_prompt_given_twice_is_drawn_alike_under_one_key_only(backend: str) -> None:
    engine = Engine(model(NAMES[0], backend), END)
    both = engine.sample([PROMPTS[2]] * 3, [KEYS[2], KEYS[2], KEYS[3]], SAMPLES, PARAMS)
    assert (both.tokens_PGT[0] == both.tokens_PGT[1]).all()
    assert (both.tokens_PGT[0] != both.tokens_PGT[2]).any()
    assert len({tuple(both.ids(0, g)) for g in range(SAMPLES)}) == SAMPLES


@each_backend
def test_the_global_generator_is_neither_read_nor_moved(backend: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    part = Engine(model(NAMES[0], backend), END).sample(PROMPTS[:2], KEYS[:2], SAMPLES, PARAMS)
    assert torch.equal(before, torch.get_rng_state())
    same(NAMES[0], part, [0, 1], backend=backend)


@each_backend
@pytest.mark.parametrize("params", ALL_PARAMS, ids=str)
def test_a_lower_limit_gives_the_beginnings(params: SamplingParams, backend: str) -> None:
    name = NAMES[1]
    short = Engine(model(name, backend), END).sample(
        PROMPTS, KEYS, SAMPLES, params.model_copy(update={"max_new_tokens": 7})
    )
    for p in range(len(PROMPTS)):
        for g in range(SAMPLES):
            ids = whole(name, params, backend).ids(p, g)
            assert short.ids(p, g) == ids[:7]
            assert short.finished_PG[p, g] == (END in ids[:7])


# ---- What is recorded


@each_backend
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("params", ALL_PARAMS, ids=str)
def test_log_probabilities_are_those_of_a_full_pass(name: str, params: SamplingParams, backend: str) -> None:
    """Under the distribution the tokens came from, also for the end token, and none from outside the support."""
    drawn = whole(name, params, backend)
    for p, prompt in enumerate(PROMPTS):
        for g in range(0, SAMPLES, 2):
            ids = drawn.ids(p, g)
            logits = alone(model(name), [*prompt, *ids])[len(prompt) - 1 : -1]
            direct = [np.log(probabilities(logits[t], params)[token]) for t, token in enumerate(ids)]
            np.testing.assert_allclose(drawn.logp_PGT[p, g, : len(ids)], direct, atol=1e-4)


@each_backend
@pytest.mark.parametrize("name", NAMES)
def test_finished_lengths_and_padding(name: str, backend: str) -> None:
    drawn = whole(name, PARAMS, backend)
    assert drawn.tokens_PGT.shape == drawn.logp_PGT.shape == (len(PROMPTS), SAMPLES, drawn.length_PG.max())
    assert [a.dtype.name for a in (drawn.tokens_PGT, drawn.logp_PGT)] == ["int32", "float32"]
    assert drawn.finished_PG.dtype == np.bool_
    for p in range(len(PROMPTS)):
        for g in range(SAMPLES):
            ids, length = drawn.ids(p, g), drawn.length_PG[p, g]
            assert len(ids) == length >= 1
            assert all(0 <= token < len(TOKENIZER) for token in ids)
            assert END not in ids[:-1]
            assert drawn.finished_PG[p, g] == (ids[-1] == END)
            assert drawn.finished_PG[p, g] or length == PARAMS.max_new_tokens
            assert (drawn.tokens_PGT[p, g, length:] == -1).all()
            assert (drawn.logp_PGT[p, g, length:] == 0).all()
            assert (drawn.logp_PGT[p, g, :length] < 0).all()


def test_one_new_token() -> None:
    drawn = Engine(model(NAMES[0]), END).sample(PROMPTS, KEYS, 300, SamplingParams(max_new_tokens=1))
    assert drawn.tokens_PGT.shape == (len(PROMPTS), 300, 1)
    assert (drawn.length_PG == 1).all()
    assert (drawn.finished_PG == (drawn.tokens_PGT[..., 0] == END)).all()
    assert 0 < drawn.finished_PG.mean() < 1


def test_the_end_at_the_last_place_is_a_finish_and_not_a_cut() -> None:
    name = NAMES[0]
    full = whole(name)
    p, g = next((p, g) for p, g in np.argwhere(full.finished_PG) if full.length_PG[p, g] > 2)
    length = int(full.length_PG[p, g])
    engine = Engine(model(name), END)
    exact = engine.sample([PROMPTS[p]], [KEYS[p]], SAMPLES, SamplingParams(max_new_tokens=length))
    assert exact.finished_PG[0, g]
    short = engine.sample([PROMPTS[p]], [KEYS[p]], SAMPLES, SamplingParams(max_new_tokens=length - 1))
    assert not short.finished_PG[0, g]


def test_all_positions_of_the_model_can_be_used() -> None:
    name = NAMES[2]
    room = model(name).spec.max_positions - len(PROMPTS[4])
    drawn = Engine(model(name), END).sample([PROMPTS[4]], [KEYS[4]], 4, SamplingParams(max_new_tokens=room))
    for g in range(4):
        ids = drawn.ids(0, g)
        logp = torch.log_softmax(alone(model(name), [*PROMPTS[4], *ids]), -1)[len(PROMPTS[4]) - 1 : -1]
        direct = logp.gather(1, torch.tensor(ids).unsqueeze(1)).squeeze(1)
        np.testing.assert_allclose(drawn.logp_PGT[0, g, : len(ids)], direct, atol=1e-4)


# ---- The distribution


@pytest.mark.parametrize("params", [params.model_copy(update={"max_new_tokens": 1}) for params in ALL_PARAMS], ids=str)
def test_tokens_are_drawn_as_often_as_the_law_says(params: SamplingParams) -> None:
    name, prompt = NAMES[1], PROMPTS[7]
    drawn = Engine(model(name), END).sample([prompt], [KEYS[7]], 20_000, params)
    counts = np.bincount(drawn.tokens_PGT[0, :, 0], minlength=len(TOKENIZER))
    fits(counts, probabilities(alone(model(name), prompt)[-1], params))


def test_pairs_of_tokens_are_drawn_as_often_as_the_law_says() -> None:
    """One number used at two positions would leave each right and the pair wrong."""
    small = sharp(DecoderSpec(width=16, layers=2, heads=2, kv_heads=1, feed_forward=24, max_positions=16), 5, scale=0.8)
    prompt, end = [1, 3, 4], 0
    drawn = Engine(small, end).sample([prompt], [key("pairs")], 20_000, SamplingParams(max_new_tokens=2)).tokens_PGT[0]
    params = SamplingParams()
    first_V = probabilities(alone(small, prompt)[-1], params)
    expected, counts = np.zeros((5, 6)), np.zeros((5, 6))
    for token in range(5):
        if token == end:
            expected[token, 5] = first_V[token]
        else:
            expected[token, :5] = first_V[token] * probabilities(alone(small, [*prompt, token])[-1], params)
    np.add.at(counts, (drawn[:, 0], drawn[:, 1]), 1)
    fits(counts, expected)


def test_across_prompts_the_first_tokens_are_independent() -> None:
    """The same prompt under 4000 keys: the distribution again, and no run of equal draws."""
    name, prompt = NAMES[0], PROMPTS[2]
    keys = [key("many", i) for i in range(4000)]
    tokens = (
        Engine(model(name), END).sample([prompt] * 4000, keys, 1, SamplingParams(max_new_tokens=1)).tokens_PGT[:, 0, 0]
    )
    p_V = probabilities(alone(model(name), prompt)[-1], SamplingParams())
    fits(np.bincount(tokens, minlength=len(TOKENIZER)), p_V)
    pairs = np.zeros((len(TOKENIZER), len(TOKENIZER)))
    np.add.at(pairs, (tokens[:-1:2], tokens[1::2]), 1)
    fits(pairs, np.outer(p_V, p_V))


@given(
    st.lists(st.floats(-20, 20), min_size=2, max_size=12),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    st.sampled_from([1.0, 0.3, 3.0]),
)
@settings(deadline=None, max_examples=200)
def test_draw_inverts_the_cumulative_distribution_of_the_support(
    logits: list[float], u: float, top_p: float, temperature: float
) -> None:
    params = SamplingParams(temperature=temperature, top_p=top_p)
    drawn = sample_tokens(torch.tensor([logits]), torch.tensor([u], dtype=torch.float64), params)
    token, logp = int(drawn[0]), float(drawn[1])
    assert logp > -torch.inf
    full = probabilities(np.array(logits, np.float32), SamplingParams(temperature=temperature))
    # A token is outside exactly where the likelier ones already reach top_p; equal ones stand in any order.
    likelier = full[full > full[token] * (1 + 1e-5)].sum()
    assert likelier < top_p + 1e-5
    if top_p == 1:
        below = full[:token].sum()
        assert logp == pytest.approx(np.log(full[token]), abs=1e-4)
        assert below - 1e-5 <= u <= below + full[token] + 1e-5


def test_draw_at_the_ends_of_the_unit_interval() -> None:
    """Never a token of probability zero, neither at 0 nor at the largest number below 1."""
    nothing = -torch.inf
    logits = torch.tensor(
        [[nothing, 0.0, 0.0, nothing], [0.0, nothing, nothing, nothing], [nothing, nothing, nothing, 0.0]]
    )
    for u, expected in ((0.0, [1, 0, 3]), (0.25, [1, 0, 3]), (0.5, [2, 0, 3]), (1 - 2**-53, [2, 0, 3])):
        for params in (SamplingParams(), SamplingParams(top_p=0.999)):
            token, logp = sample_tokens(logits, torch.full((3,), u, dtype=torch.float64), params)
            assert token.tolist() == expected
            assert logp.tolist() == pytest.approx([-np.log(2), 0, 0], abs=1e-6)


def test_top_p_keeps_the_fewest_tokens_that_reach_it() -> None:
    logits = torch.log(torch.tensor([0.1, 0.5, 0.15, 0.25]))
    u = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    for top_p, support in (
        (0.45, {1}),
        (0.55, {1, 3}),
        (0.7, {1, 3}),
        (0.8, {1, 2, 3}),
        (0.95, {0, 1, 2, 3}),
        (1e-6, {1}),
    ):
        token, logp = sample_tokens(logits.expand(1000, 4), u, SamplingParams(top_p=top_p))
        assert set(token.tolist()) == support
        mass = sum(float(logits[i].exp()) for i in support)
        for i in support:
            share = float(logits[i].exp()) / mass
            assert (token == i).double().mean().item() == pytest.approx(share, abs=2e-3)
            assert logp[token == i].exp().tolist() == pytest.approx([share] * int((token == i).sum()), abs=1e-5)


# ---- Greedy


@pytest.mark.parametrize("name", NAMES)
def test_greedy_takes_the_likeliest_token(name: str) -> None:
    drawn = whole(name, SamplingParams(temperature=0, max_new_tokens=30))
    for p, prompt in enumerate(PROMPTS):
        ids = drawn.ids(p, 0)
        assert alone(model(name), [*prompt, *ids])[len(prompt) - 1 : -1].argmax(-1).tolist() == ids
        assert all(drawn.ids(p, g) == ids for g in range(SAMPLES))
        assert (drawn.logp_PGT[p] == 0).all(), "a distribution with one outcome"


@pytest.mark.parametrize("name", NAMES)
def test_greedy_is_that_of_transformers_from_our_folder(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    save_pretrained(model(name), TOKENIZER, tmp_path)
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    drawn = whole(name, SamplingParams(temperature=0, max_new_tokens=30))
    for p, prompt in enumerate(PROMPTS):
        # No pad or end token is passed: transformers has to find them in the folder.
        row = torch.tensor([prompt])
        written = theirs.generate(row, attention_mask=torch.ones_like(row), do_sample=False, max_new_tokens=30)
        assert written[0, len(prompt) :].tolist() == drawn.ids(p, 0)


# ---- What is refused


@pytest.mark.parametrize(
    ("prompts", "samples", "limit", "words"),
    [
        ([], 1, 5, ("at least one prompt",)),
        ([[]], 1, 5, ("at least one token",)),
        ([[4], []], 1, 5, ("at least one token",)),
        ([[4]], 0, 5, ("samples",)),
        ([[4]], -1, 5, ("samples",)),
        ([[4] * 60], 1, 69, ("max_new_tokens", "60", "69", "128")),
        ([[4], [4] * 129], 1, 1, ("max_new_tokens", "129", "128")),
        ([[4]], 1, 10**12, ("max_new_tokens",)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_sampled_is_one_line(
    prompts: list[list[int]], samples: int, limit: int, words: tuple[str, ...]
) -> None:
    engine = Engine(model("tied, grouped"), END)
    with pytest.raises(InputError) as error:
        engine.sample(prompts, [0] * len(prompts), samples, SamplingParams(max_new_tokens=limit))
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_limit_itself_is_accepted() -> None:
    drawn = Engine(model("tied, grouped"), END).sample([[4] * 60], [0], 1, SamplingParams(max_new_tokens=68))
    assert drawn.length_PG[0, 0] <= 68


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": -1},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_new_tokens": 0},
        {"temperature": float("nan")},
        {"topp": 1},
    ],
    ids=str,
)
def test_a_law_that_is_none_names_its_field(params: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(params))):
        SamplingParams.parse(params)


@each_backend
def test_a_completion_ends_with_the_first_of_several_ends(backend: str) -> None:
    """As drawn with one end and cut by hand: what stands before the end does not know of it."""
    name, other = NAMES[0], 9
    one = whole(name, PARAMS, backend)
    both = Engine(model(name, backend), END, other_ends=frozenset({other})).sample(PROMPTS, KEYS, SAMPLES, PARAMS)
    shorter = 0
    for p in range(len(PROMPTS)):
        for g in range(SAMPLES):
            ids = one.ids(p, g)
            length = next((place + 1 for place, token in enumerate(ids) if token in (END, other)), len(ids))
            assert both.ids(p, g) == ids[:length]
            np.testing.assert_array_equal(both.logp_PGT[p, g, :length], one.logp_PGT[p, g, :length])
            assert not both.logp_PGT[p, g, length:].any() and (both.tokens_PGT[p, g, length:] == -1).all()
            assert both.finished_PG[p, g] == (ids[length - 1] in (END, other))
            shorter += length < len(ids)
    assert shorter > 10
