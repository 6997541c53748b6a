"""Every library that was built and that this machine runs computes the same."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edgewise.model import compiled
from edgewise.model.native import build, library
from edgewise.sampling.base import SamplingParams
from edgewise.sampling.compiled import decode
from edgewise.sampling.decoding import Ask, Drawn
from tests.model.flat import VOCABULARY, agree, in_double, learned, shared_text
from tests.model.native.present import needs_kernels
from tests.model.tiny import SHAPES, sharp

pytestmark = needs_kernels


def opened(level: int) -> ctypes.CDLL:
    """The library of a level; the test is skipped where it was not built or cannot run."""
    plain = library._open(0)
    assert plain is not None
    if not build.library(level).exists() or not plain.edgewise_runs(level):
        pytest.skip(f"level {level} is not built, or not for this machine")
    found = library._open(level)
    assert found is not None
    return found


@pytest.mark.parametrize("level", build.LEVELS)
@pytest.mark.parametrize("name", SHAPES)
def test_every_level_reads_alike(level: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = opened(level)
    monkeypatch.setattr(library, "library", lambda: kernels)
    model, text = sharp(SHAPES[name], VOCABULARY, scale=1.2), shared_text([(17, [1, 36]), (1, [5])])
    assert compiled.usable(model)
    agree(*(learned(each, lambda m: m.read(text)) for each in (model, in_double(model))))


@pytest.mark.parametrize("level", sorted(set(build.LEVELS) - {0}))
def test_every_level_draws_alike(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sharp(SHAPES["untied, grouped"], VOCABULARY, scale=1.2)
    asks = [Ask(range(1, n), n, 20) for n in (2, 20)]

    def drawn(kernels: ctypes.CDLL) -> Drawn:
        monkeypatch.setattr(library, "library", lambda: kernels)
        return decode(model, 3, asks, 5, SamplingParams(max_new_tokens=20))

    plain, other = drawn(opened(0)), drawn(opened(level))
    assert (plain.tokens_PGT == other.tokens_PGT).all()
    np.testing.assert_allclose(plain.logp_PGT, other.logp_PGT, atol=1e-5)
