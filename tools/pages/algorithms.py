"""Write docs/algorithms.md and the figures beside it: every algorithm, and which problems it learns from.

    python -m tools.pages.algorithms

Formulas and sources are data (`algorithm_entries`, `algorithm_tables`); figures and weights are computed from the code.
"""

from __future__ import annotations

from tools.pages import DOCS, FIGURES
from tools.pages.algorithm_entries import ADVANTAGES, LOSSES, Entry
from tools.pages.algorithm_tables import FORMS, TABLES, Table
from tools.pages.algorithm_weights import CURVES, SAMPLES, figures, weight

PAGE = DOCS / "algorithms.md"
RATES = (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)

HEAD = rf"""# The algorithms

Which estimator is in front of you, and what does it do to easy and to hard problems? One entry each: name in the code,
name in a recipe, source, formula, what it assumes, what it is unbiased for, when to use it. Written by
`make pages PAGES=algorithms` from the functions that train; numbers marked *exact* are held by tests that enumerate
every batch a small policy can draw.

**Conventions.** A problem has $`n`$ samples with rewards $`r_1 \dots r_n`$, $`c`$ of them right; $`p`$ is its true pass
rate. An advantage multiplies log-probabilities in a *mean* over samples; PKPO publishes $`S_i`$ for a *sum* over the
samples of a problem, which `advantages.pkpo` returns and a recipe multiplies by $`n`$. The *binary outcome* is right or
wrong; the *reward* may be shaped. Filters, curricula and pass@k see the outcome only. On policy, where a batch is used
for one update, the ratio is exactly 1 (the policy's own log-probabilities are detached, none is computed twice), so
every clipped loss is plain REINFORCE there. Sampling is never truncated (no top-p, no top-k), so log-probabilities are
those of the policy that drew. A name in a recipe is an override: `advantage=rloo`, or with numbers
`advantage=pkpo advantage.k=8`.

## What each does to easy and hard problems

The score of a right sample is on average $`\nabla p / p`$, that of a wrong one $`-\nabla p / (1 - p)`$. So with 0/1
rewards every advantage that depends on $`c`$ alone has the expected update $`w(p) \nabla p`$,

```math
w(p) = \frac{{1}}{{n}} \sum_{{c=0}}^{{n}} \binom{{n}}{{c}} p^c (1-p)^{{n-c}}
\left[ \frac{{c\,A_+(c)}}{{p}} - \frac{{(n-c)\,A_-(c)}}{{1-p}} \right]
= \sum_{{c=0}}^{{n-1}} \binom{{n-1}}{{c}} p^c (1-p)^{{n-1-c}} \left[ A_+(c+1) - A_-(c) \right],
```

what it is worth to be right rather than wrong, averaged over what the other $`n - 1`$ samples do. It is exact. A common
factor is a learning rate; the *shape* says which problems the algorithm learns from. All here at n = {SAMPLES}; what is
normalised over a batch sees one group of each c = 0 to {SAMPLES}.

![Weight w(p) against the pass rate p, logarithmic](figures/weight.svg)

Dotted: the limits of many samples of MaxRL and GRPO. No group estimator can weigh a problem with $`p \ll 1/n`$ by more
than what a lone success earns, so all curves are flat on the left: GRPO's at $`(n-1)/\sqrt n`$, MaxRL's at $`n - 1`$,
PKPO's at $`k`$. GRPO is the only one in the figure that turns up again for problems that are nearly always solved.
"""

CREDIT = """![Advantage of a right and of a wrong sample, one chart for each algorithm](figures/credit.svg)

Advantages of a right and of a wrong sample, by the share of right ones in the group; each chart has its own scale.

![Total absolute advantage against the pass rate of the group](figures/signal.svg)

How loud a group is: $`(c |A_+| + (n - c) |A_-|) / n`$, each with peak 1; lines join c = 0 to 16. Unlike $`w(p)`$ this
is given what was drawn. A group without a success is silent in every curve, one with c > 9 also in those of k = 8.
"""


def main() -> None:
    for name, svg in figures().items():
        (FIGURES / name).write_text(svg, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    parts = [HEAD, weights(), CREDIT, "## Advantages\n", *map(entry, ADVANTAGES), table(FORMS)]
    parts += ["## Losses\n", *map(entry, LOSSES), *map(table, TABLES)]
    return "\n".join(parts)


def weights() -> str:
    """w(p) of every curve at a few pass rates."""
    lines = [
        "| w(p) at p = | " + " | ".join(f"{p:g}" for p in RATES) + " |",
        "|---" * (1 + len(RATES)) + "|",
        *(f"| {curve.name} | " + " | ".join(_short(weight(curve, p)) for p in RATES) + " |" for curve in CURVES),
    ]
    return "\n".join(lines) + "\n"


def entry(algorithm: Entry) -> str:
    code = f"`{algorithm.code}`" if "." in algorithm.code else algorithm.code
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
