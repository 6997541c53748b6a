"""The same spec gives the same bits under every library, dispatch and number of cores, and those that are written down.

`same_bits.json` beside this file holds the digests. Where the source of a kernel changes on purpose, the first test
says what they are now.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.model.native import build, library
from edgewise.rl.recipes.registry import RECIPES
from tests.model.native.present import needs_kernels

pytestmark = needs_kernels

GOLDEN: dict[str, str] = json.loads(Path(__file__).with_name("same_bits.json").read_text())
# With a critic, with a KL and several updates, of whole samples.
A_FEW = ("ppo", "prorl", "unlikeliness")
NO_AVX = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2 FMA3"
# How torch, MKL, oneDNN and numpy choose their instructions.
PLAIN = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": NO_AVX,
}


def exact(instruction_set: str) -> bool:
    """Whether this machine has and runs such a library, and it promises the bits of all others."""
    plain = library.Kernels(build.library_path(build.BASELINE), build.BASELINE)
    path = build.library_path(instruction_set)
    runs = path.exists() and plain.supports(instruction_set)
    return runs and library.Kernels(path, instruction_set).same_bits


LIBRARIES = [name for name in build.INSTRUCTION_SETS if library.find_kernels() and exact(name)]


def digests(instruction_set: str, recipes: tuple[str, ...], cores: int, dispatch: dict[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in PLAIN}
    environment |= {"OMP_NUM_THREADS": str(cores), "GOMP_SPINCOUNT": "0"} | dispatch
    command = [sys.executable, "-m", "tests.same_bits", instruction_set, *recipes]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def agree(found: dict[str, str]) -> None:
    assert found == {name: GOLDEN[name] for name in found}


@pytest.mark.skipif(not LIBRARIES, reason="no library that computes the same bits runs here")
def test_a_study_has_the_bits_that_are_written_down() -> None:
    agree(digests("best", A_FEW, 1, {}))


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in LIBRARIES[1:-1]), *LIBRARIES[1:][-1:]]
)
def test_no_library_and_no_dispatch_changes_a_bit(name: str) -> None:
    """The plainest library, with everything else at its plainest, on two cores; those between it and the best too."""
    agree(digests(name, A_FEW, 2, PLAIN))


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARIES)
def test_every_recipe_has_the_bits_that_are_written_down(name: str) -> None:
    agree(digests(name, tuple(RECIPES), 1, {}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "dispatch", [PLAIN, {"ATEN_CPU_CAPABILITY": "avx2"}, {"ATEN_CPU_CAPABILITY": "avx512"}], ids=str
)
@pytest.mark.parametrize("cores", [1, 2])
def test_every_recipe_has_them_under_every_dispatch(dispatch: dict[str, str], cores: int) -> None:
    agree(digests("best", tuple(RECIPES), cores, dispatch))


def test_every_recipe_is_written_down() -> None:
    assert set(RECIPES) <= set(GOLDEN)
