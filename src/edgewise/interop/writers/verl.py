"""Write the folder from which verl trains a run of RL: model, Parquet, reward, settings, a script that starts it.

model/                  with the chat template that leaves a prompt as it is
train.parquet test.parquet    data_source, prompt, ability, reward_model, extra_info, as verl reads them
reward.py               compute_score, by the verifier and the reward of the recipe
hand_over.json          the recipe, which reward and advantage are computed from
launch.sh README.md     every setting; what was not carried over
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.interop.plugins.hand_over import MODEL, TEST, TRAIN, VALIDATION, address_of
from edgewise.interop.writers.hand_over import (
    LAUNCH,
    README,
    Exported,
    HandedRun,
    check_installed,
    readme,
    write_rows,
    write_shared,
    write_text,
)
from edgewise.interop.writers.verl_settings import ROLLOUT, verl_settings
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks import Problem

REWARD = "reward.py"
# verl sends every prompt through a template. Ours have none: what a prompt says is what the model reads, after <bos>.
PASS_THROUGH = "{{ bos_token }} {% for message in messages %}{{ message['content'] }}{% endfor %}"
_TEMPLATE = "chat_template.jinja"
_MODULES = ("edgewise.interop.plugins.verl", "edgewise.interop.plugins.verl_trainer")

_REWARD = '''"""The reward of this run as verl calls it; hand_over.json beside it says what is paid."""

from pathlib import Path

from edgewise.interop.plugins.hand_over import HandedOver
from edgewise.interop.plugins.verl import score_of

RUN = HandedOver(Path(__file__).parent)


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """The reward (`score`) and the verdict (`acc`, `pred`, `unscorable`, ...) of a completion."""
    return score_of(RUN, solution_str, extra_info)
'''


def write_verl(run: HandedRun, out: Path, *, problems: int, samples: int) -> Exported:
    """Write the folder `out`; `samples` completions of `problems` test problems of each level in a validation.

    InputError, before anything is written, where verl cannot do what the recipe says.
    """
    tokenizer = Tokenizer.load(run.model)
    # Refused before work: the length of the prompts is known later.
    verl_settings(run, samples=samples, prompt_tokens=1)
    handed, train, test = write_shared(run, out, problems=problems, samples=samples)
    prompts = [*(problem.prompt for problem in train), *(problem.prompt for problem, _ in test)]
    carried = verl_settings(run, samples=samples, prompt_tokens=max(len(tokenizer.prompt(text)) for text in prompts))
    write_text(out / MODEL / _TEMPLATE, PASS_THROUGH)
    world = handed.world.world
    write_rows([_row(world, problem, address_of(problem), row) for row, problem in enumerate(train)], out / TRAIN)
    write_rows([_row(world, problem, address, row) for row, (problem, address) in enumerate(test)], out / TEST)
    write_text(out / REWARD, _REWARD)
    write_text(out / LAUNCH, _launch(carried.settings, run.recipe.steps), executable=True)
    exported = Exported(out, len(train), len(test), tuple(carried.left))
    what = (
        "`./launch.sh` trains; further settings of verl are added, as `./launch.sh trainer.n_gpus_per_node=4`."
        " The advantage is that of the recipe, computed by Edgewise in verl's process (`edgewise_recipe`"
        " of `algorithm.adv_estimator`; `edgewise_NAME` is any other with its defaults). verl passes each completion's"
        " text to the reward; a completion whose answer cannot be read earns what the recipe gives it, is logged as"
        " `unscorable`, and is read as such by the audit."
    )
    write_text(out / README, readme(exported, "verl", run, what))
    return exported


def overrides(settings: dict[str, Any]) -> list[str]:
    """Settings as words of verl's command line."""
    return [f"{name}={_value(value)}" for name, value in settings.items()]


def _value(value: Any) -> str:
    return {True: "True", False: "False"}[value] if isinstance(value, bool) else str(value)


def _row(world: str, problem: Problem, address: str, row: int) -> dict[str, Any]:
    return {
        "data_source": f"edgewise/{world}",
        "prompt": [{"role": "user", "content": problem.prompt}],
        "ability": world,
        "reward_model": {"style": "rule", "ground_truth": problem.answer},
        "extra_info": {
            "split": problem.split,
            "index": row,
            "address": address,
            "problem_id": problem.id,
            "level": problem.level,
        },
    }


def _launch(settings: dict[str, Any], steps: int) -> str:
    modules = ",".join(_MODULES)
    fixed = {
        "data.train_files": f"'$PWD/{TRAIN}'",
        "data.val_files": f"'$PWD/{TEST}'",
        "actor_rollout_ref.model.path": f"'$PWD/{MODEL}'",
        f"{ROLLOUT}.name": "vllm",
        f"{ROLLOUT}.tensor_model_parallel_size": 1,
        f"{ROLLOUT}.log_prob_use_dynamic_bsz": True,
        "reward.custom_reward_function.path": f"'$PWD/{REWARD}'",
        "trainer.v1.trainer_mode": "edgewise",
        "trainer.val_before_train": True,
        "trainer.test_freq": max(1, steps // 10),
        "trainer.validation_data_dir": f"'$PWD/{VALIDATION}'",
        "trainer.default_local_dir": "'$PWD/checkpoints'",
        "trainer.project_name": "edgewise",
        "trainer.experiment_name": "hand_over",
        "trainer.logger": "[console]",
        "trainer.n_gpus_per_node": 1,
        "trainer.total_epochs": 1000,
        "+ray_kwargs.ray_init.runtime_env.env_vars.VERL_USE_EXTERNAL_MODULES": f"'{modules}'",
        "+ray_kwargs.ray_init.runtime_env.env_vars.EDGEWISE_HAND_OVER": "'$PWD'",
    }
    words = overrides(settings | fixed)
    lines = " \\\n    ".join(f'"{word}"' for word in words)
    return (
        "#!/usr/bin/env bash\n"
        "# Train this run with verl; words that follow are further settings. Written for verl 0.9.1.\n"
        "set -euo pipefail\n"
        'cd "$(dirname "${BASH_SOURCE[0]}")"\n'
        f"{check_installed('verl', 'verl')}"
        f"export VERL_USE_EXTERNAL_MODULES={modules}\n"
        'export EDGEWISE_HAND_OVER="$PWD"\n'
        f'exec python3 -m verl.trainer.main_ppo \\\n    {lines} \\\n    "$@"\n'
    )
