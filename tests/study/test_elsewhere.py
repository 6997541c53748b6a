"""Runners on other machines: which one is meant, a node that is lost, jobs of Slurm; the same digests as here."""

from __future__ import annotations

import json
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.runners.elsewhere import SCRATCH, compute_sent, runner_elsewhere
from edgewise.study.stages import Stage
from edgewise.study.store import Store, folder_name
from edgewise.training.run_folder import silent
from tests.tiny import PRETRAIN, STAGES, STUDY, Log

from .conftest import Finished


@pytest.mark.parametrize("on", ["kubernetes", "ray:", "slurm:"])
def test_where_there_is_no_such_runner_the_forms_are_named(on: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^on: must be ray, ray://HOST:PORT, slurm or slurm:FIELD=VALUE"):
        runner_elsewhere(Context(tmp_path, on=on), Log().advanced)


@pytest.mark.parametrize(("on", "package"), [("ray", "ray"), ("slurm:partition=gpu", "submitit")])
def test_a_package_that_is_not_installed_is_named(
    on: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"^on: {package} is not installed; .* `pip install edgewise\[{on[:3]}"):
        runner_elsewhere(Context(tmp_path, on=on), Log().advanced)


@pytest.mark.slow
def test_jobs_of_submitit_give_the_same_digests_and_one_that_fails_says_why(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs `pip install edgewise[slurm]`")
    context = Context(tmp_path, on="slurm:cluster=local,timeout_min=10")
    store = run(STUDY, context, Log())
    for stage in STAGES:
        assert store.provenance(stage).outputs == finished.store.provenance(stage).outputs
    refused = PRETRAIN.model_copy(update={"seed": 1})
    (tmp_path / f"{store.folder(refused).name}.unfinished" / "checkpoint").mkdir(parents=True)
    with pytest.raises(InputError, match=r"^pretrain-\w{16}: .*corrupt checkpoint; [^\n]*$"):
        run([refused], context, Log())


def test_a_machine_computes_where_its_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(tmp_path / "out", artifacts=f"file://{tmp_path}/bucket")
    sent = pickle.dumps(PRETRAIN), digest(PRETRAIN)
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "disk"))
    monkeypatch.setenv(SCRATCH, "scratch")
    with pytest.raises(InputError, match=r"^EDGEWISE_SCRATCH: must be an absolute path on the machine that computes"):
        compute_sent(*sent, context, silent)
    monkeypatch.setenv(SCRATCH, "$SLURM_TMPDIR/stages")
    compute_sent(*sent, context, silent)
    assert Store(tmp_path / "disk" / "stages").is_complete(PRETRAIN)
    assert Store(tmp_path / "bucket").is_complete(PRETRAIN) and not (tmp_path / "out").exists()


class Told(Log):
    """Says when the first step is told."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        super().advanced(stage, done, total, note)
        if done:
            self.begun.set()


def steps_sent(place: Path) -> int:
    """How far what a stage has saved at a URL goes."""
    lists = sorted(path for path in place.glob("*.json") if path.stem.isdecimal())
    return int(json.loads(lists[-1].read_text())["steps"]) if lists else 0


@pytest.mark.slow
@pytest.mark.parametrize("shared", ["store", "artifacts"])
def test_a_node_of_ray_that_is_lost_during_a_stage_costs_no_result(
    shared: str, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nodes share a file system, or a URL alone: then each has a folder of its own, and nobody that of another."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # all of it on 127.0.0.1
    url = f"file://{tmp_path}/bucket" if shared == "artifacts" else ""
    ray = pytest.importorskip("ray", reason="needs `pip install edgewise[ray]`")
    from ray.cluster_utils import Cluster

    # The first node computes nothing, so that the one that is lost is always one that computes.
    cluster: Any = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "node_ip_address": "127.0.0.1"},
    )

    def add_node(name: str) -> Any:
        scratch = {SCRATCH: str(tmp_path / name)}
        return cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1", env_vars=scratch)

    first = add_node("first")
    try:
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")

        long = PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update={"steps": 1500})})
        context = Context(tmp_path / "out", on="ray", checkpoint_seconds=0.0, artifacts=url)
        log = Told()
        with ThreadPoolExecutor(1) as thread:  # Ray adds nodes in the main thread only
            running = thread.submit(run, [long], context, log)
            assert log.begun.wait(60)
            place = tmp_path / "bucket" / f"{folder_name(long)}.unfinished"
            while url and steps_sent(place) < 50:
                assert not running.done()
                time.sleep(0.2)
            cluster.remove_node(first, allow_graceful=False)
            store = Store(context.root)
            assert not store.is_complete(long)
            sent, told = (steps_sent(place) if url else 0), len(log.steps)
            add_node("second")
            running.result(200)
        calm = Store(tmp_path / "calm")
        calm.compute(long)
        assert store.provenance(long).outputs == calm.provenance(long).outputs
        add_node("third")
        run(STUDY, context, Log())
        for stage in STAGES:
            assert store.provenance(stage).outputs == finished.store.provenance(stage).outputs
        if url:
            # What the lost node had saved was gone on with elsewhere, and the node itself has no result.
            assert min(done for _, done, _ in log.steps[told:] if done) > sent
            assert Store(tmp_path / "first").unfinished(long).exists()
            assert any(Store(tmp_path / name).is_complete(long) for name in ("second", "third"))
            assert url not in str(store.provenance(long))
    finally:
        ray.shutdown()
        cluster.shutdown()
