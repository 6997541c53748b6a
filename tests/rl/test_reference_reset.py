from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, canonical_json, plain
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.rl.reference_reset import (
    NeverReset,
    PeriodicReset,
    Reset,
    ResetOnKl,
    ResetOnPlateau,
    ResetTrigger,
    validation_problems,
)
from tests.rl.bandit import WORLD

EVERY_KIND: dict[str, NeverReset | PeriodicReset | ResetOnKl | ResetOnPlateau] = {
    "never": NeverReset(),
    "period": PeriodicReset(every=3),
    "kl": ResetOnKl(above=0.5),
    "plateau": ResetOnPlateau(every=2, patience=2, gain=0.05),
    "plateau of equal looks": ResetOnPlateau(every=1, patience=3),
}


class Holder(Spec):
    reset: Reset = NeverReset()


def not_asked() -> float:
    raise AssertionError("the score was asked for")


def always(found: float) -> Callable[[], float]:
    return lambda: found


def looks(watch: ResetTrigger, scores: list[float]) -> list[int]:
    """The numbers of the looks, one a step, that reset."""
    return [step for step, score in enumerate(scores) if watch.due(step, None, always(score))]


def test_never_resets() -> None:
    watch = NeverReset().start()
    assert not any(watch.due(step, 100.0, not_asked) for step in range(50))


def test_a_period_resets_after_every_so_many_updates() -> None:
    watch = PeriodicReset(every=3).start()
    assert [step for step in range(10) if watch.due(step, 100.0, not_asked)] == [2, 5, 8]
    assert all(PeriodicReset(every=1).start().due(step, None, not_asked) for step in range(3))


def test_a_kl_resets_above_the_threshold_only_and_not_where_none_was_measured() -> None:
    watch = ResetOnKl(above=0.5).start()
    seen = [0.1, 0.5, 0.51, None, 0.2, 7.0]
    assert [step for step, kl in enumerate(seen) if watch.due(step, kl, not_asked)] == [2, 5]


@pytest.mark.parametrize("kl", [math.nan, math.inf])
def test_a_kl_that_is_not_finite_is_refused(kl: float) -> None:
    with pytest.raises(InputError, match="kl: must be finite"):
        ResetOnKl(above=0.5).start().due(3, kl, not_asked)


def test_a_plateau_looks_only_when_it_is_time() -> None:
    watch = ResetOnPlateau(every=4, patience=1).start()
    asked = []

    def score() -> float:
        asked.append(step)
        return 0.5

    for step in range(12):
        watch.due(step, None, score)
    assert asked == [3, 7, 11]


def test_a_plateau_is_patience_looks_in_a_row_without_a_gain() -> None:
    scores = [0.1, 0.2, 0.2, 0.15, 0.3, 0.3, 0.3, 0.3, 0.9]
    assert looks(ResetOnPlateau(every=1, patience=3).start(), scores) == [7]
    assert looks(ResetOnPlateau(every=1, patience=4).start(), scores) == []


def test_a_gain_must_exceed_the_best_look_and_not_the_last_one() -> None:
    assert looks(ResetOnPlateau(every=1, patience=2).start(), [0.5, 0.3, 0.4]) == [2]
    # Each rises a little over the one before, the third by 0.25 over the best.
    assert looks(ResetOnPlateau(every=1, patience=2, gain=0.125).start(), [0.25, 0.375, 0.5, 0.5]) == []
    assert looks(ResetOnPlateau(every=1, patience=2, gain=0.125).start(), [0.25, 0.3125, 0.375]) == [2]


def test_after_a_reset_best_and_patience_start_anew() -> None:
    # The best of before, 0.9, no longer counts: 0.1 gains, 0.2 gains, and two looks wait again.
    scores = [0.9, 0.5, 0.5, 0.1, 0.2, 0.2, 0.2, 0.0, 0.0]
    assert looks(ResetOnPlateau(every=1, patience=2).start(), scores) == [2, 6]


def test_a_score_that_is_no_pass_rate_is_refused() -> None:
    for score in (math.nan, -0.1, 1.5):
        with pytest.raises(InputError, match="score: must be a pass rate"):
            ResetOnPlateau(every=1, patience=1).start().due(0, None, always(score))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_run_interrupted_after_any_step_resets_when_the_whole_one_does(kind: str, tmp_path: Path) -> None:
    scores = [0.1, 0.3, 0.12, 0.3, 0.34, 0.9, 0.9, 0.4, 0.2, 0.1, 0.26, 0.2, 0.2, 0.3, 0.2, 0.1]
    kls = [0.1, 0.6, None, 0.2] * 4

    def due(watch: ResetTrigger, step: int) -> bool:
        return watch.due(step, kls[step], always(scores[step]))

    watch = EVERY_KIND[kind].start()
    whole = [due(watch, step) for step in range(len(scores))]
    assert any(whole) == (kind != "never")
    for stop in range(len(scores) + 1):
        before = EVERY_KIND[kind].start()
        for step in range(stop):
            due(before, step)
        save_tensors(before.tensors(), tmp_path / "state")
        after = EVERY_KIND[kind].start()
        due(after, 5)  # what is there already is replaced whole
        after.load(load_tensors(tmp_path / "state"))
        assert [due(after, step) for step in range(stop, len(scores))] == whole[stop:]


def test_a_checkpoint_of_another_reset_is_refused() -> None:
    saved = ResetOnPlateau(every=1, patience=1).start().tensors()
    for spec in (NeverReset(), PeriodicReset(every=1), ResetOnKl(above=1.0)):
        with pytest.raises(InputError, match="checkpoint of another reset"):
            spec.start().load(saved)
    with pytest.raises(InputError, match="checkpoint of another reset"):
        ResetOnPlateau(every=1, patience=1).start().load({})


def test_validation_problems_are_of_the_train_split_under_a_seed_of_their_own() -> None:
    problems = validation_problems(WORLD, "held_out", 3, 20)
    assert len(problems) == 20
    assert {problem.split for problem in problems} == {"held_out"}
    trained_on = {(problem.seed, problem.index) for problem in (WORLD.problem("held_out", 3, i) for i in range(20))}
    assert not trained_on & {(problem.seed, problem.index) for problem in problems}
    assert problems == validation_problems(WORLD, "held_out", 3, 20)
    assert problems[:5] == validation_problems(WORLD, "held_out", 3, 5)
    assert {problem.seed for problem in validation_problems(WORLD, "held_out", 4, 5)}.isdisjoint(
        {p.seed for p in problems}
    )


def test_a_bare_name_stands_for_the_choice_with_its_defaults() -> None:
    assert Holder.parse({"reset": "never"}) == Holder()
    with pytest.raises(InputError, match="every: Field required"):
        Holder.parse({"reset": "period"})


def test_specs_are_read_back_as_written() -> None:
    for spec in [*EVERY_KIND.values(), PeriodicReset(every=2, optimizer="clear")]:
        held = Holder.parse({"reset": plain(spec)})
        assert held.reset == spec
        assert canonical_json(Holder.parse(plain(held))) == canonical_json(held)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"kind": "period", "every": 0}, "every"),
        ({"kind": "kl", "above": 0.0}, "above"),
        ({"kind": "plateau", "every": 1, "patience": 0}, "patience"),
        ({"kind": "plateau", "every": 1, "patience": 1, "gain": -0.1}, "gain"),
        ({"kind": "period", "every": 1, "optimizer": "halve"}, "optimizer"),
        ({"kind": "never", "optimizer": "clear"}, "optimizer"),
    ],
)
def test_bad_numbers_are_refused_in_one_line(written: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as refused:
        Holder.parse({"reset": written})
    assert "\n" not in str(refused.value)
