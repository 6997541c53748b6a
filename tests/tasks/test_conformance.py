"""Every world through the one conformance test, and what the package may import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from edgewise.core.errors import InputError
from edgewise.tasks import World
from edgewise.tasks.registry import our_worlds
from tests.tasks.conformance import conformance, conformance_of_knobs
from tests.tasks.modular.worlds import MODULAR
from tests.tasks.strings.worlds import STRINGS
from tests.tasks.test_colouring import COLOURING
from tests.tasks.test_countdown import COUNTDOWN
from tests.tasks.test_mixture import MIXTURES
from tests.tasks.test_paths import PATHS

# Knobs that reach further branches; a world with its own defaults is found by its registration.
SETTINGS: tuple[Mapping[str, World], ...] = (MODULAR, STRINGS, COUNTDOWN, COLOURING, PATHS, MIXTURES)
WORLDS = {
    f"{world.world}: {name}": world
    for worlds in SETTINGS
    for name, world in worlds.items()
    if world.model_dump(exclude_defaults=True)
}


@pytest.mark.parametrize("name", our_worlds())
def test_conformance_of_every_world_as_it_comes(name: str) -> None:
    try:
        world = our_worlds()[name].parse({})
        world.problem("train", 0, 0)
    except InputError as error:
        pytest.skip(f"{name} needs knobs or a library, and has a test of its own: {error}")
    conformance(world)


@pytest.mark.parametrize("name", WORLDS)
def test_conformance_with_other_knobs(name: str) -> None:
    conformance_of_knobs(WORLDS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_conformance(name: str) -> None:
    conformance(WORLDS[name])


def test_worlds_and_boundary_work_without_torch() -> None:
    program = (
        "import sys, edgewise.tasks, edgewise.boundary\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('torch', 'transformers', 'tokenizers', 'safetensors')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
