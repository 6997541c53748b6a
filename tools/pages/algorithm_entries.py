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
        "One sample per problem will do.",
        "Unbiased: w(p) = 1 (exact). All its signal is in right samples; no baseline, so much variance.",
        "A control, and the yardstick of bias.",
    ),
    Entry(
        "GRPO",
        "edgewise.rl.advantages.grpo",
        "advantage=grpo",
        "Shao et al. 2024, arXiv 2402.03300, sec. 4.1.2",
        r"A_i = \frac{r_i - \bar r}{\mathrm{std}(r) + 10^{-6}}",
        "Groups of at least 2. The paper does not say which std: sample (n - 1; verl, TRL), or population (n) by"
        " `advantage=grpo advantage.std=population`.",
        r"Biased across problems: w(p) tends to $`1/\sqrt{p(1-p)}`$. At n = 8 it has 0.93 of that at p = 0.5, 0.54 at"
        " p = 0.05 (population std, exact). With graded rewards not even the direction is right (cosine 0.979 in our"
        " test).",
        "What most papers compare with. The rare failures of nearly solved problems are loud.",
    ),
    Entry(
        "Dr. GRPO",
        "edgewise.rl.advantages.dr_grpo",
        "advantage=dr_grpo",
        "Liu et al. 2025, arXiv 2503.20783, sec. 3.2",
        r"A_i = r_i - \bar r",
        "Groups of at least 2; with `loss.normalization=seq-mean-token-sum-norm` it is the published whole.",
        "(n - 1)/n times the gradient of the mean reward (exact): a sample is part of its own baseline.",
        "The plain choice; no problem is favoured.",
    ),
    Entry(
        "RLOO",
        "edgewise.rl.advantages.rloo",
        "advantage=rloo",
        "Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740",
        r"A_i = r_i - \frac{1}{n-1} \sum_{j \ne i} r_j",
        "Groups of at least 2.",
        "Unbiased for the mean reward, binary or graded: w(p) = 1 (exact).",
        "Where bias must be no explanation. Dr. GRPO with n/(n - 1) of its step.",
    ),
    Entry(
        "REINFORCE++",
        "edgewise.rl.advantages.reinforce_plus_plus",
        "advantage=reinforce_plus_plus",
        "Hu et al. 2025, arXiv 2501.03262; tokens counted as in verl",
        r"A_i = \frac{r_i - \mathrm{mean}_{batch}(r)}{\mathrm{std}_{batch}(r)}",
        "A batch with more than one outcome. With a KL in the reward, `reward_to_go` and `whiten` act token by token.",
        "All problems alike: w is one number in a large batch. One baseline for all, so every group is loud: solved"
        " ones are pushed up, unsolved ones down.",
        "One sample per problem. With groups a baseline of the problem's own has less variance.",
    ),
    Entry(
        "REINFORCE++, group baseline",
        "edgewise.rl.advantages.reinforce_plus_plus_baseline",
        "advantage=reinforce_plus_plus_baseline",
        "Hu et al. 2025, arXiv 2501.03262; ProRL v2, BroRL (arXiv 2510.01180)",
        r"A_i = \frac{a_i - \mathrm{mean}_{batch}(a)}{\mathrm{std}_{batch}(a)}, \quad a_i = r_i - \bar r",
        "Groups of at least 2; mean and std over the batch's tokens.",
        "As Dr. GRPO up to one number a batch, so problems keep their proportions. The token mean of a need not be 0:"
        " groups of equal rewards then get a small advantage, as published.",
        "A step size that does not depend on how hard the batch is.",
    ),
    Entry(
        "ScaleRL, batch std",
        "edgewise.rl.advantages.batch_std",
        "advantage=batch_std",
        "Khatri et al. 2025, arXiv 2510.13786, sec. 3",
        r"A_i = \frac{r_i - \bar r}{\mathrm{std}_{batch}(r - \bar r)}",
        "Groups of at least 2; sample std (the paper does not say), its square at least 1e-8.",
        "As Dr. GRPO up to one number a batch; groups of equal rewards get exactly 0.",
        "As above, without the token mean. The paper finds group, batch and no std equal in their ceiling.",
    ),
    Entry(
        "ReMax",
        "edgewise.rl.advantages.remax",
        "advantage=remax",
        "Li et al. 2023, arXiv 2310.10505, eq. 5",
        r"A_i = r_i - r(\text{greedy completion})",
        "One greedy completion more per problem; one sample will do.",
        "Unbiased: w(p) = 1 for either greedy outcome (exact).",
        "Few samples a problem. With 0/1 rewards its baseline is 0 or 1, a poor one at p near 1/2.",
    ),
    Entry(
        "OPO",
        "edgewise.rl.advantages.opo",
        "advantage=opo",
        "Hao et al. 2025, arXiv 2505.23585",
        r"A_i = r_i - \frac{\sum_j l_j r_j}{\sum_j l_j}, \quad l = \text{length in tokens}",
        "The squared norm of a score grows with length, which makes this the baseline of least variance.",
        "Of equal lengths it is Dr. GRPO (exact). Else each sample is in its own baseline by its share of the tokens.",
        "Lengths that differ much.",
    ),
    Entry(
        "PPO with a critic (GAE)",
        "edgewise.rl.advantages.gae",
        "advantage=gae",
        r"Schulman et al. 2015, arXiv 1506.02438, eq. 16; Open-Reasoner-Zero: $`\gamma = \lambda = 1`$",
        r"A_t = \sum_{l \ge 0} (\gamma\lambda)^l \delta_{t+l}, \quad \delta_t = r_t + \gamma V_{t+1} - V_t",
        "A critic, trained on the same batches; the reward falls on the last token. `whiten`ed over tokens unless"
        " `advantage.whiten=false`.",
        r"At $`\gamma = \lambda = 1`$ unbiased whatever the critic says: the reward to go less the value. At"
        r" $`\lambda < 1`$ the critic's errors are bias.",
        "Long completions, where credit per token is worth a second model.",
    ),
    Entry(
        "PKPO",
        "edgewise.rl.advantages.pkpo",
        "advantage=pkpo",
        "Walder and Karkhanis 2025, arXiv 2505.15201",
        r"S_i = \binom{n}{k}^{-1} \sum_{I \ni i,\, \lvert I \rvert = k} \max_{j \in I} r_j - b_i, \qquad A_i = n S_i",
        "k ≤ n (k < n for sloo and sloo_kn); rewards binary or graded. `pkpo_objective` estimates the objective."
        " k may be a schedule: `advantage=pkpo advantage.k.first=8 advantage.k.then=1`.",
        r"Unbiased with every baseline for the expected best of k, of 0/1 rewards pass@k: $`w(p) = k(1-p)^{k-1}`$"
        " (exact). Less the group's mean of S instead, 1 - k/n of it is left: 0.75 at n = 8, k = 2; nothing at k = n"
        " (exact).",
        "Where pass@k is what you want. With sloo-1 nothing is learned from a group of more than n - k + 1 successes.",
    ),
    Entry(
        "Pass@k Training",
        "edgewise.rl.advantages.pass_at_k_training",
        "advantage=pass_at_k_training",
        "Chen et al. 2025, arXiv 2508.10751; analytic form",
        r"A_+ = \sqrt{\frac{f}{1-f}}, \quad A_- = -\frac{c}{n-c} A_+, \quad f = \binom{n-c}{k} \Big/ \binom{n}{k}",
        "Rewards exactly 0 or 1; k < n. Signal only for 1 ≤ c ≤ n - k.",
        r"Equals $`\frac{n}{k} (S - \bar S) / \sqrt{f(1-f)}`$ with S of PKPO (exact): pass@k's gradient within a"
        " problem, then divided by a standard deviation, as in GRPO, which it is at k = 1 with the population std.",
        "Hard problems, failures pushed down, which PKPO sloo-1 never does. At n = 32 a group is loudest at c/n = 0.25"
        " for k = 4 and 0.125 for k = 8, where the paper names 0.25.",
    ),
    Entry(
        "MaxRL",
        "edgewise.rl.advantages.maxrl",
        "advantage=maxrl",
        "Tajwar et al. 2026, arXiv 2602.02710",
        r"A_i = \frac{r_i - \bar r}{\bar r} \text{ where } \bar r > 0, \text{ else } 0",
        "Rewards of at least 0; groups of at least 2.",
        r"Unbiased for log p cut after n - 1 terms of its series: $`w(p) = (1 - (1-p)^{n-1}) / p`$ (exact). The paper"
        " counts n terms, which holds without the centring.",
        "Likelihood of success instead of its rate: as near to 1/p as n samples allow.",
    ),
    Entry(
        "Unlikeliness reward",
        "edgewise.rl.advantages.unlikeliness",
        "advantage=unlikeliness",
        "He et al. 2025, arXiv 2506.02355; β = 0.25",
        r"A = \mathrm{GRPO}\left(r_i \left(1 - \beta\, \mathrm{rank}_i / n\right)\right), \quad \mathrm{rank}_i = 0"
        r" \text{ for the least likely}",
        "Mean log-probability per token under the policy that drew; equal ones share a rank (theirs: as they come).",
        "Biased on purpose towards rare successes. A group of all right still learns: its likeliest lose.",
        "Against GRPO's raising of what is likely already, where several right answers exist.",
    ),
    Entry(
        "Positive only",
        "edgewise.rl.advantages.positive_only",
        "advantage.positive_only=true",
        "the masked arm of e3, arXiv 2506.09026; online rejection fine-tuning",
        r"A_i \leftarrow \max(A_i, 0)",
        "Any advantage.",
        "Not the gradient of the mean reward. On RLOO with 0/1 rewards w(p) = 1 - p (exact), half that of pass@2.",
        "The control for what the negative gradient adds.",
    ),
    Entry(
        "Zero-success gate",
        "edgewise.rl.advantages.zero_success_gate",
        "sampling.filters.zero_success_gate=16",
        "arXiv 2606.15455",
        r"A_i \leftarrow A_i \cdot [\text{no success among earlier draws}]",
        "In a recipe the earlier draws are so many of the start model, not those that are trained on.",
        "Multiplies w(p) by (1 - q)^gate, q the start model's pass rate: only what it fails is trained.",
        "Against overtraining: breadth is not traded for what was solved before.",
    ),
    Entry(
        "Rejection fine-tuning weights",
        "no function: the outcome",
        "advantage=indicator_correct",
        "STaR, RFT; `sampling.behavior=start` for matched draws, `sampling.behavior=policy` online",
        r"A_i = [\text{outcome right}]",
        "Reads the binary outcome, never the shaped reward.",
        "Written by the policy, w(p) = 1: REINFORCE without a baseline. Written by the start model, it tends to what"
        " that model writes where it is right.",
        "The control of equal draws for every RL claim. `advantage=indicator_all` (A = 1) and"
        " `advantage=indicator_none` (A = 0)"
        " serve the arms at the end of this page.",
    ),
)

LOSSES = (
    Entry(
        "REINFORCE",
        "edgewise.rl.losses.reinforce",
        "loss.function=reinforce",
        "Williams 1992",
        r"-A \log \pi",
        "Draws of the policy itself, one update a batch; else a `correction`.",
        "The exact policy gradient. Off policy biased, since nothing weighs the draws.",
        "Strictly on policy.",
    ),
    Entry(
        "PPO clip",
        "edgewise.rl.losses.ppo_clip",
        "loss.function=ppo_clip",
        "Schulman et al. 2017, arXiv 1707.06347, eq. 7",
        r"-\min\left(\rho A,\ \mathrm{clip}(\rho, 1 - \epsilon_{low}, 1 + \epsilon_{high}) A\right), \quad"
        r" \rho = \pi / \pi_{old}",
        "A trust region per token; `clipped` tells where the gradient is cut.",
        "Unbiased without the clip, token by token (exact). The clip has a direction: under a coin-toss reward,"
        " whose gradient is 0 on average, a second update with 21% of tokens clipped pushes the likeliest word"
        " up and entropy down (exact).",
        "Several updates a batch. Beside it a random-reward arm: the clip alone sharpens (arXiv 2506.10947).",
    ),
    Entry(
        "DAPO, clip-higher",
        "edgewise.rl.losses.ppo_clip",
        "loss.function=ppo_clip loss.function.high=0.28",
        "Yu et al. 2025, arXiv 2503.14476, eq. 10",
        r"\epsilon_{low} = 0.2, \quad \epsilon_{high} = 0.28",
        "The published whole has `loss.normalization=token-mean`, `sampling.filters.drop_zero_variance=true"
        " sampling.filters.resample_up_to=4` and `reward.length=overlong`.",
        "As PPO clip; an unlikely token may rise further before it is cut.",
        "Where entropy falls under the symmetric clip.",
    ),
    Entry(
        "Dual clip",
        "edgewise.rl.losses.dual_clip",
        "loss.function=dual_clip",
        "Ye et al. 2020, arXiv 1912.09729; bound 3",
        r"-\max\left(\min(\rho A, \mathrm{clip}(\rho) A),\ b A\right) \text{ where } A < 0",
        r"As PPO clip, which grows without bound where A < 0 and $`\rho`$ is large.",
        r"As PPO clip, and no gradient where A < 0 and $`\rho > b`$.",
        "Stale or mismatched draws.",
    ),
    Entry(
        "CISPO",
        "edgewise.rl.losses.cispo",
        "loss.function=cispo",
        "MiniMax-M1, arXiv 2506.13585, eq. 4 and 5; ScaleRL (arXiv 2510.13786) has least 0, most 4 to 8",
        r"-\mathrm{sg}\left(\mathrm{clip}(\rho, \rho_{min}, \rho_{max})\right) A \log \pi",
        "Bounds on the ratio itself; `clip_fraction` tells where they act.",
        "Unbiased without bounds, token by token (exact); with them each token is weighed down and none is silenced.",
        "Several updates a batch, or stale draws.",
    ),
    Entry(
        "GSPO",
        "edgewise.rl.losses.gspo",
        "loss.function=gspo loss.normalization=seq-mean-token-mean",
        "Zheng et al. 2025, arXiv 2507.18071, eq. 5 and 7",
        r"-\min\left(s A, \mathrm{clip}(s) A\right), \quad s = \exp\left(\frac{1}{l} \sum_t \log \rho_t\right)",
        "One advantage a sample, whole samples in a call; `clip_fraction` tells which are cut.",
        "s is a geometric mean, so not an importance weight of the sample; on policy plain REINFORCE by samples.",
        "Where single tokens' ratios are noise. Its clip lies near 4e-4; ScaleRL needed 4e-3.",
    ),
    Entry(
        "Natural gradient, a control",
        "edgewise.rl.losses.natural_gradient",
        "loss.function=natural_gradient",
        "Kakade 2001, in the logits of a softmax",
        r"-A\, \mathrm{sg}\left(\min(1/p, \mathrm{cap})\right) \left(z_{token} - \bar z\right)",
        "Draws of the policy itself. `clip_fraction` tells which tokens are rarer than 1/cap.",
        "Without a cap each right token gains, p(1 - Q) with Q the right mass. Under the plain gradient 0, 9, 13 and 15"
        " of 16 right tokens lose as their logits spread by 0, 0.5, 1 and 2 (exact).",
        "To tell whether the parametrisation, not the number of draws, loses rare solutions.",
    ),
)
