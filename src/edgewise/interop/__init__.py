"""Read rollouts that any tool wrote: files and folders in, one `ModelRollouts` for each model out.

    from edgewise.interop import read_arms, read_rollouts

    (model,) = read_rollouts("rollouts.jsonl")
    model.outcomes, model.prompts, model.notes      # verdicts by sample; texts; what the reader assumed

    arms = read_arms(["base=base.jsonl", "rl=run/rollouts/"])
    arms.samples, arms.concerns                     # what `edgewise.audit` takes

`read_rollouts` finds the format of each file by its content: `edgewise.interop.readers` holds one module for each
format, and `edgewise.interop.readers.rows` documents edgewise's own columns. `read_arms` reads several models, the
base first, and checks whether they can be compared. `edgewise.interop.ingest` is what all readers share: it reads
hostile files within bounds of time and memory. `edgewise.interop.completions` reads completions of a world's problems
and verifies them; `edgewise.interop.scaling_table` reads what scaling laws are fitted to.

The names are imported when they are first used, since `read_arms` needs scipy and the others do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise.interop.arms import Arms, read_arms
    from edgewise.interop.folder import UnknownFormatError
    from edgewise.interop.model_rollouts import ModelRollouts
    from edgewise.interop.read import read_rollouts

_MODULES = {
    "Arms": "edgewise.interop.arms",
    "ModelRollouts": "edgewise.interop.model_rollouts",
    "UnknownFormatError": "edgewise.interop.folder",
    "read_arms": "edgewise.interop.arms",
    "read_rollouts": "edgewise.interop.read",
}

__all__ = ["Arms", "ModelRollouts", "UnknownFormatError", "read_arms", "read_rollouts"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
