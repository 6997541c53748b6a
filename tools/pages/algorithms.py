"""Write docs/algorithms.md and the figures beside it: every algorithm, and which problems it learns from.

    python -m tools.pages.algorithms

Formulas and sources stand beside the functions (`DESCRIPTIONS` of their modules), small choices in `algorithm_tables`;
figures and weights are computed from the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from edgewise.rl import advantages, losses, rewards
from edgewise.rl.advantages.base import ADVANTAGES
from edgewise.rl.description import Description, RewardDescription, descriptions_of
from edgewise.rl.losses.base import LOSSES
from edgewise.rl.rewards.base import REWARDS
from tools.pages import DOCS, FIGURES
from tools.pages.algorithm_tables import FORMS, LOSS_TABLES, RECIPE_TABLES, Table
from tools.pages.algorithm_weights import CURVES, SAMPLES, figures, weight

PAGE = DOCS / "algorithms.md"

# Modules in the order in which they are read; a module that is not named here comes after them.
READING_ORDER = (
    *("reinforce", "grpo", "dr_grpo", "rloo", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "batch_std"),
    *("remax", "opo", "gae", "pkpo", "passk_training", "maxrl", "unlikeliness"),
    *("sample_reinforcement", "masks", "indicators"),
    *("clipped", "gspo", "covariance", "natural_gradient"),
    *("correctness", "controls", "verifier_errors", "likelihood", "length"),
)
RATES = (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)

HEAD = rf"""# The algorithms

What each estimator computes, and what it does to easy and hard problems. Each entry has the name in the code, the name
in a recipe, source, formula, assumptions, what the estimator is unbiased for, and when to use it. Written by
`make pages PAGES=algorithms` from the functions that train. Tests check the numbers marked *exact* by enumerating every
batch that a small policy can draw.

**Conventions.** A problem has $`n`$ samples with rewards $`r_1 \dots r_n`$, $`c`$ of them right; $`p`$ is its true
pass rate. An advantage multiplies log-probabilities in a *mean* over samples. PKPO publishes $`S_i`$ for a *sum* over
the samples of a problem; `advantages.pkpo` returns $`S_i`$, and a recipe multiplies it by $`n`$. The *binary outcome*
is right or wrong; the *reward* may be shaped. Filters, curricula and pass@k use the outcome only. On policy, with one
update for each batch, the ratio is exactly 1 (the policy's own log-probabilities are detached and not computed
twice), so every clipped loss is plain REINFORCE. Sampling is never truncated (no top-p, no top-k), so
log-probabilities are those of the policy that sampled. A name in a recipe is an override: `advantage=rloo`, or with
numbers `advantage=pkpo advantage.k=8`.

## What each does to easy and hard problems

The mean score of a right sample is $`\nabla p / p`$, and that of a wrong one $`-\nabla p / (1 - p)`$. So with 0/1
rewards every advantage that depends only on $`c`$ has the expected update $`w(p) \nabla p`$ with

```math
w(p) = \frac{{1}}{{n}} \sum_{{c=0}}^{{n}} \binom{{n}}{{c}} p^c (1-p)^{{n-c}}
\left[ \frac{{c\,A_+(c)}}{{p}} - \frac{{(n-c)\,A_-(c)}}{{1-p}} \right]
= \sum_{{c=0}}^{{n-1}} \binom{{n-1}}{{c}} p^c (1-p)^{{n-1-c}} \left[ A_+(c+1) - A_-(c) \right],
```

This weight is the gain of a right sample over a wrong one, averaged over the outcomes of the other $`n - 1`$ samples.
It is exact. A common factor acts like a learning rate; the *shape* of the curve says which problems the algorithm
learns from. All curves have n = {SAMPLES}. Algorithms that normalise over a batch get one group of each c = 0 to
{SAMPLES}.

![Weight w(p) against the pass rate p, logarithmic](figures/weight.svg)

The dotted lines are the limits of MaxRL and GRPO for many samples. For a problem with $`p \ll 1/n`$, the weight of a
group estimator is at most what a single success in the group earns. So all curves are flat on the left: GRPO's at
$`(n-1)/\sqrt n`$, MaxRL's at $`n - 1`$, PKPO's at $`k`$. In this figure, only GRPO rises again for problems that are
nearly always solved.
"""

CREDIT = """![Advantage of a right and of a wrong sample, one chart for each algorithm](figures/credit.svg)

Advantages of a right and of a wrong sample against the share of right samples in the group. Each chart has its own
scale.

![Total absolute advantage against the pass rate of the group](figures/signal.svg)

The signal of a group, $`(c |A_+| + (n - c) |A_-|) / n`$, scaled to a peak of 1; lines join c = 0 to 16. Unlike
$`w(p)`$, it is a function of the samples that were drawn. A group without a success has no signal in any curve. With
k = 8, a group with c > 9 has none either.
"""


def main() -> None:
    for name, svg in figures().items():
        (FIGURES / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    parts = [HEAD, weights(), CREDIT, "## Advantages\n", *map(entry, advantage_descriptions()), table(FORMS)]
    parts += ["## Losses\n", *map(entry, loss_descriptions()), *map(table, LOSS_TABLES)]
    parts += [table(reward_table()), *map(table, RECIPE_TABLES)]
    return "\n".join(parts)


def advantage_descriptions() -> list[Description]:
    return descriptions_of(in_reading_order(ADVANTAGES.modules()))


def loss_descriptions() -> list[Description]:
    return descriptions_of(in_reading_order(LOSSES.modules()))


def reward_table() -> Table:
    descriptions: list[RewardDescription] = descriptions_of(in_reading_order(REWARDS.modules()))
    return Table(
        "Rewards",
        "All functions are in `edgewise.rl.rewards`. Samples that earn nothing because they are unscorable are logged"
        " as such.",
        ("name in a recipe", "function", "pays", "use"),
        tuple(
            (
                f"`{reward.recipe}`",
                ", ".join(
                    f"`{name_of(function).removeprefix('edgewise.rl.rewards.')}`" for function in reward.functions
                ),
                reward.pays,
                reward.use,
            )
            for reward in descriptions
        ),
    )


def in_reading_order(modules: Iterable[ModuleType]) -> list[ModuleType]:
    def place(module: ModuleType) -> int:
        name = module.__name__.rpartition(".")[2]
        return READING_ORDER.index(name) if name in READING_ORDER else len(READING_ORDER)

    return sorted(modules, key=place)


def name_of(function: Callable[..., Any]) -> str:
    """Where the function is imported from: its package where that has a short name for it, else its module."""
    name = function.__name__
    for package in (advantages, losses, rewards):
        if getattr(package, name, None) is function:
            return f"{package.__name__}.{name}"
    return f"{function.__module__}.{name}"


def weights() -> str:
    """w(p) of every curve at a few pass rates."""
    lines = [
        "| w(p) at p = | " + " | ".join(f"{p:g}" for p in RATES) + " |",
        "|---" * (1 + len(RATES)) + "|",
        *(f"| {curve.name} | " + " | ".join(_short(weight(curve, p)) for p in RATES) + " |" for curve in CURVES),
    ]
    return "\n".join(lines) + "\n"


def entry(algorithm: Description) -> str:
    function = algorithm.function
    code = function if isinstance(function, str) else f"`{name_of(function)}`"
    return (
        f"### {algorithm.title}\n\n{code} · `{algorithm.recipe}` · {algorithm.source}\n\n"
        f"```math\n{algorithm.formula}\n```\n\n"
        f"- *Assumes*: {algorithm.assumes}\n- *On average*: {algorithm.update}\n- *Use*: {algorithm.use}\n"
    )


def table(choices: Table) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in choices.rows]
    head = "| " + " | ".join(choices.head) + " |\n" + "|---" * len(choices.head) + "|"
    return f"## {choices.title}\n\n{choices.about}\n\n{head}\n" + "\n".join(lines) + "\n"


def _short(value: float) -> str:
    return f"{value:.2f}" if round(value, 2) else "0"


if __name__ == "__main__":
    main()
