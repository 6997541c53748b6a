"""The alarms of a study's RL runs in the terminal: one line for each, over all runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from edgewise.core.words import counted
from edgewise.report.concerns import one_line
from edgewise.report.prose import CARE, print_prose

if TYPE_CHECKING:
    from edgewise.study.health import StageHealth


def print_health(health: Sequence[StageHealth]) -> None:
    """Print a line for each alarm; nothing where a study has no RL run."""
    console = Console(highlight=False)
    for name, rang, text in health_lines(health):
        print_prose(Text.assemble("alarm ", (name, CARE if rang else "dim"), f": {one_line(text)}"), console)


def health_lines(health: Sequence[StageHealth]) -> Iterator[tuple[str, bool, str]]:
    """Each alarm's name, whether it rang in any run, and in how many: with what it said where it rang first."""
    for of_runs in zip(*(run.alarms for run in health), strict=True):
        names = [run.name for run in health]
        rang = [(alarm.step, name, alarm) for name, alarm in zip(names, of_runs, strict=True) if alarm.step is not None]
        watched = [alarm for alarm in of_runs if alarm.watched]
        unwatched = [alarm for alarm in of_runs if not alarm.watched]
        if rang:
            step, name, first = min(rang, key=lambda entry: entry[0])
            runs = counted(len(watched), "run")
            text = f"rang in {len(rang)} of {runs}, first at step {step} of {name}: {first.sentence}"
        elif watched:
            text = f"silent in {counted(len(watched), 'run')}"
        else:
            text = unwatched[0].sentence
        if watched and unwatched:
            text += f"; {len(unwatched)} more could not be watched"
        yield of_runs[0].name, bool(rang), text
