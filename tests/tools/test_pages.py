"""What the documents print is what the code computes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edgewise.boundary import Counts, boundary_verdict, pass_at_k
from tools.pages import boundary_tables, published
from tools.pages.__main__ import main as write_pages

ROOT = Path(__file__).parents[2]


def test_the_page_of_published_tables_is_current() -> None:
    assert published.PAGE.read_text() == published.page()


def test_the_tables_of_labels_and_measures_are_current() -> None:
    assert {path: path.read_text() for path in boundary_tables.pages()} == boundary_tables.pages()


def test_an_unknown_page_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        write_pages(["recipse"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: page: 'recipse' is unknown (did you mean recipes?); there are commands, schema, ")
    assert len(error.splitlines()) == 1


def test_published_tables_are_called_by_their_corrected_test() -> None:
    said = [row.split("|")[-2].strip() for row in published.verdicts(published.TABLES)]
    assert said[:3] == ["cannot tell"] * 3
    assert said[3:7] == ["net loss"] * 4


def test_the_readme_s_advantages_are_what_they_say() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (about_advantages,) = [block for block in blocks if "advantages.rloo" in block]
    found: dict[str, Any] = {}
    exec(about_advantages, found)
    assert found["advantages"].rloo(found["rewards"])[1].tolist() == pytest.approx([-1 / 3] * 3 + [1])


def test_the_readme_s_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (about_counts,) = [block for block in blocks if "boundary_verdict" in block]
    exec(about_counts, {})
    shown = capsys.readouterr().out
    assert shown.strip() == boundary_verdict(Counts.of(64, [0, 3, 17, 40]), Counts.of(64, [2, 9, 60, 64])).sentence
    assert pass_at_k(128, 2, 16) == pytest.approx(1 - (112 * 111) / (128 * 127))
