"""How a decoding step is run many times: one call after another, or as a CUDA graph.

A step takes and returns nothing: it changes tensors that stay where they are, and nothing that it
does on the host depends on what they hold. So the kernels of one call, recorded with their
addresses, are the kernels of the next. A GPU replays them without Python, which at these model
sizes takes longer to launch a kernel than the GPU takes to run it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch

Step = Callable[[], None]

# Recording costs about as much as a few steps.
_WORTH_RECORDING = 16


class Pace(NamedTuple):
    """How a device is kept busy.

    `chunk`: positions that a cache grows by; no recording outlives it.
    `ask_every`: steps after which the host may ask what was drawn, for which it waits for the device.
    `leave_below`: the share of slots that the live ones could do with, below which they are moved
    together before the chunk is full.
    `record`: runs a step once and makes one that repeats its kernels; None where calls are as good.
    """

    chunk: int
    ask_every: int
    leave_below: float
    record: Callable[[Step], Step] | None


def pace_of(device: torch.device) -> Pace:
    """The pace that suits a device. On a CPU to ask is free, and to change the number of slots cheap."""
    if device.type == "cuda":
        return Pace(chunk=128, ask_every=8, leave_below=0.5, record=record_graph)
    return Pace(chunk=32, ask_every=1, leave_below=0.8, record=None)


def repeat(step: Step, times: int, going: Callable[[], bool], pace: Pace) -> int:
    """Run `step` up to `times` times, until `going` says no; returns how many times it was run."""
    for done in range(times):
        if done and done % pace.ask_every == 0 and not going():
            return done
        if done == 0 and pace.record is not None and times >= _WORTH_RECORDING:
            step = pace.record(step)
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
