"""Samples whose dependence is known: independent draws of models of any entropy, copies, runs, stopped sampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewise.boundary import Outcomes
from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import BoolArray


def draws(
    rng: np.random.Generator, problems: int, n_P: IntArray | int, *, texts: int | None = None, runs: int = 1
) -> Outcomes:
    """Draws of problems with rates from Beta(0.4, 0.8). Each has so many texts of very different probabilities, or a
    text of its own for every draw. Of several `runs`, one after the other, each has a rate of its own: the intraclass
    correlation is .05.
    """
    n_P = np.broadcast_to(n_P, problems)
    problem_S = np.repeat(np.arange(problems), n_P)
    place_S = np.concatenate([np.arange(n) for n in n_P])
    rate_PR = np.repeat(rng.beta(0.4, 0.8, problems)[:, None], runs, axis=1)
    if runs > 1:
        rate_PR = rng.beta(np.maximum(19 * rate_PR, 1e-9), np.maximum(19 * (1 - rate_PR), 1e-9))
    right_S = rng.random(problem_S.size) < rate_PR[problem_S, place_S * runs // n_P[problem_S]]
    text_S = np.arange(1, problem_S.size + 1)
    if texts is not None:
        # Texts of a problem have probabilities that halve, so that common ones repeat and rare ones do not.
        text_S = 1 + np.minimum(rng.geometric(0.5 ** (4 / texts), problem_S.size), texts) * 2 + right_S
        text_S = np.where(rng.random(problems)[problem_S] < 0.3, 2 + right_S, text_S)
    return outcomes(problem_S, place_S, right_S, text_S)


def outcomes(problem_S: IntArray, sample_S: IntArray, right_S: BoolArray, text_S: IntArray | None = None) -> Outcomes:
    problems = int(problem_S.max()) + 1
    return Outcomes(
        problem=np.array([f"{place:06d}" for place in range(problems)]),
        level=np.zeros(problems, dtype=np.int64),
        problem_S=problem_S.astype(np.int32),
        sample_S=sample_S,
        answer_S=right_S.astype(np.int8),
        text_S=text_S,
    )


def copied(samples: Outcomes, times: int, order: str, rng: np.random.Generator) -> Outcomes:
    """Every sample so many times: "adjacent", in "blocks" one after the other, or "shuffled"; n is one number."""
    problems = len(samples.problem)
    place_PS = np.arange(samples.problem_S.size).reshape(problems, -1)
    copies_PS = np.repeat(place_PS, times, axis=1) if order == "adjacent" else np.tile(place_PS, (1, times))
    if order == "shuffled":
        copies_PS = rng.permuted(copies_PS, axis=1)
    return _of_rows(samples, copies_PS)


def partly_copied(samples: Outcomes, share: float, rng: np.random.Generator) -> Outcomes:
    """Each sample is with this probability a copy of the one before; then all are shuffled."""
    problems = len(samples.problem)
    place_PS = np.arange(samples.problem_S.size).reshape(problems, -1)
    is_copy_PS = rng.random(place_PS.shape) < share
    return _of_rows(samples, rng.permuted(np.where(is_copy_PS, np.roll(place_PS, 1, axis=1), place_PS), axis=1))


def without_texts(samples: Outcomes) -> Outcomes:
    return replace(samples, text_S=None)


def _of_rows(samples: Outcomes, row_PS: IntArray) -> Outcomes:
    problems, n = row_PS.shape
    row_S = row_PS.ravel()
    text_S = None if samples.text_S is None else samples.text_S[row_S]
    right_S = samples.answer_S[row_S] == 1
    return outcomes(np.repeat(np.arange(problems), n), np.tile(np.arange(n), problems), right_S, text_S)
