"""A step of TRL's GRPOTrainer from an exported folder: prompts with bos, our rewards, and a folder that loads here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.model.hf import load_pretrained, save_pretrained
from edgewise.tasks import ModularArithmetic
from tests.model.decoders import SHAPES, alone, taught

trl: Any = pytest.importorskip("trl", reason="trl is not installed: pip install trl")
datasets: Any = pytest.importorskip("datasets")

WORLD = ModularArithmetic(min_op=1, max_op=2)
PROBLEMS = [WORLD.problem("train", 7, i) for i in range(4)]
SAMPLES = 4


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_grpo_step_reads_and_writes_our_folders(dtype: str, tmp_path: Path) -> None:
    model, tokenizer = taught(WORLD, PROBLEMS, SHAPES["untied, grouped"], steps=25)
    save_pretrained(model, tokenizer, tmp_path / "ours")
    by_prompt = {problem.prompt: problem for problem in PROBLEMS}
    prompt_ids: list[list[int]] = []
    graded: list[tuple[str, list[int], str, float]] = []

    def reward(prompts: list[str], completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        rewards = [
            float(WORLD.verify(by_prompt[prompt], text).answer_correct)
            for prompt, text in zip(prompts, completions, strict=True)
        ]
        graded.extend(zip(prompts, completion_ids, completions, rewards, strict=True))
        return rewards

    trainer: Any = trl.GRPOTrainer(
        model=str(tmp_path / "ours"),
        reward_funcs=reward,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path / "trl"),
            model_init_kwargs={"dtype": dtype},
            per_device_train_batch_size=len(PROBLEMS) * SAMPLES,
            num_generations=SAMPLES,
            max_completion_length=40,
            max_steps=1,
            learning_rate=1e-2,
            lr_scheduler_type="constant",
            bf16=False,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            seed=3,
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": problem.prompt} for problem in PROBLEMS]),
    )
    generate = trainer.model.generate

    def generate_and_note(*arguments: Any, **options: Any) -> Any:
        ids, mask = options["input_ids"], options["attention_mask"]
        prompt_ids.extend(row[seen.bool()].tolist() for row, seen in zip(ids, mask, strict=True))
        return generate(*arguments, **options)

    trainer.model.generate = generate_and_note
    trainer.train()

    assert len(trainer.processing_class) == len(tokenizer)
    assert len(prompt_ids) == len(graded) == len(PROBLEMS) * SAMPLES
    assert {tuple(ids) for ids in prompt_ids} == {tuple(tokenizer.prompt(prompt)) for prompt in by_prompt}
    assert [text for _, _, text, _ in graded] == [tokenizer.decode(ids) for _, ids, _, _ in graded]
    rewards = [paid for *_, paid in graded]
    assert 0 < sum(rewards) < len(rewards), "a model that was taught is paid here as at home, and has more to learn"

    trainer.save_model(str(tmp_path / "saved"))
    again, words = load_pretrained(tmp_path / "saved")
    assert words == tokenizer
    assert again.spec == model.spec
    assert not torch.equal(model.embedding.weight, again.embedding.weight)
    ids = tokenizer.prompt(PROBLEMS[0].prompt)
    with torch.no_grad():
        theirs = trainer.model.eval()(torch.tensor([ids])).logits[0].float()
    torch.testing.assert_close(alone(again, ids), theirs, atol=1e-4 if dtype == "float32" else 0.2, rtol=1e-5)
