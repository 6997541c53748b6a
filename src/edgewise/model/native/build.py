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
# Best first; the names of the others are those that -march knows.
INSTRUCTION_SETS: tuple[str, ...] = ("x86-64-v4", "x86-64-v3", BASELINE)

FLAGS = (
    *("-std=c++17", "-O3", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden"),
    # A product and a sum are rounded one after the other unless the source says otherwise: the same bits everywhere.
    *("-fopenmp-simd", "-Wno-psabi", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
)


def library_path(instruction_set: str) -> Path:
    """Where the library for an instruction set stands once it is built."""
    return FOLDER / f"kernels-{instruction_set}.so"


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
    machine = [] if instruction_set == BASELINE else [f"-march={instruction_set}"]
    output = ["-o", str(_unfinished(instruction_set))]
    command = [*compiler, *FLAGS, *machine, f'-DEDGEWISE_DIGEST="{sources_digest()}"', *output]
    return subprocess.Popen([*command, str(FOLDER / "kernels.cpp")])


if __name__ == "__main__":
    print(*build(), sep="\n")
