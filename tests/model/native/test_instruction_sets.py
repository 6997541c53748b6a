"""Every library that was built and that this machine runs computes the same, most of them to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgewise.model.native import build, library
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.decode_native import decode_native
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import SHAPES, sharp
from tests.model.flat import VOCABULARY, agree, in_double, learned, shared_text
from tests.model.native.present import needs_kernels

pytestmark = needs_kernels


def plain() -> library.Kernels:
    return library.Kernels(build.library_path(build.BASELINE), build.BASELINE)


def kernels_for(instruction_set: str) -> library.Kernels:
    """The kernels for an instruction set; the test is skipped where they were not built or cannot run."""
    path = build.library_path(instruction_set)
    if not path.exists() or not plain().supports(instruction_set):
        pytest.skip(f"{instruction_set} is not built, or not for this machine")
    kernels = library.Kernels(path, instruction_set)
    assert kernels.is_current
    return kernels


@pytest.mark.parametrize("instruction_set", build.INSTRUCTION_SETS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_instruction_set_reads_alike(instruction_set: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = kernels_for(instruction_set)
    monkeypatch.setattr(library, "find_kernels", lambda: kernels)
    model, text = sharp(SHAPES[name], VOCABULARY, scale=1.2), shared_text([(17, [1, 36]), (1, [5])])
    assert model.backend == "native"
    agree(*(learned(each, lambda m: m.forward_packed(text)) for each in (model, in_double(model))))


@pytest.mark.parametrize("name", SHAPES)
def test_libraries_that_promise_the_same_bits_have_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden states, gradients, tokens and log-probabilities; see tests/test_same_bits.py for whole runs."""
    runnable = [build.library_path(each).exists() and plain().supports(each) for each in build.INSTRUCTION_SETS]
    libraries = [kernels_for(each) for each, runs in zip(build.INSTRUCTION_SETS, runnable, strict=True) if runs]
    exact = [kernels for kernels in libraries if kernels.same_bits]
    if len(exact) < 2:
        pytest.skip("one library of the same bits, or none, runs here")
    model, text = sharp(SHAPES[name], VOCABULARY, scale=1.2), shared_text([(17, [1, 36]), (1, [5])])
    requests = [PromptRequest(range(1, n), n, 20) for n in (2, 20)]
    found = []
    for kernels in exact:
        monkeypatch.setattr(library, "find_kernels", lambda kernels=kernels: kernels)
        hidden, gradients = learned(model, lambda m: m.forward_packed(text))
        drawn = decode_native(model, 3, requests, 5, SamplingParams(max_new_tokens=20), model_logp=True)
        found.append([hidden, *gradients.values(), *map(torch.from_numpy, drawn)])
    for other in found[1:]:
        assert all(torch.equal(x, y) for x, y in zip(found[0], other, strict=True))


@pytest.mark.parametrize("instruction_set", sorted(set(build.INSTRUCTION_SETS) - {build.BASELINE}))
def test_every_instruction_set_samples_alike(instruction_set: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sharp(SHAPES["untied, grouped"], VOCABULARY, scale=1.2)
    requests = [PromptRequest(range(1, n), n, 20) for n in (2, 20)]

    def sampled(kernels: library.Kernels) -> SampledTokens:
        monkeypatch.setattr(library, "find_kernels", lambda: kernels)
        return decode_native(model, 3, requests, 5, SamplingParams(max_new_tokens=20))

    first, other = sampled(kernels_for(build.BASELINE)), sampled(kernels_for(instruction_set))
    assert (first.tokens_PGT == other.tokens_PGT).all()
    np.testing.assert_allclose(first.logp_PGT, other.logp_PGT, atol=1e-5)
