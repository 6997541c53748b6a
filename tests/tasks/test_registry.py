"""Worlds by name: found on first use, ours and installed ones, at no cost to who only names them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from edgewise.core.errors import InputError
from edgewise.tasks import AnyWorld, ModularArithmetic, World, registry


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points that packages seem to have; the test adds its own."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [p for p in points if p.group == group])
    registry._places.cache_clear()
    yield points
    registry._places.cache_clear()


@pytest.mark.parametrize("name", registry.our_worlds())
def test_each_of_our_names_is_the_name_of_its_world(name: str) -> None:
    found = registry.world_named(name)
    assert issubclass(found, World)
    assert found.model_fields["world"].default == name
    assert found.model_fields["version"].default >= 1


def test_all_worlds_are_those_named() -> None:
    assert tuple(registry.worlds()) == registry.world_names()
    assert registry.worlds()["modular"] is ModularArithmetic


def test_a_name_that_is_none_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"^world: 'abacus' is unknown; there are colouring, countdown, "):
        registry.world_named("abacus")
    with pytest.raises(
        InputError, match=r"^world: 'countdwn' is unknown \(did you mean countdown\?\); there are colouring, "
    ):
        registry.world_named("countdwn")


class Abacus(ModularArithmetic):
    world: Literal["abacus"] = "abacus"  # type: ignore[assignment]


def test_a_world_of_an_installed_package_is_found(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("abacus", f"{__name__}:Abacus", registry.GROUP))
    installed.append(EntryPoint("beads", f"{__name__}:Abacus", registry.GROUP))
    installed.append(EntryPoint("other", "nowhere:Nothing", "another.group"))
    assert registry.world_names()[-2:] == ("abacus", "beads")
    assert registry.world_named("abacus") is Abacus
    with pytest.raises(InputError, match=r"world 'beads': .*Abacus calls itself 'abacus'"):
        registry.world_named("beads")


def test_an_installed_world_may_not_take_a_name_that_is_taken(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("modular", "package:Mine", registry.GROUP))
    with pytest.raises(InputError, match="entry point package:Mine: there is a world 'modular' already"):
        registry.world_names()


@pytest.mark.parametrize("value", ["edgewise.core.keyed:key", "edgewise.core.spec:Spec", "edgewise.core.keyed:absent"])
def test_an_installed_name_must_be_a_world(value: str, installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("abacus", value, registry.GROUP))
    with pytest.raises(InputError, match=f"world 'abacus': {value} must be a subclass"):
        registry.world_named("abacus")


def test_a_field_holds_any_world_by_its_name() -> None:
    field: TypeAdapter[World] = TypeAdapter(AnyWorld)
    world = field.validate_python({"world": "modular", "max_op": 6})
    assert world == ModularArithmetic(max_op=6)
    assert field.validate_python(world) is world
    for wrong in ({"max_op": 6}, {"world": "abacus"}, {"world": "modular", "max_op": -1}, "modular", 7, None):
        with pytest.raises(ValidationError) as error:
            field.validate_python(wrong)
        assert "\n" not in error.value.errors()[0]["msg"]


def test_no_world_s_class_needs_its_library() -> None:
    program = (
        "import sys, edgewise.tasks.registry as r\n"
        "r.worlds()\n"
        "print(*(m for m in sys.modules if m in ('reasoning_gym', 'torch', 'pyarrow')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
