"""Run parts one after the other, each in a process of its own and within a limit, and keep those that are done.

A call that is interrupted, or whose time is up, loses the part that was running; the next call goes on with it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks import machine
from benchmarks.gpu.parts import Part
from edgewise.core.atomic import write_json

Status = Literal["done", "failed", "left out", "waiting"]

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a part: its values where it is done, else why not in `note`.

    `device` is the device's name; `commit`, `date` and `seconds` are of the process that computed the values.
    """

    status: Status
    note: str = ""
    scale: str = ""
    device: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)
    commit: str | None = None
    date: str = ""
    seconds: float = 0.0


def run_parts(
    parts: Sequence[Part],
    scale: str,
    device: str,
    device_name: str,
    kept: Path,
    seconds: float,
    say: Callable[[str], None],
    seen: Callable[[dict[str, Outcome]], None] = lambda _: None,
) -> dict[str, Outcome]:
    """Run what the folder `kept` has not of this scale and device: a folder for each scale, a file for each part.

    All together take at most `seconds`. A part is begun where half of its own limit is left, and stopped with all its
    processes at its limit or at the end of the time. `seen` gets all outcomes so far after each part.
    """
    kept = kept / scale
    kept.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    outcomes: dict[str, Outcome] = {part.name: Outcome("waiting", "not run yet") for part in parts}
    for number, part in enumerate(parts, start=1):
        head, path = f"[{number}/{len(parts)}] {part.name}: {part.what}", kept / f"{part.name}.json"
        found = _kept(path, scale, device_name)
        absent = [package for package in part.packages if importlib.util.find_spec(package) is None]
        left = end - time.monotonic()
        if found is not None:
            outcomes[part.name] = found
            say(f"{head}: kept from {found.date}")
        elif absent:
            outcomes[part.name] = Outcome("left out", f"{absent[0]} is not installed")
            say(f"{head}: left out, {absent[0]} is not installed")
        elif left < part.seconds / 2:
            outcomes[part.name] = Outcome("waiting", "the time was up; run it again")
            say(f"{head}: the time is up; run it again to go on")
        else:
            limit = min(part.seconds, left)
            say(f"{head}, at most {limit:.0f} s")
            outcomes[part.name] = outcome = _run(part, scale, device, device_name, path, limit)
            say(f"  {outcome.status} in {outcome.seconds:.1f} s{outcome.note and ': ' + outcome.note}")
        seen(outcomes)
    return outcomes


def _kept(path: Path, scale: str, device_name: str) -> Outcome | None:
    if not path.exists():
        return None
    outcome = Outcome(**json.loads(path.read_text(encoding="utf-8")))
    return outcome if (outcome.scale, outcome.device) == (scale, device_name) else None


def _run(part: Part, scale: str, device: str, device_name: str, path: Path, limit: float) -> Outcome:
    values = path.with_suffix(".values")
    values.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.gpu.part", part.function, scale, device, str(values.absolute())]
    commit, started = machine.commit(), time.monotonic()
    # A session of its own, so that it can be stopped with all that it starts.
    process = subprocess.Popen(command, cwd=_ROOT, start_new_session=True)
    try:
        note = f"ended with status {status}" if (status := process.wait(limit)) else ""
    except subprocess.TimeoutExpired:
        note = f"no result within {limit:.0f} s"
    finally:
        _stop(process)
    seconds = round(time.monotonic() - started, 1)
    if note:
        return Outcome("failed", note, seconds=seconds)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    found = json.loads(values.read_text(encoding="utf-8"))
    outcome = Outcome("done", "", scale, device_name, found, commit, date, seconds)
    write_json(path, asdict(outcome))
    values.unlink()
    return outcome


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and those that it started; nothing where all have ended."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
