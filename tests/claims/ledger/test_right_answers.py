"""Quantities of right answers by hand: how many are found, whether the rarest gains, and what is not listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from edgewise.claims.ledger.gold import OutcomesWithGold
from edgewise.claims.ledger.right_answers import AnswersFound, ExactGain, RarestGains
from edgewise.core.errors import InputError

from .planted import claim_outcomes

COUNTS = claim_outcomes(4, {"base": [[0, 1]] * 3, "tuned": [[1, 1]] * 3})
# Probabilities of the right answers of problems 0000 and 0001, at each seed.
BASE = {"0000": [0.5, 0.1], "0001": [0.2, 0.3, 0.4]}
TUNED = ({"0000": [0.6, 0.2], "0001": [0.1, 0.4, 0.5]}, {"0000": [0.9, 0.05], "0001": [0.3, 0.3, 0.4]}, BASE)


def planted(lacking: str = "") -> OutcomesWithGold:
    def answers(study: str, arm: str) -> list[Mapping[str, Sequence[float]]]:
        of_seeds = (BASE,) * 3 if arm == "base" else TUNED
        return [
            {problem: np.log(p_A).tolist() for problem, p_A in of_seed.items() if problem != lacking}
            for of_seed in of_seeds
        ]

    return OutcomesWithGold(COUNTS.seeds, COUNTS.by_study, answers=answers)


def test_the_expected_number_of_different_answers_found() -> None:
    found = AnswersFound(name="found", arm="base", region="all", samples=2)
    first, second = 0.75 + 0.19, 0.36 + 0.51 + 0.64
    np.testing.assert_allclose(found.measure(planted()).values, [[first] * 3, [second] * 3])
    assert found.by_answers() is None


def test_the_gain_in_the_probability_of_being_right() -> None:
    gain = ExactGain(name="gain", arm="tuned", region="all")
    np.testing.assert_allclose(gain.measure(planted()).values, [[0.2, 0.35, 0], [0.1, 0.1, 0]], atol=1e-12)


def test_whether_the_answer_that_the_base_gives_least_often_gains() -> None:
    rarest = RarestGains(name="rarest", arm="tuned", region="all")
    np.testing.assert_array_equal(rarest.measure(planted()).values, [[1, 0, 0], [0, 1, 0]])


def test_what_was_not_evaluated_has_no_value_and_a_problem_without_a_list_is_named() -> None:
    rarest = RarestGains(name="rarest", arm="tuned", region="all")
    assert np.isnan(rarest.measure(COUNTS).values).all()
    assert rarest.measure(COUNTS).values.shape == (2, 3)
    with pytest.raises(InputError, match="quantity 'rarest': problem '0001' has no list of right answers"):
        rarest.measure(planted(lacking="0001"))
