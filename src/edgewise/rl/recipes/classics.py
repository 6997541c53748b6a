"""Classic recipes: PPO, GRPO, Dr. GRPO, RLOO, REINFORCE++, ReMax, Open-Reasoner-Zero, each as its authors ran it."""

from __future__ import annotations

from edgewise.rl.recipes.published import COMPARISON, PublishedRecipe, published

_REWARD = "ours: right or wrong; the work has a learned reward model"

PPO = published(
    "ppo",
    1,
    "PPO with a learned critic and generalized advantage estimation",
    "Schulman et al. 2017, arXiv 1707.06347; sizes of Yue et al. 2025, arXiv 2504.13837",
    COMPARISON
    | {
        "advantage": ("gae", "Schulman et al. 2017, eq. 11 and 12"),
        "advantage.gamma": (1.0, "the default of verl, in which Yue et al. ran it; Schulman et al. have 0.99"),
        "advantage.lam": (0.95, "Schulman et al. 2017, tables 3 to 5"),
        "advantage.whiten": (True, "verl whitens the advantages of PPO"),
        "loss.function": ("ppo_clip", "Schulman et al. 2017, eq. 7"),
        "loss.function.low": (0.2, "Schulman et al. 2017, table 1: the best of 0.1, 0.2 and 0.3"),
        "loss.function.high": (0.2, "Schulman et al. 2017, table 1: the best of 0.1, 0.2 and 0.3"),
        "advantage.critic.optimizer.learning_rate": (1e-5, "the default of verl; Yue et al. do not state theirs"),
    },
    disagreements=(
        "Schulman et al. make 3 to 15 passes over a batch in mini-batches; Yue et al. make a single update of the whole"
        " batch, at which no ratio differs from 1 and the clip never acts. Set minibatches or epochs to let it act.",
        "lambda is 0.95 in Schulman et al. and 1 by default in verl; with 1 see the recipe orz.",
    ),
    unstated=("loss.normalization", "optimizer.warmup", "advantage.critic.clip"),
)

ORZ = published(
    "orz",
    1,
    "Open-Reasoner-Zero: PPO with gamma = lambda = 1, no KL, strictly on policy",
    "Hu et al. 2025, arXiv 2503.24290",
    {
        "steps": (1000, "ours: about a tenth of the 10,000 steps of R1-Zero, which is what the abstract claims"),
        "sampling.prompts": (128, "released code: rollout_batch_size 128"),
        "sampling.samples": (64, "released code: n_samples_per_prompt 64"),
        "optimizer.minibatches": (1, "released code: policy_update_steps 1"),
        "sampling.max_new_tokens": (8000, "released code: generate_max_len 8000"),
        "sampling.temperature": (1.0, "released code: temperature 1, top_p 1"),
        "reward.function": ("outcome", "abstract and released code: 1 for a right answer that ends by itself, else 0"),
        "advantage": ("gae", "abstract: vanilla PPO with GAE"),
        "advantage.gamma": (1.0, "abstract: gamma = 1"),
        "advantage.lam": (1.0, "abstract: lambda = 1"),
        "advantage.whiten": (True, "released code: advantage_normalize"),
        "loss.function": ("ppo_clip", "abstract: vanilla PPO"),
        "loss.function.low": (0.2, "the default of OpenRLHF, on which the code is built; one update never clips"),
        "loss.function.high": (0.2, "as loss.low"),
        "loss.kl.coefficient": (0.0, "abstract: no KL; released code: both coefficients 0"),
        "optimizer.learning_rate": (1e-6, "released code: actor_learning_rate 1e-6"),
        "optimizer.warmup": (0.05, "released code: 50 warm-up steps, here of 1,000"),
        "advantage.critic.optimizer.learning_rate": (5e-6, "released code: critic_learning_rate 5e-6"),
    },
    disagreements=(
        "The critic makes 12 updates to each of the policy's there (critic_update_steps 12); here it makes as many as"
        " the policy.",
    ),
    unstated=("loss.normalization", "optimizer.beta_2", "optimizer.weight_decay", "advantage.critic.clip"),
)

GRPO_R1 = published(
    "grpo-r1",
    1,
    "GRPO as DeepSeek-R1 ran it: 16 updates a rollout, a KL that is reset",
    "Shao et al. 2024, arXiv 2402.03300; DeepSeek-AI 2025, arXiv 2501.12948 and Nature 645",
    {
        "steps": (650, "R1-Zero: 10,400 updates, 16 to a rollout"),
        "sampling.prompts": (512, "R1-Zero: 8,192 outputs a rollout, 16 to a question"),
        "sampling.samples": (16, "R1-Zero: 16 outputs for each question"),
        "optimizer.minibatches": (16, "R1-Zero: a rollout is split into 16 mini-batches of 32 questions"),
        "optimizer.epochs": (1, "R1-Zero: a single inner epoch"),
        "sampling.max_new_tokens": (
            32768,
            "R1-Zero: 32,768 before update 8,200, then 65,536; here the first throughout",
        ),
        "sampling.temperature": (1.0, "R1-Zero: rollouts at temperature 1"),
        "reward.function": ("outcome", "R1-Zero: accuracy; its format reward is left out"),
        "advantage": ("grpo", "2402.03300, section 4.1; 2501.12948, eq. 3"),
        "advantage.std": ("sample", "neither paper says which; verl and TRL divide by the sample one"),
        "loss.function": ("ppo_clip", "2402.03300, eq. 3"),
        "loss.function.low": (
            10.0,
            "R1's first stage: epsilon = 10, which bounds no ratio below",
        ),
        "loss.function.high": (10.0, "R1's first stage: epsilon = 10; that of R1-Zero is not stated"),
        "loss.normalization": (
            "seq-mean-token-mean",
            "2402.03300, eq. 3: mean over a sample's tokens, then over samples",
        ),
        "loss.kl.coefficient": (0.001, "R1-Zero: KL coefficient 0.001"),
        "loss.kl.estimator": ("k3", "2402.03300, eq. 4"),
        "loss.kl.place": ("loss", "2402.03300, eq. 3"),
        "loss.kl.reset": ("period", "R1-Zero: the reference is replaced by the policy every 400 updates"),
        "loss.kl.reset.every": (25, "400 updates are 25 rollouts of 16"),
        "loss.kl.reset.optimizer": ("keep", "R1 says nothing of the optimizer; kept"),
        "optimizer.learning_rate": (3e-6, "R1-Zero: learning rate 3e-6"),
    },
    disagreements=(
        "DeepSeekMath, where GRPO is from, has learning rate 1e-6, KL 0.04, 64 samples, 1,024 tokens, a fixed reference"
        " and one update to a rollout.",
        "R1's first stage has the numbers of R1-Zero and says epsilon = 10, because a lower one cuts the gradients of"
        " many tokens; most of those who reimplement GRPO have 0.2.",
    ),
    unstated=("optimizer.schedule", "optimizer.warmup", "optimizer.weight_decay"),
)

DR_GRPO = published(
    "dr-grpo",
    1,
    "Dr. GRPO: no division by the standard deviation, none by length",
    "Liu et al. 2025, arXiv 2503.20783",
    {
        "steps": (1250, "released script: 20 passes over some 8,000 problems, 128 to a step"),
        "sampling.prompts": (128, "released script: rollout_batch_size 128"),
        "sampling.samples": (8, "released script: 8 samples"),
        "optimizer.minibatches": (8, "released script: 1,024 samples in batches of 128"),
        "optimizer.epochs": (1, "released script: num_ppo_epochs 1"),
        "sampling.max_new_tokens": (3000, "released script: generate_max_length 3000"),
        "sampling.temperature": (1.0, "released script: temperature 1, top_p 1"),
        "reward.function": ("outcome", "paper: 1 for a right answer, else 0"),
        "advantage": ("dr_grpo", "section 3.2: r - mean"),
        "loss.function": ("ppo_clip", "section 3.1: PPO's surrogate"),
        "loss.function.low": (0.2, "not in the script: the default of its framework"),
        "loss.function.high": (0.2, "as loss.low"),
        "loss.normalization": (
            "seq-mean-token-sum-norm",
            "section 3.2: the sum over tokens by a constant, the longest completion",
        ),
        "loss.kl.coefficient": (0.0, "released script: beta 0"),
        "optimizer.learning_rate": (1e-6, "released script: learning rate 1e-6"),
        "optimizer.schedule": ("constant", "released script: constant"),
    },
    unstated=("optimizer.warmup", "optimizer.weight_decay"),
)

RLOO = published(
    "rloo",
    1,
    "REINFORCE with the mean of the other samples as baseline",
    "Ahmadian et al. 2024, arXiv 2402.14740",
    {
        "steps": (600, "appendix, TL;DR: 600 steps"),
        "sampling.prompts": (128, "appendix, TL;DR: rollout batch 512, k = 4"),
        "sampling.samples": (4, "table 1: RLOO with k = 4"),
        "optimizer.minibatches": (2, "appendix, TL;DR: step batch 256 of 512"),
        "sampling.max_new_tokens": (512, "appendix: context of 512 tokens; the length of completions is not stated"),
        "reward.function": ("outcome", _REWARD),
        "advantage": ("rloo", "section 2.3"),
        "loss.function": ("reinforce", "section 2.3: the score function, no ratio and no clip"),
        "loss.normalization": (
            "seq-mean-token-sum-norm",
            "section 2.3: the log-probability of a whole sample, that is the sum over tokens",
        ),
        "loss.kl.coefficient": (0.03, "appendix, TL;DR: beta = 0.03"),
        "loss.kl.estimator": ("k1", "eq. 3: the log-ratio"),
        "loss.kl.place": ("reward", "eq. 3: subtracted from the reward"),
        "optimizer.learning_rate": (1e-6, "appendix: the best of 1e-6, 1e-5 and 2e-5"),
        "optimizer.schedule": ("constant", "appendix: constant"),
        "optimizer.warmup": (0.03, "appendix: linear warm-up of 3%"),
    },
    disagreements=(
        "TL;DR has beta 0.03 and batch 512, Anthropic-HH 0.10 and up to 2,048; these are those of TL;DR.",
        "The second update of a batch is off policy and is not corrected, there as here.",
    ),
    unstated=("sampling.temperature", "optimizer.weight_decay"),
)

REINFORCE_PLUS_PLUS = published(
    "reinforce++",
    1,
    "REINFORCE++: no group, advantages normalised over the batch",
    "Hu et al. 2025, arXiv 2501.03262",
    {
        "steps": (98, "first version, table 1: at most 25,000 samples, taken to be prompts, 256 to a step"),
        "sampling.prompts": (256, "first version, table 1: rollout batch 256, taken to be prompts"),
        "sampling.samples": (4, "first version, table 1: 4 samples to a prompt"),
        "optimizer.minibatches": (8, "first version, table 1: training batch 128, taken to be samples"),
        "sampling.max_new_tokens": (1024, "example script of OpenRLHF: generate_max_len 1024"),
        "reward.function": ("outcome", _REWARD),
        "advantage": ("reinforce_plus_plus", "eq. 4 and 5"),
        "loss.function": ("ppo_clip", "eq. 1"),
        "loss.function.low": (0.2, "first version, table 1: clip 0.2"),
        "loss.function.high": (0.2, "first version, table 1: clip 0.2"),
        "loss.normalization": ("seq-mean-token-mean", "eq. 1: mean over a sample's tokens"),
        "loss.kl.coefficient": (0.001, "first version, table 1: 0.001 for mathematics"),
        "loss.kl.estimator": ("k1", "eq. 4: the log-ratio"),
        "loss.kl.place": ("reward", "eq. 4: to go, from each token on"),
        "optimizer.learning_rate": (5e-7, "first version, table 1: 5e-7"),
    },
    disagreements=(
        "The first version has 4 samples to a prompt, the ninth a single one (and no other number); KL is 0.001 for"
        " mathematics, 0.01 for the rest, 1e-4 in OpenRLHF's script.",
        "The authors advise rewards of -1 and 1; normalised over the batch those and ours, 0 and 1, differ only in"
        " what the KL weighs, which here is twice as much.",
        "Eq. 4 gives each token its own advantage, appendix B.2 only the last; here it is that of eq. 4.",
    ),
    unstated=("sampling.temperature", "optimizer.warmup", "optimizer.weight_decay"),
)

REMAX = published(
    "remax",
    1,
    "REINFORCE with the reward of the greedy completion as baseline",
    "Li et al. 2023, arXiv 2310.10505",
    {
        "steps": (200, "ours: one pass over the data there, of a number of steps not stated"),
        "sampling.prompts": (128, "ours: one prompt to a device there, on a number of devices not stated"),
        "sampling.samples": (1, "the algorithm: one sample and the greedy completion"),
        "sampling.max_new_tokens": (256, "released script, Llama-2-7B: max_answer_seq_len 256"),
        "reward.function": ("outcome", _REWARD),
        "advantage": ("remax", "the algorithm: r - r(greedy)"),
        "loss.function": ("reinforce", "the algorithm: the score function"),
        "loss.normalization": (
            "seq-mean-token-sum-norm",
            "the algorithm: the log-probability of a whole sample, the sum over tokens",
        ),
        "loss.kl.coefficient": (0.05, "released script: kl_ctl 0.05"),
        "loss.kl.estimator": ("k1", "the log-ratio of each token"),
        "loss.kl.place": ("reward", "subtracted from the reward"),
        "optimizer.epochs": (1, "released script: ppo_epochs 1"),
        "optimizer.learning_rate": (1e-6, "released script: 1e-6"),
        "optimizer.schedule": ("cosine", "released script: cosine"),
        "optimizer.warmup": (0.0, "released script: no warm-up"),
        "optimizer.final": (0.0, "a cosine without another end falls to 0"),
        "optimizer.weight_decay": (0.1, "released script: weight decay 0.1"),
    },
    disagreements=(
        "The released script discounts by 0.99 a token; here there is no discount, so that early tokens count as much"
        " as late ones.",
    ),
    unstated=("sampling.temperature",),
)

RECIPES: tuple[PublishedRecipe, ...] = (PPO, ORZ, GRPO_R1, DR_GRPO, RLOO, REINFORCE_PLUS_PLUS, REMAX)
