"""Functions of each element of one or several values, and products of matrices."""

from __future__ import annotations

import math

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.model import ELEMENT_TYPES

GRADIENTS.constant(
    *("And", "ArgMax", "Equal", "Greater", "GreaterOrEqual", "IsNaN", "Less", "LessOrEqual"),
    *("Not", "Or", "Sign", "Floor", "Ceil", "Round", "BitShift", "BitwiseAnd", "BitwiseXor", "Mod"),
)


@GRADIENTS.of("Add")
def add(at: Back) -> None:
    at.give_fitted(0, at.gradient)
    at.give_fitted(1, at.gradient)


@GRADIENTS.of("Sum")
def sum_(at: Back) -> None:
    for number in range(len(at.node.inputs)):
        at.give_fitted(number, at.gradient)


@GRADIENTS.of("Sub")
def sub(at: Back) -> None:
    at.give_fitted(0, at.gradient)
    if at.needs(1):
        at.give_fitted(1, at.add("Neg", at.gradient))


@GRADIENTS.of("Mul")
def mul(at: Back) -> None:
    if at.needs(0) and at.x(0) is at.x(1):
        at.give(0, at.mul(at.times(at.gradient, 2.0), at.x(0)))
        return
    for number, other in ((0, 1), (1, 0)):
        if at.needs(number):
            at.give_fitted(number, at.mul(at.gradient, at.x(other)))


@GRADIENTS.of("Div")
def div(at: Back) -> None:
    share = at.add("Div", at.gradient, at.x(1))
    at.give_fitted(0, share)
    if at.needs(1):
        at.give_fitted(1, at.add("Neg", at.mul(share, at.y)))


@GRADIENTS.of("Pow")
def power(at: Back) -> None:
    """b · a^(b - 1) and ln(a) · a^b; where the exponent is 0 the first is 0, and where the base is
    not above 0 the second."""
    base, exponent = at.x(0), at.x(1)
    if at.needs(0):
        at.give_fitted(0, at.mul(at.gradient, _slope(at, base, exponent)))
    if at.needs(1):
        zero = at.scalar(0.0, base)
        above = at.add("Greater", base, zero)
        logarithm = at.add("Log", at.add("Where", above, base, at.scalar(1.0, base)))
        at.give_fitted(1, at.mul(at.gradient, at.mul(at.y, logarithm)))


def _slope(at: Back, base: Handle, exponent: Handle) -> Handle:
    number = at.value(1)
    if number is not None and number.size == 1 and float(number.item()) == 2.0:
        return at.times(base, 2.0)
    one, zero = at.scalar(1.0, exponent), at.scalar(0.0, exponent)
    is_zero = at.add("Equal", exponent, zero)
    less = at.add("Sub", at.add("Where", is_zero, one, exponent), one)
    return at.mul(exponent, at.add("Pow", base, less))


@GRADIENTS.of("Max", "Min")
def greatest(at: Back) -> None:
    """Equal ones share the gradient."""
    inputs = [at.x(number) for number in range(len(at.node.inputs))]
    hits = [
        at.add("Cast", at.add("Equal", x, at.y), to=ELEMENT_TYPES[at.dtype(at.y)]) for x in inputs
    ]
    count = hits[0] if len(hits) == 1 else at.add("Sum", *hits)
    share = at.add("Div", at.gradient, count)
    for number, hit in enumerate(hits):
        if at.needs(number):
            at.give_fitted(number, at.mul(share, hit))


@GRADIENTS.of("Where")
def where(at: Back) -> None:
    zero = at.number(0.0, "zero")
    if at.needs(1):
        at.give_fitted(1, at.add("Where", at.x(0), at.gradient, zero))
    if at.needs(2):
        at.give_fitted(2, at.add("Where", at.x(0), zero, at.gradient))


@GRADIENTS.of("Clip")
def clip(at: Back) -> None:
    """Nothing passes outside of the bounds; on them it does, but for relu6, as frameworks have
    it."""
    origin = at.node.origin
    strict = origin is not None and origin.op.word == "relu6"
    above, below = ("Greater", "Less") if strict else ("GreaterOrEqual", "LessOrEqual")
    tests = [
        at.add(test, at.x(0), at.x(number))
        for number, test in ((1, above), (2, below))
        if at.has(number)
    ]
    inside = tests[0] if len(tests) == 1 else at.add("And", *tests)
    at.give(0, at.chosen(inside, at.gradient))


@GRADIENTS.of("Cast")
def cast(at: Back) -> None:
    if at.dtype(at.x()) in ("f32", "f64") and at.dtype(at.y) in ("f32", "f64"):
        at.give(0, at.add("Cast", at.gradient, to=ELEMENT_TYPES[at.dtype(at.x())]))


@GRADIENTS.of("Neg")
def negate(at: Back) -> None:
    at.give(0, at.add("Neg", at.gradient))


@GRADIENTS.of("Abs")
def absolute(at: Back) -> None:
    at.give(0, at.mul(at.gradient, at.add("Sign", at.x())))


@GRADIENTS.of("Exp")
def exp(at: Back) -> None:
    at.give(0, at.mul(at.gradient, at.y))


@GRADIENTS.of("Log")
def log(at: Back) -> None:
    at.give(0, at.add("Div", at.gradient, at.x()))


@GRADIENTS.of("Sqrt")
def sqrt(at: Back) -> None:
    """1 / (2 · √x); that of a standard deviation is 0 where it is 0."""
    half, origin = at.times(at.gradient, 0.5), at.node.origin
    if origin is None or origin.op.word != "std":
        at.give(0, at.add("Div", half, at.y))
        return
    still = at.add("Equal", at.y, at.number(0.0, "zero"))
    below = at.add("Where", still, at.number(1.0, "one"), at.y)
    at.give(0, at.add("Where", still, at.number(0.0, "zero"), at.add("Div", half, below)))


@GRADIENTS.of("Reciprocal")
def reciprocal(at: Back) -> None:
    at.give(0, at.add("Neg", at.mul(at.gradient, at.mul(at.y, at.y))))


@GRADIENTS.of("Sin")
def sin(at: Back) -> None:
    at.give(0, at.mul(at.gradient, at.add("Cos", at.x())))


@GRADIENTS.of("Cos")
def cos(at: Back) -> None:
    at.give(0, at.add("Neg", at.mul(at.gradient, at.add("Sin", at.x()))))


@GRADIENTS.of("Erf")
def erf(at: Back) -> None:
    """2 / √π · e^-x²."""
    bell = at.add("Exp", at.add("Neg", at.mul(at.x(), at.x())))
    at.give(0, at.mul(at.gradient, at.times(bell, 2 / math.sqrt(math.pi))))


# ---- products of matrices --------------------------------------------------------------------


@GRADIENTS.of("Gemm")
def gemm(at: Back) -> None:
    """Y = A · B + C, either factor transposed."""
    a, b, g = at.x(0), at.x(1), at.gradient
    of_a, of_b = int(at.attribute("transA", 0)), int(at.attribute("transB", 0))
    if at.needs(0):
        made = (b, g, of_b, 1) if of_a else (g, b, 0, 1 - of_b)
        at.give(0, at.add("Gemm", made[0], made[1], transA=made[2], transB=made[3]))
    if at.needs(1):
        made = (g, a, 1, of_a) if of_b else (a, g, 1 - of_a, 0)
        at.give(1, at.add("Gemm", made[0], made[1], transA=made[2], transB=made[3]))
    if at.needs(2):
        at.give_fitted(2, g)


@GRADIENTS.of("MatMul")
def matmul(at: Back) -> None:
    """A · B over the last two axes, the others broadcast; a vector is a matrix with one row (or one
    column)."""
    left, right = at.rank(at.x(0)) == 1, at.rank(at.x(1)) == 1
    a = at.add("Unsqueeze", at.x(0), at.whole([0], "axis")) if left else at.x(0)
    b = at.add("Unsqueeze", at.x(1), at.whole([1], "axis")) if right else at.x(1)
    g = at.gradient
    shape = list(at.shape(at.y))
    if right:
        g, shape = at.add("Unsqueeze", g, at.whole([len(shape)], "axis")), [*shape, 1]
    if left:
        g = at.add("Unsqueeze", g, at.whole([len(shape) - 1], "axis"))
        shape.insert(len(shape) - 1, 1)
    of_a, of_b = max(2, at.rank(at.x(0))), max(2, at.rank(at.x(1)))
    if at.needs(0):
        made = at.add("MatMul", g, at.swapped(b, of_b))
        at.give(0, _product(at, 0, made, shape[:-2], left, of_a))
    if at.needs(1) and of_b == 2 and of_a > 2 and not right:
        at.give(1, _of_matrix(at, a, g))
    elif at.needs(1):
        made = at.add("MatMul", at.swapped(a, of_a), g)
        at.give(1, _product(at, 1, made, shape[:-2], right, of_b))


def _product(
    at: Back, number: int, made: Handle, batch: list[int | None], vector: bool, rank: int
) -> Handle:
    """Summed over the axes along which the factor was repeated, a vector as a vector."""
    own = at.shape(at.x(number))
    sizes = [1, *own] if vector and number == 0 else [*own, 1] if vector else list(own)
    extra = len(batch) + 2 - rank
    inner = [
        axis + extra
        for axis, size in enumerate(sizes[:-2])
        if size == 1 and batch[axis + extra] != 1
    ]
    if inner:
        made = at.add("ReduceSum", made, at.whole(inner, "axes"), keepdims=1)
    if extra:
        made = at.add("ReduceSum", made, at.whole(list(range(extra)), "axes"), keepdims=0)
    return at.reshaped_like(made, at.x(number)) if vector else made


def _of_matrix(at: Back, a: Handle, g: Handle) -> Handle:
    """Aᵀ · G for a matrix that every example shares: one product over all rows."""
    rows, columns = at.shape(at.x(1))
    inner = at.add("Reshape", a, at.whole([-1, rows], "rows")) if rows else None
    outer = at.add("Reshape", g, at.whole([-1, columns], "rows")) if columns else None
    assert inner is not None
    assert outer is not None
    return at.add("Gemm", inner, outer, transA=1)
