"""lm-evaluation-harness: real samples, with the harness's own scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.interop.writing import FILES, counts, jsonl, only, refused, totals

EXPECTED = json.loads((FILES / "expected_lm_eval.json").read_text())
NAME = "samples_sums_{}_2026-11-22T19-29-47.684506.jsonl"


def test_a_folder_is_one_model_with_a_set_for_each_task() -> None:
    imported = only(FILES / "lm_eval")
    assert totals(imported) == {
        f"{task}/{doc}": tuple(count) for task, docs in EXPECTED.items() for doc, count in docs.items()
    }
    assert imported.model == "tiny"
    assert imported.source == "lm-evaluation-harness samples"
    assert len(imported.files) == 2
    assert imported.outcomes is not None and imported.outcomes.gold is not None
    assert imported.outcomes.gold.tolist() == ["4", "9", "10"] * 2
    assert imported.prompts["sums_four/0"] == "2 + 2 ="
    assert imported.sampling.temperature == (0.0, 0.7)
    assert (imported.sampling.top_p, imported.sampling.max_tokens) == ((0.9,), (16,))


def test_what_the_filter_could_not_read_is_unscorable() -> None:
    found = counts(only(FILES / "lm_eval"))
    # "four" has no digits; "It is 9" and "11" do not say "The answer is".
    assert found.unscorable_P.tolist() == [1, 0, 0, 0, 1, 1]


def test_the_strict_filter_is_read_and_the_choice_is_noted() -> None:
    imported = only(FILES / "lm_eval" / NAME.format("once"))
    assert totals(imported) == {doc: tuple(count) for doc, count in EXPECTED["sums_once"].items()}
    assert imported.warnings == (
        "of the filters flexible-extract, strict-match only 'strict-match' is read: --filter flexible-extract takes "
        "another",
    )
    assert imported.graded_by == ("exact_match,strict-match",)
    flexible = only(FILES / "lm_eval" / NAME.format("once"), filter="flexible-extract")
    assert flexible.graded_by == ("exact_match,flexible-extract",)
    assert not flexible.warnings
    assert refused(FILES / "lm_eval" / NAME.format("once"), filter="x").endswith(
        "filter: no 'x'; there are flexible-extract, strict-match"
    )


def test_completions_are_the_raw_responses_and_answers_the_filtered() -> None:
    imported = only(FILES / "lm_eval" / NAME.format("four"))
    assert {example.text for example in imported.examples if example.problem_id == "0"} == {"The answer is 4", "5"}
    assert imported.outcomes is not None
    assert imported.outcomes.answers == ("4", "5", "9", "8", "11", "12", "13", "14")


def test_without_its_results_the_model_has_no_name(tmp_path: Path) -> None:
    shutil.copy(FILES / "lm_eval" / NAME.format("four"), tmp_path)
    assert only(tmp_path).model is None


def rows(**changed: Any) -> list[dict[str, Any]]:
    whole: dict[str, Any] = {
        "doc_id": 0,
        "resps": [["a", "b"]],
        "filtered_resps": [["a", "b"]],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": [1.0, 0.0],
    }
    return [whole, {"doc_id": 1} | {name: value for name, value in (whole | changed).items() if name != "doc_id"}]


def test_of_several_metrics_one_is_the_verdict(tmp_path: Path) -> None:
    both = rows(metrics=["acc_norm", "exact_match"], acc_norm=[1, 1])
    both[0] = both[1] | {"doc_id": 0}
    file = jsonl(tmp_path / "a.jsonl", both)
    assert totals(only(file)) == {"0": (2, 1), "1": (2, 1)}
    says = "of the metrics acc_norm, exact_match the verdict is 'exact_match': --score acc_norm takes another"
    assert says in only(file).warnings
    assert totals(only(file, score="acc_norm")) == {"0": (2, 2), "1": (2, 2)}


def test_a_kept_first_response_is_one_sample(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", rows(filtered_resps=["a"], exact_match=1.0)[1:])
    imported = only(file)
    assert totals(imported) == {"1": (1, 1)}
    assert "of 2 responses the filter kept 1; the others have no verdict" in imported.notes


def test_choices_of_one_question_are_one_sample(tmp_path: Path) -> None:
    choices = rows(
        resps=[[["-1.0", "True"]], [["-2.0", "False"]]], filtered_resps=[["-1.0"], ["-2.0"]], exact_match=1.0
    )
    assert totals(only(jsonl(tmp_path / "a.jsonl", choices[1:]))) == {"1": (1, 1)}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"exact_match": 0.3}, "exact_match: 0.3 is no mean of 2 verdicts; log one value for each response"),
        ({"exact_match": [1, 0, 0]}, "exact_match: 3 values for 2 responses; log one value for each response"),
        ({"exact_match": [0.5, 1]}, "score: 0.5 is graded; give a threshold"),
        ({"exact_match": ["yes", 1]}, "score: 'yes'; use a finite number"),
        ({"filtered_resps": "a"}, "resps, filtered_resps: not lists of one length"),
        ({"filter": 3}, "filter: 3; a filter is a name"),
        ({"doc_id": None}, "problem: empty; every row needs it"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    bad = rows()
    bad[1] |= changed
    assert refused(jsonl(tmp_path / "a.jsonl", bad)).startswith(f"a.jsonl: line 2: {says}")


def test_a_missing_metric_is_named(tmp_path: Path) -> None:
    assert "no metric 'bleu'; there are doc_id, resps" in refused(jsonl(tmp_path / "a.jsonl", rows()), score="bleu")
    bare = [{name: value for name, value in row.items() if name not in ("metrics", "exact_match")} for row in rows()]
    assert "score: not named; name one of the metrics" in refused(jsonl(tmp_path / "a.jsonl", bare))


def test_lines_without_a_response_are_refused(tmp_path: Path) -> None:
    empty = rows(resps=[[]], filtered_resps=[[]], exact_match=[])[1:]
    assert refused(jsonl(tmp_path / "a.jsonl", empty)) == "a.jsonl: no sample; a row is one sample"


def voting() -> list[dict[str, Any]]:
    """Two documents of three responses, by a filter that keeps the first and one that votes."""
    texts = {0: ["ANSWER: 1", "ANSWER: 2", "ANSWER: 2"], 1: ["ANSWER: 3", "ANSWER: 4", "ANSWER: 4"]}
    voted, first = {0: "2", 1: "4"}, {0: "1", 1: "3"}
    return [
        {
            "doc_id": doc,
            "resps": [texts[doc]],
            "filtered_resps": [kept[doc]],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": float(kept[doc] in ("2", "3")),
        }
        for name, kept in (("a-vote", voted), ("maj@3", voted), ("score-first", first))
        for doc in texts
    ]


def test_a_vote_is_no_sample(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", voting())
    imported = only(file)
    assert totals(imported) == {"0": (1, 0), "1": (1, 1)}
    assert imported.graded_by == ("exact_match,score-first",)
    assert "votes over several responses are no samples and are passed over: a-vote, maj@3" in imported.notes
    says = "a.jsonl: filter: 'maj@3' votes over several responses, and a vote is no sample of the model; "
    assert refused(file, filter="maj@3") == says + "name score-first"
    assert refused(jsonl(file, voting()[2:4])) == says + "log the responses one by one"


def test_a_filter_that_keeps_every_response_comes_first(tmp_path: Path) -> None:
    every = [
        row | {"filter": "z-all", "filtered_resps": [["1", "2", "2"]], "exact_match": [1, 0, 0]}
        for row in voting()
        if row["filter"] == "score-first"
    ]
    imported = only(jsonl(tmp_path / "a.jsonl", [*voting(), *every]))
    assert totals(imported) == {"0": (3, 1), "1": (3, 1)}
    assert "--filter score-first takes another" in imported.warnings[0]


def test_lines_of_filters_without_names_are_one_sample_a_document(tmp_path: Path) -> None:
    lines = [{name: value for name, value in row.items() if name != "filter"} for row in voting()[2:]]
    same = [line | {"exact_match": float(line["doc_id"])} for line in lines]
    assert totals(only(jsonl(tmp_path / "a.jsonl", same))) == {"0": (1, 0), "1": (1, 1)}
    file = jsonl(tmp_path / "b.jsonl", lines)
    assert refused(file) == (
        "b.jsonl: filter: every document has 2 lines with the same responses, those of 2 filters without names, and 2 "
        "documents have different verdicts in them; --filter 1 takes the first line of each"
    )
    assert totals(only(file, filter="1")) == {"0": (1, 1), "1": (1, 0)}
    assert totals(only(file, filter="2")) == {"0": (1, 0), "1": (1, 1)}
    assert refused(file, filter="3") == "b.jsonl: filter: no '3'; the log names none, their lines are 1, 2"


def test_of_the_mean_of_repeats_the_number_of_correct_ones_is_taken(tmp_path: Path) -> None:
    row = {
        "resps": [["a 1", "b 1", "c 2", "d"]],
        "filtered_resps": [["1", "1", "2", "[invalid]"]],
        "metrics": ["exact_match"],
    }
    lines = [row | {"doc_id": doc, "exact_match": mean} for doc, mean in enumerate((0.5, 0, None))]
    imported = only(jsonl(tmp_path / "a.jsonl", lines))
    assert totals(imported) == {"0": (4, 2), "1": (4, 0), "2": (4, 0)}
    assert counts(imported).unscorable_P.tolist() == [1, 1, 4]
    assert imported.outcomes is not None
    # Which response is correct is not known: no answer and no example belongs to a verdict.
    assert imported.outcomes.predicted_S is None and not imported.examples
    assert imported.duplicates == 0
    assert any("is known, and not which" in note for note in imported.notes)


def test_one_log_likelihood_is_one_sample(tmp_path: Path) -> None:
    row = {"resps": [[["-3.3", "True"]]], "filtered_resps": [["-3.3", "True"]], "metrics": ["perplexity", "acc"]}
    lines = [row | {"doc_id": doc, "perplexity": -3.3, "acc": acc} for doc, acc in enumerate((1, 0, None))]
    imported = only(jsonl(tmp_path / "a.jsonl", lines))
    assert totals(imported) == {"0": (1, 1), "1": (1, 0), "2": (1, 0)}
    assert counts(imported).unscorable_P.tolist() == [0, 0, 1]
    assert not imported.warnings


@pytest.mark.parametrize(
    ("metrics", "score", "says"),
    [
        (["perplexity", "bits_per_byte"], None, "score: no metric is a verdict (perplexity, bits_per_byte)"),
        (["pass@8", "exact_match"], "pass@8", "score: 'pass@8' is about several responses together; name a metric of"),
    ],
)
def test_what_is_no_verdict_of_a_sample_is_refused(
    tmp_path: Path, metrics: list[str], score: str | None, says: str
) -> None:
    line = rows(metrics=metrics)[1] | dict.fromkeys(metrics, 1.0)
    assert refused(jsonl(tmp_path / "a.jsonl", [line]), score=score).startswith(f"a.jsonl: {says}")


def test_the_arguments_of_older_logs_are_read(tmp_path: Path) -> None:
    line = rows()[0] | {"arguments": [["what?", {"do_sample": False, "max_gen_toks": 16}]]}
    imported = only(jsonl(tmp_path / "a.jsonl", [line]))
    assert imported.prompts == {"0": "what?"}
    assert (imported.sampling.temperature, imported.sampling.max_tokens) == ((0.0,), (16,))
