"""A base that declares words beyond its own world, so that later stages may use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.model.hf import load_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.study.stages import MODEL, RL, Evaluate, Midtrain, Pretrain
from edgewise.study.store import Store
from edgewise.tasks import ModularArithmetic
from edgewise.tasks.strings import StringFunctions
from edgewise.training.next_token import NextTokenSpec
from tests.tiny import EASY, PARAMS, PRETRAIN, RECIPE

STRINGS = StringFunctions(max_calls=1)
WIDER = ModularArithmetic.parse({**EASY.model_dump(), "letters": 6})
SHORT = NextTokenSpec(steps=20, documents=8, row_length=96)
BASE = Pretrain(world=EASY, vocabulary=(STRINGS, WIDER), model=PRETRAIN.model, training=SHORT)


def test_words_are_those_of_the_base_then_what_each_declared_world_adds() -> None:
    words = BASE.words()
    assert words[: len(EASY.words())] == EASY.words()
    added = words[len(EASY.words()) :]
    new = [word for word in STRINGS.words() if word not in EASY.words()]
    assert list(added[: len(new)]) == new and set(words) == {*EASY.words(), *STRINGS.words(), *WIDER.words()}
    assert len(set(words)) == len(words)
    swapped = BASE.model_copy(update={"vocabulary": (WIDER, STRINGS)}).words()
    assert swapped != words and set(swapped) == set(words)


def test_without_a_declared_vocabulary_the_words_are_those_of_the_world() -> None:
    assert PRETRAIN.vocabulary == () and PRETRAIN.words() == EASY.words()


def test_a_base_with_a_declared_vocabulary_is_trained_on_in_another_wording(tmp_path: Path) -> None:
    """Strings after arithmetic, then RL and an evaluation on strings, and one on the base's own world."""
    store = Store(tmp_path)
    midtrained = Midtrain(parent=BASE, world=STRINGS, training=NextTokenSpec(steps=60, documents=16, row_length=96))
    tuned = RL(parent=midtrained, world=STRINGS, recipe=RECIPE.model_copy(update={"steps": 1}))
    evaluations = [
        Evaluate(parent=tuned, world=world.at_level(1), problems=2, samples=2, sampling=PARAMS)
        for world in (STRINGS, EASY)
    ]
    for stage in (BASE, midtrained, tuned, *evaluations):
        store.compute(stage)
    losses = [line["loss"] for line in store.metrics(midtrained)]
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]
    for stage in (BASE, midtrained, tuned):
        assert load_pretrained(store.folder(stage) / MODEL)[1] == Tokenizer(BASE.words())
    assert Pretrain.parse(json.loads((store.folder(BASE) / "spec.json").read_text())) == BASE


def test_words_that_nobody_declared_are_refused_as_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    base = BASE.model_copy(update={"vocabulary": (WIDER,)})
    store.compute(base)
    with pytest.raises(InputError, match=r"^world: the parent's model has no word [^\n]*`vocabulary` of the base$"):
        store.compute(Midtrain(parent=base, world=STRINGS, training=SHORT))
    store.compute(Midtrain(parent=base, world=WIDER, training=SHORT))
