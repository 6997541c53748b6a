from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, canonical_json, override
from edgewise.rl import losses
from edgewise.rl.recipe.loss import Correction, Loss, Tokens

NAMES = ["reinforce", "ppo_clip", "dual_clip", "cispo", "gspo", "natural_gradient"]
CORRECTIONS = ["none", "ratio", "truncated", "masked"]


class Choice(Spec):
    loss: Loss
    correction: Correction


def choose(loss: Any = "reinforce", correction: Any = "none") -> Choice:
    return Choice.parse({"loss": loss, "correction": correction}, "choice")


def some_tokens() -> Tokens:
    """Ratios far enough from 1 that every clip acts somewhere."""
    generator = torch.Generator().manual_seed(0)
    logits_NV = torch.randn(200, 6, generator=generator)
    token_N = torch.randint(0, 6, (200,), generator=generator)
    logp_N = logits_NV.log_softmax(-1).gather(1, token_N[:, None]).squeeze(1)
    document_N = torch.arange(200) // 4 * 3
    advantage_N = torch.randn(200, generator=generator)[document_N]
    old_logp_N = logp_N + torch.randn(200, generator=generator)
    return Tokens(logp_N, old_logp_N, advantage_N, document_N, token_N, logits_NV)


def expected(name: str, tokens: Tokens) -> tuple[Tensor, Tensor]:
    """The loss and the cut, with the default numbers written out."""
    logp_N, old_N, advantage_N = tokens.logp_N, tokens.old_logp_N, tokens.advantage_N
    match name:
        case "reinforce":
            return losses.reinforce(logp_N, advantage_N), torch.zeros(200, dtype=torch.bool)
        case "ppo_clip":
            given = logp_N, old_N, advantage_N, 0.2, 0.2
            return losses.ppo_clip(*given), losses.clipped(*given)
        case "dual_clip":
            dual = logp_N, old_N, advantage_N, 0.2, 0.2, 3.0
            return losses.dual_clip(*dual), losses.clipped(*dual)
        case "cispo":
            return losses.cispo(logp_N, old_N, advantage_N, 0.0, 5.0), losses.clamped(logp_N, old_N, 0.0, 5.0)
        case "gspo":
            sequence = logp_N, old_N, advantage_N, tokens.document_N, 3e-4, 4e-4
            return losses.gspo(*sequence), losses.gspo_clipped(*sequence)
    cut_N = losses.capped(tokens.logits_NV, tokens.token_N, 100.0)
    return losses.natural_gradient(tokens.logits_NV, tokens.token_N, advantage_N, 100.0), cut_N


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_name_is_a_loss_with_its_default_numbers(name: str) -> None:
    spec = choose(loss=name)
    assert spec.loss.loss == name
    assert spec == choose(loss={"loss": name})
    tokens = some_tokens()
    loss_N, cut_N = spec.loss.per_token(tokens)
    wanted_N, where_N = expected(name, tokens)
    assert torch.equal(loss_N, wanted_N)
    assert torch.equal(cut_N, where_N.float())
    assert bool(cut_N.any()) == (name != "reinforce"), "a clip that never acts proves nothing"


@pytest.mark.parametrize("name", NAMES)
def test_a_token_has_the_same_loss_however_whole_samples_are_cut_and_ordered(name: str) -> None:
    spec, tokens = choose(loss=name).loss, some_tokens()
    loss_N, cut_N = spec.per_token(tokens)
    order_N = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    for rows in (torch.arange(80), torch.arange(80, 200), order_N):
        part = Tokens(*(getattr(tokens, field.name)[rows] for field in fields(Tokens)))
        torch.testing.assert_close(spec.per_token(part), (loss_N[rows], cut_N[rows]))


def test_numbers_reach_the_loss() -> None:
    tokens = some_tokens()
    changed = {
        "ppo_clip": {"low": 0.5, "high": 2.0},
        "dual_clip": {"low": 0.5, "high": 2.0, "bound": 1.5},
        "cispo": {"least": 0.5, "most": 1.5},
        "gspo": {"low": 0.2, "high": 0.5},
        "natural_gradient": {"cap": 3.0},
    }
    for name, numbers in changed.items():
        for field, value in numbers.items():
            plain_N, plain_cut_N = choose(loss=name).loss.per_token(tokens)
            found_N, cut_N = choose(loss={"loss": name, field: value}).loss.per_token(tokens)
            assert not torch.equal(found_N, plain_N), (name, field)
            assert not torch.equal(cut_N, plain_cut_N), (name, field)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_bare_name_is_a_correction_with_its_default_numbers(name: str) -> None:
    spec = choose(correction=name)
    assert spec == choose(correction={"correction": name})
    drawn_N = torch.full((5,), -1.0)
    ratio_N = torch.tensor([1.0, 0.4, 1.5, 4.0, 6.0])
    weights = {
        "none": [1.0] * 5,
        "ratio": [1.0] * 5,
        "truncated": [1.0, 0.4, 1.5, 2.0, 2.0],
        "masked": [1.0, 0.0, 1.5, 4.0, 0.0],
    }
    assert spec.correction.weight(drawn_N + ratio_N.log(), drawn_N).tolist() == pytest.approx(weights[name])
    assert spec.correction.against_drawn == (name == "ratio")


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"loss": "ppo"}, "ppo"),
        ({"loss": {"loss": "ppo_clip", "low": 0.0}}, "low"),
        ({"loss": {"loss": "ppo_clip", "high": 0.0}}, "high"),
        ({"loss": {"loss": "ppo_clip", "bound": 3.0}}, "bound"),
        ({"loss": {"loss": "dual_clip", "bound": 1.0}}, "bound"),
        ({"loss": {"loss": "cispo", "least": 1.0}}, "least"),
        ({"loss": {"loss": "cispo", "most": 1.0}}, "most"),
        ({"loss": {"loss": "natural_gradient", "cap": 0.5}}, "cap"),
        ({"correction": "clipped"}, "clipped"),
        ({"correction": {"correction": "truncated", "cap": 0.9}}, "cap"),
        ({"correction": {"correction": "masked", "low": 2.0}}, "low"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(choice: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        choose(**choice)


def test_a_choice_survives_its_canonical_json_and_is_overridden_by_name_or_number() -> None:
    spec = choose(loss={"loss": "dual_clip", "bound": 4.0}, correction="masked")
    assert Choice.model_validate_json(canonical_json(spec)) == spec
    assert override(spec, ["loss.bound=5"]).loss == choose(loss={"loss": "dual_clip", "bound": 5.0}).loss
    assert override(spec, ["loss=gspo", "correction=truncated"]) == choose("gspo", "truncated")
