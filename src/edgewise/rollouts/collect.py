"""Collect rollouts: sample completions of problems and verify them; or take the gold solutions as completions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions, Params, Sampler
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks.base import Problem, World


class Decodes(Protocol):
    """Whatever turns the token ids of a completion into its text."""

    def decode(self, ids: Iterable[int]) -> str: ...


def roll_out(
    sampler: Sampler[Params],
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    samples: int,
    params: Params,
    seed: int,
) -> Rollouts:
    """Sample and verify `samples` completions of each problem, keyed by (seed, prompt, sample)."""
    prompts = [prompt_ids(tokenizer, problem) for problem in problems]
    keys = [key("completion", seed, problem.prompt) for problem in problems]
    return verify_completions(tokenizer, world, problems, prompts, sampler.sample(prompts, keys, samples, params))


def roll_out_after(
    engine: Engine,
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    revealed: Sequence[Sequence[int]],
    samples: int,
    params: SamplingParams,
    seed: int,
) -> Rollouts:
    """Sample and verify `samples` completions of each problem after the `revealed` tokens of its gold solution.

    The revealed tokens end the prompt and count against the limit, and are verified with the completion.
    """
    prompts = [[*prompt_ids(tokenizer, problem), *ids] for problem, ids in zip(problems, revealed, strict=True)]
    keys = [key("completion", seed, problem.prompt) for problem in problems]
    limits = [params.max_new_tokens - len(ids) for ids in revealed]
    completions = engine.sample(prompts, keys, samples, params, limits)
    texts = [tokenizer.decode(ids) for ids in revealed]
    return verify_completions(tokenizer, world, problems, prompts, completions, texts)


def gold_ids(tokenizer: Tokenizer, world: World, problems: Sequence[Problem], max_new_tokens: int) -> list[list[int]]:
    """The token ids of each gold solution, the end among them; InputError where one has over `max_new_tokens`."""
    gold = [solution_ids(tokenizer, world, problem) for problem in problems]
    longest = max(map(len, gold))
    if longest > max_new_tokens:
        raise InputError(f"max_new_tokens: must hold the longest gold solution ({longest} tokens), is {max_new_tokens}")
    return gold


def gold_rollouts(
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    max_new_tokens: int,
    cut: Callable[[list[int]], list[int]] | None = None,
) -> Rollouts:
    """The world's own solution of each problem as its one completion, with log-probability 0.

    `cut` leaves a part of its tokens; then it is a completion that was cut off. InputError where a solution has more
    than `max_new_tokens` tokens.
    """
    prompts = [prompt_ids(tokenizer, problem) for problem in problems]
    gold = gold_ids(tokenizer, world, problems, max_new_tokens)
    if cut is not None:
        gold = [cut(ids) for ids in gold]
    longest = max(map(len, gold))
    tokens = np.full((len(gold), 1, longest), -1, np.int32)
    for p, ids in enumerate(gold):
        tokens[p, 0, : len(ids)] = ids
    lengths = np.array([[len(ids)] for ids in gold], np.int32)
    finished = np.full(lengths.shape, cut is None)
    completions = Completions(tokens, np.zeros(tokens.shape, np.float32), lengths, finished)
    return verify_completions(tokenizer, world, problems, prompts, completions)


def verify_completions(
    tokenizer: Decodes,
    world: World,
    problems: Sequence[Problem],
    prompts: Sequence[Sequence[int]],
    completions: Completions,
    revealed_P: Sequence[str] | None = None,
) -> Rollouts:
    """The completions with their texts and verdicts. What a truncated completion is worth is for the world to say.

    `revealed_P` are the parts of gold solutions behind which the completions stand, and are verified.
    """
    samples = completions.length_PG.shape[1]
    text_PG, verdict_PG = [], []
    for p, problem in enumerate(problems):
        texts = [tokenizer.decode(completions.ids(p, g)) for g in range(samples)]
        attempts = list(zip(texts, completions.finished_PG[p].tolist(), strict=True))
        # A sharp model writes the same text many times; each is verified once.
        before = "" if revealed_P is None else f"{revealed_P[p]} "
        verdicts = {
            (text, finished): world.verify(problem, before + text, truncated=not finished)
            for text, finished in set(attempts)
        }
        text_PG.append(texts)
        verdict_PG.append([verdicts[attempt] for attempt in attempts])
    return Rollouts(problems, prompts, completions, text_PG, verdict_PG, revealed_P=revealed_P)
