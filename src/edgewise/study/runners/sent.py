"""A stage as it is sent to another process: pickled, with the digest that it must have where it arrives."""

from __future__ import annotations

import pickle

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, own_code
from edgewise.study.stages import Stage


def load_stage(pickled: bytes, name: str) -> Stage:
    """A stage that came pickled: one that cannot be imported here is then an error and not a dead process.

    InputError too where its digest is another than `name`, since its code is another here.
    """
    try:
        stage: Stage = pickle.loads(pickled)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"workers: cannot load what a stage consists of ({error}); define it in a module that can be imported"
        ) from None
    if digest(stage) != name:
        fields = ", ".join(field or "its class" for field in own_code(stage))
        raise InputError(f"{stage.kind}: the code of {fields} was edited while the study ran; run it again")
    return stage
