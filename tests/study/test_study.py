from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.sampling.params import SamplingParams
from edgewise.study.study import Study
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, STUDY, TUNED, TUNED_EVALUATION


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


def test_a_study_without_arms_is_a_base_alone() -> None:
    alone = Study("t", "q", BASE_EVALUATION, {}, {})
    assert list(alone.evaluations) == ["base"]


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
