"""Build the sdist and both wheels, install each into a clean environment, and run what it promises there.

python -m tools.dist [--audit-only]; written to dist/. The standard library alone runs this, and pip fetches the rest.

- The sdist, built into a wheel by pip; the wheel with compiled kernels; the pure wheel: an audit, without torch.
- Both wheels with `[lab]`: a tiny study, its model computed by the kernels or by torch.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
# No compiler is called so: the build goes on without kernels.
WITHOUT_COMPILER = {"CXX": "none"}
TINY_STUDY = (
    *("demo", "pretraining.steps=3", "pretraining.documents=4", "rl.steps=1", "rl.sampling.prompts=2"),
    *("rl.sampling.samples=2", "rl.sampling.max_new_tokens=16", "problems=2", "samples=8"),
    *("covered=2", "rare=3", "edge=3", "hard=4", "--workers", "1", "--json"),
)


def main(arguments: Sequence[str]) -> None:
    """Build all, then check each; CalledProcessError or AssertionError where one does not do what it should."""
    shutil.rmtree(DIST, ignore_errors=True)
    with TemporaryDirectory(prefix="edgewise-dist-") as temporary:
        folder = Path(temporary)
        build = environment(folder / "build", "build")
        run(build, "-m", "build", "--outdir", str(DIST), str(ROOT))
        run(build, "-m", "build", "--wheel", "--outdir", str(DIST), str(ROOT), variables=WITHOUT_COMPILER)
        (sdist,) = DIST.glob("*.tar.gz")
        wheels = {is_pure(path): path for path in DIST.glob("*.whl")}
        built = {True} if sys.platform == "win32" else {False, True}
        assert set(wheels) == built, f"one wheel without kernels and, but for Windows, one with them, not {wheels}"
        for path in (sdist, *wheels.values()):
            check_audit(path, folder / f"audit-{path.name}")
        if "--audit-only" not in arguments:
            for pure, path in wheels.items():
                check_lab(path, folder / f"lab-{path.name}", backend="torch" if pure else "native")
    print(*sorted(path.name for path in DIST.iterdir()), sep="\n")


def environment(folder: Path, *packages: str) -> Path:
    """A new environment with some packages; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run(python, "-m", "pip", "install", "--quiet", *packages)
    return python


def check_audit(path: Path, folder: Path) -> None:
    """Install one file and audit two models with it, without torch."""
    python = environment(folder, str(path))
    assert not modules(python, "torch"), f"{path.name} brings torch"
    if path.suffix == ".whl" and not is_pure(path):
        run(python, str(ROOT / "tools" / "kernels.py"))
    for model, right in (("base", 2), ("tuned", 12)):
        rows = [{"problem_id": str(p), "correct": s < right * (p % 2)} for p in range(40) for s in range(16)]
        (folder / f"{model}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = run(python, "-m", "edgewise", "audit", "base.jsonl", "tuned.jsonl", "--json", folder=folder)
    label = json.loads(said)["verdict"]["label"]
    assert label != "cannot tell", f"{path.name}: the audit does not see a tuned model that solves six times as much"
    assert (folder / "report" / "report.html").is_file()


def check_lab(path: Path, folder: Path, backend: str) -> None:
    """Install a wheel with the laboratory, and train, sample and measure a tiny model with one backend."""
    torch = re.search(r"^torch==.*$", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)
    assert torch is not None
    python = environment(folder, torch[0], f"{path}[lab]")
    said = run(python, "-m", "edgewise", *TINY_STUDY, "--backend", backend, folder=folder)
    assert len(json.loads(said)["stages"]) == 6


def is_pure(wheel: Path) -> bool:
    """Whether a wheel fits every machine, which one with kernels does not."""
    return wheel.name.endswith("-none-any.whl")


def modules(python: Path, name: str) -> bool:
    """Whether an environment has a module."""
    return run(python, "-c", f"import importlib.util; print(importlib.util.find_spec({name!r}))").strip() != "None"


def run(python: Path, *words: str, folder: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """What Python prints; from a folder that has no source of ours, and without the caller's path."""
    print("+", python.parent.parent.name, *words, file=sys.stderr)
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=folder or python.parent,
        env=outside | dict(variables or {}),
    )
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
