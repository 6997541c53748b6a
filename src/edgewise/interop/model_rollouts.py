"""The rollouts of one checkpoint as read from files: verdicts or counts, prompts, examples and sampling settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgewise.outcomes.counts import Counts
from edgewise.outcomes.example import Example
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True)
class RecordedSampling:
    """The sampling settings that the files state, distinct values ascending; empty where they state none.

    Within one problem set there is one of each but the seeds; sets may differ.
    """

    temperature: tuple[float, ...] = ()
    top_p: tuple[float, ...] = ()
    max_tokens: tuple[int, ...] = ()
    top_k: tuple[float, ...] = ()
    min_p: tuple[float, ...] = ()
    repetition_penalty: tuple[float, ...] = ()
    frequency_penalty: tuple[float, ...] = ()
    presence_penalty: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class ModelRollouts:
    """The rollouts of one model, read from files of any known format.

    `outcomes` holds the verdict of every sample; it is None where the files give only `counts`, and then
    `counts` is not None. `model` is the name that the files state and `training_seed` the training run, None where they
    state none; `source` names the format and `files` are those that were read. `prompts` holds the prompt in the first
    row of each problem, cut where it is long and bounded in size all together (`notes` says where some were left
    out). `examples` holds the first correct and the first wrong completion of some problems, cut where it
    is long; `process` is None in those whose process was not verified. `verifiers` are those that the files
    name, and `graded_by` the fields, metrics or rewards that the verdicts were read from. `duplicates` is the share of
    problems, among those with two or more completions, whose completions are all one text, as greedy decoding writes
    them; None where the files hold no completions or no problem has two. `notes` say what the reader assumed;
    `warnings` say how it read the files where another reading is possible, and why the samples may be other than they
    should be.
    """

    model: str | None
    training_seed: str | None
    source: str
    files: tuple[Path, ...]
    outcomes: Outcomes | None
    counts: Counts | None
    prompts: Mapping[str, str]
    examples: tuple[Example, ...]
    sampling: RecordedSampling
    verifiers: tuple[str, ...]
    graded_by: tuple[str, ...]
    duplicates: float | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def samples(self) -> Outcomes | Counts:
        """The outcomes where the files hold them, otherwise the counts."""
        samples = self.counts if self.outcomes is None else self.outcomes
        assert samples is not None
        return samples
