"""`edgewise watch`: the studies of a store in a browser as they run, on the page of their report."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewise.core.errors import InputError

if TYPE_CHECKING:
    from edgewise.report.page.running import Parts
    from edgewise.report.serve import Answer, Query
    from edgewise.study.watching import WatchedStudy, Watching


def watch_study(
    place: Annotated[
        Path, typer.Argument(metavar="DIR", help="The store that a study writes to, or the folder of its report.")
    ] = Path("runs"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for any free one.")] = 0,
) -> None:
    """Show a running study in a browser: its stages, training curves, and what the policy writes. Ctrl-C ends it."""
    from edgewise.report.serve import PageServer
    from edgewise.study.watching import Watching

    pages = _Pages(Watching(place))
    with PageServer({"/": pages.page, "/live": pages.changes, "/report.html": pages.report}, port) as server:
        typer.echo(f"watching {place}: {server.address}")
        server.serve_forever(poll_interval=0.1)


class _Pages:
    """What the server answers. One request at a time looks at the files; what has not changed is not made again."""

    def __init__(self, watching: Watching) -> None:
        self._watching, self._lock = watching, threading.Lock()
        self._made: tuple[WatchedStudy, Parts] | None = None

    def page(self, query: Query) -> Answer:
        from edgewise.report.page.running import render_running
        from edgewise.report.serve import html

        return html(render_running(*self._look(query)))

    def changes(self, query: Query) -> Answer:
        from edgewise.report.page.running import changed_parts
        from edgewise.report.serve import json_of

        changed = changed_parts(self._look(query)[1], query)
        return json_of(changed) if changed else ("application/json", b"")

    def report(self, query: Query) -> Answer:
        study, _ = self._look(query)
        if study.report is None:
            raise InputError(f"{study.name}: has no report before all of its stages are finished")
        return "text/html; charset=utf-8", study.report.read_bytes()

    def _look(self, query: Query) -> tuple[WatchedStudy, Parts]:
        from edgewise.report.page.running import running_parts

        with self._lock:
            study = self._watching.look(query.get("study"))
            if self._made is None or self._made[0] != study:
                self._made = study, running_parts(study)
            return self._made
