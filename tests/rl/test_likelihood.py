"""Gold likelihood: against torch's own log-softmax, against every completion there can be, in any batch layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.likelihood import gold_likelihood, likelihood_flops, log_sum_exp, right_texts
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import Colouring, Mixture, MixturePart, ModularArithmetic, Paths, Problem, World
from edgewise.training.execution import Execution
from tests.model.decoders import alone, sharp

SHAPE = DecoderSpec(width=16, layers=2, heads=2, kv_heads=1, feed_forward=32, max_positions=96)
PATHS = Paths(nodes=5, edges=6, names=5, max_length=2, min_answers=2, max_answers=2)


def model_of(world: World, scale: float = 1.5) -> tuple[Decoder, Tokenizer]:
    tokenizer = Tokenizer(world.words())
    return sharp(SHAPE, len(tokenizer), scale=scale), tokenizer


def problems_of(world: World, count: int) -> list[Problem]:
    return [world.problem("test", 0, index) for index in range(count)]


def direct(model: Decoder, prompt: list[int], completion: list[int]) -> list[float]:
    """log p of each token of a completion: torch's own log-softmax of a pass over one text alone."""
    logits = alone(model, [*prompt, *completion])
    logp = torch.log_softmax(logits.double(), dim=-1)
    return [float(logp[len(prompt) - 1 + i, token]) for i, token in enumerate(completion)]


WORLDS = (PATHS, ModularArithmetic(max_op=2), Colouring(max_vertices=6))


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.world)
def test_of_gold_it_is_what_torch_computes(world: World) -> None:
    model, tokenizer = model_of(world)
    problems = problems_of(world, 5)
    for problem, gold in zip(problems, gold_likelihood(model, tokenizer, world, problems), strict=True):
        expected = direct(model, prompt_ids(tokenizer, problem), solution_ids(tokenizer, world, problem))
        assert gold.solution == world.solution(problem)
        assert gold.token_logp == pytest.approx(expected, abs=2e-4)
        assert gold.logp == pytest.approx(sum(expected), abs=1e-3)
        assert gold.per_token == pytest.approx(sum(expected) / len(expected), abs=2e-4)


def test_of_all_right_answers_it_is_what_enumeration_gives() -> None:
    """Every text of up to four words and an end, by its own pass; those that the verifier accepts are summed."""
    model, tokenizer = model_of(PATHS)
    problem = PATHS.problem("test", 0, 1)
    prompt = prompt_ids(tokenizer, problem)
    words = [tokenizer.encode(word)[0] for word in ("answer", *"abcde")]
    right: dict[str, float] = {}
    for length in range(5):
        for ids in product(words, repeat=length):
            text = tokenizer.decode([*ids, tokenizer.eos])
            if PATHS.verify(problem, text).process_correct:
                right[text] = sum(direct(model, prompt, [*ids, tokenizer.eos]))
    (gold,) = gold_likelihood(model, tokenizer, PATHS, [problem])
    assert gold.answers is not None and gold.answer_logp is not None and gold.total_logp is not None
    assert set(gold.answers) == set(right)
    assert dict(zip(gold.answers, gold.answer_logp, strict=True)) == pytest.approx(right, abs=1e-3)
    assert math.exp(gold.total_logp) == pytest.approx(sum(map(math.exp, right.values())), rel=1e-3)
    # Only the token after `answer a` is a choice of the problem: the rest of the mass is on wrong texts.
    assert gold.total_logp < 0


def leaves(model: Decoder, tokenizer: Tokenizer, prompt: list[int], written: list[int], left: int) -> Iterator[float]:
    """The probabilities of every completion that begins with `written`, those that are cut off too."""
    if not left or (written and written[-1] == tokenizer.eos):
        yield math.exp(sum(direct(model, prompt, written)))
        return
    for token in range(len(tokenizer)):
        yield from leaves(model, tokenizer, prompt, [*written, token], left - 1)


def test_probabilities_of_all_completions_sum_to_one() -> None:
    """So that what `direct` computes is a distribution: of up to two tokens."""
    model, tokenizer = model_of(PATHS)
    prompt = prompt_ids(tokenizer, PATHS.problem("test", 0, 1))
    assert math.fsum(leaves(model, tokenizer, prompt, [], 2)) == pytest.approx(1, abs=1e-4)


def test_what_is_sampled_has_this_log_probability_and_this_frequency() -> None:
    """The sampler's own log-probabilities of right texts, and how often it writes one."""
    world = Paths(nodes=3, edges=2, names=3, max_length=2)
    model, tokenizer = model_of(world, scale=1.0)
    problem = world.problem("train", 0, 0)
    engine, samples = Engine(model, tokenizer.eos), 40_000
    drawn = roll_out(engine, tokenizer, world, [problem], samples, SamplingParams(max_new_tokens=5), 3)
    (gold,) = gold_likelihood(model, tokenizer, world, [problem])
    assert gold.total_logp is not None
    correct = [g for g in range(samples) if drawn.verdict_PG[0][g].process_correct]
    expected = samples * math.exp(gold.total_logp)
    assert abs(len(correct) - expected) < 5 * expected**0.5
    for g in correct:
        assert drawn.completions.logp_PGT[0, g].sum() == pytest.approx(gold.logp, abs=1e-3)


@pytest.mark.parametrize("tokens", [1, 64, 10_000])
def test_the_batch_layout_changes_no_bit(tokens: int) -> None:
    world = Colouring(max_vertices=6)
    model, tokenizer = model_of(world)
    problems = problems_of(world, 6)
    whole = gold_likelihood(model, tokenizer, world, problems)
    parts = gold_likelihood(model, tokenizer, world, problems, Execution(tokens_per_micro_batch=tokens))
    alone_each = [gold_likelihood(model, tokenizer, world, [problem])[0] for problem in problems]
    assert whole == parts == alone_each


def test_a_world_that_lists_no_answers_has_none_and_a_mixture_those_of_its_parts() -> None:
    modular = ModularArithmetic(max_op=2)
    mixture = Mixture(parts=(MixturePart(share=0.5, world=modular), MixturePart(share=0.5, world=PATHS)), of="problems")
    model, tokenizer = model_of(mixture)
    problems = problems_of(mixture, 12)
    found = gold_likelihood(model, tokenizer, mixture, problems)
    listed = [mixture.origin(problem)[0] == PATHS for problem in problems]
    assert set(listed) == {True, False}
    for of_paths, gold in zip(listed, found, strict=True):
        assert (gold.answers is not None and len(gold.answers) == 2) == of_paths
        assert (gold.total_logp is not None) == (gold.answer_logp is not None) == of_paths


def test_flops_are_those_of_one_pass_over_prompts_and_completions() -> None:
    model, tokenizer = model_of(PATHS)
    problems = problems_of(PATHS, 3)
    tokens = sum(len(prompt_ids(tokenizer, p)) + sum(len(t.split()) for t in right_texts(PATHS, p)) for p in problems)
    flops = likelihood_flops(model.spec, tokenizer, PATHS, problems)
    per_token = 2 * model.spec.matmul_parameters(len(tokenizer))
    assert per_token * tokens < flops < 2 * per_token * tokens


def test_a_completion_beyond_the_positions_is_refused() -> None:
    tokenizer = Tokenizer(PATHS.words())
    model = Decoder(SHAPE.model_copy(update={"max_positions": 20}), len(tokenizer))
    with pytest.raises(InputError, match=r"^problems: a prompt with a right completion has \d\d tokens; .* 20 pos"):
        gold_likelihood(model, tokenizer, PATHS, problems_of(PATHS, 2))


def test_log_of_a_sum_of_probabilities_that_are_no_numbers() -> None:
    assert log_sum_exp([-2000.0, -2000.0]) == pytest.approx(-2000 + math.log(2))
    assert log_sum_exp([]) == log_sum_exp([-math.inf]) == -math.inf
