"""Finished stages at a URL: published so that each appears whole, fetched and compared with their recorded digests.

    <URL>/rl-0123456789abcdef/                complete: the files of the stage's folder, provenance.json written last
    <URL>/rl-0123456789abcdef.unfinished/     what is saved of a stage under way (`edgewise.study.remote.progress`)

A folder without a whole provenance.json was published in part, and is published again. No lock reaches from machine to
machine: two that compute one stage at once publish the same content, of which each file is the last that was written.
"""

from __future__ import annotations

import json
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance
from edgewise.core.spec import digest
from edgewise.study.outputs import PROVENANCE, alteration
from edgewise.study.remote.folder import RemoteFolder
from edgewise.study.stages import Stage
from edgewise.study.store import folder_name


def remote_provenance(remote: RemoteFolder, stage: Stage) -> Provenance | None:
    """The provenance of a stage that is complete at the URL; None where it is not. InputError where it is another's."""
    place = f"{folder_name(stage)}/{PROVENANCE}"
    content = remote.read(place)
    if content is None:
        return None
    try:
        fields = json.loads(content)
    except ValueError:  # written in part
        return None
    made = Provenance.parse(fields, f"{remote.url}/{place}")
    if made.digest != digest(stage):
        raise InputError(f"{remote.url}/{place}: is of stage {made.digest}; remove the folder to publish it again")
    return made


def check_published(remote: RemoteFolder, stage: Stage) -> Provenance:
    """`remote_provenance` of a stage that some machine has published; InputError where this one does not find it."""
    made = remote_provenance(remote, stage)
    if made is None:
        raise InputError(f"{remote.url}: has no complete {folder_name(stage)}; all machines must see one place there")
    return made


def publish(remote: RemoteFolder, stage: Stage, folder: Path) -> None:
    """Copy a complete stage's folder to the URL, provenance.json last."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".new")
    for path in sorted(files, key=lambda path: path == folder / PROVENANCE):
        remote.put(path, f"{folder_name(stage)}/{path.relative_to(folder).as_posix()}")


def fetch(remote: RemoteFolder, stage: Stage, folder: Path) -> None:
    """Copy a stage that is complete at the URL into an empty folder, provenance.json last.

    InputError names the file there that is not what its provenance recorded, if there is one.
    """
    made = check_published(remote, stage)
    place = folder_name(stage)
    for name in sorted(remote.names(place), key=lambda name: name == PROVENANCE):
        if not remote.get(f"{place}/{name}", folder / name):
            raise InputError(f"{remote.url}/{place}/{name}: was removed while it was fetched; run again to go on")
    try:
        altered = alteration(folder, made.outputs) if made.outputs else None  # none are recorded by old versions
    except InputError as error:  # what cannot even be read; the copy here is of no interest
        altered = "", str(error).partition(";")[0].replace(f"{folder}/", "")
    if altered:
        output, what = altered
        raise InputError(f"{remote.url}/{place}/{output}: {what}; remove {remote.url}/{place} to compute it again")
