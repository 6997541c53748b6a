from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages import (
    grpo,
    k_by_pass_rate,
    pass_at_k_adaptive,
    pass_at_k_bootstrap,
    pass_at_k_combination,
    pass_at_k_exceeding,
    pass_at_k_full,
    pass_at_k_training,
    pkpo,
)
from tests.rl.advantages.oracles import normalised_subsets


def group(right: int, samples: int) -> Tensor:
    return torch.tensor([[1.0] * right + [0.0] * (samples - right)], dtype=torch.float64)


@given(rewards=st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_analytic_form_is_the_enumeration_of_all_groups(rewards: list[float]) -> None:
    rewards_PG = torch.tensor([rewards], dtype=torch.float64)
    for k in range(1, len(rewards) + 1):
        expected = torch.tensor([normalised_subsets(rewards, k)], dtype=torch.float64)
        found = pass_at_k_training(rewards_PG, k)
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
        assert float(found.sum().abs()) < 1e-12


@pytest.mark.parametrize(
    ("k", "right", "success", "failure"),
    [
        (2, 1, 1.732, -0.247),
        (2, 2, 1.074, -0.358),
        (2, 4, 0.522, -0.522),
        (2, 6, 0.192, -0.577),
        (4, 1, 1.0, -0.143),
        (4, 2, 0.522, -0.174),
        (4, 4, 0.120, -0.120),
        (4, 6, 0.0, 0.0),
    ],
)
def test_published_vectors_of_eight_samples(k: int, right: int, success: float, failure: float) -> None:
    found = pass_at_k_training(group(right, 8), k)[0]
    assert found[[0, -1]].tolist() == pytest.approx([success, failure], abs=6e-4)


@given(samples=st.integers(2, 12), k=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_there_is_exactly_nothing_where_all_groups_are_worth_the_same(samples: int, k: int) -> None:
    for right in range(samples + 1):
        if k <= samples:
            silent = right == 0 or right > samples - k
            assert bool((pass_at_k_training(group(right, samples), k) == 0).all()) == silent


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("right", [1, 2, 4])
def test_the_analytic_form_is_centred_pkpo_over_its_deviation(k: int, right: int) -> None:
    samples = 9
    credit_PG = pkpo(group(right, samples), k)
    missed = math.comb(samples - right, k) / math.comb(samples, k)
    expected = samples / k * (credit_PG - credit_PG.mean()) / math.sqrt(missed * (1 - missed))
    torch.testing.assert_close(pass_at_k_training(group(right, samples), k), expected, atol=1e-12, rtol=0)


def test_at_one_draw_it_is_grpo_with_the_population_deviation() -> None:
    rewards_PG = torch.cat([group(right, 8) for right in range(9)])
    torch.testing.assert_close(pass_at_k_training(rewards_PG, 1), grpo(rewards_PG, "population"), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("k", "peak", "height"), [(1, 16, 32.0), (2, 12, 18.9), (4, 8, 10.4), (8, 4, 5.2), (16, 2, 2.3)]
)
def test_the_total_weight_of_a_problem_peaks_at_a_known_pass_rate(k: int, peak: int, height: float) -> None:
    """At pass@8 that is 12.5% right; the paper's text says 25%, which belongs to k = 4."""
    rewards_PG = torch.cat([group(right, 32) for right in range(33)])
    weight_P = pass_at_k_training(rewards_PG, k).abs().sum(1)
    assert int(weight_P.argmax()) == peak
    assert float(weight_P.max()) == pytest.approx(height, abs=0.06)


def test_each_problem_may_have_a_k_of_its_own() -> None:
    rewards_PG = torch.cat([group(right, 8) for right in (1, 2, 5)])
    k_P = torch.tensor([7, 4, 1])
    expected = torch.cat([pass_at_k_training(rewards_PG[p : p + 1], int(k)) for p, k in enumerate(k_P)])
    assert torch.equal(pass_at_k_training(rewards_PG, k_P), expected)


def test_thousands_of_samples_are_finite_and_exact() -> None:
    samples, k, right = 4096, 2000, 3
    found = pass_at_k_training(group(right, samples), k)[0, [0, -1]].tolist()
    missed = math.comb(samples - right, k) / math.comb(samples, k)
    success = math.sqrt(missed / (1 - missed))
    assert found == pytest.approx([success, -success * right / (samples - right)], rel=1e-9)
    assert pass_at_k_training(group(2000, samples), k).isfinite().all()


def test_full_sampling_gives_every_member_what_its_group_is_worth() -> None:
    rewards_PG = torch.tensor([[1.0, 0, 0, 0, 0, 0, 1.0], [0, 0, 0, 0, 0, 0, 1.0], [1.0, 0, 0, 1, 1, 1, 0]])
    found = pass_at_k_full(rewards_PG, 2)
    # Groups of the first problem are worth 1, 0, 0: mean 1/3, population deviation sqrt(2)/3.
    right, wrong = 2 / math.sqrt(2), -1 / math.sqrt(2)
    torch.testing.assert_close(found[0], torch.tensor([right, right, wrong, wrong, wrong, wrong, 0.0]))
    assert not found[1:].any(), "no success in a whole group; one in every group"


def test_full_sampling_over_all_orders_is_the_analytic_form_on_average() -> None:
    """With two groups of n / 2 the deviation is the same in every order that has a signal."""
    orders = torch.stack([torch.randperm(8, generator=torch.Generator().manual_seed(s)) for s in range(1500)])
    found_PG = pass_at_k_full(group(1, 8)[0][orders], 4)
    mean_G = torch.zeros(1500, 8, dtype=torch.float64).scatter_(1, orders, found_PG).mean(0)
    torch.testing.assert_close(mean_G, pass_at_k_training(group(1, 8), 4)[0], atol=0.08, rtol=0)


def test_the_bootstrap_is_about_k_times_the_analytic_form() -> None:
    """32 samples, 5 right, k = 8: 4.01 and -0.742 measured elsewhere, k times the limit is 4.14 and -0.766."""
    found = pass_at_k_bootstrap(group(5, 32).expand(1500, -1), 8, seed=3).mean(0)
    assert float(found[:5].mean()) == pytest.approx(4.01, abs=0.05)
    assert float(found[5:].mean()) == pytest.approx(-0.742, abs=0.01)
    limit = 8 * pass_at_k_training(group(5, 32), 8)[0]
    assert limit[[0, -1]].tolist() == pytest.approx([4.138, -0.766], abs=1e-3)
    many = pass_at_k_bootstrap(group(5, 32), 8, seed=3, groups=20000)[0] * 32 / 20000
    assert float(many[:5].mean()) == pytest.approx(4.138, abs=0.1)
    assert float(many[5:].mean()) == pytest.approx(-0.766, abs=0.03)


def test_the_bootstrap_is_its_seed_and_knows_no_other_problem() -> None:
    rewards_PG = torch.cat([group(2, 8), group(3, 8), group(2, 8)])
    first = pass_at_k_bootstrap(rewards_PG, 3, seed=1)
    assert torch.equal(first, pass_at_k_bootstrap(rewards_PG, 3, seed=1))
    assert torch.equal(first[:2], pass_at_k_bootstrap(rewards_PG[:2], 3, seed=1))
    assert not torch.equal(first, pass_at_k_bootstrap(rewards_PG, 3, seed=2))
    assert not torch.equal(first[0], first[2]), "problems draw subsets of their own"


def test_a_bootstrap_of_all_right_or_all_wrong_is_exactly_nothing() -> None:
    assert not pass_at_k_bootstrap(torch.cat([group(0, 6), group(6, 6)]), 2, seed=0).any()


def test_exceeding_scales_by_the_count_of_successes() -> None:
    rewards_PG = torch.cat([group(right, 8) for right in range(9)])
    plain, found = pass_at_k_training(rewards_PG, 2), pass_at_k_exceeding(rewards_PG, 2)
    assert not found[0].any()
    for right in range(1, 7):
        ratio = found[right] / plain[right]
        torch.testing.assert_close(ratio, torch.full_like(ratio, 0.4 / math.log(right + 0.5)))
    assert int(found.abs().sum(1).argmax()) == 1


def test_combination_mixes_by_the_pass_rate() -> None:
    found = pass_at_k_combination(group(2, 8), 4)[0, [0, -1]].tolist()
    # Pass@4: 0.5222, -0.1741; pass@1: sqrt(3), -1/sqrt(3).
    success = 0.25 * 0.522233 + 0.75 * math.sqrt(3)
    assert found == pytest.approx([success, -success / 3], abs=1e-5)


def test_the_less_certain_half_of_the_problems_trains_pass_at_one() -> None:
    rewards_PG = torch.cat([group(2, 8)] * 5)
    found = pass_at_k_adaptive(rewards_PG, torch.tensor([0.1, 0.9, 0.5, 0.7, 0.2]), 4)
    at_1, at_4 = pass_at_k_training(rewards_PG, 1), pass_at_k_training(rewards_PG, 4)
    for p, expected in enumerate((at_4, at_1, at_4, at_1, at_4)):
        assert torch.equal(found[p], expected[p])


def test_k_by_pass_rate_is_where_a_problem_is_mostly_solved() -> None:
    rewards_PG = torch.cat([group(right, 32) for right in (0, 1, 2, 3, 5, 20, 32)])
    assert k_by_pass_rate(rewards_PG, 20).tolist() == [20, 20, 16, 11, 6, 2, 1]
    for right in (1, 2, 4, 8):
        k = int(k_by_pass_rate(group(right, 32), 32))
        assert 1 - (1 - right / 32) ** k == pytest.approx(1 - math.exp(-1), abs=0.06)


@pytest.mark.parametrize("reward", [-1.0, 0.5, 2.0])
def test_rewards_other_than_zero_and_one_are_refused(reward: float) -> None:
    rewards_PG = torch.tensor([[1.0, reward, 0.0, 0.0]])
    estimates: list[Callable[[], Tensor]] = [
        lambda: pass_at_k_training(rewards_PG, 2),
        lambda: pass_at_k_full(rewards_PG, 2),
        lambda: pass_at_k_bootstrap(rewards_PG, 2, 0),
        lambda: pass_at_k_exceeding(rewards_PG, 2),
        lambda: pass_at_k_combination(rewards_PG, 2),
        lambda: pass_at_k_adaptive(rewards_PG, torch.zeros(1), 2),
        lambda: k_by_pass_rate(rewards_PG, 2),
    ]
    for estimate in estimates:
        with pytest.raises(InputError, match=r"^rewards: must be 0 or 1 for Pass@k Training"):
            estimate()


@pytest.mark.parametrize("k", [0, 5, torch.tensor([1, 5]), torch.tensor([0, 2])])
def test_a_k_that_the_group_cannot_give_is_refused(k: int | Tensor) -> None:
    rewards_PG = torch.cat([group(1, 4), group(2, 4)])
    with pytest.raises(InputError, match=r"^k: must be between 1 and 4, the samples per problem, is [05]$"):
        pass_at_k_training(rewards_PG, k)


@pytest.mark.parametrize("k", [torch.tensor([1.0, 2.0]), torch.tensor([1]), torch.tensor([[1, 2]])])
def test_a_k_of_another_shape_is_refused(k: Tensor) -> None:
    with pytest.raises(InputError, match=r"^k: must be a whole number"):
        pass_at_k_training(torch.cat([group(1, 4), group(2, 4)]), k)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match=r"^k: must be between 1 and 3, half of the samples.*is 4$"):
        pass_at_k_full(group(1, 7), 4)
    with pytest.raises(InputError, match=r"^groups: must be at least 2, is 1$"):
        pass_at_k_bootstrap(group(1, 7), 4, 0, groups=1)
    with pytest.raises(InputError, match=r"^entropy: must be \(1,\) \[problems\]"):
        pass_at_k_adaptive(group(1, 7), torch.zeros(2), 4)
