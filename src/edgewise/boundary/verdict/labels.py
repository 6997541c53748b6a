"""Table of the verdict labels: which facts each names, meaning, sentence, colours and symbol.

Only this table knows a label. Rules, sentences, pages, the terminal, the JSON schema and docs/verdicts.md read it; a
new label is one more entry here, its name in `Label`, and its place in `NAMES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgewise.boundary.verdict.facts import Facts

Label = Literal[
    "extended",
    "more within k",
    "mixed",
    "sharpened at a cost",
    "shrunk",
    "sharpened",
    "less sure",
    "unchanged",
    "surer, k open",
    "less sure, k open",
    "cannot tell",
]
CANNOT_TELL: Label = "cannot tell"


@dataclass(frozen=True)
class LabelEntry:
    """One label.

    `shown` is the label with its k, filled with {k}; `meaning` is one plain sentence. `sentence` is filled with {k},
    {margin}, {at_1} and {at_k} (the differences with their intervals) and {detectable} (the smallest change of pass@k
    that would be seen); at most 25 words.

    `changed`: wrong where nothing changed. `lost`: some problems are no longer solved.

    `color` and `dark_color` are for light and dark pages. `symbol` are the paths of a picture, 48 wide and 32 high,
    each with its class: "was" the base's curve, "now" the tuned model's, "wide" what is unknown. `style` is rich's, in
    a colour between the two, which can be read on white and on black.
    """

    shown: str
    meaning: str
    sentence: str
    color: str
    dark_color: str
    symbol: tuple[tuple[str, str], ...]
    style: str = "bold"
    changed: bool = False
    lost: bool = False


LABELS: Mapping[Label, LabelEntry] = {
    "extended": LabelEntry(
        shown="extended @{k}",
        meaning="Within k samples the tuned model solves problems that the base leaves unsolved.",
        sentence="Problems that the base leaves unsolved come within {k} samples: {at_k}; {at_1}.",
        color="#00735c",
        dark_color="#4cc2a2",
        symbol=(("was", "M4 29C16 27 28 21 44 19"), ("now", "M4 26C18 23 28 6 44 3")),
        style="bold #1a8e74",
        changed=True,
    ),
    "more within k": LabelEntry(
        shown="more within {k} samples",
        meaning="More is solved within k samples; a larger k would say whether the base lacks what is new.",
        sentence="More is solved within {k} samples: {at_k}; {at_1}.",
        color="#2a722d",
        dark_color="#86c98a",
        symbol=(("was", "M4 29C18 27 30 18 44 15"), ("now", "M4 25C16 20 28 12 44 9")),
        style="bold #478d4a",
        changed=True,
    ),
    "mixed": LabelEntry(
        shown="mixed @{k}",
        meaning="Some problems came within reach of k samples, or are solved more surely, and others went out of it.",
        sentence="Within {k} samples some problems are gained and others lost: {at_k}; {at_1}.",
        color="#84409b",
        dark_color="#d49be6",
        symbol=(("now", "M15 28V5M8 12l7-8 7 8M33 4v23M26 20l7 8 7-8"),),
        style="bold #a565ba",
        changed=True,
        lost=True,
    ),
    "sharpened at a cost": LabelEntry(
        shown="sharpened at a cost @{k}",
        meaning="The curves cross: right more often with one sample, and fewer problems solved within k samples.",
        sentence="The curves cross: surer at once, but less is solved within {k} samples: {at_1}; {at_k}.",
        color="#8a4b08",
        dark_color="#e6a765",
        symbol=(("was", "M4 29C16 26 28 8 44 4"), ("now", "M4 15C16 12 28 13 44 12")),
        style="bold #ae6f2c",
        changed=True,
        lost=True,
    ),
    "shrunk": LabelEntry(
        shown="shrunk @{k}",
        meaning="The tuned model solves fewer problems within k samples than the base does.",
        sentence="Less is solved within {k} samples: {at_k}; {at_1}.",
        color="#a93a22",
        dark_color="#f0937a",
        symbol=(("was", "M4 29C18 26 28 8 44 4"), ("now", "M4 24C16 22 28 20 44 19")),
        style="bold #c75f47",
        changed=True,
        lost=True,
    ),
    "sharpened": LabelEntry(
        shown="sharpened @{k}",
        meaning="Right more often with one sample; within k samples less than the margin is newly solved or lost.",
        sentence="Surer at once; within {k} samples less than {margin} new or lost: {at_1}; {at_k}.",
        color="#4551b5",
        dark_color="#a2abf5",
        symbol=(("was", "M4 29C18 26 28 9 44 6"), ("now", "M4 15C16 9 28 6 44 5")),
        style="bold #6b76cf",
        changed=True,
    ),
    "less sure": LabelEntry(
        shown="less sure @{k}",
        meaning="Right less often with one sample; within k samples less than the margin is newly solved or lost.",
        sentence="Less sure at once; within {k} samples less than {margin} new or lost: {at_1}; {at_k}.",
        color="#7d5a50",
        dark_color="#cfae9f",
        symbol=(("was", "M4 15C16 9 28 6 44 5"), ("now", "M4 29C18 26 28 9 44 6")),
        style="bold #98766a",
        changed=True,
    ),
    "unchanged": LabelEntry(
        shown="unchanged @{k}",
        meaning="Neither pass@1 nor pass@k moved by as much as the margin.",
        sentence="No change beyond {margin}, neither at once nor within {k} samples: {at_1}; {at_k}.",
        color="#55626b",
        dark_color="#a9b6bf",
        symbol=(("was", "M4 28C18 25 28 9 44 7"), ("now", "M4 25C18 22 28 6 44 4")),
    ),
    "surer, k open": LabelEntry(
        shown="surer; @{k} open",
        meaning="Right more often with one sample; what happened within k samples is not decided.",
        sentence="Surer at once: {at_1}. Within {k} samples open: {at_k}; changes from {detectable} would show.",
        color="#2c6e9b",
        dark_color="#8cc4e8",
        symbol=(("wide", "M4 20C18 14 28 4 44 2V20C28 22 18 20 4 26z"), ("now", "M4 23C16 16 28 14 44 12")),
        style="bold #4484ae",
        changed=True,
    ),
    "less sure, k open": LabelEntry(
        shown="less sure; @{k} open",
        meaning="Right less often with one sample; what happened within k samples is not decided.",
        sentence="Less sure at once: {at_1}. Within {k} samples open: {at_k}; changes from {detectable} would show.",
        color="#8b5e3c",
        dark_color="#d9b08c",
        symbol=(("wide", "M4 24C18 18 28 8 44 6V24C28 26 18 24 4 30z"), ("now", "M4 28C16 24 28 18 44 15")),
        style="bold #a07452",
        changed=True,
    ),
    "cannot tell": LabelEntry(
        shown="cannot tell @{k}",
        meaning="Nothing is shown, or something else than tuning could explain what is; the rule says what is missing.",
        sentence="Not decided: {at_1}; {at_k}; changes of pass@{k} from {detectable} would show.",
        color="#7a5c00",
        dark_color="#dcb94e",
        symbol=(
            ("wide", "M4 24C18 18 28 4 44 2V20C28 22 18 28 4 31z"),
            ("now", "M20 11q0-5 5-5t5 5-5 6v3M25 25v1"),
        ),
    ),
}

_AT_K: Mapping[str, Label] = {"extended": "extended", "more": "more within k", "both": "mixed", "shrunk": "shrunk"}
# The label of a pair of facts, where the fact at k does not name it alone.
NAMES: Mapping[Facts, Label] = {
    Facts("up", "shrunk"): "sharpened at a cost",
    Facts("up", "same"): "sharpened",
    Facts("up", "open"): "surer, k open",
    Facts("down", "same"): "less sure",
    Facts("down", "open"): "less sure, k open",
    Facts("same", "same"): "unchanged",
}


def label_of(facts: Facts) -> Label:
    """The name of a pair of facts."""
    return NAMES.get(facts) or _AT_K.get(facts.at_k, CANNOT_TELL)


def shown_label(label: Label, k: int | str) -> str:
    """The label with its k, as people read it: "extended @32"."""
    return LABELS[label].shown.format(k=k)
