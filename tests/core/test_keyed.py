"""Keys: the same everywhere for the same parts, different for different ones."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.keyed import key, rng

Part = str | int
PARTS = st.lists(
    st.one_of(st.integers(), st.text(), st.sampled_from(["\x1f", "str:", "int:1", "\x1e", "\x1e1"])), max_size=4
)


def test_a_fixed_key_never_moves() -> None:
    """Every stored problem and rollout hangs on these numbers."""
    assert key("problem", "train", 0, 1) == 10196710381532418308
    assert rng("problem", "train", 0, 1).getrandbits(32) == 2933402866


@given(PARTS, PARTS)
@settings(deadline=None, max_examples=300)
def test_keys_are_equal_exactly_where_the_parts_are(one: list[Part], other: list[Part]) -> None:
    assert (key(*one) == key(*other)) == (one == other)


def test_parts_that_read_alike_have_different_keys() -> None:
    groups: list[tuple[Part, ...]] = [
        (), ("",), ("", ""), ("a", 1), ("a1",), ("a", "1"), ("1", "a"), (1,), ("1",), (-1,), (11,), (1, 1), ("a", "b"),
        ("ab",), ("b", "a"), ("a\x1fstr:b",), ("a", "str:b"), ("a\x1f", "b"), ("a", "\x1fb"), ("a", "", "b"), (0,),
        (2**64,),
        ("int:1",), ("\x1e", "1"), ("\x1e1",), ("\x1f",), ("\ud800",), (2**64 + 1,),
    ]  # fmt: skip
    for one, other in combinations(groups, 2):
        assert key(*one) != key(*other), f"{one!r} and {other!r}"


def test_equal_text_has_one_key_whatever_its_class() -> None:
    """Ids come out of numpy arrays as numpy strings."""
    assert key("a", str(np.array(["b"])[0])) == key("a", np.array(["b"])[0])


def test_keys_are_64_bits_and_spread() -> None:
    keys = [key("spread", i) for i in range(4000)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= k < 2**64 for k in keys)
    for bit in range(64):
        share = sum(k >> bit & 1 for k in keys) / len(keys)
        # 0.5 plus or minus five standard errors.
        assert abs(share - 0.5) < 0.04, f"bit {bit} is set in {share:.3f} of the keys"


def test_the_hash_seed_and_the_process_do_not_matter() -> None:
    program = "from edgewise.core.keyed import key, rng; print(key('a', 1, 'ü'), rng('b', -3).random())"
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == [str(key("a", 1, "ü")), str(rng("b", -3).random())]


def test_a_generator_belongs_to_its_key_alone() -> None:
    first = rng("a", 1)
    head = [first.random() for _ in range(3)]
    rng("a", 2).random()
    again = rng("a", 1)
    assert [again.random() for _ in range(3)] == head
    assert rng("a", 2).random() != head[0]
