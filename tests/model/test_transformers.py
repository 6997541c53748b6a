"""Our folders in transformers: the same ids, texts and greedy completions, and what is saved there loads here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import load_pretrained, save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.collect import roll_out
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import ModularArithmetic, World
from edgewise.tasks.questions import Questions
from edgewise.tasks.registry import our_worlds
from tests.model.decoders import SHAPES, TOKENIZER, alone, sharp, taught, texts
from tests.tasks.test_conformance import WORLDS as WORLDS_WITH_KNOBS

# Those that need no knobs as they come, and the others as their own tests set them.
NO_KNOBS = ("colouring", "countdown", "graph", "modular", "paths", "strings")
WORLDS = {name: our_worlds()[name].parse({}) for name in NO_KNOBS}
WORLDS |= WORLDS_WITH_KNOBS
TINY = DecoderSpec(width=8, layers=1, heads=1, kv_heads=1, feed_forward=8, max_positions=64)
LOADERS = ("AutoTokenizer", "PreTrainedTokenizerFast", "AutoProcessor")
MODULAR = ModularArithmetic(min_op=2, max_op=4)


def loaded(loader: str, folder: Path, **options: Any) -> Any:
    import transformers

    return getattr(transformers, loader).from_pretrained(folder, **options)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_our_ids_and_texts(name: str, tmp_path: Path) -> None:
    same_ids_and_texts(WORLDS[name], tmp_path)


def test_questions_of_a_file_have_our_ids_and_texts(tmp_path: Path) -> None:
    rows = [{"prompt": f"Größe {i} ≥ « 3,5 » \u2003 of\n x_{i} ?", "answer": f"${i}.50"} for i in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    same_ids_and_texts(Questions(path=str(tmp_path / "rows.jsonl"), split="train"), tmp_path / "model")


def same_ids_and_texts(world: World, folder: Path) -> None:
    tokenizer = Tokenizer(world.words())
    save_pretrained(Decoder(TINY, len(tokenizer)), tokenizer, folder)
    problems = [world.problem("train", 7, i) for i in range(4)]
    for loader in LOADERS[:2]:
        theirs = loaded(loader, folder)
        assert len(theirs) == len(tokenizer)
        for problem in problems:
            prompt, solution = problem.prompt, world.solution(problem)
            ids = theirs(prompt)["input_ids"]
            assert ids == tokenizer.prompt(prompt) and tokenizer.unk not in ids
            assert theirs.decode(ids, skip_special_tokens=True) == " ".join(prompt.split())
            written = [*tokenizer.encode(solution), tokenizer.eos, tokenizer.pad]
            text = theirs.decode(written, skip_special_tokens=True)
            assert text == tokenizer.decode(written)
            assert world.verify(problem, text).answer_correct
        batch = theirs([problem.prompt for problem in problems], padding=True)
        for row, mask, problem in zip(batch["input_ids"], batch["attention_mask"], problems, strict=True):
            ours = tokenizer.prompt(problem.prompt)
            padding = len(row) - len(ours)
            assert row == [tokenizer.pad] * padding + ours
            assert mask == [0] * padding + [1] * len(ours)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("trust", [False, True])
def test_code_need_not_be_trusted_and_may_be(
    loader: str, trust: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    save_pretrained(sharp(SHAPES["one head"]), TOKENIZER, tmp_path / "model")
    theirs = loaded(loader, tmp_path / "model", trust_remote_code=trust)
    assert theirs("a = 3")["input_ids"] == TOKENIZER.prompt("a = 3")
    assert len(theirs) == len(TOKENIZER)
    theirs.save_pretrained(tmp_path / "saved")
    assert Tokenizer.load(tmp_path / "saved") == TOKENIZER


@pytest.mark.parametrize("loader", LOADERS[:2])
def test_a_tool_that_asks_for_bos_gets_one(loader: str, tmp_path: Path) -> None:
    """lm-eval passes `add_bos_token` to the tokenizer, or `add_special_tokens` to each call."""
    save_pretrained(sharp(SHAPES["one head"]), TOKENIZER, tmp_path)
    asked = loaded(loader, tmp_path, add_bos_token=True)
    assert asked("a = 3")["input_ids"] == TOKENIZER.prompt("a = 3")
    assert asked.encode("a = 3", add_special_tokens=True) == TOKENIZER.prompt("a = 3")
    assert asked.encode("a = 3", add_special_tokens=False) == TOKENIZER.encode("a = 3")


@pytest.mark.parametrize("kind", ["random", "taught"])
def test_greedy_completions_of_padded_texts_are_ours(kind: str, tmp_path: Path) -> None:
    """From text to text as a user does it: tokenizer(prompts), generate, decode, verify."""
    from transformers import AutoModelForCausalLM

    problems = [MODULAR.problem("test", 7, i) for i in range(12)]
    if kind == "taught":
        model, tokenizer = taught(MODULAR, problems, SHAPES["untied, grouped"], steps=120)
    else:
        tokenizer = Tokenizer(MODULAR.words())
        model = sharp(SHAPES["untied, grouped"], len(tokenizer))
    save_pretrained(model, tokenizer, tmp_path)
    params = SamplingParams(temperature=0, max_new_tokens=64)
    ours = roll_out(Engine(model, tokenizer.eos), tokenizer, MODULAR, problems, 1, params, seed=0)

    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    words = loaded("AutoTokenizer", tmp_path)
    batch = words([problem.prompt for problem in problems], return_tensors="pt", padding=True)
    assert (batch["attention_mask"] == 0).any(), "prompts of one length would need no padding"
    written = theirs.generate(**batch, do_sample=False, max_new_tokens=64)
    completions = words.batch_decode(written[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    assert completions == [texts_G[0] for texts_G in ours.text_PG]
    correct = [MODULAR.verify(p, text).answer_correct for p, text in zip(problems, completions, strict=True)]
    if kind == "taught":
        assert correct == [verdict_G[0].answer_correct for verdict_G in ours.verdict_PG]
        assert sum(correct) >= 10, "without bos, transformers wrote other texts and few were right"


# ---- Folders that transformers saved


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shards", ["20KB", "5GB"])
def test_what_transformers_saves_back_is_the_same_model(dtype: torch.dtype, shards: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = sharp(SHAPES["untied, grouped"])
    save_pretrained(model, TOKENIZER, tmp_path / "ours")
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype=dtype)
    saved = tmp_path / "saved"
    theirs.save_pretrained(saved, max_shard_size=shards)
    loaded("AutoTokenizer", tmp_path / "ours").save_pretrained(saved)
    assert (saved / "model.safetensors.index.json").exists() == (shards == "20KB")

    again, tokenizer = load_pretrained(saved)
    assert tokenizer == TOKENIZER and again.spec == model.spec
    assert all(parameter.dtype == torch.float32 for parameter in again.parameters())
    for ours, stored in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(ours.to(dtype).float(), stored), "rounded once, and nothing else"
    tolerance = 1e-4 if dtype == torch.float32 else 0.2
    for tokens in texts(3, model.spec.max_positions, 5):
        with torch.no_grad():
            logits = theirs(torch.tensor([tokens])).logits[0].float()
        torch.testing.assert_close(alone(again, tokens), logits, atol=tolerance, rtol=1e-5)

    for loader in LOADERS:
        words = loaded(loader, saved)
        assert words("a = 3")["input_ids"] == TOKENIZER.prompt("a = 3")
        assert words.padding_side == "left"
    generation = json.loads((saved / "generation_config.json").read_text())
    assert [generation[f"{name}_token_id"] for name in ("pad", "bos", "eos")] == [0, 1, 2]


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    from transformers import AutoModelForCausalLM

    save_pretrained(sharp(SHAPES["untied, grouped"]), TOKENIZER, tmp_path)
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    theirs.save_pretrained(tmp_path, max_shard_size="20KB")
    load_pretrained(tmp_path)
    return tmp_path


def refused(folder: Path, file: str, *words: str) -> None:
    with pytest.raises(InputError) as error:
        load_pretrained(folder)
    message = str(error.value)
    assert message.startswith(f"{folder / file}: ") and "\n" not in message, message
    assert all(word in message for word in words), message


INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 3, "b": "c"}}'])
def test_an_index_that_names_no_shards_is_named(sharded: Path, content: str) -> None:
    (sharded / INDEX).write_text(content)
    refused(sharded, INDEX, "weight_map")


@pytest.mark.parametrize("shard", ["../model-00001-of-00002.safetensors", "/model.safetensors", ""])
def test_shards_lie_in_the_folder(sharded: Path, shard: str) -> None:
    index = json.loads((sharded / INDEX).read_text())
    index["weight_map"]["model.norm.weight"] = shard
    (sharded / INDEX).write_text(json.dumps(index))
    refused(sharded, INDEX, "weight_map", repr(shard))


def test_a_shard_that_is_missing_or_cut_is_named(sharded: Path) -> None:
    shard = sorted(sharded.glob("model-*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:100])
    refused(sharded, shard.name)
    shard.unlink()
    refused(sharded, shard.name)


def test_a_tensor_that_no_shard_has_is_named(sharded: Path) -> None:
    index = json.loads((sharded / INDEX).read_text())
    gone = index["weight_map"]["model.norm.weight"]
    index["weight_map"] = {name: shard for name, shard in index["weight_map"].items() if shard != gone}
    (sharded / INDEX).write_text(json.dumps(index))
    refused(sharded, INDEX, "lacks the tensor")
