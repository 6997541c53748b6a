"""Prompts of very different lengths, drawn in one batch, and the check that a part of it has the same bits."""

from __future__ import annotations

from functools import cache

from edgewise.core.keyed import key
from edgewise.model.decoder import Decoder
from edgewise.sampling.completions import Completions
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import SHAPES, TOKENIZER, sharp

END = TOKENIZER.eos
# Both sides of the multiples of 16 to which prompts are padded, and very different lengths.
LENGTHS = (1, 33, 2, 16, 60, 15, 17, 3, 48)
PROMPTS = [[1 + (7 * i + length * j) % 27 for j in range(length)] for i, length in enumerate(LENGTHS)]
KEYS = [key("test", i) for i in range(len(PROMPTS))]
SAMPLES = 6
# More than one chunk of the cache, so that it grows on the way.
PARAMS = SamplingParams(max_new_tokens=40)
NAMES = ["tied, grouped", "untied, grouped", "untied, full"]
ALL_PARAMS = [
    PARAMS,
    SamplingParams(temperature=0.5, max_new_tokens=40),
    SamplingParams(temperature=2.0, top_p=0.7, max_new_tokens=20),
    SamplingParams(top_p=0.4, max_new_tokens=20),
]


@cache
def model(name: str, backend: str = "auto") -> Decoder:
    return sharp(SHAPES[name], scale=1.2, backend=backend)


@cache
def whole(name: str, params: SamplingParams = PARAMS, backend: str = "auto") -> Completions:
    """All prompts with all samples in one batch."""
    return Engine(model(name, backend), END).sample(PROMPTS, KEYS, SAMPLES, params)


def same(name: str, part: Completions, chosen: list[int], samples: int = SAMPLES, backend: str = "auto") -> None:
    """`part` holds the bits of `whole` for the prompts `chosen` and the first samples."""
    everything = whole(name, PARAMS, backend)
    for j, p in enumerate(chosen):
        for g in range(samples):
            where = f"prompt of {len(PROMPTS[p])} tokens, sample {g}"
            length = everything.length_PG[p, g]
            assert part.ids(j, g) == everything.ids(p, g), where
            ours, theirs = part.logp_PGT[j, g, :length], everything.logp_PGT[p, g, :length]
            assert ours.tobytes() == theirs.tobytes(), where
            assert part.finished_PG[j, g] == everything.finished_PG[p, g], where
