"""The law of a next token, worked out directly in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewise.sampling.base import SamplingSpec

Floats = NDArray[np.float64]


def probabilities(logits_V: ArrayLike, law: SamplingSpec) -> Floats:
    """Softmax at the temperature, cut to the fewest likeliest tokens that together reach top_p."""
    scaled = np.asarray(logits_V, dtype=np.float64) / law.temperature
    p_V = np.exp(scaled - scaled.max())
    p_V /= p_V.sum()
    if law.top_p == 1:
        return np.asarray(p_V)
    kept: list[int] = []
    for token in np.argsort(-p_V):
        kept.append(int(token))
        if p_V[kept].sum() >= law.top_p:
            break
    cut_V = np.zeros_like(p_V)
    cut_V[kept] = p_V[kept]
    return np.asarray(cut_V / cut_V.sum())
