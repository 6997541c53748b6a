"""Ids of problems that a file does not name: a hash of the prompt, and more where equal prompts are several problems.

The same text is another problem where its gold answer, its images or the tool's own group id are others. The ids are
the same in the files of other models, as far as these hold the same problems: a hash of what differs, or the number of
the group among those of one prompt, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from edgewise.interop.ingest.cells import prompt_id


class Asked(NamedTuple):
    """What a row asks: its model, and hashes of its prompt and of what its problem has beside it (gold, images).

    `group` is the id that the tool gave the problem, None where it gave none.
    """

    model: str
    prompt: str
    content: str
    group: str | None = None

    @classmethod
    def of(cls, model: Any, prompt: Any, content: Any = None, group: str | None = None) -> Asked:
        """Hash the prompt and the content."""
        beside = sha256(repr(content).encode("utf-8", "backslashreplace")).hexdigest()[:8]
        return cls(str(model), prompt_id(prompt) or "", beside, group)


class PromptProblems:
    """The ids of the problems of one file, from what its rows ask."""

    def __init__(self, rows: Iterable[Asked]) -> None:
        self._contents: dict[str, set[str]] = {}
        self._groups: dict[tuple[str, str, str], dict[str | None, int]] = {}
        for row in rows:
            self._contents.setdefault(row.prompt, set()).add(row.content)
            groups = self._groups.setdefault(row[:3], {})
            groups.setdefault(row.group, len(groups) + 1)

    def id(self, row: Asked) -> str:
        """The id of the problem of one of the rows."""
        name = f"{row.prompt}-{row.content}" if len(self._contents[row.prompt]) > 1 else row.prompt
        groups = self._groups[row[:3]]
        return f"{name}-{groups[row.group]}" if len(groups) > 1 else name

    @property
    def shared_prompts(self) -> int:
        """How many prompts are those of several problems."""
        of_groups = {key[1] for key, groups in self._groups.items() if len(groups) > 1}
        return len(of_groups | {prompt for prompt, contents in self._contents.items() if len(contents) > 1})
