"""The distribution of a next token, worked out directly in float64, and whether counts follow a distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from edgewise.sampling.params import SamplingParams

Floats = NDArray[np.float64]


def probabilities(logits_V: ArrayLike, params: SamplingParams) -> Floats:
    """Softmax at the temperature, cut to the fewest likeliest tokens that together reach top_p."""
    scaled = np.asarray(logits_V, dtype=np.float64) / params.temperature
    p_V = np.exp(scaled - scaled.max())
    p_V /= p_V.sum()
    if params.top_p == 1:
        return np.asarray(p_V)
    kept: list[int] = []
    for token in np.argsort(-p_V):
        kept.append(int(token))
        if p_V[kept].sum() >= params.top_p:
            break
    cut_V = np.zeros_like(p_V)
    cut_V[kept] = p_V[kept]
    return np.asarray(cut_V / cut_V.sum())


def fits(counts: ArrayLike, expected: ArrayLike) -> None:
    """Counts agree with a distribution: chi-square over the cells that expect five or more, nothing where it is 0."""
    n, p = np.asarray(counts, dtype=np.float64).ravel(), np.asarray(expected, dtype=np.float64).ravel()
    assert (n[p == 0] == 0).all(), "a token was drawn from outside the support"
    many = p * n.sum() >= 5
    cells = [*n[many], n[~many].sum()], [*(p[many] * n.sum()), p[~many].sum() * n.sum()]
    if cells[1][-1] < 1e-9:
        cells = cells[0][:-1], cells[1][:-1]
    assert len(cells[0]) > 1
    assert stats.chisquare(*cells).pvalue > 1e-3
