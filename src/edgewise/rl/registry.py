"""Registries of specs by `kind`: how a field of a recipe accepts any registered choice, also those of user modules.

ADVANTAGES: SpecRegistry[AdvantageSpec] = SpecRegistry("advantage", "edgewise.rl.advantages")
AnyAdvantage = Annotated[AdvantageSpec, PlainValidator(ADVANTAGES.parse), SerializeAsAny()]

@ADVANTAGES.register
class Mine(AdvantageSpec):
    kind: Literal["mine"] = "mine"
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Generic, TypeVar

from edgewise.core.errors import InputError
from edgewise.core.own_code import same_definition
from edgewise.core.spec import Spec

S = TypeVar("S", bound=Spec)
K = TypeVar("K", bound=Spec)


class SpecRegistry(Generic[S]):
    """The specs of one family by their `kind`.

    `package` holds our own: all its modules are imported when a name is first asked for, so that a new one is found
    because its file is there. A module of yours registers its own when you import it.
    """

    def __init__(self, family: str, package: str) -> None:
        self.family = family
        self._package = package
        self._specs: dict[str, type[S]] = {}
        self._discovered = False

    def register(self, spec: type[K]) -> type[K]:
        """Decorate a spec whose field `kind` has the name that recipes use; InputError where that name is taken."""
        kind = spec.model_fields["kind"].default
        taken = self._specs.get(kind)
        if taken is not None and not same_definition(taken, spec):
            raise InputError(
                f"{self.family} {kind!r}: {taken.__module__} has registered this name; choose another kind for"
                f" {spec.__module__}.{spec.__qualname__}"
            )
        self._specs[kind] = spec  # type: ignore[assignment]
        return spec

    def specs(self) -> Mapping[str, type[S]]:
        """Every registered spec by its kind."""
        if not self._discovered:
            self._discovered = True
            self.modules()
        return self._specs

    def modules(self) -> list[ModuleType]:
        """The modules of our own package by name, each imported; the module itself where the family is one file."""
        package = importlib.import_module(self._package)
        names = [module.name for module in pkgutil.iter_modules(getattr(package, "__path__", ()))]
        return [importlib.import_module(f"{self._package}.{name}") for name in names] or [package]

    def parse(self, value: Any) -> S:
        """The spec that `value` writes: itself, its name alone for its defaults, or its fields with `kind`.

        ValueError names the kinds there are; a wrong field is named as pydantic names it.
        """
        specs = self.specs()
        if isinstance(value, Spec):
            if type(value) in specs.values():
                return value  # type: ignore[return-value]
            raise ValueError(f"{type(value).__name__} is not registered as {self.family}")
        fields = {"kind": value} if isinstance(value, str) else value
        if not isinstance(fields, Mapping) or not isinstance(fields.get("kind"), str):
            raise ValueError(f"write a name, or its fields with `kind`; kinds are {', '.join(specs)}")
        spec = specs.get(fields["kind"])
        if spec is None:
            quoted = "" if isinstance(value, str) else f", is {fields['kind']!r}"
            raise ValueError(f"kind must be one of {', '.join(specs)}{quoted}")
        return spec.model_validate(fields)
