"""One GPU at the papers' scale: training against the matmul peak, sampling beside transformers, an RL step, hours.

The model and the amounts are those of the study that is followed: 103M parameters in Qwen2's shape, 10B tokens of
pre-training in rows of 2,048, RL with 1,024 prompts x 6 samples a step. Weights are random and no completion ends
early, so that times are those of the full length; hours are worked out for the mean length of the study's completions.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks import peers
from benchmarks.findings import Better, Findings, Measurement
from benchmarks.models import NEVER, RandomWords, decoder, tokenizer_of
from benchmarks.work import sampling_work
from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.model.backend import choose_backend
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import training_flops
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.training import next_token
from edgewise.training.documents import Document
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import PackedRows, pack
from edgewise.training.run_folder import RunFolder

LEARNING_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class Scale:
    """A model and how much of everything is measured.

    `row_tokens` is what a micro-batch of training holds, `document_tokens` how long its documents are, and
    `peer_batches` the numbers of samples at a time of which transformers gets the best.
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
    slots: int
    matmul: int
    copied_bytes: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How much a study of the paper's size computes: one base, one arm of RL, one evaluation."""

    training_tokens: float = 10e9
    rl_steps: int = 200
    completions: float = 19 * 200 * 128
    mean_tokens: float = 360.0


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
    slots=6144,
    matmul=8192,
    copied_bytes=4 * 2**30,
    repeats=3,
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
    slots=64,
    matmul=128,
    copied_bytes=2**20,
    repeats=1,
)


def peaks(scale: Scale, device: torch.device) -> dict[str, float]:
    """The fastest large product in bfloat16, in FLOP/s, and the fastest copy, in bytes read and written a second."""
    left, right = torch.randn(2, scale.matmul, scale.matmul, device=device).bfloat16()
    source = torch.ones(scale.copied_bytes // 4, device=device)
    target = torch.empty_like(source)
    product = min(_seconds(lambda: left @ right, device) for _ in range(10))
    copy = min(_seconds(lambda: target.copy_(source), device) for _ in range(10))
    return {"matmul": 2 * scale.matmul**3 / product, "copy": 2 * scale.copied_bytes / copy}


def pretraining(scale: Scale, device: torch.device, peak: float) -> dict[str, float]:
    """Tokens a second of next-token updates in bf16, and the useful FLOP/s over the matmul peak (MFU)."""
    tokenizer, model = _model(scale, device)
    rows = _rows(scale, len(tokenizer))
    spec = NextTokenSpec(precision="bf16", optimizer=OptimizerSpec(learning_rate=LEARNING_RATE))
    optimizer = Optimizer(model, spec.optimizer)
    execution = Execution(device=device, tokens_per_micro_batch=scale.row_tokens)

    def step() -> object:
        return next_token.next_token_step(model, optimizer, rows, spec, LEARNING_RATE, execution)

    for _ in range(2):
        step()
    seconds = statistics.median(_seconds(step, device) for _ in range(3 * scale.repeats))
    flops = training_flops(scale.spec, len(tokenizer), rows.real_tokens, rows.mean_context)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "parameters": float(parameters),
        "tokens_per_second": rows.real_tokens / seconds,
        "mfu": flops / seconds / peak,
        "memory_gb": _memory_gb(device),
    }


def sampling(scale: Scale, device: torch.device, measured_peaks: dict[str, float]) -> dict[str, float]:
    """Completion tokens a second, ours in both precisions beside `generate` in bf16 in the batch that serves it best.

    RuntimeError where greedy completions in FP32 differ.
    """
    tokenizer, model = _model(scale, device)
    model.requires_grad_(False)
    prompts = _prompts(scale, tokenizer)
    engine = Engine(model, tokenizer.eos, rows_at_once=scale.slots)
    exact, _ = peers.same_model(model, tokenizer)
    _check_equal(engine, exact.eval().to(device), tokenizer, prompts[:4])
    del exact
    ours_of: dict[str, float] = {}
    for precision in ("fp32", "bf16"):
        params = SamplingParams(max_new_tokens=scale.new_tokens, precision=precision)
        ours = [_our_rate(engine, prompts, scale.samples, params, device) for _ in range(scale.repeats + 1)]
        ours_of[f"tokens_per_second_{precision}"] = statistics.median(ours[1:])
    theirs, _ = peers.same_model(model, tokenizer, torch.bfloat16)
    theirs.eval().to(device)
    asked = prompts[: scale.peer_prompts]
    rates = {
        batch: statistics.median(_their_rate(theirs, tokenizer, asked, scale, batch, device) for _ in range(2))
        for batch in scale.peer_batches
    }
    batch = max(rates, key=rates.__getitem__)
    rate = ours_of["tokens_per_second_bf16"]
    work = sampling_work(
        scale.spec, len(tokenizer), scale.prompts, scale.samples, scale.prompt_tokens, float(scale.new_tokens)
    )
    seconds = scale.prompts * scale.samples * scale.new_tokens / rate
    return ours_of | {
        "peer_tokens_per_second": rates[batch],
        "peer_batch": float(batch),
        "ratio": rate / rates[batch],
        "flops_share": work.flops / seconds / measured_peaks["matmul"],
        # The work counts keys and values of four bytes; these have two.
        "bytes_share": work.bytes / 2 / seconds / measured_peaks["copy"],
        "memory_gb": _memory_gb(device),
    }


def rl_step(scale: Scale, device: torch.device) -> dict[str, float]:
    """Seconds of a GRPO step, sampling, verifying and update, by the trainer that every run uses."""
    tokenizer, model = _model(scale, device)
    world = _world(scale)
    recipe = Recipe(
        steps=scale.repeats + 1,
        sampling={"prompts": scale.prompts, "samples": scale.samples, "max_new_tokens": scale.new_tokens},
        optimizer={"learning_rate": LEARNING_RATE, "warmup": 0.0},
    )
    times: list[float] = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder), lambda *_: times.append(time.perf_counter()))
        execution = Execution(device=device, tokens_per_micro_batch=scale.row_tokens)
        totals = train(model, tokenizer, world, recipe, 0, run, execution)
    seconds = statistics.median(after - before for before, after in pairwise(times[1:]))
    tokens = totals.tokens / recipe.steps
    return {
        "seconds": seconds,
        "tokens": tokens,
        "seconds_per_token": seconds / tokens,
        "memory_gb": _memory_gb(device),
    }


def projected_hours(
    trained: dict[str, float], drawn: dict[str, float], stepped: dict[str, float], scale: Scale, plan: Plan
) -> dict[str, float]:
    """Hours on this device of the plan's parts; a token of RL is taken to cost at the mean length what it does here."""
    pretrain = plan.training_tokens / trained["tokens_per_second"]
    tokens = scale.prompts * scale.samples * plan.mean_tokens
    rl = plan.rl_steps * tokens * stepped["seconds_per_token"]
    evaluate = plan.completions * plan.mean_tokens / drawn["tokens_per_second_bf16"]
    hours = {"pretrain": pretrain / 3600, "rl": rl / 3600, "evaluate": evaluate / 3600}
    return hours | {"all": sum(hours.values())}


def measure(repeats: int) -> Findings:
    """Everything at the papers' scale. InputError where there is no GPU."""
    if not torch.cuda.is_available():
        raise InputError("gpu: this benchmark needs a CUDA device, and torch sees none")
    return findings(replace(PAPER, repeats=repeats), torch.device("cuda"))


def findings(scale: Scale, device: torch.device) -> Findings:
    """Everything, at any scale and on any device."""
    measured_peaks = peaks(scale, device)
    trained = pretraining(scale, device, measured_peaks["matmul"])
    drawn = sampling(scale, device, measured_peaks)
    stepped = rl_step(scale, device)
    hours = projected_hours(trained, drawn, stepped, scale, Plan())
    size, batch = f"{trained['parameters'] / 1e6:.0f}M parameters", f"{scale.prompts} prompts x {scale.samples} samples"
    drawing = f"sampling, {batch}, {scale.new_tokens} new tokens"
    rate, seconds = drawn["tokens_per_second_bf16"], stepped["seconds"]

    def measurement(
        name: str, what: str, unit: str, value: float, better: Better = "more", **others: float | None
    ) -> Measurement:
        return Measurement.of(f"gpu_{name}", what, unit, [value], better=better, **others)

    return Findings(
        measurements=[
            measurement("mfu", f"pre-training, {size}: useful FLOP/s", "of the peak", trained["mfu"], target=0.5),
            measurement("pretraining", f"pre-training, {size}, bf16", "tokens/s", trained["tokens_per_second"]),
            measurement("sampling", f"{drawing}, bf16", "tokens/s", rate, reference=drawn["peer_tokens_per_second"]),
            measurement("sampling_fp32", f"{drawing}, FP32", "tokens/s", drawn["tokens_per_second_fp32"]),
            measurement("sampling_bytes", "keys and values read, bf16", "of the fastest copy", drawn["bytes_share"]),
            measurement("rl_step", f"a GRPO step, {batch}, {scale.new_tokens} new tokens", "s", seconds, "less"),
            *(measurement(f"hours_{part}", f"projected, {part}", "h", value, "less") for part, value in hours.items()),
        ]
    )


def _model(scale: Scale, device: torch.device) -> tuple[Tokenizer, Decoder]:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    tokenizer = tokenizer_of(scale.vocabulary - len(SPECIAL))
    return tokenizer, decoder(scale.spec, tokenizer, NEVER, choose_backend("auto", device)).to(device)


def _world(scale: Scale) -> RandomWords:
    return RandomWords(vocabulary=scale.vocabulary - len(SPECIAL), length=scale.prompt_tokens - 1)


def _prompts(scale: Scale, tokenizer: Tokenizer) -> list[list[int]]:
    world = _world(scale)
    return [tokenizer.prompt(world.problem("train", 0, index).prompt) for index in range(scale.prompts)]


def _rows(scale: Scale, vocabulary: int) -> PackedRows:
    """Two micro-batches of documents of random words and lengths."""
    source, documents, tokens = rng("gpu benchmark rows"), [], 0
    while tokens < 2 * scale.row_tokens * 0.95:
        length = source.randint(*scale.document_tokens)
        ids = [source.randrange(len(SPECIAL), vocabulary) for _ in range(length)]
        documents.append(Document(ids, [1.0] * length))
        tokens += length
    return pack(documents, scale.row_length, pad=0)


def _our_rate(
    engine: Engine, prompts: list[list[int]], samples: int, params: SamplingParams, device: torch.device
) -> float:
    drawn: list[int] = []

    def draw() -> None:
        completions = engine.sample(prompts, range(len(prompts)), samples, params)
        drawn.append(int(completions.length_PG.sum()))

    seconds = _seconds(draw, device)
    return drawn[0] / seconds


def _their_rate(
    model: Any, tokenizer: Tokenizer, prompts: list[list[int]], scale: Scale, batch: int, device: torch.device
) -> float:
    size = max(1, batch // scale.samples)

    def generate() -> None:
        for first in range(0, len(prompts), size):
            ids = torch.tensor(prompts[first : first + size], device=device)
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=scale.samples,
                max_new_tokens=scale.new_tokens,
                min_new_tokens=scale.new_tokens,
                eos_token_id=tokenizer.eos,
                pad_token_id=tokenizer.pad,
            )

    with torch.inference_mode(), peers.quiet():
        return len(prompts) * scale.samples * scale.new_tokens / _seconds(generate, device)


def _check_equal(engine: Engine, theirs: Any, tokenizer: Tokenizer, prompts: list[list[int]]) -> None:
    tokens = 16
    params = SamplingParams(temperature=0, max_new_tokens=tokens)
    mine = engine.sample(prompts, range(len(prompts)), 1, params)
    for p, ids in enumerate(peers.greedy(theirs, tokenizer, prompts, tokens)):
        if mine.ids(p, 0) != ids[: len(mine.ids(p, 0))]:
            raise RuntimeError(f"prompt {p}: our greedy completion {mine.ids(p, 0)} is not the peer's, {ids}")


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """Of one call and all that it leaves the device to do."""
    _wait(device)
    start = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory_gb(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
