"""Next-token training on packed text, beside transformers' Trainer on the same rows, from the same weights."""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.findings import Comparison, Findings, Measurement, alternate
from benchmarks.machine import Peaks, peaks
from benchmarks.models import LARGE, LARGE_WORDS, NEVER, SMALL, SMALL_WORDS, decoder, tokenizer_of
from benchmarks.work import achieved, training_work
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import SPECIAL
from edgewise.training import next_token
from edgewise.training.documents import Document
from edgewise.training.execution import CPU
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import PackedRows, pack

ROWS, ROW_LENGTH = 16, 512
LEARNING_RATE = 1e-6
PEER_MICRO_BATCHES = (16, 4)


@dataclass(frozen=True, slots=True)
class Case:
    """A model, how many times as fast as the peer it should train, and what share of the peak it should reach.

    That of bf16 is further away: it is a multiple of FP32's, and what is no product takes as long as before.
    """

    name: str
    spec: DecoderSpec
    words: int
    target: float
    share: float | None
    share_of_bf16: float | None


CASES = (
    Case("next_token_1m", SMALL, SMALL_WORDS, 1.7, None, None),
    Case("next_token_6m", LARGE, LARGE_WORDS, 1.7, 0.6, 0.55),
)


def measure(repeats: int) -> Findings:
    """Both models, each in every precision of the machine, and the share of the matmul peak where one is asked for."""
    findings = Findings()
    for case in CASES:
        compared, rates, shares, share = compare(case, repeats)
        findings.comparisons.append(compared)
        for precision, values in rates.items():
            what = f"{compared.what}, ours in {precision}"
            findings.measurements.append(
                Measurement.of(f"{case.name}_{precision}", what, "tokens/s", values, better="more")
            )
        if share is not None:
            findings.measurements.append(
                Measurement.of(
                    f"{case.name}_share_of_peak",
                    f"{compared.what}: useful FLOP/s over those of the fastest matrix product just before",
                    "of the peak",
                    shares,
                    better="more",
                    target=share,
                )
            )
    return findings


def compare(case: Case, repeats: int) -> tuple[Comparison, dict[str, list[float]], list[float], float | None]:
    """Steps of both trainers in turn, as tokens a second; ours in bf16 where the machine multiplies it, and the peer in
    the setting that serves it best.

    Also the rates of ours in every precision; and the share of the matmul peak in each repeat, with what it should be:
    the peak is measured before each step of ours, because what a machine can do changes with what its neighbours do.
    """
    threads = torch.get_num_threads()
    has_bf16 = peaks(threads).has_bf16
    tokenizer = tokenizer_of(case.words)
    model = decoder(case.spec, tokenizer, NEVER)
    rows_RT = rows(len(tokenizer))
    theirs, _ = peers.same_model(model, tokenizer)
    settings = [(size, bf16) for size in PEER_MICRO_BATCHES for bf16 in ({False, has_bf16})]
    peer_of = {
        setting: peers.NextTokenPeer(copy.deepcopy(theirs), rows_RT, *setting, LEARNING_RATE) for setting in settings
    }
    tried = {setting: peer.step() for setting, peer in peer_of.items()}
    precisions = ("bf16", "fp32") if has_bf16 else ("fp32",)
    trainers = {precision: OurTrainer(copy.deepcopy(model), rows_RT, precision) for precision in precisions}
    for trainer in trainers.values():
        check_alike(trainer.step()[0], tried[PEER_MICRO_BATCHES[0], False].logged["loss"])
    size, bf16 = min(settings, key=lambda setting: tried[setting].seconds)
    tokens = rows_RT.numel()
    peak: dict[int, Peaks] = {}
    rates: dict[str, list[float]] = {precision: [] for precision in precisions}

    def ours(repeat: int) -> float:
        peak[repeat] = peaks(threads)
        for precision, trainer in trainers.items():
            rates[precision].append(tokens / trainer.step()[1])
        return rates[precisions[0]][-1]

    alternated = alternate(ours, lambda _: tokens / peer_of[size, bf16].step().seconds, repeats)
    work = training_work(case.spec, len(tokenizer), *rows_RT.shape)
    reached = [achieved(work, tokens / rate, peak[repeat]) for repeat, rate in enumerate(alternated.ours_all, start=1)]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    compared = Comparison.of(
        case.name,
        f"next-token training, {parameters:,} parameters, {rows_RT.shape[0]} rows of {rows_RT.shape[1]} tokens a step",
        "tokens/s",
        alternated,
        f"transformers Trainer, {'bf16' if bf16 else 'fp32'}, micro-batch {size} x {len(rows_RT) // size} accumulated",
        better="more",
        target=case.target,
        achieved={name: statistics.median(each[name] for each in reached) for name in reached[0]},
    )
    counted = {precision: of_repeats[1:] for precision, of_repeats in rates.items()}
    return compared, counted, [each["flops_share"] for each in reached], case.share_of_bf16 if has_bf16 else case.share


class OurTrainer:
    """The update of every next-token run, on the same rows each time."""

    def __init__(self, model: Decoder, rows_RT: Tensor, precision: str) -> None:
        self.model = model
        self.spec = NextTokenSpec(
            precision=precision, optimizer=OptimizerSpec(learning_rate=LEARNING_RATE, weight_decay=0.0)
        )
        self.optimizer = Optimizer(model, self.spec.optimizer)
        self.rows: PackedRows = pack(
            [Document(row, [1.0] * len(row)) for row in rows_RT.tolist()], rows_RT.shape[1], pad=0
        )

    def step(self) -> tuple[float, float]:
        """The loss before one step, and its seconds."""
        start = time.perf_counter()
        metrics = next_token.next_token_step(self.model, self.optimizer, self.rows, self.spec, LEARNING_RATE, CPU)
        return metrics["loss"], time.perf_counter() - start


def rows(vocabulary: int, count: int = ROWS, length: int = ROW_LENGTH) -> Tensor:
    """Ids of random words, [count, length]; every row is full."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(len(SPECIAL), vocabulary, (count, length), generator=generator)


def check_alike(ours: float, peer: float) -> None:
    """RuntimeError where the first losses differ by more than what precision explains."""
    if abs(ours - peer) > 0.02 * peer:
        raise RuntimeError(f"our first loss is {ours:.4f}, the peer's {peer:.4f}: not the same work")
