"""Write the folder from which TRL trains a run of RL: model, Parquet, settings, and the script that starts it.

model/                          as the stage wrote it
train.parquet test.parquet      prompt, address
grpo_config.json                every setting of GRPOConfig that is not TRL's default
hand_over.json                  the recipe, which reward and advantage are computed from
train.py launch.sh README.md    the trainer; what was not carried over
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError
from edgewise.interop.plugins.hand_over import TEST, TRAIN, address_of
from edgewise.interop.plugins.row_advantages import check_rows
from edgewise.interop.writers.carried import Carried
from edgewise.interop.writers.hand_over import (
    LAUNCH,
    README,
    Exported,
    HandedRun,
    check_installed,
    left_of_sampling,
    readme,
    write_rows,
    write_shared,
    write_text,
)
from edgewise.rl.kl import KlSpec
from edgewise.rl.losses.clipped import Cispo, DualClip, PpoClip, Reinforce
from edgewise.rl.losses.gspo import Gspo
from edgewise.rl.recipe import LossSpec, PolicyOptimizerSpec, SamplingSpec

SCRIPT, CONFIG = "train.py", "grpo_config.json"
_LOSS_TYPES = {"token-mean": "dapo", "seq-mean-token-mean": "grpo", "seq-mean-token-sum-norm": "dr_grpo"}

_SCRIPT = '''"""Train this run with TRL by grpo_config.json; words that follow change it: --learning_rate 1e-5"""

import sys
from pathlib import Path

from edgewise.interop.plugins.trl import handed_over_trainer

FOLDER = Path(__file__).resolve().parent

if __name__ == "__main__":
    trainer = handed_over_trainer(FOLDER, sys.argv[1:])
    trainer.train()
    trainer.save_model(str(FOLDER / "trained"))
'''

_LAUNCH = """#!/usr/bin/env bash
# Train this run with TRL; words that follow are settings of GRPOConfig. Written for trl 1.16.
# With several GPUs: accelerate launch train.py --per_device_train_batch_size N, N x GPUs as in grpo_config.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
"""


def write_trl(run: HandedRun, out: Path, *, problems: int, samples: int) -> Exported:
    """Write the folder `out`; `samples` completions of `problems` test problems of each level in an evaluation.

    InputError, before anything is written, where TRL cannot do what the recipe says.
    """
    carried = trl_settings(run, samples=samples)
    _, train, test = write_shared(run, out, problems=problems, samples=samples)
    write_rows([{"prompt": problem.prompt, "address": address_of(problem)} for problem in train], out / TRAIN)
    write_rows([{"prompt": problem.prompt, "address": address} for problem, address in test], out / TEST)
    write_json(out / CONFIG, carried.settings)
    write_text(out / SCRIPT, _SCRIPT)
    launch = f'{_LAUNCH}{check_installed("trl", "trl")}exec python3 train.py "$@"\n'
    write_text(out / LAUNCH, launch, executable=True)
    exported = Exported(out, len(train), len(test), tuple(carried.left))
    what = (
        "`./launch.sh` trains; further settings of GRPOConfig are added, as `./launch.sh --report_to wandb`. The batch"
        " of an update is one micro-batch: where memory is short, divide `per_device_train_batch_size` by a number and"
        " multiply `gradient_accumulation_steps` and `steps_per_generation` by it. The advantage is that of the recipe"
        " (`AdvantageTrainer`). `recipe_reward` is learned from, `accuracy_reward` is the verdict and has no weight; an"
        " unscorable completion earns what the recipe gives it and has no verdict."
    )
    write_text(out / README, readme(exported, "TRL", run, what))
    return exported


def trl_settings(run: HandedRun, *, samples: int) -> Carried:
    """The settings of GRPOConfig for a run; `samples` completions of each test problem.

    InputError where the advantage or the loss is one that TRL cannot compute.
    """
    recipe = run.recipe
    check_rows(recipe.advantage, logp=True, greedy=False)
    carried = Carried(left=list(left_of_sampling(recipe)))
    updates = recipe.optimizer.minibatches * recipe.optimizer.epochs
    often = max(1, recipe.steps // 10) * updates
    carried.settings = {
        "output_dir": "checkpoints",
        "max_steps": recipe.steps * updates,
        "eval_strategy": "steps",
        "eval_steps": often,
        "eval_on_start": True,
        "save_steps": often,
        "logging_steps": 1,
        "log_completions": True,
        "num_completions_to_print": 0,
        "report_to": "none",
        "seed": run.stage.seed,
        "bf16": recipe.precision == "bf16",
        "gradient_checkpointing": False,
    }
    carried.settings |= _sampling(recipe.sampling, recipe.optimizer, samples, carried)
    carried.settings |= (
        _loss(recipe.loss, carried) | _kl(recipe.loss.kl, carried) | _optimizer(recipe.optimizer, carried)
    )
    return carried


def _sampling(sampling: SamplingSpec, optimizer: PolicyOptimizerSpec, samples: int, carried: Carried) -> dict[str, Any]:
    rows = sampling.prompts * sampling.samples
    if sampling.samples < 2:
        raise InputError("recipe.sampling.samples: TRL needs at least 2 completions of a problem")
    if rows % optimizer.minibatches:
        raise InputError(
            f"recipe.optimizer.minibatches: must divide the {rows} completions of a step, is {optimizer.minibatches}"
        )
    if optimizer.minibatches > 1:
        carried.left.append(
            "optimizer.minibatches: TRL shuffles completions, so that a group may be in several updates"
        )
    if sampling.filters.drop_zero_variance:
        carried.left.append(
            "sampling.filters: is not carried over; TRL samples no group again, and those of one outcome stay"
        )
    return {
        "num_generations": sampling.samples,
        "num_generations_eval": samples,
        "per_device_train_batch_size": rows // optimizer.minibatches,
        "per_device_eval_batch_size": samples * max(1, rows // samples),
        "steps_per_generation": optimizer.minibatches,
        "gradient_accumulation_steps": 1,
        "num_iterations": optimizer.epochs,
        "max_completion_length": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "shuffle_dataset": False,
        "reward_weights": [1.0, 0.0],
    }


def _loss(loss: LossSpec, carried: Carried) -> dict[str, Any]:
    function = loss.function
    loss_type = _LOSS_TYPES.get(loss.normalization)
    if loss_type is None:
        carried.left.append(f"loss.normalization: TRL has no {loss.normalization}; token-mean (dapo) in its place")
    settings: dict[str, Any] = {"loss_type": loss_type or "dapo", "importance_sampling_level": "token"}
    match function:
        case PpoClip():
            settings |= {"epsilon": function.low, "epsilon_high": function.high}
        case DualClip():
            settings |= {"epsilon": function.low, "epsilon_high": function.high, "delta": function.bound}
        case Gspo():
            settings |= {
                "epsilon": function.low,
                "epsilon_high": function.high,
                "importance_sampling_level": "sequence",
            }
        case Cispo():
            settings |= {"loss_type": "cispo", "epsilon_high": function.most - 1}
            if loss.normalization != "token-mean":
                carried.left.append(f"loss.normalization: TRL's cispo has token-mean, not {loss.normalization}")
            if function.least:
                carried.left.append("loss.function.least: TRL's cispo bounds the ratio from above alone")
        case Reinforce():
            # Of one update on what the policy itself wrote, the ratio is 1 and the gradient that of REINFORCE.
            pass
        case _:
            raise InputError(
                f"recipe.loss.function: TRL has no {function.kind}; use ppo_clip, dual_clip, cispo, gspo or reinforce"
            )
    if loss.entropy_bonus:
        settings["entropy_coef"] = loss.entropy_bonus
    if loss.correction.kind != "none":
        carried.left.append(
            f"loss.correction: {loss.correction.kind} is not carried over; TRL corrects for vLLM alone, by settings of"
            " its own"
        )
    return settings


def _kl(kl: KlSpec, carried: Carried) -> dict[str, Any]:
    if kl.in_reward:
        carried.left.append("loss.kl.place: TRL has no KL in the reward; as a loss term in its place")
    if kl.coefficient and (kl.estimator != "k3" or kl.clamp is not None):
        clamped = " without its clamp" if kl.clamp is not None else ""
        carried.left.append(f"loss.kl.estimator: TRL has k3 alone; in place of {kl.estimator}{clamped}")
    return {"beta": kl.coefficient, "use_bias_correction_kl": False} if kl.coefficient else {"beta": 0.0}


def _optimizer(optimizer: PolicyOptimizerSpec, carried: Carried) -> dict[str, Any]:
    if optimizer.warmup:
        carried.left.append(
            "optimizer.warmup: TRL's first update has a rate of 0; here it has one step's share of the peak"
        )
    settings: dict[str, Any] = {
        "learning_rate": optimizer.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": optimizer.warmup,
        "adam_beta1": optimizer.beta_1,
        "adam_beta2": optimizer.beta_2,
        "adam_epsilon": optimizer.epsilon,
        "weight_decay": optimizer.weight_decay,
        "max_grad_norm": optimizer.clip,
    }
    if optimizer.schedule == "cosine":
        settings |= {
            "lr_scheduler_type": "cosine_with_min_lr",
            "lr_scheduler_kwargs": {"min_lr_rate": optimizer.final},
        }
    return settings
