"""A word that a tokenizer lacks is named with its problem, in training, RL and evaluation; it never becomes unk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.collect import gold_rollouts, roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import PowerSamplingParams
from edgewise.sampling.power import PowerSampler
from edgewise.study.stages import Pretrain
from edgewise.study.store import Store
from edgewise.tasks import ModularArithmetic
from edgewise.training.documents import worked_document
from edgewise.training.next_token import NextTokenSpec
from tests.tiny import EASY, SHAPE, TOKENIZER, WORLD, decoder

PROBLEM = WORLD.problem("train", 0, 0)
TOLD = rf"^world 'modular': the prompt of problem {PROBLEM.id} has the word ';', which is not among the model's words; "
LACKING = Tokenizer([word for word in WORLD.words() if word != ";"])


class Lacking(ModularArithmetic):
    """A world that forgets a word of its solutions."""

    def words(self) -> tuple[str, ...]:
        return tuple(word for word in super().words() if word != "answer")


def test_ids_of_known_words_are_those_of_the_tokenizer() -> None:
    assert prompt_ids(TOKENIZER, PROBLEM) == TOKENIZER.prompt(PROBLEM.prompt)
    solution = WORLD.solution(PROBLEM)
    assert solution_ids(TOKENIZER, WORLD, PROBLEM) == [*TOKENIZER.encode(solution), TOKENIZER.eos]


@pytest.mark.parametrize(
    "encode",
    [
        lambda: prompt_ids(LACKING, PROBLEM),
        lambda: worked_document(WORLD, PROBLEM, LACKING),
        lambda: gold_rollouts(LACKING, WORLD, [PROBLEM], 99),
        lambda: roll_out(PowerSampler(Engine(decoder(), 2)), LACKING, WORLD, [PROBLEM], 2, PowerSamplingParams(), 0),
    ],
)
def test_a_missing_word_is_named_with_its_problem(encode: Any) -> None:
    with pytest.raises(InputError, match=TOLD):
        encode()


def test_a_special_word_in_a_text_is_no_word_of_it() -> None:
    with pytest.raises(InputError, match="has the word '<eos>', which is not among"):
        prompt_ids(TOKENIZER, replace(PROBLEM, prompt=f"{PROBLEM.prompt} <eos>"))


def test_pre_training_on_a_world_that_forgets_a_word_ends_before_the_first_step(tmp_path: Path) -> None:
    stage = Pretrain(
        world=Lacking.parse(EASY.model_dump()),
        model=SHAPE,
        training=NextTokenSpec(steps=2, documents=4, row_length=96),
    )
    store = Store(tmp_path)
    with pytest.raises(
        InputError, match=r": step 0: world 'modular': the solution of problem \S+ has the word 'answer'"
    ):
        store.compute(stage)
    assert not store.is_complete(stage)
