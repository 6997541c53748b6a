"""Convert one cell of an imported file: names, verdicts, numbers and texts, each checked.

Each function takes a value that JSON, CSV or Parquet gave and returns what it means, None where the cell is
empty; NaN is empty. CSV gives numbers and verdicts as texts. A function raises ValueError with the words "what is
wrong; what would be right"; the caller adds file and row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import Any

from edgewise.outcomes.outcomes import MAX_ID_LENGTH

# An answer or gold longer than this is shortened to its start and a digest, which keeps distinct ones apart.
TEXT_LABEL_LENGTH = 256

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LARGEST = 2**63 - 1
# Hashes are longer than 64 bits.
_LONGEST_ID_BITS = 512

CellConverter = Callable[[Any], Any]


def to_name(value: Any) -> str | None:
    """An id or a name: a string without the spaces around it, or a whole number, which is the same as its digits."""
    if value is None:
        return None
    if isinstance(value, str):
        name: str = value.strip(" ")
        if not name or len(name) > MAX_ID_LENGTH:
            raise ValueError(f"a name of {len(name)} characters; use 1 to {MAX_ID_LENGTH}")
        if _CONTROL.search(name):
            raise ValueError(f"{quote(name)} holds control characters; use printable ones")
        return name
    if type(value) is int and value.bit_length() <= _LONGEST_ID_BITS:
        return str(value)
    number = to_integer(value, "a string or a whole number")
    return None if number is None else str(number)


def to_group_name(value: Any) -> str | None:
    """The name of a set, a level or a cluster; as `to_name`, and an empty text is an empty cell."""
    return None if value == "" else to_name(value)


def to_verdict(value: Any) -> int | None:
    """1 correct, 0 wrong; from true, false, 1 or 0, or a text such as "1.0", "yes", "Passed", "incorrect"."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return int(value)
    if isinstance(value, str) and (word := value.strip().lower()) in _VERDICTS:
        return _VERDICTS[word]
    raise ValueError(f"{quote(value)}; use true, false, 1 or 0, and null for unscorable")


def to_stored_verdict(value: Any) -> int | None:
    """A verdict as edgewise itself stores it: 1, 0, -1, or correct, wrong, unscorable."""
    if isinstance(value, str) and value in _STORED_VERDICTS:
        return _STORED_VERDICTS[value]
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 1:
        return value
    raise ValueError(f"{quote(value)}; use correct, wrong or unscorable (1, 0 or -1)")


def to_flag(value: Any) -> bool | None:
    """True or false; from true, false, 1 or 0, also as a text."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in _FLAGS:
        return _FLAGS[word]
    raise ValueError(f"{quote(value)}; use true or false")


def to_integer(value: Any, wanted: str = "a whole number") -> int | None:
    """A whole number of at most 64 bits; 3.0 and "3" count as 3."""
    if isinstance(value, str):
        value = _number_in(value)
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(f"{quote(value)}; use {wanted}")
    return value


def to_number(value: Any) -> float | None:
    """A finite number, also as a text."""
    if isinstance(value, str):
        value = _number_in(value)
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float):
        try:
            if math.isfinite(value):
                return float(value)
        except OverflowError:
            pass
    raise ValueError(f"{quote(value)}; use a finite number")


def to_sample_number(value: Any) -> tuple[int, bool] | None:
    """A sample's number, and whether the cell was a name, whose number is a 64-bit digest."""
    if value is None:
        return None
    if isinstance(value, str) and not INTEGER.fullmatch(value):
        digest = blake2b(str(to_name(value)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True), True
    number = to_integer(value, "a whole number or a name")
    return None if number is None else (number, False)


def to_text(value: Any, depth: int = 4) -> str | None:
    """Text unchanged; a number as its digits; chat messages as their contents, joined by line breaks."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bool | int | float):
        return None if value != value else str(value)
    if isinstance(value, dict) and depth:
        return to_text(value.get("content", value.get("text")), depth - 1)
    if isinstance(value, list) and depth:
        return "\n".join(part for part in (to_text(item, depth - 1) for item in value) if part)
    if value is None:
        return None
    raise ValueError(f"{quote(value)}; use text")


def to_label(value: Any) -> str | None:
    """Text that is compared rather than shown, such as an answer; a long one is cut, with a digest of the whole."""
    whole_text = to_text(value)
    if whole_text is None or len(whole_text) <= TEXT_LABEL_LENGTH:
        return whole_text
    return f"{whole_text[: TEXT_LABEL_LENGTH - 17]} {blake2b(whole_text.encode(), digest_size=8).hexdigest()}"


def prompt_id(prompt: Any) -> str | None:
    """The id of a problem of which only the prompt is known: a hash of it."""
    if prompt is None:
        return None
    text = prompt if isinstance(prompt, str) else repr(prompt)
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def encodable(value: str) -> str:
    """The text with "?" for every character that UTF-8 cannot encode."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def quote(value: Any) -> str:
    """Quote a value in a message, on one line of at most 60 characters."""
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


def _number_in(text: str) -> int | float | str | None:
    """The number that a text is, None where it stands for an empty cell; any other text unchanged."""
    word = text.strip()
    if INTEGER.fullmatch(word):
        return int(word)
    if len(word) <= 40 and _DECIMAL.fullmatch(word):
        return float(word)
    return None if word.lower() in _EMPTY else text


INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", re.IGNORECASE)
_STORED_VERDICTS = {"correct": 1, "wrong": 0, "unscorable": -1}
# What the writers of tables put into an empty cell.
_EMPTY = frozenset(("", "nan", "none", "null", "na", "n/a"))
_FLAGS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "yes", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "0", "0.0"), False),
    **dict.fromkeys(_EMPTY),
}
_VERDICTS: dict[str, int | None] = {
    **{word: None if flag is None else int(flag) for word, flag in _FLAGS.items()},
    **dict.fromkeys(("correct", "right", "pass", "passed", "success", "solved", "resolved"), 1),
    **dict.fromkeys(("incorrect", "wrong", "fail", "failed", "failure", "unsolved", "unresolved", "timeout"), 0),
    "unscorable": None,
}
