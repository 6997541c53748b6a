"""The site: every page has its place, links of the repository lead to pages, formulas come through Markdown."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.site.formulas import put_formulas, take_formulas
from tools.site.outside import example_page, links_on_site, notebook_page, outside_pages, site_path, title_of

ROOT = Path(__file__).parents[2]
NAV = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1].split("\n\n")[0]


def test_every_page_has_its_place_in_the_navigation() -> None:
    named = re.findall(r": (\S+\.md|\S+/)$", NAV, re.M)
    assert len(named) == len(set(named)) > 20
    folders = tuple(name for name in named if name.endswith("/"))
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} | outside_pages().keys()
    assert {page for page in pages if not page.startswith(folders)} == set(named) - set(folders)


def test_the_navigation_has_at_most_seven_entries() -> None:
    assert 3 < len(re.findall(r"^  - ", NAV, re.M)) <= 7


def test_links_between_files_lead_to_pages_of_the_site() -> None:
    text = (
        "[a](../examples/my_world.py), [b](../CONTRIBUTING.md#add-a-world), [c](verdicts.md), [d](https://a.org/x.md)"
    )
    expected = "[a](examples/my_world.md), [b](CONTRIBUTING.md#add-a-world), [c](verdicts.md), [d](https://a.org/x.md)"
    assert links_on_site(text, "worlds.md") == expected
    assert links_on_site("[a](../README.md) [b](../figures/x.svg)", "ledger/README.md") == (
        "[a](README.md) [b](../figures/x.svg)".replace("README", "../README")
    )
    assert links_on_site("[a](docs/audit.md) ![b](docs/figures/report.png)", "CONTRIBUTING.md") == (
        "[a](audit.md) ![b](figures/report.png)"
    )
    assert links_on_site("[a](../README.md)", "audit.md") == "[a](index.md)"
    assert links_on_site("[a](#below) [b](missing.py)", "audit.md") == "[a](#below) [b](missing.py)"


def test_a_link_that_is_called_as_its_file_gets_the_title() -> None:
    assert links_on_site("[audit.md](audit.md#errors)", "verdicts.md") == "[Auditing rollouts](audit.md#errors)"
    assert links_on_site("[docs/audit.md](docs/audit.md)", "CONTRIBUTING.md") == "[Auditing rollouts](audit.md)"
    assert links_on_site("[missing.md](missing.md)", "audit.md") == "[missing.md](missing.md)"
    assert title_of("docs/nothing.md") is None


def test_what_the_site_does_not_hold_has_no_page() -> None:
    assert site_path("src/edgewise/__init__.py") is None and site_path("examples/data/x.py") is None


def test_an_example_is_a_page_with_its_whole_code() -> None:
    code = (ROOT / "examples" / "my_world.py").read_text(encoding="utf-8")
    assert outside_pages()["examples/my_world.md"] == example_page("my_world.py", code)
    assert code in example_page("my_world.py", code)


def test_a_notebook_is_a_page_with_its_text_and_code() -> None:
    cells = [("markdown", ["# A\n", "b"]), ("code", ["x = 1\n", "y = 2"])]
    page = notebook_page("a.ipynb", {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]})
    assert page == "# A\nb\n\nThis is the notebook `examples/a.ipynb`.\n\n```python\nx = 1\ny = 2\n```\n"
    assert site_path("examples/a.ipynb") == "examples/a.md"


def test_formulas_are_out_of_the_way_of_markdown_and_put_back() -> None:
    page = "| a | $`|x|_1`$ |\n\n```math\nA_i = r_i\n```\n\n`$5` and $`n`$"
    taken, formulas = take_formulas(page)
    assert taken == "| a | FORMULA1PLACE |\n\nFORMULA0PLACE\n\n`$5` and FORMULA2PLACE"
    assert formulas == [("block", "A_i = r_i"), ("inline", "|x|_1"), ("inline", "n")]
    html = "<p>FORMULA0PLACE</p><p>so FORMULA2PLACE</p>"
    assert put_formulas(html, formulas, lambda tex, display: f"[{display} {tex}]") == (
        '<div class="formula">[block A_i = r_i]</div><p>so [inline n]</p>'
    )


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Where `make docs` has installed what builds it."""
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "<math" in (tmp_path / "algorithms.html").read_text(encoding="utf-8")
    assert 'id="edgewise.rl.advantages.rloo.rloo"' in (tmp_path / "api" / "rl.html").read_text(encoding="utf-8")
    for page in tmp_path.rglob("*.html"):
        loaded = re.findall(r'<(?:link|script|img)[^>]*(?:src|href)="(https?:[^"]+)"', page.read_text(encoding="utf-8"))
        assert not loaded, f"{page.name} fetches {loaded}"


@pytest.mark.parametrize(
    "name", ["boundary", "rl.advantages", "rl.losses", "rl.rewards", "tasks", "scaling", "interop"]
)
def test_a_function_that_is_called_as_its_file_has_an_entry_of_its_own(name: str) -> None:
    """The reference takes `edgewise.rl.advantages.rloo` for the file; `::: ...rloo.rloo` is the function."""
    package = importlib.import_module(f"edgewise.{name}")
    files = {module.name for module in pkgutil.iter_modules(package.__path__)}
    api = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md"))
    assert f"::: {package.__name__}\n" in api
    for function in files & set(package.__all__):
        assert re.search(rf"^::: {re.escape(package.__name__)}\.(\w+\.)+{function}$", api, re.M), function


def test_what_the_reference_names_is_there() -> None:
    pages = (ROOT / "docs" / "api").glob("*.md")
    names = [name for page in pages for name in re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), re.M)]
    assert len(names) > 40
    for name in names:
        assert pkgutil.resolve_name(name)
