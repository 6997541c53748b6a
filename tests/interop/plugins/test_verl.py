"""Inside verl on a CPU: its registry, configuration, data set and reward loader take what the export wrote."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.interop.plugins.row_advantages import RowStep
from edgewise.interop.writers.hand_over import handed_run
from edgewise.interop.writers.verl import write_verl
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.advantages.base import ADVANTAGES
from edgewise.study import run as study_run
from edgewise.study.context import Context
from edgewise.study.store import Store
from edgewise.tasks import Score
from tests.study.in_process import compute_in_this_process
from tests.tiny import PRETRAIN

core_algos: Any = pytest.importorskip("verl.trainer.ppo.core_algos", reason="verl is not installed")
plugin: Any = pytest.importorskip("edgewise.interop.plugins.verl")
OmegaConf: Any = pytest.importorskip("omegaconf").OmegaConf

pytestmark = pytest.mark.slow

BATCH = json.loads((Path(__file__).parents[2] / "rl/advantages/data/verl.json").read_text())
LENGTH_B = torch.tensor(BATCH["length"]).flatten()
MASK_BT = (torch.arange(5) < LENGTH_B.unsqueeze(1)).float()
REWARD_BT = torch.zeros(8, 5).scatter(1, (LENGTH_B - 1).unsqueeze(1), torch.tensor(BATCH["reward"]).reshape(8, 1))
INDEX = np.array(["p"] * 4 + ["q"] * 4, dtype=object)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of RL that was handed over; it draws with PKPO at k = 2."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        compute_in_this_process(patch)
        study_run.run([PRETRAIN], Context(root=root))
    sizes = ("steps=3", "sampling.prompts=4", "sampling.samples=4", "sampling.max_new_tokens=36")
    settings = ['recipe.advantage={"kind":"pkpo","k":2}', *(f"recipe.{size}" for size in sizes)]
    run = handed_run(Store(root).folder(PRETRAIN), settings)
    return write_verl(run, root / "for verl", problems=3, samples=4).folder


@pytest.mark.parametrize("theirs", ["grpo", "rloo", "opo", "reinforce_plus_plus", "reinforce_plus_plus_baseline"])
def test_an_estimator_of_ours_gives_the_numbers_of_verls_own(theirs: str) -> None:
    """Beside verl's function in this process, and its numbers in the file, of the algorithms that both have."""
    ours, _ = core_algos.get_adv_estimator_fn(f"edgewise_{theirs}")(
        token_level_rewards=REWARD_BT, response_mask=MASK_BT, index=INDEX, config=None
    )
    config = core_algos.AlgoConfig(gamma=1.0)
    own, _ = core_algos.get_adv_estimator_fn(theirs)(
        token_level_rewards=REWARD_BT.clone(), response_mask=MASK_BT, index=INDEX, config=config
    )
    real = MASK_BT.bool()
    torch.testing.assert_close(ours[real], own[real].float(), atol=2e-6, rtol=0)
    torch.testing.assert_close(ours[real], torch.tensor(BATCH[theirs]).reshape(8, 5)[real].float(), atol=2e-6, rtol=0)


def test_every_estimator_is_registered_and_the_recipe_has_its_numbers(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = {name for name in core_algos.ADV_ESTIMATOR_REGISTRY if str(name).startswith("edgewise_")}
    ours = {name for name, kind in ADVANTAGES.specs().items() if kind.__module__.startswith("edgewise.")}
    assert registered == {f"edgewise_{name}" for name in ours - {"gae", "remax"}} | {"edgewise_recipe"}
    of_recipe = core_algos.get_adv_estimator_fn("edgewise_recipe")
    batch = {"token_level_rewards": REWARD_BT, "response_mask": MASK_BT, "index": INDEX, "config": None}
    monkeypatch.delenv(plugin.FOLDER, raising=False)
    with pytest.raises(InputError, match=plugin.FOLDER):
        of_recipe(**batch)
    monkeypatch.setenv(plugin.FOLDER, str(exported))
    spec = ADVANTAGES.parse({"kind": "pkpo", "k": 2})
    expected, _ = plugin.estimator(lambda: spec)(**batch)
    default, _ = core_algos.get_adv_estimator_fn("edgewise_pkpo")(**batch)
    found, returns = of_recipe(**batch)
    assert torch.equal(found, expected) and torch.equal(found, returns) and not torch.equal(found, default)


def test_what_depends_on_the_step_is_refused_without_our_trainer() -> None:
    bootstrap = core_algos.get_adv_estimator_fn("edgewise_pass_at_k_bootstrap")
    batch = {"token_level_rewards": REWARD_BT, "response_mask": MASK_BT, "index": INDEX, "config": None}
    with pytest.raises(InputError, match="depends on the step"):
        bootstrap(**batch)
    token = plugin.STEP.set(plugin.StepInputs(RowStep(2, 10), None))
    found, _ = bootstrap(**batch)
    plugin.STEP.reset(token)
    assert found.shape == (8, 5)


def test_verl_names_the_module_to_each_of_its_processes() -> None:
    code = "from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f; print(f('edgewise_pkpo').__module__)"
    environment = {**os.environ, "VERL_USE_EXTERNAL_MODULES": "edgewise.interop.plugins.verl"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "edgewise.interop.plugins.verl"


def test_the_settings_are_fields_of_verls_configuration(exported: Path) -> None:
    """Composed by Hydra as verl does: an unknown field or a value of another type ends there."""
    hydra: Any = pytest.importorskip("hydra")
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    script = (exported / "launch.sh").read_text().partition("main_ppo")[2].replace("$PWD", str(exported))
    words = [word for word in shlex.split(script) if word not in ("\n", "$@")]
    package = Path(core_algos.__file__).parents[1] / "config"
    with hydra.initialize_config_dir(str(package), version_base=None):
        config = hydra.compose("ppo_trainer", overrides=words)
    assert config.algorithm.adv_estimator == "edgewise_recipe" and config.trainer.v1.trainer_mode == "edgewise"
    assert config.data.train_files == str(exported / "train.parquet")
    assert str(exported) == config.ray_kwargs.ray_init.runtime_env.env_vars.EDGEWISE_HAND_OVER
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    assert (actor.ppo_mini_batch_size, actor.clip_ratio_high, tuple(actor.optim.betas)) == (4, 0.2, (0.9, 0.98))
    validate_config(config, need_reference_policy(config), need_critic(config))
    assert omega_conf_to_dataclass(config.algorithm).adv_estimator == "edgewise_recipe"


def test_verls_data_set_reads_the_parquet_and_the_template_changes_no_prompt(exported: Path) -> None:
    dataset_module: Any = pytest.importorskip("verl.utils.dataset.rl_dataset")
    from transformers import AutoTokenizer

    theirs, ours = AutoTokenizer.from_pretrained(exported / "model"), Tokenizer.load(exported / "model")
    config = OmegaConf.create(
        {"max_prompt_length": 64, "filter_overlong_prompts": False, "cache_dir": str(exported / "cache")}
    )
    data = dataset_module.RLHFDataset(str(exported / "test.parquet"), tokenizer=theirs, config=config)
    assert len(data) == 3
    for row in (data[number] for number in range(len(data))):
        (message,) = row["raw_prompt"]
        ids = theirs.apply_chat_template(list(row["raw_prompt"]), add_generation_prompt=True, return_dict=False)
        assert list(ids) == ours.prompt(message["content"])
        assert row["data_source"] == "edgewise/modular" and row["extra_info"]["address"].startswith("test/0/")


def test_verls_loader_gives_the_reward_and_the_verdict(exported: Path) -> None:
    from verl.trainer.ppo.reward import get_custom_reward_fn

    path = str(exported / "reward.py")
    config = OmegaConf.create({"reward": {"custom_reward_function": {"path": path, "name": "compute_score"}}})
    score = get_custom_reward_fn(config)
    assert score is not None
    run = plugin.HandedOver(exported)
    problem = run.problem("test/0/0/1")
    right = run.run.world.solution(problem)
    other = str((int(problem.answer) + 1) % 5)
    cases = {
        right: (1.0, 0.0, problem.answer),
        " ".join([*right.split()[:-1], other]): (0.0, 0.0, other),
        "= = =": (0.0, 1.0, "[INVALID]"),
        " ".join([right] * 9): (0.0, 1.0, "[INVALID]"),
    }
    for text, (paid, unscorable, predicted) in cases.items():
        found = score("edgewise/modular", text, problem.answer, extra_info={"address": "test/0/0/1"})
        assert (found["score"], found["acc"], found["unscorable"], found["pred"]) == (paid, paid, unscorable, predicted)
        assert found["truncated"] == float(len(text.split()) >= 36)
    assert {run.run.world.verify(problem, text).answer for text in cases} == set(Score)


def test_our_trainer_adds_the_look_at_a_validation(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer: Any = pytest.importorskip("edgewise.interop.plugins.verl_trainer")
    from verl.trainer.ppo.v1 import get_trainer_cls

    kind = get_trainer_cls("edgewise")
    assert kind is trainer.BoundaryTrainer
    monkeypatch.setenv(plugin.FOLDER, str(exported))
    run = plugin.HandedOver(exported)
    addresses = [f"test/0/{index}/1" for index in range(3) for _ in range(4)]
    texts = [
        run.run.world.solution(run.problem(address)) if row % 4 < 2 else "= =" for row, address in enumerate(addresses)
    ]
    infos: dict[str, list[Any]] = {}
    for address, text in zip(addresses, texts, strict=True):
        for name, value in plugin.score_of(run, text, {"address": address}).items():
            infos.setdefault(name, []).append(value)
    instance = kind.__new__(kind)
    instance.global_steps = 0
    metrics = instance._val_metrics_update(
        ["edgewise/modular"] * 12, addresses, {"reward": infos["score"], **infos}, []
    )
    assert metrics["val-boundary/answer/pass@1"] == pytest.approx(0.5)
    assert metrics["val-boundary/unscorable"] == 0.5
    # verl's own stays beside it, and draws with replacement: two right of four are not always seen.
    assert metrics["val-core/edgewise/modular/acc/best@4/mean"] < 1
    assert "edgewise: step 0: pass@1 0.500" in capsys.readouterr().out
