"""Compile the kernels: one library for each CPU instruction set that the compiler supports.

Used by the package's own build (`hatch_build.py`), and needs nothing but the standard library, because a
build runs before anything is installed. Without a C++ compiler there is no library, and Edgewise works in
torch alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
# What the compiler takes by itself; every CPU of the family runs it.
BASELINE = "baseline"
# Best first, with what tells the compiler.
_MACHINES: dict[str, tuple[str, ...]] = {
    "x86-64-v4-amx": ("-march=x86-64-v4", "-mavx512bf16", "-mamx-tile", "-mamx-bf16"),
    "x86-64-v4-bf16": ("-march=x86-64-v4", "-mavx512bf16"),
    "x86-64-v4": ("-march=x86-64-v4",),
    "x86-64-v3": ("-march=x86-64-v3",),
    BASELINE: (),
}
INSTRUCTION_SETS: tuple[str, ...] = tuple(_MACHINES)

FLAGS = (
    *("-std=c++17", "-O3", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden"),
    # A product and a sum are rounded one after the other unless the source says otherwise: the same bits everywhere.
    *("-fopenmp-simd", "-Wno-psabi", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
)


def library_path(instruction_set: str) -> Path:
    """Where the library for an instruction set stands once it is built."""
    return FOLDER / f"kernels-{instruction_set}.so"


def machine_flags(instruction_set: str) -> tuple[str, ...]:
    """What tells the compiler which processors an instruction set is for."""
    return _MACHINES[instruction_set]


def sources_digest() -> str:
    """Digest of the sources and of how they are compiled: tells a library that was built from others."""
    sources = [*sorted(FOLDER.glob("*.[hc]pp")), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def build() -> list[Path]:
    """Compile for every instruction set and return the libraries; none where there is no compiler that can."""
    # CXX may name a program and its first arguments.
    candidates = [shlex.split(os.environ["CXX"])] if os.environ.get("CXX") else [["c++"], ["g++"], ["clang++"]]
    compiler = next((command for command in candidates if shutil.which(command[0])), None)
    if compiler is None:
        return []
    instruction_sets = INSTRUCTION_SETS if platform.machine() in ("x86_64", "AMD64") else (BASELINE,)
    running = [(name, _compile(compiler, name)) for name in instruction_sets]
    built = []
    for name, process in running:
        if process.wait() == 0:
            # In one move: another process may be about to load it.
            _unfinished(name).replace(library_path(name))
            built.append(library_path(name))
    return built


def _unfinished(instruction_set: str) -> Path:
    return library_path(instruction_set).with_suffix(".part")


def _compile(compiler: list[str], instruction_set: str) -> subprocess.Popen[bytes]:
    library_path(instruction_set).unlink(missing_ok=True)
    output = ["-o", str(_unfinished(instruction_set))]
    command = [*compiler, *FLAGS, *machine_flags(instruction_set), f'-DEDGEWISE_DIGEST="{sources_digest()}"', *output]
    return subprocess.Popen([*command, str(FOLDER / "kernels.cpp")])


if __name__ == "__main__":
    print(*build(), sep="\n")
