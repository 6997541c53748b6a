"""Steps one after the other: when they are recorded, when the host asks, and how a graph is captured."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from edgewise.sampling import stepping
from edgewise.sampling.stepping import Pace, pace_of, repeat


def paced(times: int, ask_every: int, stop_at: int = 10**9, recorded: bool = True) -> tuple[list[str], int]:
    log: list[str] = []

    def record(step: Any) -> Any:
        log.append("record")
        return lambda: log.append("replay")

    pace = Pace(32, ask_every, 0.5, record if recorded else None)
    count = repeat(lambda: log.append("step"), times, lambda: len(log) < stop_at, pace)
    return log, count


def test_a_long_stretch_is_recorded_at_its_first_step_and_replayed_from_then_on() -> None:
    assert paced(20, 8) == (["record"] + ["replay"] * 19, 20)
    assert paced(20, 8, recorded=False) == (["step"] * 20, 20)


def test_a_short_stretch_is_not_worth_a_recording() -> None:
    assert paced(3, 8) == (["step"] * 3, 3)


def test_the_host_asks_only_now_and_then() -> None:
    for ask_every, stop_at, count in ((8, 1, 8), (8, 8, 8), (8, 9, 16), (1, 5, 5), (1, 0, 1), (8, 0, 8)):
        assert paced(20, ask_every, stop_at)[1] == count


def test_a_graph_is_captured_on_the_stream_where_the_step_ran_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order that CUDA asks for, seen by stand-ins of torch's own calls."""
    log: list[str] = []
    graph_signature = inspect.signature(torch.cuda.graph)

    class Stream:
        def __init__(self, name: object) -> None:
            self.name = "main" if name == "main" else "side"

        def wait_stream(self, other: Stream) -> None:
            log.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def on(stream: Stream) -> Iterator[None]:
        log.append(f"on {stream.name}")
        yield
        log.append("off")

    @contextmanager
    def capture(*args: Any, **kwargs: Any) -> Iterator[None]:
        asked = graph_signature.bind(*args, **kwargs).arguments
        log.append(f"capture on {asked['stream'].name}")
        yield
        log.append("captured")

    class Graph:
        def replay(self) -> None:
            log.append("replay")

    for name, stand_in in {
        "current_device": lambda: 0,
        "current_stream": lambda: Stream("main"),
        "Stream": Stream,
        "stream": on,
        "graph": capture,
        "CUDAGraph": Graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    stepping._side_stream.cache_clear()
    try:
        replay = stepping.record_graph(lambda: log.append("step"))
    finally:
        stepping._side_stream.cache_clear()
    warm_up = ["side waits for main", "on side", "step", "off", "main waits for side"]
    assert log == [*warm_up, "capture on side", "step", "captured"]
    replay()
    assert log[-1] == "replay"


def test_a_cpu_records_nothing_and_asks_after_every_step() -> None:
    pace = pace_of(torch.device("cpu"))
    assert pace.record is None and pace.ask_every == 1


def test_a_gpu_records() -> None:
    pace = pace_of(torch.device("cuda"))
    assert pace.record is stepping.record_graph and pace.ask_every > 1
