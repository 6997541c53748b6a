"""The key-value cache: room that grows, problems and slots that are kept, and attention over prefix and suffix."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.sampling.kv_cache import KVCache

PROBLEMS, SLOTS, HEADS, KV_HEADS, LENGTH, DEPTH, LAYERS = 3, 4, 4, 2, 5, 6, 2
# The second prompt is shorter than the others.
LENGTHS = torch.tensor([5, 2, 5])
GENERATOR = torch.Generator().manual_seed(0)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR)


def cache() -> KVCache:
    inside_PL = torch.arange(LENGTH) < LENGTHS.unsqueeze(1)
    bias_PL = torch.zeros(PROBLEMS, LENGTH).masked_fill_(~inside_PL, float("-inf"))
    prefix_k, prefix_v = ([normal(PROBLEMS, KV_HEADS, LENGTH, DEPTH) for _ in range(LAYERS)] for _ in range(2))
    return KVCache(prefix_k, prefix_v, bias_PL, SLOTS)


def written(kv: KVCache, tokens: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of so many tokens, stored in every layer."""
    new = [(normal(PROBLEMS, SLOTS, KV_HEADS, DEPTH), normal(PROBLEMS, SLOTS, KV_HEADS, DEPTH)) for _ in range(tokens)]
    for position, (k, v) in enumerate(new):
        place = torch.tensor([position])
        kv.show(place)
        for layer in range(LAYERS):
            kv.attend(layer, place, normal(PROBLEMS, SLOTS, HEADS, DEPTH), k, v)
    return new


def test_growing_keeps_what_is_written_and_shows_nothing_new() -> None:
    kv = cache()
    assert kv.capacity == 0
    kv.grow(3)
    written(kv, 3)
    before = [tensor.clone() for tensor in (*kv.suffix_k, *kv.suffix_v)]
    kv.grow(5)
    assert kv.capacity == 8
    assert kv.suffix_bias_C.tolist() == [0.0] * 3 + [float("-inf")] * 5
    for old, new in zip(before, (*kv.suffix_k, *kv.suffix_v), strict=True):
        assert new.shape == (PROBLEMS, SLOTS, KV_HEADS, 8, DEPTH)
        assert torch.equal(new[..., :3, :], old) and not new[..., 3:, :].any()


def test_selected_problems_and_slots_keep_their_numbers() -> None:
    kv = cache()
    kv.grow(2)
    written(kv, 2)
    prefix_k, suffix_v, bias_PL = kv.prefix_k[1].clone(), kv.suffix_v[1].clone(), kv.prefix_bias_PL.clone()
    problems, slots = torch.tensor([2, 1]), torch.tensor([[3, 0], [1, 2]])
    kv.select(problems, slots)
    assert torch.equal(kv.prefix_bias_PL, bias_PL[problems])
    assert torch.equal(kv.prefix_k[1], prefix_k[problems])
    for p, problem in enumerate(problems.tolist()):
        for s, slot in enumerate(slots[p].tolist()):
            assert torch.equal(kv.suffix_v[1][p, s], suffix_v[problem, slot])


def test_a_query_sees_its_prompt_and_its_own_tokens_alone() -> None:
    """Softmax attention worked out for each slot by itself, with room to spare in the cache."""
    kv = cache()
    kv.grow(6)
    new = written(kv, 2)
    q, k, v = normal(PROBLEMS, SLOTS, HEADS, DEPTH), *(normal(PROBLEMS, SLOTS, KV_HEADS, DEPTH) for _ in range(2))
    place = torch.tensor([2])
    kv.show(place)
    out = kv.attend(1, place, q, k, v)
    for p, length in enumerate(LENGTHS.tolist()):
        for s in range(SLOTS):
            for head in range(HEADS):
                kv_head = head // (HEADS // KV_HEADS)
                own_k = torch.stack([keys[p, s, kv_head] for keys, _ in (*new, (k, v))])
                own_v = torch.stack([values[p, s, kv_head] for _, values in (*new, (k, v))])
                keys = torch.cat((kv.prefix_k[1][p, kv_head, :length], own_k))
                values = torch.cat((kv.prefix_v[1][p, kv_head, :length], own_v))
                weights = torch.softmax(keys @ q[p, s, head] * DEPTH**-0.5, dim=0)
                torch.testing.assert_close(out[p, s, head], weights @ values)
