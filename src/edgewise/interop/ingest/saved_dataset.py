"""Tell which Arrow files in a folder that Hugging Face `datasets` saved to disk are the dataset.

`state.json` names them. What lies beside them, such as `cache-0123456789abcdef.arrow`, is left over from `map` and
`filter` and holds rows that the dataset may have no longer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.lines import json_document


def left_out_of_dataset(path: Path) -> str:
    """Why an Arrow file is no part of the dataset in its folder; "" where it is, or where there is no `state.json`.

    InputError where the dataset is a selection of rows by number, as versions of `datasets` before 2 saved it.
    """
    state_file = path.with_name("state.json")
    if path.suffix != ".arrow" or not state_file.is_file():
        return ""
    state = json_document(state_file)
    files = state.get("_data_files") if isinstance(state, dict) else None
    if not isinstance(files, list):
        return ""
    if state.get("_indices_data_files"):
        raise InputError(
            f"{path}: the dataset is a selection of these rows by number (state.json); load it with `datasets`, call "
            "flatten_indices() and save it again"
        )
    return "" if path.name in map(_file_name, files) else "a cache: the dataset's state.json does not name it"


def _file_name(file: Any) -> Any:
    return file.get("filename") if isinstance(file, dict) else None
