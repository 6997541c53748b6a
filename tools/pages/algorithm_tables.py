"""The tables of docs/algorithms.md: small choices of one kind, a row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Small choices of one kind, a row each."""

    title: str
    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


FORMS = Table(
    "Forms of Pass@k Training and of PKPO's baseline",
    "All functions are in `edgewise.rl.advantages`.",
    ("name in a recipe", "function", "what it is", "note"),
    (
        (
            "`advantage=pass_at_k_training`",
            "`pass_at_k_training`",
            "all groups of k at once",
            "no noise of regrouping",
        ),
        (
            "`advantage=pass_at_k_full`",
            "`pass_at_k_full`",
            "floor(n/k) disjoint groups, in order",
            "over all orders the analytic form at n = 2k, else near it",
        ),
        (
            "`advantage=pass_at_k_bootstrap`",
            "`pass_at_k_bootstrap`",
            "n random k-subsets, summed",
            "about k times larger (4.01 where k times analytic is 4.14): lower the learning rate",
        ),
        (
            "`advantage=pass_at_k_exceeding`",
            "`pass_at_k_exceeding`",
            r"analytic $`\times\, 4 / (10 \ln(c + 0.5))`$",
            "peak at c = 1",
        ),
        (
            "`advantage=pass_at_k_combination`",
            "`pass_at_k_combination`",
            r"$`\frac{c}{n} A^{(k)} + (1 - \frac{c}{n}) A^{(1)}`$",
            "hard problems learn pass@1",
        ),
        (
            "`advantage=pass_at_k_adaptive`",
            "`pass_at_k_adaptive`",
            "pass@1 for the half of higher entropy, pass@k for the rest",
            "entropy from log-probabilities",
        ),
        (
            "`advantage=pass_at_k_by_pass_rate`",
            "`k_by_pass_rate`",
            r"$`k = \min(k_{\max}, \mathrm{round}(n/c))`$ for each problem",
            "ours; divided by a std, easy problems weigh most (table above)",
        ),
        (
            "`advantage=pkpo advantage.baseline=none`",
            "`pkpo`",
            r"$`b_i = 0`$",
            "failures are pushed up too; unusable near k = n",
        ),
        (
            "`advantage=pkpo advantage.baseline=sloo`",
            "`pkpo`",
            r"$`b_i = \frac{k}{n-1} M_k`$ of the others",
            "as published; moves when rewards are shifted",
        ),
        (
            "`advantage=pkpo advantage.baseline=sloo_kn`",
            "`pkpo`",
            r"$`b_i = \frac{k}{n} M_k`$ of the others",
            "ours: shift-invariant, still unbiased",
        ),
        (
            "`advantage=pkpo advantage.baseline=sloo_minus_one`",
            "`pkpo`",
            r"$`b_i = \frac{k}{n} M_{k-1}`$ of the others",
            "the authors' choice: 0/1 failures get exactly 0",
        ),
    ),
)

LOSS_TABLES = (
    Table(
        "Corrections for samples of another policy",
        "Trainer and sampler can differ in numerics, or the samples are `staleness` updates old. The loss of a token is"
        r" multiplied by a detached weight of $`\rho = \pi_{old} / \pi_{rollout}`$.",
        ("name in a recipe", "function", "weight", "bias and use"),
        (
            ("`loss.correction=none`", "", "1", "correct on policy only"),
            (
                "`loss.correction=ratio`",
                "",
                "1",
                "the ratio of the loss is taken against the policy that sampled, so its clip includes the mismatch",
            ),
            (
                "`loss.correction=truncated`",
                "`truncated_importance`",
                r"$`\min(\rho, \mathrm{cap})`$",
                r"TIS, Yao et al. 2025. Lacks $`\max(0, \pi_{old} - \mathrm{cap}\, \pi_{rollout})`$ of each token's"
                " gradient: 68%, 40% and 0% of its norm at cap 2, 4 and 8 between two unlike policies (exact)",
            ),
            (
                "`loss.correction=masked`",
                "`masked_importance`",
                r"$`\rho \cdot [low \le \rho \le high]`$",
                "IcePop, arXiv 2510.18855; [0.5, 5] in ProRL v2. Drops tokens whose ratio is out of bounds",
            ),
        ),
    ),
    Table(
        "Normalisation of the loss",
        "`edgewise.rl.normalization.token_weights`: computed once for the whole batch, so the way a batch is"
        r" split into micro-batches does not change a gradient. $`l_i`$ is a sample's length in tokens, $`P`$ counts"
        r" problems, $`N`$ the samples of them all.",
        ("name in a recipe", "weight of a token", "what has equal weight", "source"),
        (
            (
                "`loss.normalization=token-mean`",
                r"$`1 / \sum_i l_i`$",
                "every token; long samples weigh more",
                "DAPO, arXiv 2503.14476, eq. 8",
            ),
            (
                "`loss.normalization=seq-mean-token-mean`",
                r"$`1 / (N\, l_i)`$",
                "every sample; a long failure is punished less per token",
                "GRPO, arXiv 2402.03300, eq. 3",
            ),
            (
                "`loss.normalization=prompt-mean-token-mean`",
                r"$`1 / (P \sum_{i \in group} l_i)`$",
                "every problem",
                "ScaleRL, arXiv 2510.13786",
            ),
            (
                "`loss.normalization=seq-mean-token-sum-norm`",
                r"$`1 / (N\, l_{max})`$",
                "the sum of every sample: no length is favoured",
                "Dr. GRPO, arXiv 2503.20783",
            ),
        ),
    ),
    Table(
        "KL and entropy",
        "`edgewise.rl.kl`. KL(policy ‖ reference), or with `loss.kl.target=teacher` to the teacher. In the loss,"
        " each form acts on one token at a time. Only in the reward does the gradient include the effect of a token on"
        " later ones. `loss.kl.reset` says when the policy becomes the new reference, and `stop_at_kl` at"
        " which KL to the start model a run ends.",
        ("name in a recipe", "function", "term", "gradient on average (exact)"),
        (
            (
                "`loss.kl.estimator=exact`",
                "`exact_kl`",
                r"$`\sum_v p_v \log (p_v / q_v)`$",
                "that of the reverse KL, without noise; the default",
            ),
            (
                "`loss.kl.estimator=k1`",
                "`k1`",
                r"$`\log (p/q)`$",
                "0 in the loss: it adds noise only. With `loss.kl.estimator=k1 loss.kl.place=reward` it is the"
                " gradient of the KL of whole samples",
            ),
            (
                "`loss.kl.estimator=k2`",
                "`k2`",
                r"$`\frac{1}{2} \log^2 (p/q)`$",
                "that of the reverse KL, though its value is biased",
            ),
            (
                "`loss.kl.estimator=k3`",
                "`k3`",
                r"$`q/p - 1 - \log (q/p)`$",
                "that of the *forward* KL, though its value is unbiased; GRPO's, eq. 4",
            ),
            (
                "`loss.entropy_bonus=0.001`",
                "`entropy`",
                r"$`-\sum_v p_v \log p_v`$",
                "its own, up, or down where negative; the full vocabulary",
            ),
            ("`loss.kl.reset=never`", "", "", "the reference stays the start model"),
            (
                '`loss.kl.coefficient=0.01 loss.kl.reset={"kind":"period","every":200}`',
                "",
                "every so many updates",
                "ProRL v2, arXiv 2505.24864 for v1",
            ),
            (
                '`loss.kl.coefficient=0.01 loss.kl.reset={"kind":"kl","above":0.1}`',
                "",
                "on a KL above a bound",
                "ProRL v2",
            ),
            (
                '`loss.kl.coefficient=0.01 loss.kl.reset={"kind":"plateau","every":20,"patience":3}`',
                "",
                "when problems kept apart from the split that is trained on stop improving",
                "ProRL used its benchmarks",
            ),
        ),
    ),
)

RECIPE_TABLES = (
    Table(
        "Curricula and filters: which problems are sampled, and which groups are trained on",
        "All of these use the binary outcome.",
        ("name in a recipe", "what it does", "source", "note"),
        (
            ("`sampling.curriculum=uniform`", "new problems without end", "", "no problem is seen twice"),
            (
                '`sampling.curriculum={"kind":"pool","size":1000,"retire_at":0.9}`',
                "a fixed set in epochs; `retire_at` drops problems that are solved",
                "no positive resampling, ScaleRL, 0.9",
                "draws per problem are logged",
            ),
            (
                "`sampling.curriculum=targeted`",
                "levels near a target pass rate",
                r"signal of a centred group grows as $`p(1-p)`$",
                "moves as the policy learns",
            ),
            (
                "`sampling.curriculum=edge`",
                "levels solved rarely but not never",
                "arXiv 2512.07783, there fixed before RL",
                "a level's mean may mix easy and impossible",
            ),
            (
                "`sampling.filters.drop_zero_variance=true`",
                "drops groups of one outcome",
                "DAPO; ScaleRL",
                "such groups give no signal in group estimators anyway, but dropping them changes the denominators",
            ),
            (
                "`sampling.filters.drop_zero_variance=true sampling.filters.resample_up_to=4`",
                "samples this many more times to fill the batch",
                "DAPO's dynamic sampling",
                "bounded; after that the step uses the groups that there are",
            ),
            (
                '`sampling.hints={"kind":"gold_prefix","fraction":{"first":0.5,"last":0}}`',
                "a group that is all wrong is drawn again behind the first half of the gold solution, less from step to"
                " step, and stands in for the first; the hint is read and not trained on",
                "after POPE, arXiv 2601.18779, and NuRL, arXiv 2509.25666",
                "both draws count in `samples_drawn`; rewards, curriculum and coverage are of the first; evaluation has"
                " no hints",
            ),
            (
                '`sampling.hints={"kind":"gold_prefix","groups":"random"}`',
                "as many groups as are all wrong get hints, chosen at random from all of the draw",
                "",
                "the control that says whether it matters that hints stand where all samples fail",
            ),
        ),
    ),
    Table(
        "Controls without RL",
        "These use the same trainer, samples and updates. A gain of RL over its base is no sign of a new skill where a"
        " control gains as much.",
        ("arm", "in a recipe", "what it is", "what it rules out"),
        (
            (
                "Supervised fine-tuning",
                "`advantage=indicator_all sampling.samples=1 sampling.behavior=gold`",
                "likelihood of the world's own solutions",
                "that any training on these problems would do; an upper bound where RL has no signal",
            ),
            (
                "Fine-tuning on what hints reveal",
                '`advantage=indicator_all sampling.samples=1 sampling.behavior={"kind":"gold","fraction":0.5}`',
                "likelihood of the first half of the world's solutions and of nothing else, as hints of that fraction"
                " reveal it; `sampling.filters.zero_success_gate=16` leaves the problems that the start model does not"
                " solve",
                "that reading the hints made the gain, not RL behind them",
            ),
            (
                "Rejection fine-tuning",
                "`sampling.behavior=start advantage=indicator_correct`",
                "likelihood of the start model's right samples, draws matched to RL's",
                "that search made the gain, not learning from failures",
            ),
            (
                "Positive-only RL",
                "`advantage.positive_only=true`",
                "failures are never pushed down",
                "that the negative gradient made the gain",
            ),
            (
                "Distillation",
                "`sampling.behavior=teacher advantage=indicator_all`",
                "likelihood of a teacher's samples; forward KL",
                "nothing: it is the positive control, in which new skills appear",
            ),
            (
                "On-policy distillation",
                "`advantage=indicator_none loss.kl.target=teacher loss.kl.coefficient=1`",
                "KL(policy ‖ teacher) on the policy's samples; reverse KL",
                "nothing: the positive control on the policy's own samples",
            ),
            (
                "Self-distillation",
                "`advantage=indicator_none loss.kl.coefficient=1 loss.kl.temperature=0.5`",
                "the policy is pulled to its own start, sharpened",
                "that per-token sharpening alone is the gain",
            ),
            (
                "Sharpening by RL",
                "`reward.function=own_likelihood advantage=rloo`",
                "what is likely under the start model is paid; no verifier; Mittal et al. 2026, arXiv 2604.16259",
                "that sharpening of sequences, by the same optimizer as RL, is the gain",
            ),
            (
                "Power sampling",
                "`edgewise.sampling.power.PowerSampler`",
                r"draws from $`p(x)^\alpha`$ of whole samples, no training; Karan and Du 2025, arXiv"
                " 2510.14901",
                "that sharpening of sequences alone is the gain",
            ),
        ),
    ),
)
