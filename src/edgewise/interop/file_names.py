"""Tell from names what several files are: samples of the same problems, problem sets, or models.

- Names that differ in a number. Parts of one file (a-00001-of-00004, rank_1) and repeats (seed_1, output-rs1) are
  samples of the same problems. Steps (step_20, checkpoint-20) are models. Others are samples where the problems are
  the same, and sets where they are not.
- Names that differ in words. Problems that are the same, or words such as base and grpo, make them models; otherwise
  they are sets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from edgewise.interop.model_names import BASE_WORDS, without_numbers, words_of

FilesAre = Literal["samples", "sets", "models"]
FILES_ARE: tuple[FilesAre, ...] = get_args(FilesAre)
# Whether files hold the same problems: disjoint where no id is in two, unknown where ids are all that rows show.
SameProblems = Literal["same", "different", "disjoint", "unknown"]

_PART_WORD = re.compile(r"part|shard|chunk|rank|worker|split|device|gpu|proc")
_REPEAT_WORD = re.compile(
    r"rs|seed|run|repeat|rep|epoch|samples?|try|trial|attempt|draw|rollouts?|gen|generation|round|pass|k|s|r|n"
)
_STEP_WORD = re.compile(r"steps?|checkpoint|ckpt|iter|iteration")
_TUNED_WORD = re.compile(
    r"rl|rlhf|rlvr|grpo|ppo|dpo|dapo|reinforce|tuned|finetuned|trained|sft|instruct|distill|distilled|final|after|post"
)


def by_number(names: Sequence[str], evidence: SameProblems) -> tuple[FilesAre, bool]:
    """What files are whose names differ in a number, and whether nothing else is likely."""
    word = _word_of_number(names)
    if _STEP_WORD.fullmatch(word):
        # An iteration may also be a repeat.
        return "models", evidence != "different" and not word.startswith("iter")
    if _PART_WORD.fullmatch(word):
        return "samples", True
    is_repeat = not word or _REPEAT_WORD.fullmatch(word) is not None
    if evidence == "same":
        return "samples", False
    if evidence == "different":
        return "sets", not is_repeat
    if is_repeat:
        return "samples", evidence == "disjoint"
    return "sets", evidence == "disjoint"


def by_words(names: Sequence[str], evidence: SameProblems) -> tuple[FilesAre, bool]:
    """What files are whose names differ in words, and whether nothing else is likely."""
    words = {word for name in names for word in words_of(name)}
    has_base, has_tuned = bool(words & BASE_WORDS), any(map(_TUNED_WORD.fullmatch, words))
    if evidence == "same":
        return "models", has_base
    if (has_base and has_tuned) or ((has_base or has_tuned) and evidence == "unknown"):
        return "models", False
    return "sets", evidence != "unknown"


def _word_of_number(names: Sequence[str]) -> str:
    """The word before the first number in which the names differ; "" where they begin with it."""
    split = [re.split(r"([0-9]+)", name) for name in names]
    place = next(place for place, pieces in enumerate(zip(*split, strict=True)) if len(set(pieces)) > 1)
    before = words_of("".join(split[0][:place]))
    return before[-1] if before else ""


def common_name(names: Sequence[str]) -> str:
    """What names that differ in a number have in common before it: base for base_seed0 and base_seed1."""
    split = [re.split(r"([0-9]+)", name) for name in names]
    place = next(place for place, pieces in enumerate(zip(*split, strict=True)) if len(set(pieces)) > 1)
    common = "".join(split[0][:place])
    word = _word_of_number(names)
    is_counted = _REPEAT_WORD.fullmatch(word) or _PART_WORD.fullmatch(word)
    shorter = re.sub(r"[-_. ]*[A-Za-z]*$", "", common) if is_counted else ""
    return (shorter or common).strip("-_. ") or without_numbers(names[0])
