"""Differences of training metrics, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.claims.ledger.training import MetricDifference
from edgewise.core.errors import InputError

from .planted import claim_outcomes

# Arm -> training seed -> step -> metrics. The second step of "b" measures no entropy.
RUNS: Mapping[str, Sequence[Sequence[Mapping[str, float]]]] = {
    "a": [[{"entropy": 1.0}, {"entropy": 0.5}], [{"entropy": 0.4}, {"entropy": 0.2}]],
    "b": [[{"entropy": 0.3}, {"kl": 1.0}], [{"entropy": 0.1}, {"entropy": 0.3}]],
}


def trained() -> ClaimOutcomes:
    outcomes = claim_outcomes(4, {"base": [[0, 1]] * 2, "a": [[0, 1]] * 2, "b": [[0, 1]] * 2})
    return replace(outcomes, training=lambda study, arm: RUNS[arm])


@pytest.mark.parametrize(("over", "expected"), [("last", [0.5 - 0.3, 0.2 - 0.3]), ("mean", [0.75 - 0.3, 0.3 - 0.2])])
def test_a_metric_of_an_arm_minus_that_of_another(over: Literal["last", "mean"], expected: list[float]) -> None:
    quantity = MetricDifference(name="q", arm="a", than="b", run_metric="entropy", over=over)
    assert np.allclose(quantity.measure(trained()).values, expected)
    assert quantity.by_answers() is None


def test_a_metric_that_one_run_lacks_is_not_a_number_and_one_that_all_lack_is_refused() -> None:
    quantity = MetricDifference(name="q", arm="a", than="b", run_metric="kl", over="last")
    assert np.isnan(quantity.measure(trained()).values).all()
    with pytest.raises(InputError, match="quantity 'q': no run has the metric 'loss'"):
        quantity.model_copy(update={"run_metric": "loss"}).measure(trained())


def test_before_a_run_it_has_no_value() -> None:
    quantity = MetricDifference(name="q", arm="a", than="b", run_metric="entropy", over="last")
    assert np.isnan(quantity.measure(replace(trained(), training=None)).values).all()
