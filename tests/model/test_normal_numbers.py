from __future__ import annotations

import pytest
import torch

from edgewise.model.normal_numbers import normal_numbers, normal_pairs


@pytest.mark.parametrize("count", [16, 17, 40, 4096, 5001])
def test_they_are_torchs_up_to_rounding(count: int) -> None:
    ours = normal_numbers(count, torch.Generator().manual_seed(3))
    theirs = torch.empty(count).normal_(generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(ours, theirs, atol=3e-6, rtol=1e-5)


def test_a_few_are_no_others_than_many() -> None:
    for count in (1, 5, 15):
        numbers = normal_numbers(count, torch.Generator().manual_seed(3))
        assert numbers.shape == (count,)
        assert numbers.isfinite().all()
    assert len(set(normal_numbers(15, torch.Generator().manual_seed(3)).tolist())) == 15


def test_pairs_are_those_of_the_formula() -> None:
    u, v = torch.rand(2, 10_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    edges = torch.tensor([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1 - 2**-53], dtype=torch.float64)
    u, v = torch.cat([u, edges]), torch.cat([v, edges.flip(0)])
    radius, angle = (-2 * torch.log1p(-u)).sqrt(), 2 * torch.pi * v
    cosine, sine = normal_pairs(u, v)
    torch.testing.assert_close(cosine, radius * angle.cos(), atol=1e-14, rtol=1e-12)
    torch.testing.assert_close(sine, radius * angle.sin(), atol=1e-14, rtol=1e-12)
