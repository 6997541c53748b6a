"""Power sampling: sample completions from p(x)^alpha, the model's distribution sharpened over whole completions.

A control without training (Karan and Du 2025, arXiv 2510.14901): what RL gains beyond it is more
than making likely completions likelier. Temperature 1/alpha sharpens each token on its own; the
power distribution also weighs what can still follow it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import Engine, check_fits
from edgewise.sampling.params import PowerSamplingParams, SamplingParams
from edgewise.sampling.random_numbers import row_keys, uniform


@dataclass(frozen=True, slots=True)
class Walks:
    """Final states of G Markov chains for each of P problems, and what they cost.

    `completions.logp_PGT` are the model's own log-probabilities (temperature 1), because those of the power
    distribution are known only up to its normaliser. `sampled_PG` counts the tokens that a chain sampled, rejected
    ones included; `accepted_PG` counts its accepted moves, of `blocks` x `moves`.
    """

    completions: Completions
    sampled_PG: NDArray[np.int64]
    accepted_PG: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PowerSampler:
    """Samples from p(x)^alpha by Metropolis-Hastings; a `Sampler` of `PowerSamplingParams`.

    Target: pi(x) ~ p(x)^alpha over the completions x of a prompt, both those with an end token and those cut at M
    tokens. p(x) is the product of the model's token probabilities. Proposal: a position t uniform in 0 ... |x|-1; the
    tokens before t stay, those from t on are sampled again, until the end token or M, from q(v|h) = p(v|h)^alpha /
    Z(h), Z(h) = sum_v p(v|h)^alpha, which is temperature 1/alpha. The same t leads back from x', because |x'| > t. So
    for every t

        pi(x') q_t(x|x') / |x'|     prod_{s>=t} p(x'_s)^alpha q(x_s)    |x|     prod_{s>=t} Z(x'_{<s})    |x|
        -----------------------  =  --------------------------------  -----  =  -----------------------  ----
        pi(x)  q_t(x'|x) / |x|      prod_{s>=t} p(x_s)^alpha q(x'_s)   |x'|     prod_{s>=t} Z(x_{<s})    |x'|

    with all tokens of both suffixes, and x' is accepted with probability min(1, this ratio). Every t is in detailed
    balance with pi, hence the move is too. Where lengths differ, some moves are rejected even at alpha = 1, which
    accepts with min(1, |x|/|x'|).

    Block b of B holds the moves to M_b = ceil(b M / B) tokens. It starts from the completion of block b-1, continued
    from q up to M_b. Only the chain of the last block has the target as its stationary distribution; it approaches
    pi with the number of moves, and starts in it for alpha = 1 alone.

    The paper's released code has only a common prefix of the old suffix in the ratio where lengths differ, and leaves
    out |x|/|x'|, so its distribution is not p^alpha.

    Cost: where every completion has M tokens, block b samples moves x (M_b+1)/2 tokens on average, in all about
    M (1 + moves (B+1)/4). For completions that end after L tokens, min(L, M_b) in place of M_b is a lower estimate,
    because longer ones are proposed and rejected. `Walks.sampled_PG` counts.
    """

    engine: Engine

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: PowerSamplingParams
    ) -> Completions:
        """As `edgewise.sampling.completions.Sampler`, with the log-probabilities of `Walks`. Raises as `walk` does."""
        return self.walk(prompts, keys_P, samples, params).completions

    def walk(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: PowerSamplingParams
    ) -> Walks:
        """Run `samples` chains for each prompt, keyed by (`keys_P[p]`, sample, number of the proposal).

        InputError where the engine has logit noise, or where prompt and limit exceed the positions.
        """
        if self.engine.logit_noise:
            raise InputError(
                f"logit_noise: power sampling needs the model's own probabilities; 0 is right,"
                f" is {self.engine.logit_noise}"
            )
        limits = [params.max_new_tokens] * len(prompts)
        check_fits(prompts, limits, samples, self.engine.model.spec.max_positions)
        chains = _Chains(self.engine, prompts, keys_P, samples, params)
        for block in range(1, params.blocks + 1):
            limit = -(-block * params.max_new_tokens // params.blocks)
            chains.extend(limit)
            for _ in range(params.moves):
                chains.move(limit)
        return chains.walks()


@dataclass(frozen=True, slots=True)
class _States:
    """Completions of C chains: tokens, their log p, and log Z of the context of each."""

    tokens_CT: NDArray[np.int32]
    logp_CT: NDArray[np.float32]
    log_z_CT: NDArray[np.float64]

    @property
    def length_C(self) -> NDArray[np.int64]:
        length_C: NDArray[np.int64] = np.count_nonzero(self.tokens_CT >= 0, axis=-1)
        return length_C

    def where(self, chosen_C: NDArray[np.bool_], other: _States) -> _States:
        """These completions for the chosen chains, those of `other` for the rest."""
        return _States(
            *(np.where(chosen_C[:, None], getattr(self, name), getattr(other, name)) for name in self.__slots__)
        )


class _Chains:
    """C = P x G chains, side by side; `proposals` counts how many times all of them have sampled."""

    def __init__(
        self,
        engine: Engine,
        prompts: Sequence[Sequence[int]],
        keys_P: Sequence[int],
        samples: int,
        params: PowerSamplingParams,
    ) -> None:
        self.engine, self.params, self.samples, self.proposals = engine, params, samples, 0
        self.prompt_C = [list(prompt) for prompt in prompts for _ in range(samples)]
        self.name_C = [(key_p, g) for key_p in keys_P for g in range(samples)]
        shape = (len(self.prompt_C), params.max_new_tokens)
        self.now = _States(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape))
        self.sampled_C, self.accepted_C = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64)
        self.read_C = np.zeros(shape[0], np.int64)

    def extend(self, limit: int) -> None:
        """Continue the completions that have not ended, up to `limit` tokens."""
        length_C = self.now.length_C
        last_C = np.take_along_axis(self.now.tokens_CT, np.maximum(length_C - 1, 0)[:, None], axis=1)[:, 0]
        # Taken in any case: the number of a proposal must not depend on the other chains.
        keys_C = self._next_keys()
        open_C = ~np.isin(last_C, self.engine.ends)
        if open_C.any():
            self.now = self._resampled(open_C, length_C, limit, keys_C)

    def move(self, limit: int) -> None:
        """One Metropolis-Hastings move of every chain."""
        keys_C = self._next_keys()
        # Sample 0 of a key samples the suffix; 1 and 2 choose the position and decide.
        position_C, decision_C = uniform(row_keys(keys_C, 3, torch.device("cpu")), 0).numpy()[:, 1:].T
        length_C = self.now.length_C
        # Rounding may lift the product to the length itself.
        start_C = np.minimum((position_C * length_C).astype(np.int64), length_C - 1)
        new = self._resampled(np.ones(len(keys_C), np.bool_), start_C, limit, keys_C)
        # Before `start` the two agree, so the sum over everything is that over the suffixes.
        log_ratio_C = (new.log_z_CT - self.now.log_z_CT).sum(-1)
        lengths = zip(length_C.tolist(), new.length_C.tolist(), strict=True)
        shorter_C = np.array([old / after for old, after in lengths])
        ratio_C = np.array([math.exp(min(log_ratio, 700.0)) for log_ratio in log_ratio_C.tolist()]) * shorter_C
        accepted_C = decision_C < ratio_C
        self.now = new.where(accepted_C, self.now)
        self.accepted_C += accepted_C

    def walks(self) -> Walks:
        """The state of the chains as completions."""
        shape = (-1, self.samples)
        length_C = self.now.length_C
        longest = int(length_C.max())
        finished_C = np.isin(self.now.tokens_CT, self.engine.ends).any(-1)
        completions = Completions(
            self.now.tokens_CT[:, :longest].reshape(*shape, longest),
            self.now.logp_CT[:, :longest].reshape(*shape, longest),
            length_C.astype(np.int32).reshape(shape),
            finished_C.reshape(shape),
            (self.sampled_C + self.read_C - length_C).reshape(shape),
        )
        return Walks(completions, self.sampled_C.reshape(shape), self.accepted_C.reshape(shape))

    def _next_keys(self) -> list[int]:
        self.proposals += 1
        return [key("power", *name, self.proposals) for name in self.name_C]

    def _resampled(
        self, chosen_C: NDArray[np.bool_], start_C: NDArray[np.int64], limit: int, keys_C: Sequence[int]
    ) -> _States:
        """The completions with the tokens from `start` on sampled again for the chosen chains."""
        chosen: list[int] = np.flatnonzero(chosen_C).tolist()
        kept = [self.now.tokens_CT[c, : start_C[c]].tolist() for c in chosen]
        sampled = self.engine.sample_within(
            [self.prompt_C[c] + ids for c, ids in zip(chosen, kept, strict=True)],
            [keys_C[c] for c in chosen],
            (limit - start_C[chosen]).tolist(),
            samples=1,
            params=SamplingParams(temperature=1 / self.params.alpha, max_new_tokens=self.params.max_new_tokens),
            model_logp=True,
        )
        assert sampled.model_logp_PGT is not None
        fresh = _States(
            sampled.tokens_PGT[:, 0],
            sampled.model_logp_PGT[:, 0],
            self.params.alpha * sampled.model_logp_PGT[:, 0].astype(np.float64) - sampled.logp_PGT[:, 0],
        )
        self.sampled_C[chosen] += fresh.length_C
        self.read_C[chosen] += [len(self.prompt_C[c]) + len(ids) for c, ids in zip(chosen, kept, strict=True)]
        new = _States(self.now.tokens_CT.copy(), self.now.logp_CT.copy(), self.now.log_z_CT.copy())
        for row, c in enumerate(chosen):
            start = start_C[c]
            for name in _States.__slots__:
                getattr(new, name)[c, start:] = getattr(fresh, name)[row, : self.params.max_new_tokens - start]
        return new
