"""Compiles the kernels: one library for each kind of processor that this machine's compiler can serve.

Used by the package's own build (`hatch_build.py`), and needs nothing but the standard library, because a
build runs before anything is installed. A machine without a C++ compiler gets no library, and Edgewise
then works in torch alone.
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
# Levels of x86-64 by number, best first; 0 is what the compiler takes by itself.
LEVELS = (4, 3, 0)

_FLAGS = (
    *("-std=c++17", "-O3", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden"),
    # Loops that are marked may be summed in vectors; what this allows does not touch NaN or infinity.
    *("-fopenmp-simd", "-Wno-psabi", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
)


def library(level: int) -> Path:
    """Where the library for a level stands once it is built."""
    return FOLDER / f"kernels-{level}.so"


def digest() -> str:
    """Of the sources and of how they are compiled, so that a library built from others is told apart."""
    sources = [*sorted(FOLDER.glob("*.[hc]pp")), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def build() -> list[Path]:
    """Compile every level and return the libraries; none where there is no compiler that can."""
    # CXX may name a program and its first arguments.
    candidates = [shlex.split(os.environ["CXX"])] if os.environ.get("CXX") else [["c++"], ["g++"], ["clang++"]]
    compiler = next((command for command in candidates if shutil.which(command[0])), None)
    if compiler is None:
        return []
    levels = LEVELS if platform.machine() in ("x86_64", "AMD64") else (0,)
    running = [(level, _compile(compiler, level)) for level in levels]
    built = []
    for level, process in running:
        if process.wait() == 0:
            # In one move: somebody may be about to load it.
            _aside(level).replace(library(level))
            built.append(library(level))
    return built


def _aside(level: int) -> Path:
    return library(level).with_suffix(".part")


def _compile(compiler: list[str], level: int) -> subprocess.Popen[bytes]:
    library(level).unlink(missing_ok=True)
    machine = [f"-march=x86-64-v{level}"] if level else []
    command = [*compiler, *_FLAGS, *machine, f'-DEDGEWISE_DIGEST="{digest()}"', "-o", str(_aside(level))]
    return subprocess.Popen([*command, str(FOLDER / "kernels.cpp")])
