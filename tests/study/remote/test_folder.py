"""A folder at a URL: what is refused of a URL, and what files may be called."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import fsspec
import pytest

from edgewise.core.errors import InputError
from edgewise.study.remote.folder import RemoteFolder
from tests.cli.running import refusal


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s4://bucket/runs", r"^artifacts: s4://bucket/runs cannot be used \(Protocol not known: s4\)$"),
        ("/mnt/runs", r"^artifacts: must be a URL such as s3://bucket/runs or file:///mnt/runs, is '/mnt/runs'$"),
        ("s3:/bucket/runs", r"^artifacts: must be a URL such as"),
        ("sftp://me:secret@host/runs", r"^artifacts: must hold no password and no query; [^\n]*$"),
        ("simplecache::sftp://me:secret@host/runs", r"^artifacts: must hold no password"),
        ("simplecache::s3://bucket/runs", r"^artifacts: must be a URL such as"),
        ("az://container/runs?sig=secret", r"^artifacts: must hold no password and no query; [^\n]*$"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secrets(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        RemoteFolder(url)
    assert "secret" not in str(error.value)


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed here")
def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(InputError, match=r"^artifacts: s3://bucket/runs cannot be used \(Install s3fs to access S3\)$"):
        RemoteFolder("s3://bucket/runs")


def test_the_command_ends_with_one_line_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for url, message in (("s4://x", "Protocol not known"), (f"file://{tmp_path}/file/runs", "cannot be ")):
        words = ("run", "edgewise.study.demo:demo", "--out", str(tmp_path / "out"), "--artifacts", url)
        assert message in refusal(monkeypatch, capsys, *words)
        assert not list(tmp_path.glob("out/*-*"))


@pytest.mark.parametrize("name", ["../outside", "a/../../outside"])
def test_a_file_that_would_be_fetched_out_of_the_folder_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemoteFolder("memory://refused")
    kind = type(fsspec.core.url_to_fs("memory://refused")[0])
    monkeypatch.setattr(kind, "find", lambda self, root: [f"{root}{name}"])
    with pytest.raises(InputError, match=r"^memory://refused/stage: has a file that must not be there"):
        remote.names("stage")
