"""Write docs/demo.md: the demonstration's numbers for several seeds.

The stages are in runs/seeds; those that are not there yet are computed, as `edgewise demo --seeds 5` does.
"""

from __future__ import annotations

import dataclasses
import os

from tools.pages import DOCS, ROOT

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # before torch is imported, as the command line does

from edgewise.core.provenance import versions
from edgewise.report.progress import StudyProgress
from edgewise.study.context import Context
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.measure import measure
from edgewise.study.run import run
from tools.pages.study_tables import costs, levels, overview, recipe_rows, verdicts

SEEDS = (0, 1, 2, 3, 4)
RUNS = ROOT / "runs" / "seeds"

HEAD = """# The demonstration, seed by seed

{question}

Every number is process-verified: each necessary step and the answer must be right. Claims are made at k = {k}, half of
the samples. pass@1 and pass@k are percentages with 95% intervals over problems. Changes are in points, tuned minus
base, with the intervals that the verdicts use: each is at the confidence at which it was tested, for two arms in
{regions} regions.

The setting was chosen on training seeds 100 and up ([LOG.md](LOG.md)) and not changed for these runs; no seed was left
out. A training seed decides the weights at the start, the order of the data and all draws of RL. The problems that are
asked are the same for all seeds. Digests are of the outputs of each stage; the same spec gives them on every CPU that
[reproducibility.md](reproducibility.md) names. Written by `make pages PAGES=seeds` with {versions}.

## What the recipes do

The verdict on a recipe takes training seeds as its unit: it speaks of new seeds and new problems. Beside it stand the
labels that the single checkpoints got.
"""


def main() -> None:
    study = dataclasses.replace(demo(DemoSpec()), seeds=SEEDS)
    with StudyProgress(study.names()) as progress:
        store = run(study, Context(root=RUNS), progress)
    audit = measure(study, store).audit
    recorded = ", ".join(f"{name} {number}" for name, number in versions().items())
    head = HEAD.format(question=study.question, k=study.k, regions=len(study.regions), versions=recorded)
    page = [head, *recipe_rows(audit), "", "## Labels, seed by seed", "", *overview(audit, study), ""]
    for seed in map(str, SEEDS):
        page += [f"## Seed {seed}", "", *verdicts(audit, seed), "", *levels(audit, study, seed), ""]
        page += [costs(study, store, seed), ""]
    (DOCS / "demo.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
