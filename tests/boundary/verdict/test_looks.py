"""Looks at growing samples: fixed beforehand, alpha spent once, and two draws of one model rarely said to differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from edgewise.boundary.verdict.facts import Facts
from edgewise.boundary.verdict.labels import LABELS
from edgewise.boundary.verdict.looks import is_decided, plan_looks
from edgewise.boundary.verdict.verdict import boundary_verdict
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts

PROBLEMS, MOST = 60, 64


def test_looks_double_and_spend_alpha_once() -> None:
    plan = plan_looks(128)
    looks = plan.looks
    assert plan.k == 8 and [look.n for look in looks] == [16, 32, 64, 128]
    assert sum(look.alpha for look in looks) == pytest.approx(0.05, abs=1e-12)
    assert [look.alpha for look in looks] == pytest.approx([0.05 * share / 15 for share in (1, 2, 4, 8)])


def test_a_k_leaves_out_the_looks_that_cannot_support_it() -> None:
    plan = plan_looks(128, 32, alpha=0.1)
    looks = plan.looks
    assert plan.k == 32 and [look.n for look in looks] == [64, 128]
    assert [look.alpha for look in looks] == pytest.approx([0.1 / 3, 0.2 / 3])
    assert plan.alpha_at(64) == looks[0].alpha and plan.alpha_at(65) is None
    assert plan_looks(100).looks[0].n == 13 and plan_looks(1) == plan_looks(1, 1)
    assert [look.n for look in plan_looks(5).looks] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 65}, "k: 65; a claim at k needs 2k samples, and n is 128"),
        ({"k": 0}, "k: 0"),
        ({"alpha": 0.0}, "alpha: 0.0"),
        ({"looks": 0}, "looks: 0; at least 1"),
    ],
)
def test_looks_that_support_nothing_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_looks(128, **options)  # type: ignore[arg-type]


def test_only_what_says_something_about_k_is_decided() -> None:
    decided = {
        facts
        for facts in (Facts("up", "same"), Facts("open", "extended"), Facts("same", "same"), Facts("down", "shrunk"))
    }
    assert all(map(is_decided, decided))
    assert not any(
        map(is_decided, (Facts("up", "open"), Facts("open", "open"), Facts("open", "same"), Facts("down", "open")))
    )


def label_at_the_end(base_rates: np.ndarray, tuned_rates: np.ndarray, draws: np.random.Generator) -> tuple[str, int]:
    """The label at which drawing stopped, and how many samples that took."""
    plan = plan_looks(MOST)
    base = Counts.of(MOST, draws.binomial(MOST, base_rates))
    solved = draws.random((PROBLEMS, MOST)) < tuned_rates[:, None]
    label = ""
    for look in plan.looks:
        tuned = Counts.of(look.n, solved[:, : look.n].sum(1))
        verdict = boundary_verdict(base, tuned, k=plan.k, alpha=look.alpha)
        label = verdict.label
        if is_decided(verdict.facts):
            return label, look.n
    return label, MOST


def errors_of(trials: int, seed: int) -> tuple[int, int]:
    """How often two draws of one model end as changed, and how often a change at 1 of twice the margin as unchanged."""
    draws = np.random.default_rng(seed)
    changed = unchanged = 0
    for _ in range(trials):
        rates = draws.beta(0.4, 1.2, PROBLEMS)
        label, _ = label_at_the_end(rates, rates, draws)
        changed += LABELS[label].changed  # type: ignore[index]
        lifted = rates + 0.1 * (1 - rates) / np.mean(1 - rates)
        label, _ = label_at_the_end(rates, np.clip(lifted, 0, 1), draws)
        unchanged += label == "unchanged"
    return changed, unchanged


def test_looking_several_times_errs_no_more_often_than_alpha() -> None:
    trials = 40
    changed, unchanged = errors_of(trials, 0)
    # What 5% would exceed in one of 200 such tests.
    most = stats.binom.ppf(0.995, trials, 0.05)
    assert changed <= most and unchanged <= most, (changed, unchanged)


@pytest.mark.slow
def test_the_error_over_all_looks_is_below_alpha() -> None:
    trials = 1000
    changed, unchanged = errors_of(trials, 1)
    for errors in (changed, unchanged):
        assert stats.beta.ppf(0.95, errors + 1, trials - errors) < 0.05, (changed, unchanged)


def test_a_clear_change_is_decided_before_all_samples_are_drawn() -> None:
    draws = np.random.default_rng(2)
    rates = draws.beta(0.4, 1.2, PROBLEMS) * 0.3
    ends = [label_at_the_end(rates, np.minimum(1, rates + 0.5), draws) for _ in range(5)]
    assert all(n < MOST and LABELS[label].changed for label, n in ends), ends  # type: ignore[index]
