"""What every command shows in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status
from rich.text import Text

from edgewise.boundary.inference.resampling import Estimate

_STYLES = {"extended": "bold green", "sharpened": "bold blue", "shrunk": "bold red", "mixed": "bold magenta"}


def status(what: str) -> Status:
    """A line that moves while something of a few seconds is under way."""
    return Console(stderr=True).status(what)


def verdict_line(model: str, label: str) -> Text:
    """ "name: label", the label in its colour."""
    return Text.assemble((model, "bold"), ": ", (label, _STYLES.get(label, "bold")))


def percent(estimate: Estimate) -> str:
    """0.734 -> "73.4 [70.1, 76.2]"."""
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
