"""Recipes of works released with code and models: Skywork-OR1, SimpleRL-Zoo, Logic-RL, Tulu 3, OLMo 2."""

from __future__ import annotations

from edgewise.rl.recipes.published import PublishedRecipe, Stated, published

_VERL: Stated = {
    "optimizer.epochs": (1, "released configuration: ppo_epochs 1"),
    "optimizer.schedule": ("constant", "released configuration: constant"),
    "optimizer.warmup": (0.0, "released configuration: no warm-up"),
    "optimizer.beta_2": (0.999, "released code: AdamW with betas 0.9 and 0.999"),
    "optimizer.weight_decay": (0.01, "released code: AdamW with weight decay 0.01"),
    "optimizer.clip": (1.0, "released configuration: grad_clip 1.0"),
}
"""What three of the works leave as the copy of verl has it that each of them released."""

SKYWORK_OR1 = published(
    "skywork-or1",
    1,
    "Skywork-OR1 (MAGIC): GRPO strictly on policy, over all tokens, without KL",
    "He et al. 2025, arXiv 2505.22312",
    _VERL
    | {
        "steps": (1320, "section 8.1, 7B: the released checkpoint is that of step 1,320"),
        "sampling.prompts": (256, "table 11, 7B: batch 256 until step 660, then 160; here the first throughout"),
        "sampling.samples": (16, "table 11, 7B: group size 16 until step 660, then 32; here the first throughout"),
        "optimizer.minibatches": (1, "table 11, 7B: mini-batch 256 of 256; section 3.1: on policy"),
        "sampling.max_new_tokens": (
            16384,
            "released script 7b_16k: 16,384; table 11: context 16K until step 660, then 32K; here the first throughout",
        ),
        "sampling.temperature": (1.0, "section 8.1: temperature 1.0"),
        "reward.function": ("outcome", "section 2: 1 or 0 by rules; a truncated completion earns 0, section 3.2.3"),
        "sampling.filters.drop_zero_variance": (True, "section 3.1: only groups whose advantages are not all 0"),
        "sampling.filters.resample_up_to": (0, "released code: the batch is not filled up again"),
        "advantage": ("grpo", "eq. 2.5"),
        "advantage.std": ("sample", "the paper does not say which; the released code divides by the sample one"),
        "loss.function": ("ppo_clip", "eq. 3.1; one update never clips"),
        "loss.function.low": (0.2, "section 8.1: clip ratio 0.2"),
        "loss.function.high": (0.2, "section 8.1: clip ratio 0.2"),
        "loss.normalization": ("token-mean", "eq. 3.1: over all tokens of the batch"),
        "loss.kl.coefficient": (0.0, "sections 3.2.6 and 8.1: no KL"),
        "loss.entropy_bonus": (0.0, "eq. 3.2: the adaptive coefficient starts at 0; see below"),
        "optimizer.learning_rate": (1e-6, "section 8.1: 1e-6"),
        "optimizer.schedule": ("constant", "section 8.1: constant"),
    },
    disagreements=(
        "Adaptive entropy control is not here. After each step the coefficient of an entropy bonus grows where the"
        " entropy is below 0.2 and shrinks where it is above, and the bonus acts only below (eq. 3.2). Its step is"
        " 0.005 in the paper; in the scripts it is 0.0001, and the coefficient stays between 0 and 0.005.",
        "Prompts that the policy always solved in one stage are left out of the next, and those that the start model"
        " solves always or never in 16 draws are left out from the start (sections 3.1 and 6.2); here all are drawn.",
        "Math-7B has three lengths, 8K, 16K and 32K, 2,160 steps and two updates to a step (table 10); 32B has 16K,"
        " then 24K, and the checkpoint of step 1,000 (table 12).",
        "The script for 7B at 32K has 256 prompts x 16, table 11 has 160 x 32.",
    ),
)

SIMPLERL_ZOO = published(
    "simplerl-zoo",
    1,
    "SimpleRL-Zoo: GRPO from base models, over all tokens, paid for the answer alone",
    "Zeng et al. 2025, arXiv 2503.18892",
    _VERL
    | {
        "steps": (100, "released README: about 100 steps for 7B and 14B; the paper states none"),
        "sampling.prompts": (1024, "appendix B.5: prompt batch 1,024"),
        "sampling.samples": (8, "appendix B.5: 8 rollouts to a prompt"),
        "optimizer.minibatches": (4, "appendix B.5: mini-batch 256, which the released code counts in prompts"),
        "sampling.max_new_tokens": (8192, "appendix B.5: 8,192 tokens"),
        "sampling.temperature": (1.0, "appendix B.5: temperature 1.0"),
        "reward.function": ("outcome", "appendix B.2: 1 for a right answer, else 0; no reward for the format"),
        "advantage": ("grpo", "eq. 2"),
        "advantage.std": ("sample", "the paper does not say which; the released code divides by the sample one"),
        "loss.function": ("ppo_clip", "eq. 1"),
        "loss.function.low": (0.2, "appendix B.5: clip ratio 0.2"),
        "loss.function.high": (0.2, "appendix B.5: clip ratio 0.2"),
        "loss.normalization": ("token-mean", "eq. 1, length-rectified: no division by the length of a sample"),
        "loss.kl.coefficient": (1e-4, "appendix B.5: 1e-4 for 0.5B to 14B; 1e-3 above"),
        "loss.kl.estimator": ("k3", "released script: low_var_kl"),
        "loss.kl.place": ("loss", "eq. 1"),
        "loss.entropy_bonus": (0.001, "released README and script: 0.001; the paper does not mention it"),
        "optimizer.learning_rate": (5e-7, "released script: 5e-7; the paper does not state it"),
    },
    disagreements=(
        "Eq. 1 reads as a mean over the tokens of each group; the released code takes means over those of 2 samples at"
        " a time and averages them. Here it is the mean over all tokens of the mini-batch.",
        "The released code bounds the KL term of a token to 10; here there is no such bound (loss.kl.clamp is one on"
        " the log-ratio).",
        "A base model gets problems of one of three levels, by what it can solve, and one of two prompts, by how well"
        " it follows instructions (appendices B.1 and B.3); here both are the world's.",
    ),
)

LOGIC_RL = published(
    "logic-rl",
    1,
    "Logic-RL: REINFORCE++ with the KL in the loss, graded for format and answer",
    "Xie et al. 2025, arXiv 2502.14768",
    _VERL
    | {
        "steps": (3600, "section 2.4: 3,600 steps"),
        "sampling.prompts": (8, "table 1: train batch size 8"),
        "sampling.samples": (8, "table 1: rollout n 8"),
        "optimizer.minibatches": (1, "released script curriculum.sh: a mini-batch holds the whole batch"),
        "sampling.max_new_tokens": (4096, "table 1: 4,096"),
        "sampling.temperature": (0.7, "section 2.4: temperature 0.7"),
        "reward.function": ("graded", "section 2.2: a score for the format plus one for the answer"),
        "reward.function.right": (3.0, "section 2.2: 1 for the format and 2 for the answer"),
        "reward.function.wrong": (-0.5, "section 2.2: 1 for the format and -1.5 for the answer"),
        "reward.function.unreadable": (-3.0, "section 2.2: -1 for the format and -2 for an answer that is missing"),
        "advantage": ("reinforce_plus_plus", "section 2.3; gamma 1"),
        "loss.function": ("ppo_clip", "section 2.3; one update never clips"),
        "loss.function.low": (0.2, "released configuration: clip_ratio 0.2"),
        "loss.function.high": (0.2, "released configuration: clip_ratio 0.2"),
        "loss.normalization": ("token-mean", "released code: a mean over tokens"),
        "loss.kl.coefficient": (0.001, "table 1: 0.001"),
        "loss.kl.estimator": ("k3", "section 2.3, second modification: the estimator of GRPO"),
        "loss.kl.place": ("loss", "section 2.3, first modification: in the loss and not in the reward"),
        "loss.entropy_bonus": (0.001, "released configuration: entropy_coeff 0.001; the paper does not mention it"),
        "optimizer.learning_rate": (4e-7, "section 2.4: 4e-7"),
        "optimizer.schedule": ("constant", "section 2.4: constant"),
    },
    disagreements=(
        "The released script curriculum.sh has 5e-7 and, as it sets none, temperature 1; it goes from 3 to 7 people one"
        " by one, where the paper trains on all at once. Its main script, main_grpo.sh, is GRPO with 64 x 16 samples.",
        "The format there is a pair of tags, each once and in order; here it is whatever the world's verifier reads. An"
        " answer between right tags that does not parse earns -1 there and -3 here.",
        "The paper writes the loss as GRPO's, a mean over the tokens of each sample; its code takes the mean over all"
        " tokens, as here, and bounds the KL term of a token to 10, unlike here.",
    ),
)

_TENTH = "a right answer earns 10 there and 1 here, so that it is a tenth"
_TULU_3: Stated = {
    "steps": (446, "table 21: 100,000 episodes, 224 to a step"),
    "sampling.prompts": (224, "table 21: effective batch 224"),
    "sampling.samples": (1, "released code: one sample to a prompt"),
    "sampling.behavior.staleness": (1, "section 6.3: trains on the second-latest batch; released code: async_mode"),
    "optimizer.minibatches": (1, "table 21: 1 mini-batch"),
    "optimizer.epochs": (4, "table 21: 4 update iterations"),
    "sampling.max_new_tokens": (2048, "table 21: response length 2,048"),
    "sampling.temperature": (1.0, "table 21: temperature 1.0"),
    "reward.function": ("outcome", f"eq. 8: alpha = 10 for a right answer, else 0; {_TENTH} in all below"),
    "reward.length": ("overlong", "section 6.2: a completion without an end token is punished"),
    "reward.length.soft": (0.0005, "the last of 2,048 tokens: whatever ends before it is not punished"),
    "reward.length.weight": (1.0, f"table 21: -10 without an end token; {_TENTH}"),
    "advantage": ("gae", "section 6: PPO"),
    "advantage.gamma": (1.0, "table 21: gamma 1.0"),
    "advantage.lam": (0.95, "table 21: lambda 0.95"),
    "advantage.whiten": (True, "section 6.2: advantages are whitened"),
    "advantage.critic.clip": (0.02, f"released code: cliprange_value 0.2; {_TENTH}"),
    "advantage.critic.optimizer.learning_rate": (3e-7, "released code: that of the policy"),
    "advantage.critic.optimizer.beta_2": (0.999, "released code: the defaults of torch.optim.AdamW"),
    "advantage.critic.optimizer.weight_decay": (0.01, "released code: the defaults of torch.optim.AdamW"),
    "loss.function": ("ppo_clip", "section 6: PPO"),
    "loss.function.low": (0.2, "table 21: clip 0.2"),
    "loss.function.high": (0.2, "table 21: clip 0.2"),
    "loss.normalization": ("token-mean", "released code: a mean over the tokens of 2 samples at a time; here of all"),
    "loss.correction": ("none", "released code: the ratio is to the policy before the step's updates"),
    "loss.kl.coefficient": (0.005, f"table 21, final 8B: beta 0.05; {_TENTH}"),
    "loss.kl.estimator": ("k1", "released code: kl1"),
    "loss.kl.place": ("reward", "eq. 7; released code: paid token by token"),
    "optimizer.learning_rate": (3e-7, "table 21: 3e-7 for 8B"),
    "optimizer.schedule": ("cosine", "table 21: linear to 0, which is not here; half a cosine to 0 has the same mean"),
    "optimizer.final": (0.0, "table 21: linear, which ends at 0"),
    "optimizer.warmup": (0.0, "table 21, final 8B: warm-up 0.0"),
    "optimizer.beta_2": (0.999, "released code: the defaults of torch.optim.AdamW"),
    "optimizer.weight_decay": (0.01, "released code: the defaults of torch.optim.AdamW"),
    "optimizer.clip": (1.0, "table 21: gradient norm 1.0"),
}
_VALUE_MODEL = (
    "The value model starts from a reward model there, which the paper finds best; the critic here is a copy of the"
    " start model that expects 0 at first, to which this learning rate is low. Its loss is weighed by 0.1 there, which"
    " Adam does not see."
)

TULU_3 = published(
    "tulu-3",
    1,
    "Tulu 3 RLVR: PPO on verified answers, KL in the reward, a missing end punished",
    "Lambert et al. 2024, arXiv 2411.15124; commands of open-instruct",
    _TULU_3,
    disagreements=(
        "The paper was read as others quote it; command, code and the card of the 405B model agree with that in all"
        " that does not depend on the size, but for the episodes.",
        "The released command for 8B asks for 10,000,000 episodes, table 21 has 100,000. A checkpoint is picked by its"
        " scores (section 6.2), so that with the former the learning rate has hardly fallen by then.",
        _VALUE_MODEL,
        "70B has 1e-7, 640 episodes to a step and beta 0.07 (table 21, its caption and the command), where section 6.4"
        " writes 0.7.",
        "Tulu 3.1 8B replaces this stage by GRPO: 5e-7, constant, beta 0.01 by k3, 48 prompts x 16 in 2 mini-batches,"
        " no punishment of missing end tokens (command of open-instruct).",
    ),
)

_LIKE_TULU = {field: (value, "released command and code, as tulu-3") for field, (value, _) in _TULU_3.items()}

OLMO_2 = published(
    "olmo-2",
    1,
    "OLMo 2 RLVR, 7B: the PPO of Tulu 3 with a stronger KL and a higher rate",
    "Team OLMo 2024, arXiv 2501.00656; commands of open-instruct",
    _LIKE_TULU
    | {
        "steps": (806, "released command olmo2_1124.sh: 200,000 episodes, 248 to a step"),
        "sampling.prompts": (248, "released command olmo2_1124.sh: 8 on each of 31 GPUs"),
        "loss.kl.coefficient": (0.007, f"section 5, 7B: beta 0.07 of 0.03 to 0.1; {_TENTH}"),
        "optimizer.learning_rate": (4e-7, "section 5, 7B: 4e-7"),
        "advantage.critic.optimizer.learning_rate": (4e-7, "released code: that of the policy"),
    },
    disagreements=(
        "The released command has 3e-7 for 7B, section 5 has 4e-7. Table 18, which has the final numbers, was not in"
        " what was read.",
        "13B has beta 0.1 and 3e-7 and goes on twice, on GSM8K and then on MATH, with beta swept anew (section 5).",
        _VALUE_MODEL,
        "1B and 32B have GRPO instead: 32B with 5e-7, beta 0.1 and 16 samples (section 5), 1B with 5e-7, beta 0.01 and"
        " 48 x 16 samples (docs/olmo2.md of open-instruct).",
    ),
)

RECIPES: tuple[PublishedRecipe, ...] = (SKYWORK_OR1, SIMPLERL_ZOO, LOGIC_RL, TULU_3, OLMO_2)
