"""The one exception for bad input: the command line prints its line and exits with status 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input, with a message of one line.

    The message is one line that names the field or file, what is wrong with it, and what would
    be right. Every other exception is a bug and keeps its traceback. A character that cannot be printed, which a name
    from a file may hold, is written as its escape.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


def unknown_name(field: str, name: str, known: Iterable[str], listed: str | None = None) -> InputError:
    """The error for a name that is none of `known`: the name, the closest known one, and all of them.

    `listed` is what is said instead of the list of the known names.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return InputError(f"{field}: {name!r} is unknown{meant}; {listed or 'there are ' + ', '.join(names)}")
