"""Scales: the model and the amounts of the study that is followed, and tiny ones that a CPU computes in seconds.

The study's: 103M parameters in Qwen2's shape, 10B tokens of pre-training in rows of 2,048, RL with 1,024 prompts x 6
samples a step. Weights are random and no completion ends early, so that times are those of the full length.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.models import NEVER, RandomWords, decoder, tokenizer_of
from edgewise.core.keyed import rng
from edgewise.model.backend import choose_backend
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from edgewise.training.documents import Document
from edgewise.training.packing import PackedRows, pack

# As small as TRL's own default, so that the weights stay what they are.
LEARNING_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class Scale:
    """A model and how much of everything is measured.

    `row_tokens` is what a micro-batch of training holds, `document_tokens` how long its documents are,
    `peer_batches` the numbers of samples at a time of which transformers gets the best, and `tests` what pytest is
    asked to run.
    """

    spec: DecoderSpec
    vocabulary: int
    row_length: int
    row_tokens: int
    document_tokens: tuple[int, int]
    prompts: int
    samples: int
    prompt_tokens: int
    new_tokens: int
    peer_prompts: int
    peer_batches: tuple[int, ...]
    matmul: int
    copied_bytes: int
    repeats: int
    tests: tuple[str, ...]


PAPER = Scale(
    DecoderSpec(width=768, layers=12, heads=12, kv_heads=2, feed_forward=3072, max_positions=2048),
    vocabulary=2200,
    row_length=2048,
    row_tokens=65_536,
    document_tokens=(100, 800),
    prompts=1024,
    samples=6,
    prompt_tokens=256,
    new_tokens=512,
    peer_prompts=128,
    peer_batches=(256, 768),
    matmul=8192,
    copied_bytes=4 * 2**30,
    repeats=3,
    tests=("-m", "gpu", "tests/model", "tests/rl", "tests/sampling", "tests/training"),
)
TINY = Scale(
    DecoderSpec(width=32, layers=2, heads=4, kv_heads=2, feed_forward=64, max_positions=128),
    vocabulary=64,
    row_length=64,
    row_tokens=256,
    document_tokens=(5, 30),
    prompts=4,
    samples=2,
    prompt_tokens=12,
    new_tokens=20,
    peer_prompts=2,
    peer_batches=(2, 4),
    matmul=128,
    copied_bytes=2**20,
    repeats=2,
    tests=("tests/benchmarks/test_work.py",),
)
SCALES = {"paper": PAPER, "tiny": TINY}


def model_of(scale: Scale, device: torch.device, backend: str = "auto") -> tuple[Tokenizer, Decoder]:
    """Random weights that never draw the end; the peak of the device's memory counts from here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    tokenizer = tokenizer_of(scale.vocabulary - len(SPECIAL))
    # The end is set where the model is built, on the CPU; what computes it there is not what is measured.
    model = decoder(scale.spec, tokenizer, NEVER, "torch").to(device)
    model.backend = choose_backend(backend, device)
    return tokenizer, model


def world_of(scale: Scale) -> RandomWords:
    return RandomWords(vocabulary=scale.vocabulary - len(SPECIAL), length=scale.prompt_tokens - 1)


def prompts_of(scale: Scale, tokenizer: Tokenizer) -> list[list[int]]:
    world = world_of(scale)
    return [tokenizer.prompt(world.problem("train", 0, index).prompt) for index in range(scale.prompts)]


def rows_of(
    row_length: int, tokens: int, document_tokens: tuple[int, int], vocabulary: int, seed: int = 0
) -> PackedRows:
    """Rows of about `tokens` tokens in all: documents of random words and lengths."""
    source, documents, taken = rng("gpu benchmark rows", seed), [], 0
    while taken < tokens * 0.95:
        length = source.randint(*document_tokens)
        ids = [source.randrange(len(SPECIAL), vocabulary) for _ in range(length)]
        documents.append(Document(ids, [1.0] * length))
        taken += length
    return pack(documents, row_length, pad=0)


@dataclass(frozen=True, slots=True)
class Peaks:
    """The fastest large product in bfloat16, in FLOP/s, and the fastest copy, in bytes read and written a second."""

    matmul: float
    copy: float


def peaks(scale: Scale, device: torch.device) -> Peaks:
    """Measure both on the device."""
    left, right = torch.randn(2, scale.matmul, scale.matmul, device=device).bfloat16()
    source = torch.ones(scale.copied_bytes // 4, device=device)
    target = torch.empty_like(source)
    product = min(seconds_of(lambda: left @ right, device) for _ in range(10))
    copy = min(seconds_of(lambda: target.copy_(source), device) for _ in range(10))
    return Peaks(2 * scale.matmul**3 / product, 2 * scale.copied_bytes / copy)


def seconds_of(call: Callable[[], object], device: torch.device) -> float:
    """Of one call and all that it leaves the device to do."""
    _wait(device)
    start = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - start


def memory_gb(device: torch.device) -> float:
    """The most that torch has held on the device since `model_of`; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
