"""The one exception for bad input: the command line prints its line and exits with status 2."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input, with a message of one line.

    The message is one line that names the field or file, what is wrong with it, and what would
    be right. Every other exception is a bug and keeps its traceback.
    """
