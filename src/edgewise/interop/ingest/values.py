"""One value of a foreign file at a time: what a cell may hold, and what it means.

Each function takes what JSON or Parquet gave and returns the meaning, None where the cell is empty.
It raises ValueError with the words "what is wrong; what would be right"; the caller knows the place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from edgewise.outcomes.outcomes import MAX_ID_LENGTH

# An answer or gold longer than this is shortened to its start and a digest, which keeps distinct ones apart.
TEXT_LABEL_LENGTH = 256

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LARGEST = 2**63 - 1

Convert = Callable[[Any], Any]


def name(value: Any) -> str | None:
    """An id or a name: a string, or a whole number, which is the same as its digits."""
    if value is None:
        return None
    if isinstance(value, str):
        if not value or len(value) > MAX_ID_LENGTH:
            raise ValueError(f"a name of {len(value)} characters; use 1 to {MAX_ID_LENGTH}")
        if _CONTROL.search(value):
            raise ValueError(f"{shown(value)} holds control characters; use printable ones")
        return value
    number = whole(value, "a string or a whole number")
    return str(number)


def verdict(value: Any) -> int | None:
    """1 correct, 0 wrong; from true, false, 1 or 0."""
    if value is None:
        return None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    raise ValueError(f"{shown(value)}; use true, false, 1 or 0, and null for unscorable")


def mark(value: Any) -> int | None:
    """A verdict written as edgewise writes it: 1, 0, -1, or their names."""
    if isinstance(value, str) and value in _MARKS:
        return _MARKS[value]
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 1:
        return value
    raise ValueError(f"{shown(value)}; use correct, wrong or unscorable (1, 0 or -1)")


def flag(value: Any) -> bool | None:
    """True or false; from true, false, 1 or 0."""
    if value is None:
        return None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise ValueError(f"{shown(value)}; use true or false")


def whole(value: Any, wanted: str = "a whole number") -> int | None:
    """A whole number of at most 64 bits; 3.0 counts as 3."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(f"{shown(value)}; use {wanted}")
    return value


def number(value: Any) -> float | None:
    """A finite number."""
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        try:
            if math.isfinite(value):
                return float(value)
        except OverflowError:
            pass
    raise ValueError(f"{shown(value)}; use a finite number")


def sample(value: Any) -> tuple[int, bool] | None:
    """A sample's number, and whether it is only a name: names become 64-bit digests."""
    if value is None:
        return None
    if isinstance(value, str) and not INTEGER.fullmatch(value):
        named = name(value)
        assert named is not None
        digest = blake2b(named.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True), True
    number = whole(int(value) if isinstance(value, str) else value, "a whole number or a name")
    assert number is not None
    return number, False


def text(value: Any, depth: int = 4) -> str | None:
    """Text as it stands; a number as its digits; chat messages as their contents, one after another."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, dict) and depth:
        return text(value.get("content", value.get("text")), depth - 1)
    if isinstance(value, list) and depth:
        return "\n".join(part for part in (text(one, depth - 1) for one in value) if part)
    if value is None:
        return None
    raise ValueError(f"{shown(value)}; use text")


def text_label(value: Any) -> str | None:
    """Text that is compared and not read: an answer, a gold answer."""
    whole_text = text(value)
    if whole_text is None or len(whole_text) <= TEXT_LABEL_LENGTH:
        return whole_text
    return f"{whole_text[: TEXT_LABEL_LENGTH - 17]} {blake2b(whole_text.encode(), digest_size=8).hexdigest()}"


def readable(value: str) -> str:
    """The text with what no encoding can hold replaced by "?"."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def shown(value: Any) -> str:
    """A value quoted in a message: one line of at most 60 characters."""
    if isinstance(value, str):
        quoted = ascii(value[:50]) if _CONTROL.search(value[:50]) else repr(value[:50])
        return quoted if len(value) <= 50 else f"{quoted[:-1]}...'"
    if isinstance(value, dict | list):
        return f"a {'JSON object' if isinstance(value, dict) else 'list'}"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a huge number"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)[:50]


_MARKS = {"correct": 1, "wrong": 0, "unscorable": -1}
INTEGER = re.compile(r"-?[0-9]{1,18}")
