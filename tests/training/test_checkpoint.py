from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.tensors import save_tensors
from edgewise.training import checkpoint
from edgewise.training.checkpoint import drop_damaged, load_checkpoint, save_checkpoint


def tensors(step: int) -> dict[str, Tensor]:
    return {"a": torch.full((3, 2), float(step)), "b/c": torch.arange(4) + step, "scalar": torch.tensor(step / 7)}


def save(folder: Path, step: int) -> None:
    save_checkpoint(folder, step, tensors(step), {"seconds": step / 3})


def step_of(folder: Path) -> int | None:
    """The step of the checkpoint that loads, after checking that all of it is of that step."""
    loaded = load_checkpoint(folder)
    if loaded is None:
        return None
    step, state, notes = loaded.step, loaded.tensors, loaded.notes
    assert notes == {"seconds": step / 3}
    assert state.keys() == tensors(step).keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in tensors(step).items())
    return step


def test_round_trip_and_replacement(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    assert load_checkpoint(folder) is None
    for step in (3, 4):
        save(folder, step)
        assert step_of(folder) == step
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "checkpoint.old"]
    assert step_of(tmp_path / "checkpoint.old") == 3


def test_views_and_transposed_tensors_keep_their_values(tmp_path: Path) -> None:
    whole = torch.arange(12.0).view(3, 4)
    save_checkpoint(tmp_path / "c", 1, {"t": whole.T, "part": whole[1]}, {})
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded is not None
    assert torch.equal(loaded[1]["t"], whole.T) and torch.equal(loaded[1]["part"], whole[1])


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def save_killed_at(monkeypatch: pytest.MonkeyPatch, folder: Path, step: int, operation: int) -> bool:
    """Save, but die within the given disk operation, half of it done; False if it was never reached."""
    count = 0

    def mortal(real: Callable[..., Any], half: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == operation:
                half(*args)
                raise Killed
            return real(*args, **kwargs)

        return call

    def half_saved(_: dict[str, Tensor], path: Path) -> None:
        path.write_bytes(b"\x08\0\0")

    def half_written(path: Path, text: str) -> None:
        path.write_bytes(text[: len(text) // 2].encode())

    def half_removed(path: Path, **_: Any) -> None:
        if path.exists():
            next(iter(sorted(path.iterdir()))).unlink()

    def nothing(*_: Any) -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_tensors", mortal(save_tensors, half_saved))
        patch.setattr(Path, "write_text", mortal(Path.write_text, half_written))
        patch.setattr(shutil, "rmtree", mortal(shutil.rmtree, half_removed))
        patch.setattr(os, "replace", mortal(os.replace, nothing))
        try:
            save(folder, step)
        except Killed:
            return True
    return False


@pytest.mark.parametrize("first_death", [None, *range(1, 8)])
def test_a_kill_at_any_point_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_death: int | None
) -> None:
    """Also when the run that resumes after one kill is killed in its turn, wherever that is."""
    died = True
    for second_death in range(1, 20):
        folder = tmp_path / f"{second_death}" / "checkpoint"
        folder.parent.mkdir()
        save(folder, 1)
        before = 1
        if first_death is not None:
            save_killed_at(monkeypatch, folder, 2, first_death)
            found = step_of(folder)
            assert found in (1, 2)
            before = found
        died = save_killed_at(monkeypatch, folder, before + 1, second_death)
        assert step_of(folder) in ((before, before + 1) if died else (before + 1,))
        save(folder, 9)
        assert step_of(folder) == 9
        assert {path.name for path in folder.parent.iterdir()} == {"checkpoint", "checkpoint.old"}
        if not died:
            break
    assert not died and second_death > 5, "the kills must reach every operation"


def test_killed_between_the_two_renames_the_old_one_loads(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint", 5)
    save(tmp_path / "later", 6)
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    (tmp_path / "later").rename(tmp_path / "checkpoint.new")
    assert step_of(tmp_path / "checkpoint") == 5


def test_a_full_disk_leaves_the_former_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "checkpoint"
    save(folder, 1)

    def full(_: dict[str, Tensor], path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_tensors", full)
        with pytest.raises(OSError, match="No space"):
            save(folder, 2)
    assert step_of(folder) == 1
    save(folder, 2)
    assert step_of(folder) == 2


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"\xff" * 64)])
def test_a_corrupt_file_names_the_folder_and_says_what_to_do(
    tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    folder = tmp_path / "checkpoint"
    save(folder, 1)
    damage(folder / name)
    with pytest.raises(InputError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}: corrupt checkpoint") and "remove the folder" in message
    assert "\n" not in message


def flip(path: Path) -> None:
    """One bit, at a place where the file can still be read."""
    data = bytearray(path.read_bytes())
    data[-1 if path.suffix == ".safetensors" else data.index(b'"step": ') + len(b'"step": ')] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_of_two_checkpoints_the_one_before_is_used_where_the_newest_is_damaged(
    tmp_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    folder = tmp_path / "checkpoint"
    for step in (2, 4):
        save(folder, step)
    damage(folder / name)
    loaded = load_checkpoint(folder)
    assert loaded is not None and loaded.damaged and step_of(folder) == 2
    # The next save must keep the whole one, not the damaged one.
    drop_damaged(folder)
    save(folder, 5)
    damage(folder / name)
    assert step_of(folder) == 2
    damage(tmp_path / "checkpoint.old" / name)
    with pytest.raises(InputError, match=r"checkpoint and .*checkpoint\.old: corrupt checkpoint"):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["[]", '{"step": 1}', '{"step": null, "notes": {}}', '{"step": 1, "notes": 3}'])
def test_json_of_another_shape_is_corrupt_too(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "checkpoint"
    save(folder, 1)
    (folder / "state.json").write_text(text)
    with pytest.raises(InputError, match="corrupt checkpoint"):
        load_checkpoint(folder)
