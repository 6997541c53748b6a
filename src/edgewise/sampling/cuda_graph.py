"""Run a decode step many times: call by call on a CPU, recorded as a CUDA graph and replayed on a GPU.

A decode step takes and returns nothing. It changes tensors that keep their addresses, and nothing that it does on the
host depends on their content. So the kernels of one call, recorded with their addresses, are the kernels of the next.
A GPU replays them without Python, which at these model sizes takes longer to launch a kernel than the GPU takes to
run it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch

Step = Callable[[], None]

# Recording costs about as much as a few steps.
_WORTH_RECORDING = 16


class DecodeSchedule(NamedTuple):
    """How a device is kept busy while it decodes.

    `cache_chunk`: positions by which the key-value cache grows; no recording outlives a growth.
    `check_every`: steps after which the host may read which samples have ended, for which it waits for the device.
    `compact_below`: the share of slots in use below which they are moved together before the chunk is full.
    `record`: runs a step once and returns one that replays its kernels; None where calls are as fast.
    """

    cache_chunk: int
    check_every: int
    compact_below: float
    record: Callable[[Step], Step] | None


def decode_schedule(device: torch.device) -> DecodeSchedule:
    """The schedule for a device. On a CPU reading a result is free, and changing the number of slots is cheap."""
    if device.type == "cuda":
        return DecodeSchedule(cache_chunk=128, check_every=8, compact_below=0.5, record=record_graph)
    return DecodeSchedule(cache_chunk=32, check_every=1, compact_below=0.8, record=None)


def repeat_step(step: Step, times: int, worth_going_on: Callable[[], bool], schedule: DecodeSchedule) -> int:
    """Run `step` up to `times` times, until `worth_going_on` returns False; returns how many times it was run."""
    for done in range(times):
        if done and done % schedule.check_every == 0 and not worth_going_on():
            return done
        if done == 0 and schedule.record is not None and times >= _WORTH_RECORDING:
            step = schedule.record(step)
        else:
            step()
    return times


def record_graph(step: Step) -> Step:
    """Run `step` once and capture a further call, which is not run, as a CUDA graph on the current device.

    Whatever the step reads and writes must outlive the result and keep its address; memory that it
    takes for itself belongs to the graph. Not for inference mode: torch then makes the state of its
    generator a tensor that no capture outside that mode can use (pytorch issue 166792).
    """
    stream, current = _side_stream(torch.cuda.current_device()), torch.cuda.current_stream()
    # Libraries take their workspaces, one for each stream, at the first call; a capture must not see that.
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        step()
    current.wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        step()
    replay: Step = graph.replay
    return replay


@cache
def _side_stream(device: int) -> torch.cuda.Stream:
    # One for the whole process, because workspaces are kept as long as it lives.
    return torch.cuda.Stream(device)
