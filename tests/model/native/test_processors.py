"""The kernels' sources compute what is written down in check.txt on every processor that can be had here.

`check.cpp` is compiled as the libraries are, for each instruction set of this machine, and for arm64 where there are a
cross compiler and an emulator (Debian: g++-aarch64-linux-gnu, qemu-user).
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from edgewise.model.native import build, library
from tests.model.native.present import needs_kernels

HERE = Path(__file__).parent
CROSS, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"

pytestmark = pytest.mark.slow


def printed(tmp_path: Path, compiler: list[str], runner: list[str]) -> list[str]:
    program = tmp_path / "check"
    flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC")]
    command = [*compiler, *flags, "-I", str(build.FOLDER), str(HERE / "check.cpp"), "-o", str(program)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    ran = subprocess.run([*runner, str(program)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def written() -> list[str]:
    return (HERE / "check.txt").read_text().splitlines()


@needs_kernels
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler")
@pytest.mark.parametrize("instruction_set", build.INSTRUCTION_SETS)
def test_this_machine_computes_what_is_written_down(tmp_path: Path, instruction_set: str) -> None:
    plain = library.Kernels(build.library_path(build.BASELINE), build.BASELINE)
    if not plain.supports(instruction_set) or (instruction_set == build.BASELINE and not plain.same_bits):
        pytest.skip("not for this machine, or of other bits")
    assert printed(tmp_path, ["c++", *build.machine_flags(instruction_set)], []) == written()


@pytest.mark.skipif(
    platform.machine() == "aarch64" or not (shutil.which(CROSS) and shutil.which(EMULATOR)),
    reason="needs a cross compiler and an emulator of arm64",
)
def test_arm64_computes_what_is_written_down(tmp_path: Path) -> None:
    assert printed(tmp_path, [CROSS, "-static"], [EMULATOR]) == written()
