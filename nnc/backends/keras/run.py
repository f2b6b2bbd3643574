"""A program on Keras: the emitted source itself, running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.keras.emit import emit
from nnc.compiler.ir import Program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class KerasRunner(Runner):
    """The program on Keras 3 with TensorFlow, in float32 or float64."""

    backend = "keras"

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Precision = "float32",
        device: str = "cpu",
    ) -> None:
        """Load the program. Raises ValueError for weights that don't fit and an unknown device."""
        _prepare(device)
        self._program = program
        self._precision = precision
        self.module = _executed(emit(program).text)
        with self.floats():
            if "build_models" in self.module:
                self.model, self.trained_model = self.module["build_models"]()
            else:
                self.model = self.trained_model = self.module["build_model"]()
            self.module["set_weights"](self.model, self._cast(weights))

    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        self.begin(step)
        with self.floats():
            results = self.model(self.tensors(inputs), training=training)
        return {name: result.numpy() for name, result in results.items()}

    def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
        import tensorflow as tf

        with self.floats(), tf.GradientTape() as tape:
            batch = self.tensors({**inputs, **targets})
            loss = self.module["objective"](self.model, self.trained_model, batch, training=False)
        trained = self.trained()
        gradients = tape.gradient(loss, list(trained.values()))
        return float(loss), self.canonical(trained, gradients)

    def pullback(
        self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
    ) -> tuple[Arrays, Arrays]:
        import tensorflow as tf

        self.begin(step)
        tensors = self.tensors(inputs)
        floats = {name: x for name, x in tensors.items() if x.dtype.is_floating}
        with self.floats(), tf.GradientTape() as tape:
            tape.watch(list(floats.values()))
            results = self.model(tensors, training=training)
            products = [
                tf.reduce_sum(results[name] * cotangent)
                for name, cotangent in self.tensors(cotangents).items()
                if results[name].dtype.is_floating
            ]
            total = tf.add_n(products) if products else tf.zeros(())
        trained = self.trained()
        sources = [*floats.values(), *trained.values()]
        gradients = tape.gradient(total, sources)
        of_inputs = {
            name: _dense(x, gradient)
            for (name, x), gradient in zip(floats.items(), gradients, strict=False)
        }
        return of_inputs, self.canonical(trained, gradients[len(floats) :])

    def begin(self, step: int, row: int = 0) -> None:
        """Tell the layers that draw the step, and which example of the batch comes first."""
        if "DRAWN_AT" in self.module:
            self.module["DRAWN_AT"].assign([step, row])

    def weights(self) -> Arrays:
        with self.floats():
            arrays: Arrays = self.module["get_weights"](self.model)
        return arrays

    def trained(self) -> dict[str, Any]:
        """The variables that training changes, by canonical name."""
        parameters = {
            name
            for name, weight in self._program.graph.weights.items()
            if weight.role == "parameter" and weight.trainable
        }
        return {
            name: self.module["variable"](self.model, name).value
            for name in self.module["WEIGHTS"]
            if name in parameters
        }

    def canonical(self, variables: dict[str, Any], gradients: list[Any]) -> Arrays:
        return {
            name: self.module["canonical"](name, _dense(value, gradient))
            for (name, value), gradient in zip(variables.items(), gradients, strict=True)
        }

    def _cast(self, arrays: Arrays) -> Arrays:
        """Floats in the runner's precision, everything else as it is."""
        return {
            name: array.astype(self._precision) if array.dtype.kind == "f" else array
            for name, array in arrays.items()
        }

    def tensors(self, arrays: Arrays) -> dict[str, Any]:
        import tensorflow as tf

        return {name: tf.convert_to_tensor(array) for name, array in self._cast(arrays).items()}

    @contextmanager
    def floats(self) -> Iterator[None]:
        """Keras in the runner's precision; afterwards as it was before."""
        import keras

        # Layers follow the policy, which Keras does not change with floatx once it is set.
        before = keras.config.floatx(), keras.config.dtype_policy()
        keras.config.set_floatx(self._precision)
        keras.config.set_dtype_policy(self._precision)
        try:
            yield
        finally:
            keras.config.set_floatx(before[0])
            keras.config.set_dtype_policy(before[1])


def _prepare(device: str) -> None:
    """Quiet TensorFlow, which reads these when it is imported first; for the processor it sees no
    other device. Raises ValueError for a device that it doesn't have."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if device == "cpu":
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
        return
    if device == "gpu":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return
        raise ValueError("TensorFlow has no device `gpu` here, only `cpu`")
    raise ValueError(f"Keras has no device `{device}`: it is trained on `cpu` or on `gpu`")


def _executed(source: str) -> dict[str, Any]:
    """The names that the emitted program defines."""
    names: dict[str, Any] = {"__name__": "nnc_generated", "__file__": "nnc_generated.py"}
    exec(compile(source, "<nnc keras>", "exec"), names)
    return names


def _dense(value: Any, gradient: Any) -> NDArray[np.generic]:
    """A gradient as an array: zeros where nothing depends on the value, slices summed."""
    import numpy as np
    import tensorflow as tf

    if gradient is None:
        return np.zeros(value.shape, value.dtype.as_numpy_dtype)
    array: NDArray[np.generic] = tf.convert_to_tensor(gradient).numpy()
    return array
