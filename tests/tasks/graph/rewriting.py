"""Right solutions in other words than the gold ones."""

from __future__ import annotations

import random

from edgewise.tasks.graph import paper
from edgewise.tasks.graph.graph import Graph, Linear


def another(graph: Graph, source: random.Random, extra: int = 0) -> str:
    """A right solution in other words than the gold one: another order of steps and terms, other letters (also for
    the unknown), intermediate results or none, values with or without the numbers that lead to them."""
    letters = iter(source.sample([a + b for a in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" for b in ("", "1", "7")], 100))
    x = next(letters)
    name = paper.quantity_names(graph.setting)
    letter: dict[int, str] = {}
    said = []
    wanted: set[int] = set()
    for i in sorted({*graph.steps, *source.sample(range(len(graph.nodes)), min(extra, len(graph.nodes)))}):
        if wanted.issuperset(graph.nodes[i].parents):
            wanted.add(i)
    while len(letter) < len(wanted):
        i = source.choice([i for i in wanted if i not in letter and set(graph.nodes[i].parents) <= letter.keys()])
        letter[i] = x if i == graph.unknown else next(letters)
        if i == graph.unknown:
            said.append(f"Define {name[graph.quantities[i]]} as {x}; {paper.LATER}.")
            continue
        parents, combine, operator, constant = graph.nodes[i]
        terms = [letter[p] for p in parents]
        numbers = [f"({form(graph.values[p], x, source)})" for p in parents]
        clauses = []
        if combine == "+":
            both = list(zip(terms, numbers, strict=True))
            source.shuffle(both)
            terms, numbers = [t for t, _ in both], [n for _, n in both]
        rest, rest_numbers = f" {combine} ".join(terms), f" {combine} ".join(numbers)
        if parents and operator and source.random() < 0.5:
            inner = next(letters)
            clauses.append(f"{inner} = {rest}" + source.choice(["", f" = {rest_numbers}"]))
            rest = inner
        parts = [f"{constant}", f"({rest})"]
        with_numbers = [f"{constant}", f"({rest_numbers})"]
        if operator and source.random() < 0.5:
            parts.reverse()
            with_numbers.reverse()
        whole = f" {operator} ".join(parts) if operator else rest or f"{constant}"
        value = form(graph.values[i], x, source)
        middle = f" = {f' {operator} '.join(with_numbers)}" if operator and source.random() < 0.5 else ""
        end = "" if whole == value else f" = {value}"
        clauses.append(f"{source.choice(['so ', ''])}{letter[i]} = {whole}{middle}{end}")
        said.append(f"Define {name[graph.quantities[i]]} as {letter[i]}; {'; '.join(clauses)}.")
    if graph.unknown is not None:
        a, b = graph.values[graph.sink]
        told, said_form = graph.told, form(graph.values[graph.sink], x, source)
        steps = [
            f"Simplifying the equation: {told} = {said_form}",
            f"Move all terms to one side: 0 = {told - b} - {a}*{x}",
            f"Isolate the term with {x}: {a}*{x} = {told - b}",
        ]
        steps = [step for step in steps if source.random() < 0.7] + [f"Solution: {x} = {graph.answer}"]
        said.append(
            f"We know {letter[graph.sink]} = {told}, so we have {said_form} = {told} and we solve it through the "
            f"following steps: {'. '.join(steps)}."
        )
    ending = source.choice(["Answer: {}.", "</solution> <answer> {} </answer>", "<answer>{}</answer>"])
    return " ".join([*said, ending.format(graph.answer)])


def form(value: Linear, x: str, source: random.Random) -> str:
    a, b = value
    if not a:
        return f"{b}"
    multiple = source.choice([x, f"1*{x}"]) if a == 1 else f"{a}*{x}"
    return (
        source.choice([f"{multiple} + {b}", f"{b} + {multiple}"]) if b > 0 else f"{multiple} - {-b}" if b else multiple
    )
