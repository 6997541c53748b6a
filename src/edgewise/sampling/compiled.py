"""Decoding by the compiled kernels: the twin of `edgewise.sampling.decoding` for FP32 on a CPU.

The same completions up to rounding, several times sooner. Each thread decodes alone, a few slots at a
time; a slot whose completion ends takes the next one at once. A completion has the same bits whatever
else is drawn, on any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from itertools import accumulate

import numpy as np
import torch

from edgewise.core.threads import usable_cores
from edgewise.model.compiled import described, usable, weights_of
from edgewise.model.decoder import Decoder
from edgewise.model.native.library import Request, check, kernels
from edgewise.sampling.base import SamplingParams
from edgewise.sampling.decoding import Ask, Drawn
from edgewise.sampling.random_numbers import row_keys

# Slots of one thread. More share one reading of the weights; fewer leave keys and values in the processor's caches,
# which counts for more where the weights stay there too.
_SLOTS, _SLOTS_OF_LARGE, _LARGE = 16, 48, 2**21


def serves(model: Decoder, params: SamplingParams, logit_noise: float) -> bool:
    """Whether the kernels know this law and can run this model here."""
    return params.top_p == 1 and params.precision == "fp32" and logit_noise == 0 and usable(model)


def decode(
    model: Decoder, end: int, asks: Sequence[Ask], samples: int, params: SamplingParams, model_logp: bool = False
) -> Drawn:
    """`samples` completions of each prompt, on as many threads as there are cores for it; see `Ask` and `Drawn`."""
    prompts = np.concatenate([np.asarray(ask.prompt, np.int32) for ask in asks])
    if prompts.min() < 0 or prompts.max() >= model.vocabulary:
        raise IndexError(f"a prompt has a token outside the vocabulary of {model.vocabulary}")
    start = np.fromiter(accumulate((len(ask.prompt) for ask in asks), initial=0), np.int64)
    limit = np.array([min(ask.limit, params.max_new_tokens) for ask in asks], np.int32)
    keys = row_keys([ask.key for ask in asks], samples, torch.device("cpu")).numpy()
    tokens = np.full((len(asks), samples, params.max_new_tokens), -1, np.int32)
    logp = np.zeros(tokens.shape, np.float32)
    own = np.zeros(tokens.shape, np.float32) if model_logp else None
    weights = weights_of(model)
    request = Request(
        len(asks),
        samples,
        params.max_new_tokens,
        *(array.ctypes.data for array in (prompts, start, limit, keys)),
        params.temperature,
        end,
        usable_cores(),
        _SLOTS if sum(weight.numel() for weight in weights) < _LARGE else _SLOTS_OF_LARGE,
        tokens.ctypes.data,
        logp.ctypes.data,
        None if own is None else own.ctypes.data,
    )
    check(kernels().edgewise_sample(byref(described(model, weights)), byref(request)))
    return Drawn(tokens, logp, own)
