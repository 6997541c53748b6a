from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, override
from edgewise.sampling.params import SamplingParams
from edgewise.study.context import Context
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.run import run
from edgewise.study.stages import RL, Evaluate, Midtrain, ModelStage, Pretrain
from edgewise.study.study import Study
from edgewise.tasks import StringFunctions
from tests.bounded import bounded
from tests.study.other_stages import Shrink
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, STUDY, TUNED, TUNED_EVALUATION, WORLD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("world", EASY),
        ("split", "validation"),
        ("problems", 5),
        ("samples", 17),
        ("sampling", SamplingParams(temperature=0.5, max_new_tokens=36)),
        ("seed", 1),
    ],
)
def test_an_arm_on_other_problems_is_refused(field: str, value: Any) -> None:
    other = TUNED_EVALUATION.model_copy(update={field: value})
    with pytest.raises(InputError, match=rf"^arm 'other': .* in {field}$"):
        dataclasses.replace(STUDY, arms={"tuned": TUNED_EVALUATION, "other": other})


@pytest.mark.parametrize("levels", [range(2, 4), range(0, 2), range(3, 4), range(1, 1)])
def test_regions_outside_the_levels_are_refused(levels: range) -> None:
    with pytest.raises(InputError, match=r"^region 'far': "):
        dataclasses.replace(STUDY, regions={"inside": range(1, 2), "far": levels})


def test_arms_need_a_region_to_get_a_verdict_on() -> None:
    with pytest.raises(InputError, match=r"^regions: "):
        dataclasses.replace(STUDY, regions={})


def test_regions_are_disjoint() -> None:
    with pytest.raises(InputError, match=r"^regions 'inside' and 'all': both hold level 1; make them disjoint$"):
        dataclasses.replace(STUDY, regions={"inside": range(1, 2), "all": range(1, 3)})


def test_no_arm_may_take_the_place_of_the_base() -> None:
    """It would be compared with itself and found unchanged."""
    with pytest.raises(InputError, match=r"^arm 'base': "):
        dataclasses.replace(STUDY, arms={"base": TUNED_EVALUATION})


def test_the_base_comes_first_and_stages_have_names() -> None:
    assert list(STUDY.evaluations.items()) == [("base", BASE_EVALUATION), ("tuned", TUNED_EVALUATION)]
    assert STUDY.names() == {
        digest(BASE_EVALUATION): "base: evaluate",
        digest(PRETRAIN): "base: pretrain",
        digest(TUNED_EVALUATION): "tuned: evaluate",
        digest(TUNED): "tuned: rl",
    }


def test_a_study_without_arms_is_refused() -> None:
    with pytest.raises(InputError, match=r"^arms: the study has none; [^\n]*$"):
        Study("t", "q", BASE_EVALUATION, {}, {})


def on(parent: ModelStage, **fields: Any) -> Evaluate:
    return Evaluate.model_validate({**dict(BASE_EVALUATION), "parent": parent, **fields})


OTHER_BASE = PRETRAIN.model_copy(update={"seed": 1})


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"rl": on(RL(parent=OTHER_BASE, world=EASY, recipe=RECIPE))}, "arm 'rl': its model was not made from the bas"),
        ({"other": on(OTHER_BASE)}, "arm 'other': its model was not made from the base's"),
        ({"a": BASE_EVALUATION}, "arm 'a': is the same evaluation of the same model as 'base'; leave it out"),
        ({"a": TUNED_EVALUATION, "b": TUNED_EVALUATION}, "arm 'b': is the same evaluation of the same model as 'a'"),
    ],
)
def test_arms_that_are_not_made_from_the_base_or_nothing_new_are_refused(arms: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}[^\n]*$"):
        dataclasses.replace(STUDY, arms=arms)


def test_a_teacher_is_no_base() -> None:
    """A student of the base that began from another model is no model made from the base."""
    distil = override(RECIPE, ["sampling.behavior=teacher", "advantage=indicator_correct", "loss.function=reinforce"])
    student = RL(parent=OTHER_BASE, world=EASY, recipe=distil, teacher=PRETRAIN)
    with pytest.raises(InputError, match=r"^arm 'student': its model was not made from the base's"):
        dataclasses.replace(STUDY, arms={"student": on(student)})


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("train", "'base': evaluates on split 'train', on which its pretrain stage trains"),
        ("held_out", "arm 'tuned': evaluates on split 'held_out', on which its rl stage trains"),
    ],
)
def test_an_evaluation_on_what_a_model_was_trained_on_is_refused(split: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}; use another[^\n]*$"):
        dataclasses.replace(STUDY, base=on(PRETRAIN, split=split), arms={"tuned": on(TUNED, split=split)})


def tuned_by(*settings: str, **fields: Any) -> Study:
    """The study with another recipe, or other fields, of its RL stage."""
    rl = RL.model_validate({**dict(TUNED), "recipe": override(RECIPE, settings), **fields})
    return dataclasses.replace(STUDY, arms={"tuned": on(rl)})


def based_on(base: Pretrain, **fields: Any) -> Study:
    """The study from another base, evaluated with other fields."""
    tuned = TUNED.model_copy(update={"parent": base})
    return dataclasses.replace(STUDY, base=on(base, **fields), arms={"tuned": on(tuned, **fields)})


def short(**training: Any) -> Pretrain:
    return PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update=training)})


SMALL = PRETRAIN.model_copy(update={"model": PRETRAIN.model.model_copy(update={"max_positions": 40})})
STRINGS = StringFunctions(max_calls=1)
MORE_LETTERS = WORLD.model_copy(update={"letters": 9})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        # Limits that do not fit the positions of the model.
        (lambda: based_on(PRETRAIN, sampling=SamplingParams(max_new_tokens=90)), "base: evaluate: max_new_tokens: "),
        (lambda: tuned_by("sampling.max_new_tokens=90"), "tuned: rl: max_new_tokens: "),
        (lambda: based_on(SMALL), "tuned: rl: max_new_tokens: |base: evaluate: max_new_tokens: "),
        (lambda: based_on(short(randomized_positions=900)), "base: pretrain: max_positions: must be at least "),
        (lambda: based_on(short(row_length=8)), "base: pretrain: row_length: must hold the longest document"),
        (
            lambda: tuned_by(
                "sampling.behavior=gold", "sampling.samples=1", "sampling.max_new_tokens=2",
                "advantage=indicator_correct", "loss.function=reinforce",
            ),
            "tuned: rl: max_new_tokens: must hold the longest gold solution",
        ),
        # More problems than the world has.
        (lambda: based_on(PRETRAIN, problems=60), r"base: evaluate: problems: only \d+ different ones of level 1"),
        (
            lambda: tuned_by("sampling.curriculum=pool", "sampling.curriculum.size=5000"),
            r"tuned: rl: sampling.curriculum.size: must be at most \d+",
        ),
        (lambda: tuned_by("sampling.curriculum=edge"), "tuned: rl: sampling.curriculum: edge chooses between levels"),
        # Words that the base does not have.
        (lambda: tuned_by(world=STRINGS), "tuned: rl: world: the parent's model has no word "),
        (lambda: based_on(PRETRAIN, world=MORE_LETTERS), "base: evaluate: world: [^\n]*no word"),
        (
            lambda: dataclasses.replace(STUDY, arms={"mid": on(Midtrain(parent=PRETRAIN, world=STRINGS))}),
            "mid: midtrain: world: the parent's model has no word ",
        ),
        # A reward that the world does not give.
        (lambda: tuned_by("reward.function.kind=world", "reward.function.name=none"), "tuned: rl: reward.function"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_computed_cannot_be_made(make: Callable[[], Study], message: str) -> None:
    with pytest.raises(InputError, match=f"^({message})[^\n]*$"):
        make()


def test_a_declared_vocabulary_makes_other_words_possible() -> None:
    base = PRETRAIN.model_copy(update={"vocabulary": (STRINGS,)})
    mid = Midtrain(parent=base, world=STRINGS, training=PRETRAIN.training)
    dataclasses.replace(STUDY, base=on(base), arms={"mid": on(mid)})


def test_stages_without_a_study_are_checked_before_any_is_computed(tmp_path: Path) -> None:
    rl = RL(parent=PRETRAIN, world=STRINGS, recipe=RECIPE)
    with pytest.raises(InputError, match=r"^rl: world: the parent's model has no word "):
        run([rl], Context(tmp_path, workers=1))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_known_without_the_model_is_not_refused() -> None:
    """A stage from outside that reads its model from somewhere: its words and positions are not known."""

    class Found(Shrink):
        kind: Literal["found"] = "found"  # type: ignore[assignment]

        def words(self) -> None:
            return None

    found = Found(parent=PRETRAIN, world=EASY)
    dataclasses.replace(STUDY, arms={"tuned": on(RL(parent=found, world=STRINGS, recipe=RECIPE))})


def test_checking_the_demonstration_takes_less_than_a_second() -> None:
    with bounded(1):
        demo(DemoSpec())


@pytest.mark.parametrize(
    ("arms", "regions", "message"),
    [
        ({"arm": PRETRAIN}, {"all": range(1, 2)}, "arm 'arm': must be an Evaluate, is a Pretrain"),
        ({"arm": TUNED_EVALUATION}, {"all": 3}, "region 'all': must be a range of levels, such as range(3, 6), is 3"),
        ({"a\x1b[2J": TUNED_EVALUATION}, {"all": range(1, 2)}, "must be printable text"),
        ({"arm": TUNED_EVALUATION}, {"r\x01": range(1, 2)}, "must be printable text"),
    ],
)
def test_parts_of_the_wrong_kind_are_refused_in_one_line(arms: Any, regions: Any, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Study("t", "q", BASE_EVALUATION, arms, regions)
