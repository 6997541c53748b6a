"""FLOPs against the operations counted by hand; torch's own count is in test_decoder."""

from __future__ import annotations

import pytest

from edgewise.model.decoder import DecoderSpec
from edgewise.model.flops import forward_flops, sampling_flops, training_flops

SPEC, VOCABULARY = DecoderSpec(width=8, layers=2, heads=2, kv_heads=1, feed_forward=16), 10


def test_a_forward_pass_counts_weights_and_visible_keys() -> None:
    # Per layer: qkv 8 x 16, out 8 x 8, SwiGLU 3 x 8 x 16; the head 8 x 10.
    weights = 2 * (8 * 16 + 8 * 8 + 3 * 8 * 16) + 8 * 10
    assert forward_flops(SPEC, VOCABULARY, 5, 3) == 5 * (2 * weights + 4 * 2 * 8 * 3)


def test_a_training_step_costs_three_forward_passes() -> None:
    assert training_flops(SPEC, VOCABULARY, 5, 3) == 3 * forward_flops(SPEC, VOCABULARY, 5, 3)


@pytest.mark.parametrize("extra", [0, 7])
def test_sampling_computes_a_prompt_once_for_its_group(extra: int) -> None:
    """3 prompts of 4 tokens, 5 completions each of 6 tokens: every token sees 4 + 6 / 2 keys."""
    flops = sampling_flops(
        SPEC, VOCABULARY, problems=3, samples=5, prompt_tokens=12, completion_tokens=90, extra_tokens=extra
    )
    assert flops == forward_flops(SPEC, VOCABULARY, 12 + 90 + extra, 7)
