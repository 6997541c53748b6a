"""Pages of the site that stand outside docs/: examples and the Markdown of the root, with links that lead to them.

On GitHub a link such as `../examples/my_world.py` leads to the file. On the site it leads to a page with its code.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES_OF_ROOT = ("CONTRIBUTING.md", "CHANGELOG.md")
README = "README.md"
HOME = "index.md"
LINK = re.compile(r"\[([^\]\n]*)\]\((?![a-z]+:|#|/)([^)#\s]+)")


def outside_pages() -> dict[str, str]:
    """The Markdown of every page that docs/ does not hold, by its path on the site."""
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES_OF_ROOT}
    for path in sorted((ROOT / "examples").glob("*.py")):
        pages[f"examples/{path.stem}.md"] = example_page(path.name, path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        pages[f"examples/{path.stem}.md"] = notebook_page(path.name, json.loads(path.read_text(encoding="utf-8")))
    return pages


def example_page(name: str, code: str) -> str:
    """A page with the code of an example; its title is the file's name."""
    return f"# {name}\n\n`examples/{name}`\n\n```python\n{code}```\n"


def notebook_page(name: str, notebook: dict[str, Any]) -> str:
    """A page with the text and the code of a notebook; its first cell has the title."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    blocks = [text if kind == "markdown" else f"```python\n{text}\n```" for kind, text in cells]
    return "\n\n".join([blocks[0], f"This is the notebook `examples/{name}`.", *blocks[1:]]) + "\n"


def site_path(path: str) -> str | None:
    """Where the site holds a file of the repository, or None where it does not."""
    if path == README:
        return HOME
    if path in PAGES_OF_ROOT:
        return path
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if re.fullmatch(r"examples/\w+\.(py|ipynb)", path):
        return path.rpartition(".")[0] + ".md"
    return None


def links_on_site(markdown: str, page: str) -> str:
    """Links of a page (its path on the site) to files of the repository, as links between pages of the site.

    A link whose text is the name of its page, as in [audit.md](audit.md), gets that page's title as text.
    """
    here = page if page in PAGES_OF_ROOT else f"docs/{page}"

    def on_site(link: re.Match[str]) -> str:
        text, path = link[1], posixpath.normpath(posixpath.join(posixpath.dirname(here), link[2]))
        target = site_path(path)
        if target is None:
            return link[0]
        if posixpath.basename(text) == posixpath.basename(path) and path.endswith(".md"):
            text = title_of(path) or text
        return f"[{text}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}"

    return LINK.sub(on_site, markdown)


def title_of(path: str) -> str | None:
    """The first heading of a page of the repository, or None where the page or its heading is missing."""
    file = ROOT / path
    heading = re.match(r"# (.+)", file.read_text(encoding="utf-8")) if file.is_file() else None
    return heading and heading[1]
