"""The emitted PyTorch program, running."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.torch.emit import class_name, emit
from nnc.compiler.ir import Program, Value
from nnc.compiler.types import INTEGERS, DType

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load_module(source: str, name: str = "program") -> ModuleType:
    """The module of an emitted source, under a file name that tracebacks can show lines of."""
    file = f"<nnc {name}.py>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    exec(compile(source, file, "exec"), module.__dict__)
    return module


class TorchRunner(Runner):
    """The emitted program as a module of this process."""

    backend = "torch"

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Precision = "float32",
        device: str = "cpu",
    ) -> None:
        """Load the program. Raises ValueError for weights that don't fit and an unknown device."""
        import torch

        self._torch = torch
        self._device = _device(device)
        self._program = program
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self.module = load_module(emit(program).text, program.name)
        self.model = getattr(self.module, class_name(program))().to(self._device, self._dtype)
        stored = {name: self._tensor(array, "f32") for name, array in weights.items()}
        loaded = self.model.load_state_dict(stored, strict=False)
        missing = [n for n in loaded.missing_keys if not n.endswith("num_batches_tracked")]
        if missing or loaded.unexpected_keys:
            names = ", ".join([*missing, *loaded.unexpected_keys])
            raise ValueError(f"weights of the model and weights given differ: {names}")
        named = dict(self.model.named_parameters())
        self.trained = {
            name: named[name]
            for name, weight in program.graph.weights.items()
            if weight.role == "parameter" and weight.trainable
        }

    def tensor(self, array: NDArray[np.generic]) -> Any:
        """An array as a tensor of its own on the device."""
        return self._torch.tensor(np.asarray(array), device=self._device)

    def _tensor(self, array: NDArray[np.generic], dtype: DType) -> Any:
        tensor = self.tensor(array)
        whole = {"bool": "bool", "i32": "int32", "i64": "int64", "u8": "uint8"}.get(dtype)
        return tensor.to(getattr(self._torch, whole) if whole else self._dtype)

    def _given(self, values: tuple[Value, ...], arrays: Arrays) -> dict[str, Any]:
        return {v.name: self._tensor(arrays[v.name], v.type.dtype) for v in values}

    def batch(self, arrays: Arrays) -> dict[str, Any]:
        """The inputs and the targets as the program's functions take them."""
        training = self._program.training
        given = self._given(self._program.graph.inputs, arrays)
        for target in training.targets if training else ():
            # Losses take class numbers in 64 bits alone.
            dtype = "i64" if target.type.dtype in INTEGERS else target.type.dtype
            given[target.name] = self._tensor(arrays[target.name], dtype)
        return given

    def begin(self, step: int, row: int = 0) -> None:
        """Tell the layers that draw the step, and which example of the batch comes first."""
        drawing: Any = getattr(self.module, "Drawing", ())
        for layer in self.model.modules():
            if isinstance(layer, drawing):
                layer.begin(step, row)

    def _forward(self, inputs: dict[str, Any], *, training: bool, step: int) -> dict[str, Any]:
        self.model.train(training)
        self.begin(step)
        names = [output.name for output in self._program.graph.outputs]
        with self.floats():
            made = self.model(*inputs.values())
        return dict(zip(names, made if len(names) > 1 else [made], strict=True))

    @contextmanager
    def floats(self) -> Iterator[None]:
        """PyTorch makes floats in the runner's precision; afterwards as before."""
        before = self._torch.get_default_dtype()
        self._torch.set_default_dtype(self._dtype)
        try:
            yield
        finally:
            self._torch.set_default_dtype(before)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model in evaluation mode, without gradients, in the runner's precision."""
        self.model.eval()
        with self._torch.no_grad(), self.floats():
            yield

    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        with self._torch.no_grad():
            given = self._given(self._program.graph.inputs, inputs)
            return _arrays(self._forward(given, training=training, step=step))

    def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
        training = self._program.training
        if training is None:
            raise ValueError("the program has no train block, so there is no loss")
        batch = self.batch({**inputs, **targets})
        self.model.eval()
        loss = self.module.objective(self.model, batch)
        return float(loss.detach()), _arrays(self._gradients(loss, self.trained))

    def pullback(
        self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
    ) -> tuple[Arrays, Arrays]:
        graph = self._program.graph
        given = self._given(graph.inputs, inputs)
        leaves = {n: x.requires_grad_() for n, x in given.items() if x.is_floating_point()}
        made = self._forward(given, training=training, step=step)
        total = sum((made[n] * self._tensor(c, "f32")).sum() for n, c in cotangents.items())
        found = self._gradients(total, {**leaves, **self.trained})
        return (
            _arrays({n: found[n] for n in leaves}),
            _arrays({n: found[n] for n in self.trained}),
        )

    def _gradients(self, total: Any, leaves: dict[str, Any]) -> dict[str, Any]:
        """Zeros where nothing depends on a leaf."""
        zeros = {name: self._torch.zeros_like(leaf) for name, leaf in leaves.items()}
        if not leaves or not getattr(total, "requires_grad", False):
            return zeros
        found = self._torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        return {n: zeros[n] if g is None else g for n, g in zip(leaves, found, strict=True)}

    def weights(self) -> Arrays:
        state = self.model.state_dict()
        return _arrays({name: state[name] for name in self._program.graph.weights})


def _device(name: str) -> Any:
    """A device by PyTorch's name for it. Raises ValueError when there is no such device."""
    import torch

    counts = {"cpu": 1}
    if torch.accelerator.is_available():
        accelerator = torch.accelerator.current_accelerator()
        assert accelerator is not None
        counts[accelerator.type] = torch.accelerator.device_count()
    names = [*counts, *(f"{kind}:{n}" for kind, count in counts.items() for n in range(count))]
    if name not in names:
        there = " and ".join(f"`{kind}`" for kind in counts)
        raise ValueError(f"PyTorch has no device `{name}` here, only {there}")
    return torch.device(name)


def _arrays(tensors: dict[str, Any]) -> Arrays:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}
