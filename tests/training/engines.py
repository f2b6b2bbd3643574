"""What the tests of training share: engines by name, small programs, batches of random numbers."""

from __future__ import annotations

import numpy as np

import nnc
from nnc.backends import initial
from nnc.backends.base import Arrays, Engine, Precision
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program

ENGINES = ("reference", "torch", "keras", "onnx")

MLP = """\
model M {
  input  x: f32[3]
  logits = x -> Dense(5) -> tanh -> Dropout(0.2) -> Dense(4)
  output p = logits -> softmax
}
train {
  target y: i64
  loss = cross_entropy(p, y) + l2(1e-3)
  optimizer = %s
  metrics = [accuracy(p, y)]
  clip = global_norm(0.5)
}
"""
CNN = """\
model M {
  input  x: f32[2, 6, 6]
  h = x -> Conv2d(3, 3, bias=false) -> BatchNorm -> relu -> SpatialDropout(0.3)
    -> MaxPool2d(2) -> GaussianNoise(0.1) -> flatten
  output p = h -> Dense(2)
}
train {
  target y: f32[2]
  loss = mse(p, y)
  optimizer = %s
}
"""


def of_text(text: str) -> Program:
    """The program of a spec that has no mistakes."""
    program, diagnostics = nnc.compile_text(text, "test.nn")
    assert program is not None, [d.message for d in diagnostics]
    return program


def mlp(optimizer: str = "adam(0.02, weight_decay=0.01)") -> Program:
    return of_text(MLP % optimizer)


def cnn(optimizer: str = "sgd(0.1, momentum=0.9)") -> Program:
    return of_text(CNN % optimizer)


def precision_of(name: str, program: Program) -> Precision:
    """float64, but where onnxruntime has no kernels for it."""
    convolves = any(node.op.word == "Conv2D" for node in program.graph.nodes)
    return "float32" if name == "onnx" and convolves else "float64"


def engine(
    name: str, program: Program, precision: Precision | None = None, seed: int = 0
) -> Engine:
    """An engine with the program's initial weights."""
    backend = REFERENCE if name == REFERENCE.name else BACKENDS[name]
    assert backend.load_engine is not None
    weights = dict(initial.weights(program.graph, seed))
    return backend.load_engine()(program, weights, precision or precision_of(name, program))


def batch(program: Program, count: int, seed: int = 0) -> Arrays:
    """Random inputs and targets."""
    rng = np.random.default_rng(seed)
    assert program.training is not None
    made: Arrays = {}
    for value in (*program.graph.inputs, *program.training.targets):
        shape = (count, *(d for d in value.type.shape if isinstance(d, int)))
        whole = value.type.dtype == "i64"
        made[value.name] = rng.integers(0, 4, shape) if whole else rng.standard_normal(shape)
    return made
