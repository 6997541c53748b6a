"""The advantages and losses of docs/algorithms.md, one entry each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One algorithm. `code` and `recipe` are its names, `update` what it does on average, `use` when to take it."""

    title: str
    code: str
    recipe: str
    source: str
    formula: str
    assumes: str
    update: str
    use: str


ADVANTAGES = (
    Entry(
        "REINFORCE",
        "no function: the reward itself",
        "advantage=reinforce",
        "Williams 1992",
        r"A_i = r_i",
        "One sample per problem is enough.",
        "Unbiased: w(p) = 1 (exact). Only right samples give signal. There is no baseline, so the variance is large.",
        "As a control, and to measure the bias of others against it.",
    ),
    Entry(
        "GRPO",
        "edgewise.rl.advantages.grpo",
        "advantage=grpo",
        "Shao et al. 2024, arXiv 2402.03300, sec. 4.1.2",
        r"A_i = \frac{r_i - \bar r}{\mathrm{std}(r) + 10^{-6}}",
        "Groups of at least 2. The paper does not say which std it uses. The default is the sample std (n - 1; verl,"
        " TRL); `advantage=grpo advantage.std=population` divides by n.",
        r"Biased across problems: w(p) tends to $`1/\sqrt{p(1-p)}`$. At n = 8 it reaches 0.93 of that at p = 0.5 and"
        r" 0.54"
        " at p = 0.05 (population std, exact). With graded rewards the direction is biased too (cosine 0.979 in our"
        " test).",
        "The baseline of most papers. Rare failures on nearly solved problems get large advantages.",
    ),
    Entry(
        "Dr. GRPO",
        "edgewise.rl.advantages.dr_grpo",
        "advantage=dr_grpo",
        "Liu et al. 2025, arXiv 2503.20783, sec. 3.2",
        r"A_i = r_i - \bar r",
        "Groups of at least 2. Add `loss.normalization=seq-mean-token-sum-norm` for the complete published algorithm.",
        "(n - 1)/n times the gradient of the mean reward (exact), because a sample is part of its own baseline.",
        "The simplest choice. It favours no problem.",
    ),
    Entry(
        "RLOO",
        "edgewise.rl.advantages.rloo",
        "advantage=rloo",
        "Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740",
        r"A_i = r_i - \frac{1}{n-1} \sum_{j \ne i} r_j",
        "Groups of at least 2.",
        "Unbiased for the mean reward, binary or graded: w(p) = 1 (exact).",
        "When bias must be excluded as an explanation. It is Dr. GRPO times n/(n - 1).",
    ),
    Entry(
        "REINFORCE++",
        "edgewise.rl.advantages.reinforce_plus_plus",
        "advantage=reinforce_plus_plus",
        "Hu et al. 2025, arXiv 2501.03262; tokens counted as in verl",
        r"A_i = \frac{r_i - \mathrm{mean}_{batch}(r)}{\mathrm{std}_{batch}(r)}",
        "A batch with more than one outcome. With a KL in the reward, `reward_to_go` and `whiten` act token by token.",
        "All problems have the same weight: w is one number in a large batch. All share one baseline, so every group"
        " gives signal: solved groups are pushed up, unsolved ones down.",
        "With one sample per problem. With groups, a baseline for each problem has less variance.",
    ),
    Entry(
        "REINFORCE++, group baseline",
        "edgewise.rl.advantages.reinforce_plus_plus_baseline",
        "advantage=reinforce_plus_plus_baseline",
        "Hu et al. 2025, arXiv 2501.03262; ProRL v2, BroRL (arXiv 2510.01180)",
        r"A_i = \frac{a_i - \mathrm{mean}_{batch}(a)}{\mathrm{std}_{batch}(a)}, \quad a_i = r_i - \bar r",
        "Groups of at least 2; mean and std over the batch's tokens.",
        "As Dr. GRPO up to one factor for each batch, so the relative weights of problems stay. The mean of a over"
        " tokens need not be 0. Groups of equal rewards then get a small advantage, as published.",
        "For a step size that does not depend on the difficulty of the batch.",
    ),
    Entry(
        "ScaleRL, batch std",
        "edgewise.rl.advantages.batch_std",
        "advantage=batch_std",
        "Khatri et al. 2025, arXiv 2510.13786, sec. 3",
        r"A_i = \frac{r_i - \bar r}{\mathrm{std}_{batch}(r - \bar r)}",
        "Groups of at least 2; sample std (the paper does not say), its square at least 1e-8.",
        "As Dr. GRPO up to one factor for each batch; groups of equal rewards get exactly 0.",
        "As above, without the mean over tokens. The paper finds the same final performance with the std of the group,"
        " of the batch, and without one.",
    ),
    Entry(
        "ReMax",
        "edgewise.rl.advantages.remax",
        "advantage=remax",
        "Li et al. 2023, arXiv 2310.10505, eq. 5",
        r"A_i = r_i - r(\text{greedy completion})",
        "One additional greedy completion per problem; one sample is enough.",
        "Unbiased: w(p) = 1 for either greedy outcome (exact).",
        "With few samples per problem. With 0/1 rewards its baseline is 0 or 1, which is poor for p near 1/2.",
    ),
    Entry(
        "OPO",
        "edgewise.rl.advantages.opo",
        "advantage=opo",
        "Hao et al. 2025, arXiv 2505.23585",
        r"A_i = r_i - \frac{\sum_j l_j r_j}{\sum_j l_j}, \quad l = \text{length in tokens}",
        "The squared norm of a score grows with length. Then this baseline has the least variance.",
        "With equal lengths it is Dr. GRPO (exact). Otherwise each sample enters its own baseline with its share of the"
        " tokens.",
        "When lengths differ much.",
    ),
    Entry(
        "PPO with a critic (GAE)",
        "edgewise.rl.advantages.gae",
        "advantage=gae",
        r"Schulman et al. 2015, arXiv 1506.02438, eq. 16; Open-Reasoner-Zero: $`\gamma = \lambda = 1`$",
        r"A_t = \sum_{l \ge 0} (\gamma\lambda)^l \delta_{t+l}, \quad \delta_t = r_t + \gamma V_{t+1} - V_t",
        "A critic, trained on the same batches. The reward is paid at the last token. Whitened over tokens (`whiten`)"
        " unless `advantage.whiten=false`.",
        r"At $`\gamma = \lambda = 1`$ unbiased for any critic: the reward to go minus the value. At"
        r" $`\lambda < 1`$ the critic's errors cause bias.",
        "For long completions, where credit per token justifies a second model.",
    ),
    Entry(
        "PKPO",
        "edgewise.rl.advantages.pkpo",
        "advantage=pkpo",
        "Walder and Karkhanis 2025, arXiv 2505.15201",
        r"S_i = \binom{n}{k}^{-1} \sum_{I \ni i,\, \lvert I \rvert = k} \max_{j \in I} r_j - b_i, \qquad A_i = n S_i",
        "k ≤ n (k < n for sloo and sloo_kn); rewards binary or graded. `pkpo_objective` estimates the objective."
        " k can be a schedule: `advantage=pkpo advantage.k.first=8 advantage.k.then=1`.",
        r"Unbiased with every baseline for the expected best of k, which is pass@k for 0/1 rewards:"
        r" $`w(p) = k(1-p)^{k-1}`$ (exact). With the group's mean of S as baseline, only 1 - k/n of the gradient would"
        " remain: 0.75 at n = 8, k = 2; nothing at k = n (exact).",
        "To train for pass@k. With sloo-1 a group of more than n - k + 1 successes gives no signal.",
    ),
    Entry(
        "Pass@k Training",
        "edgewise.rl.advantages.pass_at_k_training",
        "advantage=pass_at_k_training",
        "Chen et al. 2025, arXiv 2508.10751; analytic form",
        r"A_+ = \sqrt{\frac{f}{1-f}}, \quad A_- = -\frac{c}{n-c} A_+, \quad f = \binom{n-c}{k} \Big/ \binom{n}{k}",
        "Rewards exactly 0 or 1; k < n. Signal only for 1 ≤ c ≤ n - k.",
        r"Equals $`\frac{n}{k} (S - \bar S) / \sqrt{f(1-f)}`$ with S of PKPO (exact): the gradient of pass@k"
        " within a problem, divided by a standard deviation as in GRPO. At k = 1 it is GRPO with the population std.",
        "For hard problems. It pushes failures down, which PKPO sloo-1 never does. At n = 32 the signal is largest at"
        " c/n = 0.25 for k = 4 and at 0.125 for k = 8, for which the paper gives 0.25.",
    ),
    Entry(
        "MaxRL",
        "edgewise.rl.advantages.maxrl",
        "advantage=maxrl",
        "Tajwar et al. 2026, arXiv 2602.02710",
        r"A_i = \frac{r_i - \bar r}{\bar r} \text{ where } \bar r > 0, \text{ else } 0",
        "Rewards of at least 0; groups of at least 2.",
        r"Unbiased for the first n - 1 terms of the series of log p: $`w(p) = (1 - (1-p)^{n-1}) / p`$ (exact). The"
        " paper says n terms, which is right without the centring.",
        "To train the log-likelihood of success instead of its rate: w(p) is as near to 1/p as n samples allow.",
    ),
    Entry(
        "Unlikeliness reward",
        "edgewise.rl.advantages.unlikeliness",
        "advantage=unlikeliness",
        "He et al. 2025, arXiv 2506.02355; β = 0.25",
        r"A = \mathrm{GRPO}\left(r_i \left(1 - \beta\, \mathrm{rank}_i / n\right)\right), \quad \mathrm{rank}_i = 0"
        r" \text{ for the least likely}",
        "Ranks use the mean log-probability per token under the policy that sampled. Equal ones share a rank (in the"
        " authors' code they are ranked in order).",
        "Biased on purpose towards rare successes. A group of only right samples still gives signal: the likeliest are"
        " pushed down.",
        "Where several right answers exist, against GRPO's tendency to raise what is likely already.",
    ),
    Entry(
        "Positive only",
        "edgewise.rl.advantages.positive_only",
        "advantage.positive_only=true",
        "the masked arm of e3, arXiv 2506.09026; online rejection fine-tuning",
        r"A_i \leftarrow \max(A_i, 0)",
        "Any advantage.",
        "Not the gradient of the mean reward. On RLOO with 0/1 rewards w(p) = 1 - p (exact), half that of pass@2.",
        "As a control, to measure what the negative gradient adds.",
    ),
    Entry(
        "Zero-success gate",
        "edgewise.rl.advantages.zero_success_gate",
        "sampling.filters.zero_success_gate=16",
        "arXiv 2606.15455",
        r"A_i \leftarrow A_i \cdot [\text{no success among earlier draws}]",
        "In a recipe the earlier draws are this many samples of the start model; they are not trained on.",
        "Multiplies w(p) by (1 - q)^gate, with q the start model's pass rate. Only problems that it fails are trained.",
        "Against overtraining on problems that were solved before, which costs breadth.",
    ),
    Entry(
        "Rejection fine-tuning weights",
        "no function: the outcome",
        "advantage=indicator_correct",
        "STaR, RFT; `sampling.behavior=start` for matched draws, `sampling.behavior=policy` online",
        r"A_i = [\text{outcome right}]",
        "Uses the binary outcome, never the shaped reward.",
        "On samples of the policy w(p) = 1: REINFORCE without a baseline. On samples of the start model, the policy"
        " converges to that model's right completions.",
        "As the control with equal draws for every RL claim. The arms at the end of this page use"
        " `advantage=indicator_all` (A = 1) and `advantage=indicator_none` (A = 0).",
    ),
)

LOSSES = (
    Entry(
        "REINFORCE",
        "edgewise.rl.losses.reinforce",
        "loss.function=reinforce",
        "Williams 1992",
        r"-A \log \pi",
        "Samples of the policy itself and one update for each batch; otherwise a `correction`.",
        "The exact policy gradient. Off policy it is biased, because the samples have no importance weights.",
        "Strictly on policy.",
    ),
    Entry(
        "PPO clip",
        "edgewise.rl.losses.ppo_clip",
        "loss.function=ppo_clip",
        "Schulman et al. 2017, arXiv 1707.06347, eq. 7",
        r"-\min\left(\rho A,\ \mathrm{clip}(\rho, 1 - \epsilon_{low}, 1 + \epsilon_{high}) A\right), \quad"
        r" \rho = \pi / \pi_{old}",
        "A trust region per token; `clip_fraction` is the share of tokens without gradient.",
        "Unbiased without the clip, token by token (exact). The clip itself is biased: with a coin-toss reward, whose"
        " mean gradient is 0, a second update with 21% of the tokens clipped raises the likeliest word and lowers the"
        " entropy (exact).",
        "For several updates for each batch. Run an arm with random rewards as well: the clip alone sharpens (arXiv"
        " 2506.10947).",
    ),
    Entry(
        "DAPO, clip-higher",
        "edgewise.rl.losses.ppo_clip",
        "loss.function=ppo_clip loss.function.high=0.28",
        "Yu et al. 2025, arXiv 2503.14476, eq. 10",
        r"\epsilon_{low} = 0.2, \quad \epsilon_{high} = 0.28",
        "The complete published algorithm has `loss.normalization=token-mean`,"
        " `sampling.filters.drop_zero_variance=true sampling.filters.resample_up_to=4` and `reward.length=overlong`.",
        "As PPO clip, but an unlikely token can rise further before it is clipped.",
        "Where entropy falls under the symmetric clip.",
    ),
    Entry(
        "Dual clip",
        "edgewise.rl.losses.dual_clip",
        "loss.function=dual_clip",
        "Ye et al. 2020, arXiv 1912.09729; bound 3",
        r"-\max\left(\min(\rho A, \mathrm{clip}(\rho) A),\ b A\right) \text{ where } A < 0",
        r"As PPO clip, whose loss is unbounded where A < 0 and $`\rho`$ is large.",
        r"As PPO clip, and no gradient where A < 0 and $`\rho > b`$.",
        "With stale samples, or a sampler that does not match the trainer.",
    ),
    Entry(
        "CISPO",
        "edgewise.rl.losses.cispo",
        "loss.function=cispo",
        "MiniMax-M1, arXiv 2506.13585, eq. 4 and 5; ScaleRL (arXiv 2510.13786) has least 0, most 4 to 8",
        r"-\mathrm{sg}\left(\mathrm{clip}(\rho, \rho_{min}, \rho_{max})\right) A \log \pi",
        "Bounds on the ratio itself; `clip_fraction` is the share of tokens where they act.",
        "Unbiased without bounds, token by token (exact). The bounds reduce the weight of tokens, but every token"
        " keeps a gradient.",
        "For several updates for each batch, or stale samples.",
    ),
    Entry(
        "GSPO",
        "edgewise.rl.losses.gspo",
        "loss.function=gspo loss.normalization=seq-mean-token-mean",
        "Zheng et al. 2025, arXiv 2507.18071, eq. 5 and 7",
        r"-\min\left(s A, \mathrm{clip}(s) A\right), \quad s = \exp\left(\frac{1}{l} \sum_t \log \rho_t\right)",
        "One advantage for each sample, and whole samples in each call; `clip_fraction` is the share that is clipped.",
        "s is a geometric mean, so it is not an importance weight of the sample. On policy it is plain REINFORCE over"
        " samples.",
        "Where the ratios of single tokens are noise. Its clip is near 4e-4; ScaleRL needed 4e-3.",
    ),
    Entry(
        "Natural gradient, a control",
        "edgewise.rl.losses.natural_gradient",
        "loss.function=natural_gradient",
        "Kakade 2001, in the logits of a softmax",
        r"-A\, \mathrm{sg}\left(\min(1/p, \mathrm{cap})\right) \left(z_{token} - \bar z\right)",
        "Samples of the policy itself. `clip_fraction` is the share of tokens with a probability below 1/cap.",
        "Without a cap each right token gains p(1 - Q), with Q the total probability of right tokens. Under the plain"
        " gradient 0, 9, 13 and 15 of 16 right tokens lose when their logits have a spread of 0, 0.5, 1 and 2 (exact).",
        "To find out whether rare solutions are lost because of the parametrisation, not the number of draws.",
    ),
)
