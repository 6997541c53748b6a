"""The work that a task requires at least, as FLOPs and bytes, and what share of the machine's peak is reached."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.machine import Peaks
from edgewise.model.decoder import DecoderSpec
from edgewise.model.flops import forward_flops, training_flops


@dataclass(frozen=True, slots=True)
class Work:
    """Useful FLOPs, and bytes of keys and values that must be read."""

    flops: float
    bytes: float = 0.0


def sampling_work(
    spec: DecoderSpec, vocabulary: int, prompts: int, samples: int, prompt_tokens: int, mean_tokens: float
) -> Work:
    """Of `samples` completions of `mean_tokens` tokens each: a prompt is computed once for its group.

    Every new token reads the keys and values before it, those of the prompt once for all samples of a group.
    """
    completions = prompts * samples
    prefill = forward_flops(spec, vocabulary, prompts * prompt_tokens, prompt_tokens / 2)
    decode = forward_flops(spec, vocabulary, completions * mean_tokens, prompt_tokens + mean_tokens / 2)
    read = completions * mean_tokens * mean_tokens / 2 + prompts * mean_tokens * prompt_tokens
    return Work(prefill + decode, read * spec.kv_bytes_per_token())


def update_work(
    spec: DecoderSpec, vocabulary: int, prompts: int, samples: int, prompt_tokens: int, mean_tokens: float
) -> Work:
    """Of one gradient of those completions: three forward passes' worth, a prompt once for its group."""
    of_prompts = training_flops(spec, vocabulary, prompts * prompt_tokens, prompt_tokens / 2)
    completion_tokens = prompts * samples * mean_tokens
    return Work(of_prompts + training_flops(spec, vocabulary, completion_tokens, prompt_tokens + mean_tokens / 2))


def training_work(spec: DecoderSpec, vocabulary: int, rows: int, row_length: int) -> Work:
    """Of a next-token step: 6 FLOPs a weight and token, and 6 x layers x width x T for causal attention."""
    return Work(training_flops(spec, vocabulary, rows * row_length, row_length / 2))


def achieved(work: Work, seconds: float, peaks: Peaks) -> dict[str, float]:
    """FLOP/s and bytes/s, and either as a share of the peak, which bounds it from above."""
    rates = {"flops_per_second": work.flops / seconds, "flops_share": work.flops / seconds / peaks.flops}
    if work.bytes:
        rates |= {"bytes_per_second": work.bytes / seconds, "bytes_share": work.bytes / seconds / peaks.copy}
    return rates
