"""Compute a stage where `Context.artifacts` is a URL: parents fetched, progress gone on with, the result published.

The URL has what counts. A machine computes in its own store, whose folders it may lose at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance
from edgewise.study.context import Context
from edgewise.study.outputs import PROVENANCE
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.remote.progress import ProgressSender, fetch_progress, remove_progress
from edgewise.study.remote.stages import check_published, fetch, publish, remote_provenance
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.training.execution import Execution
from edgewise.training.run_folder import Progress

# Seconds to wait for another process of this machine that fetches the same stage.
_PATIENCE = 600.0


def compute_stage(stage: Stage, context: Context, execution: Execution, progress: Progress) -> None:
    """Compute a stage into the context's store, and publish it where the context has `artifacts`.

    Parents that are not in the store are fetched. All ranks of `execution` must call this. InputError as by
    `Store.compute`, and where the URL cannot be reached, or has other outputs for a stage than this machine.
    """
    store, seconds = Store(context.root), context.checkpoint_seconds
    if not context.artifacts:
        store.compute(stage, execution, progress, seconds)
        return
    remote, on_rank_zero = RemoteFolder(context.artifacts), execution.distributed.on_rank_zero
    if on_rank_zero(lambda: remote_provenance(remote, stage) is not None):
        return
    on_rank_zero(lambda: _prepare(stage, store, remote))
    sender = ProgressSender(remote, stage, store.unfinished(stage), progress)
    store.compute(stage, execution, sender.progress, seconds, sender.saved)
    on_rank_zero(lambda: share_if_complete(stage, store, remote))


def share_if_complete(stage: Stage, store: Store, remote: RemoteFolder) -> bool:
    """Whether a stage is complete in the store or at the URL, where it is published if the store alone has it.

    InputError where both have it with other outputs, or where it was altered in the store.
    """
    made, here = remote_provenance(remote, stage), store.is_complete(stage)
    if made is not None:
        if here:
            _check_same(stage, store, remote, made)
        return True
    if here:
        store.check_unaltered(stage)
        publish(remote, stage, store.folder(stage))
        remove_progress(remote, stage)
    return here


def fetch_stages(stages: Iterable[Stage], store: Store, remote: RemoteFolder) -> None:
    """Fetch those of the stages that are not complete in the store; InputError where one of them cannot be had."""
    for stage in stages:
        with store.hold(stage, _PATIENCE):
            if not store.is_complete(stage):
                store.receive(stage, partial(fetch, remote, stage))
                continue
        _check_same(stage, store, remote, check_published(remote, stage))


def _prepare(stage: Stage, store: Store, remote: RemoteFolder) -> None:
    """Fetch what the stage is computed from: its parents, and what another machine had saved of it."""
    fetch_stages(stage.parents, store, remote)
    unfinished = store.unfinished(stage)
    with store.hold(stage):
        if not store.is_complete(stage) and not (unfinished / PROVENANCE).exists():
            fetch_progress(remote, stage, unfinished, store.arriving(stage))


def _check_same(stage: Stage, store: Store, remote: RemoteFolder, made: Provenance) -> None:
    here, there = store.provenance(stage).outputs, made.outputs
    if here and there and here != there:
        raise InputError(
            f"{store.folder(stage)}: has other outputs than {remote.url} (two GPUs may differ); remove the folder to"
            " take those from there, and run again"
        )
