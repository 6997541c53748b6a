"""Control recipes: SFT, rejection fine-tuning, distillation on the same draws; sharpening; RL on false rewards.

What is not the control's own is that of one comparison of algorithms (`COMPARISON`), so that a control
differs from an RL run in one thing.
"""

from __future__ import annotations

from edgewise.rl.recipes.published import COMPARISON, PublishedRecipe, Stated, published

_LIKELIHOOD: Stated = {"loss.function": ("reinforce", "the likelihood of what is credited, without a ratio")}

SFT = published(
    "sft",
    1,
    "Supervised fine-tuning on gold solutions",
    "control, ours",
    COMPARISON
    | _LIKELIHOOD
    | {
        "sampling.behavior": ("gold", "the world writes its gold solution"),
        "sampling.behavior.fraction": (1.0, "the whole solution"),
        "sampling.prompts": (2048, "as many samples to a step as RL has: 256 problems x 8"),
        "sampling.samples": (1, "a problem has one gold solution"),
        "advantage": ("indicator_all", "every solution counts the same"),
    },
    unstated=("loss.normalization", "optimizer.warmup"),
)

RFT = published(
    "rft",
    1,
    "Rejection fine-tuning with draws that match those of RL",
    "control; compare Yuan et al. 2025, arXiv 2509.25123, and Dong et al. 2023 (RAFT), arXiv 2304.06767",
    COMPARISON
    | _LIKELIHOOD
    | {
        "sampling.behavior": ("start", "the start model writes throughout: draws of RL without any feedback"),
        "advantage": ("indicator_correct", "right samples count the same, wrong ones nothing"),
    },
    disagreements=(
        "2509.25123 draws 2 samples to a problem and drops problems solved twice, which makes a weak control; here"
        " draws, problems and updates are those of RL.",
    ),
    unstated=("loss.normalization", "optimizer.warmup"),
)

POSITIVE_ONLY = published(
    "positive-only",
    1,
    "GRPO whose negative advantages are set to 0",
    "Setlur et al. 2025 (e3), arXiv 2506.09026, its GRPOMask",
    COMPARISON
    | {
        "advantage": ("grpo", "GRPOMask masks the negative gradient of GRPO"),
        "advantage.std": ("sample", "ours: as verl"),
        "advantage.positive_only": (True, "GRPOMask: negative advantages give no gradient"),
        "loss.function": ("ppo_clip", "GRPO's"),
        "loss.function.low": (0.2, "ours"),
        "loss.function.high": (0.2, "ours"),
    },
    disagreements=(
        "Other controls called positive-only leave the weighing by the group out too; that is advantage ="
        " indicator_correct with the policy as writer.",
    ),
    unstated=("loss.normalization", "optimizer.warmup"),
)

DISTILLATION = published(
    "distillation",
    1,
    "Fine-tuning on a teacher's right samples",
    "control, ours",
    COMPARISON
    | _LIKELIHOOD
    | {
        "sampling.behavior": ("teacher", "a teacher writes; a run needs one"),
        "advantage": ("indicator_correct", "right samples count the same, wrong ones nothing"),
    },
    unstated=("loss.normalization", "optimizer.warmup"),
)

SELF_DISTILLATION = published(
    "self-distillation",
    1,
    "The start model at a low temperature as teacher: sharpening without reward",
    "control; compare Karan and Du 2025 (power sampling), arXiv 2510.14901",
    COMPARISON
    | _LIKELIHOOD
    | {
        "advantage": ("indicator_none", "no reward takes part"),
        "loss.kl.coefficient": (1.0, "ours: the only term of the loss, so its size hardly matters to Adam"),
        "loss.kl.estimator": ("exact", "over the whole vocabulary"),
        "loss.kl.place": ("loss", "with its own gradient"),
        "loss.kl.target": ("reference", "the start model"),
        "loss.kl.temperature": (0.25, "2510.14901: power 4 is proposed at temperature 1/4"),
    },
    disagreements=(
        "A low temperature sharpens each next token; power sampling sharpens whole completions, which is not the same.",
    ),
    unstated=("loss.normalization", "optimizer.warmup"),
)

_LIGHTEVAL = "released configuration, MATH: "
_SHARPENING: Stated = {
    "steps": (500, _LIGHTEVAL + "500 steps"),
    "sampling.prompts": (32, _LIGHTEVAL + "32 prompts"),
    "sampling.samples": (8, _LIGHTEVAL + "8 generations"),
    "optimizer.minibatches": (1, _LIGHTEVAL + "a batch of 256 samples, one update"),
    "sampling.max_new_tokens": (2048, _LIGHTEVAL + "sequences of 2,048 tokens, prompt included"),
    "sampling.temperature": (1.0, _LIGHTEVAL + "temperature 1, top_p 1"),
    "reward.function": ("own_likelihood", "log-likelihood under the reference, which is the start model"),
    "reward.function.per": ("completion", "released scripts: normalization sum"),
    "advantage": ("rloo", _LIGHTEVAL + "leave_one_out"),
    "loss.function": ("reinforce", _LIGHTEVAL + "disable_ppo_ratio"),
    "loss.normalization": ("token-mean", _LIGHTEVAL + "token_level_loss"),
    "optimizer.learning_rate": (1e-6, _LIGHTEVAL + "1e-6"),
    "optimizer.schedule": ("constant", _LIGHTEVAL + "constant after the warm-up"),
    "optimizer.warmup": (0.1, _LIGHTEVAL + "50 steps, here of 500, from a tenth of the rate"),
    "optimizer.weight_decay": (0.01, _LIGHTEVAL + "0.01"),
    "optimizer.beta_2": (0.999, _LIGHTEVAL + "0.999"),
    "optimizer.clip": (1.0, _LIGHTEVAL + "max_grad_norm 1.0"),
}
_MITTAL = "Mittal et al. 2026, arXiv 2604.16259"
_CORRECTION = (
    "The released configuration corrects for the difference between sampler and trainer by a truncated ratio (20); here"
    " they are one computation."
)

SHARPENING = published(
    "sharpening",
    1,
    "Distribution sharpening by RL: paid for the start model's own log-likelihood, without a verifier",
    _MITTAL,
    _SHARPENING
    | {
        "reward.function.weight": (1.0, "released scripts: mode optimization, alpha 1.0"),
        "loss.kl.coefficient": (0.0, "released scripts: mode optimization has no KL"),
    },
    disagreements=(_CORRECTION,),
)

TEMPERED_SAMPLING = published(
    "tempered-sampling",
    1,
    "RL towards the start model's distribution to the power of 4, without a verifier",
    _MITTAL + "; the target of Karan and Du 2025 (power sampling), arXiv 2510.14901",
    _SHARPENING
    | {
        "reward.function.weight": (3.0, "released scripts: mode sampling, alpha 4; the reward is (alpha - 1) log q"),
        "loss.kl.coefficient": (1.0, "released code: less log p - log q"),
        "loss.kl.estimator": ("k1", "released code: log-ratio of the sample"),
        "loss.kl.place": ("reward", "released code: in the reward, summed over the sample"),
        "loss.kl.target": ("reference", "the start model"),
    },
    disagreements=(_CORRECTION, "The scripts also have alpha 0.5, 1, 1.25 and 2, and mixtures with a task reward."),
)

_SPURIOUS_AT = "appendix A.3: "
_SPURIOUS: Stated = {
    "steps": (300, "figure 1: 300 steps"),
    "sampling.prompts": (64, _SPURIOUS_AT + "64 prompts"),
    "sampling.samples": (16, _SPURIOUS_AT + "16 rollouts"),
    "optimizer.minibatches": (8, _SPURIOUS_AT + "mini-batches of 128 rollouts, so that the clip can act"),
    "sampling.max_new_tokens": (3072, "ours: not in what was read; what Qwen2.5-Math's context of 4,096 leaves"),
    "sampling.temperature": (1.0, _SPURIOUS_AT + "temperature 1"),
    "advantage": ("grpo", "section 2.1: GRPO"),
    "advantage.std": ("sample", "ours: not stated"),
    "loss.function": ("ppo_clip", "GRPO's"),
    "loss.function.low": (0.2, "appendix B.1.3: 0.2"),
    "loss.function.high": (0.2, "appendix B.1.3: 0.2"),
    "loss.kl.coefficient": (0.0, "appendix A.1: no KL"),
    "loss.entropy_bonus": (0.0, _SPURIOUS_AT + "no entropy term"),
    "optimizer.learning_rate": (5e-7, _SPURIOUS_AT + "5e-7"),
    "optimizer.schedule": ("constant", _SPURIOUS_AT + "constant"),
}
_SPURIOUS_WORK = "Shao et al. 2025 (Spurious Rewards), arXiv 2506.10947"
_SPURIOUS_UNSTATED = ("loss.normalization", "optimizer.warmup", "optimizer.weight_decay")

RANDOM_REWARD = published(
    "random-reward",
    1,
    "GRPO on a coin flip",
    _SPURIOUS_WORK,
    _SPURIOUS
    | {
        "reward.function": ("random", "section 2.2: 1 with a fixed probability"),
        "reward.function.p": (0.5, "section 2.2: 0.5 in the main runs"),
    },
    disagreements=(
        "Whether gains need the clip is the paper's claim; with one update a step no ratio differs from 1 and it cannot"
        " act.",
    ),
    unstated=_SPURIOUS_UNSTATED,
)

FORMAT_ONLY = published(
    "format-only",
    1,
    "GRPO on whether an answer can be read",
    _SPURIOUS_WORK,
    _SPURIOUS | {"reward.function": ("format", "section 2.2: any answer that can be read, right or wrong")},
    unstated=_SPURIOUS_UNSTATED,
)

WRONG_LABEL = published(
    "wrong-label",
    1,
    "GRPO on one wrong answer to each problem",
    _SPURIOUS_WORK,
    _SPURIOUS
    | {
        "reward.function": ("wrong_label", "section 2.2: incorrect labels"),
        "reward.function.labels": (0, "ours: which set of wrong answers"),
    },
    disagreements=(
        "There the wrong label is the base model's majority answer, on problems where that is wrong, hence often given;"
        " here it is the answer to another problem, hence rarely.",
    ),
    unstated=_SPURIOUS_UNSTATED,
)

MAJORITY = published(
    "majority",
    1,
    "GRPO on the most frequent answer of the group",
    _SPURIOUS_WORK + "; Zuo et al. 2025 (TTRL), arXiv 2504.16084",
    _SPURIOUS | {"reward.function": ("majority", "TTRL: the votes of the group itself")},
    disagreements=("2506.10947 fixes the labels before training by 64 votes of the base model; here the group votes.",),
    unstated=_SPURIOUS_UNSTATED,
)

RECIPES: tuple[PublishedRecipe, ...] = (
    SFT,
    RFT,
    POSITIVE_ONLY,
    DISTILLATION,
    SELF_DISTILLATION,
    SHARPENING,
    TEMPERED_SAMPLING,
    RANDOM_REWARD,
    FORMAT_ONLY,
    WRONG_LABEL,
    MAJORITY,
)
