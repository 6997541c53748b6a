"""The house keeps its shape: who may import whom, what needs torch, which names are taken."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "edgewise"

# Each package imports only packages that stand before it.
ORDER = (
    *("core", "outcomes", "boundary", "tasks", "model", "sampling", "rollouts", "training"),
    *("rl", "scaling", "study", "claims", "report", "interop", "cli"),
)
WITHOUT_TORCH = ("core", "outcomes", "boundary", "tasks", "scaling", "report", "interop")
# Of `interop`, what hands a run over to another trainer or runs inside one or inside a tool, which has torch itself.
BESIDE_A_TRAINER = ("interop/plugins/", "interop/writers/hand_over.py", "interop/writers/verl", "interop/writers/trl")
FILES = sorted(SRC.rglob("*.py"))


def package_of(path: Path) -> str:
    """The package of a file, or its own name where it stands beside the packages."""
    place = path.relative_to(SRC).parts
    return place[0].removesuffix(".py")


def imports(path: Path, *, at_import: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Module and names of every import of a file; with `at_import`, only of those that run when it is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _executed(tree) if at_import else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = tuple(alias.name for alias in node.names)
            if node.module == "edgewise":
                # A package, or a public name of the whole.
                modules = [f"edgewise.{name}" if (SRC / name).is_dir() else "edgewise" for name in names]
                yield from ((module, ()) for module in modules)
            else:
                yield node.module or "", names
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ()


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below that run at import: not the bodies of functions, not what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _executed(child)


def beside_a_trainer(path: Path) -> bool:
    """Whether a file of `interop` is for those who have a trainer, and so torch."""
    return path.name != "__init__.py" and path.relative_to(SRC).as_posix().startswith(BESIDE_A_TRAINER)


def test_every_package_has_its_place_in_the_order() -> None:
    packages = {path.name for path in SRC.iterdir() if (path / "__init__.py").exists()}
    assert packages <= set(ORDER), packages - set(ORDER)


def test_packages_import_only_packages_before_them() -> None:
    breaches = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in FILES
        for module, _ in imports(path)
        if module.startswith("edgewise.")
        if (here := package_of(path)) in ORDER
        if (there := module.split(".")[1]) not in ORDER or ORDER.index(there) > ORDER.index(here)
    ]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize("package", [*WITHOUT_TORCH, "cli"])
def test_packages_that_need_no_torch_import_none(package: str) -> None:
    modules = [
        ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((SRC / package).rglob("*.py"))
        # Run as programs of their own, never imported.
        if not path.stem.endswith("_process") and not beside_a_trainer(path)
    ]
    code = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# They compute with torch only where several threads or processes do one computation.
TORCH_WITHIN = ("core/distributed.py", "core/threads.py")


def test_no_function_of_theirs_imports_it_either() -> None:
    breaches = [
        str(path.relative_to(ROOT))
        for package in WITHOUT_TORCH
        for path in sorted((SRC / package).rglob("*.py"))
        if str(path.relative_to(SRC)) not in TORCH_WITHIN and not beside_a_trainer(path)
        if any(module.split(".")[0] == "torch" for module, _ in imports(path))
    ]
    assert not breaches, "\n".join(breaches)


def test_rl_knows_no_world() -> None:
    breaches = [
        f"{path.relative_to(ROOT)} imports {module} {names}"
        for path in sorted((SRC / "rl").rglob("*.py"))
        for module, names in imports(path)
        if module.startswith("edgewise.tasks") and module not in ("edgewise.tasks.base", "edgewise.tasks.verdict")
    ]
    assert not breaches, "\n".join(breaches)


# What reports look up: which measures there are, which k a number of samples supports, and how a label is written.
LOOKUPS = (
    "edgewise.boundary.measures.registry",
    "edgewise.boundary.inference.supported_k",
    "edgewise.boundary.verdict.labels",
)


def test_report_computes_no_statistics() -> None:
    """It takes types and tables from `boundary`, never a function; and nothing from a library of statistics."""
    breaches = [
        f"{path.relative_to(ROOT)} imports {', '.join(names) or module} from {module}"
        for path in sorted((SRC / "report").rglob("*.py"))
        for module, names in imports(path)
        if module.split(".")[0] in ("scipy", "statistics", "random")
        or (
            module.startswith("edgewise.boundary")
            and module not in LOOKUPS
            and (not names or any(not name[:1].isupper() for name in names))
        )
    ]
    assert not breaches, "\n".join(breaches)


# The same job in two places, under the name that the job has.
SHARED = {"main", "audit"}


def test_no_public_name_stands_for_two_things() -> None:
    classes: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            for name in names:
                if not name.startswith("_") and not name.isupper() and name not in SHARED:
                    classes[name].add(str(path.relative_to(SRC)))
    twice = {name: sorted(places) for name, places in classes.items() if len(places) > 1}
    assert not twice, twice
