"""The emitted PyTorch program, being trained step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnc.backends.base import Arithmetic, Arrays, Engine, Result, shares, size
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Program

_MODEL, _MEMORY, _SCALE = "model/", "optimizer/", "scale/"


class TorchEngine(Engine):
    """`objective`, `descend`, `measure` and `conclude` of the program, on one device.

    The state is the model's state dict below `model/`, and the optimiser's tensors of each weight
    below `optimizer/WEIGHT/`; of mixed precision in float16 the scale of the loss below `scale/`.
    """

    backend = "torch"

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Arithmetic = "float32",
        device: str = "cpu",
    ) -> None:
        if program.training is None:
            raise ValueError("the program has no train block")
        self._measures = bool(program.training.metrics)
        kept = "float32" if precision == "mixed" else precision
        self._runner = TorchRunner(program, weights, kept, device)
        self._module = self._runner.module
        self._model = self._runner.model
        with self._runner.floats():
            self._optimizer = self._module.optimizer_of(self._model)
        self._mixed = Mixed(self._model, device) if precision == "mixed" else None

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        with self._runner.floats():
            self._model.train()
            self._optimizer.zero_grad()
            total, row = 0.0, 0
            for part, share in zip(parts, shares(parts), strict=True):
                self._runner.begin(step, row)
                row += size(part)
                loss = self._module.objective(self._model, self._runner.batch(part))
                part_loss = loss if share == 1 else loss * share
                (self._mixed.scaled(part_loss) if self._mixed else part_loss).backward()
                total += share * float(loss.detach())
            if math.isfinite(total) and (not self._mixed or self._mixed.unscale(self._optimizer)):
                self._module.descend(self._model, self._optimizer, rate)
        return total

    def rate(self, step: int, steps: int) -> float:
        return float(self._module.learning_rate(step, steps))

    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        with self._runner.evaluating():
            given = self._runner.batch(batch)
            if not self._measures:
                return float(self._module.objective(self._model, given)), {}
            loss, found = self._module.measure(self._model, given)
            return float(loss), found

    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        return self._module.conclude(known) if self._measures else {}

    def outputs(self, inputs: Arrays) -> Arrays:
        return self._runner.outputs(inputs)

    def gradient_norms(self) -> dict[str, float]:
        return {
            name: float(weight.grad.double().norm())
            for name, weight in self._runner.trained.items()
            if weight.grad is not None
        }

    def weights(self) -> Arrays:
        return self._runner.weights()

    def state(self) -> Arrays:
        state = {f"{_MODEL}{name}": _array(x) for name, x in self._model.state_dict().items()}
        for name, weight in self._runner.trained.items():
            memory = self._optimizer.state.get(weight, {})
            state |= {f"{_MEMORY}{name}/{key}": _array(x) for key, x in memory.items()}
        if self._mixed:
            state |= {f"{_SCALE}{name}": array for name, array in self._mixed.state().items()}
        return state

    def restore(self, state: Arrays) -> None:
        expected = {f"{_MODEL}{name}": x for name, x in self._model.state_dict().items()}
        given = {name: array for name, array in state.items() if name.startswith(_MODEL)}
        if given.keys() != expected.keys() or any(
            array.shape != tuple(expected[name].shape) for name, array in given.items()
        ):
            raise ValueError("this is the state of another program")
        tensors = {n.removeprefix(_MODEL): self._runner.tensor(x) for n, x in given.items()}
        self._model.load_state_dict(tensors)
        memory: dict[int, dict[str, Any]] = {}
        for place, (name, weight) in enumerate(self._optimized().items()):
            prefix = f"{_MEMORY}{name}/"
            memory[place] = {
                key.removeprefix(prefix): self._remembered(array, weight)
                for key, array in state.items()
                if key.startswith(prefix)
            }
        groups = self._optimizer.state_dict()["param_groups"]
        kept = {place: found for place, found in memory.items() if found}
        self._optimizer.load_state_dict({"state": kept, "param_groups": groups})
        if self._mixed:
            scale = {n.removeprefix(_SCALE): x for n, x in state.items() if n.startswith(_SCALE)}
            self._mixed.restore(scale)

    def _optimized(self) -> dict[str, Any]:
        """The optimiser's weights by name, in its order."""
        names = {id(weight): name for name, weight in self._model.named_parameters()}
        groups = self._optimizer.param_groups
        return {names[id(weight)]: weight for group in groups for weight in group["params"]}

    def _remembered(self, array: Any, weight: Any) -> Any:
        """What an optimiser keeps of a weight: a tensor, or a whole number of Python's. Fused
        updates walk through memory, so both must lie there in the same order of axes."""
        if array.dtype.kind == "i":
            return int(array)
        tensor = self._runner.tensor(array)
        if tensor.shape != weight.shape:
            return tensor
        return weight.detach().clone().copy_(tensor)


def _array(kept: Any) -> Any:
    """A tensor, or a whole number that an optimiser counts with, as a new array."""
    if isinstance(kept, int):
        return np.array(kept, np.int64)
    return kept.detach().cpu().numpy().copy()


class Mixed:
    """Mixed precision of a model whose weights are float32: PyTorch's autocast within it, bfloat16
    where the device has it.

    Layers that normalise take and give float32, and so do the model's outputs: losses, metrics,
    gradients and updates stay in float32. float16, for devices without bfloat16, has so small a
    range that the loss is scaled up for the way back; an update whose gradients overflow is left
    out, and the scale halved.
    """

    def __init__(self, model: Any, device: str) -> None:
        """Raises ValueError for a device that has none."""
        import torch
        from torch.nn.modules import batchnorm, instancenorm, normalization

        kind = torch.device(device).type
        if kind not in ("cpu", "cuda"):
            raise ValueError(f"mixed precision is for `cpu` and `cuda`, not for `{device}`")
        half = _half(kind)
        self._cast = partial(torch.autocast, kind, half)
        self._scaler = torch.amp.GradScaler(kind) if half == torch.float16 else None
        kinds = (
            batchnorm._BatchNorm,
            instancenorm._InstanceNorm,
            *(normalization.GroupNorm, normalization.LayerNorm, normalization.RMSNorm),
        )
        for layer in model.modules():
            if isinstance(layer, kinds):
                layer.forward = _exactly(layer.forward)
        for name in ("scores", "forward"):
            if hasattr(model, name):
                setattr(model, name, self._within(getattr(model, name)))

    def _within(self, function: Any) -> Any:
        """A function of the model under autocast, that gives float32."""

        def applied(*given: Any) -> Any:
            with self._cast():
                made = function(*given)
            return tuple(map(_exact, made)) if isinstance(made, tuple) else _exact(made)

        return applied

    def scaled(self, loss: Any) -> Any:
        """The loss for the way back."""
        return loss if self._scaler is None else self._scaler.scale(loss)

    def unscale(self, optimizer: Any) -> bool:
        """Give the gradients their own size again; whether they are finite."""
        if self._scaler is None:
            return True
        self._scaler.unscale_(optimizer)
        self._scaler.update()
        weights = (weight for group in optimizer.param_groups for weight in group["params"])
        return all(weight.grad is None or weight.grad.isfinite().all() for weight in weights)

    def state(self) -> Arrays:
        """The scale, and for how many updates it has been good; nothing without one."""
        if self._scaler is None:
            return {}
        kept = self._scaler.state_dict()
        return {"size": np.array(kept["scale"]), "age": np.array(kept["_growth_tracker"])}

    def restore(self, state: Arrays) -> None:
        """Go on from a state."""
        if self._scaler is not None and state:
            own = {"scale": float(state["size"]), "_growth_tracker": int(state["age"])}
            self._scaler.load_state_dict({**self._scaler.state_dict(), **own})


def _exactly(forward: Any) -> Any:
    """A layer's function that takes its float input in float32."""
    return lambda x: forward(_exact(x))


def _exact(x: Any) -> Any:
    """A tensor of 16-bit floats in float32, any other as it is."""
    return x.float() if x.is_floating_point() else x


def _half(kind: str) -> Any:
    """The 16-bit floats of a kind of device."""
    import torch

    if kind == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16
