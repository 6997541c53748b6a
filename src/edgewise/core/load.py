"""Import the object that MODULE:NAME or FILE.py:NAME names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError


def load_object(name: str, what: str) -> Any:
    """Import the object at MODULE:NAME or FILE.py:NAME; InputError, which calls it `what`, where there is none."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        raise InputError(f"{name}: write MODULE:{what.upper()} or FILE.py:{what.upper()}")
    try:
        if place.endswith(".py"):
            stem = Path(place).stem
            if "." in stem or _is_other_module(stem):
                raise InputError(
                    f"{place}: workers import it as {stem!r}, which is no name or another module's; rename it"
                )
            # Worker processes import the file by its name, so its folder goes first, as where a script is run.
            if (folder := str(Path(place).resolve().parent)) not in sys.path:
                sys.path.insert(0, folder)
            spec = importlib.util.spec_from_file_location(stem, place)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            # Pydantic resolves annotations through sys.modules.
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        raise InputError(f"{place}: not found ({error})") from None
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise InputError(f"{place}: has no {what} {attribute!r}") from None


def _is_other_module(name: str) -> bool:
    """Whether Python, this package or an installed one has a module of this name."""
    if name == __name__.partition(".")[0] or name in sys.stdlib_module_names:
        return True
    try:
        found = importlib.util.find_spec(name)
    except ValueError:
        return False
    return found is not None and bool({"site-packages", "dist-packages"} & set(Path(found.origin or "").parts))
