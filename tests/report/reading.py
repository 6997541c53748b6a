"""A page as its reader's browser splits it."""

from __future__ import annotations

from html.parser import HTMLParser

# What stands within a sentence.
INLINE = {"a", "b", "bdi", "code", "data", "i", "mark", "span", "sub"}


class Reader(HTMLParser):
    """Tags with their attributes, text outside scripts and styles, that text block by block, and the scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.blocks: list[str] = [""]
        self.scripts: list[str] = []
        self._raw = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in INLINE:
            self.blocks.append("")
        if tag in ("script", "style"):
            self._raw = tag
            if tag == "script":
                self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.blocks.append("")
        if tag == self._raw:
            self._raw = ""

    def handle_data(self, data: str) -> None:
        if self._raw == "script":
            self.scripts[-1] += data
        elif not self._raw:
            self.text += data
            self.blocks[-1] += data


def addresses(page: str) -> list[str]:
    """Everything a browser could fetch or follow."""
    names = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
    return [str(value) for _, attrs in Reader(page).tags for name, value in attrs.items() if name in names]
