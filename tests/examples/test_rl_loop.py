"""The loop of examples/rl_loop.py and the library log the same numbers at every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.model.hf import load_pretrained
from edgewise.study.store import Store
from examples import rl_loop


def test_the_loop_by_hand_is_the_library_s(tmp_path: Path) -> None:
    base = Store(tmp_path / "store").compute(rl_loop.BASE) / "model"
    hand = rl_loop.by_hand(*load_pretrained(base), rl_loop.WORLD, seed=3)
    library = rl_loop.through_the_library(*load_pretrained(base), rl_loop.WORLD, seed=3, folder=tmp_path / "rl")
    assert len(hand) == len(library) == rl_loop.STEPS
    for ours, theirs in zip(hand, library, strict=True):
        assert (ours["reward"], ours["length"]) == (theirs["reward"], theirs["length"])
        assert ours["grad_norm"] == pytest.approx(theirs["grad_norm"], rel=1e-4)
        assert ours["clip_fraction"] == pytest.approx(theirs["clip_fraction"], abs=0.01)
    assert any(line["reward"] for line in hand) and any(line["clip_fraction"] for line in hand)


def test_the_weights_that_both_end_with_are_the_same(tmp_path: Path) -> None:
    base = Store(tmp_path / "store").compute(rl_loop.BASE) / "model"
    (mine, tokenizer), (theirs, _) = load_pretrained(base), load_pretrained(base)
    before = {name: parameter.detach().clone() for name, parameter in mine.named_parameters()}
    rl_loop.by_hand(mine, tokenizer, rl_loop.WORLD, seed=0)
    rl_loop.through_the_library(theirs, tokenizer, rl_loop.WORLD, seed=0, folder=tmp_path / "rl")
    for name, parameter in theirs.named_parameters():
        moved = float((mine.get_parameter(name) - before[name]).detach().abs().max())
        assert moved > 1e-3
        assert float((mine.get_parameter(name) - parameter).detach().abs().max()) < 0.02 * moved
