"""What is published of the package: its citation, and that everything it imports is declared where it is needed."""

from __future__ import annotations

import platform
import re
import runpy
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml

from edgewise import __version__
from edgewise.cli.entry import app
from edgewise.cli.loading import study_of
from edgewise.cli.study import DEMO
from edgewise.model.native.build import INSTRUCTION_SETS
from tests.test_house import FILES, ROOT, WITHOUT_TORCH, beside_a_trainer, imports, package_of
from tools.dist import TINY_STUDY, WITHOUT_COMPILER
from tools.kernels import missing

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Import names that are not those of their packages.
PACKAGES = {"markdown_it": "markdown-it-py", "transfer_queue": "TransferQueue", "vl_convert": "vl-convert-python"}


def required(*extras: str) -> set[str]:
    """Names of the packages that the core and some extras bring, with those of the extras that they name."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    names = {re.split(r"[\[<>=~! ]", line)[0] for line in lines}
    if "edgewise" not in names:
        return names
    further = [name for line in lines if line.startswith("edgewise[") for name in line[9:-1].split(",")]
    return (names | required(*further)) - {"edgewise"}


def foreign_imports(path: Path, *, at_import: bool = False) -> Iterator[str]:
    """The packages that a file imports which are neither of the standard library nor ours."""
    modules = [module for module, _ in imports(path, at_import=at_import)]
    for module in [*modules, *re.findall(r'import_module\("(\w+)', path.read_text(encoding="utf-8"))]:
        name = module.partition(".")[0]
        if name not in sys.stdlib_module_names and name not in ("edgewise", "__future__"):
            yield PACKAGES.get(name, name.replace("_", "-"))


def test_the_citation_agrees_with_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software" and citation["message"]
    assert citation["title"].lower() == PROJECT["name"] and citation["abstract"] == PROJECT["description"]
    assert citation["version"] == __version__ and citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"] and citation["keywords"] == PROJECT["keywords"]
    assert not {"doi", "url", "repository-code", "identifiers"} & set(citation), "none is there yet"


def test_every_import_is_declared() -> None:
    declared = required(*PROJECT["optional-dependencies"])
    missing = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        for name in foreign_imports(path)
        if name not in declared
    }
    assert not missing, "\n".join(sorted(missing))


@pytest.mark.parametrize("package", [*WITHOUT_TORCH, "cli"])
def test_what_needs_no_torch_needs_the_core_alone(package: str) -> None:
    core = required() | required("gym", "math")  # imported only where it is installed
    missing = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if package_of(path) == package and not beside_a_trainer(path)
        for name in foreign_imports(path, at_import=True)
        if name not in core
    }
    assert not missing, "\n".join(sorted(missing))


def test_an_extra_is_there_for_code_that_is_there() -> None:
    """An extra without code would promise what the package does not do."""
    imported = {name for path in FILES for name in foreign_imports(path)}
    without = {
        extra
        for extra, lines in PROJECT["optional-dependencies"].items()
        if extra not in ("dev", "docs") and not (required(extra) - required()) & imported
    }
    assert not without, without


def test_wheels_alone_are_compiled() -> None:
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert "hooks" not in targets and "custom" in targets["targets"]["wheel"]["hooks"]
    assert targets["targets"]["sdist"]["exclude"] == ["*.so"]


def build_hook(monkeypatch: pytest.MonkeyPatch, root: Path) -> Any:
    """The hook of hatch_build.py for a project in `root`, without hatchling."""
    interface = SimpleNamespace(BuildHookInterface={Any: object})
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    hook = runpy.run_path(str(ROOT / "hatch_build.py"))["CustomBuildHook"]()
    hook.root = str(root)
    return hook


def test_a_wheel_with_kernels_fits_every_python_of_its_kind_of_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And one without them is pure, which the build says by changing nothing."""
    hook = build_hook(monkeypatch, tmp_path)
    built: dict[str, Any] = {"artifacts": []}
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "macosx-11.0-arm64")
    monkeypatch.setattr(runpy, "run_path", lambda _: {"build": lambda: [tmp_path / "src" / "kernels.so"]})
    hook.initialize("standard", built)
    tag = "py3-none-macosx_11_0_arm64"
    assert built == {"artifacts": [str(Path("src", "kernels.so"))], "pure_python": False, "tag": tag}
    monkeypatch.setattr(runpy, "run_path", lambda _: {"build": list})
    unchanged: dict[str, Any] = {"artifacts": []}
    hook.initialize("standard", unchanged)
    assert unchanged == {"artifacts": []}


def test_a_wheel_is_for_one_kind_of_mac_and_none_is_compiled_on_windows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hook = build_hook(monkeypatch, tmp_path)
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "macosx-10.9-universal2")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(runpy, "run_path", lambda _: {"build": lambda: [tmp_path / "kernels.so"]})
    built: dict[str, Any] = {"artifacts": []}
    hook.initialize("standard", built)
    assert built["tag"] == "py3-none-macosx_10_9_arm64"
    monkeypatch.setattr(sys, "platform", "win32")
    unchanged: dict[str, Any] = {"artifacts": []}
    hook.initialize("standard", unchanged)
    assert unchanged == {"artifacts": []}


def test_a_wheel_that_lacks_kernels_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An old compiler builds what it can, and the package is slow without a word."""
    monkeypatch.setattr("tools.kernels.library_path", lambda name: tmp_path / name)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert missing() == list(INSTRUCTION_SETS)
    for name in INSTRUCTION_SETS[1:]:
        (tmp_path / name).touch()
    assert missing() == [INSTRUCTION_SETS[0]]
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert not missing()


def test_the_name_that_stands_for_no_compiler_is_none() -> None:
    assert shutil.which(WITHOUT_COMPILER["CXX"]) is None


def test_the_study_of_a_wheel_is_one_that_parses() -> None:
    group = typer.main.get_command(app)
    name, *words = TINY_STUDY
    parsed = group.commands[name].make_context(name, words).params  # type: ignore[attr-defined]
    assert study_of(DEMO, parsed["settings"]).evaluations and parsed["as_json"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_runs_what_is_there(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for command in commands:
        assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= targets, command
        named = re.findall(r"(?<![\w/.-])((?:tests|docs)/\S+|\.ci/\S+)", command)
        assert not [name for name in named if not (ROOT / name).exists()], command


def test_the_checks_run_on_three_systems_and_build_every_package() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))["jobs"]
    runners = {job["runs-on"] for job in jobs.values()}
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= runners
    assert [step["run"] for step in jobs["linux"]["steps"] if "run" in step] == [".ci/run"]
    assert any("cibuildwheel" in step.get("uses", "") for step in jobs["wheels"]["steps"])
    assert "tool.cibuildwheel" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
