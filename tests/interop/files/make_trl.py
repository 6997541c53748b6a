"""Writes the TRL completion logs of this folder and their expected counts; see README.md."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

WORDS = ["<pad>", "<eos>", "<unk>", *"0123456789", "+", "=", "?"]


def main(folder: Path) -> None:
    """Two GRPO steps of a random model of 2,640 weights, its completions logged by the trainer."""
    data: Any = importlib.import_module("datasets")
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")
    trl: Any = importlib.import_module("trl")
    here = Path(tempfile.mkdtemp())
    plain = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
    transformers.set_seed(0)
    model = transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True, pad_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    model.save_pretrained(here / "model")
    tokenizer.save_pretrained(here / "model")

    def accuracy_reward(completions: list[str], gold: list[str], **_: Any) -> list[float]:
        return [float(answer in said.split()) for said, answer in zip(completions, gold, strict=True)]

    def length_reward(completions: list[str], **_: Any) -> list[float]:
        return [-len(said.split()) / 10 for said in completions]

    dataset = data.Dataset.from_list([{"prompt": "2 + 2 = ?", "gold": "4"}, {"prompt": "3 + 6 = ?", "gold": "9"}])
    trainer = trl.GRPOTrainer(
        model=str(here / "model"),
        reward_funcs=[accuracy_reward, length_reward],
        args=trl.GRPOConfig(
            output_dir=str(here / "out"), per_device_train_batch_size=8, num_generations=4, max_steps=2, beta=0.0,
            max_completion_length=4, log_completions=True, logging_steps=1, report_to=[], bf16=False, use_cpu=True,
            save_strategy="no", gradient_checkpointing=False, seed=0,
        ),
        train_dataset=dataset,
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    expected: dict[str, dict[str, list[int]]] = {}
    target = folder / "trl"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    pandas: Any = importlib.import_module("pandas")
    for file in sorted((here / "out" / "completions").glob("*.parquet")):
        shutil.copy(file, target / file.name)
        for row in pandas.read_parquet(file).to_dict("records"):
            count = expected.setdefault(str(row["step"]), {}).setdefault(row["prompt"], [0, 0])
            count[0] += 1
            count[1] += int(row["accuracy_reward"])
    (folder / "expected_trl.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
