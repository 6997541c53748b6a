"""How fast and how large the audit's arithmetic is, each measurement in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import process
from benchmarks.findings import Findings, Measurement
from edgewise.boundary import Counts, curve, k_grid, paired_difference
from edgewise.boundary.inference.resampling import Bootstrap

ROWS = 10_000_000
SAMPLES = "samples.parquet"


def million_problems(folder: Path) -> float:
    """Seconds of both curves and their paired difference."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.2, 1.5, 1_000_000)
    base, tuned = (Counts.of(1024, rng.binomial(1024, p_P)) for _ in range(2))
    start = time.perf_counter()
    ks = k_grid(1024)
    curve(base, ks)
    curve(tuned, ks)
    paired_difference(base, tuned, ks)
    return time.perf_counter() - start


def bootstrap(folder: Path) -> float:
    """Seconds of the paired difference."""
    rng = np.random.default_rng(0)
    p_P = rng.beta(0.2, 1.5, 5_000)
    base, tuned = (Counts.of(1024, rng.binomial(1024, p_P)) for _ in range(2))
    start = time.perf_counter()
    paired_difference(base, tuned, k_grid(256), bootstrap=Bootstrap(10_000))
    return time.perf_counter() - start


def parquet(folder: Path) -> float:
    """Seconds of reading and counting what `write_samples` wrote."""
    from edgewise.interop import read_rollouts

    start = time.perf_counter()
    (samples,) = read_rollouts(folder / SAMPLES)
    assert samples.outcomes is not None
    assert int(samples.outcomes.counts().n_P.sum()) == ROWS
    return time.perf_counter() - start


def write_samples(folder: Path) -> float:
    """Write the file; in a process of its own, so that its memory is not part of what is measured."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, step = np.random.default_rng(0), 1_000_000
    schema = pa.schema([("problem_id", pa.string()), ("sample_id", pa.int32()), ("correct", pa.bool_())])
    with pq.ParquetWriter(folder / SAMPLES, schema) as writer:
        for start in range(0, ROWS, step):
            row = np.arange(start, start + step)
            ids = np.char.mod("benchmark-problem-%07d", row // 1000)
            writer.write_table(pa.table([ids, (row % 1000).astype(np.int32), rng.random(step) < 0.1], schema=schema))
    return 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured, its target in seconds, and in GB of memory where there is one."""

    seconds: Callable[[Path], float]
    what: str
    target: float
    target_gb: float | None = None


MEASURED = {
    "million_problems": Measured(
        million_problems, "curves and paired difference of 1e6 problems x 1024 samples, from counts", 10.0
    ),
    "bootstrap": Measured(
        bootstrap, "paired difference of 5,000 problems at 9 values of k with 10,000 resamples", 10.0
    ),
    "parquet": Measured(parquet, "a Parquet file of 10M samples of 10,000 problems read and counted", 120.0, 2.0),
}


def measure(repeats: int) -> Findings:
    """Seconds of each and its peak memory."""
    findings = Findings()
    with tempfile.TemporaryDirectory() as folder:
        process.call(__name__, "run", {"name": "write_samples", "folder": folder})
        for name, measured in MEASURED.items():
            runs = [process.call(__name__, "run", {"name": name, "folder": folder}) for _ in range(repeats)]
            seconds, peaks = ([run[part] for run in runs] for part in ("seconds", "peak_gb"))
            in_memory = f"{measured.what}: peak memory"
            findings.measurements.extend(
                (
                    Measurement.of(name, measured.what, "s", seconds, better="less", target=measured.target),
                    Measurement.of(f"{name}_memory", in_memory, "GB", peaks, better="less", target=measured.target_gb),
                )
            )
    return findings


def run(name: str, folder: str) -> dict[str, float]:
    """One measurement here: its seconds, and this process's peak memory in GB."""
    functions = {name: measured.seconds for name, measured in MEASURED.items()} | {"write_samples": write_samples}
    seconds = functions[name](Path(folder))
    return {"seconds": seconds, "peak_gb": process.peak_bytes() / 1e9}
