"""Edgewise: does RL teach a language model something new, or only make it surer of what it could already do?

Audit rollouts of a base and a tuned model, trained anywhere (no torch needed):

    from edgewise import Outcomes, audit         # outcomes: problems x samples of verdicts
    audit({"base": outcomes, "tuned": others})   # curves, intervals, a verdict with its evidence

Or train small models on worlds whose every problem is known, and measure after every stage
(`pip install edgewise[lab]`):

    from edgewise import RL, Evaluate, Midtrain, Pretrain, Study, run
    base = Pretrain(world=world)
    tuned = RL(parent=Midtrain(parent=base, world=other), world=world, recipe="dapo/small")
    run([Evaluate(parent=stage, world=world) for stage in (base, tuned)], Context(root=folder))

`edgewise.tasks` holds the worlds (`World` is their base), `edgewise.boundary` the measures (`pass_at_k` and all
others), `edgewise.rl` the algorithms and recipes, `edgewise.study` stages, plans and runners.

The names below are imported when they are first used, so that what needs no torch never imports it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise.boundary.audit.audit import audit
    from edgewise.boundary.inference.estimators import pass_at_k
    from edgewise.outcomes.outcomes import Outcomes
    from edgewise.study.context import Context
    from edgewise.study.run import run
    from edgewise.study.stages import (
        RL,
        SFT,
        Average,
        Distill,
        Evaluate,
        Import,
        Midtrain,
        Pretrain,
        RejectionTune,
        RollOut,
    )
    from edgewise.study.study import Study
    from edgewise.tasks.base import World

__version__ = "0.2.0.dev0"

_MODULES = {
    "audit": "edgewise.boundary.audit.audit",
    "pass_at_k": "edgewise.boundary.inference.estimators",
    "Outcomes": "edgewise.outcomes.outcomes",
    "World": "edgewise.tasks.base",
    "Pretrain": "edgewise.study.stages",
    "Midtrain": "edgewise.study.stages",
    "SFT": "edgewise.study.stages",
    "RejectionTune": "edgewise.study.stages",
    "Distill": "edgewise.study.stages",
    "RL": "edgewise.study.stages",
    "Average": "edgewise.study.stages",
    "Import": "edgewise.study.stages",
    "RollOut": "edgewise.study.stages",
    "Evaluate": "edgewise.study.stages",
    "Study": "edgewise.study.study",
    "Context": "edgewise.study.context",
    "run": "edgewise.study.run",
}

__all__ = [
    "RL",
    "SFT",
    "Average",
    "Context",
    "Distill",
    "Evaluate",
    "Import",
    "Midtrain",
    "Outcomes",
    "Pretrain",
    "RejectionTune",
    "RollOut",
    "Study",
    "World",
    "audit",
    "pass_at_k",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'edgewise' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
