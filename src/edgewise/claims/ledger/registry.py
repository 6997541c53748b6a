"""The claims of this package: every module directly in `edgewise.claims` is one and has `CLAIM`."""

from __future__ import annotations

import importlib
import pkgutil

from edgewise import claims
from edgewise.claims.ledger.claim import Claim
from edgewise.core.errors import unknown_name


def claim_names() -> list[str]:
    """The names of all claims, sorted: those of their modules, with hyphens."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(claims.__path__) if not module.ispkg)


def claim_named(name: str) -> Claim:
    """The claim of this name; InputError where there is none."""
    if name not in claim_names():
        raise unknown_name("NAME", name, claim_names(), "`edgewise claims` lists them")
    claim: Claim = importlib.import_module(f"{claims.__name__}.{name.replace('-', '_')}").CLAIM
    return claim
