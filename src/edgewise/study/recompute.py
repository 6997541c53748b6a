"""Recompute recorded stages in another place and compare: `edgewise run --verify`.

`recorded_stages` finds what stands in a folder and checks it against its own records, which computes nothing.
`recompute` computes it again from the recorded specs alone and compares the content of every output.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgewise.core.atomic import read_json_object
from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance
from edgewise.core.spec import digest, own_code, plain
from edgewise.core.words import counted
from edgewise.study.context import Context
from edgewise.study.outputs import PROVENANCE, SPEC, alteration, first_difference, in_output_order
from edgewise.study.plan import topological_order
from edgewise.study.run import run
from edgewise.study.runners.base import Watcher
from edgewise.study.stages import Stage, stage_of_kind
from edgewise.study.store import UNFINISHED, Store, folder_name
from edgewise.training.metrics_file import Metrics

# Where the page of a study stands, its record says which stages it was made from.
RECORD = "boundary.json"


@dataclass(frozen=True, slots=True)
class RecordedStage:
    """A complete stage as it lies in a folder: its spec, and how it was made.

    `published` are the digests of its outputs in the report of a study, where that was asked about.
    """

    folder: Path
    stage: Stage
    provenance: Provenance
    published: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return folder_name(self.stage)

    def alteration(self) -> str | None:
        """The first output that is not what the provenance says; None where all are."""
        recorded = self.provenance.outputs
        if self.published and self.published != recorded:
            return f"{PROVENANCE} has other digests of outputs than the report"
        altered = alteration(self.folder, recorded)
        return " ".join(altered) if altered else None


class _Differs(Exception):
    """The first difference; ends the run of the others."""


def recorded_stages(place: Path, study: Sequence[Stage] = ()) -> list[RecordedStage]:
    """The stages at `place`: a stage's folder, a store, or the folder of a study's report. Parents come first.

    `study` are stages that a study brings: of a store those are meant and no others, and a stage with code of one's own
    is found among them. InputError where there is none, a spec was altered, a kind or a world is not known, own code is
    no longer what it was, or the provenance has no digests of outputs.
    """
    if (place / SPEC).is_file() or (place / PROVENANCE).is_file():
        return [_recorded(place, study)]
    published: Mapping[str, Mapping[str, str]] = {}
    if (place / RECORD).is_file():
        published, place = _stages_of_report(place / RECORD), place.parent
    if study:
        folders = [_folder_of(stage, place) for stage in study]
    elif published:
        folders = [place / name for name in published]
    else:
        folders = [path.parent for path in sorted(place.glob(f"*/{PROVENANCE}")) if path.parent.suffix != UNFINISHED]
    if not folders:
        raise InputError(f"{place}: holds no finished stage; give a stage's folder, a store or a study's report folder")
    found = [replace(_recorded(path, study), published=published.get(path.name, {})) for path in folders]
    recorded = {digest(one.stage): one for one in found}
    ordered = topological_order(one.stage for one in recorded.values())
    return [recorded[digest(stage)] for stage in ordered if digest(stage) in recorded]


def recompute(recorded: Sequence[RecordedStage], context: Context, watcher: Watcher) -> tuple[bool, str]:
    """Whether all stages come out equal, and the line that says so or names the first difference.

    One stage alone is computed from the recorded outputs of its parents where they lie beside it; several are computed
    from their specs alone, each from the outputs of those before it. `context.root` is not used.
    """
    alone = recorded[0] if len(recorded) == 1 else None
    parents = _ancestors_beside(alone.stage, Store(alone.folder.absolute().parent)) if alone else []
    for one in (*parents, *recorded):
        if alteration := one.alteration():
            return False, f"differs: {one.name}: {alteration}"
    with tempfile.TemporaryDirectory(prefix="edgewise-verify-") as root:
        for parent in parents:
            _put(parent.folder.absolute(), Path(root) / parent.name)
        comparison = _Comparison(recorded, Store(Path(root)), watcher)
        try:
            run([one.stage for one in recorded], replace(context, root=Path(root)), comparison)
        except _Differs as difference:
            return False, str(difference)
    return True, _equal(recorded, parents)


def _put(folder: Path, place: Path) -> None:
    """Let a folder stand at another place: by a link, or copied where the system lets not everybody make links."""
    try:
        place.symlink_to(folder, target_is_directory=True)
    except OSError:
        shutil.copytree(folder, place)


class _Comparison:
    """A watcher that compares each stage as soon as it is computed."""

    def __init__(self, recorded: Iterable[RecordedStage], store: Store, watcher: Watcher) -> None:
        self._recorded = {digest(one.stage): one for one in recorded}
        self._store, self._watcher = store, watcher

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        self._watcher.advanced(stage, done, total, note)

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        self._watcher.logged(stage, lines)

    def completed(self, stage: Stage, *, reused: bool) -> None:
        self._watcher.completed(stage, reused=reused)
        one = self._recorded.get(digest(stage))
        if one is None:
            return
        again = self._store.provenance(stage)
        if difference := _first_difference(one, self._store.folder(stage), again.outputs):
            raise _Differs(f"differs: {one.name}: {difference} ({_circumstances(one.provenance, again)})")


def _first_difference(one: RecordedStage, again: Path, outputs: Mapping[str, str]) -> str | None:
    recorded = one.provenance.outputs
    for output in in_output_order({**recorded, **outputs}):
        if output not in outputs:
            return f"{output} is not made"
        if output not in recorded:
            return f"{output} is made and is not recorded"
        if outputs[output] != recorded[output]:
            return f"{output}: {first_difference(one.folder / output, again / output)}"
    return None


def _circumstances(recorded: Provenance, here: Provenance) -> str:
    """What was otherwise when the stage was recorded, and whether equality was promised."""
    then, now = _conditions(recorded), _conditions(here)
    others = [
        f"{name} {now.get(name, 'none')}, recorded {then.get(name, 'none')}"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]
    reasons = dict.fromkeys((*recorded.other_bits, *here.other_bits))
    promised = f"equality is not promised: {', '.join(reasons)}" if reasons else "equality is promised"
    return f"{'; '.join(others) or 'same machine, versions and library'}; {promised}"


def _conditions(provenance: Provenance) -> dict[str, str]:
    library = {
        "backend" if name == "name" else name.replace("_", " "): text for name, text in provenance.backend.items()
    }
    place = {"machine": provenance.machine, "device": provenance.device, "ranks": str(provenance.ranks)}
    return {**place, **library, **provenance.versions}


def _equal(recorded: Sequence[RecordedStage], parents: Sequence[RecordedStage]) -> str:
    what = recorded[0].name if len(recorded) == 1 else counted(len(recorded), "stage")
    outputs = counted(sum(len(one.provenance.outputs) for one in recorded), "output")
    known = {one.name for one in (*recorded, *parents)}
    with_them = [name for stage in _computed(recorded, parents) if (name := folder_name(stage)) not in known]
    how = "recomputed" + (f" with {', '.join(with_them)}" if with_them else "")
    how += f" from the recorded outputs of {', '.join(one.name for one in parents)}" if parents else " from specs alone"
    reasons = dict.fromkeys(reason for one in recorded for reason in one.provenance.other_bits)
    elsewhere = f"; elsewhere equality is not promised: {', '.join(reasons)}" if reasons else ""
    return f"equal: {what}, {outputs}, {how}{elsewhere}"


def _computed(recorded: Sequence[RecordedStage], parents: Sequence[RecordedStage]) -> Iterator[Stage]:
    """What is computed for a comparison: the stages and those ancestors whose recorded outputs are not taken."""
    taken = {digest(stage) for stage in topological_order(one.stage for one in parents)}
    yield from (stage for stage in topological_order(one.stage for one in recorded) if digest(stage) not in taken)


def _recorded(folder: Path, study: Sequence[Stage]) -> RecordedStage:
    """A stage's folder, its records checked against each other; its outputs are not read."""
    if not (folder / PROVENANCE).is_file():
        raise InputError(f"{folder}: has no {PROVENANCE}, so it is not a finished stage")
    provenance = Provenance.parse(read_json_object(folder / PROVENANCE), str(folder / PROVENANCE))
    stage = _stage(read_json_object(folder / SPEC), study, folder / SPEC)
    here = own_code(stage)
    for place in {**provenance.own_code, **here}:
        if here.get(place) != provenance.own_code.get(place):
            what = place or "its class"
            raise InputError(f"{folder}: the code of {what} was edited since; verify it with the code that made it")
    # A folder may have been given a name of its own.
    its_name = re.fullmatch(rf"{re.escape(stage.kind)}-([0-9a-f]{{16}})", folder.absolute().name)
    for recorded in (provenance.digest, *(its_name.groups() if its_name else ())):
        if digest(stage) != recorded:
            raise InputError(f"{folder / SPEC}: was altered: its digest is {digest(stage)}, recorded {recorded}")
    if not provenance.outputs:
        raise InputError(
            f"{folder}: its {PROVENANCE} has no digests of outputs, as edgewise {provenance.versions.get('edgewise')}"
            " recorded it; run the study again"
        )
    return RecordedStage(folder, stage, provenance)


def _stage(fields: Mapping[str, Any], study: Sequence[Stage], source: Path) -> Stage:
    for stage in study:
        if plain(stage) == fields:
            return stage
    try:
        return stage_of_kind(str(fields.get("kind"))).parse(fields, str(source))
    except InputError as error:
        hint = "" if study else "; what a study of your own brings is known with it: edgewise run STUDY --verify DIR"
        said = str(error).removeprefix(f"{source}: ")
        raise InputError(f"{source}: {said}{hint}") from None


def _folder_of(stage: Stage, store: Path) -> Path:
    """The folder of a stage of a study; where it has another digest, that with the same fields and other code."""
    folder = Store(store).folder(stage)
    if folder.is_dir():
        return folder
    for path in sorted(store.glob(f"{stage.kind}-*/{SPEC}")):
        if read_json_object(path) == plain(stage):
            return path.parent
    raise InputError(f"{store}: has no {folder.name}, a stage of this study; give its store, or run it first")


def _stages_of_report(path: Path) -> dict[str, Mapping[str, str]]:
    """Folder -> digests of its outputs, as the report of a study names them."""
    try:
        return {str(stage["folder"]): dict(stage["outputs"]) for stage in read_json_object(path)["stages"]}
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: names no stages; give a stage's folder or a store") from None


def _ancestors_beside(stage: Stage, store: Store) -> list[RecordedStage]:
    """The nearest ancestors of a stage that lie in a store."""
    beside: dict[str, RecordedStage] = {}
    for parent in stage.parents:
        complete = store.is_complete(parent)
        nearest = [_recorded(store.folder(parent), [parent])] if complete else _ancestors_beside(parent, store)
        beside |= {one.name: one for one in nearest}
    return list(beside.values())
