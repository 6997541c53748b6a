"""Program that test_sharding.py starts with torchrun on two ranks; argument: FOLDER."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from edgewise.core.distributed import SINGLE_PROCESS, Distributed, process_group
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.fixed_order import served_by_kernels
from edgewise.model.tensors import save_tensors
from edgewise.rl.train import train
from edgewise.training import optimizer
from edgewise.training.documents import rows_of_step
from edgewise.training.execution import Execution
from edgewise.training.next_token import next_token_step, train_next_token
from edgewise.training.optimizer import Optimizer
from edgewise.training.packing import PackedRows
from edgewise.training.run_folder import RunFolder
from edgewise.training.sharded_tensors import own_rows
from edgewise.training.sharding import Trained
from tests import tiny
from tests.core.rank_program import RECIPES, STEPS
from tests.rl import bandit

UNTIED = tiny.SHAPE.model_copy(update={"tied": False})
# Runs of next-token training, by precision; the others are RL with the recipe of that name.
NEXT_TOKEN = {"next token": "fp32", "without kernels": "fp32", "bf16": "bf16"}
RL = ("grpo", "critic", "one problem")
INTERRUPTED = ("next token", "critic")
# The step after whose checkpoint those are left.
AT = 2


def run_of(name: str, folder: Path, distributed: Distributed = SINGLE_PROCESS, at: int | None = None) -> None:
    """A run in `folder`, sharded on several ranks, with the weights it ends with; left after step `at` if given."""

    def leave(done: int, _total: int, _note: str) -> None:
        if at is not None and done > at:
            raise KeyboardInterrupt

    run_folder = RunFolder(folder, leave, 0.0, distributed)
    # Several micro-batches in an update, and unequally many on the ranks; only one where there is one problem.
    tokens = 10**6 if name == "one problem" else 30
    execution = Execution(
        backend="torch", tokens_per_micro_batch=tokens, distributed=distributed, shard=distributed.size > 1
    )
    kernels = False if name == "without kernels" else served_by_kernels(torch.zeros(1))
    with suppress(KeyboardInterrupt), patch.object(optimizer, "served_by_kernels", lambda *_: kernels):
        if name in NEXT_TOKEN:
            spec = tiny.SPEC.model_copy(update={"steps": STEPS, "precision": NEXT_TOKEN[name]})
            shape = tiny.SHAPE if name == "next token" else UNTIED
            model = Decoder(shape, len(tiny.TOKENIZER), seed=3, backend="torch")
            train_next_token(model, tiny.TOKENIZER, tiny.WORLD, spec, 1, run_folder, execution)
        else:
            recipe = bandit.changed({"sampling": {"prompts": 5}}, RECIPES[name], steps=STEPS)
            shape = bandit.SHAPE.model_copy(update={"tied": name != "critic"})
            model = Decoder(shape, len(bandit.TOKENIZER), seed=0, backend="torch")
            train(model, bandit.TOKENIZER, bandit.WORLD, recipe, 0, run_folder, execution)
        distributed.on_rank_zero(lambda: save_tensors(dict(model.named_parameters()), folder / "model.safetensors"))


class Measuring(Optimizer):
    """Counts the bytes of the gradients before each step."""

    gradients = 0

    def step(self, learning_rate: float) -> float:
        self.gradients = bytes_of(p.grad for p in self.parameters.values() if p.grad is not None)
        return super().step(learning_rate)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Of the memory that is behind the tensors, on this rank."""
    memory = (own_rows(tensor.detach()).untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in memory}.values())


def bytes_held(distributed: Distributed) -> dict[str, int]:
    """What a rank holds between two layers of a step."""
    shape = DecoderSpec(width=64, layers=4, heads=2, kv_heads=1, feed_forward=256, max_positions=96)
    model = Decoder(shape, len(tiny.TOKENIZER), backend="torch")
    execution = Execution(backend="torch", distributed=distributed, shard=distributed.size > 1)
    trained = Trained(model, execution=execution)
    measuring = Measuring(trained.module, tiny.SPEC.optimizer)
    rows = rows_of_step(tiny.WORLD, "train", tiny.TOKENIZER, 6, 96, 0, 1, 0, distributed=distributed)
    with trained.updating():
        next_token_step(trained.module, measuring, PackedRows.of(rows), tiny.SPEC, 1e-3, execution)
        held = {"weights": bytes_of([*trained.tensors().values(), *model.parameters()])}
        return held | {"gradients": measuring.gradients, "moments": bytes_of(measuring.tensors().values())}


def main(place: str) -> None:
    torch.set_num_threads(1)
    folder = Path(place)
    with process_group("cpu") as distributed:
        for name in (*NEXT_TOKEN, *RL):
            run_of(name, folder / "two" / name, distributed)
        for name in INTERRUPTED:
            left = folder / "left" / name
            run_of(name, left, distributed, AT)
            distributed.on_rank_zero(partial(shutil.copytree, left, folder / "resumed" / name))
            run_of(name, folder / "resumed" / name, distributed)
            run_of(name, folder / "from whole" / name, distributed)
        held = bytes_held(distributed)
        (folder / f"held-{distributed.rank}").write_text(json.dumps(held))


if __name__ == "__main__":
    main(*sys.argv[1:])
