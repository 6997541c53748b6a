"""pass@k at the best decoding for each k, chosen and measured on different samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.means import mean_interval
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, integers, require_same_problems


@dataclass(frozen=True, eq=False)
class Envelope:
    """Mean pass@k at the decoding that is best for each k, with a pointwise interval.

    `decoding_K` names the decoding chosen at each k ("" where no decoding has enough samples) by its
    pass@k on one part of the samples, of `n_choice` or more a problem; `value_K`, `low_K` and
    `high_K` are its pass@k on the other part, of `n` or more. `decodings` are those compared.
    """

    k_K: IntArray
    decoding_K: tuple[str, ...]
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    decodings: tuple[str, ...]
    n_choice: int
    n: int
    problems: int
    bootstrap: Bootstrap


def envelope(
    by_decoding: Mapping[str, Counts],
    ks: Sequence[int],
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Envelope:
    """pass@k of one model at the decoding (a temperature, for example) that is best for each k.

    Every problem's samples are dealt at random into two halves. The decoding with the highest mean
    pass@k on the first half (the first named of equals) is measured on the second: the highest
    of several noisy values overstates its own, a fresh draw does not. Both halves need k samples.

    Raises InputError when no decoding is given, they do not hold the same problems, a problem has
    only one sample, and for k < 1.
    """
    chosen = best_decoding(by_decoding, ks, seed=bootstrap.seed)
    first = next(iter(by_decoding.values()))
    low_K, high_K = mean_interval(chosen.values_PK, bootstrap.confidence, (0.0, 1.0), first.cluster_P)
    return Envelope(
        k_K=integers("ks", ks),
        decoding_K=chosen.decoding_K,
        value_K=chosen.values_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        decodings=tuple(by_decoding),
        n_choice=chosen.n_choice,
        n=chosen.n,
        problems=first.problems,
        bootstrap=bootstrap,
    )


@dataclass(frozen=True, eq=False)
class BestDecoding:
    """Every problem's pass@k at the decoding that is best for each k, and which that is ("" for none).

    It was chosen on `n_choice` samples of each problem or more, and `values_PK` is from the `n` or more others.
    """

    values_PK: FloatArray
    decoding_K: tuple[str, ...]
    n_choice: int
    n: int


def best_decoding(by_decoding: Mapping[str, Counts], ks: Sequence[int], *, seed: int) -> BestDecoding:
    """Choose the decoding of each k on one half of the samples and measure it on the other, as `envelope` says.

    `seed` is that of the deal. Raises InputError as `envelope`.
    """
    if not by_decoding:
        raise InputError("by_decoding: none given; at least one decoding is needed")
    decodings, every = tuple(by_decoding), list(by_decoding.values())
    for other in every[1:]:
        require_same_problems(every[0], other)
    # Halves dealt with one seed would be correlated between decodings, and with them choice and value.
    seeds = np.random.SeedSequence((seed, 31)).generate_state(len(every))
    halves = [counts.deal(counts.n_P // 2, int(its_seed)) for counts, its_seed in zip(every, seeds, strict=True)]
    k_K = integers("ks", ks)
    choice_DK = np.stack([problem_pass_at_k(first, k_K).mean(axis=0) for first, _ in halves])
    choice_DK = np.nan_to_num(choice_DK, nan=-1.0)
    best_K, possible_K = choice_DK.argmax(axis=0), choice_DK.max(axis=0) >= 0
    values_PK = np.stack([problem_pass_at_k(second, k_K) for _, second in halves])[best_K, :, np.arange(k_K.size)].T
    return BestDecoding(
        values_PK=np.where(possible_K, values_PK, np.nan),
        decoding_K=tuple(decodings[best_K[j]] if possible_K[j] else "" for j in range(k_K.size)),
        n_choice=min(first.n for first, _ in halves),
        n=min(second.n for _, second in halves),
    )
