"""Write docs/papers.md: which paper is where in the code, from the arXiv numbers that the code cites.

python -m tools.pages.papers
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.pages import DOCS, ROOT

PAGE = DOCS / "papers.md"
PACKAGE = ROOT / "src" / "edgewise"
NUMBER = re.compile(r"(?<![\d.])\d{4}\.\d{5}(?!\d)")

HEAD = """# Which paper is where in the code

Every work that the code cites by its arXiv number, newest first, with the files that cite it. What a file takes from a
paper, and where it differs, stands in its docstrings. [The recipes](recipes.md) has the source of each number of each
recipe, [the algorithms](algorithms.md) the formulas, [how every number is computed](numbers.md) the measures, and
[the ledger](ledger/README.md) the claims. Written by `make pages PAGES=papers`.

| work | what it is here for | in `edgewise` |
|---|---|---|
"""

# A number that the code cites and that is missing here stops the page.
WORKS = {
    "1506.02438": ("Schulman et al. 2015", "generalised advantage estimation (GAE)"),
    "1511.07428": ("Orlitsky et al. 2015", "how many problems more samples would solve"),
    "1707.06347": ("Schulman et al. 2017, PPO", "the clipped loss"),
    "1802.01561": ("Espeholt et al. 2018, IMPALA", "truncated importance weights"),
    "1912.09729": ("Ye et al. 2020", "dual clip"),
    "2107.03374": ("Chen et al. 2021, Codex", "the unbiased pass@k"),
    "2203.05482": ("Wortsman et al. 2022, model soups", "averages of weights"),
    "2203.11171": ("Wang et al. 2022, self-consistency", "maj@k"),
    "2210.10760": ("Gao et al. 2022", "over-optimised rewards, an alarm of runs"),
    "2304.06767": ("Dong et al. 2023, RAFT", "fine-tuning on accepted samples, a control"),
    "2305.16843": ("Ruoss et al. 2023", "randomised positions"),
    "2310.03716": ("Singhal et al. 2023", "length that is paid by accident, an alarm of runs"),
    "2310.10505": ("Li et al. 2023, ReMax", "the greedy completion as baseline"),
    "2402.03300": ("Shao et al. 2024, DeepSeekMath", "GRPO"),
    "2402.14740": ("Ahmadian et al. 2024", "RLOO"),
    "2403.06963": ("Bachmann and Nagarajan 2024", "path problems in star graphs"),
    "2406.12045": ("Yao et al. 2024, tau-bench", "pass^k"),
    "2407.20311": ("Ye et al. 2024, iGSM", "the structure of modular arithmetic"),
    "2407.21783": ("Grattafiori et al. 2024, Llama 3", "the scaling of rotary positions"),
    "2407.21787": ("Brown et al. 2024, Large Language Monkeys", "the law of repeated sampling"),
    "2411.15124": ("Lambert et al. 2024, Tulu 3", "a recipe"),
    "2412.13147": ("Liu et al. 2024, G-Pass@k", "reliability"),
    "2501.00656": ("Team OLMo 2024, OLMo 2", "a recipe"),
    "2501.03262": ("Hu et al. 2025", "REINFORCE++"),
    "2501.12948": ("DeepSeek-AI 2025, R1", "a recipe"),
    "2502.03373": ("Yeo et al. 2025", "the cosine reward"),
    "2502.05252": ("GSM-Infinite 2025", "graph arithmetic"),
    "2502.14768": ("Xie et al. 2025, Logic-RL", "a recipe, and rewards for format"),
    "2502.17578": ("Schaeffer et al. 2025", "the tail that governs pass@k at large k"),
    "2503.14476": ("Yu et al. 2025, DAPO", "a recipe: decoupled clip, dynamic sampling, overlong penalty"),
    "2503.18892": ("Zeng et al. 2025, SimpleRL-Zoo", "a recipe"),
    "2503.20783": ("Liu et al. 2025", "Dr. GRPO"),
    "2503.24290": ("Hu et al. 2025, Open-Reasoner-Zero", "a recipe"),
    "2504.13837": ("Yue et al. 2025", "the question, and its measures"),
    "2504.16084": ("Zuo et al. 2025, TTRL", "rewards by majority vote"),
    "2505.15201": ("Walder and Karkhanis 2025, PKPO", "the gradient of pass@k; max@k"),
    "2505.22312": ("He et al. 2025, Skywork-OR1", "a recipe"),
    "2505.22617": ("Cui et al. 2025", "Clip-Cov, KL-Cov, and the law of entropy"),
    "2505.23585": ("Hao et al. 2025, OPO", "the baseline weighted by length"),
    "2505.24760": ("Stojanovski et al. 2025, Reasoning Gym", "its tasks as worlds"),
    "2505.24864": ("Liu et al. 2025, ProRL", "a recipe: long RL, a reference that is reset"),
    "2506.01347": ("Zhu et al. 2025", "NSR, PSR and W-REINFORCE"),
    "2506.02355": ("He et al. 2025", "the unlikeliness reward"),
    "2506.09026": ("Setlur et al. 2025, e3", "the arm without negative advantages"),
    "2506.10910": ("Mistral AI 2025, Magistral", "a recipe"),
    "2506.10947": ("Shao et al. 2025, Spurious Rewards", "rewards without truth, as controls"),
    "2506.13585": ("MiniMax 2025, MiniMax-M1", "CISPO"),
    "2506.14245": ("Wen et al. 2025", "CoT-pass@k"),
    "2507.14843": ("Wu et al. 2025, The Invisible Leash", "measures of support"),
    "2507.18071": ("Zheng et al. 2025, GSPO", "the ratio of whole sequences"),
    "2508.10751": ("Chen et al. 2025", "Pass@k Training"),
    "2509.25123": (
        "Yuan et al. 2025, From f(x) and g(x) to f(g(x))",
        "string functions; matched draws",
    ),
    "2509.25666": ("NuRL 2025", "hints where a group is all wrong"),
    "2510.01180": ("Hu et al. 2025, BroRL", "more rollouts a prompt: a recipe and its simulator"),
    "2510.05197": ("Kazdan et al. 2025", "the beta-binomial of success rates"),
    "2510.08325": ("Cover@tau 2025", "problems that a sample solves with probability tau"),
    "2510.11653": ("MATH-Beyond 2025", "the expansion rate"),
    "2510.13786": ("Khatri et al. 2025, ScaleRL", "a recipe, and the sigmoid of reward against compute"),
    "2510.14901": ("Karan and Du 2025", "sampling from a power of the model, a control without training"),
    "2510.18855": ("Ling Team 2025, IcePop", "masked importance weights"),
    "2512.07783": ("Zhang et al. 2025, Interplay", "the pipeline: its data, mixtures, rewards and scorer"),
    "2512.21852": ("Shah et al. 2025", "gradients of KL estimators"),
    "2601.04411": ("Rad et al. 2026", "what a verifier's errors do to the update"),
    "2601.18779": ("POPE 2026", "hints where a group is all wrong"),
    "2602.02710": ("Tajwar et al. 2026", "MaxRL"),
    "2604.16259": ("Mittal et al. 2026", "verifiers with random errors"),
    "2605.02909": ("Egashira et al. 2026", "verifiers with systematic errors"),
    "2605.06638": ("ScaleLogic 2026", "the law of steps against depth"),
    "2606.15455": ("arXiv 2606.15455", "the gate for problems without a success"),
}


def cited() -> dict[str, list[str]]:
    """The files of the package that cite each arXiv number, newest number first; claims stand in the ledger."""
    files: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "claims"):
            continue
        for number in sorted(set(NUMBER.findall(path.read_text(encoding="utf-8")))):
            files.setdefault(number, []).append(path.relative_to(PACKAGE).as_posix())
    return dict(sorted(files.items(), reverse=True))


def rows() -> Iterator[str]:
    """A row for each work."""
    for number, files in cited().items():
        name, use = WORKS[number]
        places = ", ".join(f"`{file}`" for file in files)
        yield f"| [{name}](https://arxiv.org/abs/{number}) | {use} | {places} |"


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(rows()) + "\n"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
