"""The claim that exposure seeds transfer: its new setting, and what its rule says of planted findings."""

from __future__ import annotations

import pytest

from edgewise.claims.exposure import CLAIM, GOLD, HALF, NONE, SEEDED, TENTH, TRACE, WITHOUT, new_setting
from edgewise.claims.ledger.nano import nano_world

from .ledger.planted import planted_verdict

# Study and arm -> success rate in the new setting; what is not named is as the base.
BASE = 0.02
AS_PUBLISHED = {(SEEDED, HALF): 0.6, (SEEDED, TENTH): 0.6, (NONE, GOLD): 0.6}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(SEEDED, HALF): BASE}, "does not hold"),
        ({(TRACE, HALF): 0.6}, "does not hold"),
        ({(SEEDED, WITHOUT): 0.6}, "does not hold"),
        ({(SEEDED, HALF): 0.03}, "cannot tell"),
        ({(NONE, GOLD): BASE}, "cannot tell"),
    ],
    ids=["as published", "no transfer", "a trace is enough", "without it", "half is open", "no positive control"],
)
def test_planted_findings(changed: dict[tuple[str, str], float], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    assert planted_verdict(CLAIM, lambda study, arm, region: rates.get((study, arm), BASE)).answer == answer


def test_the_new_setting_has_the_same_skill_and_no_name_of_the_first() -> None:
    first, other = nano_world(1, 5), new_setting(1, 5)
    assert {word for word in first.words() if word.isalpha()} & set(other.words()) == {"answer"}
    for index in range(50):
        problem = other.problem("test", 0, index)
        solution = other.solution(problem)
        assert other.verify(problem, solution).process_correct
        assert set(f"{problem.prompt} {solution}".split()) <= set(other.words())
        letters = dict(zip("klmnopqrst", "abcdefghij", strict=True))
        renamed = " ".join(letters.get(word, word) for word in solution.split())
        assert not other.verify(problem, renamed).process_correct


def test_both_settings_split_their_problems_alike() -> None:
    """A problem that is trained on in one setting is tested in neither."""
    first, other = nano_world(2, 3), new_setting(2, 3)
    trained = {first.problem("train", 0, index).id for index in range(300)}
    tested = {other.problem("test", 0, index).id for index in range(300)}
    assert trained and tested and not trained & tested
