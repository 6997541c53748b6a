"""The page of papers is current, and names every work that the code cites, and no other."""

from __future__ import annotations

from tools.pages import papers


def test_every_work_that_the_code_cites_has_a_name_and_no_other_has() -> None:
    cited = papers.cited()
    assert len(cited) > 50
    assert set(cited) == set(papers.WORKS), "name it in WORKS of tools/pages/papers.py, then make pages PAGES=papers"


def test_the_page_of_papers_is_current() -> None:
    assert papers.PAGE.read_text(encoding="utf-8") == papers.page(), "run make pages PAGES=papers"


def test_a_work_stands_with_the_files_that_cite_it() -> None:
    (row,) = [row for row in papers.rows() if "2402.14740" in row]
    assert row.startswith("| [Ahmadian et al. 2024](https://arxiv.org/abs/2402.14740) | RLOO | ")
    assert "`rl/advantages/rloo.py`" in row
