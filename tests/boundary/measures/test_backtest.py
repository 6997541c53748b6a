from __future__ import annotations

import pytest

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.backtest import backtest
from edgewise.outcomes.counts import Counts
from tests.boundary.measures.test_population import draw


def test_backtest_sees_the_plain_overshoot_and_not_one_of_the_zero_inflated() -> None:
    result = backtest(draw(0.3, 0.5, 1.5, 500, 1024, 0)[1], bootstrap=Bootstrap(60))
    assert result is not None
    assert (result.fitted_n, result.k) == (128, 896)
    assert result.error.low < 0 < result.error.high
    assert result.plain_error.low > 0
    for error, predicted in ((result.error, result.predicted), (result.plain_error, result.plain_predicted)):
        assert error.value == pytest.approx(predicted.value - result.observed.value)


def test_backtest_error_covers_zero_where_the_shape_is_right() -> None:
    tests = [backtest(draw(0.2, 0.4, 2, 200, 128, seed)[1], bootstrap=Bootstrap(20, seed)) for seed in range(5)]
    assert sum(one is not None and one.error.low <= 0 <= one.error.high for one in tests) >= 4


def test_backtest_needs_four_samples_to_fit() -> None:
    assert backtest(Counts.of(31, [3] * 9)) is None
    unequal = backtest(Counts.of([32, 64, 32, 64], [3, 5, 0, 9]), bootstrap=Bootstrap(3))
    assert unequal is not None and (unequal.fitted_n, unequal.k) == (4, 28)
