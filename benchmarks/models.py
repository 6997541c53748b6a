"""The models that are compared, with random weights, and the world that they are asked about.

Nothing has to be learned for a speed. What counts is that lengths are like those of a model that was trained: the end
has a likelihood of its own, set by a feature that every word has, that no layer writes, and of which the end has more.
"""

from __future__ import annotations

import zlib
from typing import Literal, Self

import torch
from pydantic import Field

from edgewise.core.keyed import rng
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import SPECIAL, Tokenizer
from edgewise.tasks.base import Problem, Score, Split, Verdict, World

PROMPT_TOKENS = 64

# 1,116,800, 1,017,728 and 5,854,464 parameters with the vocabularies below.
SMALL = DecoderSpec(width=128, layers=4, heads=4, kv_heads=4, feed_forward=512, max_positions=512)
# As Qwen2 has it: heads share their keys and values.
GROUPED = DecoderSpec(width=128, layers=4, heads=4, kv_heads=1, feed_forward=512, max_positions=512)
SMALL_WORDS = 512 - len(SPECIAL)
LARGE = DecoderSpec(width=256, layers=6, heads=4, kv_heads=4, feed_forward=683, max_positions=512, tied=False)
LARGE_WORDS = 2200 - len(SPECIAL)

# Nats by which the end is likelier than the feature alone would have it. The first is never drawn; with the second
# completions of at most 128 tokens have about 50 on average.
NEVER = -40.0
NATURAL = 2.75


class RandomWords(World):
    """Prompts of random words, and a verifier that calls every second text right, by its hash."""

    world: Literal["random_words"] = "random_words"
    version: Literal[1] = 1
    vocabulary: int = Field(SMALL_WORDS, ge=1)
    length: int = Field(PROMPT_TOKENS - 1, ge=1)

    @property
    def levels(self) -> range:
        return range(1, 2)

    def at_level(self, level: int) -> Self:
        return self

    def words(self) -> tuple[str, ...]:
        return tuple(f"w{i}" for i in range(self.vocabulary))

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        source = rng(self.world, split, seed, index)
        prompt = " ".join(f"w{source.randrange(self.vocabulary)}" for _ in range(self.length))
        return Problem(self.world, split, seed, index, 1, f"{split}-{seed}-{index}", prompt, "", None)

    def solution(self, problem: Problem) -> str:
        return problem.prompt

    def check(self, problem: Problem, text: str) -> Verdict:
        right = Score(approved(text))
        return Verdict(right, right, predicted=text)

    # The peers know of no cut-off text, so it is graded like any other.
    def verify(  # type: ignore[misc]
        self, problem: Problem, completion: str, *, truncated: bool = False
    ) -> Verdict:
        return self.check(problem, completion)


def approved(text: str) -> bool:
    """The reward of both sides: one text in two."""
    return bool(zlib.crc32(text.encode()) & 1)


def tokenizer_of(words: int) -> Tokenizer:
    """The special words and so many others."""
    return Tokenizer(RandomWords(vocabulary=words).words())


def decoder(spec: DecoderSpec, tokenizer: Tokenizer, end: float, backend: str = "auto") -> Decoder:
    """Random weights; `end`, in nats, sets how likely the end is after any token whatever."""
    model = Decoder(spec, len(tokenizer), seed=0, backend=backend)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("attention_out.weight", "down.weight")):
                parameter[0] = 0
        model.embedding.weight[:, 0] = 1.0
        model.head.weight[:, 0] = 1.0
        model.head.weight[tokenizer.eos, 1:] = 0
        tokens = torch.tensor([prompt(tokenizer, p) for p in range(4)])
        hidden = model(tokens, torch.arange(tokens.shape[1]).expand_as(tokens), torch.zeros_like(tokens))
        model.head.weight[tokenizer.eos, 0] += end / float(hidden[..., 0].mean())
    return model


def prompt(tokenizer: Tokenizer, index: int, seed: int = 0) -> list[int]:
    """The ids of a prompt: bos and random words, `PROMPT_TOKENS` in all."""
    world = RandomWords(vocabulary=len(tokenizer) - len(SPECIAL))
    return tokenizer.prompt(world.problem("train", seed, index).prompt)
