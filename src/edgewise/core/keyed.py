"""Keyed randomness: seeds and generators from a hash of what they are for.

A key is a 64-bit hash of names and numbers such as ("problem", world, split, seed, index). The same key gives the
same draws in any order, process or batch layout, however much was drawn before.
"""

from __future__ import annotations

import hashlib
import random


def key(*parts: str | int) -> int:
    """A stable 64-bit seed: the hash of a sequence of names and integers. ("a", 1) and ("a1",) differ."""
    text = "\x1f".join(map(_written, parts)).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _written(part: str | int) -> str:
    # The separator is escaped, so that no text reads like two parts.
    if isinstance(part, str):
        return "str:" + part.replace("\x1e", "\x1e0").replace("\x1f", "\x1e1")
    return f"{type(part).__name__}:{part}"


def rng(*parts: str | int) -> random.Random:
    """A random generator for one purpose, seeded by `key(*parts)`."""
    return random.Random(key(*parts))
