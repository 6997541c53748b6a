"""Calibrate a machine: FLOP/s of training and of sampling with a model's shape, measured for a few seconds.

As many processes measure at once as stages will run, for they share memory and caches. Every repeat of every process is
one measurement, and the error of an estimate is how far they lie apart.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from edgewise.core.threads import Cores, machine_cores
from edgewise.model.decoder import Decoder
from edgewise.model.flops import sampling_flops, training_flops
from edgewise.model.problem_ids import prompt_ids
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import Pretrain
from edgewise.study.work import mean_lengths, model_of
from edgewise.training.documents import rows_of_step
from edgewise.training.execution import Execution
from edgewise.training.next_token import next_token_step
from edgewise.training.optimizer import Optimizer
from edgewise.training.packing import PackedRows

# Each of training and sampling is repeated so often by every process, each time for so many seconds.
_REPEATS, _SECONDS = 4, 0.5
_PROMPTS, _SAMPLES = 32, 16


@dataclass(frozen=True, slots=True)
class ComputeRates:
    """FLOP/s of one process while all others work, as measured."""

    training: tuple[float, ...]
    sampling: tuple[float, ...]

    def seconds(self, training_flops: float, sampling_flops: float) -> tuple[float, float, float]:
        """Seconds of this work at the mean rates, and at the fastest and the slowest that were measured."""

        def at(rate: Callable[[Sequence[float]], float]) -> float:
            return training_flops / rate(self.training) + sampling_flops / rate(self.sampling)

        return at(lambda rates: float(np.mean(rates))), at(max), at(min)


def calibrate(base: Pretrain, execution: Execution, workers: int, seconds: float = _SECONDS) -> ComputeRates:
    """Measure with the shape and the documents of `base`, in `workers` processes at once, one a core at most."""
    workers = min(workers, machine_cores())
    if workers == 1:
        return _measure(base, execution, seconds)
    beside = partial(_measure_beside, device=str(execution.device), backend=execution.backend, seconds=seconds)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        measured = list(pool.map(beside, [base] * workers))
    return ComputeRates(
        tuple(rate for rates in measured for rate in rates.training),
        tuple(rate for rates in measured for rate in rates.sampling),
    )


def _measure_beside(base: Pretrain, device: str, backend: str, seconds: float) -> ComputeRates:
    """One of several processes, of which each has one core."""
    torch.set_num_threads(1)
    return _measure(base, Execution(torch.device(device), backend, cores=Cores(machine_cores)), seconds)


def _measure(base: Pretrain, execution: Execution, seconds: float) -> ComputeRates:
    known = model_of(base)
    assert known is not None, "a pre-training stage has a model"
    spec, tokenizer = known
    model = Decoder(spec, len(tokenizer), 0, device=execution.device, backend=execution.backend)
    optimizer = Optimizer(model, base.training.optimizer)
    sizes = (base.training.documents, base.training.row_length, base.training.randomized_positions)
    rows = PackedRows.of(rows_of_step(base.world, base.split, tokenizer, *sizes, base.seed, 0))
    of_step = training_flops(spec, len(tokenizer), rows.real_tokens, rows.mean_context)

    def train() -> float:
        next_token_step(model, optimizer, rows, base.training, 0.0, execution)
        return of_step

    problems = [base.world.problem(base.split, 0, index) for index in range(_PROMPTS)]
    prompts = [prompt_ids(tokenizer, problem) for problem in problems]
    most = round(mean_lengths(tokenizer, base.world, base.split, spec.max_positions)[1])
    params = SamplingParams(max_new_tokens=max(1, min(most, spec.max_positions - max(map(len, prompts)))))
    engine = Engine(model, tokenizer.eos, cores=execution.cores)

    def sample() -> float:
        rollouts = roll_out(engine, tokenizer, base.world, problems, _SAMPLES, params, 0)
        return sampling_flops(
            spec,
            len(tokenizer),
            problems=_PROMPTS,
            samples=_SAMPLES,
            prompt_tokens=sum(map(len, prompts)),
            completion_tokens=rollouts.sampled_tokens,
        )

    return ComputeRates(_rates(train, seconds), _rates(sample, seconds))


def _rates(work: Callable[[], float], seconds: float) -> tuple[float, ...]:
    """FLOP/s of work that returns its FLOPs, over several stretches of time; the first time is not counted."""
    work()
    rates = []
    for _ in range(_REPEATS):
        started, flops = time.monotonic(), 0.0
        while time.monotonic() - started < seconds or not flops:
            flops += work()
        rates.append(flops / (time.monotonic() - started))
    return tuple(rates)
