"""Drawing until a verdict is decided, with files of known samples in place of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewise.boundary import Audit
from edgewise.boundary.audit.result import Concern
from edgewise.boundary.verdict.looks import PlannedLook, plan_looks
from edgewise.core.errors import InputError
from edgewise.interop.planned_looks import look_concerns, planned_looks, remember_looks
from edgewise.interop.read import read_rollouts
from edgewise.interop.until_decided import until_decided

PROBLEMS = 80


def write(path: Path, solved_PG: np.ndarray, *, cut_off: bool = False) -> Path:
    problems, samples = solved_PG.shape
    columns = {
        "problem_id": [f"p{p}" for p in range(problems) for _ in range(samples)],
        "sample": [g for _ in range(problems) for g in range(samples)],
        "correct": [
            None if cut_off and g % 4 else bool(solved_PG[p, g]) for p in range(problems) for g in range(samples)
        ],
        "finish_reason": ["length" if cut_off and g % 4 else "stop" for _ in range(problems) for g in range(samples)],
    }
    pq.write_table(pa.table(columns), path)
    return path


def drawn(folder: Path, solved_PG: np.ndarray, asked: list[int], *, cut_off: bool = False) -> Callable[[int], Path]:
    def draw(n: int) -> Path:
        asked.append(n)
        return write(folder / "tuned.parquet", solved_PG[:, :n], cut_off=cut_off)

    return draw


@pytest.fixture
def rates() -> tuple[np.ndarray, np.random.Generator]:
    draws = np.random.default_rng(0)
    return draws.beta(0.5, 3, PROBLEMS), draws


def sample(rates: np.ndarray, n: int, draws: np.random.Generator) -> np.ndarray:
    solved_PG: np.ndarray = draws.random((PROBLEMS, n)) < rates[:, None]
    return solved_PG


def undecided(folder: Path, draws: np.random.Generator) -> tuple[Path, np.ndarray]:
    """A base, and samples of a tuned model: so few problems that no change can be shown or excluded."""
    flat = np.full(PROBLEMS, 0.5)
    return write(folder / "base.parquet", sample(flat, 32, draws)[:6]), sample(flat, 32, draws)[:6]


def test_a_large_change_ends_the_drawing_at_an_early_look(
    rates: tuple[np.ndarray, np.random.Generator], tmp_path: Path
) -> None:
    base_rates, draws = rates
    base = write(tmp_path / "base.parquet", sample(base_rates, 128, draws))
    asked: list[int] = []
    seen: list[tuple[PlannedLook, Audit]] = []
    better = sample(np.minimum(1, base_rates + 0.5), 128, draws)
    looked = until_decided(
        base, drawn(tmp_path, better, asked), 128, seen=lambda look, audit: seen.append((look, audit))
    )
    assert looked.why == "decided" and asked == [16] and [look for look, _ in seen] == [looked.plan.looks[0]]
    assert looked.number == 1 and looked.look.alpha == pytest.approx(0.05 / 15) and looked.plan.k == 8
    part = looked.verdict.parts["all problems"]
    assert part.alpha == looked.look.alpha and part.n == 16 and looked.verdict.label in ("more within k", "extended")


def test_what_no_look_decides_is_drawn_to_the_end(
    rates: tuple[np.ndarray, np.random.Generator], tmp_path: Path
) -> None:
    base, tuned = undecided(tmp_path, rates[1])
    asked: list[int] = []
    looked = until_decided(base, drawn(tmp_path, tuned, asked), 32)
    assert looked.why == "all samples are drawn" and asked == [4, 8, 16, 32] and looked.verdict.label == "cannot tell"


def test_completions_that_were_cut_off_end_the_drawing_without_a_verdict(
    rates: tuple[np.ndarray, np.random.Generator], tmp_path: Path
) -> None:
    base_rates, draws = rates
    base = write(tmp_path / "base.parquet", sample(base_rates, 64, draws))
    asked: list[int] = []
    cut = drawn(tmp_path, sample(base_rates, 64, draws), asked, cut_off=True)
    looked = until_decided(base, cut, 64)
    assert looked.why == "more samples would not decide it" and asked == [8]
    assert looked.verdict.label == "cannot tell"


def test_a_base_of_too_few_samples_is_refused(rates: tuple[np.ndarray, np.random.Generator], tmp_path: Path) -> None:
    base_rates, draws = rates
    base = write(tmp_path / "base.parquet", sample(base_rates, 8, draws))
    with pytest.raises(InputError, match=r"--against: .*base.parquet has 8 samples of a problem; .* k = 8 needs 16"):
        until_decided(base, drawn(tmp_path, sample(base_rates, 128, draws), []), 128)


def test_a_drawing_that_was_ended_goes_on_to_what_a_whole_one_comes_to(
    rates: tuple[np.ndarray, np.random.Generator], tmp_path: Path
) -> None:
    base, tuned = undecided(tmp_path, rates[1])
    whole = until_decided(base, drawn(tmp_path, tuned, []), 32)
    asked: list[int] = []
    resumed = until_decided(base, drawn(tmp_path, tuned, asked), 32, there=9)
    assert asked == [16, 32] and (resumed.number, resumed.look) == (whole.number, whole.look)
    assert resumed.verdict == whole.verdict
    with pytest.raises(InputError, match=r"-n: 32; the file holds 33 samples"):
        until_decided(base, drawn(tmp_path, tuned, []), 32, there=33)


def test_a_grown_file_says_which_alpha_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "tuned.parquet", np.ones((4, 32), bool))
    plan = plan_looks(128)
    assert planned_looks(path) is None and not list(concerns(path, 0.05))
    remember_looks(path, plan)
    remember_looks(path, plan)
    assert planned_looks(path) == plan
    (concern,) = concerns(path, 0.05)
    assert concern.forbids and concern.message.endswith(
        "the look at n = 32 has alpha 0.006667 and not 0.05: give --alpha 0.006667."
    )
    assert not list(concerns(path, 0.006667)) and list(concerns(path, 0.0067))
    remember_looks(write(path, np.ones((4, 100), bool)), plan)
    (concern,) = concerns(path, 1e-9)
    assert concern.forbids and "no look at n = 100 was planned" in concern.message
    with pytest.raises(
        InputError, match=r"tuned.parquet: was grown by looks at n = 16, 32, 64, 128 and k = 8; give -n 128"
    ):
        remember_looks(path, plan_looks(64))


def concerns(path: Path, alpha: float) -> Iterator[Concern]:
    return look_concerns({"tuned": read_rollouts(path)[0]}, alpha)


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"k": 1}', b'{"k": 1, "looks": [{"n": "x"}]}'])
def test_damaged_looks_are_one_line(tmp_path: Path, text: bytes) -> None:
    path = write(tmp_path / "tuned.parquet", np.ones((4, 32), bool))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"edgewise.looks": text}), path)
    with pytest.raises(InputError, match=r"tuned.parquet: the looks in its metadata cannot be read"):
        planned_looks(path)
