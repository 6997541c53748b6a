"""Run a study: every stage once, parents first, on the runner that suits the context."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.following import Following
from edgewise.study.plan import check_stages, longest_paths_first, ready, topological_order
from edgewise.study.remote.compute import fetch_stages, share_if_complete
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.runners.base import Advanced, Runner, Watcher
from edgewise.study.runners.distributed import DistributedRunner
from edgewise.study.runners.elsewhere import runner_elsewhere
from edgewise.study.runners.local import LocalRunner
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.study.study import Study


def run(study: Study | Iterable[Stage], context: Context, *watchers: Watcher) -> Store:
    """Compute the missing stages of a study, or of given stages and their ancestors; returns the store that holds it.

    What is complete is reused, and what was interrupted resumes. InputError, before anything is computed, where a stage
    cannot be. The first failure stops the run after the stages under way have been stopped; everything saved stays.
    Where the context has `artifacts`, the store gets what is computed elsewhere, compared with its digests.
    Several ranks must all call this; only the first one's watchers are told.
    """
    stages = study.evaluations.values() if isinstance(study, Study) else study
    ordered = topological_order(stages)
    store, distributed = Store(context.root), context.execution.distributed
    remote = RemoteFolder(context.artifacts) if context.artifacts else None
    complete = distributed.on_rank_zero(lambda: _complete(ordered, store, remote))
    by_need = longest_paths_first(ordered)
    missing = [stage for stage in by_need if not complete[digest(stage)]]
    if not isinstance(study, Study):  # a study has been checked when it was made
        check_stages(missing, {})
    following = Following(store, watchers if distributed.is_rank_zero else ())

    def completed(stage: Stage, *, reused: bool) -> None:
        if remote is not None:  # before the watchers are told, who read what it logged
            distributed.on_rank_zero(lambda: fetch_stages([stage], store, remote))
        following.completed(stage, reused=reused)

    for stage in by_need:
        if complete[digest(stage)]:
            completed(stage, reused=True)
    if missing:
        with following, _runner(context, following.advanced) as runner:
            _compute_all(missing, runner, completed)
    return store


def _complete(stages: Iterable[Stage], store: Store, remote: RemoteFolder | None) -> dict[str, bool]:
    """Digest -> whether a stage is complete here, or at the URL, which gets what is complete here alone."""
    if remote is None:
        return {digest(stage): store.is_complete(stage) for stage in stages}
    remote.check_writable()
    return {digest(stage): share_if_complete(stage, store, remote) for stage in stages}


def _runner(context: Context, advanced: Advanced) -> Runner:
    if context.on:
        return runner_elsewhere(context, advanced)
    return (DistributedRunner if context.execution.distributed.size > 1 else LocalRunner)(context, advanced)


def _compute_all(missing: list[Stage], runner: Runner, completed: Callable[..., None]) -> None:
    """Submit each stage when its parents are complete and a slot is free, the first in the list first."""
    waiting = {digest(stage): stage for stage in missing}
    running: dict[Future[None], Stage] = {}
    while waiting or running:
        free = runner.slots - len(running)
        for name in ready(waiting, map(digest, running.values()))[:free]:
            stage = waiting.pop(name)
            running[runner.submit(stage)] = stage
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
            completed(running.pop(future), reused=False)
