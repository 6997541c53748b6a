"""Whose numbers a table holds stands in the table or in what is around it, however many arms a page has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest

from edgewise.boundary import Audit, Outcomes, audit
from edgewise.report.page.page import render_page

# Elements without an end tag.
VOID = {"br", "circle", "hr", "i", "img", "input", "link", "meta", "path", "rect", "use"}
ARMS = ("mid alone", "half RL", "RL alone")


@dataclass
class Table:
    """A table: the classes and labels of what it stands in, the text before it in its card, and its headings."""

    classes: set[str]
    labels: list[str]
    before: str
    headings: list[str] = field(default_factory=list)


class Tables(HTMLParser):
    """The tables of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._of_card = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self._open.append((tag, dict(attrs)))
        if tag in ("li", "article"):
            self._of_card = ""
        elif tag == "table":
            classes = {name for _, at in self._open for name in (at.get("class") or "").split()}
            labels = [label for _, at in self._open if (label := at.get("aria-label"))]
            self.tables.append(Table(classes, labels, self._of_card))

    def handle_endtag(self, tag: str) -> None:
        while tag not in VOID and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._of_card += data
        if data.strip() and any(tag == "thead" for tag, _ in self._open):
            self.tables[-1].headings.append(data.strip())


def outcomes(rate: float, seed: int) -> Outcomes:
    """16 samples of 24 problems on each of two sets."""
    rng = np.random.default_rng(seed)
    problems, samples = 48, 16
    answer_PS = (rng.random((problems, samples)) < rate * rng.random(problems)[:, None]).astype(np.int8)
    return Outcomes(
        problem=np.array([f"p{i:02d}" for i in range(problems)]),
        level=np.repeat([1, 2], 24),
        problem_S=np.repeat(np.arange(problems), samples).astype(np.int32),
        sample_S=np.tile(np.arange(samples), problems),
        answer_S=answer_PS.ravel(),
        process_S=answer_PS.ravel(),
        truncated_S=np.zeros(problems * samples, bool),
        tokens_S=np.full(problems * samples, 9),
        set=np.repeat(["covered", "beyond"], 24),
    )


@pytest.fixture(scope="module", params=["one seed", "training seeds"])
def found(request: pytest.FixtureRequest) -> Audit:
    """Three arms on two sets, of one training seed or of two."""
    rates = {"base": 0.4} | dict(zip(ARMS, (0.6, 0.8, 0.9), strict=True))
    if request.param == "one seed":
        return audit({m: outcomes(r, i) for i, (m, r) in enumerate(rates.items())}, resamples=50)
    of_seeds = {m: [outcomes(r, 10 * i + s) for s in range(2)] for i, (m, r) in enumerate(rates.items())}
    return audit(of_seeds, resamples=50)


@pytest.fixture(scope="module")
def tables(found: Audit) -> list[Table]:
    return Tables(render_page(found, examples={}, prompts={})).tables


def test_the_numbers_of_each_arm_stand_in_its_card_and_name_it(found: Audit, tables: list[Table]) -> None:
    cards = [table for table in tables if "deciding" in table.classes]
    assert [arm for table in cards for arm in ARMS if arm in table.before] == list(ARMS), "one table in each card"
    for arm, table in zip(ARMS, cards, strict=True):
        assert "answer" in table.classes and found.answers[arm].sentence in table.before
        assert table.headings[0] == arm and f"What decided, {arm}" in table.labels


def test_every_other_table_of_one_arm_names_it(found: Audit, tables: list[Table]) -> None:
    of_one = [table for table in tables if table.classes & {"arm", "recipe"}]
    assert len(of_one) == len(found.verdicts) + len(found.seeds)
    for table, name in zip(of_one, _expected(found), strict=True):
        assert any(label.endswith(f", {name}") for label in table.labels), (name, table.labels)
        assert name in table.before


def test_a_table_of_several_models_has_a_column_of_them(tables: list[Table]) -> None:
    several = [table for table in tables if not table.classes & {"answer", "arm", "recipe"}]
    measured = [table for table in several if "measure" in table.classes or "pass@k" in table.labels]
    assert len(measured) > 3 and all("Model" in table.headings for table in measured)


def _expected(found: Audit) -> Iterator[str]:
    """The names of the tables of one arm: a recipe before the checkpoints of its seeds, then what is of no recipe."""
    for arm, of_seed in found.seeds.items():
        yield from (arm, *of_seed.values())
    yield from (model for model in found.verdicts if not found.seeds)
