"""Finished stages at a URL: each is whole there or not there, is what its digests say, is fetched where needed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import fsspec
import pytest

from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.study.context import Context
from edgewise.study.inventory import stages_in
from edgewise.study.measure import measure
from edgewise.study.remote import compute
from edgewise.study.remote.compute import compute_stage
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.remote.stages import fetch, publish, remote_provenance
from edgewise.study.run import run
from edgewise.study.stages import Stage
from edgewise.study.store import Store, folder_name
from edgewise.training.execution import CPU
from edgewise.training.run_folder import silent
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, PRETRAIN, STAGES, STUDY, TUNED, Log, results

from .conftest import Machine


class Killed(BaseException):
    """Stands for a SIGKILL: nothing catches it."""


def on(machine: Context, stage: Stage) -> Store:
    compute_stage(stage, machine, CPU, silent)
    return Store(machine.root)


def have(finished: Finished, context: Context, *stages: Stage) -> Store:
    """The store of a machine that has these stages without having computed them."""
    store = Store(context.root)
    for stage in stages:
        with store.hold(stage):
            store.receive(stage, lambda folder, stage=stage: copy(finished.store.folder(stage), folder))  # type: ignore[misc]
    return store


def copy(source: Path, folder: Path) -> None:
    for name, content in {**results(source), "provenance.json": (source / "provenance.json").read_bytes()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_two_machines_without_a_common_file_system_compute_one_study(
    finished: Finished, machine: Machine, url: str
) -> None:
    stores = {stage: on(machine(name), stage) for name, stage in zip("abab", STAGES, strict=True)}
    for stage, store in stores.items():
        assert store.provenance(stage).outputs == finished.store.provenance(stage).outputs
        made = remote_provenance(RemoteFolder(url), stage)
        assert made is not None and made == store.provenance(stage)
        assert url not in (store.folder(stage) / "provenance.json").read_text()
    # The second got the base from the first, whole, and went on from it.
    assert results(Store(machine("b").root).folder(PRETRAIN)) == results(stores[PRETRAIN].folder(PRETRAIN))


def test_what_is_complete_there_is_not_computed_again(machine: Machine) -> None:
    on(machine("a"), PRETRAIN)
    assert not on(machine("b"), PRETRAIN).is_complete(PRETRAIN)  # nor fetched: nothing here needs it yet


@pytest.mark.parametrize("files", [0, 1, 3])
def test_a_folder_of_which_a_part_was_published_is_never_taken_for_whole(
    files: int, finished: Finished, machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, store = RemoteFolder(url), have(finished, machine("a"), PRETRAIN)
    put = RemoteFolder.put
    written: list[str] = []

    def killed(self: RemoteFolder, path: Path, name: str) -> None:
        if len(written) == files:
            raise Killed
        written.append(name)
        put(self, path, name)

    monkeypatch.setattr(RemoteFolder, "put", killed)
    with pytest.raises(Killed):
        publish(remote, PRETRAIN, store.folder(PRETRAIN))
    monkeypatch.undo()
    assert remote_provenance(remote, PRETRAIN) is None
    with pytest.raises(
        InputError, match=rf"^{url}: has no complete pretrain-\w{{16}}; all machines must see one place"
    ):
        on(machine("b"), BASE_EVALUATION)
    on(machine("a"), PRETRAIN)
    assert remote_provenance(remote, PRETRAIN) == store.provenance(PRETRAIN)
    assert on(machine("b"), BASE_EVALUATION).is_complete(PRETRAIN)


def test_a_provenance_that_was_written_in_part_makes_no_stage_complete(
    finished: Finished, machine: Machine, url: str
) -> None:
    remote, store = RemoteFolder(url), have(finished, machine("a"), PRETRAIN)
    publish(remote, PRETRAIN, store.folder(PRETRAIN))
    whole = remote.read(f"{folder_name(PRETRAIN)}/provenance.json") or b""
    for size in (0, 1, len(whole) // 2, len(whole) - 2):
        remote.write(f"{folder_name(PRETRAIN)}/provenance.json", whole[:size])
        assert remote_provenance(remote, PRETRAIN) is None


def test_on_a_file_system_a_file_has_its_name_when_it_is_whole(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared")
    (tmp_path / "shared" / "x").mkdir(parents=True)
    (tmp_path / "shared" / "x" / "file").write_bytes(b"before")
    source = tmp_path / "source"
    source.write_bytes(b"y" * 100)
    monkeypatch.setattr("fsspec.implementations.local.shutil.copyfile", killed_while_copying)
    with pytest.raises(Killed):
        remote.put(source, "x/file")
    assert remote.read("x/file") == b"before"
    assert remote.names("x") == ["file"]


def killed_while_copying(source: str, target: str) -> None:
    Path(target).write_bytes(Path(source).read_bytes()[:50])
    raise Killed


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("metrics.jsonl", "was altered after it was recorded"),
        ("model/model.safetensors", "was altered after it was recorded"),
        ("model/config.json", "is recorded and is not there"),
        ("model/notes.txt", "is there and is not recorded"),
        ("model/tokenizer.json", "missing or corrupt"),
    ],
)
def test_a_file_that_was_altered_there_is_found_by_its_digest(
    name: str, what: str, finished: Finished, machine: Machine, url: str
) -> None:
    remote, store = RemoteFolder(url), have(finished, machine("a"), PRETRAIN)
    publish(remote, PRETRAIN, store.folder(PRETRAIN))
    place = f"{folder_name(PRETRAIN)}/{name}"
    content = remote.read(place) or b""
    if "not there" in what:
        remote.remove([place])
    else:
        # The last number of the file is another.
        altered = {"metrics.jsonl": content.replace(b'"loss": ', b'"loss": 1'), "model/tokenizer.json": content[:100]}
        remote.write(place, altered.get(name, content[:-1] + bytes([content[-1] ^ 1]) if content else b"new"))
    with pytest.raises(InputError) as told:
        on(machine("b"), BASE_EVALUATION)
    assert f"{url}/{folder_name(PRETRAIN)}" in str(told.value)
    assert name in str(told.value) and what in str(told.value) and "\n" not in str(told.value)
    assert not Store(machine("b").root).is_complete(PRETRAIN)


def test_a_fetch_that_was_killed_leaves_no_stage_and_is_done_again(
    finished: Finished, machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(RemoteFolder(url), PRETRAIN, finished.store.folder(PRETRAIN))
    get, b = RemoteFolder.get, machine("b")

    def killed(self: RemoteFolder, name: str, path: Path) -> bool:
        if name.endswith("provenance.json"):
            raise Killed
        return get(self, name, path)

    monkeypatch.setattr(RemoteFolder, "get", killed)
    with pytest.raises(Killed):
        on(b, BASE_EVALUATION)
    monkeypatch.undo()
    assert not Store(b.root).is_complete(PRETRAIN) and stages_in(b.root) == []
    assert on(b, BASE_EVALUATION).is_complete(PRETRAIN)


def test_two_machines_that_compute_a_stage_at_once_publish_the_same(
    finished: Finished, machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find it absent; the second writes over what the first wrote, file by file."""
    first, second = machine("a"), machine("b")

    def publish_after_the_other(remote: RemoteFolder, stage: Stage, folder: Path) -> None:
        monkeypatch.setattr(compute, "publish", publish)
        on(second, stage)
        publish(remote, stage, folder)

    monkeypatch.setattr(compute, "publish", publish_after_the_other)
    store = on(first, PRETRAIN)
    assert store.provenance(PRETRAIN).outputs == Store(second.root).provenance(PRETRAIN).outputs
    assert remote_provenance(RemoteFolder(url), PRETRAIN) == store.provenance(PRETRAIN)
    assert on(machine("c"), BASE_EVALUATION).provenance(BASE_EVALUATION).outputs == (
        finished.store.provenance(BASE_EVALUATION).outputs
    )


def test_whoever_fetches_while_two_publish_gets_the_stage_or_nothing(
    finished: Finished, machine: Machine, url: str, tmp_path: Path
) -> None:
    remote, folder = RemoteFolder(url), finished.store.folder(PRETRAIN)
    threads = [threading.Thread(target=publish, args=(remote, PRETRAIN, folder)) for _ in range(2)]
    if url.startswith("memory"):
        pytest.skip("fsspec's memory shows a file while it is written, as no object store does")
    for thread in threads:
        thread.start()
    fetched = 0
    while fetched < 2 or any(thread.is_alive() for thread in threads):
        if remote_provenance(remote, PRETRAIN) is not None:
            fetch(remote, PRETRAIN, tmp_path / f"fetched-{fetched}")
            fetched += 1
    for thread in threads:
        thread.join()
    assert results(tmp_path / "fetched-0") == results(tmp_path / f"fetched-{fetched - 1}") == results(folder)


def test_outputs_that_differ_from_those_there_are_not_built_upon(
    finished: Finished, machine: Machine, url: str
) -> None:
    a, remote = machine("a"), RemoteFolder(url)
    store = have(finished, a, PRETRAIN)
    publish(remote, PRETRAIN, store.folder(PRETRAIN))
    path = store.folder(PRETRAIN) / "provenance.json"
    made = read_json_object(path)
    made["outputs"]["metrics.jsonl"] = "0" * 16
    write_json(path, made)
    for stage in (BASE_EVALUATION, TUNED):
        with pytest.raises(
            InputError, match=rf"pretrain-\w{{16}}: has other outputs than {url} [^\n]*; remove the folder"
        ):
            on(a, stage)
    with pytest.raises(InputError, match=r"has other outputs than"):
        run([BASE_EVALUATION], a)


def test_a_folder_of_another_stage_under_the_name_is_refused(finished: Finished, machine: Machine, url: str) -> None:
    remote = RemoteFolder(url)
    made = json.loads((finished.store.folder(PRETRAIN) / "provenance.json").read_text())
    remote.write(f"{folder_name(PRETRAIN)}/provenance.json", json.dumps({**made, "digest": "0" * 16}).encode())
    with pytest.raises(InputError, match=r"provenance.json: is of stage 0{16}; remove the folder"):
        on(machine("b"), PRETRAIN)


def test_a_study_is_published_and_another_machine_reads_all_of_it(finished: Finished, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared"
    half = Store(tmp_path / "a")
    have(finished, Context(half.root), PRETRAIN, TUNED)  # complete before there was a URL
    first, second = Log(), Log()
    run(STUDY, Context(half.root, workers=2, artifacts=url), first)
    assert {reused for _, reused in first.done} == {True, False}
    store = run(STUDY, Context(tmp_path / "b", workers=2, artifacts=url), second)
    assert [reused for _, reused in second.done] == [True] * len(STAGES)
    for stage in STAGES:
        assert results(store.folder(stage)) == results(half.folder(stage))
    findings = measure(STUDY, store)
    assert repr(findings.audit) == repr(measure(STUDY, finished.store).audit)
    assert url not in str(findings.stages)


def test_a_url_that_each_process_sees_for_itself_is_found(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^memory://own: has no complete \w+-\w{16}; all machines must see one place"):
        run(STUDY, Context(tmp_path, workers=1, artifacts="memory://own"))


def test_a_failed_upload_is_one_line_and_running_again_computes_nothing(
    machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    kind = type(fsspec.core.url_to_fs(url)[0])
    monkeypatch.setattr(kind, "put_file", full)
    told: list[str] = []
    with pytest.raises(InputError) as error:
        compute_stage(PRETRAIN, a, CPU, lambda done, total, note: told.append(note))
    assert str(error.value) == (
        f"{url}: cannot be written ([Errno 28] No space left on device); what is computed is kept, run again to go on"
    )
    assert any(note.startswith("not saved elsewhere: ") for note in told)
    assert Store(a.root).is_complete(PRETRAIN)
    monkeypatch.undo()
    told.clear()
    compute_stage(PRETRAIN, a, CPU, lambda done, total, note: told.append(note))
    assert told == [] and remote_provenance(RemoteFolder(url), PRETRAIN) is not None


def test_a_driver_may_raise_what_it_likes(machine: Machine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentials(Exception):
        """As botocore's: no OSError."""

    def refused(*_: object, **__: object) -> None:
        raise NoCredentials("Unable to locate credentials\nand more")

    monkeypatch.setattr(type(fsspec.core.url_to_fs(url)[0]), "put_file", refused)
    with pytest.raises(InputError, match=rf"^{url}: cannot be written \(Unable to locate credentials\); [^\n]*$"):
        run(STUDY, machine("a"))
    assert not list(machine("a").root.glob("*"))  # said before anything is computed
