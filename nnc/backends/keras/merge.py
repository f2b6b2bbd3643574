"""Ops that make one value out of several."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis
from nnc.compiler.vocabulary.ops import merge as words


@OPS.lowers(words.Add, words.Subtract, words.Multiply, words.Divide, words.Power)
def arithmetic(op: words.Arithmetic, site: Site) -> py.Expr:
    number = op.right if op.left is None else op.left
    if op.word == "multiply" and number is not None:
        return site.function("scaled", factor=number)
    sides = list(site.inputs)
    if op.left is not None:
        sides.insert(0, py.literal(op.left))
    if op.right is not None:
        sides.append(py.literal(op.right))
    left, right = sides
    return py.binary(op.symbol, left, right)


@OPS.lowers(words.MatMul)
def matmul(op: words.MatMul, site: Site) -> py.Expr:
    return py.binary("@", *site.inputs)


@OPS.lowers(words.Concat)
def concat(op: words.Concat, site: Site) -> py.Expr:
    return py.call("ops.concatenate", list(site.inputs), axis=example_axis(op.axis))
