"""Reasoning Gym (arXiv 2505.24760): `world` has the world, `process` what runs in a process that can be killed."""

from edgewise.tasks.gym.world import ReasoningGym

__all__ = ["ReasoningGym"]
