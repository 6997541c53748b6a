"""A function of the step worked out ahead, in processes of its own, so that training does not wait for data."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any, BinaryIO, TypeVar

from edgewise.core.errors import InputError

T = TypeVar("T")


@contextmanager
def feed(make: Callable[[int], T], workers: int) -> Iterator[Callable[[int], T]]:
    """`make`, but sooner: a function to be called for one step after the other, from any first one.

    `make` is a pure function of the step that can be pickled, so that what comes does not depend on
    `workers`. Each of them works out every `workers`-th step and goes on when its last one has been
    taken; the next step to be asked for is fetched meanwhile. With 0 workers `make` is called here, as
    it is where it comes from the script that is run, which other processes cannot import. What it
    raises for a step is raised where that step is asked for. InputError where a worker ends by itself.
    Workers end with the context; where this process is killed, at the next step they have ready.
    """
    pickled = pickle.dumps(make) if workers else b""
    if not workers or b"_main__" in pickled:
        yield make
        return
    turn: list[subprocess.Popen[bytes]] = []
    with ThreadPoolExecutor(1) as fetcher:
        due: Future[T] | None = None
        next_step = 0

        def take(step: int) -> T:
            nonlocal due, next_step
            if due is None:
                for i in range(workers):
                    turn.append(_start(pickled, step + i, workers))
                due, next_step = fetcher.submit(_receive, turn[0]), step
            if step != next_step:
                raise ValueError(f"step {step} was asked for where {next_step} is the next")
            made = due.result()
            turn.append(turn.pop(0))
            due, next_step = fetcher.submit(_receive, turn[0]), step + 1
            return made

        try:
            yield take
        finally:
            for process in turn:
                with process:
                    process.kill()


def _start(pickled: bytes, first: int, stride: int) -> subprocess.Popen[bytes]:
    """A worker started without `multiprocessing`, which would import the main module, and torch with it.

    In a session of its own it does not get the terminal's interrupt: the context decides when it ends.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", "-c", "from edgewise.training.loader import _work; _work()"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pickle.dump((first, stride), pipe)
        pipe.write(pickled)
    return process


def _work() -> None:
    """The whole life of a worker: what to do comes by standard input, what was made goes to standard output."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever `make` prints must not stand among the data
    for result in _results(sys.stdin.buffer):
        try:
            pickle.dump(result, pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except BrokenPipeError:
            os._exit(0)  # nobody is left to tell


def _results(source: BinaryIO) -> Iterator[tuple[Any, Exception | None]]:
    """What is made of one step after the other, or what was raised, which is the last."""
    first, stride = pickle.load(source)
    try:
        try:
            make = pickle.load(source)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"data_workers: the processes that prepare data cannot load what makes it ({error});"
                " define the world in a module that can be imported, or use 0"
            ) from None
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
        raise InputError(
            "data_workers: one of the processes that prepare data ended, perhaps for want of memory;"
            " run again to go on, with fewer or with 0"
        ) from None
    if error is not None:
        raise error
    return made
