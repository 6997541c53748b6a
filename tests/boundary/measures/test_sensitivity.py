from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.measures.sensitivity import sensitivity
from tests.boundary.measures.test_soundness import sound_counts


def test_the_conclusion_is_lost_where_errors_explain_it() -> None:
    """The verifier passed a tenth of the tuned model's right answers and a twentieth of the base's."""
    base, tuned = sound_counts(1000, [20] * 50, [1] * 50), sound_counts(1000, [40] * 50, [4] * 50)
    found = sensitivity(base, tuned, 100)
    assert found.difference_F[0] == pytest.approx(pass_at_k(1000, 4, 100) - pass_at_k(1000, 1, 100), abs=1e-9)
    assert found.sign_lost_at == pytest.approx(0.11)
    assert 0.05 < found.interval_lost_at <= found.sign_lost_at
    assert found.difference_F[10:] == pytest.approx(np.zeros(11), abs=0.05)
    turned = sensitivity(tuned, base, 100)
    assert turned.difference_F == pytest.approx(-found.difference_F)
    assert turned.sign_lost_at == found.sign_lost_at


def test_a_conclusion_that_errors_cannot_explain_is_never_lost() -> None:
    found = sensitivity(
        sound_counts(1000, [20] * 50, [10] * 50), sound_counts(1000, [40] * 50, [36] * 50), 10, tpr=0.95
    )
    assert math.isnan(found.sign_lost_at)
    assert math.isnan(found.interval_lost_at)
    assert (found.low_F > 0).all()
