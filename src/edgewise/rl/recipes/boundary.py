"""Boundary recipes: PKPO, Pass@k Training, MaxRL, unlikeliness, zero-success gate, NSR and PSR, the Interplay study."""

from __future__ import annotations

from edgewise.rl.recipes.published import COMPARISON, PublishedRecipe, Stated, published

PKPO = published(
    "pkpo",
    1,
    "PKPO: the unbiased gradient of pass@k",
    "Walder and Karkhanis 2025, arXiv 2505.15201",
    COMPARISON
    | {
        "sampling.samples": (16, "paper: n = 16"),
        "advantage": ("pkpo", "its transformed rewards, times n for a mean over samples"),
        "advantage.k.first": (8, "paper: k_opt of 1, 2, 4 and 8; the one of best pass@16"),
        "advantage.k.at": (0.5, "no effect: k does not change"),
        "advantage.baseline": ("sloo_minus_one", "the one it recommends"),
        "loss.function": ("reinforce", "the policy gradient itself"),
        "loss.normalization": ("seq-mean-token-sum-norm", "the log-probability of a whole sample, the sum over tokens"),
    },
    disagreements=(
        "k is also annealed there, 8 until step 1,500 and then 1: advantage.k.then = 1 with advantage.k.at.",
        "With k = 1 the paper defines no baseline and its runs centre by the other samples, as here.",
    ),
    unstated=("optimizer.warmup", "optimizer.weight_decay"),
)

PASSK_TRAINING = published(
    "passk-training",
    1,
    "Pass@k Training: groups of k rewarded as one, in closed form",
    "Chen et al. 2025, arXiv 2508.10751",
    COMPARISON
    | {
        "sampling.prompts": (128, "paper: 128 prompts"),
        "sampling.samples": (32, "paper: 32 rollouts"),
        "optimizer.minibatches": (4, "paper: mini-batch 32 of 128"),
        "advantage": ("pass_at_k_training", "the analytic form, which it ends with"),
        "advantage.k.first": (4, "ours: several are tried, from 4 to 16"),
        "advantage.k.at": (0.5, "no effect: k does not change"),
        "loss.function": ("ppo_clip", "DAPO's clip-higher"),
        "loss.function.low": (0.2, "0.2"),
        "loss.function.high": (0.28, "0.28"),
        "loss.normalization": ("token-mean", "token-level loss"),
        "loss.kl.coefficient": (0.0, "paper: no KL"),
        "loss.entropy_bonus": (0.0, "paper: no entropy bonus"),
        "optimizer.learning_rate": (1e-6, "paper: 1e-6 (4e-6 for large k)"),
        "optimizer.warmup": (0.0667, "paper: 10 steps, here of 150"),
    },
    disagreements=(
        "The analytic form takes the limit of all groups; the form that draws groups and sums over them is about k"
        " times as large, so their learning rates are not the same.",
        "The best results come from pass@k and then pass@1 training: advantage.k.then = 1.",
    ),
    unstated=("optimizer.weight_decay",),
)

MAXRL = published(
    "maxrl",
    1,
    "MaxRL: the likelihood of being right, by advantages over the mean reward",
    "Tajwar et al. 2026, arXiv 2602.02710",
    {
        "steps": (1035, "released script, Qwen3: 5 passes over Polaris-53k, 256 to a step"),
        "sampling.prompts": (256, "released script, Qwen3: 256 prompts"),
        "sampling.samples": (16, "released script, Qwen3: 16 rollouts"),
        "optimizer.minibatches": (1, "released script, Qwen3: mini-batch 256 of 256"),
        "optimizer.epochs": (1, "released script, Qwen3: 1"),
        "sampling.max_new_tokens": (4096, "released script, Qwen3: 4,096"),
        "sampling.temperature": (1.0, "released script, SmolLM: temperature 1"),
        "reward.function": ("outcome", "right or wrong"),
        "advantage": ("maxrl", "(r - mean) / mean"),
        "loss.function": ("ppo_clip", "released script: verl's loss; one update never clips"),
        "loss.function.low": (0.2, "released script, Qwen3: 0.2"),
        "loss.function.high": (0.2, "released script, Qwen3: 0.2"),
        "loss.kl.coefficient": (0.0, "released script: no KL"),
        "optimizer.learning_rate": (1e-6, "released script, Qwen3: 1e-6 (SmolLM: 1e-5)"),
        "optimizer.clip": (0.3, "released script, Qwen3: gradient clip 0.3"),
    },
    disagreements=("SmolLM2-360M has 128 rollouts and 2,048 tokens; these are those of Qwen3-1.7B.",),
    unstated=("loss.normalization", "optimizer.warmup", "optimizer.weight_decay"),
)

UNLIKELINESS = published(
    "unlikeliness",
    1,
    "GRPO that pays less for what was likely anyway",
    "He, Fried and Welleck 2025, arXiv 2506.02355",
    COMPARISON
    | {
        "sampling.prompts": (16, "released code: 16 theorems"),
        "sampling.samples": (32, "released code: 32 samples"),
        "optimizer.epochs": (2, "released code: 2 PPO epochs"),
        "advantage": ("unlikeliness", "rewards by the rank of their likelihood, then GRPO"),
        "advantage.beta": (0.25, "released code: 0.25"),
        "loss.function": ("ppo_clip", "GRPO's"),
        "loss.function.low": (0.2, "not stated; verl's default"),
        "loss.function.high": (0.2, "not stated; verl's default"),
        "loss.kl.coefficient": (0.1, "released code: KL 0.1"),
        "loss.kl.estimator": ("k3", "not stated; the default of verl for a KL in the loss"),
        "loss.kl.place": ("loss", "not stated; verl's for GRPO"),
        "optimizer.learning_rate": (1e-6, "released code: 1e-6"),
    },
    unstated=("loss.normalization", "optimizer.warmup", "optimizer.weight_decay"),
)

ZERO_SUCCESS = published(
    "zero-success",
    1,
    "GRPO on problems alone that the start model is not seen to solve",
    "Yuan et al. 2026, arXiv 2606.15455",
    COMPARISON
    | {
        "sampling.filters.zero_success_gate": (
            8,
            "problems with zero observed success; of how many draws is ours, as many as samples",
        ),
        "sampling.filters.resample_up_to": (9, "ours: at most 10 batches"),
        "advantage": ("grpo", "standard RLVR under a gate"),
        "advantage.std": ("sample", "ours: as verl"),
        "loss.function": ("ppo_clip", "ours: GRPO's"),
        "loss.function.low": (0.2, "ours"),
        "loss.function.high": (0.2, "ours"),
    },
    disagreements=(
        "The gate here is by the start model, and draws it afresh at each visit. The paper's own method, Bayesian"
        " Boundary Gating, weighs problems by what they still add to pass@k; it is not here.",
    ),
    unstated=("loss.normalization", "optimizer.warmup", "optimizer.weight_decay"),
)

_CODE = "released configuration: "
_SCRIPT = "released script, Qwen2.5-Math-7B: "
_DECOMPOSED: Stated = {
    "steps": (140, _SCRIPT + "20 epochs over the 7,500 problems of MATH, 7 steps of 1,024 to an epoch"),
    "sampling.prompts": (1024, _SCRIPT + "1,024 prompts"),
    "sampling.samples": (8, _SCRIPT + "8 rollouts"),
    "optimizer.minibatches": (4, _SCRIPT + "mini-batch 256 of 1,024"),
    "optimizer.epochs": (1, _CODE + "1 PPO epoch"),
    "sampling.max_new_tokens": (3072, _SCRIPT + "responses of 3,072 tokens (Qwen3-4B: 31,744)"),
    "sampling.temperature": (1.0, _CODE + "rollouts at temperature 1, top_p 1"),
    "reward.function": ("outcome", "right or wrong"),
    "loss.function": ("ppo_clip", _CODE + "verl's loss"),
    "loss.function.low": (0.2, _CODE + "0.2"),
    "loss.function.high": (0.2, _CODE + "0.2"),
    "loss.normalization": ("token-mean", "released code: the mean over all tokens"),
    "loss.kl.coefficient": (0.0, _SCRIPT + "kl_coef 0"),
    "loss.entropy_bonus": (1e-3, _CODE + "entropy_coeff 0.001, which the script does not change"),
    "optimizer.learning_rate": (1e-6, _SCRIPT + "1e-6"),
    "optimizer.schedule": ("constant", _CODE + "constant"),
    "optimizer.warmup": (0.0, _CODE + "no warm-up"),
    "optimizer.weight_decay": (0.01, "released code: 0.01 where none is set"),
    "optimizer.clip": (1.0, _CODE + "gradient clip 1.0"),
}
_ZHU = "Zhu et al. 2025, arXiv 2506.01347"
_LEFT_OUT = (
    "The released code leaves the other samples out of the batch before the loss, so its mean is over the {kept} ones"
    " and its minibatches are fewer; here they stay in the mean with an advantage of 0, and in the entropy bonus."
)

PSR = published(
    "psr",
    1,
    "Positive-sample reinforcement: right samples are reinforced, wrong ones left alone",
    _ZHU,
    _DECOMPOSED | {"advantage": ("psr", "released code: 1 for a right sample")},
    disagreements=(_LEFT_OUT.format(kept="right"),),
)

NSR = published(
    "nsr",
    1,
    "Negative-sample reinforcement: wrong samples are penalised, right ones left alone",
    _ZHU,
    _DECOMPOSED | {"advantage": ("nsr", "released code: -1 for a wrong sample")},
    disagreements=(_LEFT_OUT.format(kept="wrong"),),
)

W_REINFORCE = published(
    "w-reinforce",
    1,
    "Weighted REINFORCE: wrong samples are penalised, right ones reinforced a tenth as much",
    _ZHU,
    _DECOMPOSED
    | {
        "advantage": ("w_reinforce", "lambda x PSR + NSR, over all samples"),
        "advantage.positive": (0.1, "paper and released script: lambda 0.1"),
    },
)

_INTERPLAY: Stated = {
    "steps": (200, "section 6: 204.8k prompts, 1,024 to a step"),
    "sampling.prompts": (1024, _CODE + "1,024 prompts"),
    "sampling.samples": (6, _CODE + "6 rollouts"),
    "optimizer.minibatches": (4, _CODE + "mini-batch 256 of 1,024"),
    "optimizer.epochs": (1, _CODE + "1 PPO epoch"),
    "sampling.max_new_tokens": (1024, _CODE + "responses of 1,024 tokens"),
    "sampling.temperature": (1.0, _CODE + "rollouts at temperature 1, top_p 1"),
    "advantage": ("grpo", "GRPO"),
    "advantage.std": ("sample", _CODE + "verl's, normalised by the deviation of the group"),
    "loss.function": ("dual_clip", _CODE + "verl's loss, which is always dual"),
    "loss.function.low": (0.2, _CODE + "0.2"),
    "loss.function.high": (0.2, _CODE + "0.2"),
    "loss.function.bound": (3.0, _CODE + "clip_ratio_c 3.0"),
    "loss.normalization": ("token-mean", _CODE + "token-mean"),
    "loss.kl.coefficient": (1e-3, _CODE + "1e-3"),
    "loss.kl.estimator": ("k3", _CODE + "low_var_kl"),
    "loss.kl.place": ("loss", _CODE + "KL in the loss"),
    "loss.kl.clamp": (20.0, _CODE + "verl bounds the log-ratio of low_var_kl to 20, and then the term to 10"),
    "loss.entropy_bonus": (0.0, _CODE + "0"),
    "optimizer.learning_rate": (1e-6, _CODE + "1e-6"),
    "optimizer.schedule": ("constant", _CODE + "constant"),
    "optimizer.weight_decay": (0.01, _CODE + "0.01"),
    "optimizer.clip": (1.0, _CODE + "gradient clip 1.0"),
}
_WORK = "Zhang et al. 2025, arXiv 2512.07783"
_EPOCHS = "The paper says 2 epochs over the data, the configuration 1."
_WHICH = (
    "The section on the edge points to configurations of the outcome reward, yet its curves start where the strict"
    " pass rate of the base is; sections 4 and 5 use the strict one."
)

INTERPLAY = published(
    "interplay",
    1,
    "The study on controlled data: GRPO on the outcome alone",
    _WORK,
    _INTERPLAY | {"reward.function": ("outcome", "paper: the answer alone")},
    disagreements=(_EPOCHS, _WHICH),
    unstated=("optimizer.warmup",),
)

INTERPLAY_STRICT = published(
    "interplay-strict",
    1,
    "The study on controlled data: paid only where every step is right",
    _WORK,
    _INTERPLAY
    | {
        "reward.function": (
            "process",
            "paper: the outcome where the process is right, else 0, on any world with a process",
        ),
    },
    disagreements=(
        _EPOCHS,
        _WHICH,
        "The released scorer also refuses steps that are not needed, and reads some right solutions wrong;"
        ' reward.function = {"kind": "world", "name": "released_strict"} has it, on graph arithmetic.',
    ),
    unstated=("optimizer.warmup",),
)

INTERPLAY_MIXTURE = published(
    "interplay-mixture",
    1,
    "The study on controlled data: a fifth for the answer, the rest for the steps",
    _WORK,
    _INTERPLAY
    | {
        "reward.function": ("mixture", "paper: alpha outcome + (1 - alpha) process"),
        "reward.function.alpha": (0.2, "figure 7: 0.2 and 0.8 (0.5 is the other that it tries)"),
    },
    disagreements=(
        _EPOCHS,
        _WHICH,
        "The paper pays for right steps whatever the answer, the released code pays nothing where it is wrong;"
        ' reward.function = {"kind": "world", "name": "released_mixture", "numbers": {"alpha": 0.2}} has that, on graph'
        " arithmetic.",
        "The process reward of the paper counts right steps wherever they stand, ours those before the first mistake.",
    ),
    unstated=("optimizer.warmup",),
)

RECIPES: tuple[PublishedRecipe, ...] = (
    PKPO,
    PASSK_TRAINING,
    MAXRL,
    UNLIKELINESS,
    ZERO_SUCCESS,
    PSR,
    NSR,
    W_REINFORCE,
    INTERPLAY,
    INTERPLAY_STRICT,
    INTERPLAY_MIXTURE,
)
