"""Our sampler beside transformers' `generate`: the same weights and prompts, greedy completions equal."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import peers
from benchmarks.findings import Comparison, Findings, Measurement, alternate
from benchmarks.machine import peaks
from benchmarks.models import GROUPED, NATURAL, NEVER, PROMPT_TOKENS, SMALL, SMALL_WORDS, decoder, prompt, tokenizer_of
from benchmarks.work import achieved, sampling_work
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams

PROMPTS, SAMPLES, NEW_TOKENS = 64, 16, 128
# A repeat of the peer asks a quarter of the prompts: its rate is what counts, and ours is the one that may suffer.
PEER_PROMPTS = PROMPTS // 4
PEER_BATCHES = (64, 256)
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16"}


@dataclass(frozen=True, slots=True)
class Case:
    """How likely the end is, who is asked, and how many times the peer's rate ours should be."""

    name: str
    what: str
    end: float
    shape: DecoderSpec
    target: float | None


_NATURAL = "completions end by themselves, after about 50 tokens on average"
_NEVER = "no completion ends before its 128 tokens"
CASES = (
    Case("sampling_natural_stops", _NATURAL, NATURAL, SMALL, 10.0),
    Case("sampling_no_early_stops", _NEVER, NEVER, SMALL, 6.0),
    Case("sampling_one_kv_head", f"{_NEVER}, by a model whose heads share keys and values", NEVER, GROUPED, None),
)


# How many times our own FP32 bf16 should be, where the machine multiplies it.
GAIN_OF_BF16 = 1.4


def measure(repeats: int) -> Findings:
    """Every case beside the peer in FP32, and beside ours in bf16 where the machine multiplies it."""
    findings = Findings(comparisons=[compare(case, repeats) for case in CASES])
    if peaks(torch.get_num_threads()).has_bf16:
        findings.measurements.extend(gain_of_bf16(case, repeats) for case in CASES)
    return findings


def gain_of_bf16(case: Case, repeats: int) -> Measurement:
    """Draws of ours in both precisions, in turn."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(case.shape, tokenizer, case.end).requires_grad_(False)

    def rate(repeat: int, precision: str) -> float:
        tokens, seconds = our_draw(model, tokenizer, repeat, precision=precision)
        return tokens / seconds

    alternated = alternate(lambda repeat: rate(repeat, "bf16"), lambda repeat: rate(repeat, "fp32"), repeats)
    pairs = zip(alternated.ours_all, alternated.peer_all, strict=True)
    return Measurement.of(
        f"{case.name}_bf16",
        f"sampling in bf16: {case.what}",
        "times our FP32",
        [low / exact for low, exact in pairs],
        better="more",
        target=GAIN_OF_BF16,
    )


def compare(case: Case, repeats: int) -> Comparison:
    """One case: both samplers in turn, the peer in the batch that serves it best."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(case.shape, tokenizer, case.end).requires_grad_(False)
    machine = peaks(torch.get_num_threads())
    theirs = {torch.float32: peers.same_model(model, tokenizer)[0].eval()}
    check_equal(model, theirs[torch.float32], tokenizer)
    if machine.has_bf16:
        theirs[torch.bfloat16] = peers.same_model(model, tokenizer, torch.bfloat16)[0].eval()
    settings = [(batch, dtype) for batch in PEER_BATCHES for dtype in theirs]
    rates = {setting: their_rate(theirs[setting[1]], tokenizer, 0, setting[0]) for setting in settings}
    batch, dtype = max(rates, key=rates.__getitem__)
    lengths: list[float] = []

    def ours(repeat: int) -> float:
        tokens, seconds = our_draw(model, tokenizer, repeat)
        lengths.append(tokens / (PROMPTS * SAMPLES))
        return tokens / seconds

    alternated = alternate(ours, lambda repeat: their_rate(theirs[dtype], tokenizer, repeat, batch), repeats)
    mean = sum(lengths[1:]) / repeats
    rate = statistics.median(alternated.ours_all)
    work = sampling_work(case.shape, len(tokenizer), PROMPTS, SAMPLES, PROMPT_TOKENS, mean)
    seconds = PROMPTS * SAMPLES * mean / rate
    return Comparison.of(
        case.name,
        f"sampling, {PROMPTS} prompts of {PROMPT_TOKENS} tokens x {SAMPLES} samples of at most {NEW_TOKENS}:"
        f" {case.what}",
        "completion tokens/s",
        alternated,
        f"transformers generate, {PRECISIONS[dtype]}, {batch} samples at a time, {PEER_PROMPTS} prompts a repeat",
        better="more",
        target=case.target,
        achieved={"mean_tokens": mean} | achieved(work, seconds, machine),
    )


def our_draw(
    model: Decoder,
    tokenizer: Tokenizer,
    seed: int,
    prompts: int = PROMPTS,
    samples: int = SAMPLES,
    new_tokens: int = NEW_TOKENS,
    precision: str = "fp32",
) -> tuple[int, float]:
    """Completion tokens of one draw, and its seconds."""
    asked, keys = [prompt(tokenizer, p) for p in range(prompts)], [seed * prompts + p for p in range(prompts)]
    engine, start = Engine(model, tokenizer.eos), time.perf_counter()
    drawn = engine.sample(asked, keys, samples, SamplingParams(max_new_tokens=new_tokens, precision=precision))
    return int(drawn.length_PG.sum()), time.perf_counter() - start


def their_rate(model: Any, tokenizer: Tokenizer, seed: int, batch: int) -> float:
    """Completion tokens a second of `generate`."""
    torch.manual_seed(seed)
    first = seed % (PROMPTS // PEER_PROMPTS) * PEER_PROMPTS
    asked = [prompt(tokenizer, p) for p in range(first, first + PEER_PROMPTS)]
    drawn, seconds = peers.generate(model, tokenizer, asked, SAMPLES, NEW_TOKENS, batch)
    return sum(map(len, drawn)) / seconds


def check_equal(model: Decoder, theirs: Any, tokenizer: Tokenizer, prompts: int = 8, new_tokens: int = 32) -> None:
    """RuntimeError where a greedy completion differs."""
    asked = [prompt(tokenizer, p) for p in range(prompts)]
    mine = Engine(model, tokenizer.eos).sample(
        asked, range(prompts), 1, SamplingParams(temperature=0, max_new_tokens=new_tokens)
    )
    for p, other in enumerate(peers.greedy(theirs, tokenizer, asked, new_tokens)):
        if mine.ids(p, 0) != other:
            raise RuntimeError(f"prompt {p}: our greedy completion {mine.ids(p, 0)} is not the peer's, {other}")
