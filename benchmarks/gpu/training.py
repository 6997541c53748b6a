"""Pre-training on the device: tokens a second and the share of the matmul peak (MFU), as it is and compiled."""

from __future__ import annotations

import torch

from benchmarks.gpu.scale import LEARNING_RATE, Scale, memory_gb, model_of, peaks, rows_of, seconds_of
from edgewise.model.flops import training_flops
from edgewise.training import next_token
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.optimizer import Optimizer, OptimizerSpec


def pretraining(scale: Scale, device: torch.device, backend: str = "torch") -> dict[str, list[float]]:
    """Next-token updates in bf16 of two micro-batches: tokens/s, MFU, the peaks, seconds of the first update."""
    peak = peaks(scale, device)
    tokenizer, model = model_of(scale, device, backend)
    rows = rows_of(scale.row_length, 2 * scale.row_tokens, scale.document_tokens, len(tokenizer))
    spec = NextTokenSpec(precision="bf16", optimizer=OptimizerSpec(learning_rate=LEARNING_RATE))
    optimizer = Optimizer(model, spec.optimizer)
    execution = Execution(device, backend, tokens_per_micro_batch=scale.row_tokens)

    def update() -> object:
        return next_token.next_token_step(model, optimizer, rows, spec, LEARNING_RATE, execution)

    first = seconds_of(update, device)
    update()
    seconds = [seconds_of(update, device) for _ in range(3 * scale.repeats)]
    flops = training_flops(scale.spec, len(tokenizer), rows.real_tokens, rows.mean_context)
    return {
        "parameters": [float(sum(parameter.numel() for parameter in model.parameters()))],
        "tokens_per_second": [rows.real_tokens / one for one in seconds],
        "mfu": [flops / one / peak.matmul for one in seconds],
        "matmul": [peak.matmul],
        "copy": [peak.copy],
        "first_seconds": [first],
        "memory_gb": [memory_gb(device)],
    }


def pretraining_compiled(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """The same with the layers compiled."""
    return pretraining(scale, device, "inductor")
