from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.verifier_errors import VerifierLabels, corrected_share, rogan_gladen, voted_rate
from edgewise.core.errors import InputError


def test_majority_of_three() -> None:
    assert voted_rate(0.2, 3, 2) == pytest.approx(3 * 0.2**2 * 0.8 + 0.2**3)


def test_rogan_gladen() -> None:
    assert rogan_gladen(0.3, 0.1, 0.9) == pytest.approx(0.25)
    assert rogan_gladen(0.05, 0.1, 0.9) == 0
    assert rogan_gladen(0.95, 0.1, 0.9) == 1
    with pytest.raises(InputError, match="fpr, tpr: "):
        rogan_gladen(0.5, 0.5, 0.5)


def test_the_corrected_share_covers_the_truth_although_no_error_was_seen() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = VerifierLabels(int(rng.binomial(50, 0.02)), 50, int(rng.binomial(50, 0.9)), 50)
        passed = rng.binomial(400, 0.3 * 0.9 + 0.7 * 0.02)
        found = corrected_share(int(passed), 400, labels, bootstrap=Bootstrap(500, seed))
        covered += found.low <= 0.3 <= found.high
    assert covered >= 182
    faultless = corrected_share(10, 200, VerifierLabels(0, 50, 50, 50))
    assert faultless.low < 0.01
    assert math.isnan(corrected_share(0, 0, VerifierLabels(0, 1000, 1000, 1000)).value)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="false_positives: 5 of 4 unsound"):
        VerifierLabels(5, 4, 1, 1)
    with pytest.raises(InputError, match="true_positives: 0 of 0 sound"):
        VerifierLabels(0, 4, 0, 0)
    with pytest.raises(InputError, match="fpr, tpr"):
        VerifierLabels(3, 4, 2, 4)
    with pytest.raises(InputError, match="needed: 4 of 3"):
        voted_rate(0.1, 3, 4)
    with pytest.raises(InputError, match="passed: 3 of 2"):
        corrected_share(3, 2, VerifierLabels(0, 50, 50, 50))
