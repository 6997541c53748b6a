"""Digest of a person's own code: what a class from outside this package does, read from its source.

A stage's result depends on the code of the worlds, rewards, advantages, losses and stages that it names. Ours is told
apart by the `version` that we bump by hand. That of other people is read: an edited verifier is another stage.

**Covered** are the top-level statements that the class uses, directly or through others, in its own file and in the
modules that it imports: those beside it or on the path, and for an installed package those of this package. Statements
that run when a file is imported, such as `TABLE["x"] = 1`, are covered too. Layout, comments, docstrings and what
the class does not use make no difference.

**Not covered** are other installed packages, what is looked up by a name made at run time, what registers itself by
being a subclass, and files that the code reads: a world names such a file by a digest of its content, as
`edgewise.tasks.Questions` does.

The digest holds no path, so it is the same in every process and on every machine.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from edgewise.core.errors import InputError

_OURS = __name__.partition(".")[0]
_EVERYTHING = "*"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@cache
def code_digest(kind: type) -> str:
    """16 hexadecimal digits of the code of a class from outside this package; "" for one of ours.

    It is read once in a process. InputError where there is no source: for a class of a notebook or a prompt.
    """
    if kind.__module__.partition(".")[0] == _OURS:
        return ""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None or not file.endswith(".py"):
        raise InputError(
            f"{kind.__qualname__}: is in no .py file, and results depend on its code; put it into one and import it"
        )
    forms = sorted(json.dumps(form) for form in _used(Path(file).absolute(), _top_level_name(kind)))
    return hashlib.sha256(json.dumps(forms).encode()).hexdigest()[:16]


@cache
def source_digest(module: str) -> str:
    """16 hexadecimal digits of all the code of an imported module: everything but layout, comments and docstrings.

    InputError where it is in no .py file.
    """
    file = getattr(sys.modules[module], "__file__", None)
    if file is None or not file.endswith(".py"):
        raise InputError(f"{module}: is in no .py file, and a digest covers its code; put it into one and import it")
    statements = [one for one in ast.parse(Path(file).read_bytes()).body if not _is_text(one)]
    return hashlib.sha256(json.dumps([_form(one) for one in statements]).encode()).hexdigest()[:16]


def same_definition(one: type, other: type) -> bool:
    """Whether two classes are one definition: of one module, or of one file that was loaded under two names.

    A file is, where one part of a program imports it and another loads it by its path.
    """
    if one.__qualname__ != other.__qualname__:
        return False
    files = [getattr(sys.modules.get(kind.__module__), "__file__", None) for kind in (one, other)]
    same_file = None not in files and len({Path(file).resolve() for file in files if file}) == 1
    return one.__module__ == other.__module__ or same_file


def _is_text(statement: ast.stmt) -> bool:
    """Whether it is a text that stands alone: the docstring of a module or of the name before it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _top_level_name(kind: type) -> str:
    """Of a class within a function, the function; of a generic class with its parameters, the class."""
    return kind.__qualname__.partition(".")[0].partition("[")[0]


class _Statement(NamedTuple):
    """A top-level statement of a file; of an import, the one name."""

    file: Path
    statement: ast.stmt
    alias: ast.alias | None = None


class _Module(NamedTuple):
    """The statements of a file by the names that they bind, and those that run when it is imported."""

    bindings: dict[str, list[_Statement]]
    effects: list[_Statement]


def _used(file: Path, name: str) -> Iterator[Any]:
    """The form of every statement that a name of a file uses, each once."""
    names, seen, taken = [(file, name)], {(file, name)}, set()
    while names:
        file, name = names.pop()
        for one in _statements(_module(file), name):
            place = (file, one.statement.lineno, one.statement.col_offset, one.alias and one.alias.name)
            if place in taken:
                continue
            taken.add(place)
            yield _form(one.statement) if one.alias is None else _form_of_import(one.statement, one.alias)
            for more in _names(one):
                if more not in seen:
                    seen.add(more)
                    names.append(more)


def _statements(module: _Module, name: str) -> Iterator[_Statement]:
    """What binds a name, and what runs in any case. All where no statement binds it: it came in another way."""
    yield from module.effects
    yield from module.bindings.get(_EVERYTHING, ())
    if name in module.bindings:
        yield from module.bindings[name]
    else:
        for statements in module.bindings.values():
            yield from statements


def _names(one: _Statement) -> Iterator[tuple[Path, str]]:
    """The names that a statement uses, each with its file."""
    if one.alias is not None:
        assert isinstance(one.statement, _IMPORTS)
        yield from _imported(one.file, one.statement, one.alias)
        return
    bindings = _module(one.file).bindings
    for node in ast.walk(one.statement):
        if isinstance(node, ast.Name) and node.id in bindings:
            yield one.file, node.id
        elif isinstance(node, _IMPORTS):
            for alias in node.names:
                yield from _imported(one.file, node, alias)


def _imported(importer: Path, statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Iterator[tuple[Path, str]]:
    """The name of a file that an import takes, where the file is a person's own."""
    if isinstance(statement, ast.Import):
        if file := _file_of(alias.name, 0, importer):
            yield file, _EVERYTHING
        return
    module = statement.module or ""
    file = _file_of(module, statement.level, importer)
    if file and (alias.name == _EVERYTHING or alias.name in _module(file).bindings):
        yield file, alias.name
    elif submodule := _file_of(f"{module}.{alias.name}", statement.level, importer):
        yield submodule, _EVERYTHING
    elif file:
        yield file, _EVERYTHING


@cache
def _module(file: Path) -> _Module:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{file}: cannot be read, and results depend on its code ({error})") from None
    bindings: dict[str, list[_Statement]] = {}
    effects = []
    for statement in tree.body:
        if isinstance(statement, ast.If) and ("'__main__'" in (test := ast.dump(statement.test))):
            continue  # no import runs it
        bound = list(_bound(statement))
        for name, alias in bound:
            bindings.setdefault(name, []).append(_Statement(file, statement, alias))
        only_types = isinstance(statement, ast.If) and "'TYPE_CHECKING'" in test
        compound = isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try) and not only_types
        if compound or not bound:
            effects.append(_Statement(file, statement))
    for one in [one for one in effects if _calls_other_code(one, bindings)]:
        # It can change only what it names.
        effects.remove(one)
        for name in _loaded(one.statement) & bindings.keys():
            if not isinstance(bindings[name][0].statement, _IMPORTS):
                bindings[name].append(one)
    loaded = _loaded(tree)
    for name, statements in bindings.items():
        for one in statements:
            for_its_effect = isinstance(one.statement, ast.Import) and name not in loaded
            if _registers(one, bindings) or (for_its_effect and _is_own_import(one)):
                effects.append(one)
    return _Module(bindings, effects)


def _bound(statement: ast.stmt) -> Iterator[tuple[str, ast.alias | None]]:
    """The names that a top-level statement binds; `*` for all that another module has."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name, None
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, None
        elif isinstance(node, _DEFINITIONS):
            yield node.name, None
        elif isinstance(node, _IMPORTS):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias if node is statement else None


def _registers(one: _Statement, bindings: dict[str, list[_Statement]]) -> bool:
    """Whether a definition has a decorator of the person's own, which may enter it into a table."""
    if not isinstance(one.statement, _DEFINITIONS):
        return False
    names = {name for decorator in one.statement.decorator_list for name in _loaded(decorator)}
    return any(b.alias is None or _is_own_import(b) for name in names for b in bindings.get(name, ()))


def _calls_other_code(one: _Statement, bindings: dict[str, list[_Statement]]) -> bool:
    """Whether it is a call and nothing else, of what is imported from other people or us: `register_measure(...)`."""
    if not (isinstance(one.statement, ast.Expr) and isinstance(one.statement.value, ast.Call)):
        return False
    names = _loaded(one.statement.value.func) & bindings.keys()
    return not any(b.alias is None or _is_own_import(b) for name in names for b in bindings[name])


def _loaded(node: ast.AST) -> set[str]:
    return {within.id for within in ast.walk(node) if isinstance(within, ast.Name)}


def _is_own_import(one: _Statement) -> bool:
    if isinstance(one.statement, ast.ImportFrom):
        module, level = one.statement.module or "", one.statement.level
        return bool(level) or _file_of(module, level, one.file) is not None
    return one.alias is not None and _file_of(one.alias.name, 0, one.file) is not None


def _form(node: Any) -> Any:
    """A syntax tree as lists: without positions, docstrings and what is empty, so that all versions of Python agree."""
    if isinstance(node, list):
        return [_form(item) for item in node]
    if not isinstance(node, ast.AST):
        return node if node is None or isinstance(node, str | int) else repr(node)
    fields: list[Any] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if isinstance(node, _DEFINITIONS) and name == "body" and ast.get_docstring(node, clean=False) is not None:
            value = value[1:]
        if value is not None and value != []:
            fields.append([name, _form(value)])
    return fields


def _form_of_import(statement: ast.stmt, alias: ast.alias) -> Any:
    module = statement.module if isinstance(statement, ast.ImportFrom) else None
    return ["import", module, alias.name, alias.asname]


@cache
def _file_of(module: str, level: int, importer: Path) -> Path | None:
    """The file of a module that a file imports, where it is a person's own; None for other people's and ours."""
    parts = [part for part in module.split(".") if part]
    folder = importer.parents[level - 1] if level else _folder_of(parts[0])
    if folder is None:
        return None
    package = folder.joinpath(*parts, "__init__.py")
    candidates = [package, folder.joinpath(*parts[:-1], f"{parts[-1]}.py")] if parts else [package]
    file = next((file for file in candidates if file.is_file()), None)
    return file if file and _package(file) in (None, _package(importer)) else None


def _folder_of(top: str) -> Path | None:
    """The folder that holds a top-level module which is neither ours nor Python's."""
    if top == _OURS or top in sys.stdlib_module_names:
        return None
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations))).absolute().parent
    return Path(found.origin).absolute().parent if found.origin and found.has_location else None


def _package(file: Path) -> str | None:
    """The name of the installed package that a file belongs to; None for a file outside of the installed ones."""
    for folder, name in zip(file.parts, file.parts[1:], strict=False):
        if folder in ("site-packages", "dist-packages"):
            return name.removesuffix(".py")
    return None
