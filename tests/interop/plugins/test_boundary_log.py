"""The look at each validation: the audit's own numbers, kept over a resumed run, and nothing where there is no base."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary.audit.audit import audit
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.curves import curve
from edgewise.boundary.verdict.labels import LABELS
from edgewise.interop.plugins.boundary_log import BASE, BoundaryLog
from edgewise.outcomes.outcomes import Outcomes

SAMPLES = 16


def outcomes(rate: float, *, problems: int = 60, process: bool = True, seed: int = 0) -> Outcomes:
    """Samples of problems whose pass rates lie around `rate`; every 20th is unscorable."""
    rng = np.random.default_rng(seed)
    rate_P = rng.beta(2 * rate, 2 * (1 - rate), problems)
    answer_PG = (rng.random((problems, SAMPLES)) < rate_P[:, None]).astype(np.int8)
    answer_PG.flat[::20] = -1
    process_PG = np.where(rng.random(answer_PG.shape) < 0.2, np.minimum(answer_PG, 0), answer_PG)
    return Outcomes.of(
        problem=[f"p{p:03d}" for p in range(problems) for _ in range(SAMPLES)],
        sample=list(range(SAMPLES)) * problems,
        answer=answer_PG.ravel(),
        process=process_PG.ravel() if process else None,
        truncated=np.zeros(answer_PG.size, dtype=bool),
    )


def test_the_numbers_are_those_of_the_audit(tmp_path: Path) -> None:
    base, tuned = outcomes(0.2), outcomes(0.7, seed=1)
    log = BoundaryLog(tmp_path)
    assert not any(name.startswith(("verdict", "difference", "solved")) for name in log.look(base, 0).metrics)
    look = log.look(tuned, 40)

    found = audit({"base": base, "tuned": tuned})
    (verdict,) = found.verdict.parts.values()
    of_answers = curve(tuned.counts("answer"), k_grid(SAMPLES))
    for k in (1, 2, 4, 8, 16):
        at_k = of_answers.at(k)
        assert look.metrics[f"answer/pass@{k}"] == pytest.approx(at_k.value)
        assert look.metrics[f"answer/pass@{k}/low"] == pytest.approx(at_k.low)
        assert look.metrics[f"answer/pass@{k}/high"] == pytest.approx(at_k.high)
    assert look.metrics["process/pass@1"] < look.metrics["answer/pass@1"]
    assert look.metrics[f"difference@{verdict.k}"] == pytest.approx(verdict.delta_k.value)
    assert look.metrics[f"difference@{verdict.k}/low"] == pytest.approx(verdict.delta_k.low)
    assert look.metrics[f"solved@{verdict.k}/gained"] == pytest.approx(verdict.solved.tuned_only.value)
    assert look.metrics["unscorable"] == pytest.approx(tuned.rates().unscorable) and look.metrics["unscorable"] > 0
    of_labels = {name: value for name, value in look.metrics.items() if name.startswith("verdict/")}
    assert len(of_labels) == len(LABELS) and sum(of_labels.values()) == 1
    assert of_labels[f"verdict/{verdict.label.replace(',', '').replace(' ', '_')}"] == 1
    assert str(verdict) in look.line


def test_a_resumed_run_is_compared_with_step_0(tmp_path: Path) -> None:
    base, tuned = outcomes(0.2), outcomes(0.7, seed=1)
    whole = BoundaryLog(tmp_path / "whole")
    whole.look(base, 0)
    BoundaryLog(tmp_path / "resumed").look(base, 0)
    assert BoundaryLog(tmp_path / "resumed").look(tuned, 40) == whole.look(tuned, 40)


def test_a_new_run_in_the_same_folder_begins_anew(tmp_path: Path) -> None:
    log = BoundaryLog(tmp_path)
    log.look(outcomes(0.2), 0)
    log.look(outcomes(0.7, seed=1), 0)
    (verdict,) = (n for n, v in log.look(outcomes(0.7, seed=1), 10).metrics.items() if n.startswith("verdict/") and v)
    assert verdict in ("verdict/unchanged", "verdict/cannot_tell")


def test_without_step_0_or_with_other_problems_there_is_no_verdict(tmp_path: Path) -> None:
    log = BoundaryLog(tmp_path)
    look = log.look(outcomes(0.7), 40)
    assert "no validation at step 0" in look.line and "answer/pass@1" in look.metrics
    assert not (tmp_path / BASE).exists()
    log.look(outcomes(0.2), 0)
    other = log.look(outcomes(0.7, problems=50), 40)
    assert "other problems" in other.line and not any("verdict" in name for name in other.metrics)


def test_one_sample_of_each_problem_has_no_pass_at_2(tmp_path: Path) -> None:
    one = Outcomes.of(problem=["a", "b"], sample=[0, 0], answer=[1, 0])
    look = BoundaryLog(tmp_path).look(one, 0)
    assert look.metrics["answer/pass@1"] == 0.5 and "answer/pass@2" not in look.metrics
    assert all(np.isfinite(value) for value in look.metrics.values())
