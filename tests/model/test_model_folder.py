from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.model.model_folder import ModelFolder, find_model


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_folder_of_a_model_is_itself(tmp_path: Path) -> None:
    folder = model(tmp_path / "tuned")
    assert find_model(str(folder)) == ModelFolder(folder, "tuned")


def test_a_stage_is_found_by_its_folder_and_by_the_one_within(tmp_path: Path) -> None:
    stage = tmp_path / "rl-0123"
    folder = model(stage / "model")
    assert find_model(stage) == find_model(folder) == ModelFolder(folder, "rl-0123")


def test_the_name_is_that_of_the_folder_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model(tmp_path / "rl-0123" / "model")
    monkeypatch.chdir(tmp_path / "rl-0123")
    assert find_model(".").name == find_model("model").name == "rl-0123"


def test_a_model_beside_another_is_not_looked_into(tmp_path: Path) -> None:
    folder = model(tmp_path / "tuned")
    model(folder / "model")
    assert find_model(folder).folder == folder


def test_what_is_no_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        find_model(tmp_path / "nowhere")
    (tmp_path / "evaluate-0123" / "model").mkdir(parents=True)
    with pytest.raises(InputError, match=r"evaluate-0123: has no config.json, nor has its model/"):
        find_model(tmp_path / "evaluate-0123")
