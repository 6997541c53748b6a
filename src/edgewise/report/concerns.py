"""Print the concerns about rollouts on a terminal: the same lines for every command that reads some."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from edgewise.boundary.audit.result import Concern
from edgewise.report.prose import BAD, CARE, print_prose

# A terminal shows so many concerns, and names so many models of one; a page shows all.
MOST_LINES = 8
MOST_NAMES = 4


def one_line(text: str) -> str:
    """The text on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def print_concerns(concerns: Sequence[Concern], console: Console, rest: str = "") -> None:
    """Print what must be known before any number, what forbids a claim first.

    `rest` says where those stand that are more than MOST_LINES; without it all are printed.
    """
    serious = sorted((concern for concern in concerns if not concern.harmless), key=lambda concern: not concern.forbids)
    shown = serious[:MOST_LINES] if rest else serious
    for concern in shown:
        mark = ("no claim: ", BAD) if concern.forbids else ("take care: ", CARE)
        print_prose(Text.assemble(mark, about(concern)), console)
    if len(serious) > len(shown):
        more = len(serious) - len(shown)
        print_prose(Text.assemble(("take care: ", CARE), f"{more} more such lines stand in {rest}"), console)


def print_notes(concerns: Sequence[Concern], console: Console) -> None:
    """Print the harmless notes on how files were read, for commands that write no page."""
    for concern in concerns:
        if concern.harmless:
            print_prose(Text(f"note: {about(concern)}", "dim"), console)


def about(concern: Concern, most: int = MOST_NAMES) -> str:
    """The models that it is about, at most so many of them named, and what it says, on one line."""
    names = concern.models
    if len(names) > most:
        names = (*names[: most - 1], f"{len(names) - most + 1} more")
    return one_line(f"{', '.join(names)}: {concern.message}" if names else concern.message)
