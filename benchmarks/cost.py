"""Seconds of sampling and of the rest of an RL step against samples, problems, length and parameters."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.findings import Findings, Series
from benchmarks.models import NEVER, SMALL_WORDS, decoder, tokenizer_of
from benchmarks.rl_step import our_step
from benchmarks.sampling import our_draw
from edgewise.model.decoder import DecoderSpec


@dataclass(frozen=True, slots=True)
class Size:
    """A step: problems, samples of each, tokens of each, and the width of the model."""

    problems: int = 4
    samples: int = 8
    length: int = 32
    width: int = 128


# A factor of 16 each, all else as in `Size`; these widths give 0.3 to 4.3 million parameters.
AXES: dict[str, tuple[Size, ...]] = {
    "samples": tuple(Size(samples=n) for n in (4, 8, 16, 32, 64)),
    "problems": tuple(Size(problems=n) for n in (2, 4, 8, 16, 32)),
    "length": tuple(Size(length=n) for n in (16, 32, 64, 128, 256)),
    "parameters": tuple(Size(width=n) for n in (64, 96, 128, 192, 256)),
}


def measure(repeats: int) -> Findings:
    """Two series for each axis: sampling, and what the rest of the step (verifying, update) takes."""
    return Findings(series=[series for axis, sizes in AXES.items() for series in along(axis, sizes, repeats)])


def along(axis: str, sizes: Sequence[Size], repeats: int) -> list[Series]:
    """Medians at each size, and the exponents of both parts."""
    points = [point(axis, size, repeats) for size in sizes]
    described = {
        "sampling_seconds": "sampling",
        "rest_seconds": "a GRPO step less its sampling",
    }
    return [
        Series.of(f"cost_{part.removesuffix('_seconds')}_{axis}", f"{what} against {axis}", axis, part, "s", points)
        for part, what in described.items()
    ]


def point(axis: str, size: Size, repeats: int) -> dict[str, float]:
    """Median seconds of both parts at one size; sampling is timed on its own and within the step."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(shape(size.width), tokenizer, NEVER)
    draws, steps = [], []
    for repeat in range(repeats + 1):
        draws.append(our_draw(model, tokenizer, repeat, size.problems, size.samples, size.length)[1])
        steps.append(our_step(model, tokenizer, repeat, size.problems, size.samples, size.length)[1])
    # The first of each warms up.
    sampling, step = statistics.median(draws[1:]), statistics.median(steps[1:])
    parameters = sum(parameter.numel() for parameter in model.parameters())
    x = parameters if axis == "parameters" else getattr(size, axis)
    return {axis: float(x), "sampling_seconds": sampling, "rest_seconds": max(step - sampling, 1e-9)}


def shape(width: int) -> DecoderSpec:
    """The small model's shape at another width, the feed-forward width four times that."""
    return DecoderSpec(width=width, layers=4, heads=4, kv_heads=4, feed_forward=4 * width, max_positions=512)
