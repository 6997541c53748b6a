"""Power sampling against every completion of a tiny model: the exact chain, and the sampler's counts."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import PowerSamplingParams, SamplingParams
from edgewise.sampling.power import PowerSampler, Walks
from tests.model.decoders import alone, sharp
from tests.sampling.params import Floats, fits, probabilities

VOCABULARY, END, LIMIT = 4, 0, 4
PROMPT = (1, 3, 2)
SPEC = DecoderSpec(width=8, layers=1, heads=1, kv_heads=1, feed_forward=12, max_positions=16)
Completion = tuple[int, ...]


@cache
def model() -> Decoder:
    return sharp(SPEC, VOCABULARY, seed=7, scale=0.9)


@cache
def next_token(before: Completion) -> Floats:
    """The model's distribution of the token after the prompt and `before`."""
    return probabilities(alone(model(), [*PROMPT, *before])[-1], SamplingParams())


def completions(limit: int) -> list[Completion]:
    """Everything that ends by the end token within the limit or is cut there."""
    words = [token for token in range(VOCABULARY) if token != END]
    ended = [(*body, END) for length in range(limit) for body in product(words, repeat=length)]
    return ended + list(product(words, repeat=limit))


@cache
def sharpened(before: Completion, alpha: float) -> Floats:
    """The proposal's distribution of the next token: temperature 1 / alpha."""
    power = next_token(before) ** alpha
    return np.asarray(power / power.sum())


@cache
def suffix(x: Completion, start: int, alpha: float) -> float:
    """The probability that the proposal writes x from `start` on."""
    return float(np.prod([sharpened(x[:s], alpha)[x[s]] for s in range(start, len(x))]))


@cache
def power_law(limit: int, alpha: float) -> Floats:
    p = np.array([np.prod([next_token(x[:s])[x[s]] for s in range(len(x))]) for x in completions(limit)])
    assert p.sum() == pytest.approx(1, abs=1e-12)
    return np.asarray(p**alpha / (p**alpha).sum())


@cache
def transitions(limit: int, alpha: float, *, by_length: bool = True) -> Floats:
    """The matrix of one move, each position's proposal and acceptance added up; `by_length` leaves out |x| / |x'|."""
    states = completions(limit)
    pi = power_law(limit, alpha)
    matrix = np.zeros((len(states), len(states)))
    for i, x in enumerate(states):
        for j, y in enumerate(states):
            for start in range(len(x)):
                if x[:start] != y[:start]:
                    break
                forth, back = suffix(y, start, alpha), suffix(x, start, alpha)
                if by_length:
                    forth, back = forth / len(x), back / len(y)
                accept = min(1.0, pi[j] * back / (pi[i] * forth))
                matrix[i, j] += suffix(y, start, alpha) / len(x) * accept
    matrix[np.diag_indices(len(states))] += 1 - matrix.sum(1)
    return matrix


def proposed(limit: int, alpha: float) -> Floats:
    """The distribution of plain sampling at temperature 1 / alpha."""
    return np.array([suffix(x, 0, alpha) for x in completions(limit)])


def written_on(params: Floats, short: int, limit: int, alpha: float) -> Floats:
    """The distribution over completions within `limit` of those within `short` drawn on."""
    reached = dict(zip(completions(short), params, strict=True))
    return np.array([reached[x[:short]] * suffix(x, min(short, len(x)), alpha) for x in completions(limit)])


def exact(params: PowerSamplingParams) -> Floats:
    """Where the chains stand after all blocks and moves, exactly."""
    limits = [-(-block * params.max_new_tokens // params.blocks) for block in range(1, params.blocks + 1)]
    now = proposed(limits[0], params.alpha)
    for i, limit in enumerate(limits):
        if i:
            now = written_on(now, limits[i - 1], limit, params.alpha)
        now = now @ np.linalg.matrix_power(transitions(limit, params.alpha), params.moves)
    return now


def counts(drawn: Completions, limit: int) -> Floats:
    """How often each completion was drawn for the one prompt."""
    at = {x: i for i, x in enumerate(completions(limit))}
    numbers = [at[tuple(drawn.ids(0, g))] for g in range(drawn.length_PG.shape[1])]
    return np.bincount(numbers, minlength=len(at)).astype(np.float64)


def distance(a: Floats, b: Floats) -> float:
    return float(abs(a - b).sum() / 2)


# ---- The exact chain


@pytest.mark.parametrize("alpha", [1.0, 2.0, 4.0])
def test_a_move_is_in_detailed_balance_with_the_power_law(alpha: float) -> None:
    pi, matrix = power_law(LIMIT, alpha), transitions(LIMIT, alpha)
    assert (matrix >= -1e-15).all()
    flow = pi[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pi @ matrix, pi, rtol=0, atol=1e-12)


def test_without_the_lengths_the_power_law_is_not_kept() -> None:
    for alpha in (1.0, 2.0):
        pi = power_law(LIMIT, alpha)
        assert distance(pi @ transitions(LIMIT, alpha, by_length=False), pi) > 1e-2


def test_temperature_is_another_law() -> None:
    """Each token sharpened on its own is not the completion sharpened, at that temperature or any other."""
    pi = power_law(LIMIT, 2)
    assert distance(proposed(LIMIT, 2), pi) > 0.3
    assert min(distance(proposed(LIMIT, alpha), pi) for alpha in np.linspace(1, 8, 29)) > 0.1


# ---- The sampler's counts


def walk(params: PowerSamplingParams, samples: int, end: int = END) -> Walks:
    return PowerSampler(Engine(model(), end, rows_at_once=10_000)).walk([PROMPT], [key("power test")], samples, params)


@pytest.mark.parametrize(
    "params",
    [
        PowerSamplingParams(alpha=2, blocks=1, moves=1, max_new_tokens=4),
        PowerSamplingParams(alpha=4, blocks=2, moves=2, max_new_tokens=4),
        PowerSamplingParams(alpha=2, blocks=3, moves=1, max_new_tokens=4),
    ],
    ids=str,
)
def test_after_few_moves_the_chains_are_where_the_exact_matrix_leads(params: PowerSamplingParams) -> None:
    fits(counts(walk(params, 4000).completions, LIMIT), exact(params))


def test_after_many_moves_the_law_is_the_power_law_and_plain_sampling_is_not() -> None:
    params = PowerSamplingParams(alpha=2, blocks=1, moves=25, max_new_tokens=LIMIT)
    pi = power_law(LIMIT, 2)
    assert distance(exact(params), pi) < 0.01
    fits(counts(walk(params, 2000).completions, LIMIT), pi)
    for temperature in (1.0, 0.5):
        plain = SamplingParams(temperature=temperature, max_new_tokens=LIMIT)
        drawn = counts(Engine(model(), END).sample([PROMPT], [1], 3000, plain), LIMIT)
        fits(drawn, proposed(LIMIT, 1 / temperature))
        with pytest.raises(AssertionError):
            fits(drawn, pi)


def test_alpha_one_is_the_model_itself() -> None:
    """From the first draw on, because the moves keep what is already there."""
    params = PowerSamplingParams(alpha=1, blocks=2, moves=2, max_new_tokens=LIMIT)
    np.testing.assert_allclose(exact(params), power_law(LIMIT, 1), atol=1e-12)
    fits(counts(walk(params, 4000).completions, LIMIT), power_law(LIMIT, 1))


def test_alpha_one_accepts_by_the_lengths_alone() -> None:
    p, states, expected = power_law(LIMIT, 1), completions(LIMIT), 0.0
    for i, x in enumerate(states):
        for start, y in product(range(len(x)), states):
            if x[:start] == y[:start]:
                expected += p[i] / len(x) * suffix(y, start, 1) * min(1.0, len(x) / len(y))
    assert expected < 0.95
    accepted = walk(PowerSamplingParams(alpha=1, blocks=1, moves=1, max_new_tokens=LIMIT), 4000).accepted_PG
    assert accepted.mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 4000) ** 0.5)


def test_alpha_one_accepts_everything_of_one_length() -> None:
    """An end token that the vocabulary lacks lets no completion end early; the tokens drawn are then known too."""
    params = PowerSamplingParams(alpha=1, blocks=3, moves=4, max_new_tokens=7)
    walks = walk(params, 500, end=VOCABULARY)
    assert (walks.accepted_PG == 12).all()
    assert (walks.completions.length_PG == 7).all()
    assert not walks.completions.finished_PG.any()
    # Blocks end at 3, 5 and 7 tokens, and a move draws 1 ... length of them, each as often.
    expected = 7 + 4 * (2 + 3 + 4)
    sd = (4 * sum((m**2 - 1) / 12 for m in (3, 5, 7)) / 500) ** 0.5
    assert walks.sampled_PG.mean() == pytest.approx(expected, abs=4 * sd)


# ---- What is recorded


PROMPTS = [[1 + (i + j) % 3 for j in range(length)] for i, length in enumerate((3, 1, 6, 2))]
KEYS = [key("layout", i) for i in range(len(PROMPTS))]
PARAMS = PowerSamplingParams(alpha=3, blocks=2, moves=3, max_new_tokens=9)


@cache
def whole() -> Walks:
    return PowerSampler(Engine(model(), END)).walk(PROMPTS, KEYS, 6, PARAMS)


def test_log_probabilities_are_the_models_own() -> None:
    drawn = whole().completions
    assert [a.dtype.name for a in (drawn.tokens_PGT, drawn.logp_PGT, drawn.length_PG)] == ["int32", "float32", "int32"]
    assert 0 < drawn.finished_PG.mean() < 1
    assert drawn.tokens_PGT.shape == drawn.logp_PGT.shape == (len(PROMPTS), 6, drawn.length_PG.max())
    for p, prompt in enumerate(PROMPTS):
        for g in range(6):
            ids, length = drawn.ids(p, g), drawn.length_PG[p, g]
            assert len(ids) == length <= PARAMS.max_new_tokens
            assert END not in ids[:-1]
            assert drawn.finished_PG[p, g] == (ids[-1] == END)
            assert drawn.finished_PG[p, g] or length == PARAMS.max_new_tokens
            logits = alone(model(), [*prompt, *ids])[len(prompt) - 1 : -1]
            direct = [np.log(probabilities(logits[t], SamplingParams())[token]) for t, token in enumerate(ids)]
            np.testing.assert_allclose(drawn.logp_PGT[p, g, :length], direct, atol=1e-4)
            assert (drawn.tokens_PGT[p, g, length:] == -1).all()
            assert (drawn.logp_PGT[p, g, length:] == 0).all()


@pytest.mark.parametrize(
    ("chosen", "samples", "rows"), [([0, 1, 2, 3], 6, 5), ([2], 6, 2048), ([3, 0], 4, 3), ([1, 3, 2, 0], 1, 2048)]
)
def test_chains_do_not_depend_on_what_is_beside_them(chosen: list[int], samples: int, rows: int) -> None:
    sampler = PowerSampler(Engine(model(), END, rows))
    part = sampler.walk([PROMPTS[p] for p in chosen], [KEYS[p] for p in chosen], samples, PARAMS)
    for j, p in enumerate(chosen):
        for g in range(samples):
            ids = whole().completions.ids(p, g)
            assert part.completions.ids(j, g) == ids
            ours, theirs = (
                w.logp_PGT[at, g, : len(ids)] for w, at in ((part.completions, j), (whole().completions, p))
            )
            assert ours.tobytes() == theirs.tobytes()
            assert part.accepted_PG[j, g] == whole().accepted_PG[p, g]
            assert part.sampled_PG[j, g] == whole().sampled_PG[p, g]


def test_samples_and_keys_have_chains_of_their_own() -> None:
    sampler = PowerSampler(Engine(model(), END))
    drawn = sampler.sample([PROMPTS[2]] * 3, [KEYS[2], KEYS[2], KEYS[1]], 8, PARAMS)
    assert (drawn.tokens_PGT[0] == drawn.tokens_PGT[1]).all()
    assert (drawn.tokens_PGT[0] != drawn.tokens_PGT[2]).any()
    assert len({tuple(drawn.ids(0, g)) for g in range(8)}) > 1


# ---- What is refused


@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.5},
        {"alpha": float("nan")},
        {"blocks": 0},
        {"moves": 0},
        {"max_new_tokens": 0},
        {"blocks": 5, "max_new_tokens": 4},
        {"temperature": 1},
    ],
    ids=str,
)
def test_a_law_that_is_none_names_its_field(params: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(params))):
        PowerSamplingParams.parse(params)


def test_what_cannot_be_sampled_is_refused_before_any_work() -> None:
    params = PowerSamplingParams(max_new_tokens=10)
    sampler = PowerSampler(Engine(model(), END))
    for prompts, samples, words in (([[1] * 7], 1, "max_new_tokens"), ([[1]], 0, "samples"), ([], 1, "prompt")):
        with pytest.raises(InputError, match=words):
            sampler.sample(prompts, [0] * len(prompts), samples, params)
    sampler.sample([[1] * 6], [0], 1, params)
    with pytest.raises(InputError, match="logit_noise"):
        PowerSampler(Engine(model(), END, logit_noise=0.1)).sample([[1]], [0], 1, params)
