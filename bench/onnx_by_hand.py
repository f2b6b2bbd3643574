"""A training step as an ONNX graph written by hand: the peer of nnc's in `bench.train`.

In ONNX's own textual form, with the forms of gradients that are known to be fast: the gradient of a
convolution's weights as one product over patches, that of max-pooling by comparing with the output
made large again, shared numbers computed outside. State goes in and comes out of one model, and
stays with the runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Step: TypeAlias = Callable[[], Any]
Array: TypeAlias = "NDArray[Any]"

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Text:
    """The lines of a graph; each call is a node and gives the name of its result."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tensors: dict[str, Array] = {}

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        made = f"t{len(self.lines)}"
        given = ", ".join(f"{name} = {_written(value)}" for name, value in attributes.items())
        options = f"<{given}> " if given else ""
        self.lines.append(f"{made} = {operator} {options}({', '.join(inputs)})")
        return made

    def number(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"n{len(self.tensors)}"
        self.tensors[name] = np.array(value, dtype)
        return name

    def whole(self, *numbers: int) -> str:
        return self.number(numbers, np.int64)


def _written(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def onnx_step(network: str, x: Array, y: Array, rate: float) -> Step:
    """The step on onnxruntime, one thread. Networks: `mlp`, `cnn`."""
    import onnxruntime

    weights = _weights(network)
    model = _model(network, x, y, weights)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    value = onnxruntime.OrtValue.ortvalue_from_numpy
    state = {name: value(array) for name, array in weights.items()}
    for name, array in weights.items():
        for memory in ("m", "v"):
            state[f"{memory}_{name}"] = value(np.zeros_like(array))
    spare = {name: value(kept.numpy().copy()) for name, kept in state.items()}
    loss = value(np.zeros((), np.float32))
    scale = np.array(rate * np.sqrt(1 - BETA2) / (1 - BETA1), np.float32)
    epsilon = np.array(EPSILON * np.sqrt(1 - BETA2), np.float32)

    def step() -> float:
        nonlocal state, spare
        binding = session.io_binding()
        for name, array in (("x", x), ("y", y), ("scale", scale), ("epsilon", epsilon)):
            binding.bind_cpu_input(name, array)
        for name, kept in state.items():
            binding.bind_ortvalue_input(name, kept)
            binding.bind_ortvalue_output(f"new_{name}", spare[name])
        binding.bind_ortvalue_output("loss", loss)
        session.run_with_iobinding(binding)
        state, spare = spare, state
        return float(loss.numpy())

    return step


def _weights(network: str) -> dict[str, Array]:
    sizes = {"mlp": (784, 512, 10), "cnn": (64 * 8 * 8, 128, 10)}[network]
    shapes: dict[str, tuple[int, ...]] = {"w1": (sizes[1], sizes[0]), "w2": (sizes[2], sizes[1])}
    if network == "cnn":
        shapes |= {"k1": (32, 3, 3, 3), "k2": (64, 32, 3, 3), "k3": (64, 64, 3, 3)}
    rng = np.random.default_rng(0)
    found: dict[str, Array] = {}
    for name, shape in shapes.items():
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        found[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
        found[f"b_{name}"] = np.zeros(shape[0], np.float32)
    return found


def _model(network: str, x: Array, y: Array, weights: dict[str, Array]) -> Any:
    import onnx

    text = Text()
    flat, below = ("x", []) if network == "mlp" else _convolutions(text)
    hidden = text("Gemm", flat, "w1", "b_w1", transB=1)
    active = text("Relu", hidden)
    scores = text("Gemm", active, "w2", "b_w2", transB=1)
    logs = text("LogSoftmax", scores, axis=1)
    ones = text("OneHot", "y", text.number(10, np.int64), text.number([0, 1]), axis=1)
    judged = text("ReduceSum", text("Mul", logs, ones), keepdims=0)
    text.lines.append(f"loss = Mul ({judged}, {text.number(-1 / len(x))})")
    gradient = text("Sub", text("Exp", logs), ones)
    gradient = text("Mul", gradient, text.number(1 / len(x)))
    gradients = {"w2": text("Gemm", gradient, active, transA=1)}
    gradients["b_w2"] = text("ReduceSum", gradient, text.whole(0), keepdims=0)
    gradient = _where_above_0(text, text("Gemm", gradient, "w2"), active)
    gradients["w1"] = text("Gemm", gradient, flat, transA=1)
    gradients["b_w1"] = text("ReduceSum", gradient, text.whole(0), keepdims=0)
    if below:
        gradient = text("Gemm", gradient, "w1")
        gradient = text("Reshape", gradient, text.whole(-1, 64, 8, 8))
        gradients |= _back_through(text, gradient, below)
    for name, gradient in gradients.items():
        _adam(text, name, gradient)
    state = [f"{memory}{name}" for name in weights for memory in ("", "m_", "v_")]
    shapes = {name: weights[name.removeprefix("m_").removeprefix("v_")].shape for name in state}
    inputs = [f"float[{_sizes(x.shape)}] x", f"int64[{len(y)}] y", "float scale, float epsilon"]
    inputs += [f"float[{_sizes(shapes[name])}] {name}" for name in state]
    outputs = ["float loss", *(f"float[{_sizes(shapes[name])}] new_{name}" for name in state)]
    head = f"step ({', '.join(inputs)}) => ({', '.join(outputs)})"
    body = "\n".join(text.lines)
    model = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 20]> {head} {{\n{body}\n}}'
    )
    for name, array in text.tensors.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return model


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _where_above_0(text: Text, gradient: str, value: str) -> str:
    return text("Where", text("Greater", value, text.number(0)), gradient, text.number(0))


def _convolutions(text: Text) -> tuple[str, list[tuple[str, str, str, str]]]:
    """What the dense layers get, and for each block its kernel, input, activation and output."""
    blocks, value = [], "x"
    for kernel in ("k1", "k2", "k3"):
        made = text("Conv", value, kernel, f"b_{kernel}", kernel_shape=[3, 3], pads=[1] * 4)
        active = text("Relu", made)
        pooled = text("MaxPool", active, kernel_shape=[2, 2], strides=[2, 2])
        blocks.append((kernel, value, active, pooled))
        value = pooled
    return text("Flatten", value, axis=1), blocks


def _back_through(
    text: Text, gradient: str, blocks: list[tuple[str, str, str, str]]
) -> dict[str, str]:
    found = {}
    sizes = {"k1": (32, 3, 64), "k2": (64, 32, 32), "k3": (64, 64, 16)}
    for kernel, value, active, pooled in reversed(blocks):
        filters, channels, size = sizes[kernel]
        twice = text.number([1, 1, 2, 2])
        near = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
        near["nearest_mode"] = "floor"
        largest = text("Equal", active, text("Resize", pooled, "", twice, **near))
        wide = text("Resize", gradient, "", twice, **near)
        gradient = text("Where", largest, wide, text.number(0))
        gradient = _where_above_0(text, gradient, active)
        found[f"b_{kernel}"] = text("ReduceSum", gradient, text.whole(0, 2, 3), keepdims=0)
        padded = text("Pad", value, text.whole(0, 0, 1, 1, 0, 0, 1, 1))
        parts = [
            text("Unsqueeze", _shifted(text, padded, place, size), text.whole(2))
            for place in product(range(3), range(3))
        ]
        patches = text("Concat", *parts, axis=2)
        rows = text("Reshape", patches, text.whole(0, channels * 9, size * size))
        given = text("Reshape", gradient, text.whole(0, filters, size * size))
        products = text("MatMul", given, text("Transpose", rows, perm=[0, 2, 1]))
        summed = text("ReduceSum", products, text.whole(0), keepdims=0)
        found[kernel] = text("Reshape", summed, text.whole(filters, channels, 3, 3))
        if value != "x":
            shape = {"kernel_shape": [3, 3], "pads": [1] * 4}
            gradient = text("ConvTranspose", gradient, kernel, **shape)
    return found


def _shifted(text: Text, padded: str, place: tuple[int, int], size: int) -> str:
    ends = text.whole(*(start + size for start in place))
    return text("Slice", padded, text.whole(*place), ends, text.whole(2, 3))


def _adam(text: Text, name: str, gradient: str) -> None:
    faded = text("Mul", f"m_{name}", text.number(BETA1))
    share = text("Mul", gradient, text.number(1 - BETA1))
    text.lines.append(f"new_m_{name} = Add ({faded}, {share})")
    faded = text("Mul", f"v_{name}", text.number(BETA2))
    share = text("Mul", text("Mul", gradient, gradient), text.number(1 - BETA2))
    text.lines.append(f"new_v_{name} = Add ({faded}, {share})")
    root = text("Add", text("Sqrt", f"new_v_{name}"), "epsilon")
    change = text("Mul", text("Div", f"new_m_{name}", root), "scale")
    text.lines.append(f"new_{name} = Sub ({name}, {change})")
