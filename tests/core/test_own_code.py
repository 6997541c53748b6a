"""The digest of own code: equal in every process, changed by what the class uses and by nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest, digest_of_values, own_code
from edgewise.tasks import Countdown, Mixture, MixturePart

MODULE = '''
"""A world of my own."""
from __future__ import annotations
import random
import helper
from lib.parts import used, unused
from edgewise.core.spec import Spec

LETTERS = "ab"
TABLE = []


def entered(function):
    TABLE.append(function)
    return function


@entered
def rotate(text):
    return text[1:]


def direct(text):
    # a comment
    return used(text) + LETTERS


def study(spec):
    return unused(spec)


class Base(Spec):
    def score(self, text):
        return direct(text)


class Mine(Base):
    knob: int = 3

    def check(self, text):
        """What it does."""
        return TABLE[0](text), self.score(text), helper.anything


class Other(Spec):
    knob: int = 3


random.shuffle(TABLE)
str(unused(0))

if __name__ == "__main__":
    print(study(3))
'''
HELPER = "anything = 1\n"
INIT = "from .parts import used\n"
PARTS = "from . import deep\n\ndef used(text):\n    return deep.value\n\ndef unused(spec):\n    return 1\n"
DEEP = "value = 1\n"
FILES = {"mine.py": MODULE, "helper.py": HELPER, "lib/__init__.py": INIT, "lib/parts.py": PARTS, "lib/deep.py": DEEP}
PROGRAM = """
import mine
from edgewise.core.own_code import code_digest
print(code_digest(mine.Mine), code_digest(mine.Other))
"""


def digests(folder: Path, files: dict[str, str], program: str = PROGRAM) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path_of_python = os.pathsep.join([str(folder), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={**os.environ, "PYTHONPATH": path_of_python},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.fixture(scope="module")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return digests(tmp_path_factory.mktemp("unedited"), FILES)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("mine.py", "TABLE[0](text)", "TABLE[text](text + text)"),
        ("mine.py", 'LETTERS = "ab"', 'LETTERS = "abc"'),
        ("mine.py", "random.shuffle(TABLE)", "random.sample(TABLE, 1)"),
        ("mine.py", "return direct(text)", "return direct(text) * 2"),
        ("mine.py", "return text[1:]", "return text[2:]"),
        ("mine.py", "knob: int = 3\n\n    def", "knob: int = 4\n\n    def"),
        ("helper.py", "anything = 1", "anything = 2"),
        ("lib/parts.py", "return deep.value", "return deep.value + 1"),
        ("lib/deep.py", "value = 1", "value = 2"),
    ],
)
def test_an_edit_of_what_the_class_uses_is_another_digest_and_of_it_alone(
    file: str, before: str, after: str, unedited: list[str], tmp_path: Path
) -> None:
    assert FILES[file].count(before) == 1
    mine, other = digests(tmp_path, {**FILES, file: FILES[file].replace(before, after)})
    assert mine != unedited[0] and other != mine


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("mine.py", "    # a comment\n", "\n    # another\n\n"),
        ("mine.py", "What it does.", "What else it does."),
        ("mine.py", "return used(text) + LETTERS", "return (\n        used( text )\n        + LETTERS)"),
        ("mine.py", "return unused(spec)", "return unused(spec) + 1"),
        ("mine.py", "str(unused(0))", "str(unused(1))"),
        ("mine.py", "print(study(3))", "print(study(4))"),
        ("mine.py", "import used, unused", "import (used,\n    unused)"),
        ("mine.py", "from edgewise.core.spec import Spec", "from edgewise.core.spec import Spec, digest"),
        ("mine.py", "\n", "\r\n"),
        ("lib/parts.py", "return 1", "return 2"),
        ("lib/__init__.py", "used", "unused"),
    ],
)
def test_an_edit_of_anything_else_keeps_the_digest(
    file: str, before: str, after: str, unedited: list[str], tmp_path: Path
) -> None:
    assert before in FILES[file]
    assert digests(tmp_path, {**FILES, file: FILES[file].replace(before, after)}) == unedited


def test_the_digest_is_the_same_by_path_by_name_as_a_script_and_in_a_worker(
    unedited: list[str], tmp_path: Path
) -> None:
    by_path = (
        "from edgewise.core.load import load_object\nfrom edgewise.core.own_code import code_digest\n"
        f"path = {str(tmp_path / 'mine.py')!r}\n"
        "print(*(code_digest(load_object(f'{path}:{name}', 'class')) for name in ('Mine', 'Other')))"
    )
    assert digests(tmp_path, FILES, by_path) == unedited
    script = MODULE.replace(
        "    print(study(3))",
        "    import concurrent.futures, multiprocessing\n"
        "    from edgewise.core.own_code import code_digest\n"
        "    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:\n"
        "        print(code_digest(Mine), pool.submit(code_digest, Mine).result())",
    )
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == [unedited[0]] * 2, done.stderr


def test_an_installed_package_is_read_as_far_as_it_is_this_package(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    files = {
        "mine/__init__.py": "import other\nfrom mine.more import value\nfrom edgewise.core.spec import Spec\n"
        "class Mine(Spec):\n    def check(self): return value, other.thing\n",
        "mine/more.py": "value = 1\n",
        "other.py": "thing = 1\n",
    }
    program = PROGRAM.replace(", code_digest(mine.Other)", "")
    before = digests(site, files, program)
    assert digests(site, {"other.py": "thing = 2\n"}, program) == before
    assert digests(site, {"mine/more.py": "value = 2\n"}, program) != before


def test_a_class_without_a_file_is_named() -> None:
    kind = type("Quick", (Spec,), {"__module__": "nowhere"})
    with pytest.raises(
        InputError, match=r"^Quick: is in no \.py file, and results depend on its code; put it into one"
    ):
        digest(kind())


class Mine(Countdown):
    """A world from outside the package."""


def test_a_spec_of_ours_has_no_own_code_and_one_within_another_is_named_by_its_field() -> None:
    assert own_code(Countdown()) == {} and digest(Countdown()) == digest_of_values(Countdown())
    mixture = Mixture(parts=(MixturePart(share=1, world=Countdown()), MixturePart(share=1, world=Mine())))
    assert list(own_code(mixture)) == ["parts[1].world"]
    assert digest(mixture) != digest_of_values(mixture)
    ours = Mixture(parts=(MixturePart(share=1, world=Countdown()), MixturePart(share=1, world=Countdown())))
    assert digest_of_values(mixture) == digest_of_values(ours), "the values are equal, the code is not"
    assert Mine()._digest == Countdown()._digest, "the code keys no draws"
