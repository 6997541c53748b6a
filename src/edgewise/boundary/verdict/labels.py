"""Table of the verdict labels: meaning, rule, sentence, colours and symbol of each.

Only this table knows a label. Rules, sentences, combined verdicts, pages, the terminal, the JSON schema and
docs/verdicts.md read it; a new label is one more entry here, and its name in `Label`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.verdict.evidence import Evidence, PowerTest

Label = Literal["sharpened", "extended", "shrunk", "mixed", "unchanged", "cannot tell"]
CANNOT_TELL: Label = "cannot tell"


@dataclass(frozen=True)
class Claim:
    """When a label is given. Claims are tried in the order of the table.

    `holds` says whether the evidence gives the label, and `rule` why in one sentence. The label is refused where one
    of `tests` has too little power; `effect_words` says how large the differences are that they must see. A claim with
    `tried_last_if_weak` is tried after the others where its power is too low. With `excludes_hidden_loss` the label is
    wrong where single problems lost as much as the margin, although the net change does not show it.

    `explained` is given the evidence, `artefact_1` and `artefact_k`: how much of Delta pass@1 and of Delta pass@k a
    difference between the models in unscorable or truncated samples could make (base minus tuned). It returns how that
    could explain the label, or "".
    """

    rule: str
    holds: Callable[[Evidence], bool]
    tests: Callable[[Evidence], tuple[PowerTest, ...]]
    effect_words: str
    explained: Callable[[Evidence, float, float], str]
    tried_last_if_weak: bool = False
    excludes_hidden_loss: bool = False


@dataclass(frozen=True)
class LabelEntry:
    """One label. `claim` is None for the label that stands where nothing is claimed.

    `meaning` is one plain sentence and `condition` the rule in words. `sentence` is filled with {k} (samples) and
    {margin}. Over several sets the label is the first of the table whose `combined` holds for the labels of the sets;
    `combined_rule` says so, and `combined_sentence` is filled with {k}, {margin} and {here}, the sets of this label.
    Where no set has the label, `combined_apart` is filled with {extended} and {shrunk} too.

    The `combined` functions must satisfy two conditions, whatever labels the sets have. First, the combined label is
    one of those labels, or "mixed" where both "extended" and "shrunk" are among them. So two labels of `absence`
    combine to one of the two and never to "cannot tell", as "sharpened" and "unchanged" combine to "sharpened": the
    `combined` of one must hold for the pair. Second, a label of `absence` is combined only from labels of `absence`.

    `changed`: wrong where nothing changed. `lost`: some problems are no longer solved. `absence`: claims that something
    did not happen, which needs every set.

    `color` and `dark_color` are for light and dark pages. `symbol` are the paths of a picture, 48 wide and 32 high,
    each with its class: "was" the base's curve, "now" the tuned model's, "wide" what is unknown. `style` is rich's.
    """

    meaning: str
    condition: str
    sentence: str
    combined: Callable[[Set[Label]], bool]
    combined_rule: str
    combined_sentence: str
    color: str
    dark_color: str
    symbol: tuple[tuple[str, str], ...]
    style: str = "bold"
    combined_apart: str = ""
    changed: bool = False
    lost: bool = False
    absence: bool = False
    claim: Claim | None = None


def _beyond_margin(e: Evidence, artefact_1: float, artefact_k: float) -> str:
    """A difference in either direction is too large."""
    return f"beyond the margin of {100 * e.margin:.1f} points" if abs(artefact_1) > e.margin else ""


def _explains_sureness(e: Evidence, artefact_1: float, artefact_k: float) -> str:
    """A difference explains the rise of pass@1, or hides a change of pass@k."""
    if artefact_1 > e.delta_1.value:
        return "larger than that in pass@1, which could explain it"
    return "that could hide a change of pass@k beyond the margin" if abs(artefact_k) > e.margin else ""


def _explains_change(e: Evidence, artefact_1: float, artefact_k: float) -> str:
    """A difference in the direction of pass@k is larger than what pass@1 or pass@k moved that way."""
    sign = math.copysign(1, e.delta_k.value)
    moved = [sign * delta.value for delta in (e.delta_1, e.delta_k) if sign * delta.value > 0]
    return "larger than that in pass@1 or pass@k, which could explain it" if sign * artefact_1 > min(moved) else ""


LABELS: Mapping[Label, LabelEntry] = {
    "mixed": LabelEntry(
        meaning="Some problems came within reach of k samples, or are solved more surely, and others went out of it.",
        condition="The excess expansion and the excess shrinkage are both above 0.",
        sentence="Within {k} samples the tuned model gains some problems and loses others.",
        combined=lambda labels: "mixed" in labels or {"extended", "shrunk"} <= labels,
        combined_rule="some parts gained and others lost problems within k samples",
        combined_sentence="On {here}, within {k} samples the tuned model gains some problems and loses others.",
        combined_apart="Within {k} samples the tuned model gains problems on {extended} and loses some on {shrunk}.",
        color="#84409b",
        dark_color="#d49be6",
        symbol=(("now", "M15 28V5M8 12l7-8 7 8M33 4v23M26 20l7 8 7-8"),),
        style="bold magenta",
        changed=True,
        lost=True,
        claim=Claim(
            rule="Excess expansion and excess shrinkage are both above 0.",
            holds=lambda e: e.gained and e.lost,
            tests=lambda e: (e.test(e.expansion.value, e.expansion), e.test(e.shrinkage.value, e.shrinkage)),
            effect_words="the one observed",
            explained=_beyond_margin,
            tried_last_if_weak=True,
        ),
    ),
    "extended": LabelEntry(
        meaning="The tuned model solves more problems within k samples than the base does.",
        condition="Delta pass@k is above 0, by its interval and by a sign-flip test; so is the excess expansion, which "
        "is most of the gain or as large as the margin.",
        sentence="Within {k} samples the tuned model solves problems that the base does not.",
        combined=lambda labels: "extended" in labels,
        combined_rule="some part is extended and none is shrunk",
        combined_sentence="On {here}, within {k} samples the tuned model solves problems that the base does not.",
        color="#00735c",
        dark_color="#4cc2a2",
        symbol=(("was", "M4 29C16 27 28 21 44 19"), ("now", "M4 26C18 23 28 6 44 3")),
        style="bold green",
        changed=True,
        claim=Claim(
            rule="Delta pass@k is above 0, and so is the excess expansion, which is most of it or beyond the margin.",
            holds=lambda e: e.delta_k.low > 0 and e.p_k <= e.alpha and e.gained,
            tests=lambda e: (e.test(e.delta_k.value, e.delta_k, e.unseen),),
            effect_words="the one observed",
            explained=_explains_change,
            excludes_hidden_loss=True,
        ),
    ),
    "shrunk": LabelEntry(
        meaning="The tuned model solves fewer problems within k samples than the base does.",
        condition="Delta pass@k is below 0, by its interval and by a sign-flip test; the excess shrinkage is above 0.",
        sentence="Within {k} samples the tuned model no longer solves problems that the base does.",
        combined=lambda labels: "shrunk" in labels,
        combined_rule="some part is shrunk and none is extended",
        combined_sentence="On {here}, within {k} samples the tuned model no longer solves problems that the base does.",
        color="#a93a22",
        dark_color="#f0937a",
        symbol=(("was", "M4 29C18 26 28 8 44 4"), ("now", "M4 24C16 22 28 20 44 19")),
        style="bold red",
        changed=True,
        lost=True,
        claim=Claim(
            rule="Delta pass@k is below 0, and the excess shrinkage is above 0.",
            holds=lambda e: e.delta_k.high < 0 and e.p_k <= e.alpha and e.lost,
            tests=lambda e: (e.test(e.delta_k.value, e.delta_k, e.unseen),),
            effect_words="the one observed",
            explained=_explains_change,
        ),
    ),
    "sharpened": LabelEntry(
        meaning="The tuned model is right more often with one sample; within k samples it newly solves, and loses, "
        "less than the margin.",
        condition="Delta pass@1 is above 0, by its interval and by a sign-flip test; a loss of pass@k and an excess "
        "expansion as large as the margin are both excluded.",
        sentence="The tuned model is right more often with one sample; within {k} samples, newly solved problems and "
        "losses stay below {margin}.",
        combined=lambda labels: "sharpened" in labels and labels <= {"sharpened", "unchanged"},
        combined_rule="every part is sharpened or unchanged, and some is sharpened",
        combined_sentence="Right more often with one sample on {here}; within {k} samples, newly solved problems and "
        "losses stay below {margin}.",
        color="#4551b5",
        dark_color="#a2abf5",
        symbol=(("was", "M4 29C18 26 28 9 44 6"), ("now", "M4 15C16 9 28 6 44 5")),
        style="bold blue",
        changed=True,
        absence=True,
        claim=Claim(
            rule="Delta pass@1 is above 0; neither a loss of pass@k nor an excess expansion reaches the margin.",
            holds=lambda e: (
                e.delta_1.low > 0
                and e.p_1 <= e.alpha
                and e.delta_k.low > -e.margin
                and e.expansion.high < e.margin_in_problems
            ),
            tests=lambda e: (
                e.test(e.delta_1.value, e.delta_1),
                e.test(e.margin, e.delta_k, e.unseen),
                e.test(e.margin_in_problems, e.expansion, e.unseen * e.solved.problems),
            ),
            effect_words="the one observed at 1 or the margin at k",
            explained=_explains_sureness,
            excludes_hidden_loss=True,
        ),
    ),
    "unchanged": LabelEntry(
        meaning="Neither pass@1 nor pass@k moved by as much as the margin.",
        condition="The intervals of Delta pass@1 and Delta pass@k both lie within the margin.",
        sentence="No change beyond {margin}, neither with one sample nor with {k}.",
        combined=lambda labels: labels == {"unchanged"},
        combined_rule="every part is unchanged",
        combined_sentence="No change beyond {margin} on any set, neither with one sample nor with {k}.",
        color="#55626b",
        dark_color="#a9b6bf",
        symbol=(("was", "M4 28C18 25 28 9 44 7"), ("now", "M4 25C18 22 28 6 44 4")),
        absence=True,
        claim=Claim(
            rule="Delta pass@1 and Delta pass@k are both inside the margin.",
            holds=lambda e: e.delta_1.inside(e.margin) and e.delta_k.inside(e.margin),
            tests=lambda e: (e.test(e.margin, e.delta_1, e.unseen), e.test(e.margin, e.delta_k, e.unseen)),
            effect_words="the margin",
            explained=_beyond_margin,
            excludes_hidden_loss=True,
        ),
    ),
    "cannot tell": LabelEntry(
        meaning="No label is supported by the data; the rule says what is missing.",
        condition="Everything else. Also where the design has too little power to see what a label rests on, and where "
        "the models differ by enough in how many samples could not be verified or were cut off.",
        sentence="Neither a change within {k} samples nor its absence is shown.",
        combined=lambda labels: True,
        combined_rule="no part gained or lost problems for sure, and for some part it cannot be told",
        combined_sentence="On {here} the data do not decide; nowhere are problems shown to be newly solved or lost.",
        color="#7a5c00",
        dark_color="#dcb94e",
        symbol=(
            ("wide", "M4 24C18 18 28 4 44 2V20C28 22 18 28 4 31z"),
            ("now", "M20 11q0-5 5-5t5 5-5 6v3M25 25v1"),
        ),
    ),
}
