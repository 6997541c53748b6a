"""Run a claim's studies, read their outcomes and make the record; or recompute a record and compare."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.boundary.audit.arms import model_name
from edgewise.claims.ledger.claim import Claim
from edgewise.claims.ledger.gold import OutcomesWithGold
from edgewise.claims.ledger.identity import claim_digest
from edgewise.claims.ledger.record import ClaimRecord, why_not_counted
from edgewise.claims.ledger.results import ClaimVerdict
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.core.provenance import machine, versions
from edgewise.core.spec import Spec, plain
from edgewise.core.words import counted
from edgewise.outcomes.outcomes import Outcomes
from edgewise.study.arm_compute import measured_compute, missed
from edgewise.study.context import Context
from edgewise.study.measure import outcomes_by_region
from edgewise.study.nothing_learned import nothing_learned
from edgewise.study.plan import topological_order
from edgewise.study.run import run
from edgewise.study.runners.base import Watcher
from edgewise.study.stages import Evaluate, Stage, read_gold_likelihood
from edgewise.study.store import Store, folder_name
from edgewise.study.study import Study

# The outputs that a record names: what metrics log may grow, what a stage computes may not change.
_RECORDED = (".safetensors", ".parquet")
# How far a recomputed number may lie from a recorded one, which has six digits.
_EQUAL = 2e-6


@dataclass(frozen=True)
class StudiesOfClaim:
    """The studies of a claim at a scale over training seeds, as one thing to run, plan and name.

    `digest` is the claim's as it stood when they were made: before a run, so that no edit during it is taken up.
    """

    by_name: Mapping[str, Study]
    digest: str

    @property
    def evaluations(self) -> dict[str, Evaluate]:
        """Model -> evaluation; "study: model" where there are several studies."""
        several = len(self.by_name) > 1
        return {
            f"{name}: {model}" if several else model: evaluation
            for name, study in self.by_name.items()
            for model, evaluation in study.evaluations.items()
        }

    def names(self) -> dict[str, str]:
        """Digest -> what a person calls a stage, parents before children; shared ones by the first study."""
        names: dict[str, str] = {}
        for study_name, study in self.by_name.items():
            for stage, name in study.names().items():
                names.setdefault(stage, f"{study_name}, {name}" if len(self.by_name) > 1 else name)
        return names

    @property
    def stages(self) -> list[Stage]:
        """Every stage once, parents first."""
        return topological_order(self.evaluations.values())


def studies_of_claim(claim: Claim, scale: str, seeds: tuple[int, ...]) -> StudiesOfClaim:
    """The studies of a claim. InputError where the claim has no such scale, or a quantity reads what they do not have.

    The latter is found without a run, by measuring outcomes of the same shape that are all wrong.
    """
    claim.planned_seeds(scale)
    by_name = claim.studies(scale, seeds)
    studies = StudiesOfClaim(by_name, claim_digest(claim, scale, by_name))
    claim_verdict(
        claim, _outcomes(studies, seeds, {name: _all_wrong(study) for name, study in studies.by_name.items()})
    )
    return studies


def claim_record(
    claim: Claim, scale: str, seeds: tuple[int, ...], studies: StudiesOfClaim, store: Store
) -> ClaimRecord:
    """The record of a finished run. InputError where an output cannot be read or was altered."""
    for evaluation in studies.evaluations.values():
        store.check_unaltered(evaluation)
    made = {folder_name(stage): store.provenance(stage) for stage in studies.stages}
    seconds = sum(one.totals.seconds or one.wall_seconds for one in made.values())
    return ClaimRecord(
        claim=claim.name,
        statement=claim.statement,
        work=claim.work,
        section=claim.section,
        published=claim.published,
        design=claim.design,
        scouted=claim.scouted,
        scale=scale,
        seeds=seeds,
        planned_seeds=claim.seeds[scale],
        digest=studies.digest,
        predictions=claim.predictions,
        controls=claim.controls,
        power={quantity: round(power, 3) for quantity, power in claim.power(scale).items()},
        verdict=measured_claim(claim, seeds, studies, store),
        notes=_notes(studies, store),
        outputs={name: _recorded(one.outputs) for name, one in made.items()},
        other_bits=tuple(dict.fromkeys(reason for one in made.values() for reason in one.other_bits)),
        machine=machine(),
        versions=versions(),
        hours=round(seconds / 3600, 3),
        date=datetime.now(UTC).date().isoformat(),
    )


def specs_at_first_seed(studies: StudiesOfClaim) -> dict[str, Any]:
    """Model -> the spec of its evaluation with all ancestors, at the first training seed; others differ in seeds."""
    specs: dict[str, Any] = {}
    for name, study in studies.by_name.items():
        for arm, of_seed in study.by_seed.items():
            specs[f"{name}: {arm}" if len(studies.by_name) > 1 else arm] = plain(next(iter(of_seed.values())))
    return specs


def measured_claim(claim: Claim, seeds: tuple[int, ...], studies: StudiesOfClaim, store: Store) -> ClaimVerdict:
    """The verdict on a claim from the outcomes in a store."""
    by_study = {name: outcomes_by_region(study, store) for name, study in studies.by_name.items()}
    concerns = [
        concern.message for study in studies.by_name.values() for concern in missed(measured_compute(study, store))
    ]

    def of_seeds(study: str, arm: str) -> list[Evaluate]:
        of_seed = studies.by_name[study].by_seed[arm]
        return [of_seed.get(str(seed)) or of_seed[None] for seed in seeds]

    @cache
    def training(study: str, arm: str) -> list[list[dict[str, float]]]:
        return [store.metrics(evaluation.parent) for evaluation in of_seeds(study, arm)]

    @cache
    def likelihoods(study: str, arm: str, column: str) -> list[dict[str, Any]]:
        tables = [read_gold_likelihood(store.folder(evaluation)) for evaluation in of_seeds(study, arm)]
        return [
            dict(zip(*(table[name].to_pylist() for name in ("problem_id", column)), strict=True)) for table in tables
        ]

    outcomes = replace(
        _outcomes(studies, seeds, by_study),
        training=training,
        gold=partial(likelihoods, column="logp"),
        answers=partial(likelihoods, column="answer_logp"),
    )
    return claim_verdict(claim, outcomes, list(dict.fromkeys(concerns)))


def _notes(studies: StudiesOfClaim, store: Store) -> tuple[str, ...]:
    """What makes numbers empty, once for all decodings of a model; models with the same fault stand together.

    The study stands with the name of a model where another study has another model of that name.
    """
    parents: dict[str, set[str]] = {}
    for study in studies.by_name.values():
        for model, evaluation in study.evaluations.items():
            parents.setdefault(model, set()).add(folder_name(evaluation.parent))
    models: dict[str, dict[str, None]] = {}
    for name, study in studies.by_name.items():
        for concern in nothing_learned(study, store, outcomes_by_region(study, store)):
            of = [model if len(parents[model]) == 1 else f"{name}: {model}" for model in concern.models]
            if not of and any(len(parents[base]) > 1 for base in study.base_of.values()):
                of = [name]
            models.setdefault(concern.message, {}).update(dict.fromkeys(of))
    return tuple(f"{', '.join(of)}: {message}" if of else message for message, of in models.items())


def verify_record(
    claim: Claim, record: ClaimRecord, seeds: tuple[int, ...], context: Context, watcher: Watcher
) -> tuple[bool, str]:
    """Recompute some training seeds of a record in a scratch store; whether all is equal, and the line that says so.

    Digests of weights, rollouts and outcomes are compared, and each seed's values of all quantities; with all seeds the
    whole verdict. A record of a claim that was changed since is not computed. `context.root` is not used.
    """
    if reason := why_not_counted(record, claim):
        return False, f"differs: {reason}"
    studies = studies_of_claim(claim, record.scale, seeds)
    with tempfile.TemporaryDirectory(prefix="edgewise-verify-") as root:
        store = run(studies.stages, replace(context, root=Path(root)), watcher)
        differences = [*_output_differences(record, studies, store)]
        verdict = measured_claim(claim, seeds, studies, store)
    differences += _value_differences(record, verdict, seeds)
    if differences:
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        promised = f"; equality is not promised: {', '.join(record.other_bits)}" if record.other_bits else ""
        return False, f"differs: {differences[0]}{more}{promised}"
    whole = "the verdict" if seeds == record.seeds else f"the values of seed {', '.join(map(str, seeds))}"
    return True, f"equal: {claim.name} at {record.scale}, {counted(len(studies.stages), 'stage')} and {whole}"


def _output_differences(record: ClaimRecord, studies: StudiesOfClaim, store: Store) -> Iterator[str]:
    for stage in studies.stages:
        name, outputs = folder_name(stage), _recorded(store.provenance(stage).outputs)
        recorded = record.outputs.get(name)
        if recorded is None:
            yield f"{name}: is not in the record"
            continue
        for output in {**recorded, **outputs}:
            if outputs.get(output) != recorded.get(output):
                yield f"{name}: {output} is {outputs.get(output)}, recorded {recorded.get(output)}"


def _value_differences(record: ClaimRecord, verdict: ClaimVerdict, seeds: tuple[int, ...]) -> Iterator[str]:
    """Each seed's value of every quantity; of all seeds, everything else too."""
    recorded = record.verdict
    for kind in ("quantities", "quantities_by_answers"):
        old = {one.name: one for one in getattr(recorded, kind)}
        for new in getattr(verdict, kind):
            if new.name not in old:
                yield f"{new.name}: is not in the record"
                continue
            places = [record.seeds.index(seed) for seed in seeds]
            values = [old[new.name].seeds[place] if place < len(old[new.name].seeds) else None for place in places]
            for seed, now, was in zip(seeds, new.seeds, values, strict=True):
                if not _equal(now, was):
                    yield f"{new.name} of seed {seed} is {now}, recorded {was}"
            if seeds == record.seeds:
                yield from _field_differences(new.name, old[new.name], new)
    if seeds != record.seeds:
        return
    for kind in ("predictions", "controls", "by_answers"):
        for old_range, new_range in zip(getattr(recorded, kind), getattr(verdict, kind), strict=True):
            yield from _field_differences(f"{kind}: {new_range.quantity}", old_range, new_range)
    for name in ("answer", "answer_by_answers", "concerns", "reason"):
        if getattr(recorded, name) != getattr(verdict, name):
            yield f"{name} is {getattr(verdict, name)!r}, recorded {getattr(recorded, name)!r}"


def _field_differences(name: str, old: Spec, new: Spec) -> Iterator[str]:
    for field in type(new).model_fields:
        now, was = getattr(new, field), getattr(old, field)
        if not _equal(now, was):
            yield f"{name}: {field} is {now}, recorded {was}"


def _equal(now: object, was: object) -> bool:
    if isinstance(now, float) and isinstance(was, float):
        return abs(now - was) <= _EQUAL
    if isinstance(now, tuple) and isinstance(was, tuple):
        return len(now) == len(was) and all(map(_equal, now, was))
    return now == was


def _recorded(outputs: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in outputs.items() if name.endswith(_RECORDED)}


def _outcomes(
    studies: StudiesOfClaim, seeds: Sequence[int], by_study: Mapping[str, Mapping[str, Outcomes]]
) -> OutcomesWithGold:
    """Outcomes of models by arm and training seed; a model that all seeds share stands for each of them."""
    arms: dict[str, dict[str, list[Outcomes]]] = {}
    for name, study in studies.by_name.items():
        arms[name] = {
            arm: [by_study[name][model_name(arm, None if None in of_seed else str(seed))] for seed in seeds]
            for arm, of_seed in study.by_seed.items()
        }
    return OutcomesWithGold(seeds, arms)


def _all_wrong(study: Study) -> dict[str, Outcomes]:
    """Outcomes as the study's models would have them if every completion were wrong."""
    base = next(iter(study.evaluations.values()))
    level_of = {level: name for name, levels in study.regions.items() for level in levels}
    levels = np.repeat([level for level in base.world.levels if level in level_of], base.problems)
    names = np.array([f"{place:06d}" for place in range(len(levels))])
    problem_S = np.repeat(np.arange(len(levels)), base.samples)
    wrong_S = np.zeros(problem_S.size, dtype=np.int8)
    outcomes = Outcomes(
        problem=names,
        level=levels,
        problem_S=problem_S.astype(np.int32),
        sample_S=np.tile(np.arange(base.samples), len(levels)),
        answer_S=wrong_S,
        process_S=wrong_S.copy(),
        tokens_S=np.ones(problem_S.size, dtype=np.int64),
        set=np.array([level_of[level] for level in levels.tolist()]),
    )
    return dict.fromkeys(study.evaluations, outcomes)
