"""Tell the training seeds of one arm from the paths of an argument: lists, globs, names that differ in a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.interop.model_names import natural_key, stem, without_numbers
from edgewise.interop.read import is_there

_GLOB = re.compile(r"[*?[]")
_NUMBER = re.compile(r"[0-9]+")
# A name that says that its number is a seed.
_SEED = re.compile(r"(?<![a-z])seed[-_.=]?([0-9]+)(?![0-9])", re.IGNORECASE)
# Names of seeds: seed3, s3, run_3.
_SEED_NAME = re.compile(r"(.*[-_. ])?(seed|s|run)[-_. ]?#", re.IGNORECASE)
# With fewer files that differ in their seed, one of them was not chosen from several.
_SEVERAL = 3


def paths_of_seeds(text: str) -> list[str]:
    """The paths of one argument: one, or several with commas between them or by a pattern with *, ? or [...].

    In the order given, those of a pattern by their numbers. InputError where a pattern fits no path, or one path is
    there twice.
    """
    if is_there(Path(text)):
        return [text]
    paths: list[str] = []
    for part in text.split(",") if "," in text else [text]:
        if is_there(Path(part)) or not _GLOB.search(part):
            paths.append(part)
            continue
        matching = sorted(glob(part), key=natural_key)
        if not matching:
            raise InputError(f"{part}: no file or folder has such a name; give rollouts")
        paths += matching
    if "" in paths:
        raise InputError(f"{text}: an empty path between commas; write NAME=PATH,PATH,...")
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: given twice in {text}; a training seed is one path")
    return paths


def numbered(paths: Sequence[Path]) -> list[str]:
    """A name for the training seed of each path: the number in which the paths differ, else its place, 1, 2, ..."""
    texts = [str(path.with_name(stem(path.name))) for path in paths]
    numbers = [_NUMBER.findall(text) for text in texts]
    if len(set(map(without_numbers, texts))) == 1:
        differing = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
        if len(differing) == 1 and len(set(map(int, differing[0]))) == len(paths):
            return [str(int(number)) for number in differing[0]]
    return [str(place) for place in range(1, len(paths) + 1)]


def is_seed_name(names: Sequence[str]) -> bool:
    """Whether these names of several models say that they are training seeds of one, such as seed1, seed2 or s1, s2."""
    pattern = {without_numbers(name) for name in names}
    return len(names) > 1 and len(pattern) == 1 and _SEED_NAME.fullmatch(pattern.pop()) is not None


def singled_out(path: Path, given: Sequence[Path]) -> int:
    """How many files there are that differ from this one in the seed of their name alone, where no other was given.

    0 where its name has no seed, such files are fewer than three, or another of them was given too.
    """
    if not (match := _SEED.search(path.name)):
        return 0
    before, after = path.name[: match.start(1)], path.name[match.end(1) :]
    pattern = re.compile(f"{re.escape(before)}[0-9]+{re.escape(after)}")
    siblings = {file.name for file in path.absolute().parent.iterdir() if pattern.fullmatch(file.name)}
    others = {other.name for other in given if other.absolute().parent == path.absolute().parent} - {path.name}
    return len(siblings) if len(siblings) >= _SEVERAL and not siblings & others else 0
