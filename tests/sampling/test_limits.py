"""The engine where completions have limits of their own, and the model's own log-probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import alone
from tests.sampling.batches import ALL_PARAMS, END, KEYS, NAMES, PARAMS, PROMPTS, SAMPLES, model, same, whole
from tests.sampling.params import probabilities


@pytest.mark.parametrize("name", NAMES)
def test_limits_of_their_own_give_the_beginnings(name: str) -> None:
    limits = [1, 40, 7, 33, 2, 12, 40, 1, 5]
    drawn = Engine(model(name), END).sample_within(PROMPTS, KEYS, limits, SAMPLES, PARAMS)
    for p, limit in enumerate(limits):
        for g in range(SAMPLES):
            ids = whole(name).ids(p, g)[:limit]
            assert drawn.tokens_PGT[p, g].tolist() == ids + [-1] * (PARAMS.max_new_tokens - len(ids))
            assert drawn.logp_PGT[p, g, : len(ids)].tobytes() == whole(name).logp_PGT[p, g, : len(ids)].tobytes()
            assert (drawn.logp_PGT[p, g, len(ids) :] == 0).all()


def test_a_short_limit_at_the_last_position_does_not_hold_up_the_others() -> None:
    name = NAMES[0]
    room = model(name).spec.max_positions - len(PROMPTS[0])
    prompts = [[5] * (model(name).spec.max_positions - 1), PROMPTS[0]]
    params = SamplingParams(max_new_tokens=room)
    both = Engine(model(name), END).sample_within(prompts, [3, KEYS[0]], [1, room], SAMPLES, params)
    solo = Engine(model(name), END).sample([PROMPTS[0]], [KEYS[0]], SAMPLES, params)
    assert ((both.tokens_PGT[0] >= 0).sum(-1) == 1).all()
    assert [row[row >= 0].tolist() for row in both.tokens_PGT[1]] == [solo.ids(0, g) for g in range(SAMPLES)]


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("params", ALL_PARAMS, ids=str)
def test_the_models_own_log_probabilities_are_those_of_a_full_pass(params: SamplingParams, noise: float) -> None:
    name = NAMES[1]
    limits = [params.max_new_tokens] * len(PROMPTS)
    drawn = Engine(model(name), END, logit_noise=noise).sample_within(PROMPTS, KEYS, limits, 2, params, model_logp=True)
    assert drawn.model_logp_PGT is not None
    for p, prompt in enumerate(PROMPTS):
        ids = drawn.tokens_PGT[p, 0][drawn.tokens_PGT[p, 0] >= 0].tolist()
        logits = alone(model(name), [*prompt, *ids])[len(prompt) - 1 : -1]
        direct = [np.log(probabilities(logits[t], SamplingParams())[token]) for t, token in enumerate(ids)]
        np.testing.assert_allclose(drawn.model_logp_PGT[p, 0, : len(ids)], direct, atol=1e-4)
        assert (drawn.model_logp_PGT[p, 0, len(ids) :] == 0).all()


def test_prompts_that_are_read_in_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewise.sampling.decode_torch._PREFILL_SCORES", 2 * 64**2)
    same(NAMES[1], Engine(model(NAMES[1]), END).sample(PROMPTS, KEYS, SAMPLES, PARAMS), list(range(len(PROMPTS))))
