"""Power sampling: completions from p(x)^alpha, the model's law sharpened over whole completions.

A control without training (Karan and Du 2025, arXiv 2510.14901): what RL gains beyond it is more
than making likely completions likelier. Temperature 1/alpha sharpens each token on its own; the
power law also weighs what can still follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import Spec
from edgewise.sampling.base import Completions, SamplingParams
from edgewise.sampling.engine import Engine
from edgewise.sampling.random_numbers import row_keys, uniform


class PowerSamplingParams(Spec):
    """The law p(x)^alpha over completions of at most `max_new_tokens` tokens, and how long it is approached.

    A completion is built in `blocks` of equal length, with `moves` Metropolis-Hastings moves after
    each. The paper has alpha 4, 16 blocks and 10 moves.
    """

    alpha: float = Field(4.0, ge=1)
    blocks: int = Field(4, ge=1)
    moves: int = Field(10, ge=1)
    max_new_tokens: int = Field(128, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.blocks > self.max_new_tokens:
            raise ValueError(f"blocks {self.blocks} must not be more than max_new_tokens {self.max_new_tokens}")
        return self


@dataclass(frozen=True, slots=True)
class Walks:
    """Where G chains for each of P problems ended, and what they cost.

    `completions.logp_PGT` are the model's own log-probabilities (temperature 1): those of the power
    law are known only up to its normaliser. `sampled_PG` counts the tokens that a chain drew,
    refused ones included, and `accepted_PG` its accepted moves of `blocks` x `moves`.
    """

    completions: Completions
    sampled_PG: NDArray[np.int64]
    accepted_PG: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PowerSampler:
    """Draws from `PowerSpec` by Metropolis-Hastings; a sampler like `edgewise.sampling.engine.Engine`.

    Target: pi(x) ~ p(x)^alpha over the completions x of a prompt, those that the end token ends and
    those cut at M tokens, where p(x) is the product of the model's token probabilities. Proposal:
    a position t uniform in 0 ... |x|-1; the tokens before t stay, and those from t on are drawn
    anew, until the end token or M, from q(v|h) = p(v|h)^alpha / Z(h), Z(h) = sum_v p(v|h)^alpha,
    which is temperature 1/alpha. From x' the same t leads back, because |x'| > t. So for every t

        pi(x') q_t(x|x') / |x'|     prod_{s>=t} p(x'_s)^alpha q(x_s)    |x|     prod_{s>=t} Z(x'_{<s})    |x|
        -----------------------  =  --------------------------------  -----  =  -----------------------  ----
        pi(x)  q_t(x'|x) / |x|      prod_{s>=t} p(x_s)^alpha q(x'_s)   |x'|     prod_{s>=t} Z(x_{<s})    |x'|

    with all tokens of both suffixes, and x' is accepted with probability min(1, this). Each t is in
    detailed balance with pi, hence the move. Where lengths differ, even alpha = 1 refuses some: it
    accepts with min(1, |x|/|x'|).

    Block b of B holds the moves to M_b = ceil(b M / B) tokens and starts from the completion of
    block b-1, drawn on from q up to M_b; only the last block's chain has the target itself as its
    law. It comes near pi with the number of moves; it is pi at once for alpha = 1 alone.

    The paper's released code lets only a common prefix of the old suffix into the ratio where the
    lengths differ and leaves out |x|/|x'|, so it has another law than p^alpha.

    Cost: where every completion has M tokens, block b draws moves x (M_b+1)/2 tokens on average, in
    all about M (1 + moves (B+1)/4). With min(L, M_b) for M_b it is a lower estimate for completions
    that end after L tokens, because longer ones are proposed and refused. `Walks.sampled_PG` counts.
    """

    engine: Engine

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: PowerSamplingParams
    ) -> Completions:
        """As `edgewise.sampling.base.Sampler`, with the log-probabilities of `Walks`. Raises as `walk` does."""
        return self.walk(prompts, keys_P, samples, params).completions

    def walk(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: PowerSamplingParams
    ) -> Walks:
        """`samples` chains for each prompt, keyed by (`keys_P[p]`, sample, number of the draw).

        InputError where the engine has logit noise, or where prompt and limit exceed the positions.
        """
        if self.engine.logit_noise:
            raise InputError(
                f"logit_noise: power sampling needs the model's own probabilities; 0 is right,"
                f" is {self.engine.logit_noise}"
            )
        self.engine.check(prompts, [params.max_new_tokens] * len(prompts), samples)
        chains = _Chains(self.engine, prompts, keys_P, samples, params)
        for block in range(1, params.blocks + 1):
            limit = -(-block * params.max_new_tokens // params.blocks)
            chains.write_on(limit)
            for _ in range(params.moves):
                chains.move(limit)
        return chains.walks()


@dataclass(frozen=True, slots=True)
class _States:
    """Completions of C chains: tokens, their log p, and log Z of what stands before them."""

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
    """P x G chains, side by side; `draws` counts the times that they were asked to draw."""

    def __init__(
        self,
        engine: Engine,
        prompts: Sequence[Sequence[int]],
        keys_P: Sequence[int],
        samples: int,
        params: PowerSamplingParams,
    ) -> None:
        self.engine, self.params, self.samples, self.draws = engine, params, samples, 0
        self.prompt_C = [list(prompt) for prompt in prompts for _ in range(samples)]
        self.name_C = [(key_p, g) for key_p in keys_P for g in range(samples)]
        shape = (len(self.prompt_C), params.max_new_tokens)
        self.now = _States(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape))
        self.sampled_C, self.accepted_C = np.zeros(shape[0], np.int64), np.zeros(shape[0], np.int64)
        self.read_C = np.zeros(shape[0], np.int64)

    def write_on(self, limit: int) -> None:
        """Draw the completions that have not ended on to `limit` tokens."""
        length_C = self.now.length_C
        last_C = np.take_along_axis(self.now.tokens_CT, np.maximum(length_C - 1, 0)[:, None], axis=1)[:, 0]
        # Asked for in any case: the number of a draw must not depend on the other chains.
        keys_C = self._next_keys()
        open_C = last_C != self.engine.end
        if open_C.any():
            self.now = self._redrawn(open_C, length_C, limit, keys_C)

    def move(self, limit: int) -> None:
        """One Metropolis-Hastings move of every chain."""
        keys_C = self._next_keys()
        # Sample 0 of a key draws the suffix; 1 and 2 choose the position and decide.
        position_C, decision_C = uniform(row_keys(keys_C, 3, torch.device("cpu")), 0).numpy()[:, 1:].T
        length_C = self.now.length_C
        # Rounding may lift the product to the length itself.
        start_C = np.minimum((position_C * length_C).astype(np.int64), length_C - 1)
        new = self._redrawn(np.ones(len(keys_C), np.bool_), start_C, limit, keys_C)
        # Before `start` the two agree, so the sum over everything is that over the suffixes.
        log_ratio_C = (new.log_z_CT - self.now.log_z_CT).sum(-1) + np.log(length_C / new.length_C)
        accepted_C = decision_C < np.exp(np.minimum(log_ratio_C, 0))
        self.now = new.where(accepted_C, self.now)
        self.accepted_C += accepted_C

    def walks(self) -> Walks:
        """The state of the chains as completions."""
        shape = (-1, self.samples)
        length_C = self.now.length_C
        used = int(length_C.max())
        finished_C = (self.now.tokens_CT == self.engine.end).any(-1)
        completions = Completions(
            self.now.tokens_CT[:, :used].reshape(*shape, used),
            self.now.logp_CT[:, :used].reshape(*shape, used),
            length_C.astype(np.int32).reshape(shape),
            finished_C.reshape(shape),
            (self.sampled_C + self.read_C - length_C).reshape(shape),
        )
        return Walks(completions, self.sampled_C.reshape(shape), self.accepted_C.reshape(shape))

    def _next_keys(self) -> list[int]:
        self.draws += 1
        return [key("power", *name, self.draws) for name in self.name_C]

    def _redrawn(
        self, chosen_C: NDArray[np.bool_], start_C: NDArray[np.int64], limit: int, keys_C: Sequence[int]
    ) -> _States:
        """The completions with the tokens from `start` on drawn anew for the chosen chains."""
        chosen: list[int] = np.flatnonzero(chosen_C).tolist()
        kept = [self.now.tokens_CT[c, : start_C[c]].tolist() for c in chosen]
        drawn = self.engine.draw_within(
            [self.prompt_C[c] + ids for c, ids in zip(chosen, kept, strict=True)],
            [keys_C[c] for c in chosen],
            (limit - start_C[chosen]).tolist(),
            samples=1,
            params=SamplingParams(temperature=1 / self.params.alpha, max_new_tokens=self.params.max_new_tokens),
            model_logp=True,
        )
        assert drawn.model_logp_PGT is not None
        fresh = _States(
            drawn.tokens_PGT[:, 0],
            drawn.model_logp_PGT[:, 0],
            self.params.alpha * drawn.model_logp_PGT[:, 0].astype(np.float64) - drawn.logp_PGT[:, 0],
        )
        self.sampled_C[chosen] += fresh.length_C
        self.read_C[chosen] += [len(self.prompt_C[c]) + len(ids) for c, ids in zip(chosen, kept, strict=True)]
        new = _States(self.now.tokens_CT.copy(), self.now.logp_CT.copy(), self.now.log_z_CT.copy())
        for row, c in enumerate(chosen):
            start = start_C[c]
            for name in _States.__slots__:
                getattr(new, name)[c, start:] = getattr(fresh, name)[row, : self.params.max_new_tokens - start]
        return new
