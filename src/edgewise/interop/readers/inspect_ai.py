"""inspect_ai logs: `.eval` (a zip of JSON files) and `.json`; a sample of the log is one row, its epoch the sample.

The task is the problem set. What a score says is told in `edgewise.interop.tool_logs.inspect_scores`; a sample without
a score and one that ended in an error are unscorable. A sample that met a limit of the run was cut off. Nothing is
unpacked to disk, and no more than MEMBER_BYTES of a member to memory.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import error_summary, json_document, parse_json
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import SAMPLING_SETTINGS
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.tool_logs.inspect_scores import score_cells

MEMBER_BYTES = 256 * 2**20

_ZSTD = 93
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_CHUNK = 2**20
_ATTACHED = "attachment://"


class InspectReader(Reader):
    """Reads inspect_ai logs of both kinds, `.eval` and `.json`."""

    name = "inspect_ai log"
    listed_as = "inspect_ai logs"

    def recognises(self, head: FileHead) -> bool:
        """A zip file, or a JSON object with eval, plan and version."""
        if head.kind == "zip":
            return True
        return _is_header(head.record)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the samples of a log; `options.score` names the scorer that holds the verdict."""
        with path.open("rb") as stream:
            is_zip = stream.read(2) == b"PK"
        (_read_eval if is_zip else _read_json)(path, table, options.score)


def _is_header(log: Any) -> bool:
    """Whether this JSON value is a log, whole or its header."""
    return isinstance(log, dict) and isinstance(log.get("eval"), dict) and "version" in log and "plan" in log


def _read_eval(path: Path, table: RolloutTable, score: str | None) -> None:
    try:
        with zipfile.ZipFile(path) as log:
            # Of a member that was written again, the last one counts.
            members = {info.filename: info for info in log.infolist()}
            header = members.get("header.json") or members.get("_journal/start.json")
            if header is None:
                raise InputError(f"{path}: a zip file, but no inspect_ai log: it has no header.json")
            names = [name for name in members if name.startswith("samples/") and name.endswith(".json")]
            samples = (_member(log, members[name], path) for name in names)
            _add_samples(path, _member(log, header, path), samples, table, score)
    except (
        OSError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        pa.ArrowException,
    ) as error:
        raise InputError(f"{path}: not a whole .eval log ({error_summary(error)}); copy it again") from None


def _read_json(path: Path, table: RolloutTable, score: str | None) -> None:
    log = json_document(path)
    samples = log.get("samples") if isinstance(log, dict) else None
    if not isinstance(samples, list):
        raise InputError(f"{path}: samples: not in the log; write it with its samples")
    _add_samples(path, log, iter(samples), table, score)


def _add_samples(path: Path, log: Any, samples: Iterator[Any], table: RolloutTable, score: str | None) -> None:
    table.begin(path, InspectReader.name)
    if not _is_header(log):
        raise InputError(f"{path}: no inspect_ai log: its header has no eval, plan and version")
    common = _common(log)
    if log.get("status") != "success":
        table.warn(f"{path.name}: the run ended with status {quote(log.get('status'))}; it may lack samples")
    if score is not None:
        table.obey("score")
    batcher = RowBatcher(table, path)
    count = scored = 0
    for count, sample in enumerate(samples, 1):
        where = f"{path}: sample {count}"
        if not isinstance(sample, dict) or "id" not in sample or "epoch" not in sample:
            raise InputError(f"{where}: not an object with id and epoch; is the log whole?")
        row = common | _sample(sample) | _score(sample, where, table, score)
        scored += "graded_by" in row
        batcher.add("sample", count, row, sum(len(cell) for cell in row.values() if isinstance(cell, str)))
    if not count:
        raise InputError(f"{path}: no sample; the log of a finished run has some")
    if not scored:
        raise InputError(f"{path}: scores: no sample has one; grade the log with `inspect score`")
    batcher.flush()


def _common(log: dict[str, Any]) -> dict[str, Any]:
    """What all samples of a log share."""
    about = log["eval"]
    common = {"model": about.get("model"), "set": about.get("task")}
    plan = log["plan"].get("config") if isinstance(log["plan"], dict) else None
    for settings in (about.get("model_generate_config"), plan):
        if isinstance(settings, dict):
            for name in (*SAMPLING_SETTINGS, "seed"):
                if settings.get(name) is not None:
                    common[name] = settings[name]
    return {name: value for name, value in common.items() if value is not None}


def _sample(sample: dict[str, Any]) -> dict[str, Any]:
    """What a sample asks and what the model wrote."""
    attached = sample.get("attachments")
    attached = attached if isinstance(attached, dict) else {}
    row: dict[str, Any] = {
        "problem": sample["id"],
        "sample": sample["epoch"],
        "prompt": _resolved(sample.get("input"), attached),
        "gold": sample.get("target"),
    }
    metadata = sample.get("metadata")
    if isinstance(metadata, dict):
        row |= {name: metadata[name] for name in ("level", "cluster") if isinstance(metadata.get(name), int | str)}
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        row["completion"] = _resolved(choices[0].get("message"), attached)
        row["finish_reason"] = choices[0].get("stop_reason")
    if sample.get("limit") is not None:
        # The run's limit of tokens, messages or time ended the sample.
        row["truncated"] = True
    usage = output.get("usage") if isinstance(output, dict) else None
    if isinstance(usage, dict):
        row["tokens"] = usage.get("output_tokens")
    return row


def _score(sample: dict[str, Any], where: str, table: RolloutTable, score: str | None) -> dict[str, Any]:
    """The verdict on a sample, and what its scorer says beside it."""
    scores = sample.get("scores")
    cells = None
    if sample.get("error") is None and isinstance(scores, dict) and scores:
        cells = score_cells(scores, score, where, table)
    if cells is None:
        table.note("samples that ended in an error or have no score are unscorable")
        return {"correct": None}
    return cells


def _resolved(value: Any, attached: dict[str, Any]) -> Any:
    """The value with its attachments put in: long texts are stored once, beside the sample, and referred to."""
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value[len(_ATTACHED) :], value)
    if isinstance(value, list):
        return [_resolved(item, attached) for item in value]
    if isinstance(value, dict):
        return {"content": _resolved(value.get("content", value.get("text")), attached)}
    return value


def _member(log: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Any:
    """The JSON value of one member."""
    parts, size, check = [], 0, 0
    with _unpacked(log, info, path) as stream:
        while part := stream.read(_CHUNK):
            size, check = size + len(part), zlib.crc32(part, check)
            if size > MEMBER_BYTES:
                raise InputError(f"{path}: {quote(info.filename)} unpacks to more than {MEMBER_BYTES:,} bytes")
            parts.append(part)
    where = f"{path}: {quote(info.filename)}"
    if check != info.CRC:
        raise InputError(f"{where}: its checksum is not that of the log; copy the log again")
    try:
        return parse_json(b"".join(parts).decode(), where)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8; is the log whole?") from None


def _unpacked(log: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    """A member's content. inspect_ai packs with zstandard, which zipfile does not unpack."""
    if info.compress_type != _ZSTD:
        return log.open(info)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        start = file.read(_LOCAL_HEADER.size)
        if len(start) < _LOCAL_HEADER.size:
            raise EOFError(f"{info.filename} is cut off")
        *_, name_size, extra_size = _LOCAL_HEADER.unpack(start)
        file.seek(name_size + extra_size, 1)
        packed = file.read(min(info.compress_size, MEMBER_BYTES))
    return cast(IO[bytes], pa.input_stream(pa.py_buffer(packed), compression="zstd"))


READER = InspectReader()
