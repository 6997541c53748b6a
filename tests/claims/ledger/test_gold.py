"""The probability of gold solutions: its median over a region, and that a claim's run reads what evaluations wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.claims.ledger.gold import GoldProbability, OutcomesWithGold
from edgewise.claims.ledger.run import measured_claim, studies_of_claim
from edgewise.core.errors import InputError
from edgewise.core.spec import override
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.stages import read_gold_likelihood
from edgewise.study.study import Study
from tests.study.in_process import compute_in_this_process

from .planted import claim_outcomes
from .toy_claim import CLAIM

COUNTS = claim_outcomes(4, {"base": [[0, 0, 1]] * 3, "tuned": [[1, 0, 1]] * 3})
# Powers of ten of the probabilities of problems 0000 to 0002, of each seed; what is asked elsewhere plays no part.
POWERS = {
    "base": [[-6, -2, -1], [-5, -3, -1], [-8, -4, -1]],
    "tuned": [[-1, -1, -1], [-2, -1, -1], [-3, -3, -1]],
}


def planted(lacking: str = "") -> OutcomesWithGold:
    def gold(study: str, arm: str) -> list[dict[str, float]]:
        return [
            {
                problem: power * math.log(10)
                for problem, power in zip(("0000", "0001", "0002", "of another region"), [*powers, 0], strict=True)
                if problem != lacking
            }
            for powers in POWERS[arm]
        ]

    return OutcomesWithGold(COUNTS.seeds, COUNTS.by_study, gold=gold)


def test_the_median_over_a_region_in_powers_of_ten() -> None:
    quantity = GoldProbability(name="gold", arm="base", region="all")
    np.testing.assert_allclose(quantity.measure(planted()).values, [-2, -3, -4])
    gain = quantity.model_copy(update={"arm": "tuned", "than": "base"})
    np.testing.assert_allclose(gain.measure(planted()).values, [1, 2, 1])
    assert quantity.by_answers() is None


def test_what_was_not_evaluated_has_no_value_and_a_problem_without_one_is_named() -> None:
    quantity = GoldProbability(name="gold", arm="base", region="all")
    assert np.isnan(quantity.measure(COUNTS).values).all()
    assert np.isnan(quantity.measure(OutcomesWithGold(COUNTS.seeds, COUNTS.by_study)).values).all()
    with pytest.raises(InputError, match="quantity 'gold': problem '0001' has no gold likelihood"):
        quantity.measure(planted(lacking="0001"))


def test_a_run_reads_the_tables_of_its_evaluations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def studies(scale: str, seeds: tuple[int, ...], likelihood: str = "true") -> Mapping[str, Study]:
        (study,) = CLAIM.studies(scale, seeds).values()
        base, *arms = (
            override(next(iter(of_seed.values())), [f"gold_likelihood={likelihood}"])
            for of_seed in study.by_seed.values()
        )
        return {"": replace(study, base=base, arms=dict(zip(study.arms, arms, strict=True)))}

    quantity = GoldProbability(name="gold", arm="tuned", than="base", region="outside")
    claim = replace(CLAIM, studies=studies, quantities=(*CLAIM.quantities, quantity))
    compute_in_this_process(monkeypatch)
    of_claim = studies_of_claim(claim, "toy", (0,))
    store = run(of_claim.stages, Context(tmp_path))
    (value,) = (q.value for q in measured_claim(claim, (0,), of_claim, store).quantities if q.name == "gold")
    medians = {}
    for arm, evaluation in of_claim.by_name[""].evaluations.items():
        table = read_gold_likelihood(store.folder(evaluation))
        outside = np.array(table["level"].to_pylist()) == 2
        medians[arm] = np.median(np.array(table["logp"].to_pylist())[outside]) / math.log(10)
    assert value == pytest.approx(medians["tuned"] - medians["base"], abs=1e-6) and value != 0

    # An evaluation that was not asked for it has no table.
    without = replace(claim, studies=lambda scale, seeds: studies(scale, seeds, likelihood="false"))
    of_claim = studies_of_claim(without, "toy", (0,))
    with pytest.raises(InputError, match="evaluate with gold_likelihood=True"):
        measured_claim(without, (0,), of_claim, run(of_claim.stages, Context(tmp_path)))
