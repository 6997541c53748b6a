from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.provenance import versions
from edgewise.core.spec import digest
from edgewise.model.backend import choose_backend, describe_backend
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.study.context import Context
from edgewise.study.measure import measure
from edgewise.study.run import run
from edgewise.study.stages import RL, Evaluate, Pretrain, Stage
from edgewise.study.store import Store
from edgewise.tasks.base import all_distinct
from edgewise.training.execution import Execution
from edgewise.training.run_folder import Progress
from tests.model.native.present import needs_kernels
from tests.tiny import (
    BASE_EVALUATION,
    EASY,
    PARAMS,
    PRETRAIN,
    STAGES,
    STUDY,
    TUNED,
    TUNED_EVALUATION,
    WORLD,
    Interrupted,
    Log,
    identity,
    interrupt,
    results,
)

from .conftest import Finished


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_equal_specs_are_one_stage_and_any_difference_is_another() -> None:
    again = Pretrain.parse(PRETRAIN.model_dump())
    assert again is not PRETRAIN and digest(again) == digest(PRETRAIN)
    assert digest(RL(parent=again, world=EASY, recipe=TUNED.recipe)) == digest(TUNED)
    others = [
        PRETRAIN.model_copy(update={"seed": 1}),
        PRETRAIN.model_copy(update={"world": WORLD}),
        PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update={"steps": 151})}),
    ]
    names = {digest(stage) for stage in (*STAGES, *others)}
    assert len(names) == len(STAGES) + len(others)
    # What changes a parent changes every descendant.
    assert digest(TUNED.model_copy(update={"parent": others[0]})) not in names


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_the_spec_in_a_folder_names_that_folder(finished: Finished, stage: Stage) -> None:
    folder = finished.store.folder(stage)
    parsed = type(stage).parse(json.loads((folder / "spec.json").read_text()))
    assert parsed == stage
    assert folder.name == f"{stage.kind}-{digest(parsed)}"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_provenance_says_how_a_stage_was_made(finished: Finished, stage: Stage) -> None:
    found = finished.store.provenance(stage)
    assert found.digest == digest(stage) and found.seed == stage.seed
    assert found.parents == tuple(finished.store.folder(parent).name for parent in stage.parents)
    assert datetime.fromisoformat(found.finished).tzinfo is not None
    assert found.wall_seconds > 0 and found.totals.tokens > 0
    assert found.versions == versions()
    assert {"edgewise", "python", "torch", "numpy"} <= found.versions.keys()
    assert "cores" in found.machine and found.device == "cpu"
    assert found.backend == describe_backend(choose_backend("auto"))
    if not isinstance(stage, Evaluate):
        assert found.totals.flops > 0 and 0 < found.totals.seconds <= found.wall_seconds + 0.01


@needs_kernels
def test_provenance_names_what_of_a_model_is_beyond_the_kernels(tmp_path: Path) -> None:
    """Of the stage that makes the model, and of those that only read it."""
    shape = PRETRAIN.model.model_copy(update={"qkv_bias": False, "qk_norm": True})
    training = PRETRAIN.training.model_copy(update={"steps": 1})
    base = PRETRAIN.model_copy(update={"model": shape, "training": training})
    store = Store(tmp_path)
    for stage in (base, Evaluate(parent=base, world=EASY, problems=1, samples=1, sampling=PARAMS)):
        store.compute(stage, Execution(backend="native"))
        found = store.provenance(stage)
        assert found.backend == {"name": "torch", "beyond kernels": "qk_norm"}
        assert found.other_bits == ("backend torch for qk_norm",)


def test_a_stage_is_computed_by_the_backend_that_is_named(tmp_path: Path) -> None:
    """In torch: the same folder, as the execution is part of no digest, with another record of who computed it."""
    store = Store(tmp_path)
    folder = store.compute(PRETRAIN, Execution(backend="torch"))
    assert folder.name == f"pretrain-{digest(PRETRAIN)}"
    assert store.provenance(PRETRAIN).backend == {"name": "torch"}


def test_a_complete_stage_is_left_alone(copied: Store) -> None:
    before = identity(copied.root)
    for stage in STAGES:
        assert copied.compute(stage, progress=failing("nothing is to be done")) == copied.folder(stage)
    assert identity(copied.root) == before


def failing(reason: str) -> Progress:
    def progress(done: int, total: int, note: str) -> None:
        pytest.fail(reason)

    return progress


@pytest.mark.parametrize(("stage", "at"), [(PRETRAIN, 60), (TUNED, 2), (TUNED_EVALUATION, 0)], ids=["pre", "rl", "ev"])
def test_an_interrupted_stage_is_marked_resumes_and_equals_the_whole(
    finished: Finished, copied: Store, stage: Stage, at: int
) -> None:
    """In this process, in another folder and cut in two, against a worker process in one go."""
    folder = copied.folder(stage)
    shutil.rmtree(folder)
    interrupt(copied, stage, at)
    unfinished = folder.with_name(folder.name + ".unfinished")
    assert not folder.exists() and not copied.is_complete(stage)
    assert (unfinished / "spec.json").exists() and not (unfinished / "provenance.json").exists()
    seen: list[int] = []
    copied.compute(stage, progress=lambda done, total, note: seen.append(done))
    assert seen[0] == at
    assert copied.is_complete(stage) and not unfinished.exists()
    expected = results(finished.store.folder(stage))
    assert {Path(name).suffix for name in expected} >= {".json"}
    assert results(folder) == expected


def killed_at_the_end(store: Store, part: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compute a stage again up to that part of the store; returns its unfinished folder."""

    def killed(*_: object) -> None:
        raise Interrupted

    folder = store.folder(PRETRAIN)
    shutil.rmtree(folder)
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Store, part, killed)
        store.compute(PRETRAIN)
    assert not folder.exists()
    return folder.with_name(folder.name + ".unfinished")


def test_a_stage_killed_after_its_last_step_only_writes_its_outputs(
    copied: Store, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the work is in the checkpoint; the model's folder is missing or half written."""
    folder, unfinished = copied.folder(PRETRAIN), killed_at_the_end(copied, "_finish", monkeypatch)
    assert (unfinished / "checkpoint").exists() and not (unfinished / "provenance.json").exists()
    (unfinished / "model" / "model.safetensors").write_bytes(b"half")
    copied.compute(PRETRAIN, progress=failing("every step is done"))
    assert results(folder) == results(finished.store.folder(PRETRAIN))
    assert copied.provenance(PRETRAIN).totals.tokens == finished.store.provenance(PRETRAIN).totals.tokens


def test_a_stage_killed_before_it_is_renamed_is_only_renamed(
    copied: Store, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished = killed_at_the_end(copied, "_publish", monkeypatch)
    provenance = (unfinished / "provenance.json").read_text()
    shutil.rmtree(unfinished / "checkpoint")
    copied.compute(PRETRAIN, progress=failing("every step is done"))
    assert results(copied.folder(PRETRAIN)) == results(finished.store.folder(PRETRAIN))
    assert (copied.folder(PRETRAIN) / "provenance.json").read_text() == provenance and not unfinished.exists()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_a_finished_stage_keeps_nothing_that_only_resuming_needed(finished: Finished, stage: Stage) -> None:
    kept = {path.name for path in finished.store.folder(stage).iterdir()}
    outputs = {"rollouts.parquet", "outcomes.parquet"} if isinstance(stage, Evaluate) else {"model", "metrics.jsonl"}
    groups = {"groups.jsonl"} if isinstance(stage, RL) else set()
    assert kept == {"spec.json", "provenance.json", *outputs, *groups}


def test_a_stage_waits_for_no_absent_parent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(InputError) as caught:
        store.compute(TUNED)
    assert store.folder(PRETRAIN).name in one_line(caught)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


_HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1], timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_stage_that_another_process_computes_is_refused_until_that_one_ends(copied: Store) -> None:
    folder = copied.folder(TUNED)
    shutil.rmtree(folder)
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, f"{folder}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    with pytest.raises(InputError) as caught:
        copied.compute(TUNED)
    assert one_line(caught).startswith(f"{folder}: another process is computing this stage")
    assert not folder.exists()
    # The system frees the lock of a process that is killed; no file has to be removed by hand.
    child.kill()
    child.communicate()
    copied.compute(TUNED)
    assert copied.is_complete(TUNED)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_corrupt_parent_names_the_file(copied: Store, name: str, damage: str) -> None:
    shutil.rmtree(copied.folder(TUNED))
    path = copied.folder(PRETRAIN) / "model" / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.unlink()
    with pytest.raises(InputError) as caught:
        copied.compute(TUNED)
    assert one_line(caught).startswith(f"{path}: ")
    assert not copied.is_complete(TUNED)


def test_an_altered_parent_is_not_built_upon_and_an_altered_evaluation_is_not_measured(copied: Store) -> None:
    """A file that is whole and reads well, but is not what was recorded."""
    shutil.rmtree(copied.folder(TUNED))
    path = copied.folder(PRETRAIN) / "model" / "model.safetensors"
    save_tensors({name: 1.01 * tensor for name, tensor in load_tensors(path).items()}, path)
    with pytest.raises(InputError) as caught:
        copied.compute(TUNED, progress=failing("found too late"))
    assert re.fullmatch(
        rf"{path}: was altered after it was recorded: \w{{16}}, recorded \w{{16}};"
        rf" remove {copied.folder(PRETRAIN)} to compute the stage again",
        one_line(caught),
    )
    assert not copied.is_complete(TUNED)
    outcomes = copied.folder(BASE_EVALUATION) / "outcomes.parquet"
    shutil.copyfile(copied.folder(TUNED_EVALUATION) / "outcomes.parquet", outcomes)
    with pytest.raises(InputError, match=rf"^{outcomes}: was altered after it was recorded"):
        measure(STUDY, copied)


def test_a_removed_parent_is_computed_again_with_the_same_bits(copied: Store, finished: Finished) -> None:
    shutil.rmtree(copied.folder(PRETRAIN))
    shutil.rmtree(copied.folder(TUNED_EVALUATION))
    log = Log()
    run(STUDY, Context(copied.root, workers=1), log)
    assert [name for name, reused in log.done if not reused] == [digest(PRETRAIN), digest(TUNED_EVALUATION)]
    for stage in (PRETRAIN, TUNED_EVALUATION):
        assert copied.provenance(stage).outputs == finished.store.provenance(stage).outputs


@pytest.mark.parametrize("at", [60, 150])
def test_a_store_that_is_moved_goes_on_there(copied: Store, finished: Finished, at: int) -> None:
    """Between two sittings, and under the hands of the one that computes, which says so in one line."""
    folder = copied.folder(PRETRAIN)
    shutil.rmtree(folder)
    moved = Store(copied.root.with_name("moved"))

    def move(done: int, total: int, note: str) -> None:
        if done == at:
            copied.root.rename(moved.root)

    with pytest.raises(InputError) as caught:
        copied.compute(PRETRAIN, progress=move, checkpoint_seconds=0.0)
    assert one_line(caught).startswith(f"{folder}.unfinished: was moved or removed while it was computed; ")
    seen: list[int] = []
    moved.compute(PRETRAIN, progress=lambda done, total, note: seen.append(done))
    assert seen[0] == at, "the checkpoint before the move is that of the step before"
    assert results(moved.folder(PRETRAIN)) == results(finished.store.folder(PRETRAIN))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.kind)
def test_a_full_disk_ends_a_stage_in_one_line_and_it_goes_on_when_there_is_room(
    copied: Store, finished: Finished, stage: Stage
) -> None:
    """No file may become longer than some bytes, which the system tells in the middle of a write, as a full disk."""
    folder = copied.folder(stage)
    shutil.rmtree(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        with pytest.raises(InputError) as caught:
            copied.compute(stage, checkpoint_seconds=0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert one_line(caught) == f"{folder}.unfinished: File too large; what is saved is kept, run again to go on"
    assert not copied.is_complete(stage)
    copied.compute(stage)
    assert results(folder) == results(finished.store.folder(stage))


def test_a_corrupt_checkpoint_says_what_to_remove(copied: Store) -> None:
    folder = copied.folder(PRETRAIN)
    unfinished = folder.with_name(folder.name + ".unfinished")
    folder.rename(unfinished)
    (unfinished / "provenance.json").unlink()
    (unfinished / "checkpoint").mkdir()
    (unfinished / "checkpoint" / "state.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError) as caught:
        copied.compute(PRETRAIN)
    assert one_line(caught).startswith(f"{unfinished / 'checkpoint'}: corrupt checkpoint")


def test_a_folder_without_provenance_is_refused_before_any_work(copied: Store) -> None:
    (copied.folder(PRETRAIN) / "provenance.json").unlink()
    assert not copied.is_complete(PRETRAIN)
    with pytest.raises(InputError) as caught:
        copied.compute(PRETRAIN, progress=failing("refused too late"))
    assert one_line(caught).startswith(f"{copied.folder(PRETRAIN)}: ")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        assert not Store(root).is_complete(PRETRAIN)
        with pytest.raises(InputError) as caught:
            Store(root).compute(PRETRAIN)
        assert one_line(caught).startswith(f"{root}: cannot be used as a store")


def test_a_root_that_cannot_be_written_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o555)
        # The superuser may write anywhere, so this is done as nobody.
        superuser = os.geteuid() == 0
        if superuser:
            os.seteuid(65534)
        try:
            for place in (root, root / "below"):
                with pytest.raises(InputError) as caught:
                    Store(place).compute(PRETRAIN)
                assert one_line(caught).startswith(f"{place}: cannot be used as a store")
        finally:
            if superuser:
                os.seteuid(0)
            root.chmod(0o755)


def test_a_world_with_words_the_parent_does_not_know_is_refused(copied: Store) -> None:
    wide = EASY.model_copy(update={"letters": 6})
    for stage in (
        TUNED.model_copy(update={"world": wide}),
        BASE_EVALUATION.model_copy(update={"world": wide}),
    ):
        with pytest.raises(InputError, match=r"^world: .*no word 'e'"):
            copied.compute(stage)
        assert not copied.is_complete(stage)


def test_more_problems_than_there_are_name_the_field(copied: Store) -> None:
    stage = BASE_EVALUATION.model_copy(update={"problems": 60})
    with pytest.raises(InputError, match=r"^problems: only \d+ different ones of level 1 in split 'test'"):
        copied.compute(stage)


def test_problems_of_an_evaluation_are_distinct_and_the_same_for_every_parent() -> None:
    world = WORLD.at_level(2)
    first = [problem.id for problem in all_distinct(world, "test", 0, 10).values()]
    assert len(set(first)) == 10
    assert [problem.id for problem in all_distinct(world, "test", 0, 6).values()] == first[:6]
    assert {problem.id for problem in all_distinct(world, "test", 1, 6).values()} != set(first[:6])
    assert {problem.split for problem in all_distinct(world, "validation", 0, 6).values()} == {"validation"}


def test_the_trained_model_is_what_the_next_stage_reads(finished: Finished) -> None:
    from edgewise.model.hf import load_pretrained

    base, _ = load_pretrained(finished.store.folder(PRETRAIN) / "model")
    tuned, _ = load_pretrained(finished.store.folder(TUNED) / "model")
    assert any(not torch.equal(a, b) for a, b in zip(base.parameters(), tuned.parameters(), strict=True))
    assert finished.store.metrics(TUNED)[-1]["step"] == TUNED.recipe.steps - 1
    assert PARAMS.temperature == 1.0


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_damaged_provenance_and_metrics_name_the_file(copied: Store, text: str) -> None:
    path = copied.folder(PRETRAIN) / "provenance.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        copied.provenance(PRETRAIN)
    assert one_line(caught).startswith(f"{path}: ")
    lines = copied.folder(PRETRAIN) / "metrics.jsonl"
    lines.write_text(lines.read_text() + "{half")
    with pytest.raises(InputError) as caught:
        copied.metrics(PRETRAIN)
    assert one_line(caught).startswith(f"{lines}: ")
