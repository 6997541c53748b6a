"""Noise on the logits: the same in any layout, of the size asked for, and in what is recorded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import normal, row_keys
from tests.model.decoders import TOKENIZER, alone
from tests.sampling.batches import END, KEYS, NAMES, PARAMS, PROMPTS, SAMPLES, model, same, whole
from tests.sampling.params import fits, probabilities


def noisy(
    noise: float, chosen: list[int], samples: int, rows: int = 2048, params: SamplingParams = PARAMS
) -> Completions:
    engine = Engine(model(NAMES[1]), END, rows, logit_noise=noise)
    return engine.sample([PROMPTS[p] for p in chosen], [KEYS[p] for p in chosen], samples, params)


def test_no_noise_gives_the_bits_of_an_engine_without() -> None:
    same(NAMES[1], noisy(0.0, list(range(len(PROMPTS))), SAMPLES), list(range(len(PROMPTS))))


def test_noise_does_not_depend_on_the_layout() -> None:
    everyone = list(range(len(PROMPTS)))
    full = noisy(0.3, everyone, SAMPLES)
    assert (full.tokens_PGT[..., :5] != whole(NAMES[1]).tokens_PGT[..., :5]).any()
    for chosen, samples, rows in ((everyone, SAMPLES, 7), ([4, 0], SAMPLES, 2048), ([3], 1, 2048), ([8, 1, 5], 4, 1)):
        part = noisy(0.3, chosen, samples, rows)
        for j, p in enumerate(chosen):
            for g in range(samples):
                length = full.length_PG[p, g]
                assert part.ids(j, g) == full.ids(p, g)
                assert part.logp_PGT[j, g, :length].tobytes() == full.logp_PGT[p, g, :length].tobytes()


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_noise_moves_log_probabilities_by_about_its_size(noise: float) -> None:
    """log p moves by e_v - sum_w p_w e_w to first order: variance s^2 ((1 - p_v)^2 + sum_{w != v} p_w^2)."""
    params = SamplingParams(max_new_tokens=1)
    differences, expected = [], []
    for p, prompt in enumerate(PROMPTS):
        p_V = probabilities(alone(model(NAMES[1]), prompt)[-1], params)
        drawn = noisy(noise, [p], 2000, params=params)
        token = drawn.tokens_PGT[0, :, 0]
        differences.append(drawn.logp_PGT[0, :, 0] - np.log(p_V[token]))
        expected.append(noise**2 * ((1 - p_V[token]) ** 2 + (p_V**2).sum() - p_V[token] ** 2))
    assert np.mean(np.square(differences)) == pytest.approx(np.mean(expected), rel=0.05)
    assert abs(np.mean(differences)) < 0.02 * noise + noise**2


def test_recorded_log_probabilities_are_those_of_the_noisy_distribution() -> None:
    """At every position, with noise of its own."""
    everyone = list(range(len(PROMPTS)))
    params = SamplingParams(temperature=0.8, max_new_tokens=20)
    drawn = noisy(0.5, everyone, 2, params=params)
    rows = row_keys(KEYS, 2, torch.device("cpu"))
    for p, g in ((p, g) for p in everyone for g in range(2)):
        ids = drawn.ids(p, g)
        logits = alone(model(NAMES[1]), [*PROMPTS[p], *ids])[len(PROMPTS[p]) - 1 : -1]
        direct = [
            np.log(probabilities(logits[t] + 0.5 * normal(rows, t, len(TOKENIZER))[p, g], params)[token])
            for t, token in enumerate(ids)
        ]
        np.testing.assert_allclose(drawn.logp_PGT[p, g, : len(ids)], direct, atol=1e-4)


def test_noise_makes_a_law_of_its_own_for_each_sample() -> None:
    """And the draws follow it: noise and draw are independent."""
    params = SamplingParams(max_new_tokens=1)
    logits = alone(model(NAMES[1]), PROMPTS[3])[-1]
    rows = row_keys([KEYS[3]], 4000, torch.device("cpu"))
    laws = torch.softmax(logits + 2 * normal(rows, 0, len(TOKENIZER))[0], dim=-1)
    drawn = noisy(2.0, [3], 4000, params=params)
    fits(np.bincount(drawn.tokens_PGT[0, :, 0], minlength=len(TOKENIZER)), laws.mean(0))


def test_noise_that_is_none_is_refused() -> None:
    for noise in (-0.1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="logit_noise"):
            Engine(model(NAMES[0]), END, logit_noise=noise)
