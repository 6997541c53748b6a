from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, Outcomes, align
from edgewise.core.errors import InputError


def columns(**changed: Any) -> dict[str, Any]:
    """Problem b (level 2) with samples 1, 0, 5 out of order, and problem a (level 1) with two."""
    base: dict[str, Any] = {
        "problem": np.array(["b", "a", "b", "a", "b"]),
        "level": np.array([2, 1, 2, 1, 2]),
        "sample": np.array([1, 0, 0, 1, 5]),
        "answer": np.array([1, 0, -1, 0, 1]),
        "process": np.array([0, -1, -1, 1, 1]),
        "truncated": np.array([False, False, True, False, False]),
        "tokens": np.array([7, 8, 9, 10, 11]),
    }
    return base | changed


def test_counts_by_answer_and_by_process() -> None:
    answer = Outcomes.of(**columns()).counts()
    assert answer.problem.tolist() == ["a", "b"]
    assert answer.level.tolist() == [1, 2]
    assert answer.n_P.tolist() == [2, 3]
    assert answer.c_P.tolist() == [0, 2]
    assert answer.unscorable_P.tolist() == [0, 1]
    assert answer.truncated_P is not None and answer.truncated_P.tolist() == [0, 1]
    process = Outcomes.of(**columns()).counts("process")
    assert process.c_P.tolist() == [1, 1]
    assert process.unscorable_P.tolist() == [1, 1]
    assert process.metric == "process"


def test_first_success_follows_sample_numbers_not_rows() -> None:
    counts = Outcomes.of(**columns()).counts()
    # b in sample order is -1, 1, 1: one sample before the first correct one; a has none correct.
    assert counts.first_P is not None
    assert counts.first_P.tolist() == [2, 1]


def test_rates_average_over_problems() -> None:
    rates = Outcomes.of(**columns()).rates()
    assert rates.unscorable == pytest.approx((0 + 1 / 3) / 2)
    assert rates.truncated == pytest.approx((0 + 1 / 3) / 2)


def test_levels() -> None:
    outcomes = Outcomes.of(**columns())
    assert outcomes.levels == (1, 2)
    only = outcomes.select_levels([2])
    assert only.levels == (2,)
    assert only.tokens_S is not None and only.tokens_S.tolist() == [7, 9, 11]
    with pytest.raises(InputError, match=r"\[3\] asked for; there are \(1, 2\)"):
        outcomes.select_levels([2, 3])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"level": np.array([1, 1])}, "level: shape"),
        ({"answer": np.array([1, 0, 2, 0, 1])}, "answer_S: verdict 2"),
        ({"process": np.array([1, 0, -2, 0, 1])}, "process_S: verdict -2"),
        ({"process": np.array([1.0, 0, 0, 0, 1])}, "process_S: float64"),
        ({"sample": np.array([1, 0, 1, 1, 5])}, "sample: problem b has sample 1 twice"),
        ({"level": np.array([2, 1, 3, 1, 2])}, "level: problem b has levels 2 and 3"),
        ({"truncated": np.array([0, 0, 1, 0, 0])}, "truncated_S: int64"),
        ({"tokens": np.array([7, 8, -9, 10, 11])}, "tokens_S: a negative"),
        ({"problem": np.array(["x" * 300, "a", "b", "a", "b"])}, "problem: an id is longer"),
        ({name: column[:0] for name, column in columns().items()}, "there is no row"),
    ],
)
def test_bad_rows(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Outcomes.of(**columns(**changed))


def test_align_needs_the_same_problems() -> None:
    base = Outcomes.of(**columns())
    renamed = Outcomes.of(**columns(problem=np.array(["b", "c", "b", "c", "b"])))
    shuffled = [4, 2, 0, 1, 3]
    tuned = Outcomes.of(**{name: column[shuffled] for name, column in columns().items()})
    left, right = align(base, tuned)
    assert left.problem.tolist() == right.problem.tolist()
    assert left.c_P.tolist() == right.c_P.tolist()
    with pytest.raises(InputError, match=r"problem: 1 only in base \(a\)"):
        align(base, renamed)
    moved = Outcomes.of(**columns(level=np.array([3, 1, 3, 1, 3])))
    with pytest.raises(InputError, match=r"level: 1 problems have another level.*\(b\)"):
        align(base, moved)
    of_s, of_t = (replace(base, set=np.array([name] * 2)) for name in ("s", "t"))
    with pytest.raises(InputError, match=r"set: 2 problems are in another set in tuned than in base \(a, b\)"):
        align(of_s, of_t)


def test_import_loads_neither_torch_nor_pyarrow() -> None:
    script = (
        "import sys, edgewise.boundary\nprint([name for name in ('torch', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_select_keeps_every_column_in_step() -> None:
    whole = Outcomes(
        problem=np.array(["a", "b", "c"]),
        level=np.array(["easy", "hard", "hard"]),
        problem_S=np.array([2, 0, 1, 2], dtype=np.int32),
        sample_S=np.array([1, 0, 0, 0]),
        answer_S=np.array([1, 0, -1, 0], dtype=np.int8),
        score_S=np.array([0.1, 0.2, 0.3, 0.4]),
        predicted_S=np.array([0, 1, -1, 1], dtype=np.int32),
        answers=("5", "6"),
        cluster=np.array(["x", "y", "y"]),
        gold=np.array(["1", "2", "5"]),
    )
    hard = whole.select_levels(["hard"])
    assert hard.problem.tolist() == ["b", "c"]
    assert hard.problem[hard.problem_S].tolist() == ["c", "b", "c"]
    assert hard.score_S is not None and hard.score_S.tolist() == [0.1, 0.3, 0.4]
    assert hard.predicted_S is not None and [hard.answers[i] for i in hard.predicted_S if i >= 0] == ["5", "6"]
    assert hard.gold is not None and hard.gold.tolist() == ["2", "5"]
    counts = whole.counts()
    assert counts.cluster_P is not None and counts.cluster_P.tolist() == [0, 1, 1]
    assert counts.select(np.array([False, True, True])).c_P.tolist() == hard.counts().c_P.tolist() == [0, 1]
    with pytest.raises(InputError, match="the process was not verified"):
        whole.counts("process")


def test_deal_is_the_draw_without_replacement() -> None:
    counts = Counts.of([8] * 20_000, [3] * 20_000, cluster=[1] * 20_000)
    here, there = counts.deal(4, seed=5)
    assert (here.n_P == 4).all() and (there.n_P == 4).all()
    assert (here.c_P + there.c_P == 3).all()
    shares = np.bincount(here.c_P, minlength=4) / 20_000
    assert shares == pytest.approx(np.array([5, 30, 30, 5]) / 70, abs=0.012)
    assert there.cluster_P is counts.cluster_P
    with pytest.raises(InputError, match="m: 8 to 8 samples"):
        counts.deal(8, seed=0)
