"""How fast and how large the audit's arithmetic is: `python benchmarks/audit.py [NAME]...`.

Each measurement runs in a process of its own, three times; the median is what is quoted. The last
line is JSON; benchmarks/results/audit.json holds the same.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgewise.boundary import Counts, curve, k_grid, paired_difference

REPEATS = 3
RESULTS = Path(__file__).parent / "results" / "audit.json"
ROWS = 10_000_000


def million_problems() -> float:
    """Seconds for the curves and the paired difference of 1e6 problems x 1024 samples, from counts."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.2, 1.5, 1_000_000)
    base, tuned = (Counts.of(1024, rng.binomial(1024, p_P)) for _ in range(2))
    start = time.perf_counter()
    ks = k_grid(1024)
    curve(base, ks)
    curve(tuned, ks)
    paired_difference(base, tuned, ks)
    return time.perf_counter() - start


def bootstrap() -> float:
    """Seconds for the paired difference of 5,000 problems at 9 values of k with 10,000 resamples."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.2, 1.5, 5_000)
    base, tuned = (Counts.of(1024, rng.binomial(1024, p_P)) for _ in range(2))
    start = time.perf_counter()
    paired_difference(base, tuned, k_grid(256), resamples=10_000)
    return time.perf_counter() - start


def parquet() -> float:
    """Seconds to read and count a Parquet file of 10M samples of 10,000 problems."""
    from edgewise.interop.read import read

    start = time.perf_counter()
    (samples,) = read(_samples())
    assert samples.outcomes is not None
    assert int(samples.outcomes.counts().n_P.sum()) == ROWS
    return time.perf_counter() - start


def _samples() -> Path:
    return Path(os.environ["EDGEWISE_BENCH_FOLDER"]) / "samples.parquet"


def write_samples() -> float:
    """Write that file, in a process of its own so that its memory is not part of what is measured."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, step = np.random.default_rng(0), 1_000_000
    schema = pa.schema([("problem_id", pa.string()), ("sample_id", pa.int32()), ("correct", pa.bool_())])
    with pq.ParquetWriter(_samples(), schema) as writer:
        for start in range(0, ROWS, step):
            row = np.arange(start, start + step)
            ids = np.char.mod("benchmark-problem-%07d", row // 1000)
            writer.write_table(pa.table([ids, (row % 1000).astype(np.int32), rng.random(step) < 0.1], schema=schema))
    return 0.0


# name -> what is measured, its target in seconds, and in GB of memory where there is one.
MEASURED: dict[str, tuple[Callable[[], float], float, float | None]] = {
    "million_problems": (million_problems, 10.0, None),
    "bootstrap": (bootstrap, 10.0, None),
    "parquet": (parquet, 120.0, 2.0),
}


def measure(name: str) -> None:
    """Run one measurement here and print its seconds and this process's peak memory in GB."""
    seconds = write_samples() if name == "write_samples" else MEASURED[name][0]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"seconds": seconds, "peak_gb": peak}))


def main(names: list[str]) -> None:
    """Measure each named thing REPEATS times and write the medians."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"EDGEWISE_BENCH_FOLDER": folder}

        def run(name: str) -> dict[str, float]:
            command = [sys.executable, __file__, "--measure", name]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            found: dict[str, float] = json.loads(done.stdout)
            return found

        for name in names or list(MEASURED):
            function, target, target_gb = MEASURED[name]
            if name == "parquet":
                run("write_samples")
            runs = [run(name) for _ in range(REPEATS)]
            results.append(
                {
                    "name": name,
                    "what": (function.__doc__ or "").strip(),
                    "seconds": statistics.median(run["seconds"] for run in runs),
                    "target_seconds": target,
                    "peak_gb": max(run["peak_gb"] for run in runs),
                    "target_gb": target_gb,
                    "repeats": REPEATS,
                    "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
                    f"numpy {np.__version__}",
                    "load_before": os.getloadavg()[0],
                }
            )
            print(f"{name}: {results[-1]['seconds']:.2f} s (target {target:.0f}), peak {results[-1]['peak_gb']:.2f} GB")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        main(sys.argv[1:])
