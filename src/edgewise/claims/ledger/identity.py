"""Digest of a claim at a scale and training seeds: what a result must name to count.

**Covered** are every field of the claim but its planned seeds at other scales; the digests of all stages of its
studies, with their regions, k and the compute they declare equal; and the code of the module of the claim, of those of
its quantities, and of the rule. **Not covered** are comments, docstrings and documentation, and the code of the
estimators, which tests hold to enumeration: the record names the version that computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from edgewise.claims.ledger import quantities, rule
from edgewise.claims.ledger.claim import Claim
from edgewise.claims.ledger.quantities import ClaimQuantity
from edgewise.core.own_code import source_digest
from edgewise.core.spec import Spec, digest, plain
from edgewise.study.study import Study


def claim_digest(claim: Claim, scale: str, studies: Mapping[str, Study]) -> str:
    """16 hexadecimal digits of a claim as it stands, at a scale, with `studies` over the training seeds."""
    content = {
        "claim": [claim.name, claim.statement, claim.work, claim.section, claim.design, claim.scouted],
        "published": [plain(number) for number in claim.published],
        "quantities": [plain(quantity) for quantity in claim.quantities],
        "predictions": [plain(prediction) for prediction in claim.predictions],
        "controls": [plain(control) for control in claim.controls],
        "scale": scale,
        "planned": claim.seeds[scale],
        "studies": {name: _study(study) for name, study in studies.items()},
        "code": {module: source_digest(module) for module in sorted(_modules(claim))},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def _study(study: Study) -> dict[str, Any]:
    """A stage's digest covers its ancestors, so those of the evaluations cover all stages."""
    return {
        "seeds": list(study.seeds),
        "evaluations": {model: digest(evaluation) for model, evaluation in study.evaluations.items()},
        "regions": {name: list(levels) for name, levels in study.regions.items()},
        "k": study.k,
        "equal_compute": None if study.equal_compute is None else asdict(study.equal_compute),
    }


def _modules(claim: Claim) -> set[str]:
    of_quantities = {kind.__module__ for quantity in claim.quantities for kind in _classes(quantity)}
    return {claim.studies.__module__, quantities.__name__, rule.__name__, *of_quantities}


def _classes(value: Spec) -> Iterator[type[Spec]]:
    """The class of a quantity, and of those within it."""
    yield type(value)
    for name in type(value).model_fields:
        if isinstance(inner := getattr(value, name), ClaimQuantity):
            yield from _classes(inner)
