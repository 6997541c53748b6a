"""What `edgewise export verl` and `edgewise export trl` share: the run, its model, its problems, its folder.

A run of RL is handed over as it would begin here: from its parent's model, on its problems in their order, by its
recipe. What a trainer cannot do as the recipe says is a line of `left`, which stands in README.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import edgewise
from edgewise.core.atomic import atomic_write, read_json_object
from edgewise.core.errors import InputError, unknown_name
from edgewise.core.keyed import key
from edgewise.core.spec import override, plain
from edgewise.core.words import counted
from edgewise.interop.plugins.hand_over import MODEL, VALIDATION, HandOver, address_of, write_hand_over
from edgewise.rl.recipe import Recipe
from edgewise.rl.rewards.base import RewardFunction
from edgewise.rl.rewards.verifier_errors import VerifierErrors
from edgewise.study.recompute import RECORD, recorded_stages
from edgewise.study.stages import RL, Stage
from edgewise.study.store import Store
from edgewise.tasks import Problem
from edgewise.tasks.base import first_distinct

README, LAUNCH = "README.md", "launch.sh"
# More problems are read again from the first on.
MOST_PROBLEMS = 200_000

# Rewards that cannot be given to one completion alone.
_NOT_ALONE = {
    "majority": "compares the samples of a group",
    "own_likelihood": "needs the likelihood under the start model",
    "random": "is drawn by the number of the sample",
}


@dataclass(frozen=True)
class HandedRun:
    """A run of RL as a stage, and the folder of the model that it begins with. `source` is the folder it came from."""

    stage: RL
    model: Path
    source: str

    @property
    def recipe(self) -> Recipe:
        """The recipe of the stage."""
        recipe: Recipe = self.stage.recipe
        return recipe


@dataclass(frozen=True)
class Exported:
    """A folder that was written: its files, how many problems of each kind, and what was left behind, a line each."""

    folder: Path
    train: int
    test: int
    left: tuple[str, ...]


def handed_run(place: Path, settings: Sequence[str] = (), arm: str | None = None) -> HandedRun:
    """The run of RL at `place`: the folder of a stage of RL, of a stage that made a model, or of a study's report.

    Of another stage the run begins with its model, with the recipe that `settings` (a.b=c, fields of the stage of RL)
    say. Of a study's report `arm` says which, where there are several. InputError where there is none, what is not
    finished, or where the recipe is one that no other trainer can be given.
    """
    stage, folder = _chosen(place, arm)
    store = Store(folder.absolute().parent)
    if isinstance(stage, RL):
        begins = store.folder(stage.parent)
    elif stage.produces == "model":
        stage, begins = _rl_from(stage, folder), folder
    else:
        raise InputError(f"{folder}: is a stage of {stage.kind}; give one that trains a model")
    stage = override(stage, settings)
    if not (begins / MODEL).is_dir():
        raise InputError(f"{begins / MODEL}: not there; the model that the run begins with must lie beside it")
    stage.check()
    check_recipe(stage.recipe)
    return HandedRun(stage, begins / MODEL, folder.name)


def check_recipe(recipe: Recipe) -> None:
    """InputError where completions are not the policy's own, or a reward cannot be given to one completion alone."""
    behavior = recipe.sampling.behavior.kind
    if behavior != "policy":
        raise InputError(
            f"recipe.sampling.behavior: is {behavior}; other trainers learn from what the policy writes, so use policy"
        )
    reward: RewardFunction = recipe.reward.function
    if isinstance(reward, VerifierErrors):
        if any(0 < rate < 1 for rate in (reward.false_positive, reward.false_negative)):
            raise InputError(
                f"recipe.reward.function: {reward.kind} tosses a coin by the number of the sample, which other trainers"
                " do not pass; use rates of 0 and 1"
            )
        reward = reward.of
    if reward.kind in _NOT_ALONE:
        raise InputError(
            f"recipe.reward.function: {reward.kind} {_NOT_ALONE[reward.kind]}, and other trainers grade one completion"
            " at a time; use outcome or process"
        )


def left_of_sampling(recipe: Recipe) -> Iterator[str]:
    """What no other trainer does of the recipe, a line each."""
    sampling = recipe.sampling
    if sampling.behavior.kind == "policy" and (sampling.behavior.staleness or sampling.behavior.logit_noise):
        yield "sampling.behavior: staleness and logit_noise are not carried over; the policy of the step writes"
    if sampling.hints.kind != "none":
        yield f"sampling.hints: {sampling.hints.kind} is not carried over; nothing of a gold solution is revealed"
    if sampling.filters.zero_success_gate:
        yield "sampling.filters.zero_success_gate: is not carried over; problems that the start model solves stay"
    curriculum = sampling.curriculum
    if curriculum.kind not in ("uniform", "pool"):
        yield (
            f"sampling.curriculum: {curriculum.kind} is not carried over, as it depends on what is solved on the way;"
            " problems are drawn as by uniform"
        )
    if recipe.steps * sampling.prompts > MOST_PROBLEMS:
        yield f"sampling.curriculum: {MOST_PROBLEMS} problems are written, which are read again from the first on"
    if curriculum.kind == "pool" and curriculum.retire_at is not None:
        yield "sampling.curriculum.retire_at: is not carried over; no problem retires"
    if recipe.reward.length.kind == "cosine" and recipe.reward.length.off:
        yield "reward.length.off: is not carried over; the length counts in every step"
    kl = recipe.loss.kl
    if kl.coefficient and (kl.target == "teacher" or kl.temperature != 1):
        yield "loss.kl: a teacher or another temperature is not carried over; the KL is to the start model as it is"
    if kl.reset.kind != "never":
        yield f"loss.kl.reset: {kl.reset.kind} is not carried over; the reference stays the start model"
    if recipe.stop_at_kl is not None:
        yield "stop_at_kl: is not carried over; the run ends after its steps"


def write_shared(
    run: HandedRun, out: Path, *, problems: int, samples: int
) -> tuple[HandOver, list[Problem], list[TestProblem]]:
    """Make the folder with model/ and hand_over.json; returns what is handed over, the training and the test problems.

    At most `problems` test problems of each level. InputError where the folder exists and is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"--out: {out} is there already; give a new folder")
    train, test = problems_of_run(run), _test_problems(run, problems)
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(run.model, out / MODEL)
    handed = HandOver(
        edgewise=edgewise.__version__,
        run=run.source,
        world=run.stage.world,
        split=run.stage.split,
        seed=draws_of(run.stage),
        recipe=run.recipe,
        samples=samples,
    )
    write_hand_over(handed, out)
    return handed, train, test


TestProblem = tuple[Problem, str]
"""A problem and its address."""


def draws_of(stage: RL) -> int:
    """The seed of the problems of a stage of RL."""
    return key("rl", stage.depth, stage.seed)


def problems_of_run(run: HandedRun) -> list[Problem]:
    """The problems that the run trains on, step after step, as far as they do not depend on what is solved."""
    stage, sampling = run.stage, run.recipe.sampling
    curriculum = sampling.curriculum
    if curriculum.kind == "pool":
        curriculum = curriculum.model_copy(update={"retire_at": None})
    elif curriculum.kind != "uniform":
        curriculum = type(sampling)().curriculum
    state = curriculum.start(stage.world, stage.split, draws_of(stage))
    steps = max(1, min(run.recipe.steps, MOST_PROBLEMS // sampling.prompts))
    return [problem for _ in range(steps) for problem in state.next(sampling.prompts)]


def _test_problems(run: HandedRun, count: int) -> list[TestProblem]:
    """Up to `count` different test problems of each level, those that an `Evaluate` with seed 0 asks."""
    world = run.stage.world
    return [
        (problem, address_of(problem, level))
        for level in world.levels
        for problem in first_distinct(world.at_level(level), "test", 0, count).values()
    ]


def write_rows(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a Parquet file of rows, whole or not at all."""
    with atomic_write(path) as aside:
        pq.write_table(pa.Table.from_pylist(list(rows)), aside)


def check_installed(module: str, extra: str) -> str:
    """A line of a shell script that ends it where a module is not installed."""
    return (
        f"python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(\"{module}\") is None)' || {{"
        f" echo \"error: {module}: not installed; pip install 'edgewise[{extra}]'\" >&2; exit 2; }}\n"
    )


def write_text(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a text file, whole or not at all."""
    with atomic_write(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")
    if executable:
        path.chmod(0o755)


def readme(exported: Exported, tool: str, run: HandedRun, what: str) -> str:
    """The text of README.md: what is there, how to start, what was left behind."""
    left = [f"- {line}" for line in exported.left] or ["- Nothing: the recipe is carried over whole."]
    sampling = run.recipe.sampling
    return "\n".join(
        [
            f"# {run.source} for {tool}",
            "",
            f"Written by Edgewise {edgewise.__version__}. {counted(exported.train, 'training problem')}, in the order"
            f" in which the run here asks them, {sampling.prompts} a step;"
            f" {counted(exported.test, 'test problem')} of the split test.",
            "",
            what,
            "",
            "## What was not carried over",
            "",
            *left,
            "",
            "## What comes back",
            "",
            "```sh",
            f"edgewise audit {VALIDATION} --out report",
            "```",
            "",
            "The first validation is the base. What is logged while it trains is a look and no claim.",
            "",
        ]
    )


def _chosen(place: Path, arm: str | None) -> tuple[Stage, Path]:
    """The stage that is meant and its folder."""
    if not (place / RECORD).is_file():
        if arm is not None:
            raise InputError(
                f"--arm: {place} is no report of a study, which alone has arms; give its folder, or no arm"
            )
        stages = recorded_stages(place)
        if len(stages) > 1:
            raise InputError(
                f"{place}: is a store of {len(stages)} stages; give the folder of one, such as {stages[-1].name}"
            )
        return stages[0].stage, stages[0].folder
    trained = _trained_arms(place)
    if arm is None and len(trained) > 1:
        raise InputError(f"--arm: {place} has several; give one of {', '.join(trained)}")
    if not trained:
        raise InputError(
            f"{place}: no arm of this study has a stage of RL; give the folder of a stage that made a model"
        )
    name = next(iter(trained)) if arm is None else arm
    if name not in trained:
        raise unknown_name("--arm", name, trained)
    (chosen,) = recorded_stages(place.parent / trained[name])
    return chosen.stage, chosen.folder


def _trained_arms(report: Path) -> dict[str, str]:
    """Arm -> the folder of its last stage of RL, as the record of a study names them ("edge: rl", "edge: rl 2")."""
    arms: dict[str, str] = {}
    for stage in read_json_object(report / RECORD).get("stages", []):
        arm, _, kind = str(stage.get("name", "")).rpartition(": ")
        if kind.partition(" ")[0] == "rl":
            arms[arm] = str(stage["folder"])
    return arms


def _rl_from(stage: Stage, folder: Path) -> RL:
    """RL from the model of another stage, on the world that it was trained on."""
    world = getattr(stage, "world", None)
    if world is None:
        raise InputError(f"{folder}: a stage of {stage.kind} names no world; give the folder of a stage of RL")
    return RL.parse({"parent": plain(stage), "world": plain(world), "seed": stage.seed}, str(folder))
