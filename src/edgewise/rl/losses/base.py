"""Base of all policy losses: what they may look at, their spec, and the registry that recipes choose from.

A loss is one file of this package, or joins one: a pure function of tensors with its formula and source, a spec below
it whose fields are the function's numbers, and its description (`DESCRIPTIONS`, see `edgewise.rl.description`). A loss
of yours registers in the same way and needs no description.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import PlainValidator, SerializeAsAny
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec
from edgewise.rl.registry import SpecRegistry

LossAndMetrics = tuple[Tensor, Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class LossInputs:
    """What a policy loss may look at: the tokens with loss of whole samples, flat.

    `logp_N` and `logits_NV` carry the gradient. `token_N` is the sampled token, `sample_index_N` a number that its
    sample alone has, `old_logp_N` what the ratio is taken against. `chosen_N` (bool) are the tokens that the loss chose
    among all of the minibatch (`PolicyLossSpec.choose`); none where it chooses none.
    """

    logp_N: Tensor
    old_logp_N: Tensor
    advantage_N: Tensor
    sample_index_N: Tensor
    token_N: Tensor
    logits_NV: Tensor
    chosen_N: Tensor


class PolicyLossSpec(Spec):
    """One policy loss with its numbers; the base of all of them.

    `on_policy_only`: the loss has no ratio that could correct for another policy, so it needs one update a step on
    what the policy itself wrote. `chooses_tokens`: the loss treats some tokens otherwise, which it chooses among all
    of a minibatch.
    """

    on_policy_only: ClassVar[bool] = False
    chooses_tokens: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        """The loss of each token, and what to log about it."""

    def choose(self, logp_M: Tensor, advantage_M: Tensor, seed: int) -> Tensor:
        """Which of the M tokens of a minibatch to treat otherwise, bool [M] on the CPU; only with `chooses_tokens`.

        The tokens are in the order of their samples, with the log-probabilities of the policy before this step's
        updates. `seed` keys whatever is drawn.
        """
        raise TypeError(f"{type(self).__name__} chooses no tokens")


LOSSES: SpecRegistry[PolicyLossSpec] = SpecRegistry("loss", "edgewise.rl.losses")

AnyPolicyLoss = Annotated[PolicyLossSpec, PlainValidator(LOSSES.parse), SerializeAsAny()]
"""A field that accepts any registered policy loss; its name alone stands for its defaults."""


def constants(like: Tensor, **named: Tensor) -> list[Tensor]:
    """The named tensors, detached; InputError on another shape than `like`, which would broadcast into nonsense."""
    for name, tensor in named.items():
        if tensor.shape != like.shape:
            raise InputError(f"{name}: shape {list(tensor.shape)}; must be {list(like.shape)}, one value per token")
    return [tensor.detach() for tensor in named.values()]
