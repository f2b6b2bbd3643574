"""Optimisers that torch does not have."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Lion(torch.optim.Optimizer):
    """w = w * (1 - lr * decay) - lr * sign(beta1 * m + (1 - beta1) * g);
    m = beta2 * m + (1 - beta2) * g."""

    def __init__(
        self,
        weights: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        super().__init__(weights, settings)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of every weight that has a gradient."""
        for group in self.param_groups:
            rate, (beta1, beta2) = group["lr"], group["betas"]
            for weight in group["params"]:
                gradient = weight.grad
                if gradient is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                direction = torch.sign(beta1 * mean + (1 - beta1) * gradient)
                weight.mul_(1 - rate * group["weight_decay"]).sub_(rate * direction)
                mean.mul_(beta2).add_(gradient, alpha=1 - beta2)


class Lamb(torch.optim.Optimizer):
    """u = m' / (sqrt(v') + eps) + decay * w with the corrected means m' and v' of Adam;
    w = w - lr * |w| / |u| * u."""

    def __init__(
        self,
        weights: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(weights, settings)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    update = self.direction(weight, group)
                    norm, size = weight.norm(), update.norm()
                    trust = torch.where(norm * size > 0, norm / size, 1.0)
                    weight.sub_(group["lr"] * trust * update)

    def direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor:
        """The step of one weight before it is scaled."""
        (beta1, beta2), state = group["betas"], self.state[weight]
        mean = state.setdefault("mean", torch.zeros_like(weight))
        square = state.setdefault("square", torch.zeros_like(weight))
        count = state["count"] = state.get("count", 0) + 1
        mean.lerp_(weight.grad, 1 - beta1)
        square.mul_(beta2).addcmul_(weight.grad, weight.grad, value=1 - beta2)
        root = (square / (1 - beta2**count)).sqrt() + group["eps"]
        return mean / (1 - beta1**count) / root + group["weight_decay"] * weight
