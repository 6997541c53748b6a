"""Studies: named arms, all evaluated on the same problems, and the regions that verdicts are given for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from edgewise.boundary.inference.supported_k import largest_claimable_k
from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.sampling.params import PowerSamplingParams
from edgewise.study.plan import check_stages, first_parents, topological_order
from edgewise.study.stages import Evaluate, Stage


@dataclass(frozen=True, slots=True)
class Study:
    """A study: a question, the evaluation of a base, and those of the models trained from it (the arms).

    `regions` names sets of levels, from what the base covers to what it does not; each arm gets a
    verdict on each. InputError where an arm is not evaluated on the base's problems, for then
    nothing can be paired, or is called "base", where an arm has no region to get a verdict on, and where two regions
    share a level, for a problem is in one set. Levels of no region are evaluated and left out of the verdicts. An
    arm is drawn with the base's sampling params, or with power sampling and the base's token limit: sharpening
    without training is an arm of its own. `k` is where claims are made, at most half of the samples; None for the
    largest power of two up to a quarter of them.

    InputError, too, where there is no arm, an arm is the base itself or another arm again, its model was not made from
    the base's, a model was trained on the split that is evaluated, or a stage cannot be computed (`Stage.check`): so
    that a study that exists can be run.
    """

    title: str
    question: str
    base: Evaluate
    arms: Mapping[str, Evaluate]
    regions: Mapping[str, range]
    k: int | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if not self.arms:
            raise InputError(
                "arms: the study has none; give the evaluation of a model made from the base, or run the base's alone"
                " with edgewise.run([...])"
            )
        shared = ("world", "split", "problems", "samples", "seed")
        for name, arm in self.arms.items():
            differing = [field for field in shared if getattr(arm, field) != getattr(self.base, field)]
            sharpened = (
                isinstance(arm.sampling, PowerSamplingParams)
                and arm.sampling.max_new_tokens == self.base.sampling.max_new_tokens
            )
            if arm.sampling != self.base.sampling and not sharpened:
                differing.append("sampling")
            if differing:
                raise InputError(f"arm {name!r}: its evaluation differs from the base's in {differing[0]}")
        if "base" in self.arms:
            raise InputError("arm 'base': the name is taken by what the arms are compared with; use another")
        if self.arms and not self.regions:
            raise InputError("regions: an arm gets its verdict on regions; name at least one")
        evaluated = set(self.base.world.levels)
        outside = [name for name, levels in self.regions.items() if not levels or not set(levels) <= evaluated]
        if outside:
            raise InputError(f"region {outside[0]!r}: its levels must be among those evaluated, at least one")
        for (name, levels), (other, others) in combinations(self.regions.items(), 2):
            shared_levels = sorted(set(levels) & set(others))
            if shared_levels:
                raise InputError(
                    f"regions {name!r} and {other!r}: both hold level {shared_levels[0]}; make them disjoint"
                )

        if self.k is not None and not 1 <= self.k <= largest_claimable_k(self.base.samples):
            largest = largest_claimable_k(self.base.samples)
            raise InputError(f"k: {self.k}; a claim from {self.base.samples} samples needs k from 1 to {largest}")
        self._check_descent()
        # The arms ask the base's problems under the base's limits.
        arms = {digest(arm) for arm in self.arms.values()}
        ordered = topological_order(self.evaluations.values())
        check_stages([stage for stage in ordered if digest(stage) not in arms], self.names())

    def _check_descent(self) -> None:
        """InputError where what is compared is no base and models made from it, or was trained on what is asked."""
        names: dict[str, str] = {}
        for name, evaluation in self.evaluations.items():
            other = names.setdefault(digest(evaluation), name)
            if other != name:
                raise InputError(f"arm {name!r}: is the same evaluation of the same model as {other!r}; leave it out")
            line = [digest(stage) for stage in first_parents(evaluation)]
            if digest(self.base.parent) not in line:
                raise InputError(
                    f"arm {name!r}: its model was not made from the base's; give its own base a study of its own"
                )
            for stage in topological_order([evaluation.parent]):
                if getattr(stage, "split", None) == evaluation.split:
                    raise InputError(
                        f"{'arm ' * (name != 'base')}{name!r}: evaluates on split {evaluation.split!r}, on which its"
                        f" {stage.kind} stage trains; use another, such as 'test'"
                    )

    def _check_types(self) -> None:
        """InputError where a part is of another kind, or a name could not be printed on a page."""
        for name, evaluation in self.evaluations.items():
            if not isinstance(evaluation, Evaluate):
                kind = type(evaluation).__name__
                raise InputError(f"arm {name!r}: must be an Evaluate, is a {kind}; wrap it as Evaluate(parent=...)")
        for name, levels in self.regions.items():
            if not isinstance(levels, range):
                raise InputError(f"region {name!r}: must be a range of levels, such as range(3, 6), is {levels!r}")
        for name in (*self.arms, *self.regions):
            if not isinstance(name, str) or not name.strip() or not name.isprintable():
                raise InputError(f"name {name!r}: must be printable text without control characters")

    @property
    def evaluations(self) -> dict[str, Evaluate]:
        """Model name -> evaluation, the base first."""
        return {"base": self.base, **self.arms}

    def names(self) -> dict[str, str]:
        """Digest -> what a person calls the stage: "base: pretrain", "edge: rl", ...; shared ones by the first.

        Parents stand before children.
        """
        names: dict[str, str] = {}

        def name(model: str, stage: Stage) -> None:
            for parent in stage.parents:
                name(model, parent)
            names.setdefault(digest(stage), f"{model}: {stage.kind}")

        for model, evaluation in self.evaluations.items():
            name(model, evaluation)
        return names
