"""Read rollouts that any tool wrote: files and folders in, one `ModelRollouts` for each model out.

>>> from edgewise.interop import read_arms, read_rollouts
>>> (model,) = read_rollouts("rollouts.jsonl")      # doctest: +SKIP
>>> model.outcomes, model.prompts, model.notes       # doctest: +SKIP
>>> arms = read_arms(["base=base.jsonl", "rl=run/rollouts/"])   # doctest: +SKIP
>>> arms.samples, arms.concerns                      # doctest: +SKIP

- `read_rollouts` finds the format of each file by its content. `edgewise.interop.readers` holds one module for each
  format, and `edgewise.interop.readers.jsonl` documents edgewise's own columns.
- `read_arms` reads several models, the base first, and checks whether they can be compared.
- `edgewise.interop.ingest` is what all readers share: it takes hostile files of any size within bounds of time and
  memory.
- `edgewise.interop.completions` reads completions of a world's problems and verifies them.
"""

from edgewise.interop.arms import Arms, read_arms
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import UnknownFormatError, read_rollouts

__all__ = ["Arms", "ModelRollouts", "UnknownFormatError", "read_arms", "read_rollouts"]
