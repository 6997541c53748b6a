"""Draw completions of texts from a checkpoint of ours, for the model classes that evaluation tools call.

A draw is keyed by (seed, prompt, number of the draw), as in `edgewise.rollouts.collect.roll_out`: sample n of a prompt
is the same, whichever tool asks for it and whatever else it asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.hf import load_pretrained
from edgewise.model.model_folder import find_model
from edgewise.model.tokenizer import Tokenizer
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams


@dataclass(frozen=True, slots=True)
class Draw:
    """A completion: its text, whether it ended by itself, and its number of tokens."""

    text: str
    finished: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class CheckpointSampler:
    """A model of ours, what samples from it, and the name that results call it by."""

    name: str
    engine: Engine
    tokenizer: Tokenizer

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu", backend: str = "auto") -> CheckpointSampler:
        """Load a model folder, or the folder of a stage that has one in `model/`.

        InputError where there is none, or where the decoder or the tokenizer is not of our kind.
        """
        found = find_model(path)
        model, tokenizer = load_pretrained(found.folder, device, backend)
        return cls(found.name, Engine(model, tokenizer.eos), tokenizer)

    @property
    def positions(self) -> int:
        """The most tokens of a prompt and its completion together."""
        return self.engine.model.spec.max_positions

    def prompt_ids(self, text: str) -> list[int]:
        """The token ids of a prompt; InputError where it has a word that the model does not know."""
        ids = self.tokenizer.prompt(text)
        if self.tokenizer.unk in ids[1:]:
            word = next(word for word, i in zip(text.split(), ids[1:], strict=True) if i == self.tokenizer.unk)
            raise InputError(f"{self.name}: the prompt has the word {word!r:.40}, which is not among the model's words")
        return ids

    def draw(
        self, prompts: Sequence[str], samples: int, params: SamplingParams, seed: int, block: int = 0
    ) -> list[list[Draw]]:
        """`samples` completions of each prompt, of which none goes beyond the model's positions.

        Those of block 0 are what `roll_out` draws with this seed; other blocks are draws of their own.
        """
        ids = [self.prompt_ids(prompt) for prompt in prompts]
        keys = [key("completion", seed, prompt, *([block] if block else [])) for prompt in prompts]
        limits = [min(params.max_new_tokens, self.positions - len(prompt)) for prompt in ids]
        if min(limits, default=1) < 1:
            raise InputError(
                f"{self.name}: a prompt of {max(map(len, ids))} tokens fills its {self.positions} positions"
            )
        completions = self.engine.sample(ids, keys, samples, params, limits)
        return [
            [
                Draw(
                    self.tokenizer.decode(completions.ids(p, g)),
                    bool(completions.finished_PG[p, g]),
                    int(completions.length_PG[p, g]),
                )
                for g in range(samples)
            ]
            for p in range(len(prompts))
        ]
