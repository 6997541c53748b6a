"""Steps one after the other: when they are recorded, when the host asks, and how a graph is captured."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from edgewise.sampling import cuda_graph
from edgewise.sampling.cuda_graph import DecodeSchedule, decode_schedule, repeat_step


def scheduled(times: int, check_every: int, stop_at: int = 10**9, recorded: bool = True) -> tuple[list[str], int]:
    log: list[str] = []

    def record(step: Any) -> Any:
        log.append("record")
        return lambda: log.append("replay")

    schedule = DecodeSchedule(32, check_every, 0.5, record if recorded else None)
    count = repeat_step(lambda: log.append("step"), times, lambda: len(log) < stop_at, schedule)
    return log, count


def test_a_long_stretch_is_recorded_at_its_first_step_and_replayed_from_then_on() -> None:
    assert scheduled(20, 8) == (["record"] + ["replay"] * 19, 20)
    assert scheduled(20, 8, recorded=False) == (["step"] * 20, 20)


def test_a_short_stretch_is_not_worth_a_recording() -> None:
    assert scheduled(3, 8) == (["step"] * 3, 3)


def test_the_host_asks_only_now_and_then() -> None:
    for check_every, stop_at, count in ((8, 1, 8), (8, 8, 8), (8, 9, 16), (1, 5, 5), (1, 0, 1), (8, 0, 8)):
        assert scheduled(20, check_every, stop_at)[1] == count


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
    cuda_graph._side_stream.cache_clear()
    try:
        replay = cuda_graph.record_graph(lambda: log.append("step"))
    finally:
        cuda_graph._side_stream.cache_clear()
    warm_up = ["side waits for main", "on side", "step", "off", "main waits for side"]
    assert log == [*warm_up, "capture on side", "step", "captured"]
    replay()
    assert log[-1] == "replay"


def test_a_cpu_records_nothing_and_asks_after_every_step() -> None:
    schedule = decode_schedule(torch.device("cpu"))
    assert schedule.record is None and schedule.check_every == 1


def test_a_gpu_records() -> None:
    schedule = decode_schedule(torch.device("cuda"))
    assert schedule.record is cuda_graph.record_graph and schedule.check_every > 1
