"""Ops that make one value out of several."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary.ops import merge as words


def sides(op: words.Pairwise, site: Site) -> tuple[py.Expr, py.Expr]:
    """Both sides of an operator; numbers are written as the inputs' type has them."""
    whole = site.type.dtype in INTEGERS
    both: list[py.Expr] = list(site.inputs)
    for place, number in ((0, op.left), (1, op.right)):
        if number is not None:
            both.insert(place, py.literal(int(number) if whole else number))
    left, right = both
    return left, right


@OPS.lowers(words.Add, words.Subtract, words.Multiply, words.Divide, words.Power)
def arithmetic(op: words.Arithmetic, site: Site) -> py.Expr:
    number = op.right if op.left is None else op.left
    if op.word == "multiply" and number is not None:
        return site.function("scaled", factor=number)
    return py.binary(op.symbol, *sides(op, site))


@OPS.lowers(words.Maximum, words.Minimum)
def extreme(op: words.Maximum | words.Minimum, site: Site) -> py.Expr:
    name = "greater_of" if isinstance(op, words.Maximum) else "less_of"
    return py.call(site.piece(name), *sides(op, site))


@OPS.lowers(words.MatMul)
def matmul(op: words.MatMul, site: Site) -> py.Expr:
    return py.binary("@", *site.inputs)


@OPS.lowers(words.Concat)
def concat(op: words.Concat, site: Site) -> py.Expr:
    return py.call("ops.concatenate", list(site.inputs), axis=example_axis(op.axis))


@OPS.lowers(words.Stack)
def stack(op: words.Stack, site: Site) -> py.Expr:
    return py.call("ops.stack", list(site.inputs), axis=example_axis(op.axis))
