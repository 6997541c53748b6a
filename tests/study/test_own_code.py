"""A world, stage, advantage, loss, reward and measure of one's own, in the study's file and beside it: they work in
every worker and with two ranks, and an edit of them makes other stages of those that use them and of no others."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from multiprocessing import Queue, Value
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.study.context import Context
from edgewise.study.runners import local
from tests.study.other_stages import Shrink
from tests.tiny import EASY, PRETRAIN

WORLD = '''
from typing import Literal, Self

from edgewise.core.keyed import key, rng
from edgewise.tasks import Problem, Split, Verdict, World, right, unscorable, wrong
from edgewise.tasks.base import check_split, split_of


class Tally(World):
    """Count a letter in a row; the level is the row's length."""

    world: Literal["tally"] = "tally"
    version: Literal[1] = 1
    shortest: int = 3
    longest: int = 6

    @property
    def levels(self) -> range:
        return range(self.shortest, self.longest + 1)

    def at_level(self, level: int) -> Self:
        return self.parse({"shortest": level, "longest": level})

    def words(self) -> tuple[str, ...]:
        return ("count", "in", ":", "p", "q", *map(str, range(10)))

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        check_split(split)
        source = rng("tally", self.shortest, self.longest, split, seed, index)
        level = source.choice(self.levels)
        while True:
            row = " ".join(source.choices("pq", k=level))
            if split_of(identity := key("tally", row)) == split:
                break
        prompt, answer = f"count p in {row} :", str(row.count("p"))
        return Problem(self.world, split, seed, index, level, f"tally-{level}-{identity:016x}", prompt, answer, None)

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def check(self, problem: Problem, text: str) -> Verdict:
        words = text.split()
        if not words:
            return unscorable("no answer")
        return right(words[0]) if words == [problem.answer] else wrong(words[0], "no")
'''
PARTS = '''
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Measure, register_measure
from edgewise.core.provenance import Totals
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageSpec
from edgewise.rl.losses.base import LOSSES, PolicyLossSpec
from edgewise.rl.rewards.base import REWARDS, RewardFunction, by_verdict, its_own_outcome
from edgewise.study.stages import ModelStage, Stage, register_stage
from edgewise.study.stages.artifacts import load_parent, save_model
from edgewise.tasks import AnyWorld


@ADVANTAGES.register
class Half(AdvantageSpec):
    kind: Literal["half"] = "half"

    def estimate(self, inputs):
        return inputs.net_reward_PG - 0.5


@LOSSES.register
class Plain(PolicyLossSpec):
    kind: Literal["plain"] = "plain"

    def per_token(self, inputs):
        return -inputs.advantage_N * inputs.logp_N, {}


@REWARDS.register
class Written(RewardFunction):
    kind: Literal["written"] = "written"

    def score(self, world, rollouts, seed):
        return its_own_outcome(by_verdict(rollouts, lambda verdict: float(verdict.predicted is not None)))


@register_stage
class Shrink(Stage):
    produces: ClassVar[str] = "model"
    kind: Literal["shrink"] = "shrink"
    version: Literal[1] = 1
    parent: ModelStage
    world: AnyWorld

    def run(self, parents, folder, execution):
        folder.path.mkdir(exist_ok=True)
        model, tokenizer = load_parent(parents[0], self.world, execution)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.5)
        save_model(model, tokenizer, folder)
        return Totals(tokens=1.0)


@dataclass(frozen=True)
class Found:
    """How many problems there are."""

    problems: int


def count(arm, terms) -> Found:
    return Found(len(arm.counts.problem))


def panel(found: Found) -> Panel:
    return Panel((Column("problems", "Problems", "count"),), (PanelRow((Cell(found.problems),)),))


register_measure(Measure("mine", "Mine", "How many problems there are.", "model", 999, count, panel))
'''
STUDY = """
from edgewise import RL, Evaluate, Pretrain, Study
from edgewise.core.spec import Spec
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.training.next_token import NextTokenSpec

class Numbers(Spec):
    world: Tally = Tally(shortest=8, longest=9)


def study(spec: Numbers) -> Study:
    shape = DecoderSpec(width=16, layers=1, heads=2, kv_heads=1, feed_forward=32)
    base = Pretrain(world=spec.world, model=shape, training=NextTokenSpec(steps=2, documents=4))
    recipe = Recipe(
        steps=1,
        sampling={"prompts": 2, "samples": 2, "max_new_tokens": 3},
        reward={"function": "written"},
        advantage={"kind": "half"},
        loss={"function": "plain"},
    )

    def evaluate(stage):
        sampling = SamplingParams(max_new_tokens=3)
        return Evaluate(parent=stage, world=spec.world, problems=2, samples=4, sampling=sampling)

    arms = {
        "rl": evaluate(RL(parent=base, world=spec.world, recipe=recipe)),
        "shrunk": evaluate(Shrink(parent=base, world=spec.world)),
    }
    return Study(title="Own", question="Does it run?", base=evaluate(base), arms=arms, regions={"all": range(8, 10)})
"""
IMPORTS = "from my_parts import Shrink\nfrom my_tally import Tally\n"
BESIDE = {"my_tally.py": WORLD, "my_parts.py": PARTS, "my_own.py": IMPORTS + STUDY}
IN_ONE = {"my_own.py": WORLD + PARTS + STUDY}


# Prints the names of all stages; after "run" also of those that are complete, and what the measure says.
PROGRAM = """
import sys
from pathlib import Path
from edgewise.cli.loading import study_of
from edgewise.core.distributed import process_group
from edgewise.study.context import Context
from edgewise.study.measure import measure
from edgewise.study.plan import topological_order
from edgewise.study.run import run
from edgewise.study.store import Store
from edgewise.training.execution import Execution

if __name__ == "__main__":
    study, root = study_of("../my_own.py:study", []), Path("../runs")
    names = [Store(root).folder(stage).name for stage in topological_order(study.evaluations.values())]
    if sys.argv[1] == "plan":
        print(*names)
    else:
        with process_group("cpu") as distributed:
            store = run(study, Context(root, workers=2, execution=Execution(distributed=distributed)))
        if distributed.is_rank_zero:
            found = measure(study, store).audit.sets[0].models["base"]["mine"].problems
            print(*names, *(name for name in names if (root / name / "provenance.json").exists()), found)
"""


def start(folder: Path, files: dict[str, str], *arguments: str) -> list[str]:
    """What the program prints, started in another folder than that of the files."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "elsewhere").mkdir(exist_ok=True)
    (folder / "elsewhere" / "program.py").write_text(PROGRAM)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder / "elsewhere", env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def plan(folder: Path, files: dict[str, str]) -> list[str]:
    return start(folder, files, "program.py", "plan")


def kinds(names: set[str]) -> dict[str, int]:
    return dict(Counter(name.rpartition("-")[0] for name in names))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of all stages, the files lying beside each other."""
    return plan(tmp_path_factory.mktemp("planned"), BESIDE)


@pytest.mark.parametrize(
    "launcher",
    [
        (),
        pytest.param(("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"), marks=pytest.mark.slow),
    ],
)
def test_own_parts_beside_the_study_s_file_work_in_every_worker_and_rank(
    launcher: tuple[str, ...], planned: list[str], tmp_path: Path
) -> None:
    assert start(tmp_path, BESIDE, *launcher, "program.py", "run") == [*planned, *planned, "4"]
    (rl,) = (name for name in planned if name.startswith("rl-"))
    own_code = json.loads((tmp_path / "runs" / rl / "provenance.json").read_text())["own_code"]
    assert list(own_code) == [
        "parent.world",
        "recipe.advantage",
        "recipe.loss.function",
        "recipe.reward.function",
        "world",
    ]


@pytest.mark.slow
def test_own_parts_in_the_study_s_file_work_in_every_worker(tmp_path: Path) -> None:
    *names, problems = start(tmp_path, IN_ONE, "program.py", "run")
    assert kinds(set(names)) == {"pretrain": 1, "rl": 1, "shrink": 1, "evaluate": 3} and problems == "4"
    assert names[: len(names) // 2] == names[len(names) // 2 :]
    edited = IN_ONE["my_own.py"].replace('title="Own"', 'title="Own two"').replace("steps=1", "steps=2")
    again = plan(tmp_path, {"my_own.py": edited})
    assert kinds(set(again) - set(names)) == {"rl": 1, "evaluate": 1}, "no stage uses the function that makes the study"


@pytest.mark.parametrize(
    ("file", "edits", "new"),
    [
        ("my_parts.py", {"mul_(0.5)": "mul_(0.25)", "len(arm.": "2 * len(arm."}, {"shrink": 1, "evaluate": 1}),
        ("my_parts.py", {"is not None)": "is None)"}, {"rl": 1, "evaluate": 1}),
        ("my_tally.py", {"words == [": "words[:1] == ["}, {"pretrain": 1, "rl": 1, "shrink": 1, "evaluate": 3}),
    ],
)
def test_an_edited_part_makes_new_stages_where_it_is_used(
    file: str, edits: dict[str, str], new: dict[str, int], planned: list[str], tmp_path: Path
) -> None:
    text = BESIDE[file]
    for before, after in edits.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    assert kinds(set(plan(tmp_path, {**BESIDE, file: text})) - set(planned)) == new


def test_code_that_is_edited_while_the_study_runs_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local, "_worker", local._Worker(Queue(), Value("i", 0)))
    stage = Shrink(parent=PRETRAIN, world=EASY)
    with pytest.raises(InputError, match=r"^shrink: the code of its class was edited while the study ran; run it ag"):
        local._compute(pickle.dumps(stage), "0123456789abcdef", Context(tmp_path))
