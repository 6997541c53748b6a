"""`--map` names the columns of a file, and says in one line what is wrong with it."""

from __future__ import annotations

import pytest

from edgewise.core.errors import InputError
from edgewise.interop.column_map import column_map, parse_column_map


def test_documented_and_short_names_are_understood() -> None:
    assert parse_column_map("id=qid, correct = score") == {"problem": "qid", "correct": "score"}
    assert parse_column_map("problem_id=q,process_correct=p,score=r") == {"problem": "q", "process": "p", "score": "r"}
    assert parse_column_map("correct=a=b") == {"correct": "a=b"}
    assert column_map({"id": "qid"}) == column_map({"problem": "qid"}) == {"problem": "qid"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "--map: '' is no pair; write COLUMN=NAME pairs such as id=qid,correct=score"),
        ("qid", "--map: 'qid' is no pair"),
        ("id=qid,", "--map: '' is no pair"),
        ("id=", "--map: 'id=' is no pair"),
        ("id=a,id=b", "--map: id stands twice; a column has one name"),
        ("id=a,problem_id=b", "--map: problem_id is the problem again; a column has one name"),
        ("corect=a", "--map: 'corect' is unknown (did you mean correct?); there are answer, "),
        ("graded_by=a", "--map: 'graded_by' is unknown"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_column_map(text)
    assert str(refused.value).startswith(said)
