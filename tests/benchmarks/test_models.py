"""The models that are compared: their sizes, and how they end."""

from __future__ import annotations

import pytest

from benchmarks.models import (
    LARGE,
    LARGE_WORDS,
    NATURAL,
    NEVER,
    PROMPT_TOKENS,
    SMALL,
    SMALL_WORDS,
    RandomWords,
    approved,
    decoder,
    prompt,
    tokenizer_of,
)
from benchmarks.sampling import our_draw
from edgewise.model.decoder import DecoderSpec
from edgewise.tasks.base import Score


@pytest.mark.parametrize(("spec", "words", "size"), [(SMALL, SMALL_WORDS, 1_116_800), (LARGE, LARGE_WORDS, 5_854_464)])
def test_the_models_have_the_sizes_that_are_named(spec: DecoderSpec, words: int, size: int) -> None:
    model = decoder(spec, tokenizer_of(words), NEVER)
    assert sum(parameter.numel() for parameter in model.parameters()) == size


def test_natural_stops_come_after_about_fifty_tokens() -> None:
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(SMALL, tokenizer, NATURAL).requires_grad_(False)
    tokens, _ = our_draw(model, tokenizer, seed=0, prompts=8, samples=24, new_tokens=128)
    assert 40 < tokens / (8 * 24) < 60


def test_without_early_stops_no_completion_ends() -> None:
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(SMALL, tokenizer, NEVER).requires_grad_(False)
    assert our_draw(model, tokenizer, seed=0, prompts=2, samples=8, new_tokens=32)[0] == 2 * 8 * 32


def test_prompts_have_their_length_and_differ() -> None:
    tokenizer = tokenizer_of(SMALL_WORDS)
    first, second = prompt(tokenizer, 0), prompt(tokenizer, 1)
    assert len(first) == len(second) == PROMPT_TOKENS and first != second
    assert tokenizer.unk not in first and first[0] == tokenizer.bos


def test_every_second_text_is_right_cut_off_or_not() -> None:
    world = RandomWords()
    problem = world.problem("train", 0, 0)
    texts = [f"w{i} w{i + 1}" for i in range(400)]
    assert 0.4 < sum(map(approved, texts)) / len(texts) < 0.6
    for text in texts[:20]:
        verdict = world.verify(problem, text, truncated=True)
        assert (verdict.answer is Score.CORRECT) is approved(text)
