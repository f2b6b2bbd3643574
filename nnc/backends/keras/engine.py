"""The emitted Keras program, being trained step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnc.backends.base import Arithmetic, Arrays, Engine, Result, shares, size
from nnc.backends.keras.run import KerasRunner
from nnc.compiler.ir import Program

_WEIGHT, _MEMORY = "weight/", "optimizer/"


class KerasEngine(Engine):
    """`gradients_of`, `descend`, `measure` and `conclude` of the program, as TensorFlow's graphs.

    The state is every weight below `weight/`, and the optimiser's variables by their places below
    `optimizer/`.
    """

    backend = "keras"

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
        self._runner = KerasRunner(program, weights, kept, device)
        self._module = self._runner.module
        self._models = (self._runner.model, self._runner.trained_model)
        if precision == "mixed":
            _mix(self._module, self._models)
        with self._runner.floats():
            self._optimizer = self._module["make_optimizer"]()
            self._optimizer.build(self._runner.model.trainable_variables)
        self._gradients_of = self._compiled("gradients_of", *self._models)
        self._descend = self._compiled("descend", self._runner.model, self._optimizer)
        self._objective = self._compiled("objective", *self._models, training=False)
        self._gradients: list[Any] = []

    def _compiled(self, name: str, *first: Any, **options: Any) -> Any:
        """A function of the program with its first arguments, compiled when it is called."""
        import tensorflow as tf

        function = self._module[name]
        return tf.function(
            lambda *given: function(*first, *given, **options),
            autograph=False,
            reduce_retracing=True,
        )

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        total, row = 0.0, 0
        gradients: list[Any] = []
        with self._runner.floats():
            for part, share in zip(parts, shares(parts), strict=True):
                self._runner.begin(step, row)
                loss, found = self._gradients_of(self._batch(part))
                if share != 1:
                    found = [share * gradient for gradient in found]
                gradients = [a + b for a, b in zip(gradients, found, strict=True)] if row else found
                row += size(part)
                total += share * float(loss)
            if math.isfinite(total):
                self._gradients = gradients
                self._descend(gradients, self._rate(rate))
        return total

    def _rate(self, rate: float) -> Any:
        """A rate as a tensor: graphs are made anew for other numbers of Python's."""
        import tensorflow as tf

        return tf.constant(rate, self._optimizer.learning_rate.dtype)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate by the program's own function."""
        return float(self._module["learning_rate"](step, steps))

    def _batch(self, arrays: Arrays) -> dict[str, Any]:
        return self._runner.tensors(arrays)

    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        with self._runner.floats():
            given = self._batch(batch)
            loss = float(self._objective(given))
            if not self._measures:
                return loss, {}
            found = self._module["measure"](self._runner.model, given)
            return loss, {name: part.numpy() for name, part in found.items()}

    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        return self._module["conclude"](known) if self._measures else {}

    def outputs(self, inputs: Arrays) -> Arrays:
        return self._runner.outputs(inputs)

    def gradient_norms(self) -> dict[str, float]:
        if not self._gradients:
            return {}
        clip = self._module.get("clip_gradients", list)
        model = self._runner.model
        clipped = zip(model.trainable_variables, clip(self._gradients), strict=True)
        arrays = {id(variable): gradient.numpy() for variable, gradient in clipped}
        found = {}
        for name in self._runner.trained():
            held = arrays.get(id(self._module["variable"](model, name)))
            if held is not None:
                found[name] = float(np.linalg.norm(self._module["canonical"](name, held)))
        return found

    def weights(self) -> Arrays:
        return self._runner.weights()

    def state(self) -> Arrays:
        state = {f"{_WEIGHT}{name}": array for name, array in self.weights().items()}
        for place, variable in enumerate(self._optimizer.variables):
            array = variable.numpy()
            whole = array.dtype.kind == "i"
            state[f"{_MEMORY}{place}"] = np.array(array, np.int64 if whole else array.dtype)
        return state

    def restore(self, state: Arrays) -> None:
        weights = {n.removeprefix(_WEIGHT): x for n, x in state.items() if n.startswith(_WEIGHT)}
        memory = {n.removeprefix(_MEMORY): x for n, x in state.items() if n.startswith(_MEMORY)}
        variables = {str(place): v for place, v in enumerate(self._optimizer.variables)}
        if memory.keys() != variables.keys() or any(
            memory[place].shape != tuple(variable.shape) for place, variable in variables.items()
        ):
            raise ValueError("this is the state of another program")
        try:
            with self._runner.floats():
                self._module["set_weights"](self._runner.model, weights)
        except ValueError as error:
            raise ValueError("this is the state of another program") from error
        for place, variable in variables.items():
            variable.assign(memory[place])


def _mix(module: dict[str, Any], models: Iterable[Any]) -> None:
    """Mixed precision: layers that multiply matrices compute in bfloat16, and give float32 to all
    others. Weights, and so gradients and updates, stay in float32.

    A layer that more than one model has is changed once.
    """
    import keras

    policy = keras.DTypePolicy("mixed_bfloat16")
    products = _products(module)
    layers = (x for model in models for x in model._flatten_layers(include_self=False))
    found: dict[int, Any] = {id(layer): layer for layer in layers}
    for layer in found.values():
        if isinstance(layer, products):
            layer.dtype_policy = policy
            layer.call = _giving_float32(layer.call)
        if isinstance(layer, keras.layers.RNN):
            layer.cell.dtype_policy = policy
    if "attention_weights" in module:
        module["attention_weights"] = _softened(module["attention_weights"])


def _products(module: dict[str, Any]) -> tuple[Any, ...]:
    """The kinds of layers that multiply matrices: Keras' own, and those of the program."""
    from keras import layers

    own = ("ConvTranspose", "MultiHeadAttention", "ScaledDotProductAttention")
    return (
        *(layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D),
        *(layers.DepthwiseConv1D, layers.DepthwiseConv2D),
        *(layers.SeparableConv1D, layers.SeparableConv2D),
        *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
        *(layers.SimpleRNN, layers.GRU, layers.LSTM),
        *(module[name] for name in own if name in module),
    )


def _giving_float32(call: Any) -> Any:
    """A layer's function whose results are float32. What it drops by keeps the type of what it
    takes."""
    import keras

    def kept(dropout: Any) -> Any:
        return lambda x: keras.ops.cast(dropout(x), x.dtype)

    def called(*given: Any, **options: Any) -> Any:
        if options.get("dropout") is not None:
            options["dropout"] = kept(options["dropout"])
        made = call(*given, **options)
        return keras.tree.map_structure(lambda x: keras.ops.cast(x, "float32"), made)

    return called


def _softened(weights: Any) -> Any:
    """Attention's softmax over the keys, computed in float32."""
    import keras

    def soft(scores: Any, *given: Any) -> Any:
        made = weights(keras.ops.cast(scores, "float32"), *given)
        return keras.ops.cast(made, scores.dtype)

    return soft
