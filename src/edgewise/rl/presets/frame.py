"""The sizes of works that state none of their own: those of one published comparison of algorithms."""

from __future__ import annotations

from edgewise.rl.presets.base import Stated

_WHERE = "Yue et al. 2025, 2504.13837: "

FRAME: Stated = {
    "steps": (150, _WHERE + "what its table reports is step 150"),
    "prompts": (256, _WHERE + "256 prompts (its second version says 128)"),
    "samples": (8, _WHERE + "8 rollouts to a prompt"),
    "updates": (1, _WHERE + "mini-batch 256, one update of the whole batch"),
    "max_new_tokens": (8192, _WHERE + "8,192 tokens"),
    "temperature": (1.0, _WHERE + "temperature 1"),
    "reward": ("outcome", _WHERE + "right or wrong"),
    "kl.coefficient": (0.0, _WHERE + "no KL"),
    "optimizer.learning_rate": (1e-6, _WHERE + "AdamW at 1e-6"),
    "optimizer.schedule": ("constant", _WHERE + "constant"),
}
