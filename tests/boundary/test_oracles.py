"""Our numbers beside those of other tools, as recorded by oracles/make.py, and where they differ."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.cover import cover
from edgewise.boundary.measures.max_at_k import max_at_k
from edgewise.boundary.measures.reliability import g_pass_at_k, mean_g_pass_at_k, pass_hat_k
from edgewise.boundary.measures.voting import majority_vote
from edgewise.outcomes.counts import Counts
from edgewise.outcomes.outcomes import Outcomes


def recorded(tool: str) -> Any:
    return json.loads((Path(__file__).parent / "oracles" / f"{tool}.json").read_text(encoding="utf-8"))


def column(records: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([record[name] for record in records])


def said(marks: list[int], answers: list[str]) -> Outcomes:
    names, codes = np.unique(answers, return_inverse=True)
    return Outcomes(
        problem=np.array(["one"]),
        level=np.array([0]),
        problem_S=np.zeros(len(marks), dtype=np.int32),
        sample_S=np.arange(len(marks)),
        answer_S=np.array(marks, dtype=np.int8),
        predicted_S=codes.astype(np.int32),
        answers=tuple(names.tolist()),
    )


def test_scorio_counts_the_same_subsets() -> None:
    found = recorded("scorio")
    counts, taus = found["counts"], np.array(found["taus"])
    n, c, k = (column(counts, name) for name in "nck")
    assert n.size > 100 and n.max() == 128
    assert pass_at_k(n, c, k) == pytest.approx(column(counts, "pass_at_k"), abs=1e-12)
    assert pass_hat_k(n, c, k) == pytest.approx(column(counts, "pass_hat_k"), abs=1e-12)
    assert mean_g_pass_at_k(n, c, k) == pytest.approx(column(counts, "mean_g_pass_at_k"), abs=1e-12)
    ours = g_pass_at_k(n[:, None], c[:, None], k[:, None], taus)
    assert ours == pytest.approx(column(counts, "g_pass_at_k"), abs=1e-12)


def test_scorio_and_we_agree_on_the_best_of_graded_samples() -> None:
    for record in recorded("scorio")["graded"]:
        ours = [max_at_k(record["scores"], k) for k in range(1, len(record["scores"]) + 1)]
        assert ours == pytest.approx(record["max_at_k"], abs=1e-12)


def test_scorios_majority_is_of_correct_samples_ours_of_answers() -> None:
    # With one right and one wrong answer and odd k both ask for the same; with even k it calls a tie
    # lost and we share it; with several wrong answers a minority of right ones wins a vote.
    counts = [record for record in recorded("scorio")["counts"] if record["n"] == 8]
    for record in counts:
        n, c, k = record["n"], record["c"], record["k"]
        tied = comb(c, k // 2) * comb(n - c, k // 2) / comb(n, k) if k % 2 == 0 else 0.0
        ours = majority_vote(said([1] * c + [0] * (n - c), ["right"] * c + ["wrong"] * (n - c)), [k], subsets=1000)
        expected = record["strict_majority_at_k"] + tied / 2
        assert ours.value_K[0] == pytest.approx(expected, abs=4.5 * ours.monte_carlo_error_K[0] + 1e-12)
    spread = majority_vote(said([1, 1, 1, 0, 0, 0, 0, 0], list("aaabbcde")), [8])
    assert spread.value_K[0] == 1.0
    assert next(one for one in counts if (one["c"], one["k"]) == (3, 8))["strict_majority_at_k"] == 0.0


def test_a_flat_prior_solves_half_of_what_was_never_solved() -> None:
    # scorio's posterior mean of pass@k under Beta(1, 1): 128 samples, none correct, k = 128.
    counts = recorded("scorio")["counts"]
    never = next(one for one in counts if (one["n"], one["c"], one["k"]) == (128, 0, 128))
    assert never["posterior_pass_at_k"] == pytest.approx(0.498, abs=5e-4)
    assert pass_at_k(128, 0, 128) == 0.0


def test_the_posterior_behind_cover_is_scorios_under_its_prior() -> None:
    u = (np.arange(4000) + 0.5) / 4000
    for record in recorded("scorio")["counts"][::9]:
        taus = 1 - u ** (1 / record["k"])
        ours = cover(
            Counts.of(record["n"], [record["c"]]), taus.tolist(), prior=(1.0, 1.0, 0.0), bootstrap=Bootstrap(1)
        )
        assert ours.value_H.mean() == pytest.approx(record["posterior_pass_at_k"], abs=1e-3)


def test_inspects_reducers_count_the_same_subsets() -> None:
    counts = recorded("inspect_ai")["counts"]
    n, c, k = (column(counts, name) for name in "nck")
    assert pass_at_k(n, c, k) == pytest.approx(column(counts, "pass_at"), abs=1e-12)
    assert pass_hat_k(n, c, k) == pytest.approx(column(counts, "pass_k"), abs=1e-12)
    assert g_pass_at_k(n, c, n, k / n) == pytest.approx(column(counts, "at_least"), abs=1e-12)


def test_inspect_drops_unscored_samples_and_we_keep_them_in_n() -> None:
    # One correct, one wrong, two unscored: dropping them makes two draws a certainty.
    for record in recorded("inspect_ai")["unscored"]:
        n, c, k = record["n"], record["c"], record["k"]
        assert record["pass_at"] == pytest.approx(pass_at_k(n - record["unscored"], c, k))
        assert record["pass_at"] > pass_at_k(n, c, k)
    assert pass_at_k(4, 1, 2) == 0.5


def test_verls_best_at_n_draws_with_replacement_and_misses_what_it_saw() -> None:
    one_of_four = recorded("verl")["problems"][0]
    assert one_of_four["marks"] == [1, 0, 0, 0]
    assert one_of_four["metrics"]["best@4/mean"] == pytest.approx(0.687, abs=5e-4)
    assert pass_at_k(4, 1, 4) == 1.0
    assert max_at_k([1, 0, 0, 0], 4) == 1.0


@pytest.mark.parametrize("at", range(4))
def test_verls_numbers_are_the_biased_plug_in(at: int) -> None:
    record = recorded("verl")["problems"][at]
    n, c = len(record["marks"]), sum(record["marks"])
    for k in (2, 4, 8)[: n.bit_length() - 2]:
        plug_in = 1 - (1 - c / n) ** k
        # 1,000 resamples: four standard errors.
        assert record["metrics"][f"best@{k}/mean"] == pytest.approx(plug_in, abs=0.063)
        assert pass_at_k(n, c, k) > plug_in


def test_verls_vote_is_taken_among_repeats_of_the_same_samples() -> None:
    record = recorded("verl")["problems"][3]
    outcomes = said(record["marks"], record["said"])
    # Two of eight say "a" (right), two say "b", the others differ: the vote of all eight is a tie of two.
    assert majority_vote(outcomes, [8]).value_K[0] == 0.5
    assert record["metrics"]["maj@8/mean"] < 0.4
