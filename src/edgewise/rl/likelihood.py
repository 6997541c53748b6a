"""Log-likelihood of gold solutions, and of all right answers, under a model: exact, by teacher forcing.

What a model solves once in a million samples is not seen in a thousand; its log-likelihood is. Where a world lists all
right answers (`answers`: colouring, paths), the sum of their probabilities is the model's exact pass@1, and the
probability of each says which answers are rare and whether training kept them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import forward_flops
from edgewise.model.problem_ids import answer_ids, prompt_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.batch import MicroBatch, Minibatch, PromptGroup, logits_of, logp_of, token_table
from edgewise.tasks.base import Problem, World, listed_answers
from edgewise.training.execution import CPU, Execution


@dataclass(frozen=True, slots=True)
class GoldLikelihood:
    """Log-probabilities in nats of what is right for one problem, under the model itself: temperature 1, no top-p.

    token_logp    of each token of the gold solution, the end among them, given the prompt and the tokens before it
    answer_logp   of each right completion that the world lists, in its order; None where it lists none
    """

    problem: Problem
    solution: str
    token_logp: tuple[float, ...]
    answers: tuple[str, ...] | None
    answer_logp: tuple[float, ...] | None

    @property
    def logp(self) -> float:
        """Of the gold solution: the sum over its tokens."""
        return math.fsum(self.token_logp)

    @property
    def per_token(self) -> float:
        """The mean over the tokens of the gold solution."""
        return self.logp / len(self.token_logp)

    @property
    def total_logp(self) -> float | None:
        """Of writing any right completion: the log of the sum of their probabilities; None where none are listed."""
        return None if self.answer_logp is None else log_sum_exp(self.answer_logp)


def gold_likelihood(
    model: Decoder, tokenizer: Tokenizer, world: World, problems: Sequence[Problem], execution: Execution = CPU
) -> list[GoldLikelihood]:
    """The likelihood of the gold solution of each problem, and of every right completion where the world lists them.

    Each rank computes its share, and all get everything. InputError where a word is not among the model's, or a prompt
    and a completion exceed its positions.
    """
    prompts = [prompt_ids(tokenizer, problem) for problem in problems]
    texts = [right_texts(world, problem) for problem in problems]
    completions = [_ids(tokenizer, problem, some) for problem, some in zip(problems, texts, strict=True)]
    token_logp = iter(completion_logp(model, prompts, completions, execution))
    likelihoods = []
    for problem, some in zip(problems, texts, strict=True):
        of_text = {text: next(token_logp) for text in some}
        answers = listed_answers(world, problem)
        summed = None if answers is None else tuple(math.fsum(of_text[text]) for text in answers)
        likelihoods.append(GoldLikelihood(problem, some[0], tuple(of_text[some[0]]), answers, summed))
    return likelihoods


def likelihood_flops(spec: DecoderSpec, tokenizer: Tokenizer, world: World, problems: Sequence[Problem]) -> float:
    """FLOPs of `gold_likelihood`: a forward pass over every prompt once, and over its completions."""
    tokens = visible = 0.0
    for problem in problems:
        ids = _ids(tokenizer, problem, right_texts(world, problem))
        group = PromptGroup(np.array(prompt_ids(tokenizer, problem)), {d: np.array(some) for d, some in enumerate(ids)})
        tokens += group.tokens
        visible += group.visible_keys
    return forward_flops(spec, len(tokenizer), tokens, visible / tokens)


def right_texts(world: World, problem: Problem) -> list[str]:
    """The gold solution of a problem, then the other right completions that its world lists."""
    return list(dict.fromkeys([world.solution(problem), *(listed_answers(world, problem) or ())]))


def _ids(tokenizer: Tokenizer, problem: Problem, texts: Sequence[str]) -> list[list[int]]:
    return [answer_ids(tokenizer, problem, text) for text in texts]


@torch.no_grad()
def completion_logp(
    model: Decoder,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[Sequence[int]]],
    execution: Execution = CPU,
) -> list[list[float]]:
    """log p of each token of given completions (token ids) of each prompt, one list a completion, in their order.

    Each prompt is read once for its completions. InputError where a prompt and a completion exceed the positions.
    """
    flat = [ids for some in completions for ids in some]
    longest = max(
        (len(prompt) + len(ids) for prompt, some in zip(prompts, completions, strict=True) for ids in some), default=0
    )
    if longest > model.spec.max_positions:
        raise InputError(
            f"problems: a prompt with a right completion has {longest} tokens; the model has"
            f" {model.spec.max_positions} positions"
        )
    groups, d = [], 0
    for prompt, some in zip(prompts, completions, strict=True):
        numbered: dict[int, NDArray[np.int64]] = {d + i: np.array(ids, np.int64) for i, ids in enumerate(some)}
        groups.append(PromptGroup(np.array(prompt, np.int64), numbered))
        d += len(numbered)

    def score(micro_batch: MicroBatch) -> Tensor:
        return logp_of(logits_of(model, micro_batch, 1.0), micro_batch)

    micro_batches = Minibatch(groups, torch.ones(d), None).micro_batches(execution)
    shape = len(flat), max(map(len, flat), default=0)
    logp_DT = token_table(micro_batches, execution.map_in_order(score, micro_batches), shape, execution.distributed)
    rows: list[list[float]] = logp_DT.tolist()
    return [row[: len(ids)] for row, ids in zip(rows, flat, strict=True)]


def log_sum_exp(logp: Sequence[float]) -> float:
    """log of the sum of e^x; -inf of none. Sums that are rounded once do not depend on the CPU."""
    most = max(logp, default=-math.inf)
    return most if math.isinf(most) else most + math.log(math.fsum(math.exp(x - most) for x in logp))
