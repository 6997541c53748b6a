"""Write docs/brorl.md and docs/figures/brorl.svg: BroRL's mass balance and token simulator, with further arms.

    python -m tools.pages.brorl

takes about five minutes on two free cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from tools.pages import DOCS, FIGURES

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import altair as alt
import torch
import vl_convert
from torch import Tensor

from edgewise.claims.brorl.mass_balance import (
    expected_surrogate,
    expected_unsampled,
    first_order_change,
    logit_step,
    mass_balance,
    shrinks_exactly,
)
from edgewise.claims.brorl.token_simulator import TokenSimulator, first_logits, simulate
from edgewise.report.charts import model_styles, sized, specification
from edgewise.report.paper import printed

PAGE = DOCS / "brorl.md"
PLOT = FIGURES / "brorl.svg"
SEEDS = (0, 1, 2)
SAMPLES = (4, 16, 512, 51_200)
# A spread multiplies the mass by exp(spread^2 / 2); the lower logit undoes that, so both settings start at Q+ = 0.63.
UNEQUAL: dict[str, Any] = {"spread": 1.5, "correct_logit": 3 - 1.5**2 / 2}
BARE: dict[str, Any] = {"weight_decay": 0.0, "epsilon": 1e-14}
ARMS: dict[str, dict[str, Any]] = {
    "surrogate": {},
    "surrogate, no weight decay": {"weight_decay": 0.0},
    "surrogate, no weight decay, epsilon 1e-14": BARE,
    "score function": {"gradient": "score_function"},
    "natural": {"gradient": "natural"},
    "unequal: surrogate": UNEQUAL,
    "unequal: score function": UNEQUAL | {"gradient": "score_function"},
    "unequal: natural": UNEQUAL | {"gradient": "natural"},
}
DRAWN = ("surrogate", "surrogate, no weight decay, epsilon 1e-14", "score function", "natural")

CASES = 2_000
TASKS = 20
DRAWS = 200
WIDTHS = (1, 4, 16, 64, 256)
SPREADS = (0.0, 0.5, 1.0, 2.0)

HEAD = """# BroRL: what wide rollouts do to the probability of right answers

Do many more samples of each problem keep RL from forgetting right answers? BroRL (Hu et al. 2025, arXiv 2510.01180)
says yes, in three steps. (1) With few samples, answers that were not drawn can lose probability, right ones included;
this loss vanishes as the number N of draws grows. (2) In a simulator of one choice among 128,000 tokens, the
probability Q+ of drawing a right token falls at N = 4. At N = 51,200 it rises, and all right tokens gain. (3) The paper
then raises N from 16 to 512 in the RL of a 1.5B model. This page checks the first two steps, which need no language
model: the identity behind the argument, and the simulator with arms that the paper does not have. The code is in
`edgewise.claims.brorl.mass_balance` and `edgewise.claims.brorl.token_simulator`. Written by `make pages PAGES=brorl`.
"""

IDENTITY = """## The identity

Let p = softmax(z) over V tokens. P is the set of correct tokens; their total probability is Q+, and Q- = 1 - Q+. N
tokens are drawn. Each distinct drawn token has reward R_c >= 0 if it is correct and R_w <= 0 if it is not. Tokens that
were not drawn have reward 0. The surrogate is (1/N) sum R_i p_i. With S = sum R_i p_i over drawn tokens, one step of
size eta changes Q+ to first order by

    dQ+ = eta/N [ (R_c - S) Q- A2  +  (S - R_w) Q+ B2  +  S (Q+ U2- - Q- U2+) ]

where A2, B2, U2+ and U2- are the sums of p_i^2 over drawn correct, drawn incorrect, undrawn correct and undrawn
incorrect tokens. The first two parts are never negative. The third part is the coupling with the tokens that were not
drawn; it can have either sign.

The identity is exact: the largest difference from the direct first-order change over {cases:,} random cases (V from 2
to 200, any share correct or drawn) is {error:.0e}. How often is the change of Q+ negative? The table has {tasks}
tasks of 1,000 tokens, 80 of them correct at random, R = +-1, with {draws} draws each. Cells show the mean over tasks
(smallest to largest). *Coupling* is |mean of the third part| divided by the mean of the first two. *Undrawn* is the
expected U2 divided by its value before any draw.
"""

BIAS = """
In a choice among 1,000 tokens, the coupling makes a step in the wrong direction likely only with one to a few draws,
and single tasks differ widely. At N = 16 wrong steps are already rare, so the identity alone does not distinguish N =
16 from N = 512.

The surrogate is not the policy gradient, although the paper calls it unbiased. Its mean over draws is
(1/N) sum R_i p_i (1 - (1 - p_i)^N). A drawn token counts p_i whether it was drawn once or often, which favours likely
tokens, and the whole term shrinks once N p_i is no longer small. At the simulator's start (R = +-1, expected reward
{reward:.3f}) its mean is {values}.

Unbiased score-function gradients raise Q+ by sum p_i^2 (1[i correct] - Q+)^2 >= 0 on average at every N. A baseline
that is the mean of the whole group leaves (N - 1)/N of that. The tests enumerate all draws to check both. For these
gradients N decides how noisy they are and how often all rewards are equal, but not the sign of their mean.

## Unequal right answers

Even the exact gradient, which is the limit of many draws, takes probability from some right tokens unless these are
nearly equal. A right token gains exactly when p_i > sum_P p_j^2 - (Q+/Q-) sum_notP p_j^2. The table shows the
percentage of correct tokens that shrink in one exact step, with correct logits drawn from N(3, sd^2), the other
logits 0, and no anchor.

| sd | 10,000 of 128,000 correct | 80 of 1,000 correct, median of {many} draws (95% of draws) |
|---|---|---|"""

NATURAL = """
Under the natural gradient (dz_i proportional to the advantage of token i) no right token shrinks: dp_i = eta p_i Q-.
So the parametrisation decides as much as N which right answers survive.
"""

SIMULATOR = """## The simulator

There are 128,000 tokens, 10,000 of them correct. Logits start at 0, those of correct tokens at 3, and that of one
anchor token at 5. Rewards are +-1 with the batch mean as baseline; a run has 1,000 steps. The optimizer is AdamW at
1e-3 with weight decay 0.01 and epsilon 1e-8 (PyTorch's defaults). The natural gradient takes plain steps of 1e-3
instead, because AdamW would remove its scale. *Unequal* arms have correct logits with standard deviation 1.5 around
{logit:g}, which gives the same initial Q+. Each cell is the mean over three seeds, with the smallest and largest in
brackets where the printed digits differ. *Improved* is the percentage of correct tokens whose final probability is
above their first one. *Least* is the smallest p_T / p_0 among correct tokens, and *worst drop* the largest p_0 - p_T
(negative if all grew).

| arm | N | Q+ at the start | Q+ at the end | improved, % | least | worst drop |
|---|---|---|---|---|---|---|"""

FOLLOWS = """
![Q+ after 1,000 steps by N](figures/brorl.svg)

Q+ after 1,000 steps with equal right tokens. Points are means over seeds, bars go from the smallest to the largest, and
the dashed line is the start.

## What follows

- The paper's result is reproduced, as far as its figure can be read. With its surrogate and AdamW, Q+ falls at N = 4
  and 16 and rises at 512 and 51,200. The share of improved tokens goes from a tenth to all (its figure: 0.60 to 0.64;
  0 to 100%).
- The fall at few draws depends on the optimizer. Weight decay pulls all logits to 0 and lowers Q+. The rest comes
  from AdamW's epsilon: with 1e-14 and no weight decay, the same draws raise Q+ at every N. Our explanation: gradients
  of this surrogate are products of two small probabilities. Those of undrawn tokens are below 1e-8, where AdamW no
  longer ignores their scale. Undrawn right tokens are then pushed down faster than undrawn wrong ones.
- With the same AdamW the score-function gradient ends higher than the surrogate at every N. Its loss at N = 4 and 16
  comes from weight decay: without it Q+ never falls (0.631 and 0.634 at the end, in a slow test). This does not make it
  the better gradient: with the small epsilon the surrogate ends higher.
- With unequal right tokens, wide rollouts do not end the loss. Under the surrogate, more draws mean that fewer right
  tokens improve and that the worst of them keeps less, while Q+ grows with N.
- The natural gradient lets every right token grow at N = 51,200, equal or not. Estimated from few draws, it is the
  worst of the three. A drawn token moves by about eta A / (N p_i), which is several logits at N = 4. A Q+ near 1 at N
  = 4 (unequal: also at 16) is a collapse onto a few right tokens. Here N matters, because of variance.

## What does not follow

- Nothing follows about language models: this is one choice, without shared parameters or prompts. BroRL's own run
  changes N together with the batch (x8) and the learning rate (x2.8), has one run for each arm, and reports pass@1
  only.
- Wide rollouts are not shown to be useless. They leave fewer groups without signal, and less noise. That may be most of
  their value where right answers are rare; here they are common.
- The natural gradient is not shown to be the remedy: it needs each token's probability and many draws.
- There are no intervals: three seeds show a range. Seeds change the draws, and in the unequal arms the logits too.

## What is not matched

- The panel of worst drops. The paper's reaches about 1e-4, which is more than the whole probability of an ordinary
  right token (6.3e-5), so only the anchor can have lost that much. Here the drop is that large only at N = 4, and not
  with every seed. From N = 16 on it is about 1e-5 or less. The paper does not say whether the anchor counts as
  correct; here it does.
- AdamW's weight decay and epsilon are assumed to be PyTorch's defaults. The table depends on them.
"""


class Run(NamedTuple):
    """The numbers of one run that the table shows."""

    start: float
    end: float
    improved: float
    least: float
    worst: float


def main() -> None:
    specs = {
        (arm, samples): [TokenSimulator(samples=samples, seed=seed, **settings) for seed in SEEDS]
        for arm, settings in ARMS.items()
        for samples in SAMPLES
    }
    with ProcessPoolExecutor(2) as pool:
        results = iter(list(pool.map(run, (spec for seeds in specs.values() for spec in seeds))))
    runs = {cell: [next(results) for _ in seeds] for cell, seeds in specs.items()}
    parts = [HEAD, *identity(), *shrinking(), *simulated(runs)]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    plot(runs)


def run(spec: TokenSimulator) -> Run:
    """One run of the simulator."""
    torch.set_num_threads(1)
    trace = simulate(spec)
    start, end = trace.correct_mass_S[[0, -1]].tolist()
    return Run(start, end, 100 * trace.improved, trace.least_ratio, trace.worst_drop)


def identity() -> Iterator[str]:
    """The identity's error, the sign of dQ+ by N, and the bias of the surrogate."""
    generator = torch.Generator().manual_seed(0)
    error = max(identity_error(generator) for _ in range(CASES))
    yield IDENTITY.format(cases=CASES, error=error, tasks=TASKS, draws=DRAWS)
    yield "| tokens | Q+ | N | dQ+ < 0, % | coupling, % | undrawn, % |\n|---|---|---|---|---|---|"
    rank_V = torch.arange(1, 1001, dtype=torch.float64)
    for name, spread in (("logits N(0, 1)", 1.0), ("logits N(0, 2^2)", 2.0), ("Zipf, 1/rank", None)):
        tasks = []
        for _ in range(TASKS):
            normal_V = torch.randn(1000, dtype=torch.float64, generator=generator)
            p_V = (spread * normal_V if spread else -rank_V.log()).softmax(0)
            tasks.append((p_V, torch.randperm(1000, generator=generator) < 80))
        masses = [float(p_V[correct_V].sum()) for p_V, correct_V in tasks]
        for width in WIDTHS:
            cells = zip(*(signs(*task, width, generator) for task in tasks), strict=True)
            shown = " | ".join(ranged([100 * x for x in cell], ".1f") for cell in cells)
            yield f"| {name} | {ranged(masses, '.3f')} | {width} | {shown} |"
    spec = TokenSimulator()
    p_V, correct_V = first_logits(spec).softmax(0), torch.arange(spec.vocabulary) < spec.correct
    values = [f"{float(expected_surrogate(p_V, correct_V, n, 1.0, -1.0)):.1e} at N = {n:,}" for n in SAMPLES]
    reward = float(p_V[correct_V].sum() - p_V[~correct_V].sum())
    yield BIAS.format(reward=reward, values=", ".join(values), many=20 * TASKS)


def identity_error(generator: torch.Generator) -> float:
    """|identity - direct first-order change| in one random case."""
    tokens = int(torch.randint(2, 201, (), generator=generator))
    p_V = (2 * torch.randn(tokens, dtype=torch.float64, generator=generator)).softmax(0)
    shares = torch.rand(2, generator=generator)
    correct_V, sampled_V = torch.rand(2, tokens, generator=generator) < shares[:, None]
    right, wrong = torch.rand(2, generator=generator).tolist()
    case = (p_V, correct_V, sampled_V, right, -wrong)
    return abs(float(mass_balance(*case).change - first_order_change(p_V, logit_step(*case))[correct_V].sum()))


def signs(p_V: Tensor, correct_V: Tensor, width: int, generator: torch.Generator) -> tuple[float, float, float]:
    """P(dQ+ < 0), the size of the coupling, and the undrawn share of U2, of one task."""
    draws_DN = torch.multinomial(p_V.expand(DRAWS, -1), width, replacement=True, generator=generator)
    sampled_DV = torch.zeros(DRAWS, len(p_V), dtype=torch.bool).scatter_(1, draws_DN, True)
    balance = mass_balance(p_V, correct_V, sampled_DV, 1.0, -1.0)
    coupling = balance.unsampled.mean().abs() / (balance.sampled_correct + balance.sampled_wrong).mean()
    undrawn = expected_unsampled(p_V, width) / p_V.square().sum()
    return float((balance.change < 0).double().mean()), float(coupling), float(undrawn)


def shrinking() -> Iterator[str]:
    """The shares of correct tokens that shrink under the exact gradient."""
    generator = torch.Generator().manual_seed(1)
    for spread in SPREADS:
        large = shrinking_share(spread, 128_000, 10_000, generator)
        small = torch.tensor([shrinking_share(spread, 1000, 80, generator) for _ in range(20 * TASKS)])
        low, median, high = small.quantile(torch.tensor([0.025, 0.5, 0.975])).tolist()
        yield f"| {spread:g} | {large:.0f} | {median:.0f} ({low:.0f} to {high:.0f}) |"
    yield NATURAL


def shrinking_share(spread: float, tokens: int, correct: int, generator: torch.Generator) -> float:
    """The percentage for one draw of the logits."""
    logits_V = torch.zeros(tokens, dtype=torch.float64)
    logits_V[:correct] = 3 + spread * torch.randn(correct, dtype=torch.float64, generator=generator)
    correct_V = torch.arange(tokens) < correct
    return 100 * float(shrinks_exactly(logits_V.softmax(0), correct_V)[correct_V].double().mean())


def simulated(runs: dict[tuple[str, int], list[Run]]) -> Iterator[str]:
    """The table of all arms, and the conclusions."""
    yield SIMULATOR.format(logit=UNEQUAL["correct_logit"])
    for (arm, samples), seeds in runs.items():
        shown = [ranged(column, form) for column, form in zip(zip(*seeds, strict=True), FORMS, strict=True)]
        yield f"| {arm} | {samples:,} | {' | '.join(shown)} |"
    yield FOLLOWS


FORMS = (".3f", ".4f", ".1f", ".3f", ".1e")


def ranged(values: Sequence[float], form: str) -> str:
    """Mean (smallest to largest), the range left out where it does not show."""
    low, high = (format(end, form) for end in (min(values), max(values)))
    mean = format(sum(values) / len(values), form)
    return mean if low == high else f"{mean} ({low} to {high})"


def plot(runs: dict[tuple[str, int], list[Run]]) -> None:
    """Q+ at the end by N, for the arms with equal right tokens."""
    rows: list[dict[str, Any]] = [
        {"arm": arm, "N": n, "mean": sum(ends) / len(ends), "low": min(ends), "high": max(ends)}
        for (arm, n), seeds in runs.items()
        if arm in DRAWN
        for ends in [[result.end for result in seeds]]
    ]
    look = [model_styles(DRAWN)[arm].color for arm in DRAWN]
    start = runs["surrogate", SAMPLES[0]][0].start
    # Room for the longest name of an arm in the legend.
    color = alt.Color("arm:N").scale(domain=list(DRAWN), range=look).title(None).legend(labelLimit=300, columns=1)
    x = alt.X("N:Q").scale(type="log").axis(values=list(SAMPLES), format=",d", grid=False).title("N, draws per step")
    y = alt.Y("mean:Q").scale(zero=False).title("Q+ after 1,000 steps")
    whole = alt.Chart(alt.InlineData(values=rows))
    chart = sized(
        [
            alt.Chart(alt.InlineData(values=[{"start": start}])).mark_rule(strokeDash=[4, 3]).encode(y="start:Q"),
            whole.mark_line(point=True).encode(x=x, y=y, color=color),
            whole.mark_rule(strokeWidth=2).encode(x=x, y="low:Q", y2="high:Q", color=color),
        ],
        height=220,
    )
    PLOT.write_text(vl_convert.vegalite_to_svg(printed(specification(chart))), encoding="utf-8")


if __name__ == "__main__":
    main()
