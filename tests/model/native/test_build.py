"""Which library is used, where there is one; and that all goes on where there is none."""

from __future__ import annotations

import ctypes
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from edgewise.model.native import build, library
from edgewise.sampling import compiled as sampling
from edgewise.sampling.base import SamplingParams
from edgewise.sampling.engine import Engine
from tests.model.flat import in_double, learned, shared_text
from tests.model.native.present import needs_kernels
from tests.model.tiny import SHAPES, TOKENIZER, sharp

BUILT = [level for level in build.LEVELS if build.library(level).exists()]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sources in a folder of their own, without a library."""
    for path in (*build.FOLDER.glob("*.hpp"), *build.FOLDER.glob("*.cpp")):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    library.library.cache_clear()
    yield tmp_path
    library.library.cache_clear()


@pytest.mark.skipif(not BUILT, reason="nothing was built here: src/edgewise/native/build.py does it")
def test_what_was_built_is_used() -> None:
    """Fails after a change of the sources until they are built again, when other tests are skipped."""
    assert library.library() is not None, "built from other sources: run src/edgewise/native/build.py"


@pytest.mark.parametrize("name", ["kernels.cpp", "training.hpp"])
def test_the_digest_changes_with_a_byte(elsewhere: Path, name: str) -> None:
    before = build.digest()
    assert len(before) == 16
    source = elsewhere / name
    source.write_bytes(source.read_bytes() + b" ")
    assert build.digest() != before


@needs_kernels
def test_libraries_of_these_sources_are_used_and_of_others_not(elsewhere: Path) -> None:
    for level in BUILT:
        shutil.copy(Path(library.__file__).parent / f"kernels-{level}.so", elsewhere)
    used = library.library()
    assert used is not None
    assert used.edgewise_digest().decode() == build.digest()
    (elsewhere / "decoder.hpp").write_text("// another decoder")
    library.library.cache_clear()
    assert library.library() is None


@needs_kernels
def test_the_best_level_that_the_machine_runs_is_used(elsewhere: Path) -> None:
    """A library that is not there is passed over, and all but the plain one may be missing."""
    home = Path(library.__file__).parent
    shutil.copy(home / "kernels-0.so", elsewhere)
    plain = library.library()
    assert plain is not None
    assert Path(plain._name).name == "kernels-0.so"
    for level in sorted(set(BUILT) - {0}):
        shutil.copy(home / f"kernels-{level}.so", elsewhere)
        library.library.cache_clear()
        used = library.library()
        assert used is not None
        assert (Path(used._name).name == f"kernels-{level}.so") == bool(plain.edgewise_runs(level))
    assert plain.edgewise_runs(0)
    assert not plain.edgewise_runs(5)


def test_a_file_that_is_no_library_is_not_used(elsewhere: Path) -> None:
    (elsewhere / "kernels-0.so").write_text("no library")
    assert library.library() is None


# ---- Without a compiler


@pytest.mark.parametrize("compiler", [None, "", "no-such-compiler", "no-such-compiler -m64"])
def test_without_a_compiler_nothing_is_built(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    if compiler is not None:
        monkeypatch.setenv("CXX", compiler)
    assert build.build() == []
    assert not list(elsewhere.glob("*.so"))


def test_a_compiler_that_fails_builds_nothing_and_leaves_nothing_old(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", _program(elsewhere / "fails", "exit 1"))
    for level in build.LEVELS:
        build.library(level).write_text("old")
    assert build.build() == []
    assert library.library() is None


def test_levels_that_compile_are_kept_and_the_compiler_may_have_arguments(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old compiler knows no level 4. The program here refuses it and writes what it was told."""
    script = 'case "$*" in *x86-64-v4*) exit 1;; esac\nwhile [ "$1" != -o ]; do shift; done; echo "$2" > "$2"'
    program = _program(elsewhere / "compiler", f'[ "$1" = first ] || exit 2\n{script}')
    monkeypatch.setenv("CXX", f"{program} first")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert build.build() == [build.library(3), build.library(0)]
    assert not build.library(4).exists()
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert build.build() == [build.library(0)]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler")
@pytest.mark.usefixtures("elsewhere")
def test_the_sources_compile() -> None:
    """What can be built here is built, the plain one in any case, and is used."""
    assert build.library(0) in build.build()
    assert library.library() is not None


@pytest.mark.usefixtures("elsewhere")
def test_without_a_library_all_is_done_in_torch() -> None:
    model, text = sharp(SHAPES["tied, grouped"]), shared_text([(4, [3])])
    assert library.library() is None
    hidden, gradients = learned(model, lambda m: m.read(text))
    exact, _ = learned(in_double(model), lambda m: m.read(text))
    torch.testing.assert_close(hidden.double(), exact, atol=1e-4, rtol=1e-4)
    assert len(gradients) == len(list(model.parameters()))
    params = SamplingParams(max_new_tokens=5)
    assert not sampling.serves(model, params, 0.0)
    drawn = Engine(model, TOKENIZER.eos).sample([[1, 2, 3]], [7], 4, params)
    assert (drawn.length_PG >= 1).all()


def test_too_little_memory_is_an_error() -> None:
    library.check(0)
    with pytest.raises(MemoryError, match="kernels"):
        library.check(1)


# ---- What Python and C++ must agree on


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler")
def test_structures_are_those_of_the_sources(tmp_path: Path) -> None:
    """Every field at its place: a compiler checks them, and runs nothing."""
    pairs: dict[str, type[ctypes.Structure]] = {
        **{"Layer": library.Layer, "LayerGradients": library.Layer, "Model": library.Model, "Text": library.Text},
        **{"Request": library.Request, "Gradients": library.Gradients},
    }
    lines = ["#include <cstddef>", '#include "sampling.hpp"', '#include "training.hpp"']
    for name, ours in pairs.items():
        lines.append(f"static_assert(sizeof(edgewise::{name}) == {ctypes.sizeof(ours)});")
        for field, *_ in ours._fields_:
            where = getattr(ours, field)
            lines.append(f"static_assert(offsetof(edgewise::{name}, {field}) == {where.offset});")
            lines.append(f"static_assert(sizeof(edgewise::{name}::{field}) == {where.size});")
    lines.append("static_assert(sizeof(edgewise::Segment) == 4 * 8);")
    program = tmp_path / "agree.cpp"
    program.write_text("\n".join(lines))
    command = ["c++", "-std=c++17", "-fsyntax-only", "-Wno-psabi", "-I", str(build.FOLDER), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)
