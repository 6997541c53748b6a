"""Studies: named arms, all evaluated on the same problems, and the regions that verdicts are given for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from edgewise.boundary.audit.arms import model_name
from edgewise.boundary.inference.supported_k import largest_claimable_k
from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.sampling.params import PowerSamplingParams
from edgewise.study.equal_compute import EqualCompute
from edgewise.study.plan import check_stages, first_parents, topological_order
from edgewise.study.stages import Evaluate, Stage
from edgewise.study.training_seeds import ByTrainingSeed, checked_seeds, evaluations_by_seed

# What the arms are compared with.
BASE = "base"


@dataclass(frozen=True, slots=True)
class Study:
    """A study: a question, the evaluation of a base, and those of the models trained from it (the arms).

    The base and each arm are functions of a training seed: `lambda seed: Evaluate(parent=Pretrain(..., seed=seed))`.
    `seeds` are those that the study is repeated over. With several of them its result speaks of recipes, and beside it
    stands each seed's own; a model of a seed is called ARM/SEED. What is the same at all seeds, such as one base, may
    be given as an `Evaluate`.

    `regions` names sets of levels, from what the base covers to what it does not; each arm gets a
    verdict on each. InputError where an arm is not evaluated on the base's problems, for then
    nothing can be paired, or is called "base", where an arm has no region to get a verdict on, and where two regions
    share a level, for a problem is in one set. Levels of no region are evaluated and left out of the verdicts. An
    arm is drawn with the base's sampling params, or with power sampling and the base's token limit: sharpening
    without training is an arm of its own. `k` is where claims are made, at most half of the samples; None for the
    largest power of two up to a quarter of them. `equal_compute` declares that arms have equal compute: refused where
    their specs cannot come to it, and measured after the run.

    InputError, too, where training seeds change nothing, a base differs between seeds and an arm does not, there is no
    arm, an arm is the base itself or another arm again, its model was not made from
    the base's, a model was trained on the split that is evaluated, or a stage cannot be computed (`Stage.check`): so
    that a study that exists can be run. A cycle cannot be written down: a stage is a frozen value that holds its
    parents.
    """

    title: str
    question: str
    base: ByTrainingSeed
    arms: Mapping[str, ByTrainingSeed]
    regions: Mapping[str, range]
    k: int | None = None
    seeds: Sequence[int] = (0,)
    equal_compute: EqualCompute | None = None
    by_seed: Mapping[str, Mapping[str | None, Evaluate]] = field(init=False, repr=False, compare=False)
    """Arm, the base first -> training seed -> evaluation; under None one alone, the same at all seeds."""

    def __post_init__(self) -> None:
        self._check_names()
        if not self.arms:
            raise InputError(
                "arms: the study has none; give the evaluation of a model made from the base, or run the base's alone"
                " with edgewise.run([...])"
            )
        if BASE in self.arms:
            raise InputError("arm 'base': the name is taken by what the arms are compared with; use another")
        object.__setattr__(self, "seeds", checked_seeds(self.seeds))
        arms = {BASE: self.base, **self.arms}
        by_seed = {name: evaluations_by_seed(name, arm, self.seeds) for name, arm in arms.items()}
        object.__setattr__(self, "by_seed", by_seed)
        self._check_seeds()
        base = next(iter(by_seed[BASE].values()))
        shared = ("world", "split", "problems", "samples", "seed")
        for name, evaluation in self.evaluations.items():
            differing = [field for field in shared if getattr(evaluation, field) != getattr(base, field)]
            sharpened = (
                isinstance(evaluation.sampling, PowerSamplingParams)
                and evaluation.sampling.max_new_tokens == base.sampling.max_new_tokens
                and name in self.base_of
            )
            if evaluation.sampling != base.sampling and not sharpened:
                differing.append("sampling")
            if differing:
                raise InputError(f"arm {name!r}: its evaluation differs from the base's in {differing[0]}")
        if self.arms and not self.regions:
            raise InputError("regions: an arm gets its verdict on regions; name at least one")
        evaluated = set(base.world.levels)
        outside = [name for name, levels in self.regions.items() if not levels or not set(levels) <= evaluated]
        if outside:
            raise InputError(f"region {outside[0]!r}: its levels must be among those evaluated, at least one")
        for (name, levels), (other, others) in combinations(self.regions.items(), 2):
            shared_levels = sorted(set(levels) & set(others))
            if shared_levels:
                raise InputError(
                    f"regions {name!r} and {other!r}: both hold level {shared_levels[0]}; make them disjoint"
                )

        if self.k is not None and not 1 <= self.k <= largest_claimable_k(base.samples):
            largest = largest_claimable_k(base.samples)
            raise InputError(f"k: {self.k}; a claim from {base.samples} samples needs k from 1 to {largest}")
        self._check_descent()
        # All ask the same problems under the limits of the first.
        alike = {digest(evaluation) for evaluation in self.evaluations.values()} - {digest(base)}
        ordered = topological_order(self.evaluations.values())
        check_stages([stage for stage in ordered if digest(stage) not in alike], self.names())
        if self.equal_compute is not None:
            self.equal_compute.check(self.own_stages_by_arm)

    def _check_seeds(self) -> None:
        """InputError where training seeds change nothing, models cannot be paired, or two would have one name."""
        given = any(callable(arm) for arm in (self.base, *self.arms.values()))
        alone = [name for name, of_seed in self.by_seed.items() if None in of_seed]
        if (not given and self.seeds != (0,)) or (len(self.seeds) > 1 and len(alone) == len(self.by_seed)):
            raise InputError(
                "seeds: the study is the same at every training seed; make its base or its arms functions of a seed"
            )
        if BASE not in alone and alone:
            raise InputError(
                f"arm {alone[0]!r}: is the same at all training seeds, and the base is not; make it a function of the"
                " seed"
            )
        names = [model_name(arm, seed) for arm, of_seed in self.by_seed.items() for seed in of_seed]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise InputError(f"arm {twice!r}: is also the name of a training seed of another arm; use another name")

    def _check_descent(self) -> None:
        """InputError where what is compared is no base and models made from it, or was trained on what is asked."""
        names: dict[str, str] = {}
        for name, evaluation in self.evaluations.items():
            other = names.setdefault(digest(evaluation), name)
            if other != name:
                raise InputError(f"arm {name!r}: is the same evaluation of the same model as {other!r}; leave it out")
            line = [digest(stage) for stage in first_parents(evaluation)]
            base = self.evaluations[self.base_of.get(name, name)]
            if digest(base.parent) not in line:
                raise InputError(
                    f"arm {name!r}: its model was not made from the base's; give its own base a study of its own"
                )
            for stage in topological_order([evaluation.parent]):
                if getattr(stage, "split", None) == evaluation.split:
                    which = f"{'arm ' * (name in self.base_of)}{name!r}"
                    raise InputError(
                        f"{which}: evaluates on split {evaluation.split!r}, on which its {stage.kind} stage trains; use"
                        " another, such as 'test'"
                    )

    def _check_names(self) -> None:
        """InputError where a region is of another kind, or a name could not be printed on a page."""
        for name, levels in self.regions.items():
            if not isinstance(levels, range):
                raise InputError(f"region {name!r}: must be a range of levels, such as range(3, 6), is {levels!r}")
        for name in (*self.arms, *self.regions):
            if not isinstance(name, str) or not name.strip() or not name.isprintable():
                raise InputError(f"name {name!r}: must be printable text without control characters")

    @property
    def evaluations(self) -> dict[str, Evaluate]:
        """Model -> evaluation, the base first: "base", "edge", or with training seeds "base/0", ..., "edge/0", ..."""
        return {
            model_name(arm, seed): evaluation
            for arm, of_seed in self.by_seed.items()
            for seed, evaluation in of_seed.items()
        }

    @property
    def base_of(self) -> dict[str, str]:
        """Model of an arm -> the base that it is compared with: that of its training seed where bases have seeds."""
        bases = self.by_seed[BASE]
        return {
            model_name(arm, seed): model_name(BASE, seed if seed in bases else None)
            for arm in self.arms
            for seed in self.by_seed[arm]
        }

    def own_stages(self, model: str) -> list[Stage]:
        """The stages that make the model of an arm, parents first, without those that make its base's."""
        evaluations = self.evaluations
        of_base = {digest(stage) for stage in topological_order([evaluations[self.base_of[model]].parent])}
        return [stage for stage in topological_order([evaluations[model].parent]) if digest(stage) not in of_base]

    @property
    def own_stages_by_arm(self) -> dict[str, list[list[Stage]]]:
        """Arm -> the `own_stages` of its model at each training seed."""
        return {arm: [self.own_stages(model_name(arm, seed)) for seed in self.by_seed[arm]] for arm in self.arms}

    def names(self) -> dict[str, str]:
        """Digest -> what a person calls the stage: "base: pretrain", "edge: rl", ...; shared ones by the first.

        Parents stand before children. A second stage of one kind in an arm is "edge: rl 2".
        """
        names: dict[str, str] = {}
        taken: Counter[str] = Counter()

        def visit(model: str, stage: Stage) -> None:
            for parent in stage.parents:
                visit(model, parent)
            if digest(stage) not in names:
                name = f"{model}: {stage.kind}"
                taken[name] += 1
                names[digest(stage)] = f"{name} {taken[name]}" if taken[name] > 1 else name

        for model, evaluation in self.evaluations.items():
            visit(model, evaluation)
        return names
