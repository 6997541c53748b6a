"""Follow metrics.jsonl while a stage writes it: the complete lines that are new, whatever happens to the file.

A line may be half written; a stage that resumes rewrites the file without the steps that it does again; a stage that is
complete is renamed. This module needs no torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

METRICS = "metrics.jsonl"

Metrics = Mapping[str, float]
"""One line of metrics.jsonl: `step` and what was logged of it, without metrics that had no value."""


class MetricsFollower:
    """The metrics of one stage as they are written, each step once and in order.

    `folders` are the places where the stage's folder may stand, asked in this order: unfinished, then complete. Steps
    up to `after` are passed over.
    """

    def __init__(self, *folders: Path, after: float = -1.0) -> None:
        self._paths = [folder / METRICS for folder in folders]
        self._step = after
        self._inode = self._offset = 0

    def new(self) -> list[Metrics]:
        """The complete lines since the last call, of steps after the last one; empty where there is no file yet."""
        lines: list[Metrics] = []
        for text in self._read().split(b"\n"):
            line = _metrics(text)
            if line is not None and line["step"] > self._step:
                self._step = line["step"]
                lines.append(line)
        return lines

    def _read(self) -> bytes:
        """What is new of the file, up to the end of its last complete line."""
        for path in self._paths:
            try:
                with path.open("rb") as file:
                    return self._read_open(file)
            except OSError:
                continue  # not begun, renamed a moment ago, or a share that does not answer: the next call looks again
        return b""

    def _read_open(self, file: BinaryIO) -> bytes:
        status = os.fstat(file.fileno())
        if status.st_ino != self._inode or status.st_size < self._offset:  # another file stands there now
            self._inode, self._offset = status.st_ino, 0
        file.seek(self._offset)
        text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete


def _metrics(line: bytes) -> dict[str, float] | None:
    """The metrics of a line; None of one that is damaged, which the stage itself refuses when it resumes."""
    try:
        values = json.loads(line, parse_int=float)
    except ValueError:
        return None
    if not isinstance(values, dict):
        return None
    metrics = {name: value for name, value in values.items() if isinstance(value, float) and math.isfinite(value)}
    return metrics if "step" in metrics else None
