from __future__ import annotations

import numpy as np
import pytest
import torch

from edgewise.rl.batch import Minibatch, TokenTables, all_cells, every_token, logits_of, logp_of
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import CPU, Execution

from .bandit import decoder, draw, unpacked


@pytest.fixture(scope="module")
def rollouts() -> Rollouts:
    return draw(decoder(), problems=5, samples=4)


def test_batches_hold_the_ids_that_were_drawn_and_the_weight_of_their_sample(rollouts: Rollouts) -> None:
    weight_PG = torch.arange(1.0, 21.0).view(5, 4)
    cells = [(4, 1), (0, 2), (2, 2)]
    batch = Minibatch.of(rollouts, cells, weight_PG)
    for part in batch.micro_batches(Execution(tokens_per_micro_batch=1)):
        (document,) = set(part.sample_index_N.tolist())
        p, g = cells[document]
        ids = rollouts.completions.ids(p, g)
        assert part.token_N.tolist() == ids
        assert part.packed.token_N.tolist() == [*rollouts.prompts[p], *ids[:-1]]
        assert part.weight_N.tolist() == [float(weight_PG[p, g])] * len(ids)


def test_a_prompt_stands_once_for_its_completions(rollouts: Rollouts) -> None:
    (part,) = Minibatch.of(rollouts, all_cells(rollouts), torch.ones(5, 4)).micro_batches(
        Execution(tokens_per_micro_batch=10**6)
    )
    prompts, sampled = sum(map(len, rollouts.prompts)), rollouts.sampled_tokens
    assert len(part.packed.token_N) == prompts + sampled - 20 and len(part.token_N) == sampled


@pytest.mark.parametrize("tokens", [1, 30, 10**6])
def test_tables_are_read_token_by_token_whatever_the_micro_batches(rollouts: Rollouts, tokens: int) -> None:
    shape = rollouts.completions.logp_PGT.shape
    table = torch.arange(float(np.prod(shape))).view(shape)
    cells = list(reversed(all_cells(rollouts)))
    batch = Minibatch.of(rollouts, cells, torch.ones(shape[:2]), TokenTables(table))
    seen: dict[tuple[int, int], list[float]] = {}
    for part in batch.micro_batches(Execution(tokens_per_micro_batch=tokens)):
        for document, number in zip(part.sample_index_N.tolist(), part.advantage_N.tolist(), strict=True):
            seen.setdefault(cells[document], []).append(number)
    for p, g in cells:
        assert seen[p, g] == table[p, g, : rollouts.completions.length_PG[p, g]].tolist()


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_packed_log_probabilities_equal_unpacked_ones(rollouts: Rollouts, temperature: float) -> None:
    model = decoder()

    def score(part):  # type: ignore[no-untyped-def]
        return logp_of(logits_of(model, part, temperature), part)

    found_PGT = every_token(score, rollouts, Execution(tokens_per_micro_batch=40))
    with torch.no_grad():
        expected = unpacked(model, rollouts, temperature)
    for (p, g), (_, logp) in zip(all_cells(rollouts), expected, strict=True):
        torch.testing.assert_close(found_PGT[p, g, : len(logp)], logp, atol=1e-5, rtol=1e-4)
        assert not found_PGT[p, g, len(logp) :].any()


def test_log_probabilities_are_the_samplers(rollouts: Rollouts) -> None:
    model = decoder()
    found_PGT = every_token(lambda part: logp_of(logits_of(model, part, 1.0), part), rollouts, CPU)
    np.testing.assert_allclose(found_PGT.numpy(), rollouts.completions.logp_PGT, atol=1e-4)
