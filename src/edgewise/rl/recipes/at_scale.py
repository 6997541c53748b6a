"""Recipes of large runs: DAPO, CISPO, Magistral, the ProRL family, ScaleRL, Clip-Cov and KL-Cov."""

from __future__ import annotations

from edgewise.rl.recipes.published import PublishedRecipe, Stated, published

_HALF = (0.5, "rewards are -1 and 1 there and 0 and 1 here, so that the length term weighs half")
_REFILL = "verl's recipe: at most 10 batches are drawn (max_num_gen_batches 10)"

DAPO = published(
    "dapo",
    1,
    "DAPO: clip-higher, dynamic sampling, token-level loss, overlong shaping",
    "Yu et al. 2025, arXiv 2503.14476",
    {
        "steps": (320, "ours: half of the 10,000 updates of R1-Zero-Qwen-32B, as the abstract has it, 16 to a step"),
        "sampling.prompts": (512, "section 4.1: prompt batch 512"),
        "sampling.samples": (16, "section 4.1: 16 responses to each prompt"),
        "optimizer.minibatches": (16, "section 4.1: mini-batches of 512 samples, 16 updates to a rollout step"),
        "sampling.max_new_tokens": (20480, "section 4.1: 16,384 expected and 4,096 as soft punish cache"),
        "sampling.temperature": (1.0, "released script: temperature 1, top_p 1"),
        "reward.function": ("outcome", "eq. 7: the rule, right or wrong"),
        "reward.length": ("overlong", "eq. 13"),
        "reward.length.soft": (0.2, "section 4.1: 4,096 of 20,480"),
        "reward.length.weight": _HALF,
        "sampling.filters.drop_zero_variance": (True, "eq. 11: only groups with some right and some wrong"),
        "sampling.filters.resample_up_to": (9, _REFILL),
        "advantage": ("grpo", "eq. 9"),
        "advantage.std": ("sample", "the paper does not say which; verl divides by the sample one"),
        "loss.function": ("ppo_clip", "eq. 10, clip-higher"),
        "loss.function.low": (0.2, "section 4.1: 0.2"),
        "loss.function.high": (0.28, "section 4.1: 0.28"),
        "loss.normalization": ("token-mean", "eq. 12, token-level loss, as released"),
        "loss.kl.coefficient": (0.0, "section 2.3: the KL term is left out"),
        "optimizer.learning_rate": (1e-6, "section 4.1: 1e-6"),
        "optimizer.schedule": ("constant", "section 4.1: constant"),
        "optimizer.warmup": (0.0625, "section 4.1: 20 rollout steps, here of 320"),
        "optimizer.weight_decay": (0.1, "released script: weight decay 0.1"),
    },
    disagreements=(
        "Eq. 8 and 12 read as a mean over the tokens of each group; the released code takes it over those of the"
        " mini-batch, as here.",
        "Warm-up is 20 rollout steps in the paper, 10 updates in the script.",
        "Refilling is unbounded in the paper and ends after 10 batches in the script; the script draws three times the"
        " prompts at once.",
        "The paper's overlong filtering, which leaves truncated samples out of the loss, is replaced by the overlong"
        " shaping in its last row; here too.",
    ),
    unstated=("optimizer.beta_2",),
)

CISPO = published(
    "cispo",
    1,
    "MiniMax-M1: the importance weight is clipped, never the gradient",
    "MiniMax 2025, arXiv 2506.13585",
    {
        "steps": (320, "ours: as dapo; the comparison on Qwen2.5-32B states no number"),
        "sampling.prompts": (512, "as dapo, with which it is compared on the same data; not stated"),
        "sampling.samples": (16, "as dapo; not stated"),
        "optimizer.minibatches": (16, "section 3.1: 16 rounds of off-policy updates to a generation batch"),
        "sampling.max_new_tokens": (20480, "as dapo; the comparison does not state it (M1 itself: 40k, then 80k)"),
        "sampling.temperature": (1.0, "as dapo; not stated"),
        "reward.function": ("outcome", "section 4.1: rule-based correctness; the format reward is left out"),
        "reward.length": ("overlong", "section 3.1: the length penalty of DAPO"),
        "reward.length.soft": (0.2, "as dapo"),
        "reward.length.weight": _HALF,
        "sampling.filters.drop_zero_variance": (True, "section 3.1: the dynamic sampling of DAPO"),
        "sampling.filters.resample_up_to": (9, "as dapo: " + _REFILL),
        "advantage": ("grpo", "eq. 2 and 4: group-relative"),
        "advantage.std": ("sample", "as dapo"),
        "loss.function": ("cispo", "eq. 4 and 5"),
        "loss.function.least": (0.0, "section 3.1: no lower bound"),
        "loss.function.most": (5.0, "the paper tunes its upper bound and states none; ScaleRL finds 4, 5 and 8 alike"),
        "loss.normalization": ("token-mean", "eq. 4: token-level loss, as dapo"),
        "loss.kl.coefficient": (0.0, "section 3.1: no KL"),
        "optimizer.learning_rate": (1e-6, "as dapo; not stated"),
        "optimizer.beta_1": (0.9, "section 3.2: 0.9"),
        "optimizer.beta_2": (0.95, "section 3.2: 0.95"),
        "optimizer.epsilon": (1e-15, "section 3.2: 1e-15, as gradients of M1 go from 1e-18 to 1e-5"),
    },
    disagreements=(
        "M1 also ends completions after 3,000 tokens in a row of probability above 0.99; there is no such rule here.",
    ),
    unstated=("optimizer.schedule", "optimizer.warmup", "optimizer.weight_decay"),
)

MAGISTRAL = published(
    "magistral",
    1,
    "Magistral: GRPO without KL, advantages normalised over the mini-batch",
    "Mistral AI 2025, arXiv 2506.10910",
    {
        "sampling.prompts": (128, "section 5.3, Small: batches of 2,048 sequences; how many to a prompt is not stated"),
        "sampling.samples": (16, "ours: the size of a group is not stated"),
        "optimizer.minibatches": (1, "section 6.3: the batch is the mini-batch in all final training"),
        "sampling.max_new_tokens": (32768, "section 5.2: no penalty up to 16k, then 24k, then 32k; here the last"),
        "sampling.temperature": (1.0, "section 5.3: temperature 1"),
        "reward.function": (
            "outcome",
            "section 2.2: 0.9 for correctness; 0.1 for format and 0.1 for language are left out",
        ),
        "sampling.filters.drop_zero_variance": (True, "section 2.1: groups without any difference are left out"),
        "sampling.filters.resample_up_to": (9, "generation goes on until the batch is full; ours: at most 10 batches"),
        "advantage": ("batch_std", "section 2.1: r - mean of the group, by the deviation over the mini-batch"),
        "loss.function": ("ppo_clip", "section 2.1: clip-higher"),
        "loss.function.low": (0.2, "not stated; DAPO's"),
        "loss.function.high": (0.28, "section 2.1, Medium: 0.26 to 0.28 by hand (Small: 0.3)"),
        "loss.normalization": (
            "prompt-mean-token-mean",
            "section 2.1: the sum over the tokens of a group by the length of all its samples",
        ),
        "loss.kl.coefficient": (0.0, "section 2.1: no KL"),
        "sampling.behavior.staleness": (
            2,
            "section 6.3: at most two batches under way for each that is trained on; the bound",
        ),
        "loss.correction": ("ratio", "the ratio is to the policy that generated"),
        "optimizer.learning_rate": (1e-6, "ours: not stated"),
    },
    disagreements=(
        "Generators take up new weights in the middle of a completion, which then comes from several policies; here a"
        " completion comes from one, 2 updates old.",
        "Completions longer than allowed lose up to 0.1; the length terms of a recipe lose up to 1, so there is none.",
        "The batch shrinks from 8k to 2k sequences as completions of Medium grow; here it stays.",
    ),
    unstated=("steps", "optimizer.schedule", "optimizer.warmup", "optimizer.weight_decay"),
)

PRORL = published(
    "prorl",
    1,
    "ProRL: thousands of steps, KL to a reference that is reset",
    "Liu et al. 2025, arXiv 2505.24864",
    {
        "steps": (2500, "figure of the training: its axis reaches about 2,500; the text says more than 2,000"),
        "sampling.prompts": (256, "paper: batch 256"),
        "sampling.samples": (16, "paper: 16 (32 in runs 6 and 7 of 8)"),
        "optimizer.minibatches": (4, "paper: mini-batch 64 of 256"),
        "sampling.max_new_tokens": (8096, "paper: context of 8,096 (16k for the last 200 steps or so)"),
        "sampling.temperature": (1.2, "paper: temperature 1.2"),
        "reward.function": ("outcome", "mathematics: right or wrong; code, logic and instructions have shares there"),
        "sampling.filters.drop_zero_variance": (True, "dynamic sampling: no prompts of accuracy 0 or 1"),
        "sampling.filters.resample_up_to": (9, "ours: as dapo, whose dynamic sampling it is"),
        "advantage": ("grpo", "GRPO's advantage"),
        "advantage.std": ("sample", "not stated; that of verl, in which it was run"),
        "loss.function": ("ppo_clip", "decoupled clip"),
        "loss.function.low": (0.2, "0.2"),
        "loss.function.high": (0.4, "0.4"),
        "loss.kl.coefficient": (1e-4, "not stated; that of the scripts of ProRL v2"),
        "loss.kl.estimator": ("k3", "not stated; the default of verl for a KL in the loss"),
        "loss.kl.place": ("loss", "subtracted from the objective"),
        "loss.kl.reset": ("plateau", "when validation stalls or gets worse; by hand there, a rule here"),
        "loss.kl.reset.every": (100, "ours: 300 steps from one reset to the next at least, so at most 8 runs as there"),
        "loss.kl.reset.patience": (2, "ours: two looks without a gain"),
        "loss.kl.reset.gain": (0.0, "ours: any gain counts"),
        "loss.kl.reset.problems": (64, "ours"),
        "loss.kl.reset.samples": (4, "ours"),
        "loss.kl.reset.optimizer": ("clear", "the state of the optimizer is started anew"),
        "optimizer.learning_rate": (2e-6, "paper: 2e-6"),
        "optimizer.schedule": ("constant", "paper: constant"),
    },
    disagreements=(
        "Eight runs by hand: samples 16, 32, 16, a longer context at the end, data added in run 3, reward shaping in"
        " runs 4 and 5. Here one run keeps the settings of the first.",
        "Resets were decided on subsets of the benchmarks that the paper reports; here on problems of the split that is"
        " trained on.",
    ),
    unstated=("loss.normalization", "optimizer.warmup", "optimizer.weight_decay"),
)

_COSINE = "Yeo et al. 2025 (arXiv 2502.03373), whose reward it is; ProRL v2 states no numbers"

_PRORL_V2: Stated = {
    "steps": (3000, "blog: 3,000 steps at 8k"),
    "sampling.prompts": (512, "OpenRLHF script: rollout_batch_size 512"),
    "sampling.samples": (16, "OpenRLHF script: 16 to a prompt"),
    "optimizer.minibatches": (8, "OpenRLHF script: 8,192 samples in batches of 1,024"),
    "sampling.max_new_tokens": (8192, "OpenRLHF script: generate_max_len 8192"),
    "reward.function": ("outcome", "OpenRLHF script: mathematics; truncated completions get 0"),
    "reward.length": ("cosine", "blog: a scheduled cosine length penalty"),
    "reward.length.on": (100, "blog, example: on for 100 updates"),
    "reward.length.off": (500, "blog, example: off for 500"),
    "reward.length.right_short": (2.0, _COSINE),
    "reward.length.right_long": (1.0, _COSINE),
    "reward.length.wrong_short": (-10.0, _COSINE),
    "reward.length.wrong_long": (0.0, _COSINE),
    "reward.length.exceeding": (-10.0, _COSINE),
    "sampling.filters.drop_zero_variance": (True, "OpenRLHF script: dynamic filtering of rewards in (0, 1)"),
    "sampling.filters.resample_up_to": (9, "ours: as dapo; the script draws until the batch is full"),
    "advantage": ("reinforce_plus_plus_baseline", "blog: REINFORCE++-baseline"),
    "loss.function": ("ppo_clip", "blog: clip-higher"),
    "loss.function.low": (0.2, "OpenRLHF script: 0.2"),
    "loss.function.high": (0.27, "OpenRLHF script: 0.27"),
    "loss.kl.coefficient": (1e-4, "OpenRLHF script: 1e-4"),
    "loss.kl.estimator": ("k2", "OpenRLHF script: k2"),
    "loss.kl.place": ("loss", "OpenRLHF script: use_kl_loss"),
    "loss.kl.reset": (
        "period",
        "blog: every 200 to 500 steps, on a jump of the KL, or when validation stalls; here by period",
    ),
    "loss.kl.reset.every": (350, "blog: 200 to 500; the middle"),
    "loss.kl.reset.optimizer": ("keep", "blog: the optimizer's state is not cleared"),
    "loss.correction": (
        "masked",
        "OpenRLHF script: use_icepop; nothing to correct unless staleness or logit_noise is set",
    ),
    "loss.correction.low": (0.5, "OpenRLHF script: 0.5"),
    "loss.correction.high": (5.0, "OpenRLHF script: 5.0"),
    "optimizer.learning_rate": (1e-6, "OpenRLHF script: 1e-6"),
}

PRORL_V2 = published(
    "prorl-v2",
    1,
    "ProRL v2: REINFORCE++ with baseline, KL by k2, resets that keep the optimizer",
    "NVIDIA 2025, blog of 13 August; script of OpenRLHF",
    _PRORL_V2,
    disagreements=(
        "ProRL clears the optimizer's state at a reset, ProRL v2 keeps it.",
        "The blog bounds the log-ratio of the KL and does not say to what; here there is no bound (loss.kl.clamp).",
        "OpenRLHF's and NeMo-RL's scripts reimplement it; the code of the released model is not public.",
    ),
    unstated=("sampling.temperature", "loss.normalization", "optimizer.warmup", "optimizer.weight_decay"),
)

_AS_V2 = {name: (value, "as prorl-v2, from which it goes on") for name, (value, _) in _PRORL_V2.items()}

BRORL = published(
    "brorl",
    1,
    "BroRL: ProRL v2 with 512 samples to a problem",
    "Hu et al. 2025, arXiv 2510.01180",
    {field: stated for field, stated in _AS_V2.items() if not field.startswith(("reward.length", "loss.correction"))}
    | {
        "steps": (191, "table: 191 steps after the 3,000 of ProRL v2"),
        "sampling.prompts": (128, "paper: 128 prompts, where ProRL has 512"),
        "sampling.samples": (512, "paper: 512 samples, where ProRL has 16"),
        "optimizer.minibatches": (8, "paper: as many mini-batches to a step as ProRL; see prorl-v2"),
        "sampling.max_new_tokens": (16384, "paper: context of 16k"),
        "loss.kl.reset.every": (100, "ours: references are reset, when is not stated"),
        "loss.correction": (
            "truncated",
            "truncated importance sampling; nothing to correct without staleness or noise",
        ),
        "loss.correction.cap": (2.0, "ours: not stated"),
        "optimizer.learning_rate": (2.83e-6, "scaled by the square root of the batch: 8 times the samples of 1e-6"),
    },
    disagreements=(
        "The run starts from a checkpoint of ProRL v2 and not from a base model.",
        "The batch is 8 times ProRL's, the learning rate 2.83 times; neither was run apart from the 512 samples.",
        "The learning rate of the ProRL run that it goes on from is not stated; 1e-6 is that of the script.",
    ),
    unstated=(
        "sampling.temperature",
        "reward.length",
        "loss.normalization",
        "optimizer.warmup",
        "optimizer.weight_decay",
    ),
)

SCALERL = published(
    "scalerl",
    1,
    "ScaleRL: CISPO, prompt mean, batch normalisation, problems that retire",
    "Khatri et al. 2025, arXiv 2510.13786",
    {
        "steps": (7400, "the run of 100,000 GPU hours, 8B: 7,400 steps"),
        "sampling.prompts": (48, "paper: 48 prompts"),
        "sampling.samples": (16, "paper: 16 samples"),
        "optimizer.minibatches": (1, "paper: 768 samples to an update"),
        "sampling.max_new_tokens": (14336, "paper: 12k to think and 2k to answer"),
        "reward.function": ("outcome", "paper: -1 and 1, the same once normalised"),
        "sampling.curriculum": ("pool", "No-Positive-Resampling"),
        "sampling.curriculum.size": (53000, "Polaris-53k"),
        "sampling.curriculum.retire_at": (0.9, "retired for good at a pass rate of 0.9"),
        "sampling.curriculum.retire_after": (1, "ours: the paper does not say after how many visits"),
        "sampling.filters.drop_zero_variance": (True, "prompts without variance are dropped"),
        "sampling.filters.resample_up_to": (0, "dropped, not drawn again"),
        "advantage": ("batch_std", "normalised by the deviation over the batch"),
        "loss.function": ("cispo", "truncated importance weights"),
        "loss.function.least": (0.0, "min(ratio, eps_max): no lower bound"),
        "loss.function.most": (5.0, "eps_max 4, 5 or 8, found alike"),
        "loss.normalization": ("prompt-mean-token-mean", "prompt-level mean"),
        "loss.kl.coefficient": (0.0, "no KL"),
        "sampling.behavior.staleness": (
            8,
            "PipelineRL-8: the trainer waits where it is more than 8 steps ahead; the bound",
        ),
        "loss.correction": ("ratio", "the ratio is of trainer to generator"),
        "optimizer.learning_rate": (5e-7, "paper: 5e-7"),
        "optimizer.schedule": ("constant", "paper: constant"),
        "optimizer.warmup": (0.0135, "paper: 100 steps, here of 7,400"),
        "optimizer.weight_decay": (0.01, "paper: 0.01"),
        "optimizer.epsilon": (1e-15, "paper: 1e-15"),
    },
    disagreements=(
        "PipelineRL streams: generators take up new weights in the middle of a completion and keep its old cache; here"
        " a completion comes from one policy, 8 updates old.",
        "Completions are interrupted by an end-of-thinking phrase between 10k and 12k tokens; there is no such thing"
        " here, and none of its length penalty, which the paper finds no better.",
        "Off-policy schemes are said both to leave the asymptote alike and to affect it.",
    ),
    unstated=("sampling.temperature", "optimizer.beta_2"),
)

_COV = "released script, 7B: "
_ENTROPY_MECHANISM: Stated = {
    "steps": (1005, "released script, 7B KL-Cov: 15 epochs over DAPO-Math-17k, 67 steps of 256 to an epoch"),
    "sampling.prompts": (256, _COV + "256 prompts"),
    "sampling.samples": (8, _COV + "8 responses"),
    "optimizer.minibatches": (8, _COV + "mini-batch 32 of 256"),
    "sampling.max_new_tokens": (8192, _COV + "8,192 tokens"),
    "sampling.temperature": (1.0, _COV + "temperature 1, top_p 1"),
    "reward.function": ("outcome", "right or wrong"),
    "sampling.filters.drop_zero_variance": (True, _COV + "groups are filtered by accuracy"),
    "sampling.filters.resample_up_to": (9, _COV + "at most 10 batches are drawn"),
    "advantage": ("grpo", _COV + "grpo"),
    "advantage.std": ("sample", "verl divides by the sample one"),
    "loss.normalization": ("token-mean", _COV + "token-mean"),
    "loss.kl.coefficient": (0.0, _COV + "no KL"),
    "loss.entropy_bonus": (0.0, _COV + "0"),
    "optimizer.learning_rate": (5e-7, _COV + "5e-7"),
    "optimizer.schedule": ("constant", _COV + "constant"),
    "optimizer.weight_decay": (0.0, _COV + "0"),
    "optimizer.clip": (1.0, _COV + "gradient clip 1.0"),
}
_CUI = "Cui et al. 2025, arXiv 2505.22617"
_CHOICE = (
    "The released code takes means and choice in each micro-batch, by the policy as it is at that update; here they are"
    " over the minibatch, by the policy before the step's updates."
)

CLIP_COV = published(
    "clip-cov",
    1,
    "The entropy mechanism: tokens of high covariance are cut out of the gradient",
    _CUI,
    _ENTROPY_MECHANISM
    | {
        "loss.function": ("clip_cov", "Clip-Cov"),
        "loss.function.share": (2e-4, _COV + "clip_cov_ratio 0.0002"),
        "loss.function.least": (1.0, _COV + "clip_cov_lb 1.0"),
        "loss.function.most": (5.0, _COV + "clip_cov_ub 5.0"),
        "loss.function.low": (1.0, _COV + "clip_ratio_low 1"),
        "loss.function.high": (1.0, _COV + "clip_ratio_high 1"),
    },
    disagreements=(
        _CHOICE,
        "The released code never chooses a token that the clip on the ratio has cut already.",
        "Its script for Clip-Cov runs until it is stopped; the steps are those of KL-Cov.",
    ),
    unstated=("optimizer.warmup",),
)

KL_COV = published(
    "kl-cov",
    1,
    "The entropy mechanism: tokens of the highest covariance pay for leaving the old policy",
    _CUI,
    _ENTROPY_MECHANISM
    | {
        "loss.function": ("kl_cov", "KL-Cov"),
        "loss.function.share": (2e-3, _COV + "k_percent 0.2 (32B: 0.02)"),
        "loss.function.coefficient": (1.0, _COV + "ppo_kl_coef 1"),
    },
    disagreements=(_CHOICE,),
    unstated=("optimizer.warmup",),
)

RECIPES: tuple[PublishedRecipe, ...] = (DAPO, CISPO, MAGISTRAL, PRORL, PRORL_V2, BRORL, SCALERL, CLIP_COV, KL_COV)
