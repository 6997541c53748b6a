"""Every command and option has its line in docs/commands.md."""

from __future__ import annotations

import re

from tools.pages import commands


def test_the_page_of_commands_is_current() -> None:
    assert commands.PAGE.read_text(encoding="utf-8") == commands.page(), "run `make pages PAGES=commands`"


def test_every_option_says_what_it_does() -> None:
    rows = re.findall(r"^\| `(--[^`]+)`[^|]*\| (.*?) \|", commands.page(), re.M)
    assert len(rows) > 20
    assert not [name for name, explanation in rows if not explanation.strip()]
