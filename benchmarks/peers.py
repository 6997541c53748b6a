"""What people would use instead, with the same weights: transformers' `generate` and Trainer, TRL's GRPOTrainer.

Their time is that of their own steps: from the callback before a step to the one after it, so that neither building
the trainer nor saving the model counts.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.models import RandomWords, approved
from edgewise.model.decoder import Decoder
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer


@contextmanager
def quiet() -> Iterator[None]:
    """Without what the peers say of their progress, which is no part of ours."""
    transformers = _peer("transformers")
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets_bars(False)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        datasets_bars(True)
        transformers.logging.enable_progress_bar()
        transformers.logging.set_verbosity(level)


def datasets_bars(shown: bool) -> None:
    """Whether `datasets`, where it is installed, draws progress bars."""
    if importlib.util.find_spec("datasets") is not None:
        datasets = _peer("datasets")
        (datasets.enable_progress_bars if shown else datasets.disable_progress_bars)()


def same_model(model: Decoder, tokenizer: Tokenizer, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """The same weights and words as a model and a tokenizer of transformers."""
    transformers = _peer("transformers")
    with tempfile.TemporaryDirectory() as place, quiet():
        save_pretrained(model, tokenizer, Path(place))
        theirs = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=dtype)
        words = transformers.AutoTokenizer.from_pretrained(place)
    return theirs, words


def generate(
    model: Any, tokenizer: Tokenizer, prompts: Sequence[Sequence[int]], samples: int, tokens: int, batch: int
) -> tuple[list[list[int]], float]:
    """Completions with their end, drawn at temperature 1, `batch` samples at a time, and the seconds that took."""
    done: list[list[int]] = []
    size, start = max(1, batch // samples), time.perf_counter()
    for first in range(0, len(prompts), size):
        ids = torch.tensor(prompts[first : first + size])
        drawn = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            num_return_sequences=samples,
            max_new_tokens=tokens,
            eos_token_id=tokenizer.eos,
            pad_token_id=tokenizer.pad,
        )
        done += [_until_end(row, tokenizer.eos) for row in drawn[:, ids.shape[1] :].tolist()]
    return done, time.perf_counter() - start


def greedy(model: Any, tokenizer: Tokenizer, prompts: Sequence[Sequence[int]], tokens: int) -> list[list[int]]:
    """The greedy completion of each prompt (all prompts have one length), up to and including the end token."""
    ids = torch.tensor(prompts, device=model.device)
    generated = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=tokens,
        eos_token_id=tokenizer.eos,
        pad_token_id=tokenizer.pad,
    )
    return [_until_end(row, tokenizer.eos) for row in generated[:, ids.shape[1] :].tolist()]


def _until_end(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step of a trainer took, and what it logged of it."""

    seconds: float
    logged: dict[str, float]


class NextTokenPeer:
    """transformers' Trainer on rows of token ids, each step on all of `rows_RT`."""

    def __init__(self, model: Any, rows_RT: Tensor, micro_batch: int, bf16: bool, learning_rate: float) -> None:
        transformers = _peer("transformers")
        self.folder = tempfile.TemporaryDirectory()
        self.times = _step_times()
        data = [{"input_ids": row, "labels": row} for row in rows_RT]
        with quiet():
            options = transformers.TrainingArguments(
                output_dir=self.folder.name,
                per_device_train_batch_size=micro_batch,
                gradient_accumulation_steps=len(rows_RT) // micro_batch,
                max_steps=1,
                learning_rate=learning_rate,
                lr_scheduler_type="constant",
                bf16=bf16,
                **_PLAIN,
            )
            self.trainer = transformers.Trainer(model=model, args=options, train_dataset=data, callbacks=[self.times])
            self.trainer.remove_callback(transformers.PrinterCallback)

    def step(self) -> Stepped:
        """One step on all rows."""
        return _run(self.trainer, self.times)


class GrpoPeer:
    """TRL's GRPOTrainer, whose every step asks `prompts` problems of the world `samples` times each."""

    def __init__(
        self,
        model: Any,
        words: Any,
        world: RandomWords,
        *,
        prompts: int,
        samples: int,
        max_new_tokens: int,
        micro_batch: int,
        learning_rate: float,
    ) -> None:
        datasets, transformers, trl = map(_peer, ("datasets", "transformers", "trl"))
        self.drawn = 0
        self.folder = tempfile.TemporaryDirectory()
        self.times = _step_times()
        asked = [world.problem("train", 0, index).prompt for index in range(4 * prompts)]
        with quiet():
            options = trl.GRPOConfig(
                output_dir=self.folder.name,
                per_device_train_batch_size=micro_batch,
                gradient_accumulation_steps=prompts * samples // micro_batch,
                num_generations=samples,
                max_completion_length=max_new_tokens,
                max_steps=1,
                learning_rate=learning_rate,
                lr_scheduler_type="constant",
                temperature=1.0,
                beta=0.0,
                bf16=False,
                gradient_checkpointing=False,
                **_PLAIN,
            )
            self.trainer = trl.GRPOTrainer(
                model=model,
                reward_funcs=self._reward,
                args=options,
                train_dataset=datasets.Dataset.from_list([{"prompt": prompt} for prompt in asked]),
                processing_class=words,
                callbacks=[self.times],
            )
            self.trainer.remove_callback(transformers.PrinterCallback)

    def _reward(self, completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        self.drawn += sum(map(len, completion_ids))
        return [float(approved(text)) for text in completions]

    def step(self) -> Stepped:
        """One step; `drawn` are its completion tokens, and what it logs as num_tokens has the prompts' too."""
        self.drawn = 0
        return _run(self.trainer, self.times)


_PLAIN: dict[str, Any] = {
    "use_cpu": True,
    "report_to": [],
    "save_strategy": "no",
    "logging_steps": 1,
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}


def _peer(name: str) -> Any:
    """The package, without types: it need not be installed where ours are checked."""
    return importlib.import_module(name)


def _run(trainer: Any, times: Any) -> Stepped:
    times.total = 0.0
    with quiet():
        trainer.train()
    logged = next(entry for entry in reversed(trainer.state.log_history) if "loss" in entry)
    return Stepped(times.total, {name: float(value) for name, value in logged.items()})


def _step_times() -> Any:
    """A callback of transformers that sums the seconds of steps."""

    class StepTimes(_peer("transformers").TrainerCallback):  # type: ignore[misc]
        total = 0.0
        start = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.total += time.perf_counter() - self.start

    return StepTimes()
