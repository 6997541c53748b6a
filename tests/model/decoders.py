"""Random decoders whose next-token distributions are far from uniform, and rows to feed them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks import Problem, World
from edgewise.training.documents import Document
from edgewise.training.packing import pack

WORDS = ("=", "+", "-", "*", ";", "?", ":", "answer", *"0123456789", *"abcdef")
TOKENIZER = Tokenizer(WORDS)
SHAPES = {
    "one head": DecoderSpec(width=8, layers=1, heads=1, kv_heads=1, feed_forward=12, max_positions=64),
    "tied, grouped": DecoderSpec(width=24, layers=3, heads=3, kv_heads=1, feed_forward=40, max_positions=128),
    "untied, grouped": DecoderSpec(
        width=32, layers=2, heads=4, kv_heads=2, feed_forward=24, max_positions=128, tied=False, rope_theta=500.0
    ),
    # Wide enough for the matrix library to have kernels of its own for a few rows.
    "default width": DecoderSpec(layers=1, max_positions=64),
    "untied, full": DecoderSpec(
        width=24, layers=2, heads=4, kv_heads=4, feed_forward=33, max_positions=100, tied=False, norm_eps=1e-2
    ),
}


def sharp(
    spec: DecoderSpec, vocabulary: int = len(TOKENIZER), seed: int = 0, scale: float = 1.5, backend: str = "auto"
) -> Decoder:
    """A decoder with enlarged weights, and biases and norms that are not what they start as."""
    model = Decoder(spec, vocabulary, seed, backend=backend)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
            else:
                parameter.mul_(scale)
    return model.eval()


def taught(world: World, problems: Sequence[Problem], spec: DecoderSpec, steps: int) -> tuple[Decoder, Tokenizer]:
    """A decoder that has read the solutions of a few problems so often that it writes most of them."""
    tokenizer = Tokenizer(world.words())
    model = Decoder(spec, len(tokenizer), backend="torch")
    texts = [[*tokenizer.prompt(p.prompt), *tokenizer.encode(world.solution(p)), tokenizer.eos] for p in problems]
    rows = pack([Document(ids, [1.0] * len(ids)) for ids in texts], spec.max_positions, tokenizer.pad)
    follows = (rows.document_RT[:, 1:] == rows.document_RT[:, :-1]) & (rows.tokens_RT[:, 1:] != tokenizer.pad)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        logits = model.logits(model(rows.tokens_RT, rows.positions_RT, rows.document_RT))[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits[follows], rows.tokens_RT[:, 1:][follows].long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval(), tokenizer


def texts(count: int, longest: int, seed: int = 0, vocabulary: int = len(TOKENIZER)) -> list[list[int]]:
    """`count` lists of 1 to `longest` random token ids."""
    source = random.Random(seed)
    return [[source.randrange(vocabulary) for _ in range(source.randint(1, longest))] for _ in range(count)]


@torch.no_grad()
def alone(model: Decoder, tokens: Sequence[int], precision: str = "fp32") -> Tensor:
    """Logits [T, V] of one text in a row of its own."""
    rows = pack([Document(tokens, [1.0] * len(tokens))], model.spec.max_positions, TOKENIZER.pad)
    logits = model.logits(model(rows.tokens_RT, rows.positions_RT, rows.document_RT, precision), precision)
    return logits[0, : len(tokens)]
