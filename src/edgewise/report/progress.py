"""The terminal while a study runs: what is done in one line, a line for each stage under way with its newest numbers.

Where stdout is no terminal, a line when a stage begins and one when it ends, without control characters.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from edgewise.core.spec import digest
from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.concerns import one_line
from edgewise.report.prose import BAR, print_prose
from edgewise.training.metrics_file import Metrics

if TYPE_CHECKING:
    from edgewise.study.stages import Stage

Shown = Callable[[float], str]


def _share(value: float) -> str:
    return f"{value:.0%}"


def _short(value: float) -> str:
    """At most five characters where there is room: "12.3", "1.23", "0.41", "0.021", "3e-05"."""
    if 0 < abs(value) < 0.0005:
        return f"{value:.0e}"
    return f"{value:.3g}" if abs(value) >= 10 else f"{value:.3f}" if 0 < abs(value) < 0.1 else f"{value:.2f}"


# Heading -> the metric and how it is written; those are shown that a stage of a kind under way has logged.
COLUMNS: Mapping[str, tuple[str, Shown]] = {
    "loss": ("loss", _short),
    "reward": ("reward", _short),
    "pass": ("process_correct", _share),
    "entropy": ("entropy", _short),
    "KL": ("kl_to_start", _short),
}
_RATE = "tok/s"
# What gives way to names in a narrow window, the first of them first; "" is the bar.
_GIVING_WAY = ("", _RATE, "entropy", "loss", "KL", "pass")

# A rate is the mean over so many looks, which are so many seconds apart at least.
_LOOKS, _APART = 20, 0.5
# Widths: of a bar, of a column of numbers at least, so that columns stand still, and of names before others give way.
_BAR, _WIDE_BAR, _WIDE, _NUMBER, _NAME, _NAME_OR_BAR = 6, 16, 100, 5, 20, 32
# Rows of a terminal that are kept free of stages.
_ROWS_KEPT = 5


class StudyProgress:
    """Shows the stages of a study on stdout, or on `console`. A watcher, and a context manager.

    `names` maps digests of stages to their names, in order (`Study.names`). `clock` tells seconds.
    """

    def __init__(
        self, names: Mapping[str, str], console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._began = clock()
        self._rows = {stage: _Row(one_line(name)) for stage, name in names.items()}
        self._logged: defaultdict[str, set[str]] = defaultdict(set)
        self._done: Counter[str] = Counter()
        self._reused = 0
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, get_renderable=self.shown, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        elif error is None:
            self._say(self._counts())

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        row = self._rows[digest(stage)]
        if row.state == "waiting":
            row.state, row.kind, row.began = "running", stage.kind, self._clock()
            if self._live is None:
                self._say(f"{row.name}: begun")
        if note and note != row.note:
            row.note = note
            self._say(f"{row.name}: {one_line(note)}")
        row.at(self._clock(), done, total)

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        row = self._rows[digest(stage)]
        for line in lines:
            row.metrics |= line
        row.at(self._clock(), max(row.done, int(lines[-1]["step"]) + 1), row.total)
        self._logged[stage.kind] |= {name for name, (key, _) in COLUMNS.items() if key in row.metrics}
        if "tokens" in row.metrics:
            row.tokens.see(self._clock(), row.metrics["tokens"])
            self._logged[stage.kind].add(_RATE)

    def completed(self, stage: Stage, *, reused: bool) -> None:
        row = self._rows[digest(stage)]
        row.state = "done"
        self._done[stage.kind] += 1
        self._reused += reused
        if self._live is None and not reused:
            numbers = ", ".join(f"{name} {text}" for name, text in row.numbers().items())
            took = formats.duration(self._clock() - row.began)
            self._say(f"{row.name}: done in {took}{f'; {numbers}' if numbers else ''}")

    def shown(self) -> RenderableType:
        """What stands on the terminal now: a line of counts, and a table of the stages under way."""
        running = [row for row in list(self._rows.values()) if row.state == "running"]
        fitting = running[: max(1, self._console.height - _ROWS_KEPT)]
        parts: list[RenderableType] = [Text(self._counts(), no_wrap=True, overflow="ellipsis")]
        if fitting:
            parts.append(self._table(fitting))
        if len(running) > len(fitting):
            parts.append(Text(f"and {counted(len(running) - len(fitting), 'stage')} more under way"))
        return Group(*parts)

    def _say(self, line: str) -> None:
        print_prose(line, self._console)

    def _counts(self) -> str:
        done, total = self._done.total(), len(self._rows)
        states = Counter(row.state for row in list(self._rows.values()))
        there = f" ({self._reused} already there)" if self._reused else ""
        kinds = ", ".join(f"{number} {kind}" for kind, number in dict(self._done).items())
        words = [f"{done} of {counted(total, 'stage')} done{there}"]
        words += [f"{number} {state}" for state in ("running", "waiting") if (number := states[state])]
        words.append(f"{_clock_time(self._clock() - self._began)} elapsed")
        line = "; ".join([*words, *([f"done: {kinds}"] if kinds else [])])
        fits = self._live is None or len(line) <= self._console.width
        return line if fits else "; ".join(words)

    def _table(self, rows: Sequence[_Row]) -> Table:
        now, bar = self._clock(), _WIDE_BAR if self._console.width >= _WIDE else _BAR
        logged = set().union(*(self._logged[row.kind] for row in rows))
        numbers = [row.numbers() for row in rows]
        written = {
            "step": [f"{row.done}/{row.total}" if row.total else "" for row in rows],
            "left": [_clock_time(row.seconds_left(now)) for row in rows],
            **{name: [of_row.get(name, "") for of_row in numbers] for name in (*COLUMNS, _RATE) if name in logged},
        }
        widths = {name: max(_NUMBER, len(name), *map(len, texts)) for name, texts in written.items()}
        widths["step"] = max(widths["step"], *(len(f"{row.total}/{row.total}") for row in rows))
        shown, room = _fitting({"": bar, **widths}, max(len(row.name) for row in rows), self._console.width)
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("stage", no_wrap=True, overflow="ellipsis")
        for name in shown:
            table.add_column(name, justify="right", no_wrap=True, width=bar if name == "" else widths[name])
        for i, row in enumerate(rows):
            progress = ProgressBar(row.total, row.done, width=bar, complete_style=BAR) if row.total else ""
            cells = (written[name][i] if name else progress for name in shown)
            table.add_row(Text(shortened(row.name, room)), *cells)
        return table


def _fitting(widths: Mapping[str, int], longest: int, width: int) -> tuple[list[str], int]:
    """The columns that fit beside the names, the longest of which has `longest` characters, and what is left for these.

    What gives way is left out as long as names have less room than they need.
    """
    shown = dict(widths)
    for name in _GIVING_WAY:
        room = width - sum(1 + columns for columns in shown.values())
        if room < min(longest, _NAME if name else _NAME_OR_BAR):
            shown.pop(name, None)
    return list(shown), width - sum(1 + columns for columns in shown.values())


def shortened(name: str, width: int) -> str:
    """A name cut in its middle where it is longer, so that the training seed and the kind at its end stay."""
    if len(name) <= width:
        return name
    end = min(max(width // 2, len(name.rpartition("/")[2]) + 1), width - 2)
    return f"{name[: max(0, width - end - 1)]}\u2026{name[len(name) - end :]}"


class _Rate:
    """How fast a number grows: its mean over the last looks at which it had grown."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, float]] = deque(maxlen=_LOOKS)

    def see(self, now: float, value: float) -> None:
        looks = self._looks
        if looks and value < looks[-1][1]:
            looks.clear()  # begun again from a checkpoint
        if not looks or (value > looks[-1][1] and now >= looks[-1][0] + _APART):
            looks.append((now, value))

    @property
    def last(self) -> float:
        """When it was last seen to have grown."""
        return self._looks[-1][0]

    def per_second(self) -> float | None:
        """None before it has grown."""
        if len(self._looks) < 2:
            return None
        (first, low), (last, high) = self._looks[0], self._looks[-1]
        return (high - low) / (last - first)


@dataclass(slots=True)
class _Row:
    """What is known of a stage."""

    name: str
    kind: str = ""
    state: str = "waiting"
    began: float = 0.0
    done: int = 0
    total: int = 0
    note: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    steps: _Rate = field(default_factory=_Rate)
    tokens: _Rate = field(default_factory=_Rate)

    def at(self, now: float, done: int, total: int) -> None:
        self.done, self.total = done, total or self.total
        if self.total and done:
            self.steps.see(now, done)

    def seconds_left(self, now: float) -> float | None:
        rate = self.steps.per_second()
        return None if rate is None else max(0.0, (self.total - self.done) / rate - (now - self.steps.last))

    def numbers(self) -> dict[str, str]:
        """Heading -> number, of what has been logged."""
        shown = {name: write(self.metrics[key]) for name, (key, write) in COLUMNS.items() if key in self.metrics}
        rate = self.tokens.per_second()
        return shown if rate is None else {**shown, _RATE: formats.amount(rate).replace(" ", "")}


def _clock_time(seconds: float | None) -> str:
    """A time in at most five characters: "0:42", "12:03", "1h02", "2d 3h"; "" where it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}h{minutes:02d}" if hours else f"{minutes}:{rest:02d}"
