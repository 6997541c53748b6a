"""Print sentences on a terminal, folded between words at its width; whole lines into a file or a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# Colours that can be read on white and on black, as a terminal's own yellow, green and cyan cannot on white.
GOOD, BAD, CARE, BAR = "bold #148f3d", "bold #e43f3f", "bold #ae7219", "#1985b3"


def print_prose(text: str | Text, console: Console | None = None, indent: int = 0) -> None:
    """Print text, each of its lines folded between words where `console` is a terminal and as it stands elsewhere.

    Lines are moved to the right by `indent` columns. A word longer than the window, such as a path, is left in one
    piece, which a terminal can copy. `console` is by default standard output. No markup is read.
    """
    console = console or Console(highlight=False)
    whole = Text(text) if isinstance(text, str) else text
    for line in whole.split("\n", allow_blank=True):
        folded = line.divide(_line_starts(line.plain, console.width - indent)) if console.is_terminal else [line]
        for part in folded:
            part.rstrip()
            console.print(Text(" " * indent) + part if part.plain else part, soft_wrap=True)


def print_aside(line: str) -> None:
    """Print a sentence on standard error, folded as `print_prose` does."""
    print_prose(line, Console(stderr=True, highlight=False))


def _line_starts(text: str, width: int) -> Iterator[int]:
    """Where the second and later lines of `width` columns begin; a longer word has a line of its own."""
    used = 0
    for word in re.finditer(r"\s*\S+\s*", text):
        if used and used + cell_len(word[0].rstrip()) > width:
            yield word.start()
            used = 0
        used += cell_len(word[0])
