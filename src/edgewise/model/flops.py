"""FLOPs of a decoder: a forward pass, a training step, sampling. The only place where they are worked out.

All three are estimates that count multiplications with weights, and attention; norms, rotations and softmax are left
out. `vocabulary` is the number of tokens that the output head knows.
"""

from __future__ import annotations

from edgewise.model.decoder import DecoderSpec

# A backward pass costs as much as two forward passes.
TRAINING_PASSES = 3


def forward_flops(spec: DecoderSpec, vocabulary: int, tokens: float, context: float) -> float:
    """FLOPs of a forward pass over `tokens` tokens, each of which sees `context` keys on average, itself included.

    2 per weight and token; 4 x the width of all query heads per layer, token and visible key for attention scores and
    their mixing.
    """
    per_token = 2 * spec.matmul_parameters(vocabulary) + 4 * spec.layers * spec.query_width * context
    return tokens * per_token


def training_flops(spec: DecoderSpec, vocabulary: int, tokens: float, context: float) -> float:
    """FLOPs of a training step, forward and backward, over `tokens` tokens that see `context` keys on average."""
    return TRAINING_PASSES * forward_flops(spec, vocabulary, tokens, context)


def sampling_flops(
    spec: DecoderSpec,
    vocabulary: int,
    *,
    problems: int,
    samples: int,
    prompt_tokens: float,
    completion_tokens: float,
    extra_tokens: float = 0.0,
) -> float:
    """FLOPs of sampling `samples` completions of each of `problems` prompts with a key-value cache.

    `prompt_tokens` is the sum over the prompts, each computed once for its group; `completion_tokens` the sum over
    all completions; `extra_tokens` what else was computed (see `Completions.extra_PG`). Every token counts as if it
    saw a prompt and half a completion of mean length.
    """
    context = prompt_tokens / problems + completion_tokens / (problems * samples) / 2
    return forward_flops(spec, vocabulary, prompt_tokens + completion_tokens + extra_tokens, context)
