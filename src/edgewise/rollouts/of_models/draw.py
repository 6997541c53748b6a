"""Draw a language model's rollouts part by part into a folder, so that nothing is lost when it is interrupted.

Which samples a part holds depends on the request and their number alone. So a run that is taken up again, or divided
among processes or machines, computes the same batches and writes the same file, bit for bit on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.rollouts.collect import verify_completions
from edgewise.rollouts.of_models.language_model import LanguageModel
from edgewise.rollouts.of_models.request import RolloutRequest
from edgewise.rollouts.of_models.rollout_file import audit_table
from edgewise.sampling.random_numbers import key_from
from edgewise.tasks import Problem


@dataclass(frozen=True, slots=True)
class Part:
    """Some samples of some problems: those of the places `problems`, numbered `samples`."""

    problems: range
    samples: range

    @property
    def rollouts(self) -> int:
        return len(self.problems) * len(self.samples)

    def path(self, folder: Path) -> Path:
        places = (self.problems.start, self.problems.stop, self.samples.start, self.samples.stop)
        return folder / "problems-{:06d}-{:06d}-samples-{:06d}-{:06d}.parquet".format(*places)


@dataclass(frozen=True, slots=True)
class Share:
    """One of `of` equal shares of the parts, counted from 1."""

    number: int = 1
    of: int = 1

    def of_parts(self, parts: Sequence[Part]) -> Sequence[Part]:
        return parts[self.number - 1 :: self.of]


WHOLE = Share()


def plan_parts(problems: int, samples: range, size: int) -> list[Part]:
    """The parts of so many problems' samples, of at most `size` rollouts each, problem by problem."""
    if not samples:
        return []
    together = max(1, size // len(samples))
    return [
        Part(range(p, min(p + together, problems)), range(g, min(g + size, samples.stop)))
        for p in range(0, problems, together)
        for g in range(samples.start, samples.stop, size)
    ]


def draw_parts(
    model: LanguageModel,
    name: str,
    request: RolloutRequest,
    problems: Sequence[Problem],
    parts: Sequence[Part],
    folder: Path,
    drawn: Callable[[int, int], None],
) -> None:
    """Sample, grade and write the parts that the folder lacks. `drawn` is told the rollouts and tokens of each.

    InputError where a prompt and max_new_tokens exceed the model's positions.
    """
    for part in parts:
        if (path := part.path(folder)).exists():
            continue
        table = _draw(model, name, request, [problems[p] for p in part.problems], part.samples)
        with atomic_write(path) as unfinished:
            pq.write_table(table, unfinished, compression="zstd")
        drawn(len(table), sum(table["tokens"].to_pylist()))


def read_parts(parts: Sequence[Part], folder: Path) -> Iterator[pa.Table]:
    """The tables of the parts. InputError names one that is missing or damaged."""
    for part in parts:
        path = part.path(folder)
        try:
            yield pq.read_table(path)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: missing or damaged ({type(error).__name__}); remove it and run again") from None


def _draw(
    model: LanguageModel, name: str, request: RolloutRequest, problems: Sequence[Problem], samples: range
) -> pa.Table:
    asked = [request.asked(problem) for problem in problems]
    prompts = [model.tokenizer.prompt_ids(problem) for problem in asked]
    keys = [key_from(request.sampling_key(problem), samples.start) for problem in problems]
    completions = model.sampler.sample(prompts, keys, len(samples), request.sampling)
    rollouts = verify_completions(model.tokenizer, request.world, problems, prompts, completions)
    return audit_table(rollouts, request, name, samples.start)
