"""Control recipes: SFT, rejection fine-tuning, distillation on the same draws and updates; RL on false rewards.

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
    RANDOM_REWARD,
    FORMAT_ONLY,
    WRONG_LABEL,
    MAJORITY,
)
