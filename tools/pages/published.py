"""Write docs/published.md: tests of the tables of solved problems that papers published.

The papers published whole numbers of problems only. These allow the exact McNemar test, corrected for the number of
tables, its power, and the support measures of The Invisible Leash.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgewise.boundary.inference.multiple_testing import holm
from edgewise.boundary.inference.power import mcnemar_power
from edgewise.boundary.measures.support import support_from_table
from tools.pages import DOCS

PAGE = DOCS / "published.md"
YUE, LEASH = "Yue et al. 2025, arXiv:2504.13837", "Wu et al. 2025, arXiv:2507.14843"
ALPHA = 0.05


@dataclass(frozen=True)
class Published:
    """One printed table: problems solved within k samples by both, base only, tuned only, neither."""

    source: str
    models: str
    problems: str
    k: int | str
    both: int
    base_only: int
    tuned_only: int
    neither: int


TABLES = (
    Published(YUE, "base and RL", "AIME24", 1024, 19, 4, 0, 7),
    Published(YUE, "base and RL", "MATH500", 128, 462, 18, 5, 15),
    Published(YUE, "base and RL", "LiveCodeBench 400-450", 128, 19, 4, 1, 27),
    Published(LEASH, "ProRL-1.5B-v1", "all", "largest", 2400, 163, 36, 805),
    Published(LEASH, "ProRL-1.5B-v2", "all", "largest", 2388, 175, 48, 793),
    Published(LEASH, "Nemotron-7B", "all", "largest", 2715, 56, 28, 605),
    Published(LEASH, "Skywork-OR1-7B", "all", "largest", 2685, 86, 26, 607),
    Published(LEASH, "Nemotron-14B", "all", "largest", 2418, 23, 8, 501),
    Published(LEASH, "Phi4-Reason-Plus", "all", "largest", 2474, 23, 16, 437),
    Published(LEASH, "OLMo2-1B", "all", 256, 761, 104, 83, 599),
    Published(LEASH, "Qwen2.5-Math-7B, SFT", "MATH500", 256, 480, 2, 15, 3),
    Published(LEASH, "Qwen2.5-Math-7B, DAPO", "MATH500", 256, 470, 12, 6, 12),
    Published(LEASH, "Qwen2.5-Math-7B, SFT", "Minerva", 256, 154, 18, 28, 72),
    Published(LEASH, "Qwen2.5-Math-7B, DAPO", "Minerva", 256, 138, 34, 12, 88),
    Published(LEASH, "Qwen2.5-Math-7B, SFT", "Olympiad", 256, 503, 25, 49, 98),
    Published(LEASH, "Qwen2.5-Math-7B, DAPO", "Olympiad", 256, 467, 61, 25, 122),
)


def verdicts(tables: tuple[Published, ...]) -> list[str]:
    """One row of the page for each table."""
    measured = [support_from_table(table.both, table.tuned_only, table.base_only, table.neither) for table in tables]
    adjusted = holm([measures.mcnemar_p for measures in measured])
    rows = []
    for table, measures, p in zip(tables, measured, adjusted, strict=True):
        problems = table.both + table.base_only + table.tuned_only + table.neither
        power = mcnemar_power(table.base_only, table.tuned_only, problems, ALPHA)
        rows.append(
            f"| {table.models} | {table.problems} | {table.k} "
            f"| {table.both}/{table.base_only}/{table.tuned_only}/{table.neither} "
            f"| {measures.srr:.3f} | {measures.ndr:.3f} | {measures.nscr:+.3f} "
            f"| {_p(measures.mcnemar_p)} | {_p(float(p))} | {power:.2f} | {_said(table, float(p))} |"
        )
    return rows


def _said(table: Published, p: float) -> str:
    if p <= ALPHA:
        return "net loss" if table.base_only > table.tuned_only else "net gain"
    return "cannot tell"


def _p(value: float) -> str:
    return f"{value:.1e}" if value < 0.001 else f"{value:.3f}"


HEAD = """# What published tables say

Papers that compare which problems two models solve within k samples publish four numbers: problems solved by both, by
the base only, by the tuned model only, and by neither. This page tests those numbers as the papers print them.
Written by `make pages PAGES=published`.

Two draws of one model differ too. In expectation each direction then has sum q(1-q) problems, with q = (1-p)^k, which
none of these papers measured. This number is the same in both directions. So the exact McNemar test of the two
discordant numbers is still a test of a net change, but a table does not show how many of the discordant problems are
chance. The last column calls a net change where its p-value, corrected for all {tables} tables together (Holm), is at
most {alpha}. The power to see a change of the published size, at {alpha}, stands beside it.

| models | problems | k | both/base only/tuned only/neither | SRR | NDR | NSCR | McNemar p | corrected | power | so |
|---|---|---|---|---|---|---|---|---|---|---|
"""

TAIL = """
SRR, NDR and NSCR are defined as in [2] (`edgewise.boundary.measures.support`). McNemar's test is in
`edgewise.boundary.measures.solved`, its power in `edgewise.boundary.inference.power`, and Holm's correction in
`edgewise.boundary.inference.multiple_testing`.

**The claims, one by one.**

- [1] says that the base solves more than RL at large k. On AIME24 at k = 1024, 4 against 0 discordant problems of 30
  give p = 0.125. This table alone would have needed six against none, and more among so many tables. LiveCodeBench
  has 4 against 1, p = 0.375. MATH500 at k = 128 has 18 against 5, p = 0.011 before correction but not after, with
  power {math500:.2f}. The curves in [1] go to k = n, where each problem is a single coin toss. Edgewise makes no
  claim at k > n/2.
- [1] has a training table: on the Omni-MATH test set at k = 256, the base reaches 69.1%, PPO and RLOO 69.2%,
  Reinforce++ 69.7%. The sampling-efficiency gap pass@256(base) - pass@1(RL) from that table, in points: {gaps}. The
  text gives 42.6 for RLOO, which is the number of DAPO.
- [2] says that shrinkage always outweighs expansion. By the numbers in its table, it does for every model. By the test,
  it is a net loss for ProRL, Nemotron-7B and Skywork; for Nemotron-14B, Phi4 and OLMo2 the test cannot tell.
- [2] compares supervised fine-tuning (SFT) with DAPO on equal data. By the numbers, SFT gains and DAPO loses on all
  three sets. After correction, SFT's gain on MATH500 and DAPO's losses on Minerva and Olympiad remain.

[1] {yue}. [2] {leash}.
"""


def page() -> str:
    """The whole page."""
    math500 = TABLES[1]
    power = mcnemar_power(math500.base_only, math500.tuned_only, 500, ALPHA)
    omni = {"RLOO": 28.1, "Reinforce++": 28.0, "PPO": 26.8, "DAPO": 26.5, "GRPO": 25.1, "ReMax": 23.8}
    gaps = ", ".join(f"{name} {69.1 - pass_1:.1f}" for name, pass_1 in omni.items())
    head = HEAD.format(tables=len(TABLES), alpha=ALPHA)
    tail = TAIL.format(math500=power, gaps=gaps, yue=YUE, leash=LEASH)
    return head + "\n".join(verdicts(TABLES)) + "\n" + tail


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
