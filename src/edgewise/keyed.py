"""Randomness keyed by what it is for, never by how much was drawn before.

A key is a 64-bit hash of names and numbers such as ("problem", world, split, seed, index). The
same key gives the same draws in any order, process or batch layout.
"""

from __future__ import annotations

import hashlib
import random


def key(*parts: str | int) -> int:
    """The 64-bit key of a sequence of names and integers; ("a", 1) and ("a1",) differ."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def rng(*parts: str | int) -> random.Random:
    """A generator of its own for one purpose, seeded by `key(*parts)`."""
    return random.Random(key(*parts))
