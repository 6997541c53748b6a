from __future__ import annotations

from collections.abc import Callable

import pytest

from edgewise.core.errors import InputError
from edgewise.study.grid import Grid, chain, choices, product, zipped
from edgewise.study.stages import RL, Evaluate
from edgewise.study.study import Study
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, STUDY

LETTERS = choices("letter", {"a": 1, "b": 2})
DIGITS = choices("digit", {"one": 1.0, "two": 2.0})


def test_product_has_every_combination_the_last_fastest() -> None:
    assert list(product(LETTERS, DIGITS).items()) == [
        ("a, one", {"letter": 1, "digit": 1.0}),
        ("a, two", {"letter": 1, "digit": 2.0}),
        ("b, one", {"letter": 2, "digit": 1.0}),
        ("b, two", {"letter": 2, "digit": 2.0}),
    ]
    assert product(LETTERS) == LETTERS
    assert len(product(LETTERS, DIGITS, choices("c", {"x": 0, "y": 1, "z": 2}))) == 12


def test_zipped_goes_side_by_side() -> None:
    assert dict(zipped(LETTERS, DIGITS)) == {
        "a, one": {"letter": 1, "digit": 1.0},
        "b, two": {"letter": 2, "digit": 2.0},
    }


def test_chain_goes_one_after_the_other_and_nests() -> None:
    more = choices("letter", {"c": 3})
    assert list(chain(LETTERS, more)) == ["a", "b", "c"]
    assert list(product(chain(LETTERS, more), DIGITS))[-1] == "c, two"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: choices("x", {}), "x: has no choice"),
        (lambda: product(LETTERS, choices("letter", {"c": 3})), "c: sets 'letter', which another grid sets too"),
        (lambda: zipped(LETTERS, choices("x", {"c": 3})), "zipped: grids of 2, 1 points"),
        (lambda: chain(LETTERS, choices("other", {"b": 3})), "b: two points of the grid have this name"),
        (lambda: product(choices("x", {"a": 1, "a, b": 2}), choices("y", {"b, c": 1, "c": 2})), "a, b, c: two points"),
    ],
)
def test_what_would_lose_an_arm_is_refused(make: Callable[[], Grid], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}[^\n]*$"):
        make()


def test_a_grid_makes_the_arms_of_a_study_over_seeds() -> None:
    def arm(world: object, steps: int) -> Callable[[int], Evaluate]:
        recipe = RECIPE.model_copy(update={"steps": steps})
        rl = RL.model_validate({"parent": PRETRAIN, "world": world, "recipe": recipe})
        return lambda seed: BASE_EVALUATION.model_copy(update={"parent": rl.model_copy(update={"seed": seed})})

    grid = product(choices("world", {"easy": EASY}), choices("steps", {"short": 1, "long": 2}))
    arms = {name: arm(**point) for name, point in grid.items()}
    study = Study("Grid", "Which?", BASE_EVALUATION, arms, STUDY.regions, seeds=(0, 1))
    assert list(study.evaluations)[1:] == ["easy, short/0", "easy, short/1", "easy, long/0", "easy, long/1"]
