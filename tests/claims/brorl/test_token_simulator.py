from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from edgewise.claims.brorl.token_simulator import (
    TokenSimulator,
    first_logits,
    natural_ascent,
    score_function_ascent,
    simulate,
    surrogate_ascent,
)

# The paper's shares in a vocabulary small enough for many runs.
SMALL = TokenSimulator(vocabulary=2000, correct=156, steps=200)


def draws(tokens: int = 12, samples: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, rewards and the tokens drawn."""
    generator = torch.Generator().manual_seed(0)
    logits_V = torch.randn(tokens, dtype=torch.float64, generator=generator)
    reward_V = torch.where(torch.arange(tokens) < 5, 1.0, -1.0).double()
    return logits_V, reward_V, torch.randint(tokens, (samples,), generator=generator)


@pytest.mark.parametrize(
    ("ascent", "measure"), [(surrogate_ascent, torch.softmax), (score_function_ascent, torch.log_softmax)]
)
def test_closed_forms_are_what_autograd_finds(
    ascent: Callable[[Tensor, Tensor, Tensor], Tensor], measure: Callable[[Tensor, int], Tensor]
) -> None:
    logits_V, reward_V, drawn_N = draws()
    logits_V.requires_grad_()
    rewards_N = reward_V[drawn_N]
    ((rewards_N - rewards_N.mean()) * measure(logits_V, 0)[drawn_N]).mean().backward()
    found_V = ascent(logits_V.detach().softmax(0), reward_V, torch.bincount(drawn_N, minlength=12).double())
    assert logits_V.grad is not None
    assert float(found_V.abs().max()) > 1e-3
    torch.testing.assert_close(found_V, logits_V.grad, atol=1e-15, rtol=0)


def test_the_natural_gradient_solves_for_the_score_function_gradient() -> None:
    logits_V, reward_V, drawn_N = draws()
    p_V, count_V = logits_V.softmax(0), torch.bincount(drawn_N, minlength=12).double()
    fisher_VV = p_V.diag() - p_V.outer(p_V)
    solved_V = fisher_VV @ natural_ascent(p_V, reward_V, count_V)
    torch.testing.assert_close(solved_V, score_function_ascent(p_V, reward_V, count_V), atol=1e-15, rtol=0)


def test_a_token_without_probability_or_draws_has_no_natural_gradient() -> None:
    p_V = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    found_V = natural_ascent(p_V, torch.tensor([1.0, -1.0, 1.0]).double(), torch.tensor([1.0, 1.0, 0.0]).double())
    assert found_V.tolist() == [1.0, -1.0, 0.0]


def test_the_papers_start_has_63_percent_correct_mass() -> None:
    p_V = first_logits(TokenSimulator()).softmax(0)
    assert float(p_V[:10_000].sum()) == pytest.approx(0.630, abs=5e-4)
    assert float(p_V[1]) == pytest.approx(6.3e-5, abs=5e-7)


def test_spread_is_that_of_the_correct_logits_alone() -> None:
    logits_V = first_logits(TokenSimulator(spread=1.5, seed=4))
    assert float(logits_V[0]) == 5.0
    assert float(logits_V[1:10_000].std()) == pytest.approx(1.5, rel=0.03)
    assert float(logits_V[1:10_000].mean()) == pytest.approx(3.0, abs=0.06)
    assert not logits_V[10_000:].any()


def test_the_same_spec_gives_the_same_run_and_another_seed_another() -> None:
    spec = TokenSimulator(vocabulary=500, correct=40, steps=20, seed=3)
    first, again, other = simulate(spec), simulate(spec), simulate(spec.model_copy(update={"seed": 4}))
    assert torch.equal(first.correct_mass_S, again.correct_mass_S)
    assert first.correct_mass_S.shape == (21,)
    assert not torch.equal(first.correct_mass_S, other.correct_mass_S)


def test_one_step_moves_what_was_drawn_by_the_learning_rate() -> None:
    """AdamW's first step has the size of the learning rate, whatever the gradient's scale."""
    spec = TokenSimulator(vocabulary=50, correct=25, steps=1, weight_decay=0, epsilon=1e-300, learning_rate=0.1)
    trace = simulate(spec)
    assert trace.worst_drop > 0 > trace.least_ratio - 1
    first_V = first_logits(spec).softmax(0)
    # Every logit moves by 0.1 up or down, so no probability changes by more than a factor of e^0.2.
    assert 0.818 < trace.least_ratio < 1
    assert abs(float(trace.correct_mass_S[1] - first_V[:25].sum())) < 0.1


@pytest.mark.parametrize("gradient", ["surrogate", "score_function"])
def test_more_draws_leave_more_correct_mass_and_more_correct_tokens_above_their_start(gradient: str) -> None:
    traces = [simulate(SMALL.model_copy(update={"samples": n, "gradient": gradient})) for n in (4, 64, 1024)]
    masses = [float(trace.correct_mass_S[-1]) for trace in traces]
    improved = [trace.improved for trace in traces]
    assert masses == sorted(masses)
    assert masses[-1] - masses[0] > 0.02
    assert improved == sorted(improved)
    assert improved[-1] == 1.0


def test_with_many_draws_the_natural_gradient_lets_unequal_correct_tokens_grow_together() -> None:
    spread = SMALL.model_copy(update={"samples": 20_000, "spread": 1.0, "correct_logit": 2.5, "weight_decay": 0.0})
    natural = simulate(spread.model_copy(update={"gradient": "natural"}))
    assert natural.improved == 1.0
    assert natural.worst_drop < 0
    plain = simulate(spread)
    assert plain.improved < 0.9
    assert plain.least_ratio < 0.9


def test_the_decline_at_few_draws_is_of_adams_epsilon_and_the_weight_decay() -> None:
    published = TokenSimulator(vocabulary=20_000, correct=1562, samples=8, steps=200)
    bare = published.model_copy(update={"weight_decay": 0.0, "epsilon": 1e-14})
    start, *_, end = simulate(published).correct_mass_S.tolist()
    assert end < start - 0.002
    start, *_, end = simulate(bare).correct_mass_S.tolist()
    assert end > start + 0.002


@pytest.mark.parametrize(("field", "value"), [("samples", 1), ("steps", 0), ("learning_rate", 0.0), ("spread", -1.0)])
def test_numbers_without_meaning_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        TokenSimulator(**{field: value})


def test_a_vocabulary_of_correct_tokens_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"correct must be below vocabulary \(10\), is 10"):
        TokenSimulator(vocabulary=10, correct=10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("samples", "mass", "improved"),
    [(4, 0.601, 0.11), (8, 0.603, 0.22), (16, 0.607, 0.32), (512, 0.634, 0.63), (51_200, 0.647, 1.00)],
)
def test_the_papers_simulator(samples: int, mass: float, improved: float) -> None:
    trace = simulate(TokenSimulator(samples=samples))
    assert float(trace.correct_mass_S[-1]) == pytest.approx(mass, abs=0.01)
    assert trace.improved == pytest.approx(improved, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "mass"), [(4, 0.631), (16, 0.634), (512, 0.674), (51_200, 0.835)])
def test_the_score_function_gradient_never_lowers_the_correct_mass(samples: int, mass: float) -> None:
    trace = simulate(TokenSimulator(samples=samples, gradient="score_function", weight_decay=0))
    assert float(trace.correct_mass_S[-1]) == pytest.approx(mass, abs=0.002)
    assert float(trace.correct_mass_S.min()) > float(trace.correct_mass_S[0]) - 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("samples", "least"), [(16, 0.54), (51_200, 0.34)])
def test_unequal_correct_tokens_shrink_at_every_number_of_draws(samples: int, least: float) -> None:
    """Correct logits of spread 1.5 with the homogeneous setting's correct mass."""
    trace = simulate(TokenSimulator(samples=samples, spread=1.5, correct_logit=1.875))
    assert float(trace.correct_mass_S[0]) == pytest.approx(0.63, abs=0.01)
    assert trace.least_ratio == pytest.approx(least, abs=0.05)
    assert trace.improved < 0.4
