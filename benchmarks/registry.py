"""The benchmarks by name, and running them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.findings import Findings
from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a benchmark measures, how often unless it is said, and the packages that it compares with.

    Its module, `benchmarks.NAME`, has `measure(repeats)`; it is imported when it is run. One that has a `command` of
    its own is run by that alone.
    """

    what: str
    repeats: int = 5
    peers: tuple[str, ...] = ()
    command: str = ""


BENCHMARKS: Mapping[str, Benchmark] = {
    "sampling": Benchmark("the sampler beside transformers generate", 3, ("transformers",)),
    "rl_step": Benchmark("a GRPO step beside TRL's trainer", 3, ("transformers", "datasets", "accelerate", "trl")),
    "next_token": Benchmark("next-token training beside transformers' Trainer", 3, ("transformers", "accelerate")),
    "cores": Benchmark("a GRPO step on two cores beside one", 3),
    "ranks": Benchmark("a GRPO step on two ranks beside one rank of two threads", 3),
    "memory": Benchmark("peak memory of a GRPO step against samples", 1),
    "cost": Benchmark("seconds of a GRPO step against samples, problems, length and parameters", 3),
    "kept_groups": Benchmark("what RL keeps of groups to be read, as a share of its step", 24),
    "audit": Benchmark("seconds and memory of the audit's arithmetic", 3),
    "gpu": Benchmark("training, sampling and RL of 100M parameters on one GPU", command="make gpu"),
    "worlds": Benchmark("how fast worlds make and verify problems, and data is prepared"),
}


def chosen(names: Sequence[str]) -> list[str]:
    """The benchmarks of those names, "all" for each without a command of its own; InputError where there is none, where
    it has such a command, or a peer is not installed."""
    for name in names:
        if name != "all" and name not in BENCHMARKS:
            raise InputError(f"benchmark: must be one of {', '.join(BENCHMARKS)} or all, is {name!r}")
        if name != "all" and (command := BENCHMARKS[name].command):
            raise InputError(f"{name}: is run by a command of its own; use {command}")
    everywhere = [name for name, benchmark in BENCHMARKS.items() if not benchmark.command]
    benchmarks = list(
        dict.fromkeys([*(everywhere if "all" in names else ()), *(name for name in names if name != "all")])
    )
    needed = dict.fromkeys(peer for name in benchmarks for peer in BENCHMARKS[name].peers)
    for peer in needed:
        if importlib.util.find_spec(peer) is None:
            raise InputError(
                f"{peer}: not installed; this benchmark needs `pip install -r benchmarks/requirements.txt`"
            )
    return benchmarks


def run(names: Sequence[str], repeats: int | None, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the named benchmarks one after the other and write `out`/NAME.json for each; returns what was written.

    `repeats` None is each benchmark's own. `say` gets a line before each. InputError, before any work, on a name or
    a number of repeats that cannot be run.
    """
    if repeats is not None and repeats < 1:
        raise InputError(f"repeats: must be at least 1, is {repeats}")
    order = chosen(names)
    out.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in order:
        say(f"{name}: {BENCHMARKS[name].what}")
        written[name] = recorded(name, repeats or BENCHMARKS[name].repeats)
        write_json(out / f"{name}.json", written[name], indent=1)
    return written


def recorded(name: str, repeats: int) -> dict[str, Any]:
    """What a benchmark found, with the machine, its peaks and load, versions, commit and date."""
    from benchmarks import machine
    from benchmarks.load import Load

    peaks = machine.all_peaks()
    with Load() as load:
        findings: Findings = importlib.import_module(f"benchmarks.{name}").measure(repeats)
    return {
        "name": name,
        "what": BENCHMARKS[name].what,
        **asdict(findings),
        "machine": machine.described(),
        "peaks": peaks,
        "versions": machine.compared_versions(),
        "commit": machine.commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(load.seconds, 1),
        "load": load.others,
    }
