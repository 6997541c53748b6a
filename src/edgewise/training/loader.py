"""Background data loading: worker processes compute a function of the step ahead of the training loop."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, BinaryIO, TypeVar

from edgewise.core.errors import InputError
from edgewise.core.processes import OUT_OF_REACH, describe_exit

T = TypeVar("T")

# Seconds to wait for a process that has closed its output.
_PATIENCE = 5.0


@contextmanager
def load_ahead(make: Callable[[int], T], workers: int) -> Iterator[Callable[[int], T]]:
    """Yield a function that returns `make(step)`, computed ahead by `workers` processes.

    It must be called for one step after the other, from any first one. `make` is a pure function of the step that
    can be pickled, so the results do not depend on `workers`. Each worker computes every `workers`-th step, and goes
    on when its last result has been taken; the result of the next step is fetched in the background. `make` is called
    in this process until the workers have started, which takes most of a second; and in any case where there are 0
    workers, and where it comes from the script that is run, which other processes cannot import. An error of a step is
    raised where that step is asked for. InputError where a worker process ends. Workers end with the context; where
    this process is killed, they end at the next step they have ready.
    """
    pickled = pickle.dumps(make) if workers else b""
    if not workers or b"_main__" in pickled:
        yield make
        return
    processes: list[subprocess.Popen[bytes]] = []  # the one whose step is next comes first
    with ThreadPoolExecutor(1) as fetcher:
        ready: Future[list[None]] | None = None
        fetched: Future[T] | None = None
        next_step = 0

        def take(step: int) -> T:
            nonlocal ready, fetched, next_step
            if ready is None:
                processes.extend(_start(pickled) for _ in range(workers))
                # Before its first step a worker says that it is ready.
                ready, next_step = fetcher.submit(lambda: [_receive(process) for process in processes]), step
            if step != next_step:
                raise ValueError(f"step {step} was asked for where {next_step} is the next")
            next_step += 1
            if fetched is None:
                if ready.done():
                    ready.result()
                    for i, process in enumerate(processes):
                        _begin(process, next_step + i, workers)
                    fetched = fetcher.submit(_receive, processes[0])
                return make(step)
            result = fetched.result()
            processes.append(processes.pop(0))
            fetched = fetcher.submit(_receive, processes[0])
            return result

        try:
            yield take
        finally:
            for process in processes:
                with process:
                    process.kill()


def _start(pickled: bytes) -> subprocess.Popen[bytes]:
    """Start a worker without `multiprocessing`, which would import the main module, and torch with it.

    It has a session of its own, so that it does not get the terminal's interrupt: the context decides when it ends.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", "-c", "from edgewise.training.loader import _work; _work()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, **OUT_OF_REACH)
    assert process.stdin is not None
    process.stdin.write(pickled)
    process.stdin.flush()
    return process


def _begin(process: subprocess.Popen[bytes], first: int, stride: int) -> None:
    """Tell a worker which steps are its own."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # what became of it is said where its step is asked for
        pickle.dump((first, stride), pipe)


def _work() -> None:
    """Main function of a worker: reads `make` from standard input and writes results to standard output."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what `make` prints must not mix with the results
    for result in _results(sys.stdin.buffer):
        try:
            pickle.dump(result, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except BrokenPipeError:
            os._exit(0)  # the training process has ended


def _results(source: BinaryIO) -> Iterator[tuple[Any, Exception | None]]:
    """(None, None) when it is ready, (result, None) of each step; (None, error) of what fails, which is the last."""
    try:
        try:
            make = pickle.load(source)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"data_workers: the processes that prepare data cannot load what makes it ({error});"
                " define the world in a module that can be imported, or use 0"
            ) from None
        yield None, None
        try:
            first, stride = pickle.load(source)
        except EOFError:
            return  # the training process has ended
        for step in count(first, stride):
            yield make(step), None
    except Exception as error:
        if not isinstance(error, InputError):  # a bug, whose traceback does not travel by itself
            error.add_note(traceback.format_exc())
        yield None, error


def _receive(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    try:
        made, error = pickle.load(process.stdout)
    except (EOFError, pickle.UnpicklingError):
        try:
            status = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            status = None
        raise InputError(
            f"data_workers: one of the processes that prepare data {describe_exit(status)};"
            " run again to go on, with fewer or with 0"
        ) from None
    if error is not None:
        raise error
    return made
