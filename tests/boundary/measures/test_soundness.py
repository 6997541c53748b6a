from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.sensitivity import sensitivity
from edgewise.boundary.measures.soundness import (
    SoundCounts,
    corrected_cot_pass_at_k,
    cot_pass_at_k,
    verifier_floor,
)
from edgewise.boundary.measures.verifier_errors import VerifierLabels, voted_rate
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import Outcomes

PERFECT = VerifierLabels(0, 1000, 1000, 1000)


def sound_counts(n: int, correct: Sequence[int] | IntArray, sound: Sequence[int] | IntArray) -> SoundCounts:
    problems = len(correct)
    names = np.array([f"{i:05d}" for i in range(problems)])
    return SoundCounts(names, np.full(problems, n), np.asarray(correct), np.asarray(sound))


def sampled(problems: int, n: int, answer: float, sound_share: float, fpr: float, tpr: float, seed: int) -> SoundCounts:
    rng = np.random.default_rng(seed)
    correct_P = rng.binomial(n, answer, problems)
    sound_P = rng.binomial(correct_P, sound_share)
    return sound_counts(n, correct_P, rng.binomial(sound_P, tpr) + rng.binomial(correct_P - sound_P, fpr))


@pytest.mark.parametrize(("needed", "calls", "expected"), [(1, 3, 0.946), (1, 1, 0.641), (3, 3, 0.003)])
def test_errors_of_the_verifier_alone_reach_most_problems(needed: int, calls: int, expected: float) -> None:
    """No chain is sound, one of fifty answers is right, and the verifier passes one unsound chain in twenty."""
    fpr = voted_rate(0.05, calls, needed)
    assert 1 - (1 - 0.02 * fpr) ** 1024 == pytest.approx(expected, abs=5e-4)
    lucky = sound_counts(50 * 4096, [4096], [0])
    assert verifier_floor(lucky, 1024, fpr) == pytest.approx(expected, abs=2e-3)


def test_is_pass_at_k_of_samples_right_and_sound() -> None:
    assert cot_pass_at_k(8, [3, 3, 0], [2, 0, 0], 4) == pytest.approx([0.785714, 0, 0], abs=1e-6)
    assert np.isnan(cot_pass_at_k(4, 2, 1, 5))


def test_counts_come_from_the_verdicts_on_answer_and_process() -> None:
    rollouts = Outcomes.of(
        problem=["a"] * 5 + ["b"], sample=[0, 1, 2, 3, 4, 0], answer=[1, 1, 1, 0, -1, 0], process=[1, 0, -1, 1, 1, 0]
    )
    found = SoundCounts.of(rollouts)
    assert (found.n_P.tolist(), found.correct_P.tolist(), found.sound_P.tolist()) == ([5, 1], [3, 0], [1, 0])
    with pytest.raises(InputError, match="process: "):
        SoundCounts.of(Outcomes.of(problem=["a"], sample=[0], answer=[1]))


def test_without_errors_the_correction_changes_nothing() -> None:
    counts = sound_counts(16, [0, 3, 16, 9, 12], [0, 3, 16, 2, 1])
    for k in (1, 5, 8, 16):
        found = corrected_cot_pass_at_k(counts, k, PERFECT, bootstrap=Bootstrap(50))
        expected = np.mean(pass_at_k(16, counts.sound_P, k))
        assert (found.observed.value, found.corrected.value) == pytest.approx((expected, expected), abs=1e-12)
        assert found.verifier_floor == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_correction_is_unbiased_over_every_pattern_of_verdicts(k: int) -> None:
    """Each of 3 samples is wrong, right and passed, or right and not passed with 2, 1 and 1 chances in 4."""
    patterns = list(product(("wrong", "wrong", "passed", "failed"), repeat=3))
    correct = [sum(one != "wrong" for one in pattern) for pattern in patterns]
    passed = [sum(one == "passed" for one in pattern) for pattern in patterns]
    found = corrected_cot_pass_at_k(
        sound_counts(3, correct, passed), k, VerifierLabels(20, 100, 90, 100), bootstrap=Bootstrap(10)
    )
    truth = (0.25 - 0.2 * 0.5) / (0.9 - 0.2)
    assert found.corrected.value == pytest.approx(1 - (1 - truth) ** k, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_the_verifier_floor_is_the_share_of_subsets_with_an_error(k: int) -> None:
    n, correct, fpr = 7, 4, 0.3
    subsets = [sum(i < correct for i in one) for one in combinations(range(n), k)]
    expected = np.mean([1 - (1 - fpr) ** right for right in subsets])
    assert verifier_floor(sound_counts(n, [correct], [0]), k, fpr) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "k"), [(16384, 8192), (16384, 1), (1024, 1023), (4096, 1024)])
def test_many_samples_lose_no_precision(n: int, k: int) -> None:
    counts = sound_counts(n, [0, 1, 5, n // 3, n], [0, 1, 2, n // 4, n])
    found = corrected_cot_pass_at_k(counts, k, PERFECT, bootstrap=Bootstrap(1))
    assert found.corrected.value == pytest.approx(found.observed.value, abs=1e-10)


def test_sound_solutions_are_not_made_of_errors() -> None:
    """Observed CoT-pass@128 is 0.12 though no chain is sound; the corrected interval reaches down to 0."""
    seen, low = [], []
    for seed in range(12):
        lucky = sampled(80, 512, 0.02, 0.0, 0.05, 0.9, seed)
        found = corrected_cot_pass_at_k(lucky, 128, VerifierLabels(50, 1000, 900, 1000), bootstrap=Bootstrap(300))
        seen.append(found.observed.value)
        low.append(found.corrected.low)
        assert found.verifier_floor == pytest.approx(found.observed.value, abs=0.06)
    assert np.mean(seen) == pytest.approx(1 - (1 - 0.001) ** 128, abs=0.02)
    assert sum(one > 0 for one in low) <= 1


def test_the_corrected_interval_covers_the_truth() -> None:
    covered, n, k = 0, 512, 64
    truth = 1 - (1 - 0.05 * 0.4) ** k
    for seed in range(40):
        rng = np.random.default_rng((9, seed))
        labels = VerifierLabels(int(rng.binomial(200, 0.1)), 200, int(rng.binomial(200, 0.85)), 200)
        found = corrected_cot_pass_at_k(sampled(60, n, 0.05, 0.4, 0.1, 0.85, seed), k, labels, bootstrap=Bootstrap(300))
        covered += found.corrected.low <= truth <= found.corrected.high
        assert found.corrected.high - found.corrected.low < 0.5
    assert covered >= 38


def test_too_few_labels_leave_everything_open() -> None:
    found = corrected_cot_pass_at_k(
        sound_counts(64, [10] * 5, [8] * 5), 16, VerifierLabels(1, 3, 3, 3), bootstrap=Bootstrap(50)
    )
    assert (found.corrected.low, found.corrected.high) == (0, 1)
    assert found.fpr.low < 1 / 3 < found.fpr.high


def test_values_beyond_any_float_stay_finite() -> None:
    wild = corrected_cot_pass_at_k(sound_counts(2048, [2048] * 3, [0, 0, 2048]), 1024, VerifierLabels(49, 100, 50, 100))
    assert 0 <= wild.corrected.low <= wild.corrected.value <= wild.corrected.high <= 1


def test_bad_input() -> None:
    counts = sound_counts(8, [3, 4], [1, 2])
    with pytest.raises(InputError, match="sound <= correct <= n"):
        sound_counts(8, [3], [4])
    with pytest.raises(InputError, match="sound <= correct <= n"):
        cot_pass_at_k(2, 3, 1, 1)
    with pytest.raises(InputError, match="one number for each of 1 problems"):
        SoundCounts(np.array(["a"]), np.array([1, 2]), np.array([0]), np.array([0]))
    with pytest.raises(InputError, match="k: 9"):
        corrected_cot_pass_at_k(counts, 9, PERFECT)
    with pytest.raises(InputError, match="other ones in tuned"):
        sensitivity(counts, sound_counts(8, [3], [1]), 2)
    with pytest.raises(InputError, match="fprs: "):
        sensitivity(counts, counts, 2, fprs=[0.1, 0.1])
    with pytest.raises(InputError, match="fpr, tpr"):
        sensitivity(counts, counts, 2, tpr=0.1)
