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
    """The program on Keras 3 with TensorFlow, on the processor, in float32 or float64."""

    backend = "keras"

    def __init__(self, program: Program, weights: Arrays, precision: Precision = "float32") -> None:
        _prepare()
        self._program = program
        self._precision = precision
        self._module = _executed(emit(program).text)
        with self._floats():
            if "build_models" in self._module:
                self._model, self._trained_model = self._module["build_models"]()
            else:
                self._model = self._trained_model = self._module["build_model"]()
            self._module["set_weights"](self._model, self._cast(weights))

    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        self._begin(step)
        with self._floats():
            results = self._model(self._tensors(inputs), training=training)
        return {name: result.numpy() for name, result in results.items()}

    def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
        import tensorflow as tf

        with self._floats(), tf.GradientTape() as tape:
            batch = self._tensors({**inputs, **targets})
            loss = self._module["objective"](
                self._model, self._trained_model, batch, training=False
            )
        trained = self._trained()
        gradients = tape.gradient(loss, list(trained.values()))
        return float(loss), self._canonical(trained, gradients)

    def pullback(
        self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
    ) -> tuple[Arrays, Arrays]:
        import tensorflow as tf

        self._begin(step)
        tensors = self._tensors(inputs)
        floats = {name: x for name, x in tensors.items() if x.dtype.is_floating}
        with self._floats(), tf.GradientTape() as tape:
            tape.watch(list(floats.values()))
            results = self._model(tensors, training=training)
            products = [
                tf.reduce_sum(results[name] * cotangent)
                for name, cotangent in self._tensors(cotangents).items()
                if results[name].dtype.is_floating
            ]
            total = tf.add_n(products) if products else tf.zeros(())
        trained = self._trained()
        sources = [*floats.values(), *trained.values()]
        gradients = tape.gradient(total, sources)
        of_inputs = {
            name: _dense(x, gradient)
            for (name, x), gradient in zip(floats.items(), gradients, strict=False)
        }
        return of_inputs, self._canonical(trained, gradients[len(floats) :])

    def _begin(self, step: int) -> None:
        """Tell the layers that draw which step it is."""
        if "DRAWN_AT" in self._module:
            self._module["DRAWN_AT"].assign([step, 0])

    def weights(self) -> Arrays:
        with self._floats():
            arrays: Arrays = self._module["get_weights"](self._model)
        return arrays

    def _trained(self) -> dict[str, Any]:
        """The variables that training changes, by canonical name."""
        parameters = {
            name
            for name, weight in self._program.graph.weights.items()
            if weight.role == "parameter" and weight.trainable
        }
        return {
            name: self._module["variable"](self._model, name).value
            for name in self._module["WEIGHTS"]
            if name in parameters
        }

    def _canonical(self, variables: dict[str, Any], gradients: list[Any]) -> Arrays:
        return {
            name: self._module["canonical"](name, _dense(value, gradient))
            for (name, value), gradient in zip(variables.items(), gradients, strict=True)
        }

    def _cast(self, arrays: Arrays) -> Arrays:
        """Floats in the runner's precision, everything else as it is."""
        return {
            name: array.astype(self._precision) if array.dtype.kind == "f" else array
            for name, array in arrays.items()
        }

    def _tensors(self, arrays: Arrays) -> dict[str, Any]:
        import tensorflow as tf

        return {name: tf.convert_to_tensor(array) for name, array in self._cast(arrays).items()}

    @contextmanager
    def _floats(self) -> Iterator[None]:
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


def _prepare() -> None:
    """Quiet TensorFlow, on the processor. It reads these when it is imported first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


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
