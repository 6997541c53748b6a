"""Write docs/interplay.md: mid-training and RL at equal compute over training seeds, beside what the plan expected.

The stages are in runs/interplay; those that are not there yet are computed, as `edgewise run
examples/interplay.py:interplay --seeds 5` does. What was planned, and the hours that it took, stay there in hours.json.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

from tools.pages import DOCS, ROOT

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # before torch is imported, as the command line does

from edgewise.cli.loading import study_of
from edgewise.core.atomic import write_json
from edgewise.core.provenance import machine, versions
from edgewise.report.progress import StudyProgress
from edgewise.study.context import Context
from edgewise.study.estimate import calibrated_estimate
from edgewise.study.measure import Findings, measure
from edgewise.study.run import run
from edgewise.study.store import Store
from edgewise.study.study import Study
from tools.pages.study_tables import costs, levels, overview, recipe_rows

SEEDS = "0-4"
RUNS = ROOT / "runs" / "interplay"
HOURS = RUNS / "hours.json"

HEAD = """# Mid-training and RL at equal compute

    edgewise run examples/interplay.py:interplay --seeds 5

{question}

Every number is process-verified: each necessary step and the answer must be right. Claims are made at k = {k}.
Intervals have 95% confidence unless a verdict stands beside them: those are at the confidence at which they were
tested, for {arms} arms in {regions} regions. Sizes and budget were set before these runs, by the numbers of a few
training seeds from 100 on. These are the seeds {seeds}, and none was left out. Digests are of the outputs of each
stage; the same spec gives them on every CPU that [reproducibility.md](reproducibility.md) names. Written by `make pages
PAGES=interplay` with {versions}.

## What the splits do

The verdict on a split takes training seeds as its unit: it speaks of new seeds and new problems. Beside it stand the
labels that the single checkpoints got.
"""


def main() -> None:
    study = study_of(f"{ROOT / 'examples' / 'interplay.py'}:interplay", [], SEEDS)
    store = compute(study)
    findings = measure(study, store)
    recorded = ", ".join(f"{name} {number}" for name, number in versions().items())
    head = HEAD.format(
        question=study.question,
        k=findings.audit.sets[0].whole.k,
        arms=len(study.arms),
        regions=len(study.regions),
        seeds=SEEDS.replace("-", " to "),
        versions=recorded,
    )
    page = [head, *recipe_rows(findings.audit), "", "## Labels, seed by seed", "", *overview(findings.audit, study), ""]
    page += ["## Compute", "", *compute_rows(findings), "", "## Plan and hours", "", hours(), ""]
    for seed in map(str, study.seeds):
        page += [f"## Seed {seed}", "", *levels(findings.audit, study, seed), "", costs(study, store, seed), ""]
    (DOCS / "interplay.md").write_text("\n".join(page))


def compute(study: Study) -> Store:
    """The store with all stages; plan and seconds are recorded where all were computed by this call."""
    context = Context(root=RUNS)
    plan = calibrated_estimate(study, context)
    started = time.monotonic()
    with StudyProgress(study.names()) as progress:
        run(study, context, progress)
    if len(plan.missing) == len(plan.stages):
        seconds = [plan.seconds, plan.least_seconds, plan.most_seconds]
        took = time.monotonic() - started
        write_json(HOURS, {"planned": seconds, "took": took, "workers": context.workers, "machine": machine()})
    return Store(RUNS)


def compute_rows(findings: Findings) -> Iterator[str]:
    """What each split took on average over the seeds, and whether that was equal."""
    assert findings.compute is not None
    yield "| arm | tokens trained on | prompt + completion tokens of rollouts | charged tokens | FLOPs | minutes |"
    yield "|---|---|---|---|---|---|"
    for arm, took in findings.compute.arms.items():
        yield (
            f"| {arm} | {took.training_tokens:,.0f} | {took.prompt_tokens:,.0f} + {took.completion_tokens:,.0f} |"
            f" {took.charged_tokens:,.0f} | {took.flops:.3g} | {took.seconds / 60:.1f} |"
        )
    yield f"\n{findings.compute.sentence}"


def hours() -> str:
    """What the plan said before anything was there, and what the run took."""
    if not HOURS.exists():
        return "The stages were computed in several calls, so that no time stands beside a plan."
    recorded = json.loads(HOURS.read_text())
    expected, least, most = (seconds / 60 for seconds in recorded["planned"])
    return (
        f"`edgewise plan` expected {expected:.0f} minutes [{least:.0f}, {most:.0f}]; the run took"
        f" {recorded['took'] / 60:.0f}, {recorded['workers']} stages at a time, on {recorded['machine']}."
    )


if __name__ == "__main__":
    main()
