"""The claim that RL compute follows a predictable sigmoid: its quantities by hand, and planted curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from edgewise.claims.compute_sigmoid import ARMS, CLAIM, LATE, MAIN, ONE, PLAIN, STEPS
from edgewise.claims.ledger.curves import EndError, FittedCeiling
from edgewise.core.spec import difference
from edgewise.scaling.points import Points
from edgewise.scaling.sigmoid import sigmoid
from edgewise.study.stages import RL

from .ledger.planted import planted_verdict

START, TOKENS = 0.06, 17_000.0
Curve = Callable[[np.ndarray], np.ndarray]


def predictable(step_N: np.ndarray) -> np.ndarray:
    return sigmoid(step_N, START, 0.9, 2.0, 8.0)


def late(step_N: np.ndarray) -> np.ndarray:
    """Half of the gain begins when the first half of the run is over."""
    return sigmoid(step_N, START, 0.5, 2.0, 8.0) + sigmoid(step_N, 0.0, 0.4, 12.0, 42.0)


def flat(step_N: np.ndarray) -> np.ndarray:
    """All of the gain is had at once, so that whoever says that nothing changes is right."""
    return np.where(step_N > 0, 0.9, START)


def run(curve: Curve, seed: int, scatter: float) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    right_N = (curve(np.arange(STEPS)) + rng.normal(0, scatter, STEPS)).clip(0, 1)
    return [
        {"process_correct": right, "answer_correct": right, "tokens": TOKENS * (step + 1)}
        for step, right in enumerate(right_N.tolist())
    ]


def planted(curves: dict[tuple[str, str], Curve], scatter: float) -> Callable[[str, str], list[list[dict[str, float]]]]:
    def training(study: str, arm: str) -> list[list[dict[str, float]]]:
        curve = curves.get((study, arm), late if study == LATE else predictable)
        return [run(curve, 100 * seed + ARMS.index(arm), scatter) for seed in range(5)]

    return training


@pytest.mark.parametrize(
    ("curves", "scatter", "answer"),
    [
        ({}, 0.02, "holds"),
        ({(ONE, arm): late for arm in ARMS}, 0.02, "does not hold"),
        ({(ONE, arm): flat for arm in ARMS}, 0.02, "cannot tell"),
        ({(ONE, MAIN): late}, 0.02, "does not hold"),
        ({}, 0.15, "cannot tell"),
    ],
    ids=["predictable", "late in all", "flat after the start", "late in the full recipe", "noisy"],
)
def test_planted_curves(curves: dict[tuple[str, str], Curve], scatter: float, answer: str) -> None:
    def rate_of(study: str, arm: str, region: str) -> float:
        return START if arm in ("base", "random reward") else 0.9

    found = planted_verdict(CLAIM, rate_of, training=planted(curves, scatter))
    assert found.answer == answer, found.reason


def points(values: Sequence[float]) -> Points:
    return Points.of(np.arange(len(values)) * TOKENS, values)


def test_the_error_at_the_end_is_what_is_predicted_less_what_is_reached() -> None:
    """Twenty steps: the half ends with step 9, its last quarter are 2 or 3 points, the run's are steps 15 to 19."""
    error = EndError(name="error", arms=(MAIN,), region="level 5", by="last")
    values = [0.1] * 8 + [0.3, 0.5] + [0.6] * 5 + [0.7, 0.8, 0.8, 0.8, 0.9]
    assert error.of_curve(points(values), START) == pytest.approx(0.4 - 0.8)
    assert error.model_copy(update={"size": True}).of_curve(points(values), START) == pytest.approx(0.4)


def test_half_of_a_true_sigmoid_says_where_it_ends() -> None:
    curve = points(predictable(np.arange(STEPS)).tolist())
    assert EndError(name="error", arms=(MAIN,), region="level 5").of_curve(curve, START) == pytest.approx(0, abs=1e-4)
    assert FittedCeiling(name="A", arms=(MAIN,), region="level 5").of_curve(curve, START) == pytest.approx(
        0.9, abs=1e-3
    )


def test_arms_differ_in_what_they_are_named_after() -> None:
    """Each arm is ScaleRL with one change, or two where a loss is compared on stale samples."""
    study = CLAIM.studies("nano", (0, 1))[ONE]
    runs = {arm: study.by_seed[arm]["0"].parent for arm in ARMS}
    changed = {arm: set(difference(runs[MAIN], run)) for arm, run in runs.items() if arm not in (MAIN, PLAIN)}
    assert all(isinstance(run, RL) for run in runs.values())
    behavior = "recipe.sampling.behavior"
    assert changed["stale samples"] == {f"{behavior}.staleness"}
    assert {name.rsplit(".", 1)[0] for name in changed["stale samples, PPO clip"]} == {behavior, "recipe.loss.function"}
    assert changed["noisy sampler"] == {f"{behavior}.logit_noise"}
    assert changed["half batch"] == {"recipe.sampling.samples"}
    assert changed["no filter"] == {"recipe.sampling.filters.drop_zero_variance"}
