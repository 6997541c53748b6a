"""The mixtures of "On the Interplay of Pre-Training, Mid-Training and RL" (arXiv 2512.07783) by their released names.

The names and numbers are those of `data/PRESET.json` in the paper's repository. Its three contexts are our settings
zoo (A, `crazy_zootopia`), school (B, `teachers_in_school`) and film (C, `movie_festival_awards`); easy, medium and hard
are op 2-4, 5-7 and 8-10. These numbers differ from the released file, because the file contradicts the name or rounds:

| preset | released | here |
|---|---|---|
| id2-10_0.2easy_0.3medium_0.5hard | op 3 has 0.86, so that all sum to 1.78 | op 3 as op 2 and 4 |
| id2-10_0.4995easy_0.4995medium_0.001hard | op 8-10 have 0.003 each, 0.9 % hard | 0.001/3 each |
| contextzoo_0.1zoo_0.9teacher | 0.2 and 0.8 | 0.1 and 0.9 |
| id2-10_uniform | 0.11 for op 2-9, 0.12 for op 10 | 1/9 each |
| id2-10_0.2easy_0.3medium_0.5hard | easy 0.06, ., 0.08; hard 0.16, 0.16, 0.18 | thirds of 0.2 and of 0.5 |
| id2-10_0.5easy_0.3medium_0.2hard | easy 0.18, 0.16, 0.16; hard 0.08, 0.06, 0.06 | thirds of 0.5 and of 0.2 |
| all others | rounded to 4 or 6 digits | the fractions that were rounded |

Shares for pre-training and mid-training are of tokens; those for RL are of prompts. The context presets do not state
the op; they take op 2-20, like sections 4 and A.6 of the paper. If a preset names no settings, each is a third of the
problems; forward and reverse mode are half each.

Three faults of the paper's generator are not kept. The unknown of a reverse problem is 1-20 (there 1-4, so that every
fourth guess is right). Leaves and added constants are 1-9 (there 1-4, so that only four problems of op 2 differ in more
than their words, one for each split). No definition is missing.

A preset is never changed in place; a different one gets another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Literal, NamedTuple

from edgewise.core.errors import unknown_name
from edgewise.tasks.mixture import Mixture, MixturePart

Shares = Mapping[int, Fraction]
"""The share of each op."""

PREFIX = "interplay/"
ALL = ("film", "school", "zoo")
ZOO, SCHOOL = ("zoo",), ("school",)


class MixturePreset(NamedTuple):
    """What a preset consists of: `parts` are settings and the shares of their ops."""

    stage: Literal["pre-training", "mid-training", "RL"]
    parts: tuple[tuple[tuple[str, ...], Shares], ...]


@cache
def mixture_presets() -> Mapping[str, MixturePreset]:
    """What every preset consists of, by name."""
    return {PREFIX + name: preset for name, preset in _presets()}


def preset_names() -> tuple[str, ...]:
    """Every preset, in the order of the released file."""
    return tuple(mixture_presets())


def preset_mixture(name: str, wording: Literal["english", "compact", "paper"] = "english") -> Mixture:
    """The mixture of that name, in English for models trained here, in the paper's wording for its checkpoints.

    InputError if there is no such preset.
    """
    from edgewise.tasks.graph.world import GraphArithmetic

    preset = mixture_presets().get(name)
    if preset is None:
        raise unknown_name("preset", name, mixture_presets())
    parts = [
        MixturePart(
            share=float(share),
            world=GraphArithmetic(min_op=op, max_op=op, settings=settings, wording=wording),
        )
        for settings, shares in preset.parts
        for op, share in shares.items()
    ]
    return Mixture(parts=tuple(parts), of="problems" if preset.stage == "RL" else "tokens")


def _uniform(first: int, last: int) -> Shares:
    return {op: Fraction(1, last - first + 1) for op in range(first, last + 1)}


def _bands(easy: str, medium: str, hard: str) -> Shares:
    """Each band's share spread evenly over its three ops."""
    bands = zip((range(2, 5), range(5, 8), range(8, 11)), map(Fraction, (easy, medium, hard)), strict=True)
    return {op: share / 3 for ops, share in bands if share for op in ops}


def _sum(*weighted: tuple[str, Shares]) -> Shares:
    """The weighted sum of several shares."""
    ops = sorted({op for _, shares in weighted for op in shares})
    return {op: sum((Fraction(weight) * shares.get(op, 0) for weight, shares in weighted), Fraction()) for op in ops}


def _both(zoo: str, of_zoo: Shares, of_school: Shares) -> tuple[tuple[tuple[str, ...], Shares], ...]:
    """The zoo with that share and the school with the rest."""
    weights = ((ZOO, Fraction(zoo), of_zoo), (SCHOOL, 1 - Fraction(zoo), of_school))
    return tuple(
        (settings, {op: weight * s for op, s in shares.items()}) for settings, weight, shares in weights if weight
    )


def _presets() -> Iterable[tuple[str, MixturePreset]]:
    uniform, whole = _uniform(2, 10), _uniform(2, 20)
    edge = _uniform(11, 14)
    yield "id2-10_uniform", MixturePreset("pre-training", ((ALL, uniform),))
    for easy, medium, hard in (
        ("0.2", "0.3", "0.5"),
        ("0.5", "0.3", "0.2"),
        ("0.4995", "0.4995", "0.001"),
        ("0.495", "0.495", "0.01"),
        ("0.475", "0.475", "0.05"),
        ("0.4", "0.4", "0.2"),
        ("0.25", "0.25", "0.5"),
    ):
        shares = _bands(easy, medium, hard)
        yield f"id2-10_{easy}easy_{medium}medium_{hard}hard", MixturePreset("pre-training", ((ALL, shares),))
    for first, last in ((9, 12), (11, 14)):
        shares = _sum(("0.2", uniform), ("0.8", _uniform(first, last)))
        yield f"cpt0.2-uniform_0.8-{first}-{last}", MixturePreset("mid-training", ((ALL, shares),))
    for first, last in ((11, 14), (7, 10), (9, 12), (17, 20)):
        yield f"op{first}-{last}_uniform", MixturePreset("RL", ((ALL, _uniform(first, last)),))
    yield "op11-14_uniform_plus", MixturePreset("RL", ((ALL, _sum(("0.1", uniform), ("0.9", edge))),))

    yield "idzoo_1.0zoo", MixturePreset("pre-training", _both("1", whole, whole))
    for zoo, school in _pairs("0.999 0.99 0.95 0.9 0.8 0.5"):
        yield f"idzoo_{zoo}zoo_{school}teacher", MixturePreset("pre-training", _both(zoo, whole, whole))
    for zoo, school in _pairs("0.9 0.8 0.7 0.95 0.98 0.3 0.99 0.5 0.1 0.01"):
        yield f"contextzoo_{zoo}zoo_{school}teacher", MixturePreset("RL", _both(zoo, whole, whole))
    yield "contextzoo_1.0teacher", MixturePreset("RL", _both("0", whole, whole))
    yield "contextzoo_1.0zoo", MixturePreset("RL", _both("1", whole, whole))

    for zoo, school in _pairs("0.7 0.9 0.999 0.99"):
        yield f"{zoo}zoo_op2-20+{school}teacher_op2", MixturePreset("pre-training", _both(zoo, whole, _uniform(2, 2)))
    for zoo, school in _pairs("0.9 0.5"):
        for name_of_school, of_school in (
            ("1.0easy", _bands("1", "0", "0")),
            ("0.9easy_0.1medium", _bands("0.9", "0.1", "0")),
        ):
            for name_of_zoo, of_zoo in (("uniform", uniform), ("0.5hard", _bands("0.2", "0.3", "0.5"))):
                name = f"{zoo}zoo_{name_of_zoo}+{school}teacher_{name_of_school}"
                yield name, MixturePreset("pre-training", _both(zoo, of_zoo, of_school))
    yield "op11-14_uniform_full_zoo", MixturePreset("RL", _both("1", edge, edge))
    yield "op11-14_uniform_full_teacher", MixturePreset("RL", _both("0", edge, edge))
    for zoo, school in _pairs("0.9 0.5"):
        yield f"op11-14_uniform_{zoo}zoo_{school}teacher", MixturePreset("RL", _both(zoo, edge, edge))


def _pairs(shares: str) -> list[tuple[str, str]]:
    """Each share and the rest up to 1, as the names write them."""
    return [(share, f"{float(1 - Fraction(share)):g}") for share in shares.split()]
