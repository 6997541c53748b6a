"""Sampling on the device: completion tokens a second of ours, of transformers and of vLLM, from the same weights."""

from __future__ import annotations

import importlib
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import peers
from benchmarks.gpu.scale import Scale, memory_gb, model_of, peaks, prompts_of, seconds_of
from benchmarks.work import sampling_work
from edgewise.model.decoder import Decoder
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams


def ours(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """Tokens/s in both precisions, after a short draw that does not count; bytes read over the fastest copy."""
    peak = peaks(scale, device)
    tokenizer, model = model_of(scale, device)
    model.requires_grad_(False)
    engine, prompts = Engine(model, tokenizer.eos), prompts_of(scale, tokenizer)
    rates: dict[str, list[float]] = {}
    for precision, repeats in (("bf16", scale.repeats), ("fp32", 1)):
        _rate(engine, prompts, scale, precision, device, scale.new_tokens // 8)
        tokens = scale.new_tokens
        rates[precision] = [_rate(engine, prompts, scale, precision, device, tokens) for _ in range(repeats)]
        print(f"  {precision}: {rates[precision][-1]:,.0f} tokens/s", flush=True)
    work = sampling_work(
        scale.spec, len(tokenizer), scale.prompts, scale.samples, scale.prompt_tokens, float(scale.new_tokens)
    )
    tokens = scale.prompts * scale.samples * scale.new_tokens
    return {
        "tokens_per_second_bf16": rates["bf16"],
        "tokens_per_second_fp32": rates["fp32"],
        # The work counts keys and values of four bytes; these have two.
        "bytes_share": [work.bytes / 2 * rate / tokens / peak.copy for rate in rates["bf16"]],
        "memory_gb": [memory_gb(device)],
    }


def transformers(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """Tokens/s of `generate` in bf16, with as many samples at a time as serve it best.

    RuntimeError where its greedy completions in FP32 are not ours.
    """
    tokenizer, model = model_of(scale, device)
    model.requires_grad_(False)
    prompts = prompts_of(scale, tokenizer)
    exact, _ = peers.same_model(model, tokenizer)
    check_equal(model, exact.eval().to(device), tokenizer, prompts[:4])
    del exact
    theirs, _ = peers.same_model(model, tokenizer, torch.bfloat16)
    theirs.eval().to(device)
    asked = prompts[: scale.peer_prompts]
    _their_rate(theirs, tokenizer, asked[:1], scale, scale.samples, device)
    rates = {}
    for batch in scale.peer_batches:
        rates[batch] = [_their_rate(theirs, tokenizer, asked, scale, batch, device)]
        print(f"  {batch} samples at a time: {rates[batch][0]:,.0f} tokens/s", flush=True)
    best = max(rates, key=lambda batch: rates[batch][0])
    rates[best].append(_their_rate(theirs, tokenizer, asked, scale, best, device))
    return {"tokens_per_second": rates[best], "samples_at_a_time": [float(best)]}


def vllm(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """Tokens/s of vLLM in bf16 on all prompts at once, after a draw that does not count."""
    library = importlib.import_module("vllm")
    tokenizer, model = model_of(scale, torch.device("cpu"))
    prompts = [{"prompt_token_ids": ids} for ids in prompts_of(scale, tokenizer)]
    params = library.SamplingParams(
        n=scale.samples, temperature=1.0, max_tokens=scale.new_tokens, ignore_eos=True, detokenize=False
    )
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(model, tokenizer, Path(folder))
        engine = library.LLM(
            model=folder, dtype="bfloat16", max_model_len=scale.spec.max_positions, enable_prefix_caching=True
        )
        rates: list[float] = []
        for _ in range(scale.repeats):
            drawn: list[Any] = []
            seconds = seconds_of(partial(_generate, engine, prompts, params, drawn), device)
            tokens = sum(len(completion.token_ids) for request in drawn for completion in request.outputs)
            if tokens != len(prompts) * scale.samples * scale.new_tokens:
                raise RuntimeError(f"vLLM drew {tokens} tokens, not those of all completions at full length")
            rates.append(tokens / seconds)
            print(f"  {rates[-1]:,.0f} tokens/s", flush=True)
    return {"tokens_per_second": rates[1:]}


def _generate(engine: Any, prompts: list[dict[str, list[int]]], params: Any, drawn: list[Any]) -> None:
    drawn += engine.generate(prompts, params)


def check_equal(model: Decoder, theirs: Any, tokenizer: Tokenizer, prompts: list[list[int]]) -> None:
    """RuntimeError where the first greedy tokens of a prompt are not the peer's."""
    tokens = 16
    engine, params = Engine(model, tokenizer.eos), SamplingParams(temperature=0, max_new_tokens=tokens)
    mine = engine.sample(prompts, range(len(prompts)), 1, params)
    for p, ids in enumerate(peers.greedy(theirs, tokenizer, prompts, tokens)):
        if mine.ids(p, 0) != ids[: len(mine.ids(p, 0))]:
            raise RuntimeError(f"prompt {p}: our greedy completion {mine.ids(p, 0)} is not the peer's, {ids}")


def _rate(
    engine: Engine, prompts: list[list[int]], scale: Scale, precision: str, device: torch.device, new_tokens: int
) -> float:
    params = SamplingParams(max_new_tokens=new_tokens, precision=precision)
    drawn: list[int] = []

    def draw() -> None:
        completions = engine.sample(prompts, range(len(prompts)), scale.samples, params)
        drawn.append(int(completions.length_PG.sum()))

    seconds = seconds_of(draw, device)
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
        return len(prompts) * scale.samples * scale.new_tokens / seconds_of(generate, device)
