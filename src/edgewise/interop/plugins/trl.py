"""GRPOTrainer of TRL that learns from one of our advantages, and the trainer of a run that was handed over to TRL.

TRL has no place for another advantage, so `AdvantageTrainer` takes TRL's rewards, computes ours, and puts it in their
place. Written for trl 1.16.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import torch
import trl
from torch import Tensor
from transformers import HfArgumentParser

from edgewise.core.errors import InputError
from edgewise.interop.plugins.hand_over import MODEL, TEST, TRAIN, HandedOver
from edgewise.interop.plugins.row_advantages import READS_LOGP, RowStep, check_rows, row_advantages
from edgewise.interop.plugins.trl_boundary import BoundaryCallback
from edgewise.interop.plugins.trl_rewards import RunRewards
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.advantages.base import AdvantageSpec

CONFIG = "grpo_config.json"


class AdvantageTrainer(trl.GRPOTrainer):  # type: ignore[misc]
    """`trl.GRPOTrainer` with `advantage` in place of its own; all other arguments are TRL's.

    `steps` is how many steps of sampling the run has and `seed` that of its draws, which some advantages depend on.
    Every completion must have a reward: the advantage of a group needs a number of each. InputError where the advantage
    needs a critic or greedy completions.
    """

    def __init__(
        self, *arguments: Any, advantage: AdvantageSpec, steps: int = 1, seed: int = 0, **options: Any
    ) -> None:
        check_rows(advantage, logp=True, greedy=False)
        self._advantage, self._run_steps, self._run_seed = advantage, steps, seed
        self._scored: Tensor | None = None
        self._lengths: list[int] = []
        super().__init__(*arguments, **options)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        # Of all processes, and of this one.
        self._scored = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._lengths = [len(ids) for ids in completion_ids_list]
        return self._scored

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if not self.model.training:
            return output
        assert self._scored is not None
        unscored = torch.isnan(self._scored).all(1)
        if unscored.any():
            raise InputError(
                f"reward_funcs: {int(unscored.sum())} completions have no reward; give an unscorable one a number in"
                " one function, and None in another of weight 0"
            )
        reward_B = (self._scored * self.reward_weights.to(self._scored.device)).nansum(1)
        own_B = torch.tensor(self._lengths, device=reward_B.device)
        length_B = self.accelerator.gather(own_B)
        tokens = int(length_B.max())
        mask_BT = torch.arange(tokens, device=reward_B.device) < length_B.unsqueeze(1)
        reward_BT = torch.zeros(mask_BT.shape, device=reward_B.device)
        reward_BT[torch.arange(len(length_B)), length_B - 1] = reward_B
        advantage_B = row_advantages(
            self._advantage,
            reward_BT,
            mask_BT,
            [row // self.num_generations for row in range(len(length_B))],
            at=RowStep(self._step_of_sampling, self._run_steps, self._run_seed),
            logp_BT=self._logp(output, own_B, mask_BT) if self._advantage.kind in READS_LOGP else None,
        )[:, 0]
        first = self.accelerator.process_index * len(own_B)
        output["advantages"] = advantage_B[first : first + len(own_B)]
        # What `log_completions` writes beside each completion.
        logged = self._logs["advantages"]
        for _ in range(min(len(advantage_B), len(logged))):
            logged.pop()
        logged.extend(advantage_B.tolist())
        return output

    @property
    def _step_of_sampling(self) -> int:
        """How often the policy sampled before: an optimizer step is one of several of a batch of completions."""
        updates: int = self.args.steps_per_generation * self.num_iterations // self.args.gradient_accumulation_steps
        step: int = self.state.global_step
        return step // max(1, updates)

    def _logp(self, output: dict[str, Any], own_B: Tensor, mask_BT: Tensor) -> Tensor:
        """The log-probabilities of all processes' completions under the policy that wrote them, [B, T]."""
        logp_BT = output.get("old_per_token_logps")
        if logp_BT is None:
            ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
            seen = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
            with torch.no_grad():
                logp_BT, *_ = self._get_per_token_logps_and_entropies(
                    self.model,
                    ids,
                    seen,
                    output["completion_ids"].size(1),
                    batch_size=self.args.per_device_train_batch_size,
                )
        missing = mask_BT.shape[1] - logp_BT.shape[1]
        padded = torch.nn.functional.pad(logp_BT, (0, max(0, missing)))[:, : mask_BT.shape[1]]
        gathered: Tensor = self.accelerator.gather(padded.contiguous())
        return gathered


def handed_over_trainer(folder: Path, words: Sequence[str] = ()) -> AdvantageTrainer:
    """The trainer of the run in a folder that `edgewise export trl` wrote, with its validation (`BoundaryCallback`).

    `words` change settings of grpo_config.json, as --learning_rate 1e-5.
    """
    run = HandedOver(folder)
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    settings = {name: str(folder / value) if name == "output_dir" else value for name, value in settings.items()}
    parser = HfArgumentParser(trl.GRPOConfig)
    parser.set_defaults(**settings)
    (config,) = parser.parse_args_into_dataclasses(args=list(words))
    rewards = RunRewards(run, Tokenizer.load(folder / MODEL).eos)
    recipe = run.run.recipe
    trainer = AdvantageTrainer(
        model=str(folder / MODEL),
        reward_funcs=[rewards.recipe_reward, rewards.accuracy_reward],
        args=config,
        train_dataset=_dataset(folder / TRAIN),
        eval_dataset=_dataset(folder / TEST),
        advantage=recipe.advantage,
        steps=recipe.steps,
        seed=run.run.seed,
    )
    trainer.add_callback(BoundaryCallback(trainer, folder, verdict=rewards.accuracy_reward.__name__))
    return trainer


def _dataset(path: Path) -> Any:
    return datasets.Dataset(pq.read_table(path))
