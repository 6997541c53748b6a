"""A small package in the place of reasoning_gym: its shape, and the faults of its scorers."""

from __future__ import annotations

from pathlib import Path

FACTORY = '''
import os, random, time
from dataclasses import dataclass
from random import Random

@dataclass
class Config:
    seed: int = None
    size: int = 500
    largest: int = 999
    def validate(self):
        assert self.largest > 0, "largest must be positive"

class Sums:
    """Pays a part for a text in which the answer is found."""
    def __init__(self, config):
        assert config.seed is not None and config.size == 1
        self.config, self.seed = config, config.seed
    def __getitem__(self, index):
        rng = Random(self.seed + index)
        a, b = rng.randint(0, self.config.largest), rng.randint(0, self.config.largest)
        return {"question": f"What is {a} + {b}?", "answer": str(a + b), "metadata": {"numbers": {1: a, 2: b}}}
    def score_answer(self, answer, entry):
        gold = entry["answer"]
        return 1.0 if answer == gold else len(gold) / len(answer) if gold in answer else 0.0

class Generous(Sums):
    """Pays in full for a text in which the answer is found."""
    def score_answer(self, answer, entry):
        return 1.0 if entry["answer"] in answer else 0.0

class Strange(Sums):
    """Does what a scorer must not do."""
    def score_answer(self, answer, entry):
        if answer == "hang":
            while True: pass
        if answer == "die":
            os._exit(7)
        if answer == "raise":
            raise RuntimeError("no\\nidea " * 100)
        if answer == "spoil":
            entry["answer"] = "spoil"
        if answer == "nan":
            return float("nan")
        return super().score_answer(answer, entry)

class Formula(Sums):
    """Any formula with the right value; like sympy's parser it runs what it is given."""
    def score_answer(self, answer, entry):
        try:
            return 1.0 if eval(answer) == int(entry["answer"]) else 0.01
        except Exception:
            return 0.01

class Twice(Formula):
    """Runs what comes out of it again, as sympy does with a string."""
    def score_answer(self, answer, entry):
        try:
            return 1.0 if eval(str(eval(answer))) == int(entry["answer"]) else 0.01
        except Exception:
            return 0.01

class Literals(Sums):
    """Keeps what it compares with as the text of a list, and runs that."""
    def __getitem__(self, index):
        return {"question": f"List {self.seed}.", "answer": "b a", "metadata": {"list": "['b', 'a']"}}
    def score_answer(self, answer, entry):
        try:
            return float(answer.split() == eval(entry["metadata"]["list"]))
        except Exception:
            return 0.0

class Moves(Sums):
    """Any text will do that has the right letters in it, and there is no answer of its own."""
    def __getitem__(self, index):
        return {**super().__getitem__(index), "answer": None}
    def score_answer(self, answer, entry):
        return 1.0 if "".join(c for c in answer if c in "UD") == "UUD" else 0.01

class Example(Moves):
    def __getitem__(self, index):
        entry = super().__getitem__(index)
        return {**entry, "metadata": {"possible_answer": {0: "U", 1: "UD"}}}

class Unsteady(Sums):
    """Depends on the hashes of strings and on the generator that everybody shares."""
    def __getitem__(self, index):
        names = list({f"n{i}" for i in range(50)})
        return {"question": f"{names} {random.random()} {self.seed}", "answer": "1", "metadata": {}}

class Drifting(Sums):
    """Never the same."""
    def __getitem__(self, index):
        return {"question": os.urandom(8).hex(), "answer": "1", "metadata": {}}

class Lonely(Sums):
    def __getitem__(self, index):
        return {"question": "What is 1 + 1?", "answer": "2", "metadata": {}}

class Slow(Sums):
    def __getitem__(self, index):
        time.sleep(30)

TASKS = dict(
    chain_sum=Sums, generous=Generous, strange=Strange, countdown=Formula, rush_hour=Moves, graph_color=Example,
    unsteady=Unsteady, drifting=Drifting, lonely=Lonely, slow=Slow, jugs=Twice, literals=Literals,
)
DATASETS = {name: (kind, Config) for name, kind in TASKS.items()}

def create_dataset(name, **config):
    kind, settings = DATASETS[name]
    settings = settings(**config)
    settings.validate()
    return kind(settings)
'''


def install(site: Path) -> None:
    """Puts the package into a folder, as an installer would."""
    package, about = site / "reasoning_gym", site / "reasoning_gym-0.1.25.dist-info"
    for path in (package, about):
        path.mkdir()
    (package / "factory.py").write_text(FACTORY)
    (package / "__init__.py").write_text("from .factory import create_dataset\n")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: reasoning_gym\nVersion: 0.1.25\n")
