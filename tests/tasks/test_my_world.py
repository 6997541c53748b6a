"""The world of the documents' example does what every world does, here and as an installed package."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.tasks import Score, World
from tests.tasks.conformance import conformance

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> World:
    """The example's world, which fresh processes can import, too."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), *filter(None, sys.path)]))
    world: World = importlib.import_module("my_world").Backwards()
    return world


def test_the_example_does_what_every_world_does(backwards: World) -> None:
    conformance(backwards)


def test_the_example_reads_backwards(backwards: World) -> None:
    problem = backwards.problem("train", 0, 0)
    letters = problem.prompt.removeprefix("reverse ").removesuffix(" :").split()
    assert problem.level == len(letters)
    assert backwards.solution(problem).split() == letters[::-1]
    assert backwards.verify(problem, "a b").answer is Score.WRONG


def install(folder: Path, points: dict[str, str]) -> None:
    """What an installer leaves of a package with these entry points."""
    about = folder / "my_worlds-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-worlds\nVersion: 1.0\n")
    lines = [f"{name} = {place}" for name, place in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[edgewise.tasks]", *lines, ""]))


def run(folder: Path, program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(EXAMPLES), *filter(None, sys.path)])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_installed_package_s_world_is_one_of_the_worlds(tmp_path: Path) -> None:
    install(tmp_path, {"backwards": "my_world:Backwards"})
    program = (
        "from edgewise.tasks import AnyWorld, world_named\n"
        "from edgewise.core.spec import Spec\n"
        "class Holder(Spec):\n    world: AnyWorld\n"
        "world = Holder.parse({'world': {'world': 'backwards', 'longest': 5}}).world\n"
        "print(world_named('backwards').__name__, list(world.levels), world.problem('test', 0, 0).prompt)"
    )
    found = run(tmp_path, program).split(" ", 1)
    assert found[0] == "Backwards"
    assert found[1].startswith("[4, 5] reverse ")


TRY = """
from edgewise.core.errors import InputError
from edgewise.tasks import world_named
for name in {names}:
    try:
        world_named(name)
    except InputError as error:
        print(error)
"""


def test_entry_points_that_lead_nowhere_are_named_in_one_line(tmp_path: Path) -> None:
    points = {"gone": "no_such_package:World", "absent": "my_world:Absent", "other": "my_world:key"}
    install(tmp_path, points)
    lines = run(tmp_path, TRY.format(names=tuple(points))).splitlines()
    assert len(lines) == len(points)
    for line, place in zip(lines, points.values(), strict=True):
        assert place.partition(":")[0] in line


def test_an_installed_package_cannot_take_a_name_of_ours(tmp_path: Path) -> None:
    install(tmp_path, {"modular": "my_world:Backwards"})
    assert "there is a world 'modular' already" in run(tmp_path, TRY.format(names=("modular",)))
