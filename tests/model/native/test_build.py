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
from edgewise.model.native.structures import STRUCTURES, CModel
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import SHAPES, TOKENIZER, sharp
from tests.model.flat import in_double, learned, shared_text
from tests.model.native.present import needs_kernels

BUILT = [name for name in build.INSTRUCTION_SETS if build.library_path(name).exists()]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sources in a folder of their own, without a library."""
    for path in (*build.FOLDER.glob("*.hpp"), *build.FOLDER.glob("*.cpp")):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    library.find_kernels.cache_clear()
    yield tmp_path
    library.find_kernels.cache_clear()


@pytest.mark.skipif(not BUILT, reason="nothing was built here: src/edgewise/model/native/build.py does it")
def test_what_was_built_is_used() -> None:
    """Fails after a change of the sources until they are built again, when other tests are skipped."""
    assert library.find_kernels() is not None, "built from other sources: run src/edgewise/model/native/build.py"


@pytest.mark.parametrize("name", ["kernels.cpp", "training.hpp"])
def test_the_digest_changes_with_a_byte(elsewhere: Path, name: str) -> None:
    before = build.sources_digest()
    assert len(before) == 16
    source = elsewhere / name
    source.write_bytes(source.read_bytes() + b" ")
    assert build.sources_digest() != before


@needs_kernels
def test_libraries_of_these_sources_are_used_and_of_others_not(elsewhere: Path) -> None:
    for name in BUILT:
        shutil.copy(Path(library.__file__).parent / f"kernels-{name}.so", elsewhere)
    used = library.find_kernels()
    assert used is not None
    assert used.digest == build.sources_digest()
    (elsewhere / "decoder.hpp").write_text("// another decoder")
    library.find_kernels.cache_clear()
    assert library.find_kernels() is None


@needs_kernels
def test_the_best_instruction_set_that_the_machine_has_is_used(elsewhere: Path) -> None:
    """A library that is not there is passed over, and all but the plain one may be missing."""
    home = Path(library.__file__).parent
    shutil.copy(home / "kernels-baseline.so", elsewhere)
    plain = library.find_kernels()
    assert plain is not None
    assert plain.instruction_set == build.BASELINE
    # From the plainest to the best.
    for name in reversed([name for name in BUILT if name != build.BASELINE]):
        shutil.copy(home / f"kernels-{name}.so", elsewhere)
        library.find_kernels.cache_clear()
        used = library.find_kernels()
        assert used is not None
        assert (used.instruction_set == name) == plain.supports(name)
    assert plain.supports(build.BASELINE)
    assert not plain.supports("x86-64-v5")


def test_a_file_that_is_no_library_is_not_used(elsewhere: Path) -> None:
    (elsewhere / "kernels-baseline.so").write_text("no library")
    assert library.find_kernels() is None


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
    for name in build.INSTRUCTION_SETS:
        build.library_path(name).write_text("old")
    assert build.build() == []
    assert library.find_kernels() is None


def test_what_compiles_is_kept_and_the_compiler_may_have_arguments(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old compiler does not know x86-64-v4. The program here refuses it and writes what it was told."""
    script = 'case "$*" in *x86-64-v4*) exit 1;; esac\nwhile [ "$1" != -o ]; do shift; done; echo "$2" > "$2"'
    program = _program(elsewhere / "compiler", f'[ "$1" = first ] || exit 2\n{script}')
    monkeypatch.setenv("CXX", f"{program} first")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert build.build() == [build.library_path("x86-64-v3"), build.library_path(build.BASELINE)]
    assert not build.library_path("x86-64-v4").exists()
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert build.build() == [build.library_path(build.BASELINE)]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler")
@pytest.mark.usefixtures("elsewhere")
def test_the_sources_compile() -> None:
    """What can be built here is built, the plain one in any case, and is used."""
    assert build.library_path(build.BASELINE) in build.build()
    assert library.find_kernels() is not None


@pytest.mark.usefixtures("elsewhere")
def test_without_a_library_all_is_done_in_torch() -> None:
    assert library.find_kernels() is None
    model, text = sharp(SHAPES["tied, grouped"]), shared_text([(4, [3])])
    assert model.backend == "torch"
    hidden, gradients = learned(model, lambda m: m.forward_packed(text))
    exact, _ = learned(in_double(model), lambda m: m.forward_packed(text))
    torch.testing.assert_close(hidden.double(), exact, atol=1e-4, rtol=1e-4)
    assert len(gradients) == len(list(model.parameters()))
    params = SamplingParams(max_new_tokens=5)
    drawn = Engine(model, TOKENIZER.eos).sample([[1, 2, 3]], [7], 4, params)
    assert (drawn.length_PG >= 1).all()


def test_too_little_memory_is_an_error() -> None:
    library.check_status(0)
    with pytest.raises(MemoryError, match="kernels"):
        library.check_status(1)


# ---- What Python and C++ must agree on


@needs_kernels
def test_a_structure_of_another_size_is_found_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shorter(ctypes.Structure):
        _fields_ = CModel._fields_[:-1]

    monkeypatch.setitem(STRUCTURES, "Model", Shorter)
    with pytest.raises(RuntimeError, match=r"kernels-baseline.so: Model has \d+ bytes, in Python \d+"):
        library.Kernels(build.library_path(build.BASELINE), build.BASELINE)


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a compiler")
def test_structures_are_those_of_the_sources(tmp_path: Path) -> None:
    """Every field at its place: a compiler checks them, and runs nothing."""
    lines = ["#include <cstddef>", '#include "rows.hpp"', '#include "sampling.hpp"', '#include "training.hpp"']
    for name, ours in STRUCTURES.items():
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
