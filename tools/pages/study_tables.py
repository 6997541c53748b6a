"""Tables of a study over training seeds, as the pages of docs/ print them."""

from __future__ import annotations

from collections.abc import Iterator

from edgewise.boundary import Audit, Estimate
from edgewise.boundary.audit.arms import model_name
from edgewise.boundary.verdict.labels import shown_label
from edgewise.core.spec import digest
from edgewise.study.outputs import digest_of_outputs
from edgewise.study.plan import topological_order
from edgewise.study.store import Store
from edgewise.study.study import Study


def recipe_rows(audit: Audit) -> Iterator[str]:
    """A sentence for each arm, then a row for each arm and region: the verdict over all seeds."""
    for arm, verdict in audit.recipes.items():
        yield f"- **{arm}**: {verdict.sentence}"
    yield "\n| arm | region | recipe | pass@1, change | pass@k, change | labels of the seeds |"
    yield "|---|---|---|---|---|---|"
    for arm in audit.recipes:
        for problem_set in audit.sets:
            found = problem_set.whole.recipes[arm]
            part = found.verdict
            labels = ", ".join(f"{label} {share * len(found.seeds):.0f}" for label, share in found.shares.items())
            yield (
                f"| {arm} | {problem_set.name} | **{shown_label(part.label, part.k)}** | {percent(part.delta_1, '+')} |"
                f" {percent(part.delta_k, '+')} | {labels} |"
            )


def overview(audit: Audit, study: Study) -> Iterator[str]:
    """A row per arm and region, a column per seed."""
    yield "| arm | region | " + " | ".join(f"seed {seed}" for seed in study.seeds) + " |"
    yield "|---|---|" + "---|" * len(study.seeds)
    for arm in audit.recipes:
        for problem_set in audit.sets:
            labels = [part.label for part in problem_set.whole.recipes[arm].seeds.values()]
            yield f"| {arm} | {problem_set.name} | " + " | ".join(labels) + " |"


def verdicts(audit: Audit, seed: str) -> Iterator[str]:
    """A row per arm and region."""
    yield "| arm | region | verdict | pass@1, change | pass@k, change | newly solved beyond the floor |"
    yield "|---|---|---|---|---|---|"
    for arm, models in audit.seeds.items():
        for region, part in audit.verdicts[models[seed]].parts.items():
            excess = part.reserved.new
            yield (
                f"| {arm} | {region} | **{shown_label(part.label, part.k)}** | {percent(part.delta_1, '+')} |"
                f" {percent(part.delta_k, '+')} at k = {part.k} |"
                f" {excess.value:z.1f} [{excess.low:z.1f}, {excess.high:z.1f}] of {part.problems} |"
            )


def levels(audit: Audit, study: Study, seed: str) -> Iterator[str]:
    """A row per level, a pair of columns per model."""
    scopes = [scope for problem_set in audit.sets for scope in (problem_set.levels or (problem_set.whole,))]
    k = audit.sets[0].whole.k
    models = {arm: model_name(arm, seed) for arm in study.by_seed}
    yield f"{scopes[0].problems} problems a level, {scopes[0].n} samples a problem; pass@1 / pass@{k}:\n"
    yield "| operations | " + " | ".join(models) + " |"
    yield "|---|" + "---|" * len(models)
    for scope in scopes:
        curves = [scope.curves[model]["process"] for model in models.values()]
        cells = (f"{percent(c.at(1))} / {percent(c.at(k))}" for c in curves)
        # A region of one level has no parts by level.
        level = study.regions[scope.name].start if scope.level is None else scope.level
        yield f"| {level} | " + " | ".join(cells) + " |"


def costs(study: Study, store: Store, seed: str) -> str:
    """The wall time of every stage of a seed, in seconds, and the digest of what it wrote."""
    names, marked = study.names(), f"/{seed}: "
    stages = topological_order(of_seed[seed] for of_seed in study.by_seed.values())
    recorded = {names[digest(stage)].replace(marked, ": "): store.provenance(stage) for stage in stages}
    took = ", ".join(f"{name} {provenance.wall_seconds:.0f}" for name, provenance in recorded.items())
    wrote = ", ".join(f"{name} `{digest_of_outputs(of.outputs)}`" for name, of in recorded.items())
    return f"Seconds: {took}.\n\nDigests of outputs: {wrote}."


def percent(estimate: Estimate, sign: str = "") -> str:
    value, low, high = (f"{100 * number:{sign}z.1f}" for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"
