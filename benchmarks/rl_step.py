"""One GRPO step, sampling, verifying and update, beside TRL's GRPOTrainer."""

from __future__ import annotations

import copy
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import peers
from benchmarks.findings import Comparison, Findings, alternate
from benchmarks.machine import peaks
from benchmarks.models import NATURAL, NEVER, PROMPT_TOKENS, SMALL, SMALL_WORDS, RandomWords, decoder, tokenizer_of
from benchmarks.work import Work, achieved, sampling_work, update_work
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.rl.train import train
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

# As small as TRL's own default, so that the weights stay what they are.
LEARNING_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class Case:
    """A step's size, the peer's (its repeats may ask fewer prompts) and how many times as fast ours should be."""

    name: str
    what: str
    end: float
    prompts: int
    samples: int
    new_tokens: int
    peer_prompts: int
    micro_batch: int
    target: float


CASES = (
    Case("rl_step_no_early_stops", "no completion ends before its 128 tokens", NEVER, 8, 8, 128, 8, 16, 4.0),
    Case("rl_step_natural_stops", "completions end by themselves", NATURAL, 64, 16, 128, 16, 16, 6.0),
)


def measure(repeats: int) -> Findings:
    """Both cases."""
    return Findings(comparisons=[compare(case, repeats) for case in CASES])


def compare(case: Case, repeats: int) -> Comparison:
    """Steps of both trainers in turn, from the same weights, as completion tokens a second."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(SMALL, tokenizer, case.end)
    theirs, words = peers.same_model(model, tokenizer)
    peer = peers.GrpoPeer(
        theirs,
        words,
        RandomWords(),
        prompts=case.peer_prompts,
        samples=case.samples,
        max_new_tokens=case.new_tokens,
        micro_batch=case.micro_batch,
        learning_rate=LEARNING_RATE,
    )
    means: dict[str, list[float]] = {"ours": [], "peer": []}

    def ours(repeat: int) -> float:
        tokens, seconds = our_step(model, tokenizer, repeat, case.prompts, case.samples, case.new_tokens)
        means["ours"].append(tokens / (case.prompts * case.samples))
        return tokens / seconds

    def other(_: int) -> float:
        done, completions = peer.step(), case.peer_prompts * case.samples
        means["peer"].append(peer.drawn / completions)
        check_prompts((done.logged["num_tokens"] - peer.drawn) / completions)
        return peer.drawn / done.seconds

    alternated = alternate(ours, other, repeats)
    check_alike(means["ours"], means["peer"])
    mean, rate = sum(means["ours"]) / len(means["ours"]), statistics.median(alternated.ours_all)
    work = step_work(len(tokenizer), case.prompts, case.samples, mean)
    seconds = case.prompts * case.samples * mean / rate
    steps = case.peer_prompts * case.samples // case.micro_batch
    return Comparison.of(
        case.name,
        f"a GRPO step, {case.prompts} prompts of {PROMPT_TOKENS} tokens x {case.samples} samples of at most"
        f" {case.new_tokens}: {case.what}",
        "completion tokens/s",
        alternated,
        f"TRL GRPOTrainer, fp32, micro-batch {case.micro_batch} x {steps} accumulated,"
        f" {case.peer_prompts} prompts a step",
        better="more",
        target=case.target,
        achieved={
            "seconds_per_step": seconds,
            "mean_tokens": mean,
            "peer_mean_tokens": sum(means["peer"]) / len(means["peer"]),
        }
        | achieved(work, seconds, peaks(torch.get_num_threads())),
    )


def check_alike(ours: list[float], peer: list[float]) -> None:
    """RuntimeError where the two do not draw equally many tokens a completion, up to chance."""
    mine, other = sum(ours) / len(ours), sum(peer) / len(peer)
    if abs(mine - other) > 0.15 * other:
        raise RuntimeError(f"ours draws {mine:.1f} tokens a completion, the peer {other:.1f}: not the same work")


def check_prompts(peer: float) -> None:
    """RuntimeError where the peer's prompts have another number of tokens than ours."""
    if peer != PROMPT_TOKENS:
        raise RuntimeError(f"our prompts have {PROMPT_TOKENS} tokens, the peer's {peer:g}: not the same work")


def our_step(
    model: Decoder,
    tokenizer: Tokenizer,
    seed: int,
    prompts: int,
    samples: int,
    new_tokens: int,
    steps: int = 1,
    micro_batch: int | None = None,
) -> tuple[float, float]:
    """Completion tokens and seconds of a step, on average over `steps`, by the trainer that every run uses; the
    model stays as it is. `micro_batch` is in tokens; None is what the trainer chooses."""
    recipe = Recipe(
        steps=steps,
        sampling={"prompts": prompts, "samples": samples, "max_new_tokens": new_tokens},
        optimizer={"learning_rate": LEARNING_RATE, "warmup": 0.0},
    )
    with tempfile.TemporaryDirectory() as folder:
        execution = Execution(tokens_per_micro_batch=micro_batch)
        totals = train(copy.deepcopy(model), tokenizer, RandomWords(), recipe, seed, RunFolder(Path(folder)), execution)
    return totals.tokens / steps, totals.seconds / steps


def step_work(vocabulary: int, prompts: int, samples: int, mean_tokens: float) -> Work:
    """Of sampling and update together, for the small model."""
    drawn = sampling_work(SMALL, vocabulary, prompts, samples, PROMPT_TOKENS, mean_tokens)
    learned = update_work(SMALL, vocabulary, prompts, samples, PROMPT_TOKENS, mean_tokens)
    return Work(drawn.flops + learned.flops)
