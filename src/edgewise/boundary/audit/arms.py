"""Arms of an audit and their checkpoints: one model, or one for each training seed of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts
from edgewise.outcomes.outcomes import Outcomes

Samples = Outcomes | Counts
# One checkpoint, or one for each training seed: by the name of the seed, or in order.
ArmSamples = Samples | Mapping[str, Samples] | Sequence[Samples]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of all arms, bases first.

    `samples` holds each one's by name: that of its arm, or ARM/SEED. `base_of` names the base of each tuned model.
    `recipes` holds, for each tuned arm with training seeds, the model of each seed. `arms` names the tuned arms.
    """

    samples: Mapping[str, Samples]
    base_of: Mapping[str, str]
    recipes: Mapping[str, Mapping[str, str]]
    arms: tuple[str, ...]


def line_up(arms: Mapping[str, ArmSamples]) -> Checkpoints:
    """Name the checkpoints of each arm, and pair each tuned one with the base, or with that of its training seed.

    The first arm is the base. Raises InputError where there is no tuned arm, an arm has no checkpoint, two have one
    name, or a base for each training seed lacks one.
    """
    if len(arms) < 2:
        raise InputError(f"models: {len(arms)} given; an audit compares a base with at least one tuned model")
    (base_name, base), *tuned = ((name, _by_seed(name, arm)) for name, arm in arms.items())
    samples: dict[str, Samples] = {}
    base_of: dict[str, str] = {}
    recipes: dict[str, dict[str, str]] = {}
    for name, by_seed in ((base_name, base), *tuned):
        for seed, checkpoint in by_seed.items():
            model = model_name(name, seed)
            if model in samples:
                raise InputError(f"models: two are called {model!r}; give them different names")
            samples[model] = checkpoint
    for name, by_seed in tuned:
        for seed in by_seed:
            if None not in base and seed not in base:
                raise InputError(
                    f"{name}: no base for {'its one checkpoint' if seed is None else f'training seed {seed}'}; "
                    f"{base_name} has those of training seeds {', '.join(map(str, base))}"
                )
            base_of[model_name(name, seed)] = model_name(base_name, seed if seed in base else None)
        if None not in by_seed:
            recipes[name] = {str(seed): model_name(name, seed) for seed in by_seed}
    return Checkpoints(samples, base_of, recipes, tuple(name for name, _ in tuned))


def model_name(arm: str, seed: str | None) -> str:
    """What the checkpoint of an arm is called: ARM/SEED, or as the arm where it has one alone."""
    return arm if seed is None else f"{arm}/{seed}"


def _by_seed(name: str, arm: ArmSamples) -> Mapping[str | None, Samples]:
    """The checkpoints of an arm by training seed; None is that of an arm with one checkpoint."""
    if isinstance(arm, Outcomes | Counts):
        return {None: arm}
    if not arm:
        raise InputError(f"{name}: no checkpoint; give the samples of at least one")
    if isinstance(arm, Mapping):
        return {str(seed): checkpoint for seed, checkpoint in arm.items()}
    return {str(i): checkpoint for i, checkpoint in enumerate(arm, start=1)}
