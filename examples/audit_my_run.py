"""Audit a run of your own from Python: what tuning did to what the model can solve.

    python examples/audit_my_run.py base.jsonl tuned.jsonl report/

Each file has a row per sample: `problem_id`, `correct`, and whatever else was recorded (docs/audit.md). The same can be
said from arrays, without a file: `verdict_of` takes the verdicts of your own verifier.
"""

import sys
from pathlib import Path

import numpy as np

from edgewise import Outcomes, audit
from edgewise.boundary import Audit
from edgewise.interop import read_arms
from edgewise.report.folder import write_report


def verdict_of(base_correct_PG: np.ndarray, tuned_correct_PG: np.ndarray) -> Audit:
    """Audit two tables of verdicts, problems x samples, 1 where the sample was correct."""

    def outcomes(correct_PG: np.ndarray) -> Outcomes:
        problems, samples = correct_PG.shape
        return Outcomes.of(
            problem=[f"problem {p}" for p in range(problems) for _ in range(samples)],
            sample=np.tile(np.arange(samples), problems),
            answer=correct_PG.ravel(),
        )

    return audit({"base": outcomes(base_correct_PG), "tuned": outcomes(tuned_correct_PG)})


def main(base: str, tuned: str, out: str) -> None:
    """Read both files, audit, print the verdict and write report.html, boundary.json, tables and figures."""
    arms = read_arms([f"base={base}", f"tuned={tuned}"])
    result = audit(arms.samples, concerns=arms.concerns)
    for name, part in result.verdict.parts.items():
        print(f"{name}: {part}")
    print(write_report(result, Path(out), examples={}, prompts=arms.prompts))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: python examples/audit_my_run.py BASE TUNED REPORT_FOLDER", file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
