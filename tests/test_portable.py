"""What one of Linux, macOS and Windows lacks stands where the system is asked for first, or not at all."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.test_house import FILES, ROOT, SRC, WITHOUT_TORCH, beside_a_trainer

PLATFORMS = ("linux", "darwin", "win32")
OLDEST_PYTHON = (3, 11)
# All of it, whatever its name.
ANY = "*"
# What a name begins with, methods and paths -> the error that a system without it raises, which may be caught instead.
REFUSED = {".": "OSError", "/": "OSError"}


def stubs() -> Path:
    """What the type checker knows of the standard library: which names there are on which system."""
    package = importlib.util.find_spec("mypy")
    if package is None or package.origin is None:
        pytest.skip("mypy is not installed")
    return Path(package.origin).parent / "typeshed" / "stdlib"


def defined(body: Sequence[ast.stmt], platform: str) -> Iterator[str]:
    """The names that statements of a stub define on a system."""
    asked = SimpleNamespace(platform=platform, version_info=OLDEST_PYTHON)
    for node in body:
        if isinstance(node, ast.If):
            holds = eval(compile(ast.Expression(node.test), "stub", "eval"), {"sys": asked, "TYPE_CHECKING": True})
            yield from defined(node.body if holds else node.orelse, platform)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            # What is imported without another name is for the stub itself.
            yield from (alias.asname for alias in node.names if alias.asname)


@cache
def lacking(module: str) -> frozenset[str]:
    """The names of a module of the standard library that are not on all systems; `ANY` where it is not itself."""
    place = stubs().joinpath(*module.split("."))
    stub = next((path for path in (place.with_suffix(".pyi"), place / "__init__.pyi") if path.exists()), None)
    if stub is None:
        return frozenset()
    body = ast.parse(stub.read_text(encoding="utf-8")).body
    names = [{name for name in defined(body, platform) if name[0] != "_"} for platform in PLATFORMS]
    missing = {name for name in set[str]().union(*names) if not all(name in there for there in names)}
    return frozenset(missing | ({ANY} if missing and not all(names) else set()))


def uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every use of what a system lacks that no question of the system stands around or before."""
    yield from _in_nodes([tree], frozenset())


def _in_nodes(nodes: Sequence[ast.AST], excused: frozenset[str]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        yield from ((line, name) for line, name in _of(node) if not {ANY, name, name[0]} & excused)
        asked: frozenset[str] = frozenset()
        if isinstance(node, ast.If | ast.IfExp):
            asked = _asked(node.test)
        elif isinstance(node, ast.Try):
            caught = {ast.unparse(name) for handler in node.handlers if handler.type for name in ast.walk(handler.type)}
            asked = frozenset(kind for kind, error in REFUSED.items() if error in caught)
        for _, child in ast.iter_fields(node):
            children = [one for one in (child if isinstance(child, list) else [child]) if isinstance(one, ast.AST)]
            yield from _in_nodes(children, excused | asked)
        if asked and isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue):
            excused |= asked  # the rest of the block is for the other systems


def _asked(test: ast.expr) -> frozenset[str]:
    """What a test asks for: any name where it asks for the system, the names that `hasattr` asks for."""
    text = ast.unparse(test)
    if "sys.platform" in text or "os.name" in text:
        return frozenset({ANY})
    calls = [node for node in ast.walk(test) if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr"]
    return frozenset(".".join(ast.unparse(argument).strip("'") for argument in call.args) for call in calls)


def _of(node: ast.AST) -> Iterator[tuple[int, str]]:
    """What one node uses that a system lacks: a module, a name of one, a path, a way to start processes."""
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names if ANY in lacking(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.module:
        missing = lacking(node.module)
        yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names if alias.name in missing)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.attr in lacking(node.value.id) and node.value.id in sys.stdlib_module_names:
            yield node.lineno, f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value.startswith(("/dev/", "/proc/", "/sys/", "/tmp", "/bin/", "/usr/")):
            yield node.lineno, node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method, first = node.func.attr, node.args[0] if node.args else None
        if method == "get_context" and not (isinstance(first, ast.Constant) and first.value == "spawn"):
            yield node.lineno, ".get_context"
        if method in ("symlink_to", "hardlink_to", "symlink", "link"):
            yield node.lineno, f".{method}"
        # On Windows the new name must be free; `replace` is the same everywhere.
        if method == "rename" and len(node.args) == 1:
            yield node.lineno, ".rename"


def test_nothing_that_a_system_lacks_without_a_question() -> None:
    breaches = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in FILES
        for line, name in uses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not breaches, "\n".join(breaches)


def test_the_stubs_say_what_systems_lack() -> None:
    assert all(ANY in lacking(module) for module in ("fcntl", "resource", "pwd", "termios", "msvcrt", "winreg"))
    assert {"fork", "getpgid", "sched_getaffinity", "killpg", "startfile", "set_blocking"} <= lacking("os")
    assert {"SIGKILL", "alarm", "pthread_sigmask", "CTRL_C_EVENT"} <= lacking("signal") and "poll" in lacking("select")
    assert not {"getpid", "kill", "replace", "cpu_count", "path"} & lacking("os") and not lacking("json")


def test_a_use_is_found_and_one_that_asks_is_none() -> None:
    found = uses(ast.parse("import os, fcntl\nos.fork()\nif hasattr(os, 'nice'):\n    os.nice(1)\n    os.fork()\n"))
    assert list(found) == [(1, "fcntl"), (2, "os.fork"), (5, "os.fork")]
    caught = "try:\n    a.symlink_to(b)\n    os.nice(1)\nexcept OSError:\n    pass"
    assert list(uses(ast.parse(caught))) == [(3, "os.nice")]
    early = "def f():\n    {}\n    if sys.platform == 'win32':\n        return\n    signal.alarm(1)\n"
    assert not list(uses(ast.parse(early.format("pass"))))
    assert list(uses(ast.parse(early.format("os.nice(1)")))) == [(2, "os.nice")]
    assert list(
        uses(ast.parse("from signal import alarm\nopen('/dev/null')\na.rename(b)\nget.get_context('fork')"))
    ) == [
        (1, "signal.alarm"),
        (2, "/dev/null"),
        (3, ".rename"),
        (4, ".get_context"),
    ]


# Loads all that ours needs, then forgets ours and becomes, as far as that goes, a process on Windows.
AS_ON_WINDOWS = """
import builtins, importlib, os, select, signal, subprocess, sys
modules = {modules!r}
for module in modules: importlib.import_module(module)
for module in [name for name in sys.modules if name.partition(".")[0] == "edgewise"]: del sys.modules[module]
imported = builtins.__import__
def lacking(name, globals=None, *rest, **named):
    if name in {posix!r} and (globals or {{}}).get("__name__", "").startswith("edgewise"):
        raise ModuleNotFoundError(name)
    return imported(name, globals, *rest, **named)
builtins.__import__ = lacking
for module, names in {names!r}.items():
    for name in names: sys.modules[module].__dict__.pop(name, None)
sys.platform, subprocess.CREATE_NEW_PROCESS_GROUP = "win32", 0
for module in modules: importlib.import_module(module)
"""
POSIX_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios")
# What the standard library itself uses on the system that this is run on stays.
POSIX_NAMES = {
    "os": ("fork", "getpgid", "killpg", "register_at_fork", "sched_getaffinity", "set_blocking", "setsid", "uname"),
    "select": ("epoll", "kqueue", "poll"),
    "signal": ("SIGALRM", "alarm", "pthread_kill", "pthread_sigmask", "setitimer"),
}


def as_on_windows(modules: Sequence[str], then: str = "") -> str:
    """What a program prints that imports modules as if on Windows, and then goes on."""
    code = AS_ON_WINDOWS.format(modules=modules, posix=POSIX_MODULES, names=POSIX_NAMES) + then
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_worlds_and_audits_are_imported_where_none_of_it_is() -> None:
    modules = [
        ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
        for package in (*WITHOUT_TORCH, "cli")
        for path in sorted((SRC / package).rglob("*.py"))
        if not beside_a_trainer(path)
    ]
    as_on_windows(modules)


def test_graders_answer_and_are_killed_with_what_windows_has() -> None:
    """Windows ends a tree of processes by a program of its own, which is written down here."""
    told = as_on_windows(
        ["edgewise.tasks.grading"],
        """
from edgewise.tasks.grading import grade, stop
subprocess.run = lambda words, **_: print(*words[:4])
print(grade("operator:add", 2, 3).value)
print(grade("time:sleep", 60, timeout=0.2).failure)
print(grade("time:sleep", 0).failure == "", grade("os:_exit", 3).failure)
stop()
""",
    )
    end = "taskkill /F /T /PID"
    lines = ["5", end, "no verdict in 0.2 s", end, "True the grader ended with exit status 3", end, end]
    assert sorted(told.splitlines()) == sorted(lines)


def text_files(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    """Line, "read" or "write" and the call of every place where a file, or what a process says, is text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in ("read_text", "write_text") and isinstance(node.func, ast.Attribute):
            yield node.lineno, name.partition("_")[0], node
        elif name == "open":
            place = 1 if isinstance(node.func, ast.Name) else 0
            mode = given.get("mode", node.args[place] if len(node.args) > place else ast.Constant("r"))
            if isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) <= set("rwax+t"):
                yield node.lineno, "read" if "r" in mode.value else "write", node
        elif name in ("run", "Popen", "check_output") and "text" in given:
            yield node.lineno, "read", node


def test_every_text_file_is_opened_with_its_encoding_and_written_with_line_feeds() -> None:
    """On Windows the encoding is not UTF-8 where none is named, and lines end with two characters: other bytes."""
    breaches = [
        f"{path.relative_to(ROOT)}:{line}: no {what}"
        for path in FILES
        for line, does, call in text_files(ast.parse(path.read_text(encoding="utf-8")))
        for what in ("encoding", *(["newline"] if does == "write" else []))
        if what not in {keyword.arg for keyword in call.keywords}
    ]
    assert not breaches, "\n".join(breaches)
