"""Collect rollouts: sample completions of problems and verify them; or take the gold solutions as completions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions, Params, Sampler
from edgewise.tasks.base import Problem, World


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


def gold_rollouts(tokenizer: Tokenizer, world: World, problems: Sequence[Problem], max_new_tokens: int) -> Rollouts:
    """The world's own solution of each problem as its one completion, with log-probability 0.

    InputError where one has more than `max_new_tokens` tokens.
    """
    prompts = [prompt_ids(tokenizer, problem) for problem in problems]
    gold = [solution_ids(tokenizer, world, problem) for problem in problems]
    longest = max(map(len, gold))
    if longest > max_new_tokens:
        raise InputError(f"max_new_tokens: must hold the longest gold solution ({longest} tokens), is {max_new_tokens}")
    tokens = np.full((len(gold), 1, longest), -1, np.int32)
    for p, ids in enumerate(gold):
        tokens[p, 0, : len(ids)] = ids
    lengths = np.array([[len(ids)] for ids in gold], np.int32)
    completions = Completions(tokens, np.zeros(tokens.shape, np.float32), lengths, np.ones_like(lengths, np.bool_))
    return verify_completions(tokenizer, world, problems, prompts, completions)


def verify_completions(
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    prompts: Sequence[Sequence[int]],
    completions: Completions,
) -> Rollouts:
    """The completions with their texts and verdicts. What a truncated completion is worth is for the world to say."""
    samples = completions.length_PG.shape[1]
    text_PG, verdict_PG = [], []
    for p, problem in enumerate(problems):
        texts = [tokenizer.decode(completions.ids(p, g)) for g in range(samples)]
        attempts = list(zip(texts, completions.finished_PG[p].tolist(), strict=True))
        # A sharp model writes the same text many times; each is verified once.
        verdicts = {
            (text, finished): world.verify(problem, text, truncated=not finished) for text, finished in set(attempts)
        }
        text_PG.append(texts)
        verdict_PG.append([verdicts[attempt] for attempt in attempts])
    return Rollouts(problems, prompts, completions, text_PG, verdict_PG)
