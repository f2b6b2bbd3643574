"""What dropout by a formula costs beside the framework's own.

    python -m bench.dropout [--rounds 15]

A layer of 2^20 numbers, forward and backward: the generated program's `Dropout`, and `nn.Dropout`
or `layers.Dropout` with their generators. On one thread; the two take turns.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from nnc.backends.registry import BACKENDS
from nnc.backends.torch.run import load_module
from nnc.compiler.ir import Program, single
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.ops.regularization import Dropout

WIDTH = 1024
ROWS = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured")
    rounds = parser.parse_args().rounds
    for setting in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(setting, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    program = Program(single(Dropout(rate=0.2), (TensorType("f32", (WIDTH,)),)))
    for name, steps in (("torch", torch_steps), ("keras", keras_steps)):
        emit = BACKENDS[name].load_emit
        assert emit is not None
        ours, theirs = turns(steps(load_module(emit()(program).text).Dropout), rounds)
        milliseconds = f"{1e3 * ours:6.2f} ms  {1e3 * theirs:6.2f} ms"
        print(f"{name:6}  {milliseconds}  ratio {ours / theirs:.2f}")


def torch_steps(generated: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of the generated layer and one of PyTorch's."""
    import torch

    torch.set_num_threads(1)
    x = torch.randn(ROWS, WIDTH, requires_grad=True)
    upstream = torch.randn(ROWS, WIDTH)
    ours, theirs = generated(rate=0.2, key=1), torch.nn.Dropout(0.2)
    return (
        lambda: ours(x).backward(upstream),
        lambda: theirs(x).backward(upstream),
    )


def keras_steps(generated: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of the generated layer and one of Keras', each in a `tf.function`."""
    import tensorflow as tf
    from keras import layers

    x = tf.Variable(tf.random.normal((ROWS, WIDTH)))
    upstream = tf.random.normal((ROWS, WIDTH))

    def step(layer: Any) -> Callable[[], Any]:
        def run() -> Any:
            with tf.GradientTape() as tape:
                y = layer(x, training=True)
            return y, tape.gradient(y, x, output_gradients=upstream)

        compiled: Callable[[], Any] = tf.function(run)
        return compiled

    return step(generated(0.2, key=1)), step(layers.Dropout(0.2))


def turns(steps: tuple[Callable[[], Any], ...], rounds: int) -> tuple[float, ...]:
    """The median seconds of each; they take turns, and the first rounds don't count."""
    taken: list[list[float]] = [[] for _ in steps]
    for number in range(rounds + 3):
        for step, seconds in zip(steps, taken, strict=True):
            start = time.perf_counter()
            step()
            if number >= 3:
                seconds.append(time.perf_counter() - start)
    return tuple(median(seconds) for seconds in taken)


if __name__ == "__main__":
    main()
