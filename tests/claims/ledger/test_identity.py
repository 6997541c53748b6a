"""The digest of a claim changes with everything that could be chosen after the fact, and with nothing else."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgewise.claims.ledger import identity, quantities, rule
from edgewise.claims.ledger.claim import Claim, check_seeds
from edgewise.claims.ledger.identity import claim_digest
from edgewise.core.errors import InputError
from edgewise.core.own_code import source_digest
from edgewise.core.spec import override
from edgewise.study.equal_compute import EqualCompute
from edgewise.study.stages import RL, Evaluate
from edgewise.study.study import Study
from tests.tiny import EASY, RECIPE

from . import toy_claim
from .toy_claim import CLAIM

SEEDS = (0, 1, 2)


def digest_of(claim: Claim, scale: str = "nano", seeds: tuple[int, ...] = SEEDS) -> str:
    return claim_digest(claim, scale, claim.studies(scale, seeds))


def changed_study(**changes: Any) -> Callable[[str, tuple[int, ...]], Mapping[str, Study]]:
    def studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
        return {name: replace(study, **changes) for name, study in toy_claim.studies(scale, seeds).items()}

    studies.__module__ = toy_claim.__name__
    return studies


def first(field: str, **changes: Any) -> dict[str, Any]:
    """A field of the toy claim whose first item is changed."""
    one, *others = getattr(CLAIM, field)
    return {field: (one.model_copy(update=changes), *others)}


CHANGES: dict[str, dict[str, Any]] = {
    "statement": {"statement": "Another."},
    "published number": first("published", value="+99"),
    "fault": first("published", fault=""),
    "design": {"design": "Two temperatures."},
    "scouted": {"scouted": "Much."},
    "planned seeds": {"seeds": {"toy": 3, "nano": 5}},
    "k": first("quantities", k=2),
    "metric": first("quantities", metric="answer"),
    "one quantity more": {"quantities": (*CLAIM.quantities, CLAIM.quantities[0].model_copy(update={"name": "twin"}))},
    "margin": first("predictions", above=0.01),
    "planned effect": first("predictions", plan=toy_claim.PLAN.model_copy(update={"scatter": 0.06})),
    "control": first("controls", above=0.1),
    "region": {"studies": changed_study(regions={"inside": range(1, 3)})},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_it_changes_with_every_number_and_study(changes: dict[str, Any]) -> None:
    assert digest_of(replace(CLAIM, **changes)) != digest_of(CLAIM)


def test_it_changes_with_what_must_have_equal_compute() -> None:
    def tuned(learning_rate: float) -> Callable[[int], Evaluate]:
        recipe = override(RECIPE, [f"optimizer.learning_rate={learning_rate}"])
        return lambda seed: toy_claim.evaluated(RL(parent=toy_claim.base(seed), world=EASY, recipe=recipe, seed=seed))

    arms = {"tuned": tuned(1e-3), "faster": tuned(2e-3)}
    digests = [
        digest_of(replace(CLAIM, studies=changed_study(arms=arms, equal_compute=equal)))
        for equal in (None, EqualCompute(slack=0.2), EqualCompute(slack=0.3))
    ]
    assert len(set(digests)) == 3


def test_it_is_of_a_scale_and_of_training_seeds() -> None:
    assert len({digest_of(CLAIM), digest_of(CLAIM, "toy"), digest_of(CLAIM, seeds=(0, 1, 2, 3))}) == 3


def test_the_plan_of_another_scale_makes_no_difference() -> None:
    assert digest_of(replace(CLAIM, seeds={"toy": 7, "nano": 3})) == digest_of(CLAIM)


@pytest.mark.parametrize("module", [toy_claim.__name__, quantities.__name__, rule.__name__])
def test_it_changes_with_the_code_of_claim_quantities_and_rule(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of(CLAIM)
    monkeypatch.setattr(identity, "source_digest", lambda name: "edited" if name == module else source_digest(name))
    assert digest_of(CLAIM) != before


CODE = '''"""What it does."""

LIMIT = 5
"""What the limit is."""


def decide(value: float) -> bool:
    """Decide."""
    return value > LIMIT  # strictly
'''


def loaded(path: Path, code: str) -> ModuleType:
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    return module


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("What it does.", "What else it does.", True),
        ("What the limit is.", "Its limit.", True),
        ('    """Decide."""\n', "", True),
        ("  # strictly", "", True),
        ("value > LIMIT", "(value\n            > LIMIT)", True),
        ("LIMIT = 5", "LIMIT = 6", False),
        ("value > LIMIT", "value >= LIMIT", False),
    ],
)
def test_code_is_read_without_its_documentation(tmp_path: Path, old: str, new: str, same: bool) -> None:
    assert old in CODE
    digests = []
    for place, code in enumerate((CODE, CODE.replace(old, new))):
        module = loaded(tmp_path / f"edited_rule_{tmp_path.name.replace('-', '_')}_{place}.py", code)
        digests.append(source_digest(module.__name__))
    assert (digests[0] == digests[1]) == same


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (first("predictions", quantity="gian"), "claim 'toy': quantity: 'gian' is unknown (did you mean gain?)"),
        ({"predictions": ()}, "claim 'toy': needs predictions"),
        ({"controls": CLAIM.controls[:1]}, "claim 'toy': needs a negative control"),
        ({"controls": CLAIM.controls[1:]}, "claim 'toy': needs a positive control"),
        ({"quantities": (*CLAIM.quantities, CLAIM.quantities[0])}, "claim 'toy': two quantities are called 'gain'"),
        ({"seeds": {"nano": 2}}, "claim 'toy': seeds: every scale needs 3 training seeds"),
    ],
)
def test_a_claim_that_could_not_be_decided_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        replace(CLAIM, **changes)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("seeds", "scouting", "message"),
    [
        ((0, 100), False, "--seeds: 100 is one that settings are chosen on"),
        ((1, 2, 3), False, "--seeds: results are of the seeds 0 to N - 1"),
        ((99, 100), True, "--scout: seed 99 is one that results are of"),
    ],
)
def test_results_are_of_seeds_that_nothing_was_chosen_on(seeds: tuple[int, ...], scouting: bool, message: str) -> None:
    with pytest.raises(InputError) as refused:
        check_seeds(seeds, scouting=scouting)
    assert str(refused.value).startswith(message)


def test_seeds_of_results_and_of_scouting_are_taken() -> None:
    check_seeds((0, 1, 2), scouting=False)
    check_seeds((100, 103), scouting=True)
