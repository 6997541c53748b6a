"""The released scorer's decisions: what it reads in a text, what it forgives, what it gets wrong, and how often."""

from __future__ import annotations

import random
import re
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import Score
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.graph.paper_compat import Reading, read_solution, verify_paper_compat
from edgewise.tasks.graph.released_verifier import verify_released
from tests.bounded import bounded
from tests.tasks.graph.mutations import renamed
from tests.tasks.graph.rows import ROWS, Row, all_rows

# Per cent of renamed gold solutions of reverse problems that the scorer passes, measured with the scorer itself on
# 47 to 80 problems of the released generator an op, each renamed 128 times.
PUBLISHED = {4: 95, 6: 92, 8: 62, 10: 35, 12: 27, 14: 12, 17: 13, 20: 3}
PUBLISHED_ERROR = 5
GOLD = (
    "Define adult owl in Pine Ridge as k; so k = 3. "
    "Define adult crow in Pine Ridge as B; r = k = 3; so B = 2 * r = 2 * 3 = 6. "
    "Define total number of adult animals in Pine Ridge as z; so z = k + B = 3 + 6 = 9. Answer: 9."
)
OWL, CROW, TOTAL = "adult owl in Pine Ridge", "adult crow in Pine Ridge", "total number of adult animals in Pine Ridge"


def passed(text: str, gold: str = GOLD) -> bool:
    return verify_paper_compat(gold, text).process_correct


def only(text: str) -> tuple[float | None, set[str]]:
    """Value and parents of the quantity "a c" in a text that first gives k (owl) the value 3."""
    found = read_solution(f"Define owl as k; so k = 3. Define a c as Q; {text}")
    return found.values["a c"], {*found.parents["a c"]}


# ---- What it reads


def test_a_solution_is_names_values_and_parents() -> None:
    assert read_solution(GOLD) == Reading(
        values={OWL: 3, CROW: 6, TOTAL: 9},
        parents={OWL: frozenset(), CROW: frozenset({OWL}), TOTAL: frozenset({OWL, CROW})},
        order=(OWL, CROW, TOTAL),
        answer=9,
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 3. Answer: 4.", 3),
        ("Answer: 3. <answer> 4 </answer>", 4),
        ("<ANSWER>-4.5", -4.5),
        ("<answer> four </answer> Answer:+7", 7),
        ("<answer> four <answer> 5", 5),
        ("answer: 3", None),
        ("Answer: x", None),
        ("Answer : 3", None),
    ],
)
def test_the_answer_is_the_first_tagged_number_else_the_first_after_answer(text: str, answer: float | None) -> None:
    assert read_solution(text).answer == answer


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("define  adult\nowl AS k; so", ("adult owl",)),
        ("Define adult owl a k; so", ("adult owl",)),
        ("Define adult owl as the letter k; so", ("adult owl",)),
        ("Define adult owl as letter 1 k; so", ()),
        ("Define adult owl as kk; so", ()),
        ("Define adult owl as k ; so", ()),
        ("Define . adult\ufffd owl; as k; so", ("adult owl",)),
        ("Define this. Define adult owl as k; so", ("adult owl",)),
        ("So Define adult <b>owl</b> as k; Define as as m;", ("adult owl", "as")),
        ("Define owl as k;Define crow as m;", ("owl", "crow")),
        ("Define owl as as k;", ("owl",)),
        ("Redefine owl as k;", ("owl",)),
        ("Define as k;", ()),
        ("Define  as k;", ("",)),
    ],
)
def test_definitions(text: str, names: tuple[str, ...]) -> None:
    assert read_solution(text).order == names


@pytest.mark.parametrize(
    ("text", "value", "parents"),
    [
        ("so Q = k + 1 = 4.", 4, {"owl"}),
        ("so Q = k + 1.", 4, {"owl"}),
        ("so Q = 1 + 1 = k.", 3, {"owl"}),
        ("so Q = 2 * (k - 1).", 4, {"owl"}),
        ("so Q = 2 ** k // 3.", 2, {"owl"}),
        ("so Q = k k 7.", 7, {"owl"}),
        ("so Q = 5 + m.", 5, set()),
        ("so Q = m + n.", None, set()),
        ("so Q = 07.", 7, set()),
        ("so Q = 1 / 0.", 0, set()),
        ("so Q = 2.5.", 2, set()),
        ("r = k = 3; so Q = 2 * r = 6.", 6, {"owl"}),
        ("r = k; r = 2; so Q = 2 * r.", 4, {"owl"}),
        ("Q = k; so Q = 2.", 2, {"owl"}),
        ("so Q = k; Q = m; that is 8.", 3, {"owl"}),
        ("we look at 5 and -7.", -7, set()),
        ("it is what it was.", None, set()),
        ("so Q = 4 and we know why. It took 9.", 4, {"owl"}),
        ("so Q = 4. Answer: k = 1; Q = 5.", 4, set()),
        ("so q=Q=4 and Q = k.", 4, set()),
    ],
)
def test_values_and_parents(text: str, value: float | None, parents: set[str]) -> None:
    assert only(text) == (value, parents)


def test_letters_of_words_count_as_parents_and_that_is_the_fault() -> None:
    gold = "Define owl as k; so k = 3. Define crow as B; so B = 6, that is luck. Answer: 6."
    assert read_solution(gold).parents["crow"] == {"owl"}
    assert passed(gold, gold)
    assert not passed(re.sub(r"\bk\b", "q", gold), gold)
    assert passed(re.sub(r"\bk\b", "t", gold), gold)


def test_the_last_definition_of_a_name_and_of_a_letter_counts() -> None:
    found = read_solution(
        "Define owl as k; so k = 3. Define owl as k; so k = 4. Define crow as k; so k = 5. Define emu as m; so m = k."
    )
    assert found.values == {"owl": 4, "crow": 5, "emu": 5}
    assert found.parents["emu"] == {"crow"}


def test_what_has_no_value_is_tried_again_with_all_that_is_known_in_the_end() -> None:
    found = read_solution(
        "Define owl as k; so k = m. Define crow as m; so m = 5. Define emu as Q; it is. Define yak as Q; so Q = 2."
    )
    assert found.values == {"owl": 5, "crow": 5, "emu": 2, "yak": 2}
    assert found.parents["owl"] == frozenset()
    # Then a letter that was used twice has the value of the last step before the one that is tried.
    found = read_solution(
        "Define owl as Q; Q = 2. Define emu as m; m = n + Q. Define crow as Q; Q = 5. Define yak as n; n = 1."
    )
    assert found.values == {"owl": 2, "emu": 3, "crow": 5, "yak": 1}


# ---- What it decides


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("", "", True),
        (" Answer: 9.", " </solution> <answer> 9 </answer>", True),
        ("Define adult owl", "Let us see. Define two owls as q; q = 7. Define adult owl", True),
        ("3 + 6 = 9.", "9.", True),
        ("3 + 6 = 9.", "4 + 4 = 9.", True),
        ("2 * r = 2 * 3", "7 * r = 2 * 3", True),
        ("B = 2 * r", "B = 2 * k", True),
        ("2 * 3 = 6.", "2 * 3 = 7.", False),
        ("z = k + B", "z = B + 3", False),
        ("adult crow in Pine Ridge as", "adult crow in Maple Creek as", False),
        ("Answer: 9", "Answer: 8", False),
        ("Answer: 9", "Answer: 9.0000001", True),
    ],
)
def test_it_compares_values_parents_and_the_answer(old: str, new: str, verdict: bool) -> None:
    assert passed(GOLD.replace(old, new) if old else GOLD) is verdict


@pytest.mark.parametrize(
    ("text", "marks", "step", "reason"),
    [
        (GOLD.replace(" Answer: 9.", ""), (Score.UNSCORABLE, Score.UNSCORABLE), None, "no answer"),
        (GOLD + " " * MAX_CHARACTERS, (Score.UNSCORABLE, Score.UNSCORABLE), None, "over"),
        (GOLD.replace("Answer: 9", "Answer: 8"), (Score.WRONG, Score.WRONG), 3, "the answer differs"),
        (GOLD.replace("= 6.", "= 7."), (Score.CORRECT, Score.WRONG), 1, "has another value"),
        (GOLD.replace("z = k", "z = 3"), (Score.CORRECT, Score.WRONG), 2, "has other parents"),
        (GOLD.partition("Define total")[0] + "Answer: 9.", (Score.CORRECT, Score.WRONG), 2, "is missing"),
    ],
)
def test_verdicts_say_where_and_why(text: str, marks: tuple[Score, Score], step: int | None, reason: str) -> None:
    verdict = verify_paper_compat(GOLD, text)
    assert ((verdict.answer, verdict.process), verdict.first_wrong_step) == (marks, step)
    assert reason in verdict.reason


def test_gold_solutions_pass_in_either_form() -> None:
    for row in ROWS:
        gold = row["solution"]
        body, _, answer = gold.removesuffix(".").rpartition(" Answer: ")
        assert passed(gold, gold)
        assert passed(f" {body} </solution> <answer> {answer} </answer>", gold)


# ---- How often it is wrong


def rates(rows: list[Row], op: int, times: int) -> list[float]:
    """Per problem, the per cent of its renamed gold solutions that pass."""
    found = []
    for i, row in enumerate(rows):
        if row["op"] == op and row["mode"] == "forwardreverse":
            texts = [renamed(row["solution"], random.Random(1000 * i + k)) for k in range(times)]
            found.append(100 * sum(passed(text, row["solution"]) for text in texts) / times)
    return found


def agrees(op: int, found: list[float]) -> None:
    # Both are means over problems, and problems differ far more than the renamings of one do: a rate whose mean is p
    # has a standard deviation of at most sqrt(p(1-p)) over problems, typically half of that. The published mean is
    # good to 5 points; to it comes the largest standard error that ours can have.
    p = PUBLISHED[op] / 100
    assert len(found) == 15
    assert abs(statistics.fmean(found) - PUBLISHED[op]) <= PUBLISHED_ERROR + 100 * (p * (1 - p) / len(found)) ** 0.5


def test_renamed_reverse_solutions_fail_as_often_as_published() -> None:
    rows = all_rows()
    mean = {}
    for op in PUBLISHED:
        found = rates(rows, op, times=16)
        agrees(op, found)
        mean[op] = statistics.fmean(found)
    assert mean[4] > mean[8] > mean[12] > mean[20]
    assert abs(statistics.fmean(mean.values()) - statistics.fmean(PUBLISHED.values())) < PUBLISHED_ERROR


@pytest.mark.slow
def test_renamed_reverse_solutions_fail_as_often_as_published_with_128_renamings() -> None:
    for op in PUBLISHED:
        agrees(op, rates(all_rows(), op, times=128))


def test_renamed_forward_solutions_all_pass_and_verified_passes_both() -> None:
    for i, row in enumerate(ROWS):
        for k in range(4):
            text = renamed(row["solution"], random.Random(1000 * i + k))
            assert row["mode"] == "forwardreverse" or passed(text, row["solution"])
            assert verify_released(row, text).process_correct


def test_without_the_equation_renamed_solutions_all_pass() -> None:
    for i, row in enumerate(ROWS):
        for k in range(4):
            gold, answer = row["solution"].partition(" We know ")[0], row["solution"].rpartition(" ")[2]
            assert passed(f"{renamed(gold, random.Random(k + i))} Answer: {answer}", f"{gold} Answer: {answer}")


# ---- Time, and the parts that differ from the obvious way of writing them

_WORDS = st.sampled_from(
    [
        *("Define", "define", "preDefine", "as", "a", "As", "k;", "B;so", "k;Define", "a;", "3;", "k", "\u00e9", "owl"),
        *("sci-fi", ".", "Answer:", "<b>"),
    ]
)


@given(st.lists(st.tuples(_WORDS, st.sampled_from([" ", " ", "  ", "\n"])).map("".join), max_size=25).map("".join))
@settings(deadline=None, max_examples=500)
def test_definitions_are_those_of_one_regular_expression(text: str) -> None:
    text = re.sub(r"<[^>]+>", "", text).strip()
    pattern = r"define\s+(.*?)\s+as?\s+(?:[a-z]+\s+)*([a-z]);"
    found = [match[1] for match in re.finditer(pattern, text, re.IGNORECASE | re.DOTALL)]
    expected = [
        re.split(r"\bdefine\s+", " ".join(name.split()).strip(" .;"), flags=re.IGNORECASE)[-1].strip(" .;")
        for name in found
    ]
    assert list(read_solution(text).order) == expected


@given(st.text(alphabet="<>ab \n", max_size=40))
def test_tags_are_cut_out(text: str) -> None:
    cleaned = re.sub(r"<[^>]+>", "", text)
    # Tags are gone before anything else is read, so cutting them first changes nothing but the tagged answer.
    assert (
        read_solution(f"{text} Define x{text} as k;").order == read_solution(f"{cleaned} Define x{cleaned} as k;").order
        or "<" in cleaned
    )


HOSTILE = [
    "Define " * 14_000,
    "Define a " * 11_000,
    "Define q as k; " * 6_000,
    "as k; " * 16_000,
    "a " * 45_000 + "k;",
    "<" * 90_000,
    "<answer> " * 10_000,
    "Answer: " + "9" * 90_000,
    "k" + " " * 90_000,
    "k = " * 20_000,
    "Define k as k; k = " + "k+" * 40_000 + "k",
    "Define k as k; k = " + "-" * 80_000 + "1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    with bounded(1):
        read_solution(text)
    assert len(verify_paper_compat(GOLD, text).reason) < 200
