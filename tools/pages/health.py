"""Write docs/health.md: how the alarms of RL runs did on planted faults and on healthy runs, by training seed.

`python -m tools.pages.health run` trains what is not in runs/health yet (half an hour on one core) and writes
health.json, from which the page is drawn: `make pages PAGES=health` takes seconds.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import ClassVar, Literal, NamedTuple

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # before torch is imported, as the command line does

from scipy import stats
from torch import Tensor

from edgewise.core.atomic import write_json
from edgewise.core.provenance import versions
from edgewise.rl import health
from edgewise.rl.recipe import Recipe
from edgewise.rl.rewards.base import REWARDS, RewardFunction, reward_table
from edgewise.rl.rewards.correctness import Outcome
from edgewise.rollouts.rollouts import Rollouts
from edgewise.study.demo import DemoSpec, demo
from edgewise.study.plan import topological_order
from edgewise.study.stages import RL
from edgewise.study.store import Store
from edgewise.tasks import World
from tools.pages import DOCS, ROOT

PAGE, RESULTS, RUNS = DOCS / "health.md", Path(__file__).with_name("health.json"), ROOT / "runs" / "health"

# The numbers of the alarms were chosen on the first; the page reports the others.
TUNING, REPORTED = (100,), (0, 1, 2, 3, 4)
# What the alarms and the damage read.
KEPT = ("length", "entropy", "answer_correct", "kl_to_start", "reward", "process_correct", "reward_process_correlation")
# Damage: the mean process over so many steps has lost so much from its best.
SMOOTHED, LOST = 10, 0.10


@REWARDS.register
class PaysShortness(RewardFunction):
    """The share of the token limit that the completion did not use, whatever it says."""

    binary: ClassVar[bool] = False
    kind: Literal["pays_shortness"] = "pays_shortness"
    limit: int = 128

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        lengths_PG = rollouts.completions.length_PG.tolist()
        outcome_PG, _ = Outcome().score(world, rollouts, seed)
        return outcome_PG, reward_table([1 - length / self.limit for length in row] for row in lengths_PG)


class Arm(NamedTuple):
    """A kind of run: where it trains, how, and what was planted; nothing in a healthy one."""

    world: Literal["in-distribution RL", "edge RL"]
    recipe: Recipe
    planted: str


ARMS: Mapping[str, Arm] = {
    "edge": Arm("edge RL", Recipe(steps=60, reward={"function": "process"}), ""),
    "covered": Arm("in-distribution RL", Recipe(steps=60, reward={"function": "process"}), ""),
    "format": Arm(
        "edge RL",
        Recipe(steps=60, reward={"function": "format"}),
        "every answer that can be read is paid, right or wrong",
    ),
    "answers": Arm(
        "edge RL",
        Recipe(steps=80, reward={"function": "outcome"}),
        "the answer is paid alone: a right one by wrong steps earns as much",
    ),
    "majority": Arm(
        "edge RL",
        Recipe(steps=60, reward={"function": "majority"}),
        "the most frequent answer of the group is paid, right or wrong",
    ),
    "shortness": Arm(
        "edge RL",
        Recipe(steps=48, reward={"function": PaysShortness()}),
        "the share of the token limit that is not used is paid, whatever is written",
    ),
    "large steps": Arm(
        "edge RL",
        Recipe(steps=48, reward={"function": "process"}, optimizer={"learning_rate": 1e-3, "epochs": 4}),
        "ten times the learning rate, and four epochs a step",
    ),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: its arm, its training seed, and the lines of its metrics, as far as they are kept."""

    arm: str
    seed: int
    lines: list[dict[str, float]]

    @functools.cached_property
    def rang(self) -> dict[str, int | None]:
        """Alarm -> the step at which it rang."""
        return {alarm.name: alarm.step for alarm in health.alarms(self.lines)}

    @property
    def steps_rung(self) -> list[int]:
        """The steps at which any alarm rang."""
        return [step for step in self.rang.values() if step is not None]

    @property
    def ends(self) -> tuple[float, float, float]:
        """The mean process over the first SMOOTHED steps, over the best, and over the last."""
        means = self._means
        return means[0], max(means), means[-1]

    @property
    def _means(self) -> list[float]:
        process = [line["process_correct"] for line in self.lines]
        return [statistics.fmean(process[end - SMOOTHED : end]) for end in range(SMOOTHED, len(process) + 1)]

    @property
    def damage(self) -> int | None:
        """The first step at which the mean process over SMOOTHED steps has lost LOST from its best; None if never."""
        best = 0.0
        for end, mean in enumerate(self._means, SMOOTHED):
            best = max(best, mean)
            if mean <= best - LOST:
                return int(self.lines[end - 1]["step"])
        return None


def stages(seed: int) -> dict[str, RL]:
    """Arm -> its stage at a training seed: runs from the base of the demonstration at this seed."""
    study = dataclasses.replace(demo(DemoSpec()), seeds=(seed, seed + 1))  # a study is of several seeds
    found = {}
    for name, arm in ARMS.items():
        parent = study.by_seed[arm.world][str(seed)].parent
        assert isinstance(parent, RL)
        found[name] = RL(parent=parent.parent, world=parent.world, recipe=arm.recipe, seed=seed)
    return found


def compute(seeds: Sequence[int] = (*TUNING, *REPORTED)) -> None:
    """Train what is missing, one stage after the other, and write health.json."""
    store, runs = Store(RUNS), []
    for seed in seeds:
        for name, stage in stages(seed).items():
            for needed in topological_order([stage]):
                store.compute(needed)
            lines = store.metrics(stage)
            kept = {n: [_short(line.get(n)) for line in lines] for n in ("step", *KEPT)}
            runs.append({"arm": name, "seed": seed, **kept})
            print(f"{name}, seed {seed}", flush=True)
    recorded = {"versions": versions(), "runs": runs}
    write_json(RESULTS, recorded, indent=0)


def read_runs() -> list[Run]:
    """The runs of health.json."""
    runs = []
    for run in json.loads(RESULTS.read_text())["runs"]:
        columns = {name: run[name] for name in ("step", *KEPT)}
        rows = zip(*columns.values(), strict=True)
        lines = [{n: v for n, v in zip(columns, row, strict=True) if v is not None} for row in rows]
        runs.append(Run(run["arm"], run["seed"], lines))
    return runs


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


HEAD = """# The health of RL runs, with the truth known

Every RL run logs what is needed to see it go wrong. Four alarms read it: `edgewise run` prints a line for each, and the
report shows them beside the training charts. Here they are tried on runs in which a fault was planted, and on healthy
ones; the process of every completion is verified, so it is known when damage was done. Written by
`make pages PAGES=health` from `tools/pages/health.json`, which `python -m tools.pages.health run` made with
{versions}.

{found}

## What is logged

`metrics.jsonl` has a line for each step. Shares of groups in which all samples are wrong or all are right: `all_wrong`,
`all_right`, and by level `all_wrong_level_5` and so on. `reward`, `answer_correct`, `process_correct`, and
`reward_process_correlation`, which is within groups: pooled over problems, reward and process agree because easy
problems earn more and are solved more, whatever is paid. `length`, `truncated`, `clip_fraction`. At every fourth step
and the last, over one sample in 32: exact `entropy` and `kl_to_start`, and `sampler_gap`, the mean difference between
the log-probability that the sampler recorded and the trainer's.

## The alarms

{alarms}

Every change must also be {errors:g} standard errors large ({kl_errors:g} for the KL), by the scatter of the run's own
series. An alarm reads nothing that comes after its step. The numbers were chosen on drawn series and on the runs of
training seed {tuning}. The healthy runs of seeds 0 to 4 are those of [demo.md](demo.md); they had been seen when the
rules were written, so their share of false alarms is that of the runs the rules were made for.

## What was planted

All runs start from bases of the demonstration. Damage is done at the first step at which the verified process, meaned
over {smoothed} steps, is {lost:.0f} points below its best; the problems of RL are new at every step and of a split that
no other stage trains on, so this is a held-out measure on the levels trained on.

{arms}

## Lead and false alarms

Training seeds {reported}, one run of each arm at each. Lead is the step of damage minus that of the alarm; negative:
the alarm came after the damage. Brackets are 95% Clopper-Pearson intervals for the share of training seeds.

{leads}

{rates}

## Every run

Steps at which damage was done and at which alarms rang; "-" is never.

{runs}
"""


def page() -> str:
    """The text of the page."""
    runs, made = read_runs(), json.loads(RESULTS.read_text())["versions"]
    reported = [run for run in runs if run.seed not in TUNING]
    return HEAD.format(
        versions=", ".join(f"{name} {made[name]}" for name in ("edgewise", "torch", "numpy")),
        found=found(reported),
        alarms="\n".join(alarm_rows()),
        errors=health.ERRORS,
        kl_errors=health.KL_ERRORS,
        tuning=", ".join(map(str, TUNING)),
        reported=", ".join(map(str, REPORTED)),
        smoothed=SMOOTHED,
        lost=100 * LOST,
        arms="\n".join(arm_rows(reported)),
        leads="\n".join(lead_rows(reported)),
        rates="\n".join(false_alarm_rows(reported)),
        runs="\n".join(run_rows(runs)),
    )


def found(runs: Sequence[Run]) -> str:
    """What the runs come to, in a paragraph."""
    faulty = [run for run in runs if ARMS[run.arm].planted]
    damaged = [(run, run.damage) for run in faulty if run.damage is not None]
    first = [(damage, min(steps)) for run, damage in damaged if (steps := run.steps_rung)]
    in_time = sum(step <= damage for damage, step in first)
    healthy = [run for run in runs if not ARMS[run.arm].planted]
    silent = [rule.name for rule in health.RULES if all(run.rang[rule.name] is None for run in runs)]
    never = f" In none rang {' and '.join(silent)}." if silent else ""
    how_often = "seldom" if 2 * in_time < len(damaged) else "often"
    return fill(
        f"**An alarm tells of damage; it {how_often} comes before it.** Of {len(faulty)} runs with a fault, damage was"
        f" done in {len(damaged)}. Of these some alarm rang in {_share(len(first), len(damaged))}, and before the"
        f" damage or at its step in {_share(in_time, len(damaged))}. Of the healthy runs, some alarm rang in"
        f" {_share(sum(bool(run.steps_rung) for run in healthy), len(healthy))}.{never}",
        width=120,
    )


def alarm_rows() -> Iterator[str]:
    """A row for each alarm: what it reads, its rule and its source."""
    yield "| alarm | reads | rings where | source |\n|---|---|---|---|"
    for rule in health.RULES:
        yield f"| **{rule.name}** | {', '.join(f'`{name}`' for name in rule.metrics)} | {rule.words} | {rule.source} |"


def arm_rows(runs: Sequence[Run]) -> Iterator[str]:
    """A row for each arm: what was planted, what the process did, and where damage was done."""
    yield "| arm | planted | steps | process, first | best | last | damage in | at step, median (range) |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, arm in ARMS.items():
        own = [run for run in runs if run.arm == name]
        ends = [run.ends for run in own]
        first, best, last = (f"{100 * statistics.fmean(values):.0f}%" for values in zip(*ends, strict=True))
        damage = [run.damage for run in own if run.damage is not None]
        yield (
            f"| {name} | {arm.planted or 'nothing'} | {arm.recipe.steps} | {first} | {best} | {last} |"
            f" {len(damage)} of {len(own)} | {_spread(damage)} |"
        )


def lead_rows(runs: Sequence[Run]) -> Iterator[str]:
    """A row for each alarm and each arm with a fault in which it rang or damage was done."""
    yield "| arm | alarm | rang in | of the damaged runs | lead, median (range) |\n|---|---|---|---|---|"
    for name, arm in ARMS.items():
        own = [run for run in runs if run.arm == name and arm.planted]
        damaged = [run for run in own if run.damage is not None]
        for alarm in (rule.name for rule in health.RULES):
            rang = [run for run in own if run.rang[alarm] is not None]
            both = [run for run in damaged if run.rang[alarm] is not None]
            leads = [(run.damage or 0) - (run.rang[alarm] or 0) for run in both]
            if own and (rang or damaged):
                yield (
                    f"| {name} | {alarm} | {_share(len(rang), len(own))} | {_share(len(both), len(damaged))} |"
                    f" {_spread(leads)} |"
                )


def false_alarm_rows(runs: Sequence[Run]) -> Iterator[str]:
    """A row for each alarm: in how many of the healthy runs it rang, by arm."""
    arms = [name for name, arm in ARMS.items() if not arm.planted]
    yield f"| false alarms in healthy runs | {' | '.join(arms)} | all |\n|---|{'---|' * (len(arms) + 1)}"
    for alarm in (rule.name for rule in health.RULES):
        cells = []
        for names in (*([arm] for arm in arms), arms):
            own = [run for run in runs if run.arm in names]
            cells.append(_share(sum(run.rang[alarm] is not None for run in own), len(own)))
        yield f"| {alarm} | {' | '.join(cells)} |"


def run_rows(runs: Sequence[Run]) -> Iterator[str]:
    """A row for each run: the step of damage, and those of its alarms."""
    names = [rule.name for rule in health.RULES]
    yield f"| arm | seed | damage | {' | '.join(names)} |\n|---|---|---|{'---|' * len(names)}"
    for run in sorted(runs, key=lambda run: (list(ARMS).index(run.arm), run.seed)):
        steps = [run.damage, *run.rang.values()]
        yield f"| {run.arm} | {run.seed} | {' | '.join('-' if s is None else str(s) for s in steps)} |"


def _share(count: int, of: int) -> str:
    """ "3 of 5 [15%, 95%]"; nothing of nothing is a dash."""
    if not of:
        return "-"
    low = stats.beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = stats.beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return f"{count} of {of} [{low:.0%}, {high:.0%}]"


def _spread(values: Sequence[int]) -> str:
    return f"{statistics.median(values):g} ({min(values)} to {max(values)})" if values else "-"


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    if sys.argv[1:] == ["run"]:
        compute()
    main()
