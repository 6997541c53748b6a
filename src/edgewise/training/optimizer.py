"""Optimizer: AdamW with gradient clipping, and learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from edgewise.core.spec import Spec
from edgewise.model.fixed_order import power, served_by_kernels
from edgewise.model.native.optimizer import Moments, adamw_, sum_of_squares
from edgewise.training.sharded_tensors import all_rows, own_rows, sharded_like, sum_over_ranks


class OptimizerSpec(Spec):
    """AdamW. `learning_rate` is the peak of the schedule; `warmup` and `final` are shares of it.

    Schedule "cosine": linear warm-up over the first `warmup` of the steps, then a half cosine
    down to `final` x peak. "constant": the same warm-up, then the peak.
    """

    learning_rate: float = Field(2e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(0.02, ge=0, lt=1)
    final: float = Field(0.05, ge=0, le=1)
    beta_1: float = Field(0.9, ge=0, lt=1)
    beta_2: float = Field(0.98, ge=0, lt=1)
    epsilon: float = Field(1e-8, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of update `step` (from 0) of `steps`."""
        warm = self.warmup * steps
        if step < warm:
            return self.learning_rate * (step + 1) / (warm + 1)
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - warm) / max(1.0, steps - warm)
        return self.learning_rate * (self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress)))


class Optimizer:
    """AdamW over a model's parameters by name; matrices decay, norms and biases do not.

    Of sharded parameters each rank updates its rows. The norm of the gradients is that of all ranks.
    """

    def __init__(self, model: nn.Module, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.parameters = dict(model.named_parameters())
        decayed = [p for p in self.parameters.values() if p.dim() > 1]
        plain = [p for p in self.parameters.values() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": spec.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        betas = (spec.beta_1, spec.beta_2)
        self._adamw = torch.optim.AdamW(groups, lr=spec.learning_rate, betas=betas, eps=spec.epsilon, fused=True)

    def step(self, learning_rate: float) -> float:
        """Clip the gradients, update the parameters, clear the gradients; returns the norm before clipping."""
        if served_by_kernels(*self.parameters.values()):
            norm = self._step_native(learning_rate)
        else:
            norm = float(all_rows(nn.utils.clip_grad_norm_(self.parameters.values(), self.spec.clip)))
            for group in self._adamw.param_groups:
                group["lr"] = learning_rate
            self._adamw.step()
        self._adamw.zero_grad()
        return norm

    def _step_native(self, learning_rate: float) -> float:
        spec, moments = self.spec, []
        for group in self._adamw.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self._adamw.state[parameter]
                if not state:
                    state["step"] = torch.zeros(())
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] += 1
                steps = int(state["step"])
                moments.append(
                    Moments(
                        *(own_rows(parameter), own_rows(parameter.grad).contiguous()),
                        *(own_rows(state["exp_avg"]), own_rows(state["exp_avg_sq"])),
                        kept=1 - learning_rate * group["weight_decay"],
                        rate=learning_rate / (1 - power(spec.beta_1, steps)),
                        root=math.sqrt(1 - power(spec.beta_2, steps)),
                    )
                )
        norm = math.sqrt(sum_over_ranks(sum_of_squares(moments), self.parameters.values()))
        scale = spec.clip / (norm + 1e-6)
        # A norm that is no number stays one, and is found by who asked for the step.
        adamw_(moments, 1.0 if scale > 1 else scale, (spec.beta_1, spec.beta_2), spec.epsilon)
        return norm

    def tensors(self) -> dict[str, Tensor]:
        """Moments and step counts as flat tensors `parameter/moment`; empty before the first step."""
        return {
            f"{name}/{moment}": value
            for name, parameter in self.parameters.items()
            for moment, value in self._adamw.state.get(parameter, {}).items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `tensors` returned, on the parameters' device and ranks; an empty dict is a fresh start."""
        self._adamw.state.clear()
        for key, value in tensors.items():
            name, _, moment = key.rpartition("/")
            parameter = self.parameters[name]
            if value.dim():  # the count of steps has none
                value = sharded_like(value, parameter)
            self._adamw.state[parameter][moment] = value.to(parameter.device, copy=True)
