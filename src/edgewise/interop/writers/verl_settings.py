"""Settings of verl that say what a recipe says: dotted fields of its configuration, and a line for what it cannot do.

Written for verl 0.9.1. Every field of a recipe is either in a setting, or equal to what verl always does, or in a line.
"""

from __future__ import annotations

from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.plugins.row_advantages import check_rows
from edgewise.interop.writers.carried import Carried
from edgewise.interop.writers.hand_over import HandedRun, left_of_sampling
from edgewise.rl.advantages.gae import Gae
from edgewise.rl.kl import KlSpec
from edgewise.rl.losses.clipped import Cispo, DualClip, PpoClip, Reinforce
from edgewise.rl.losses.covariance import ClipCov, KlCov
from edgewise.rl.losses.gspo import Gspo
from edgewise.rl.recipe import LossSpec, PolicyOptimizerSpec, Recipe
from edgewise.training.optimizer import OptimizerSpec

ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
# verl's vanilla loss always has a third clip. A ratio, which verl bounds to e^20, never reaches this one.
_NO_THIRD_CLIP = 1e9
# The normalizations that verl has, by the same names.
_NORMALIZATIONS = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum-norm")
_KL_IN_LOSS = {"k1": "kl", "k2": "mse", "k3": "low_var_kl", "exact": "mse"}


def verl_settings(run: HandedRun, *, samples: int, prompt_tokens: int) -> Carried:
    """The settings of a run; `samples` completions of each test problem, prompts of at most `prompt_tokens`.

    InputError where the advantage is one that verl cannot compute.
    """
    recipe = run.recipe
    carried = Carried(left=list(left_of_sampling(recipe)))
    _advantage(recipe, carried)
    _sampling(recipe, carried, samples, prompt_tokens)
    _loss(recipe.loss, recipe.sampling.max_new_tokens, carried)
    _correction(recipe, carried)
    _kl(recipe.loss.kl, carried)
    _optimizer(recipe.optimizer, recipe.sampling.prompts, carried)
    carried.set("trainer", {"total_training_steps": recipe.steps})
    _precision(recipe, carried)
    return carried


def _advantage(recipe: Recipe, carried: Carried) -> None:
    advantage = recipe.advantage
    if not isinstance(advantage, Gae):
        check_rows(advantage, logp=True, greedy=False)
        carried.set("algorithm", {"adv_estimator": "edgewise_recipe"})
        return
    # verl's own: it computes the values, and its advantages are whitened.
    if not advantage.whiten or advantage.positive_only:
        raise InputError("advantage: verl's gae is whitened and has both signs; use whiten=true, positive_only=false")
    carried.set("algorithm", {"adv_estimator": "gae", "gamma": advantage.gamma, "lam": advantage.lam})
    carried.set("critic", {"model.path": "'$PWD/model'", "cliprange_value": advantage.critic.clip})
    carried.set("critic.optim", _adamw(advantage.critic.optimizer))
    carried.left.append("advantage.critic: starts in verl with a head of its own; `values` are of verl's critic")


def _sampling(recipe: Recipe, carried: Carried, samples: int, prompt_tokens: int) -> None:
    sampling = recipe.sampling
    carried.set(
        "data",
        {
            "train_batch_size": sampling.prompts,
            "max_prompt_length": prompt_tokens,
            "max_response_length": sampling.max_new_tokens,
            "shuffle": False,
        },
    )
    carried.set(ROLLOUT, {"n": sampling.samples, "temperature": sampling.temperature, "top_p": 1.0, "top_k": -1})
    carried.set(
        f"{ROLLOUT}.val_kwargs", {"n": samples, "do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": -1}
    )
    if sampling.filters.drop_zero_variance:
        carried.set("algorithm.filter_groups", {"enable": True, "metric": "outcome"})
        carried.left.append(
            f"sampling.filters.resample_up_to: {sampling.filters.resample_up_to} is not carried over; verl samples"
            " again until the batch is full, so that a step takes more problems than its own"
        )


def _loss(loss: LossSpec, max_new_tokens: int, carried: Carried) -> None:
    function = loss.function
    match function:
        case PpoClip():
            of_loss = {"policy_loss.loss_mode": "vanilla", "clip_ratio_c": _NO_THIRD_CLIP} | _clip(function)
        case DualClip():
            of_loss = {"policy_loss.loss_mode": "vanilla", "clip_ratio_c": function.bound} | _clip(function)
        case Gspo():
            of_loss = {"policy_loss.loss_mode": "gspo"} | _clip(function)
        case Cispo():
            of_loss = {
                "policy_loss.loss_mode": "cispo",
                "clip_ratio_low": 1 - function.least,
                "clip_ratio_high": function.most - 1,
            }
        case Reinforce():
            of_loss = {"policy_loss.loss_mode": "gpg"}
        case ClipCov():
            of_loss = {
                "policy_loss.loss_mode": "clip_cov",
                "policy_loss.clip_cov_ratio": function.share,
                "policy_loss.clip_cov_lb": function.least,
                "policy_loss.clip_cov_ub": function.most,
            } | _clip(function)
        case KlCov():
            of_loss = {
                "policy_loss.loss_mode": "kl_cov",
                "policy_loss.kl_cov_ratio": function.share,
                "policy_loss.ppo_kl_coef": function.coefficient,
            }
        case _:
            raise InputError(
                f"recipe.loss.function: verl has no {function.kind}; use ppo_clip, dual_clip, cispo, gspo, reinforce,"
                " clip_cov or kl_cov"
            )
    if function.chooses_tokens:
        carried.left.append(
            f"loss.function: {function.kind} chooses its tokens in each micro-batch, not in a minibatch"
        )
    shared = loss.normalization in _NORMALIZATIONS
    if not shared:
        carried.left.append(f"loss.normalization: verl has no {loss.normalization}; token-mean in its place")
    of_loss |= {"loss_agg_mode": loss.normalization if shared else "token-mean", "entropy_coeff": loss.entropy_bonus}
    if loss.normalization == "seq-mean-token-sum-norm":
        of_loss["loss_scale_factor"] = max_new_tokens
    carried.set(ACTOR, of_loss)


def _clip(function: PpoClip | DualClip | Gspo | ClipCov) -> dict[str, Any]:
    return {"clip_ratio_low": function.low, "clip_ratio_high": function.high}


def _correction(recipe: Recipe, carried: Carried) -> None:
    correction = recipe.loss.correction
    if correction.kind == "truncated":
        carried.set("algorithm.rollout_correction", {"rollout_is": "token", "rollout_is_threshold": correction.cap})
    elif correction.kind != "none":
        carried.left.append(
            f"loss.correction: {correction.kind} is not carried over; verl's sampler is not corrected for"
        )


def _kl(kl: KlSpec, carried: Carried) -> None:
    if kl.in_reward:
        carried.set("algorithm", {"use_kl_in_reward": True, "kl_penalty": "kl"})
        carried.set("algorithm.kl_ctrl", {"type": "fixed", "kl_coef": kl.coefficient})
    if not kl.in_loss:
        return
    in_loss = {"use_kl_loss": True, "kl_loss_coef": kl.coefficient, "kl_loss_type": _KL_IN_LOSS[kl.estimator]}
    carried.set(ACTOR, in_loss)
    if kl.estimator == "exact":
        carried.left.append(
            "loss.kl.estimator: verl has no exact KL; k2 in its place, whose gradient is that of the exact one in the"
            " mean over samples"
        )
    if kl.clamp is not None:
        carried.left.append(
            "loss.kl.clamp: is not carried over; verl bounds the log-ratio of k3 to 20 and its term to 10"
        )


def _optimizer(optimizer: PolicyOptimizerSpec, prompts: int, carried: Carried) -> None:
    carried.set(f"{ACTOR}.optim", _adamw(optimizer))
    minibatch = -(-prompts // optimizer.minibatches)
    carried.set(ACTOR, {"ppo_mini_batch_size": minibatch, "ppo_epochs": optimizer.epochs, "use_dynamic_bsz": True})
    if prompts % optimizer.minibatches:
        carried.left.append(
            f"optimizer.minibatches: {prompts} problems are not divisible by {optimizer.minibatches}; verl takes"
            f" {minibatch}"
        )
    if optimizer.weight_decay:
        carried.left.append("optimizer.weight_decay: verl decays all parameters; here norms and biases do not decay")
    if optimizer.epsilon != 1e-8:
        carried.set(f"{ACTOR}.optim", {"override_optimizer_config": f"{{eps:{optimizer.epsilon}}}"})
    if optimizer.warmup:
        carried.left.append(
            "optimizer.warmup: verl's first update has a rate of 0; here it has one step's share of the peak"
        )


def _adamw(optimizer: OptimizerSpec) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "lr": optimizer.learning_rate,
        "lr_scheduler_type": optimizer.schedule,
        "lr_warmup_steps_ratio": optimizer.warmup,
        "betas": f"[{optimizer.beta_1},{optimizer.beta_2}]",
        "weight_decay": optimizer.weight_decay,
        "clip_grad": optimizer.clip,
    }
    if optimizer.schedule == "cosine":
        settings["min_lr_ratio"] = optimizer.final
    return settings


def _precision(recipe: Recipe, carried: Carried) -> None:
    dtype = "float32" if recipe.precision == "fp32" else "bfloat16"
    carried.set(f"{ACTOR}.fsdp_config", {"dtype": dtype})
    carried.set("actor_rollout_ref.ref.fsdp_config", {"dtype": dtype})
    carried.set(ROLLOUT, {"dtype": dtype})
