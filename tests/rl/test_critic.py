from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.rl.advantages.base import CriticSpec
from edgewise.rl.batch import Minibatch, TokenTables, all_cells
from edgewise.rl.critic import Critic, value_loss
from edgewise.training.execution import Execution

from .bandit import TOKENIZER, decoder, draw

SPEC = CriticSpec(optimizer={"learning_rate": 1e-2})


def test_value_loss_by_hand() -> None:
    value = torch.tensor([0.5, 0.9, 0.1, 0.0])
    old = torch.tensor([0.5, 0.5, 0.5, 0.5])
    target = torch.tensor([1.0, 1.0, 1.0, -1.0])
    # The second has moved beyond 0.2 towards the return: the clipped error is larger. The third has
    # moved away: its own error is. The fourth moved beyond the clip towards a return below.
    expected = [0.5 * 0.25, 0.5 * 0.3**2, 0.5 * 0.9**2, 0.5 * 1.3**2]
    assert value_loss(value, old, target, 0.2).tolist() == pytest.approx(expected)


def test_value_loss_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    value, old, target = (torch.randn(20, generator=generator, dtype=torch.float64) for _ in range(3))
    assert gradcheck(lambda v: value_loss(v, old, target, 0.2), value.requires_grad_())


def learn(critic: Critic, steps: int, tokens: int = 10**6) -> list[float]:
    """Towards 1 for right completions' tokens and 0 for others'."""
    rollouts = draw(decoder(), problems=6, samples=4)
    shape = rollouts.completions.logp_PGT.shape
    right = torch.tensor([[float(v.answer_correct) for v in row] for row in rollouts.verdict_PG])
    returns = right.unsqueeze(-1).expand(shape)
    execution = Execution(tokens_per_micro_batch=tokens)
    found = []
    for _ in range(steps):
        tables = TokenTables(returns, values=returns, returns=returns)  # a clip around the truth never binds
        batch = Minibatch.of(rollouts, all_cells(rollouts), torch.ones(shape[:2]), tables)
        found.append(critic.learn([batch, None], 1, execution)["value_loss"])
    return found


@pytest.mark.parametrize("tied", [True, False])
def test_a_critic_begins_at_zero_and_learns_what_to_expect(tied: bool) -> None:
    start = Decoder(
        DecoderSpec(width=16, layers=1, heads=2, kv_heads=1, feed_forward=32, max_positions=32, tied=tied),
        len(TOKENIZER),
        seed=0,
    )
    before = {name: p.detach().clone() for name, p in start.named_parameters()}
    found = learn(Critic(start.requires_grad_(False), SPEC), 60)
    assert found[0] > 0 and found[-1] < 0.25 * found[0]
    assert all(torch.equal(before[name], p) for name, p in start.named_parameters()), "the start model stays"


def test_micro_batches_change_nothing() -> None:
    whole, parts = Critic(decoder(), SPEC), Critic(decoder(), SPEC)
    assert learn(whole, 3) == pytest.approx(learn(parts, 3, tokens=1), rel=1e-4)


def test_a_critic_comes_back_from_its_state_bit_for_bit() -> None:
    critic, again = Critic(decoder(), SPEC), Critic(decoder(), SPEC)
    learn(critic, 3)
    again.state.load({name: tensor.detach().clone() for name, tensor in critic.state.tensors().items()})
    assert learn(critic, 2) == learn(again, 2)
