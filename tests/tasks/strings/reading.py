"""A reader of prompts and an interpreter of descriptions that know nothing but their text."""

from __future__ import annotations

from dataclasses import dataclass

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOWELS = "aeiou"


@dataclass(frozen=True)
class Question:
    """What a prompt asks: calls from the innermost to the outermost, the input, and the descriptions it shows."""

    calls: tuple[str, ...]
    x: str
    shown: dict[str, str]


def read(prompt: str) -> Question:
    *shown, expression, given = prompt.split(" ; ")
    *opened, close = expression.split(" x ")
    assert close.split() == [")"] * close.count(")")
    calls = opened[0].removesuffix(" (").split(" ( ")
    assert len(opened) == 1
    assert len(calls) == close.count(")")
    variable, letters = given.removesuffix(" ? :").split(" = ")
    assert variable == "x"
    assert given.endswith(" ? :")
    assert all(len(letter) == 1 and letter in LETTERS for letter in letters.split())
    descriptions = dict(part.split(" : ") for part in shown)
    assert len(descriptions) == len(shown)
    return Question(tuple(reversed(calls)), letters.replace(" ", ""), descriptions)


def solve(prompt: str) -> list[str]:
    """The strings on the way from x to the result, by the descriptions that the prompt shows."""
    question = read(prompt)
    strings = [question.x]
    for name in question.calls:
        strings.append(interpret(question.shown[name], strings[-1]))
    return strings


def interpret(description: str, s: str) -> str:
    """One description on one string, place by place and letter by letter."""
    words = description.split()
    places = rearranged(words, len(s))
    if places is not None:
        return "".join(s[place - 1] for place in places)
    match words:
        case ["sort", "up"]:
            return "".join(letter * s.count(letter) for letter in LETTERS)
        case ["sort", "down"]:
            return "".join(letter * s.count(letter) for letter in reversed(LETTERS))
    return "".join(replaced(words, letter, place) for place, letter in enumerate(s, 1))


def rearranged(words: list[str], n: int) -> list[int] | None:
    """The place from which each letter of the result is taken; None where that does not describe the function."""
    every = list(range(1, n + 1))
    half = n // 2
    first, second = every[:half], every[n - half :]
    middle = [place for place in every if place not in first and place not in second]
    odd, even = [p for p in every if p % 2], [p for p in every if not p % 2]
    match words:
        case ["reverse", "all"]:
            return [n + 1 - place for place in every]
        case ["reverse", "halves"]:
            return sorted(first, reverse=True) + middle + sorted(second, reverse=True)
        case ["rotate", "left", amount]:
            return [(place - 1 + int(amount)) % n + 1 for place in every]
        case ["rotate", "right", amount]:
            return [(place - 1 - int(amount)) % n + 1 for place in every]
        case ["swap", "neighbours"]:
            return [
                place + 1 if place in odd and place < n else place if place in odd else place - 1 for place in every
            ]
        case ["swap", "ends"]:
            return [n, *every[1:-1], 1]
        case ["odd", "then", "even"]:
            return odd + even
        case ["even", "then", "odd"]:
            return even + odd
        case ["interleave", "halves"]:
            return [place for i in range(half) for place in (first[i], second[i])] + middle
        case ["interleave", "ends"]:
            return [place for i in range(1, half + 1) for place in (i, n + 1 - i)] + middle
        case ["double", "half"]:
            return [place for i in first for place in (i, i)] + middle
        case ["mirror", "half"]:
            return first + middle + sorted(first, reverse=True)
        case ["repeat", "half"]:
            return first + middle + first
        case ["copy", "odd"]:
            return [place if place in odd else place - 1 for place in every]
    return None


def replaced(words: list[str], letter: str, place: int) -> str:
    """What becomes of a letter at a place."""
    match words:
        case ["forward", "place"]:
            return moved(letter, place)
        case ["forward", amount]:
            return moved(letter, int(amount))
        case ["back", amount]:
            return moved(letter, -int(amount))
        case ["mirror", "alphabet"]:
            return LETTERS[-1 - LETTERS.index(letter)]
        case ["next", "of", "kind"]:
            after = [moved(letter, steps) for steps in range(1, 27)]
            return next(other for other in after if (other in VOWELS) == (letter in VOWELS))
        case ["odd", "forward", ahead, "even", "back", behind]:
            return moved(letter, int(ahead) if place % 2 else -int(behind))
    raise AssertionError(f"no such description: {' '.join(words)}")


def moved(letter: str, steps: int) -> str:
    return LETTERS[(LETTERS.index(letter) + steps) % 26]
