"""Follow what the stages under way log, whichever runner computes them, and tell the watchers of a study all of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from edgewise.core.spec import digest
from edgewise.study.runners.base import Watcher
from edgewise.study.stages import Stage
from edgewise.study.store import UNFINISHED, Store
from edgewise.training.metrics_file import MetricsFollower

# Seconds between two looks at the metrics.
_BETWEEN = 0.5


class Following:
    """A watcher that tells others: what it is told, and the lines of metrics.jsonl of the stages that have begun.

    The file is read where the stage writes it, in the store, so that no runner sends numbers. Used as a context
    manager, in which a thread reads. A watcher's error in that thread ends the reading and is raised at the end.
    """

    def __init__(self, store: Store, watchers: Sequence[Watcher]) -> None:
        self._store, self._watchers = store, watchers
        self._under_way: dict[str, tuple[Stage, MetricsFollower]] = {}
        self._begun: set[str] = set()
        self._reading = threading.Lock()
        self._over = threading.Event()
        self._failures: list[Exception] = []
        self._thread = threading.Thread(target=self._read_until_over, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None and self._failures:
            raise self._failures[0]

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        self._begin(stage)
        for watcher in self._watchers:
            watcher.advanced(stage, done, total, note)

    def completed(self, stage: Stage, *, reused: bool) -> None:
        if not reused:
            self._begin(stage)
            with self._reading:  # what it logged is told before its end
                self._tell(*self._under_way.pop(digest(stage)))
        for watcher in self._watchers:
            watcher.completed(stage, reused=reused)

    def _begin(self, stage: Stage) -> None:
        name, folder = digest(stage), self._store.folder(stage)
        with self._reading:
            if name not in self._begun:  # a runner's last words may come after the end
                self._begun.add(name)
                follower = MetricsFollower(folder.with_name(folder.name + UNFINISHED), folder)
                self._under_way[name] = (stage, follower)

    def _read_until_over(self) -> None:
        while not self._over.wait(_BETWEEN):
            for name in list(self._under_way):
                try:
                    with self._reading:
                        if name in self._under_way:
                            self._tell(*self._under_way[name])
                except Exception as failure:
                    self._failures.append(failure)
                    return

    def _tell(self, stage: Stage, follower: MetricsFollower) -> None:
        if lines := follower.new():
            for watcher in self._watchers:
                watcher.logged(stage, lines)
