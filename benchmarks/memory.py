"""Peak memory of an RL step against samples, beside what its cache and the activations of a micro-batch require."""

from __future__ import annotations

import statistics

import torch

from benchmarks import process
from benchmarks.findings import Findings, Measurement, Series, exponent
from benchmarks.models import NEVER, PROMPT_TOKENS, SMALL, SMALL_WORDS, decoder, tokenizer_of
from benchmarks.rl_step import our_step
from edgewise.model.decoder import DecoderSpec

PROMPTS, NEW_TOKENS = 8, 128
# Tokens, for each thread: in an update threads may take a micro-batch each.
MICRO_BATCH = 2048
SAMPLES = (8, 16, 32, 64, 128)
AT_MOST = 1.5
# Memory that is cut into pages and chunks does not follow a power to the last digit.
LINEAR = 1.1
_FLOAT = 4


def measure(repeats: int) -> Findings:
    """A series, how much more than required a point takes at most, and how fast the largest points grow."""
    points = [point(samples, repeats) for samples in SAMPLES]
    series = Series.of(
        "memory",
        f"peak memory of a GRPO step above that of a tiny one, {PROMPTS} prompts, {NEW_TOKENS} new tokens",
        "samples",
        "above_mb",
        "MB",
        points,
    )
    excess = Measurement.of(
        "memory_excess",
        "memory of a GRPO step above a tiny one, over what cache or activations require, whichever is more: the worst",
        "of what is required",
        [max(point["above_mb"] / point["required_mb"] for point in points)],
        better="less",
        target=AT_MOST,
    )
    growth = Measurement.of(
        "memory_growth",
        f"exponent of the memory of a GRPO step from {SAMPLES[-2]} to {SAMPLES[-1]} samples (1 is linear)",
        "exponent",
        [exponent([point["samples"] for point in points[-2:]], [point["above_mb"] for point in points[-2:]])],
        better="less",
        target=LINEAR,
    )
    return Findings(measurements=[excess, growth], series=[series])


def point(samples: int, repeats: int, new_tokens: int = NEW_TOKENS) -> dict[str, float]:
    """Megabytes of one size: the median peak above the baseline, the baseline, and what is required."""
    measured = [
        process.call(__name__, "peaks_of_step", {"samples": samples, "new_tokens": new_tokens}) for _ in range(repeats)
    ]
    above = statistics.median(peak - baseline for baseline, peak in measured)
    baseline = statistics.median(baseline for baseline, _ in measured)
    vocabulary = SMALL_WORDS + 4
    cache = cache_bytes(SMALL, PROMPTS, samples, PROMPT_TOKENS, new_tokens)
    tokens = min(MICRO_BATCH * torch.get_num_threads(), PROMPTS * samples * (PROMPT_TOKENS + new_tokens))
    kept = activation_bytes(SMALL, vocabulary, tokens)
    return {
        "samples": float(samples),
        "above_mb": above / 1e6,
        "baseline_mb": baseline / 1e6,
        "cache_mb": cache / 1e6,
        "activations_mb": kept / 1e6,
        "required_mb": max(cache, kept) / 1e6,
    }


def cache_bytes(spec: DecoderSpec, prompts: int, samples: int, prompt_tokens: int, new_tokens: int) -> int:
    """Keys and values of all samples at once, those of a prompt once for its group."""
    return prompts * (prompt_tokens + samples * new_tokens) * spec.kv_bytes_per_token()


def activation_bytes(spec: DecoderSpec, vocabulary: int, tokens: int) -> int:
    """What a backward pass needs of so many tokens: the input of each norm, projection and product, and the logits.

    A layer has five of the model's width (two inputs of norms, what they give, what attention mixes), queries, keys
    and values, and three of the feed-forward width (gate, up, their product).
    """
    layer = 6 * spec.width + 2 * spec.kv_width + 3 * spec.feed_forward
    return tokens * _FLOAT * (spec.layers * layer + 2 * spec.width + 2 * vocabulary)


def peaks_of_step(samples: int, new_tokens: int) -> tuple[int, int]:
    """Peak bytes of this process after a step of eight samples of two tokens, and after the whole step."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(SMALL, tokenizer, NEVER)
    our_step(model, tokenizer, 0, 2, 4, 2, micro_batch=MICRO_BATCH)
    baseline = process.peak_bytes()
    our_step(model, tokenizer, 1, PROMPTS, samples, new_tokens, micro_batch=MICRO_BATCH)
    return baseline, process.peak_bytes()
