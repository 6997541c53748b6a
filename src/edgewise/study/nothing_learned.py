"""Find what makes a study's verdicts empty: arms whose training changed nothing, a base that solves no problem.

A reader must know it before any number, so each is a `Concern` of the study's audit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.outcomes.outcomes import Outcomes
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.study.study import Study


def nothing_learned(study: Study, store: Store, models: Mapping[str, Outcomes]) -> Iterator[Concern]:
    """The concerns, those about all models first. `models` are the outcomes on the study's regions, the base first."""
    counts = {name: outcomes.counts("process") for name, outcomes in models.items()}
    bases = dict.fromkeys(study.base_of.values())
    # Of models none of whose samples could be scored the audit says so itself.
    unable = [base for base in bases if counts[base].scored and not counts[base].c_P.any()]
    if unable:
        problems, n = counts[unable[0]].problems, counts[unable[0]].n_P.min()
        asked = f"of the {problems} problems in {n} samples of each"
        remedy = "train the base for longer, or evaluate easier levels."
        if any(of_model.c_P.any() for of_model in counts.values()):
            which = "The base" if len(bases) == 1 else ", ".join(unable)
            solves = "solves" if len(unable) == 1 else "solve"
            yield Concern(f"{which} {solves} none {asked}, so nothing can be sharpened or lost: {remedy}")
        else:
            yield Concern(f"No model solves any {asked}: {remedy}", forbids=True)
    for model in study.base_of:
        trained = [(stage, metrics) for stage in study.own_stages(model) if (metrics := store.metrics(stage))]
        idle = [(stage, metrics) for stage, metrics in trained if not any(line.get("grad_norm") for line in metrics)]
        for stage, metrics in idle:
            yield Concern(_about(stage, metrics), forbids=len(idle) == len(trained), models=(model,))


def _about(stage: Stage, metrics: list[dict[str, float]]) -> str:
    shares = [
        f"{np.mean(values):.1%} of the samples were {what}"
        for name, what in (("solved", "right"), ("truncated", "cut off"))
        if (values := [line[name] for line in metrics if name in line])
    ]
    known = f" ({', '.join(shares)})" if shares else ""
    return (
        f"Nothing was learned: none of the {len(metrics)} steps of {stage.kind} had a gradient{known}. Train on"
        " problems that the parent solves now and then, or let completions be longer."
    )
