"""Provenance of a stage: versions, machine, device, backend and totals, recorded in its folder.

What decides a result is part of the stage's digest and is repeated here; nothing else is part of it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from pydantic import Field

from edgewise import __version__
from edgewise.core.spec import Spec

# Packages that can change a number.
_PACKAGES = ("torch", "numpy", "scipy", "pydantic", "safetensors", "tokenizers", "pyarrow", "triton")


@dataclass(slots=True)
class Totals:
    """Running sums of a stage, over all its sittings: a loop adds to them and a checkpoint keeps them.

    `tokens` are those of next-token training, or of sampled completions. `prompt_tokens` are those of the prompts that
    completions were sampled after, each read once for its group; `gold_tokens` those of gold solutions, with their
    prompts, that a recipe trained on: both are 0 in files of versions that did not count them. `seconds` is wall time;
    `data_seconds` is the part of it spent waiting for data.
    """

    tokens: float = 0.0
    flops: float = 0.0
    seconds: float = 0.0
    data_seconds: float = 0.0
    prompt_tokens: float = 0.0
    gold_tokens: float = 0.0


class Provenance(Spec):
    """How one stage was made: the provenance.json of its folder.

    `parents` are names of folders. `finished` is an ISO time. `wall_seconds` is the last sitting alone;
    `totals.seconds` sums over interruptions. `ranks` processes computed the stage together.
    `backend` is the name of the one that computed the decoders, and for native its instruction set and digest.
    `own_code` has the digest of the code of every class from outside this package, by its field in the spec; the
    stage's digest covers it. `outputs` has the digest of each output's content (`edgewise.study.outputs` says what is
    covered); empty in folders of versions that recorded none. `other_bits` says why another machine may get others;
    empty where equality is promised.
    """

    digest: str
    parents: tuple[str, ...]
    seed: int
    finished: str
    wall_seconds: float
    totals: Totals
    ranks: int
    device: str
    backend: dict[str, str]
    versions: dict[str, str]
    machine: str
    own_code: dict[str, str] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)
    other_bits: tuple[str, ...] = ()


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Versions of Edgewise, of Python and of those of the packages that are installed."""
    installed = {"edgewise": __version__, "python": platform.python_version()}
    for package in packages:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def machine() -> str:
    """Instruction set, system and number of cores in a few words."""
    return f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores"
