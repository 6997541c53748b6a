"""Folder at an fsspec URL: its files listed, read, written whole and removed, with errors of one line."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from uuid import uuid4

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from edgewise.core.errors import InputError

# Ends the name of a file that is being written.
_NEW = ".new"


class RemoteFolder:
    """A folder at `url`, for which the driver of its protocol must be installed and find its own credentials.

    Files are named by their path in the folder. InputError where the URL is none, holds a secret or has no driver; from
    every method where the place cannot be reached.
    """

    def __init__(self, url: str) -> None:
        # A secret in the URL would stand in reports, in the list of processes and in the files of jobs.
        if re.search(r"://[^/]*:[^/]*@|[?#]", url):
            raise InputError(
                "artifacts: must hold no password and no query; give credentials as fsspec's driver reads them"
            )
        if "://" not in url or "::" in url:  # a chain of drivers keeps copies, which are then out of date
            raise InputError(f"artifacts: must be a URL such as s3://bucket/runs or file:///mnt/runs, is {url!r}")
        self.url = url.rstrip("/")
        try:
            self._files, root = url_to_fs(self.url)
        except (ImportError, ValueError, OSError) as error:
            raise InputError(f"artifacts: {self.url} cannot be used ({_reason(error)})") from None
        self._root = root.rstrip("/")

    def check_writable(self) -> None:
        """InputError where no file can be written here, said before hours are spent on one."""
        name = f"{uuid4().hex}{_NEW}"
        self.write(name, b"")
        self.remove([name])

    def names(self, below: str) -> list[str]:
        """The files below a folder of this one, named from there; none where there is no such folder."""
        root = f"{self._root}/{below}/"
        with self._errors("listed"):
            self._files.invalidate_cache()
            found = [path.removeprefix(root) for path in self._files.find(root) if path.startswith(root)]
        for name in found:
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise InputError(f"{self.url}/{below}: has a file that must not be there, {name!r}; remove it")
        return [name for name in found if not name.endswith(_NEW)]

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is no such file."""
        with self._errors("read"):
            try:
                self._files.invalidate_cache()
                return bytes(self._files.cat_file(f"{self._root}/{name}"))
            except FileNotFoundError:
                return None

    def get(self, name: str, path: Path) -> bool:
        """Copy a file to a path of this machine, whose folder is made; False where there is no such file."""
        with self._errors("read"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.get_file(f"{self._root}/{name}", str(path))
            except FileNotFoundError:
                return False
            return True

    def put(self, path: Path, name: str) -> None:
        """Copy a file of this machine here. Under its name stands all of it, or what stood there before."""
        place = f"{self._root}/{name}"
        with self._errors("written"):
            if not isinstance(self._files, LocalFileSystem):
                self._files.put_file(str(path), place)
                return
            # An object store shows an upload when it is whole, a file system while it grows.
            aside = f"{place}.{uuid4().hex}{_NEW}"
            self._files.makedirs(str(PurePosixPath(place).parent), exist_ok=True)
            try:
                self._files.put_file(str(path), aside)
                self._files.mv(aside, place)
            except OSError:
                with suppress(OSError):
                    self._files.rm_file(aside)
                raise

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, as `put` does."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "content"
            path.write_bytes(content)
            self.put(path, name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that another machine has removed are passed over."""
        with self._errors("removed"):
            for name in names:
                with suppress(FileNotFoundError):
                    self._files.rm_file(f"{self._root}/{name}")

    def remove_folder(self, below: str) -> None:
        """Remove a folder that has no folders within, with its files."""
        self.remove([f"{below}/{name}" for name in self.names(below)])
        if isinstance(self._files, LocalFileSystem):
            with suppress(OSError):  # not there, or another machine has just written a file
                self._files.rmdir(f"{self._root}/{below}")

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # drivers raise what their clouds' libraries do, much of it no OSError
            raise InputError(
                f"{self.url}: cannot be {done} ({_reason(error)}); what is computed is kept, run again to go on"
            ) from None


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{lines[0]:.160}" if lines else type(error).__name__
