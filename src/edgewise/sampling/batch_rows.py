"""How many samples torch decodes at once: a fixed number on a CPU, what the free memory holds on a GPU.

It never changes a result beyond rounding, and on a CPU no bit. On a GPU every step of decoding takes the time of its
launches, however few rows it has, so that the largest batch is the fastest.
"""

from __future__ import annotations

import torch

from edgewise.model.decoder import DecoderSpec
from edgewise.sampling.cuda_graph import decode_schedule
from edgewise.sampling.params import SamplingParams

ROWS_OF_A_CPU = 2048
# The rest is for the weights in bfloat16 and for holes between what is allocated.
_SHARE = 0.8
# Scores and weights of attention: of the prompt, of the completion, of both together, and their softmax.
_SCORES = 6
# Logits, their log-softmax and its division by the temperature, in FP32; three steps of the inverse CDF in FP64.
_BYTES_OF_A_LOGIT = 37


def rows_at_once(
    spec: DecoderSpec,
    vocabulary: int,
    prompt_tokens: int,
    samples: int,
    params: SamplingParams,
    device: torch.device,
) -> int:
    """Rows of a batch on a device, at least 1, where the longest prompt has `prompt_tokens`."""
    if device.type != "cuda":
        return ROWS_OF_A_CPU
    return max(1, int(_SHARE * free_bytes(device) / bytes_per_row(spec, vocabulary, prompt_tokens, samples, params)))


def bytes_per_row(
    spec: DecoderSpec, vocabulary: int, prompt_tokens: int, samples: int, params: SamplingParams
) -> float:
    """Memory of one sample of a batch on a GPU at most: its keys and values, its part of its prompt's, and its step.

    What a step takes counts twice: the recorded graph has memory of its own. One layer's keys stand there twice while
    the cache grows.
    """
    chunk = decode_schedule(torch.device("cuda")).cache_chunk
    completion_tokens = -(-params.max_new_tokens // chunk) * chunk
    per_token = spec.kv_bytes_per_token(2 if params.precision == "bf16" else 4) * (1 + 1 / spec.layers)
    cache = per_token * (completion_tokens + prompt_tokens / samples)
    scores = 4 * _SCORES * spec.heads * (prompt_tokens + completion_tokens)
    layer = 4 * (8 * max(spec.width, spec.query_width) + 4 * spec.feed_forward)
    return cache + 2 * (scores + layer + _BYTES_OF_A_LOGIT * vocabulary) + 12 * params.max_new_tokens


def free_bytes(device: torch.device) -> int:
    """What a CUDA device has left for this process: free on the device, or kept by torch and not in use."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
