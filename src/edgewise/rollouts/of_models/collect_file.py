"""Collect a language model's rollouts into a Parquet file: go on where a run was stopped, in one process or several."""

from __future__ import annotations

import multiprocessing
import queue
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.core.processes import describe_exit, interrupts_held_back
from edgewise.core.threads import Cores, machine_cores
from edgewise.rollouts.of_models.draw import WHOLE, Part, Share, draw_parts, plan_parts, read_parts
from edgewise.rollouts.of_models.language_model import SAMPLES_OF_A_PART, open_model
from edgewise.rollouts.of_models.request import RolloutRequest
from edgewise.rollouts.of_models.rollout_file import about_request, check_same_request, read_about, write_rollout_file
from edgewise.tasks import Problem

# Told of the rollouts and tokens of each part that was drawn.
Drawn = Callable[[int, int], None]
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class ModelFile:
    """Rollouts of one model that go to one file: what is asked, of which folder, under which name.

    `device` computes, with `workers` processes. None of this but `request` decides a rollout.
    """

    out: Path
    folder: Path
    name: str
    request: RolloutRequest
    problems: Sequence[Problem] = field(default_factory=list)
    device: str = "cpu"
    workers: int = 1

    @property
    def parts_folder(self) -> Path:
        """Where parts are until the file is whole."""
        return self.out.with_name(self.out.name + ".parts")

    def samples_there(self) -> int:
        """How many samples of each problem the file holds; 0 where it is not there.

        InputError where it holds something else than this request's rollouts.
        """
        if not self.out.exists():
            return 0
        about = read_about(self.out)
        check_same_request(self.out, about, self.request)
        assert about is not None
        return int(about["samples"])

    def parts_to(self, samples: int) -> list[Part]:
        """The parts that bring the file to so many samples of each problem; none where it has them."""
        size = SAMPLES_OF_A_PART[self.request.sampler]
        return plan_parts(len(self.problems), range(self.samples_there(), samples), size)


def collect(file: ModelFile, samples: int, drawn: Drawn, shard: Share = WHOLE) -> None:
    """Draw what lacks of `samples` completions of each problem, and put them into the file.

    One shard of several draws its share and leaves it beside the file, which a run without shards then puts together.
    Metadata that others wrote into the file stay. InputError where the file or its parts are of another request.
    """
    parts = file.parts_to(samples)
    if not parts:
        return
    _claim_parts_folder(file)
    missing = [part for part in shard.of_parts(parts) if not part.path(file.parts_folder).exists()]
    if file.workers > 1 and len(missing) > 1:
        _draw_in_processes(file, missing, drawn)
    elif missing:
        _draw_here(file, missing, drawn, processes=1)
    if shard.of > 1:
        return
    before = [pq.read_table(file.out)] if file.out.exists() else []
    table = _in_order([*before, *read_parts(parts, file.parts_folder)], file.problems)
    kept = before[0].schema.metadata if before else None
    made_by = read_json_object(file.parts_folder / "made_by.json")
    write_rollout_file(table.replace_schema_metadata(kept), file.out, file.request, made_by, samples)
    shutil.rmtree(file.parts_folder)


def _claim_parts_folder(file: ModelFile) -> None:
    """Make the folder of parts, or check that it is of the same request."""
    about = file.parts_folder / "request.json"
    if about.exists():
        check_same_request(file.parts_folder, read_json_object(about), file.request)
        return
    file.parts_folder.mkdir(parents=True, exist_ok=True)
    write_json(about, about_request(file.request))


def _draw_here(file: ModelFile, parts: Sequence[Part], drawn: Drawn, *, processes: int) -> None:
    request = file.request
    if processes > 1:
        torch.set_num_threads(max(1, machine_cores() // processes))
    model = open_model(
        file.folder,
        request.sampler,
        request.chat,
        request.sampling,
        torch.device(file.device),
        Cores(lambda: processes),
    )
    write_json(file.parts_folder / "made_by.json", model.made_by)
    draw_parts(model, file.name, request, file.problems, parts, file.parts_folder, drawn)


def _draw_in_processes(file: ModelFile, parts: Sequence[Part], drawn: Drawn) -> None:
    """Each process loads the model and draws its share. The first that fails ends all."""
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[tuple[int, int] | str] = context.Queue()
    shares = [Share(number + 1, file.workers).of_parts(parts) for number in range(file.workers)]
    with interrupts_held_back():
        processes = [context.Process(target=_work, args=(file, share, told)) for share in shares if share]
        for process in processes:
            process.start()
    try:
        while True:
            running = any(process.is_alive() for process in processes)
            try:
                news = told.get(timeout=_POLL_SECONDS if running else 0.1)
            except queue.Empty:
                if running and not _failed(processes):
                    continue
                break
            if isinstance(news, str):
                raise InputError(news)
            drawn(*news)
        if failed := _failed(processes):
            raise InputError(f"--workers: a process {describe_exit(failed[0].exitcode)}; what is drawn is kept")
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _failed(processes: Sequence[BaseProcess]) -> list[BaseProcess]:
    return [process for process in processes if process.exitcode not in (None, 0)]


def _work(file: ModelFile, parts: Sequence[Part], told: multiprocessing.Queue[tuple[int, int] | str]) -> None:
    try:
        _draw_here(file, parts, lambda rollouts, tokens: told.put((rollouts, tokens)), processes=file.workers)
    except InputError as error:
        told.put(str(error))


def _in_order(tables: Sequence[pa.Table], problems: Sequence[Problem]) -> pa.Table:
    """All rows in the order of the problems and, within each, of the samples."""
    table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    place_of = {problem.id: place for place, problem in enumerate(problems)}
    places = np.array([place_of[problem] for problem in table["problem_id"].to_pylist()])
    return table.take(np.lexsort((table["sample"].to_numpy(), places)))
