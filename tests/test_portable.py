"""What Windows lacks: modules and functions of POSIX systems stand where a system is asked for first, or not at all."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.test_house import FILES, ROOT, SRC, WITHOUT_TORCH, beside_a_trainer

MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"}
NAMES = {
    "os": {"fork", "forkpty", "getpgid", "getuid", "geteuid", "killpg", "mkfifo", "nice", "register_at_fork",
           "sched_getaffinity", "sched_setaffinity", "setpgid", "setsid", "sysconf", "uname", "wait3", "wait4"},
    "select": {"poll", "epoll", "kqueue"},
    "signal": {"SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "alarm", "pthread_kill", "pthread_sigmask",
               "setitimer", "sigwait"},
}  # fmt: skip
# It runs on POSIX systems alone: `grade` says so, and the other is its process.
POSIX_ONLY = ("tasks/grading.py", "tasks/grading_process.py")


def uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every use that no question of the system stands around, at least in the same function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.FunctionDef) and _asks(node):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node.lineno, module) for module in modules if module in MODULES)
        if isinstance(node, ast.Attribute):
            module = ast.unparse(node.value)
            if node.attr in NAMES.get(module, ()):
                yield node.lineno, f"{module}.{node.attr}"
        yield from uses(node)


def _asks(node: ast.If | ast.IfExp | ast.FunctionDef) -> bool:
    """Whether an `if`, or one that is a statement of a function, asks for the platform or for what it has."""
    tests = (
        [one.test for one in node.body if isinstance(one, ast.If)] if isinstance(node, ast.FunctionDef) else [node.test]
    )
    return any("sys.platform" in ast.unparse(test) or "hasattr(" in ast.unparse(test) for test in tests)


def test_no_call_of_posix_systems_without_a_question() -> None:
    breaches = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in FILES
        if str(path.relative_to(SRC)) not in POSIX_ONLY
        for line, name in uses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not breaches, "\n".join(breaches)


def test_a_use_is_found_and_one_that_asks_is_none() -> None:
    found = uses(ast.parse("import os, fcntl\nos.fork()\nif hasattr(os, 'nice'):\n    os.nice(1)\n"))
    assert list(found) == [(1, "fcntl"), (2, "os.fork")]
    asked = "def f():\n    if sys.platform == 'win32':\n        return\n    signal.pthread_sigmask(1, {2})\n"
    assert not list(uses(ast.parse(asked)))


def test_worlds_and_audits_are_imported_where_none_of_it_is() -> None:
    """In a process whose modules of ours get no module of POSIX systems, and an `os` without what others need not."""
    modules = [
        ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
        for package in (*WITHOUT_TORCH, "cli")
        for path in sorted((SRC / package).rglob("*.py"))
        if not path.stem.endswith("_process") and not beside_a_trainer(path)
    ]
    code = f"""
import builtins, concurrent.futures, importlib, os, random
imported = builtins.__import__
def lacking(name, globals=None, *rest, **named):
    if name in {MODULES!r} and (globals or {{}}).get("__name__", "").startswith("edgewise"):
        raise ModuleNotFoundError(name)
    return imported(name, globals, *rest, **named)
builtins.__import__ = lacking
for name in ("register_at_fork", "sched_getaffinity"):
    if hasattr(os, name): delattr(os, name)
for module in {modules!r}: importlib.import_module(module)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_text_file_is_opened_with_its_encoding() -> None:
    """The encoding of Windows is not UTF-8 where none is named."""
    breaches = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("read_text", "write_text")
        if not any(keyword.arg == "encoding" for keyword in node.keywords)
        if len(node.args) < (1 if node.func.attr == "read_text" else 2)
    ]
    assert not breaches, "\n".join(breaches)
