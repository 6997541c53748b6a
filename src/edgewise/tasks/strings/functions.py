"""The atomic functions on strings of lowercase letters, under names that mean nothing.

Every function is total, deterministic and keeps the length, so that no composition grows, shrinks or ends in the empty
string. Half of them are for training and half are held out. A held-out function differs from all others: from 5 letters
up no two functions agree on more than a tenth of all strings of any length, and none is that often the identity. The
structure is that of "From f(x) and g(x) to f(g(x))" (arXiv 2509.25123), whose released functions grow without bound and
repeat each other across the two halves.

Places count from 1. The first and the second half have floor(length / 2) letters each; an odd length leaves
one letter, the middle, which keeps its place unless stated otherwise. Letters move cyclically in the
alphabet. The descriptions, as prompts show them, mean on abcde and abcdef:

    train                             held out
    reverse all         edcba fedcba  reverse halves             baced cbafed
    rotate left 1       bcdea bcdefa  rotate right 2             deabc efabcd
    swap neighbours     badce badcfe  swap ends                  ebcda fbcdea
    odd then even       acebd acebdf  even then odd              bdace bdface
    interleave halves   adbec adbecf  interleave ends            aebdc afbecd
    sort up             abcde abcdef  sort down                  edcba fedcba
    double half         aabbc aabbcc  mirror half                abcba abccba
    repeat half         abcab abcabc  copy odd                   aacce aaccee
    forward 3           defgh defghi  forward 7                  hijkl hijklm
    back 2              yzabc yzabcd  back 8                     stuvw stuvwx
    mirror alphabet     zyxwv zyxwvu  next of kind               ecdfi ecdfig
    forward place       bdfhj bdfhjl  odd forward 4 even back 4  exgzi exgzib

odd then even     the letters at odd places, then those at even places; even then odd likewise
interleave        halves: the first of each half, the second of each, and so on, then the middle;
                  ends: the first letter, the last, the second, the last but one, and so on
double half       every letter of the first half twice, then the middle
mirror, repeat    the second half becomes the first half read backwards, or the first half again
copy odd          the letter at each even place becomes that of the place before it
mirror alphabet   a and z change places, b and y, and so on
next of kind      a vowel (aeiou) becomes the next vowel, a consonant the next consonant, the last the first
forward place     each letter moves forward by its place
odd forward ...   letters at odd places move forward, those at even places back
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Literal

ALPHABET = ascii_lowercase
Half = Literal["train", "held_out"]


@dataclass(frozen=True, slots=True)
class StringFunction:
    """One atomic function: `compute` takes a string of 5 or more lowercase letters to one of the same length."""

    name: str
    half: Half
    description: str
    compute: Callable[[str], str]


def function_names(functions: Half | Literal["all"]) -> tuple[str, ...]:
    """The names of the functions for training, of those held out, or of all, in alphabetical order."""
    return tuple(sorted(name for name, function in FUNCTIONS.items() if functions in ("all", function.half)))


def _reverse_halves(s: str) -> str:
    half = len(s) // 2
    return s[:half][::-1] + s[half:-half] + s[-half:][::-1]


def _swap_neighbours(s: str) -> str:
    out, even = list(s), len(s) // 2 * 2
    out[0:even:2], out[1:even:2] = out[1:even:2], out[0:even:2]
    return "".join(out)


def _interleave(first: str, second: str, middle: str) -> str:
    return "".join([a + b for a, b in zip(first, second, strict=True)]) + middle


def _interleave_halves(s: str) -> str:
    half = len(s) // 2
    return _interleave(s[:half], s[-half:], s[half:-half])


def _interleave_ends(s: str) -> str:
    half = len(s) // 2
    return _interleave(s[:half], s[: -half - 1 : -1], s[half:-half])


def _double_half(s: str) -> str:
    half = len(s) // 2
    return _interleave(s[:half], s[:half], s[half:-half])


def _mirror_half(s: str) -> str:
    half = len(s) // 2
    return s[:-half] + s[:half][::-1]


def _repeat_half(s: str) -> str:
    half = len(s) // 2
    return s[:-half] + s[:half]


def _copy_odd(s: str) -> str:
    out = list(s)
    out[1::2] = out[: len(s) // 2 * 2 : 2]
    return "".join(out)


def _sort_up(s: str) -> str:
    return "".join(sorted(s))


def _sort_down(s: str) -> str:
    return "".join(sorted(s, reverse=True))


def _forward_place(s: str) -> str:
    return "".join([ALPHABET[(ord(c) - 97 + place) % 26] for place, c in enumerate(s, 1)])


def _alternate(s: str) -> str:
    out = list(s)
    out[::2], out[1::2] = _forward_4(s[::2]), _back_4(s[1::2])
    return "".join(out)


def _replace(to: str) -> Callable[[str], str]:
    """Each letter of the alphabet becomes the one that stands in its place in `to`."""
    table = str.maketrans(ALPHABET, to)
    return lambda s: s.translate(table)


def _forward(steps: int) -> Callable[[str], str]:
    return _replace(ALPHABET[steps:] + ALPHABET[:steps])


def _next_of_kind() -> Callable[[str], str]:
    vowels = "aeiou"
    consonants = "".join(c for c in ALPHABET if c not in vowels)
    following = {c: kind[(i + 1) % len(kind)] for kind in (vowels, consonants) for i, c in enumerate(kind)}
    return _replace("".join(following[c] for c in ALPHABET))


_forward_4 = _forward(4)
_back_4 = _forward(-4)

# Names were dealt at random: neither their order nor their letters tell the half or the family.
FUNCTIONS: dict[str, StringFunction] = {
    function.name: function
    for function in (
        StringFunction("kiv", "train", "reverse all", lambda s: s[::-1]),
        StringFunction("tiv", "train", "rotate left 1", lambda s: s[1:] + s[:1]),
        StringFunction("sul", "train", "swap neighbours", _swap_neighbours),
        StringFunction("rab", "train", "odd then even", lambda s: s[::2] + s[1::2]),
        StringFunction("gop", "train", "interleave halves", _interleave_halves),
        StringFunction("bix", "train", "sort up", _sort_up),
        StringFunction("naz", "train", "double half", _double_half),
        StringFunction("zir", "train", "repeat half", _repeat_half),
        StringFunction("pog", "train", "forward 3", _forward(3)),
        StringFunction("wug", "train", "back 2", _forward(-2)),
        StringFunction("huz", "train", "mirror alphabet", _replace(ALPHABET[::-1])),
        StringFunction("fep", "train", "forward place", _forward_place),
        StringFunction("koj", "held_out", "reverse halves", _reverse_halves),
        StringFunction("jud", "held_out", "rotate right 2", lambda s: s[-2:] + s[:-2]),
        StringFunction("lem", "held_out", "swap ends", lambda s: s[-1] + s[1:-1] + s[0]),
        StringFunction("dov", "held_out", "even then odd", lambda s: s[1::2] + s[::2]),
        StringFunction("quf", "held_out", "interleave ends", _interleave_ends),
        StringFunction("mib", "held_out", "sort down", _sort_down),
        StringFunction("cag", "held_out", "mirror half", _mirror_half),
        StringFunction("sef", "held_out", "copy odd", _copy_odd),
        StringFunction("zup", "held_out", "forward 7", _forward(7)),
        StringFunction("dax", "held_out", "back 8", _forward(-8)),
        StringFunction("vub", "held_out", "next of kind", _next_of_kind()),
        StringFunction("yeb", "held_out", "odd forward 4 even back 4", _alternate),
    )
}
