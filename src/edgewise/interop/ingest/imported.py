"""What an importer hands over: verdicts or counts of one model, and what was found beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgewise.outcomes.counts import Counts
from edgewise.outcomes.example import Example
from edgewise.outcomes.outcomes import Outcomes

PROMPT_CHARACTERS = 20_000
EXAMPLE_CHARACTERS = 8_000


@dataclass(frozen=True)
class Decoding:
    """The sampling settings that the files state, distinct values ascending; empty where unstated.

    Within one problem set there is one temperature, top_p and max_tokens; sets may differ.
    """

    temperature: tuple[float, ...]
    top_p: tuple[float, ...]
    max_tokens: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Imported:
    """The rollouts of one model, read from files of any known format.

    `outcomes` holds the verdicts, sample by sample; it is None where the files give only `counts`,
    and then `counts` is not None. `model` is the name that the files state, None where they state
    none; `source` names the format and `files` what was read. `prompts` holds the first prompt seen
    of each problem, cut at PROMPT_CHARACTERS and, all together, bounded in size (`notes` says where
    some were left out). `examples` holds the first correct and the first wrong completion of some
    problems, each cut at EXAMPLE_CHARACTERS; `process` is None in those whose process was not
    verified. `verifiers` are the graders named in the files. `duplicates` is the share of problems
    with two or more completions whose completions are one identical text, as greedy decoding
    writes them; None where the completions are not in the files or no problem has two. `notes` say
    in plain sentences what the importer assumed.
    """

    model: str | None
    source: str
    files: tuple[Path, ...]
    outcomes: Outcomes | None
    counts: Counts | None
    prompts: Mapping[str, str]
    examples: tuple[Example, ...]
    decoding: Decoding
    verifiers: tuple[str, ...]
    duplicates: float | None
    notes: tuple[str, ...]
