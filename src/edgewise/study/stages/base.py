"""A stage: one spec run once, a pure function of the spec and of its parents' artifacts.

    Evaluate(parent=RL(parent=Pretrain(...)))

Nested specs are the graph: equal prefixes are equal objects, have equal digests, and are computed once.

**What a digest covers.**

In:
- every field of the stage: its kind, its training seed, its world with all knobs, its recipe with all numbers;
- the `version` of the stage and of its worlds, bumped by hand when the meaning changes;
- the code of every class among these that is not of this package: a world, reward, advantage, loss or stage of your
  own, as far as the class uses it (`edgewise.core.own_code` says how far);
- nested, the same of every ancestor.

Out:
- fields marked `ADDED_LATER` at their default, so that stages which do not use them keep their digest;
- fields declared with `Field(exclude=True)`. They say what something is called (`Recipe.label`), where it is found
  (`Questions.path`; a digest of the content is in) or how long it may take (`ReasoningGym.timeout`);
- the `Context` and its `Execution`: folder, workers, device, backend, micro-batch size, ranks;
- the code of Edgewise and versions of packages, which the provenance records.

**A stage from outside this package** is a subclass with the decorator `@register_stage`. An installed package names it
under the entry-point group `edgewise.stages`, as `kind = "module:Class"`, so that a spec.json with this kind can be
read where nobody has imported the module.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, PlainValidator, SerializeAsAny, ValidationError

from edgewise.core.errors import InputError
from edgewise.core.own_code import same_definition
from edgewise.core.provenance import Totals
from edgewise.core.spec import Spec, describe_error
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

GROUP = "edgewise.stages"

Product = Literal["model", "rollouts"]


class Stage(Spec, ABC):
    """Base class of stages: one spec, run once, a pure function of the spec and of its parents' artifacts.

    A subclass names its kind and its version, `kind: Literal["mine"] = "mine"` and `version: Literal[1] = 1`; the
    version is bumped by hand when the same spec gives another result. `produces` says what stands in its folder.
    """

    produces: ClassVar[Product]

    kind: str
    version: int
    seed: int = Field(0, ge=0)

    @property
    def parents(self) -> tuple[Stage, ...]:
        """The stages whose folders this one reads: those among its fields, and in tuples there, in their order."""
        values = (getattr(self, name) for name in type(self).model_fields)
        groups = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(stage for group in groups for stage in group if isinstance(stage, Stage))

    @property
    def depth(self) -> int:
        """How many stages stand before this one, from first parent to first parent.

        A stage that keys its draws by it, besides its kind and seed, draws no problem of its ancestors again.
        """
        return 1 + self.parents[0].depth if self.parents else 0

    def words(self) -> tuple[str, ...] | None:
        """The words of the model's tokenizer, without the special ones: the first parent's; None where not known."""
        return self.parents[0].words() if self.parents else None

    def max_positions(self) -> int | None:
        """How many positions the model has: as many as the first parent's; None where not known."""
        return self.parents[0].max_positions() if self.parents else None

    def check(self) -> None:
        """InputError where this stage cannot be computed, as far as the spec says it: no model is there yet.

        Called before any stage of a study is computed, so it must be cheap.
        """

    @abstractmethod
    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        """Write the outputs into `folder`, on the first rank alone; returns the totals. `parents` are folders."""


S = TypeVar("S", bound=Stage)

_STAGES: dict[str, type[Stage]] = {}


def register_stage(stage: type[S]) -> type[S]:
    """Class decorator: specs may name the stage by its kind. InputError where it names none, or one that is taken."""
    kind = stage.model_fields["kind"].default
    if not isinstance(kind, str):
        raise InputError(f'stage {stage.__qualname__}: must name its kind, as kind: Literal["mine"] = "mine"')
    other = _STAGES.setdefault(kind, stage)
    if not same_definition(other, stage):
        raise InputError(f"stage {stage.__qualname__}: the kind {kind!r} is that of {other.__qualname__}; use another")
    _STAGES[kind] = stage
    return stage


def stage_kinds() -> tuple[str, ...]:
    """Every kind that is registered, or named by an entry point of an installed package."""
    return tuple(dict.fromkeys([*_STAGES, *(point.name for point in entry_points(group=GROUP))]))


def stage_of_kind(kind: str) -> type[Stage]:
    """The class of a kind; InputError lists the kinds, or says what cannot be imported or is no stage."""
    if kind in _STAGES:
        return _STAGES[kind]
    for point in entry_points(group=GROUP, name=kind):
        try:
            stage = getattr(importlib.import_module(point.module), point.attr, None)
        except ImportError as error:
            raise InputError(f"stage {kind!r}: {point.value} cannot be imported ({error})") from None
        if not (isinstance(stage, type) and issubclass(stage, Stage)):
            raise InputError(f"stage {kind!r}: {point.value} must be a subclass of edgewise.study.stages.Stage")
        if stage.model_fields["kind"].default != kind:
            raise InputError(f"stage {kind!r}: the field `kind` of {point.value} must have this name")
        return register_stage(stage)
    raise InputError(f"kind: must be one of {', '.join(stage_kinds())}, is {kind!r}")


def _model_stage(value: Any) -> Stage:
    if not isinstance(value, Stage):
        if not isinstance(value, Mapping) or "kind" not in value:
            raise InputError("must be a stage: its fields with their `kind`")
        try:
            value = stage_of_kind(str(value["kind"])).model_validate(value)
        except ValidationError as error:
            raise InputError(describe_error(error)) from None
    if value.produces != "model":
        raise InputError(f"must be a stage that produces a model; {value.kind!r} produces {value.produces}")
    stage: Stage = value
    return stage


ModelStage = Annotated[SerializeAsAny[Stage], PlainValidator(_model_stage)]
"""A field of a stage that holds any stage which produces a model: its parent, or a teacher."""
