"""What mkdocs calls while it builds the site: pages from outside docs/, links to them, folders in the nav, formulas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[2]))  # mkdocs runs this file by its path

from tools.site.formulas import put_formulas, take_formulas
from tools.site.outside import README, ROOT, links_on_site, outside_pages

_formulas: dict[str, list[tuple[str, str]]] = {}


def on_config(config: Any) -> Any:
    """Replace each folder of the nav by its pages, and watch what else the site is made of."""
    for section in config.nav:
        for entries in section.values():
            for entry in entries:
                for title, path in entry.items():
                    if path.endswith("/"):
                        entry[title] = _pages_of(path)
    config.watch += [str(ROOT / "examples"), str(ROOT / "tools" / "site")]
    return config


def _pages_of(folder: str) -> list[str]:
    """The pages of a folder of the site, its README.md first."""
    outside = [path for path in outside_pages() if path.startswith(folder)]
    inside = [f"{folder}{path.name}" for path in sorted((ROOT / "docs" / folder).glob("*.md"))]
    return sorted([*outside, *inside], key=lambda path: (not path.endswith(README), path))


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that docs/ does not hold."""
    for path, markdown in outside_pages().items():
        files.append(File.generated(config, path, content=markdown))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links between files of the repository into links of the site, and take the formulas out."""
    markdown, _formulas[page.file.src_uri] = take_formulas(links_on_site(markdown, page.file.src_uri))
    return markdown


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Put the formulas back, as MathML."""
    return put_formulas(html, _formulas[page.file.src_uri], lambda tex, display: convert(tex, display=display))
