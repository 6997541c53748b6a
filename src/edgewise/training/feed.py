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
from typing import Any, TypeVar

from edgewise.errors import InputError

T = TypeVar("T")

_PROGRAM = "from edgewise.training.feed import _work; _work()"


@contextmanager
def feed(make: Callable[[int], T], workers: int) -> Iterator[Callable[[int], T]]:
    """`make`, but sooner: a function to be called for one step after the other, from any first one.

    `make` is a pure function of the step that can be pickled, so that what comes does not depend on
    `workers`. Each of them works out every `workers`-th step and goes on when its last one has been
    taken; the next step to be asked for is fetched meanwhile. With 0 workers `make` is called here.
    What it raises for a step is raised where that step is asked for. InputError where a worker ends.
    Workers end with the context; where this process is killed, at the next step they have ready.
    """
    if not workers:
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
                    turn.append(_start(make, step + i, workers))
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
                process.kill()
                process.wait()


def _start(make: Callable[[int], Any], first: int, stride: int) -> subprocess.Popen[bytes]:
    """A worker started without `multiprocessing`, which would import the main module, and torch with it.

    In a session of its own it does not get the terminal's interrupt: the context decides when it ends.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pickle.dump((first, stride), pipe)
        pickle.dump(make, pipe)
    return process


def _work() -> None:
    """The whole life of a worker: what to do comes by standard input, what was made goes to standard output."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever `make` prints must not stand among the data
    first, stride = pickle.load(sys.stdin.buffer)
    made, error = None, None
    for step in count(first, stride):
        try:
            if step == first:
                make = pickle.load(sys.stdin.buffer)
            made = make(step)
        except Exception as caught:
            caught.add_note(traceback.format_exc())
            made, error = None, caught
        try:
            pickle.dump((made, error), pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except BrokenPipeError:
            os._exit(0)  # nobody is left to tell
        if error is not None:
            return


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
