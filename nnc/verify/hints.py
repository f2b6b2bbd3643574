"""What may be behind a layer that differs.

The reference computes the layer again under other conventions; the first that gives what the
backend gave is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnc.backends import draws
from nnc.backends.base import Arrays
from nnc.backends.reference import tape
from nnc.backends.reference.run import apply
from nnc.backends.reference.table import Draw
from nnc.compiler.ir import Node, Value
from nnc.compiler.vocabulary.base import Rejected, words
from nnc.compiler.vocabulary.fields import Unfit
from nnc.compiler.vocabulary.ops import activation
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.conv import Sliding
from nnc.compiler.vocabulary.ops.pooling import Pool

CLOSE = 1e-4
"""A guess must give the backend's result to this share of its scale, …"""
BETTER = 0.1
"""… and leave no more than this of the difference."""
OTHER_VALUES: dict[str, tuple[Any, ...]] = {
    "epsilon": (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12),
    "slope": (0.01, 0.2, 0.3),
    "padding": ("valid", "same", "full"),
    "axis": (0, 1, 2, 3),
}
"""Arguments that frameworks have other defaults for."""


@dataclass(frozen=True)
class Run:
    """How a layer is applied: in training at a step, or in evaluation."""

    training: bool = False
    step: int = 0
    seed: int = 0

    def draw(self, node: Node) -> Draw:
        """What the numbers depend on that a node draws."""
        return Draw(draws.key_at(draws.key_of(self.seed, node.name), self.step))


def hint(
    node: Node,
    weights: Arrays,
    values: Arrays,
    found: NDArray[Any] | None,
    value: Value,
    run: Run = Run(),
) -> str | None:
    """What would explain that `value`, a result of `node`, came out as `found`; None: no idea.

    `values` are the reference's.
    """
    if found is None:
        return None
    expected = values[value.name]
    number = node.outputs.index(value)
    own = {w.name: weights[f"{node.layer}.{w.name}"] for w in node.weights}

    def gives(op: Op, changed: Arrays, other: Run = run) -> bool:
        made = _applied(op, node, changed, values, other)
        return made is not None and _explains(made[number], expected, found)

    ops = (*_other_ops(node.op), *_other_pads(node, values))
    guess = _permuted(expected, found) or _convention(ops, own, node.op, gives)
    runs = (said for said, other in _other_runs(run) if gives(node.op, own, other))
    return guess or next(runs, None) or _scaled(expected, found)


def _other_runs(run: Run) -> Iterator[tuple[str, Run]]:
    """The layer at another step, or not in training."""
    if run.training:
        yield "as if in evaluation", replace(run, training=False)
        for by, where in ((1, "ahead"), (-1, "behind")):
            said = f"as if the numbers that are drawn were one step {where}"
            yield said, replace(run, step=run.step + by)
        yield "as if the seed were 0", replace(run, seed=0)


def _permuted(expected: NDArray[Any], found: NDArray[Any]) -> str | None:
    """The axes in another order."""
    axes = range(1, expected.ndim)
    for order in permutations(axes):
        if order != tuple(axes) and _explains(expected.transpose(0, *order), expected, found):
            return f"equal when its axes are in the order {[axis - 1 for axis in order]}"
    return None


def _scaled(expected: NDArray[Any], found: NDArray[Any]) -> str | None:
    """All times the same factor."""
    if expected.shape != found.shape or expected.dtype.kind != "f":
        return None
    norm = float((expected.astype(np.float64) ** 2).sum())
    factor = float((found.astype(np.float64) * expected).sum()) / norm if norm else 0.0
    if factor and _explains(factor * expected, expected, found):
        return f"equal when it is divided by {factor:.6g}"
    return None


def _convention(
    ops: Iterable[tuple[str, Op]], own: Arrays, op: Op, gives: Callable[[Op, Arrays], bool]
) -> str | None:
    for said, changed in _other_weights(own):
        if gives(op, changed):
            return said
    for said, other in ops:
        if gives(other, own):
            return said
    return None


def _other_weights(own: Arrays) -> Iterator[tuple[str, Arrays]]:
    """What a mapping of weights may have done to them."""
    for name, weight in own.items():
        shape = weight.shape
        if weight.ndim == 2 and shape[0] == shape[1]:
            yield f"as if `{name}` were transposed", {**own, name: weight.T}
        if weight.ndim > 2:
            axes = tuple(range(2, weight.ndim))
            yield (
                f"as if `{name}` were flipped: a true convolution",
                {
                    **own,
                    name: np.flip(weight, axes),
                },
            )
            if shape[0] == shape[1]:
                yield (
                    f"as if the first two axes of `{name}` were exchanged",
                    {
                        **own,
                        name: np.swapaxes(weight, 0, 1),
                    },
                )
        yield f"as if `{name}` were 0", {**own, name: np.zeros_like(weight)}
        yield f"as if `{name}` were 1", {**own, name: np.ones_like(weight)}
    yield from _other_gates(own)


def _other_gates(own: Arrays) -> Iterator[tuple[str, Arrays]]:
    """The rows of recurrent weights in the order i, o, f, g or z, r, n of other frameworks."""
    for weight in (w for name, w in own.items() if name.endswith("weight_hh_l0")):
        names, order = _ORDERS.get(weight.shape[0] // weight.shape[1], ("", ()))
        if order:
            turned = {
                name: np.concatenate([np.split(own[name], len(order))[i] for i in order])
                for name in own
                if "_l0" in name
            }
            yield f"as if the gates were in the order {names}", {**own, **turned}


_ORDERS = {4: ("i, o, f, g", (0, 3, 1, 2)), 3: ("z, r, n", (1, 0, 2))}
"""How many gates there are -> another order of them."""


def _other_ops(op: Op) -> Iterator[tuple[str, Op]]:
    """The op with one argument as another framework would have it."""
    for name, value in op.arguments().items():
        if isinstance(value, bool) or name == "count_include_pad":
            others: tuple[Any, ...] = (False, True)
        else:
            others = OTHER_VALUES.get(name, ())
        for other in others:
            if other == value:
                continue
            try:
                yield f"as if `{name}` were {shown(other)}", op.replace(**{name: other})
            except (Unfit, Rejected):
                continue
    if type(op).__module__ == activation.__name__:
        yield from _other_activations(op)


def _other_activations(op: Op) -> Iterator[tuple[str, Op]]:
    """Another function of every element."""
    for word in words("op"):
        if word.__module__ != activation.__name__ or isinstance(op, word):
            continue
        assert issubclass(word, Op)
        try:
            yield f"as if it were `{word.word}`", word()
        except Unfit:
            continue


def _other_pads(node: Node, values: Arrays) -> Iterator[tuple[str, Op]]:
    """Unequal padding on the other side."""
    op = node.op
    if not isinstance(op, Sliding | Pool):
        return
    (value,) = node.inputs
    pads = op.pads((value.type.with_shape(values[value.name].shape[1:]),))
    if any(lo != hi for lo, hi in pads):
        turned = tuple((hi, lo) for lo, hi in pads)
        yield "as if the larger part of the padding stood in front", op.replace(padding=turned)


def shown(value: Any) -> str:
    """A value as a spec has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _applied(
    op: Op, node: Node, own: Arrays, values: Arrays, run: Run
) -> tuple[NDArray[Any], ...] | None:
    inputs = tuple(tape.constant(values[value.name]) for value in node.inputs)
    weights = {name: tape.constant(weight) for name, weight in own.items()}
    try:
        with np.errstate(all="ignore"):
            made, _ = apply(
                op, inputs, node.input_types, weights, training=run.training, draw=run.draw(node)
            )
    except (Rejected, ValueError, IndexError, KeyError):
        return None  # the layer doesn't exist under that convention
    return tuple(tensor.value for tensor in made)


def _explains(guess: NDArray[Any], expected: NDArray[Any], found: NDArray[Any]) -> bool:
    if guess.shape != found.shape or not found.size:
        return False
    left = np.abs(guess - found).max()
    if expected.shape == found.shape and left > BETTER * np.abs(expected - found).max():
        return False
    return bool(left <= CLOSE * np.abs(guess).max())
