"""Changes of gold solutions in the paper wording, and what a solution means, found without the verifier's code."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from edgewise.tasks.graph import paper
from edgewise.tasks.graph.graph import Graph, Node, evaluate

LETTER = re.compile(r"(?<![\w'])[A-Za-z](?![\w'])")
_NUMBER = re.compile(r"\d+")
_OPERATOR = re.compile(r"(?<![A-Za-z]{2})[-+*/](?![A-Za-z]{2})")
_STEP = re.compile(r"Define (.*?) as (\w); (.*?)\.(?= |$)")
_TAIL = re.compile(r"We know (\w) = (.*?), so we have (.*?) = (.*?) and we solve it .*? steps: (.*)\. Answer: (.*)\.")


def meaning(text: str) -> Any:
    """What each step says, with a large random number for each quantity; None where the text is untrue or unreadable.

    Equal for texts that say the same of the same quantities in the same order, whatever their letters. Letters stand
    for two things here: what they are worked out from (`drawn`) and the number that was found for them (`found`).
    """
    drawn: dict[str, Fraction] = {}
    found: dict[str, Fraction] = {}
    owner: dict[str, str] = {}
    said: list[Any] = []
    unknown = ""
    try:
        for name, letter, chain in _STEP.findall(text.partition(" We know ")[0].partition(" Answer: ")[0] + " "):
            worked_out: list[Any] = []
            value = Fraction(random.Random(name).randint(10**6, 10**9))
            if chain == paper.LATER:
                unknown, found[letter] = letter, value
            for clause in chain.split("; ") if chain != paper.LATER else ():
                target, first, *others = clause.removeprefix("so ").split(" = ")
                combined, number = _value(first, drawn), _value(first, found)
                for other in others:
                    numbers = {*LETTER.findall(other)} <= {unknown}
                    if _value(other, found if numbers else drawn) != (number if numbers else combined):
                        return None
                if target == letter:
                    if not {*LETTER.findall((first, *others)[-1])} <= {unknown}:
                        return None
                    worked_out.append((combined, number))
                else:
                    drawn[target] = combined
                found[target] = number
            said.append((name, worked_out))
            drawn[letter], owner[letter] = value, name
        if not (tail := _TAIL.search(text)):
            return said, text.rpartition(" Answer: ")[2]
        known, told, left, right, steps, answer = tail.groups()
        forms = [_form(side, unknown) for side in (told, left, right)]
        solved, before = [], forms[1][0] - forms[2][0]
        for step in steps.split(". "):
            label, equation = step.split(": ")
            (a, b), (c, d) = (_form(side, unknown) for side in equation.split(" = "))
            divided = "Divide" in label and _form(label.rpartition(" ")[2], unknown) == (Fraction(), before / (a - c))
            solved.append((divided or label.replace(f" {unknown}", " UNKNOWN"), (d - b) / (a - c)))
            before = a - c
        last = steps.rpartition(": ")[2].replace(unknown, "UNKNOWN")
        return said, owner[known], forms, solved, last, _form(answer, unknown)
    except (ArithmeticError, KeyError, NameError, SyntaxError, TypeError, ValueError):
        return None


def _value(expression: str, env: dict[str, Fraction]) -> Fraction:
    assert re.fullmatch(r"[\w +*/()-]*", expression)
    if re.search(r"\*\*|//|(^|[-+*/(]) *\+", expression):
        raise ValueError("no arithmetic of the format")
    return eval(_NUMBER.sub(r"Fraction(\g<0>)", expression), {"Fraction": Fraction, **env})  # type: ignore[no-any-return]


def _form(expression: str, unknown: str) -> tuple[Fraction, Fraction]:
    zero, one, two = (_value(expression, {unknown: Fraction(x)}) for x in (0, 1, 2))
    if two - one != one - zero:
        raise ValueError("not linear")
    return one - zero, zero


def renamed(text: str, source: random.Random, keep: str = "x") -> str:
    """Fresh letters for all but those of `keep`."""
    letters = [letter for letter in dict.fromkeys(LETTER.findall(text)) if letter not in keep]
    fresh = [letter for letter in string.ascii_letters if letter not in "xX" and letter not in keep]
    new = dict(zip(letters, source.sample(fresh, len(letters)), strict=True))
    return LETTER.sub(lambda match: new.get(match[0], match[0]), text)


def changed_tokens(text: str, source: random.Random, letters: int) -> Iterator[tuple[str, str]]:
    """Each number made one more, one less and ten times as large; each operator made each other; each letter made
    `letters` others, of those of the text and one that is not."""

    def with_(match: re.Match[str], new: str) -> str:
        return text[: match.start()] + new + text[match.end() :]

    for match in _NUMBER.finditer(text):
        number = int(match[0])
        for new in {number + 1, abs(number - 1), number * 10} - {number}:
            yield "number", with_(match, str(new))
    for match in _OPERATOR.finditer(text):
        for other in "+-*/".replace(match[0], ""):
            yield "operator", with_(match, other)
    used = sorted({*LETTER.findall(text)})
    unused = source.choice([letter for letter in string.ascii_letters if letter not in used])
    for match in LETTER.finditer(text):
        others = [letter for letter in used if letter != match[0]] + [unused]
        for other in source.sample(others, min(letters, len(others))):
            yield "letter", with_(match, other)


def steps_of(text: str) -> tuple[str, list[str], str]:
    """What stands before the steps, the steps, and what stands after them."""
    head, *parts = re.split("(?=Define )", text)
    last, mark, tail = re.split("(We know |Answer: )", parts[-1], maxsplit=1)
    return head, [*parts[:-1], last], mark + tail


def broken(text: str, names: list[str], source: random.Random) -> Iterator[tuple[str, str]]:
    """Changes that leave no right solution whatever the problem."""
    head, steps, tail = steps_of(text)

    def with_(new: list[str]) -> str:
        return head + "".join(new) + tail

    for i, step in enumerate(steps):
        before, after = steps[:i], steps[i + 1 :]
        yield "step dropped", with_([*before, *after])
        yield "step twice", with_([*before, step, step, *after])
        name, rest = re.fullmatch("Define (.*?)( as .*)", step).groups()  # type: ignore[union-attr]
        for other in source.sample(names, min(3, len(names))):
            if other != name:
                yield "name", with_([*before, f"Define {other}{rest}", *after])
        defined, *clauses = step.removesuffix(". ").split("; ")
        for j, clause in enumerate(clauses):
            yield (
                "clause dropped",
                with_([*before, "; ".join([defined, *clauses[:j], *clauses[j + 1 :]]) + ". ", *after]),
            )
            target, *segments = clause.split(" = ")
            if not segments:
                continue
            terms = segments[0].split(" ")
            shorter = [" ".join(terms[2:]), " ".join(terms[:-2])] if len(terms) > 2 else []
            for first in (*shorter, f"{segments[0]} + {LETTER.findall(text)[0]}", f"{segments[0]} + 1", "7"):
                new = " = ".join([target, first, *segments[1:]])
                if first != segments[0]:
                    chain = "; ".join([defined, *clauses[:j], new, *clauses[j + 1 :]])
                    yield "operand", with_([*before, f"{chain}. ", *after])
            if clause.startswith("so "):
                if len(segments) > 1 and segments[0] != "x":
                    yield "value dropped", with_([*before, step.replace(" = ".join(["", *segments[1:]]), ""), *after])
                yield "false value added", with_([*before, step.removesuffix(". ") + " = 977. ", *after])
    answer = tail.rpartition(" ")[2]
    for ending in ("", f" Answer: {answer}", " Answer: 1.", " So there.", " <answer> 1 </answer>", " Define"):
        yield "ending", text.removesuffix(f" Answer: {answer}") if not ending else text + ending
    yield "ending", text[:-1]
    yield "ending", text.replace("Answer: ", "Answer: -")
    if tail.startswith("We know "):
        yield "tail dropped", f"{head}{''.join(steps)}Answer: {answer}"
        sentences = tail.split(". ")
        yield "solution dropped", head + "".join(steps) + ". ".join([*sentences[:-2], sentences[-1]])


def other_problems(graph: Graph) -> Iterator[tuple[str, Graph]]:
    """The graph with one necessary definition changed, and every value after it: consistent, but another problem."""
    letters = (*graph.letters, *[letter for letter in string.ascii_letters if letter not in graph.letters])
    for i in graph.steps:
        if i == graph.unknown:
            continue
        node = graph.nodes[i]
        parents = node.parents
        changed: list[Node] = []
        if not parents or node.operator:
            changed.append(node._replace(constant=node.constant + 1))
        if node.operator:
            changed.append(node._replace(operator="*" if node.operator == "+" else "+"))
            changed.append(node._replace(operator="", constant=0))
        elif parents:
            changed.append(node._replace(operator="+", constant=2))
        if len(parents) == 2:
            changed.append(node._replace(combine="-" if node.combine == "+" else "+"))
        if node.combine == "-":
            changed.append(node._replace(parents=parents[::-1]))
        if len(parents) > 2:
            changed.append(node._replace(parents=parents[1:]))
        earlier = [p for p in graph.steps[: graph.steps.index(i)] if p not in parents]
        if parents and earlier:
            changed.append(node._replace(parents=(*parents[:-1], earlier[-1])))
            if node.combine == "+":
                changed.append(node._replace(parents=(*parents, earlier[0])))
        for new in changed:
            nodes = (*graph.nodes[:i], new, *graph.nodes[i + 1 :])
            values = evaluate(nodes, graph.unknown)
            other = replace(graph, nodes=nodes, values=values, letters=letters)
            if graph.unknown is None:
                yield "consistent", replace(other, answer=values[graph.sink].b)
            elif values[graph.sink].a:
                # The same number is told, so the unknown would be another, where that is a number.
                answer = Fraction(graph.told - values[graph.sink].b, values[graph.sink].a)
                yield "consistent", replace(other, answer=int(answer)) if answer.denominator == 1 else other
