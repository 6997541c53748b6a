"""Log unbiased pass@k with intervals, solved sets and the verdict against step 0 while another trainer trains.

The numbers are those of `edgewise.audit`; nothing is computed here. Each validation is one look at a run: no claim
rests on it, and looking often finds something sooner or later. The claim is made once, by `edgewise audit` on what the
validations left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k
from edgewise.boundary.measures.curves import Curve, curve
from edgewise.boundary.verdict.labels import LABELS
from edgewise.boundary.verdict.verdict import BoundaryVerdict
from edgewise.outcomes.io import read_outcomes, write_outcomes
from edgewise.outcomes.outcomes import Outcomes

# The outcomes of step 0, kept beside the run so that one that is resumed has them.
BASE = "base_outcomes.parquet"


@dataclass(frozen=True)
class Look:
    """One validation: `metrics` for a tracker, numbers alone, and `line` for a person.

        answer/pass@8, .../low, .../high    mean over problems of the unbiased estimate, 95% interval for new problems
        unscorable, truncated               shares of samples
        difference@8, .../low, .../high     minus step 0, at the confidence of the verdict
        solved@8/gained, lost, both, neither, by_chance    expected numbers of problems (`SolvedSets`)
        verdict/LABEL                       1 for the label that the verdict has, else 0

    Values that are not defined, such as pass@k beyond the samples, are left out.
    """

    metrics: Mapping[str, float]
    line: str


class BoundaryLog:
    """Compares each validation of a run with that of step 0."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the outcomes of step 0."""
        self._kept = folder / BASE

    def look(self, outcomes: Outcomes, step: int) -> Look:
        """The metrics of a validation at `step`. That of step 0 is kept, and begins a run anew."""
        if step == 0:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            write_outcomes(outcomes, self._kept)
        metrics = _rates(outcomes) | _curves(outcomes)
        if step == 0:
            return Look(metrics, f"step 0: {_said(metrics)}; what follows is compared with it")
        if not self._kept.is_file():
            return Look(metrics, f"step {step}: {_said(metrics)}; no verdict, as there was no validation at step 0")
        base = read_outcomes(self._kept)
        if not np.array_equal(base.problem, outcomes.problem) or not np.array_equal(base.level, outcomes.level):
            return Look(metrics, f"step {step}: {_said(metrics)}; no verdict, as step 0 was asked other problems")
        verdict = next(iter(audit({"step 0": base, f"step {step}": outcomes}, measures=()).verdict.parts.values()))
        return Look(metrics | _against(verdict), f"step {step}: {_said(metrics)}. {verdict}")


def _rates(outcomes: Outcomes) -> dict[str, float]:
    rates = outcomes.rates()
    return _defined({"unscorable": rates.unscorable, "truncated": rates.truncated})


def _curves(outcomes: Outcomes) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in outcomes.metrics:
        counts = outcomes.counts(metric)
        found |= _of_curve(f"{metric}/", curve(counts, k_grid(counts.n)))
    return found


def _of_curve(prefix: str, of_model: Curve) -> dict[str, float]:
    found: dict[str, float] = {}
    for k in of_model.k_K.tolist():
        found |= _estimate(f"{prefix}pass@{k}", of_model.at(k))
    return found


def _against(verdict: BoundaryVerdict) -> dict[str, float]:
    solved = verdict.solved
    cells = {
        "gained": solved.tuned_only,
        "lost": solved.base_only,
        "both": solved.both,
        "neither": solved.neither,
        "by_chance": solved.floor,
    }
    found = _defined({f"solved@{solved.m}/{name}": cell.value for name, cell in cells.items()})
    found |= _estimate("difference@1", verdict.delta_1) | _estimate(f"difference@{verdict.k}", verdict.delta_k)
    return found | {f"verdict/{_word(label)}": float(label == verdict.label) for label in LABELS}


def _word(label: str) -> str:
    """A label as part of a metric's name."""
    return label.replace(",", "").replace(" ", "_")


def _estimate(name: str, estimate: Estimate) -> dict[str, float]:
    return _defined({name: estimate.value, f"{name}/low": estimate.low, f"{name}/high": estimate.high})


def _defined(values: Mapping[str, float | None]) -> dict[str, float]:
    """Those that are numbers: trackers take no NaN."""
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}


def _said(metrics: Mapping[str, float]) -> str:
    """pass@1 and the pass@k of the largest k that may be claimed, of answers."""
    ks = [int(name.partition("@")[2]) for name in metrics if name.startswith("answer/pass@") and name.count("/") == 1]
    shown = dict.fromkeys((1, max(k for k in ks if k <= max(1, largest_claimable_k(max(ks))))))
    return ", ".join(
        f"pass@{k} {metrics[f'answer/pass@{k}']:.3f}"
        f" [{metrics[f'answer/pass@{k}/low']:.3f}, {metrics[f'answer/pass@{k}/high']:.3f}]"
        for k in shown
    )
