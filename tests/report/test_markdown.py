"""Markdown of an audit: complete, and text in it stays text whatever a file calls its problems."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from edgewise.boundary import audit
from edgewise.boundary.audit.result import Audit, Concern
from edgewise.boundary.measures.changes import CHANGES
from edgewise.boundary.verdict.labels import shown_label
from edgewise.boundary.verdict.policy import parse_policy
from edgewise.outcomes.counts import Counts
from edgewise.outcomes.example import Example
from edgewise.report.brief import moved_problems
from edgewise.report.markdown import escaped, fenced, markdown_of
from tests.report import synthetic
from tests.report.hostile import HOSTILE, IMAGE, SCRIPT
from tests.report.synthetic import WIDE

NASTY = (
    HOSTILE,
    IMAGE,
    SCRIPT,
    "[click](https://evil.example) ![x](https://evil.example/a.png)",
    "<https://evil.example> www.evil.example me@evil.example",
    "a | b || c\n\n# big\n> quote\n- list\n```\ncode\n```",
    "`a` **b** __c__ ~~d~~ $e$ &lt;b&gt; \\",
    "[a]: https://evil.example",
)
COMMONMARK = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def kinds(text: str) -> set[str]:
    """The kinds of every token of a text as CommonMark with tables reads it."""
    tokens = COMMONMARK.parse(text)
    return {child.type for token in tokens for child in (token, *(token.children or []))}


@pytest.mark.parametrize("text", NASTY)
def test_a_name_is_text_and_nothing_else(text: str) -> None:
    assert kinds(f"A name: {escaped(text, 1000)}, and more.") <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
    } | {"text_special"}
    rows = COMMONMARK.parse(f"| a | b |\n|---|---|\n| {escaped(text, 1000)} | c |")
    assert [token.type for token in rows].count("td_open") == 2


@pytest.mark.parametrize("name", ["@someone", "(@someone)", "fixes #12", "https://evil.example", "me@evil.example"])
def test_a_name_pings_nobody(name: str) -> None:
    shown = escaped(name)
    assert "\u2060" in shown and shown.replace("\u2060", "") == name
    assert escaped("pass@16") == "pass@16"


@pytest.mark.parametrize("text", ["```\n<b>x</b>", "````````", "~~~", *NASTY])
def test_a_completion_cannot_leave_its_fence(text: str) -> None:
    tokens = [token.type for token in COMMONMARK.parse(fenced(text))]
    assert tokens == ["fence"]


def test_the_result_is_told_whole(found: Audit) -> None:
    forbidding = Concern("base and tuned come from one file", forbids=True, models=(WIDE,))
    text = markdown_of(replace(found, concerns=(*found.concerns, forbidding)), synthetic.examples())
    assert text.index("**No claim:**") < text.index("**Take care:**") < text.index(": " + shown_label("mixed", 8))
    assert "the files do not state a temperature" not in text, "harmless"
    for model, verdict in found.verdicts.items():
        assert f"**{escaped(model)}: " in text
        for name, part in verdict.parts.items():
            assert f"| {escaped(name)} | {shown_label(part.label, part.k)} |" in text
            changes = CHANGES.result(next(s for s in found.sets if s.name == name).comparisons[model])
            assert changes is not None
            for problem in changes.losses[:3]:
                assert escaped(problem.problem) in text
    assert SCRIPT not in text and IMAGE not in text
    assert kinds(text).isdisjoint({"html_inline", "link_open", "image"})


def test_a_lost_problem_is_shown_with_a_completion_of_each_arm() -> None:
    result = audit({"base": Counts.of(32, [30, 16]), "tuned": Counts.of(32, [1, 16])}, policy=parse_policy(["surer"]))
    name = result.counts["base"].problem[0]
    examples = {
        "base": [Example("base", name, "so it is 7", "correct", None), Example("base", name, "no idea", "wrong", None)],
        "tuned": [
            Example("tuned", name, "by luck 7", "correct", None),
            Example("tuned", name, "it is 9", "wrong", None),
        ],
    }
    (moved,) = moved_problems(result, "tuned", examples)
    assert moved.base is not None and moved.tuned is not None
    assert (moved.way, moved.base.text, moved.tuned.text) == ("down", "so it is 7", "it is 9")
    text = markdown_of(result, examples)
    assert "Of 2 problems, 0 up and 1 down, each shown by itself; down: 000000 30/32 \u2192 1/32" in text
    assert "so it is 7" in text and "it is 9" in text and "no idea" not in text and "by luck" not in text
    assert "| surer | tuned | all problems | cannot tell |" in text
