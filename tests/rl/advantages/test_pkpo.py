from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages import pkpo, pkpo_objective, rloo
from edgewise.rl.advantages.pkpo import PkpoBaseline
from tests.rl.advantages.oracles import best_of_subsets, credit_of_subsets

BASELINES: list[PkpoBaseline] = ["none", "sloo", "sloo_minus_one", "sloo_kn"]
# Few values, so that ties are the rule; a negative one, so that nothing leans on a floor of 0.
GROUPS = st.lists(st.sampled_from([0.0, 1.0, 1.0, 0.3, -2.0, 0.1]), min_size=2, max_size=8)
BINARY = st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8)


def double(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def by_enumeration(rewards: list[float], k: int, baseline: PkpoBaseline) -> list[float]:
    samples = len(rewards)
    credit = credit_of_subsets(rewards, k)
    if baseline == "none" or (baseline == "sloo_minus_one" and k == 1):
        return credit
    factor = k / (samples - 1) if baseline == "sloo" else k / samples
    size = k - 1 if baseline == "sloo_minus_one" else k
    others = [rewards[:i] + rewards[i + 1 :] for i in range(samples)]
    return [s - factor * best_of_subsets(rest, size) for s, rest in zip(credit, others, strict=True)]


@given(rewards=GROUPS | BINARY)
@settings(max_examples=30, deadline=None)
def test_pkpo_is_the_sum_over_all_subsets_for_every_k(rewards: list[float]) -> None:
    for baseline in BASELINES:
        for k in range(1, len(rewards) + (baseline in ("none", "sloo_minus_one"))):
            expected = double(by_enumeration(rewards, k, baseline))
            torch.testing.assert_close(pkpo(double(rewards), k, baseline), expected, atol=1e-13, rtol=0)


@given(rewards=GROUPS | BINARY)
@settings(max_examples=30, deadline=None)
def test_max_at_k_is_the_mean_best_of_all_subsets(rewards: list[float]) -> None:
    for k in range(1, len(rewards) + 1):
        expected = double([best_of_subsets(rewards, k)])[0]
        torch.testing.assert_close(pkpo_objective(double(rewards), k), expected, atol=1e-13, rtol=0)
        # Of the subsets of a group, each is counted by its k members.
        torch.testing.assert_close(pkpo(double(rewards), k).sum(1), k * expected, atol=1e-12, rtol=0)


def test_published_vectors_of_graded_rewards() -> None:
    rewards_PG = double([0.1, 0.3, 0.5, 0.7, 0.9])
    expected: dict[PkpoBaseline, list[float]] = {
        "none": [0.24, 0.24, 0.26, 0.30, 0.36],
        "sloo": [-0.143333, -0.143333, -0.106667, -0.033333, 0.076667],
        "sloo_minus_one": [0.0, 0.02, 0.06, 0.12, 0.20],
    }
    for baseline, credit in expected.items():
        torch.testing.assert_close(pkpo(rewards_PG, 2, baseline), double(credit), atol=1e-6, rtol=0)
    assert float(pkpo_objective(rewards_PG, 2)) == pytest.approx(0.7, abs=1e-12)


@pytest.mark.parametrize(
    ("k", "none", "sloo", "sloo_minus_one", "value"),
    [
        (2, (0.25, 0.071429), (0.168367, -0.078231), (0.214286, 0.0), 0.464286),
        (4, (0.5, 0.357143), (0.173469, -0.132653), (0.285714, 0.0), 0.785714),
    ],
)
def test_published_vectors_of_binary_rewards(
    k: int,
    none: tuple[float, float],
    sloo: tuple[float, float],
    sloo_minus_one: tuple[float, float],
    value: float,
) -> None:
    rewards_PG = double([0, 1, 0, 0, 0, 1, 0, 0])
    cases: list[tuple[PkpoBaseline, tuple[float, float]]] = [
        ("none", none),
        ("sloo", sloo),
        ("sloo_minus_one", sloo_minus_one),
    ]
    for baseline, (right, wrong) in cases:
        expected = torch.where(rewards_PG == 1, right, wrong).double()
        torch.testing.assert_close(pkpo(rewards_PG, k, baseline), expected, atol=1e-6, rtol=0)
    assert float(pkpo_objective(rewards_PG, k)) == pytest.approx(value, abs=1e-6)


@given(right=st.integers(0, 12), k=st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_the_recommended_baseline_never_pushes_a_failure_down(right: int, k: int) -> None:
    samples = 12
    found = pkpo(double([1.0] * right + [0.0] * (samples - right)), k, "sloo_minus_one")[0]
    assert not found[right:].any(), "exactly 0"
    share = math.comb(samples - right, k - 1) / math.comb(samples - 1, k - 1)
    torch.testing.assert_close(found[:right], torch.full((right,), k / samples * share, dtype=torch.float64))
    if right == 0 or right > samples - k + 1:
        assert not found.any(), "exactly 0"


@pytest.mark.parametrize("baseline", BASELINES)
def test_equal_rewards_have_nothing_to_tell_where_the_baseline_is_shift_invariant(baseline: PkpoBaseline) -> None:
    found = pkpo(torch.full((2, 7), 0.1, dtype=torch.float64), 3, baseline)
    assert (found.abs().max() == 0) == (baseline in ("sloo_minus_one", "sloo_kn"))


@given(rewards=GROUPS, shift=st.floats(-3, 3), k=st.integers(2, 7))
@settings(max_examples=30, deadline=None)
def test_shifts_change_pkpo_by_what_is_known(rewards: list[float], shift: float, k: int) -> None:
    samples = len(rewards)
    if k >= samples:
        return
    known: dict[PkpoBaseline, float] = {
        "none": k / samples,
        "sloo": k * (1 / samples - 1 / (samples - 1)),  # the published form is not invariant
        "sloo_minus_one": 0.0,
        "sloo_kn": 0.0,
    }
    for baseline, slope in known.items():
        moved = pkpo(double(rewards) + shift, k, baseline) - pkpo(double(rewards), k, baseline)
        torch.testing.assert_close(moved, torch.full_like(moved, shift * slope), atol=1e-12, rtol=0)


def test_at_one_draw_pkpo_is_the_reward_or_leave_one_out() -> None:
    rewards_PG = double([0.2, 1.0, -0.5, 1.0], [0.0, 0.0, 1.0, 0.25])
    for baseline in ("none", "sloo_minus_one"):
        torch.testing.assert_close(pkpo(rewards_PG, 1, baseline), rewards_PG / 4)
    torch.testing.assert_close(pkpo(rewards_PG, 1, "sloo_kn"), rloo(rewards_PG) / 4)
    torch.testing.assert_close(pkpo_objective(rewards_PG, 1), rewards_PG.mean(1))
    torch.testing.assert_close(pkpo_objective(rewards_PG, 4), torch.tensor([1.0, 1.0], dtype=torch.float64))


@pytest.mark.parametrize("baseline", BASELINES)
def test_thousands_of_samples_are_finite_and_exact(baseline: PkpoBaseline) -> None:
    samples, k, right = 2048, 1000, 3
    rewards_PG = double([1.0] * right + [0.0] * (samples - right))
    found = pkpo(rewards_PG, k, baseline)[0, [0, -1]].tolist()

    def solved(n: int, c: int, k: int) -> float:
        return 1 - math.comb(n - c, k) / math.comb(n, k)

    expected = [k / samples, k / samples * solved(samples - 1, right, k - 1)]
    if baseline in ("sloo", "sloo_kn"):
        factor = k / (samples - 1) if baseline == "sloo" else k / samples
        expected[0] -= factor * solved(samples - 1, right - 1, k)
        expected[1] -= factor * solved(samples - 1, right, k)
    if baseline == "sloo_minus_one":
        expected[0] -= k / samples * solved(samples - 1, right - 1, k - 1)
        expected[1] = 0.0
    assert found == pytest.approx(expected, abs=1e-10)
    assert float(pkpo_objective(rewards_PG, k)) == pytest.approx(solved(samples, right, k), abs=1e-10)
    generator = torch.Generator().manual_seed(0)
    assert pkpo(torch.rand(2, samples, generator=generator), k, baseline).isfinite().all()


@pytest.mark.parametrize("baseline", BASELINES)
def test_float32_rewards_give_float32_credit_as_exact_as_that(baseline: PkpoBaseline) -> None:
    rewards_PG = torch.rand(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = pkpo(rewards_PG.float(), 5, baseline)
    assert found.dtype == pkpo_objective(rewards_PG.float(), 5).dtype == torch.float32
    torch.testing.assert_close(found, pkpo(rewards_PG, 5, baseline).float(), atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("k", [0, -1, 5])
def test_a_k_that_the_group_cannot_give_is_refused(k: int) -> None:
    for baseline in BASELINES:
        with pytest.raises(InputError, match=rf"^k: must be between 1 and [34], .*is {k}$"):
            pkpo(torch.rand(2, 4), k, baseline)
    with pytest.raises(InputError, match=rf"^k: must be between 1 and 4, the samples per problem, is {k}$"):
        pkpo_objective(torch.rand(2, 4), k)


def test_leave_one_out_at_k_equal_to_n_is_refused() -> None:
    rewards_PG = torch.rand(2, 4)
    for baseline in ("sloo", "sloo_kn"):
        with pytest.raises(InputError, match=rf"^k: must be between 1 and 3, .* for {baseline}, is 4$"):
            pkpo(rewards_PG, 4, baseline)
    assert pkpo(rewards_PG, 4, "sloo_minus_one").isfinite().all()
