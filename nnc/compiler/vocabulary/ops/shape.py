"""Ops that move elements without changing them. The batch is never touched."""

from __future__ import annotations

from math import prod

from nnc.compiler.types import Dim, Symbol, elements, multiply
from nnc.compiler.vocabulary.base import Axis, Mistake, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import Example, Op, Types, example, resolve_axis


class Flatten(Op):
    """All elements of one example in a row, the last axis fastest: [...] -> [n]."""

    word = "Flatten"
    aliases = ("flatten",)

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        size: Dim = 1
        for dim in x.shape:
            size = multiply(size, dim)
        return (x.with_shape((size,)),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[2, 3, 4]"),
            example(cls(), "f32[T, 5]"),
            example(cls(), "f32"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(1, 2)", "E205"),)


class Reshape(Op):
    """The same elements in the same order in another shape: [...] -> shape.

    One size may be -1: it is worked out from the others.
    """

    word = "Reshape"
    aliases = ("reshape", "view")
    positional = ("shape",)
    argument_aliases = {"target_shape": "shape"}
    shape: tuple[int, ...] = Field(description="shape of one example of the result")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        if sum(d == -1 for d in self.shape) > 1 or any(d < 1 and d != -1 for d in self.shape):
            raise Rejected(
                "E203",
                "the shape of `Reshape` is made of whole numbers above 0, at most one of them -1",
                argument="shape",
                label=f"this is {list(self.shape)}",
            )
        have = elements(x.shape)
        fixed = prod(d for d in self.shape if d != -1)
        if -1 not in self.shape:
            if have is not None and have != fixed:
                raise self._unfit(str(x), have, fixed)
            if have is None:
                raise Rejected(
                    "E303",
                    f"`Reshape` can't tell whether `{x}` has {fixed} elements",
                    argument="shape",
                    label="a size is free at run time",
                    help="write -1 for one of the sizes",
                )
            return (x.with_shape(self.shape),)
        if have is not None:
            if have % fixed:
                raise self._unfit(str(x), have, fixed)
            free: Dim = have // fixed
        else:
            free = _quotient(x.shape, fixed)
        return (x.with_shape(tuple(free if d == -1 else d for d in self.shape)),)

    def _unfit(self, x: str, have: int, fixed: int) -> Rejected:
        return Rejected(
            "E301",
            f"`Reshape` can't turn `{x}` into {list(self.shape)}",
            argument="shape",
            label=f"{have} elements don't make {list(self.shape)}"
            + ("" if -1 in self.shape else f", which has {fixed}"),
            help=f"the product of the sizes must be {have}",
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(shape=(3, 8)), "f32[2, 3, 4]"),
            example(cls(shape=(2, -1, 3)), "f32[4, 6]"),
            example(cls(shape=(-1, 2)), "f32[T, 6]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("([5, 5])", "E301"),
            Mistake("([-1, -1])", "E203"),
            Mistake("([0, 3])", "E203"),
            Mistake("([-1, 5])", "E301"),
            Mistake("([2, 3])", "E303", "f32[T, 2]"),
        )


def _quotient(shape: tuple[Dim, ...], divisor: int) -> Dim:
    static = prod(d for d in shape if isinstance(d, int))
    free = [d for d in shape if not isinstance(d, int)]
    if static % divisor == 0:
        size: Dim = static // divisor
        for dim in free:
            size = multiply(dim, size)
        return size
    product: Dim = static
    for dim in free:
        product = multiply(dim, product)
    return Symbol(f"{product} // {divisor}")


class Permute(Op):
    """The axes of one example in another order: axis i of the result is axis `axes[i]` of the
    input."""

    word = "Permute"
    aliases = ("permute", "Transpose", "transpose")
    positional = ("axes",)
    argument_aliases = {"dims": "axes"}
    axes: tuple[Axis, ...] = Field(description="the old axes in their new order, counted from 0")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        if sorted(self.axes) != list(range(x.rank)):
            raise Rejected(
                "E301",
                f"`Permute` must name each of the {x.rank} axes of `{x}` once",
                argument="axes",
                label=f"this is not an order of {', '.join(map(str, range(x.rank)))}",
                help="axes are counted from 0 and the batch is not one of them",
            )
        return (x.with_shape([x.shape[axis] for axis in self.axes]),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(axes=(2, 0, 1)), "f32[2, 3, 4]"),
            example(cls(axes=(1, 0)), "f32[T, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("([0, 0, 1])", "E301"), Mistake("([1, 2, 3])", "E301"))


class Unsqueeze(Op):
    """A new axis of size 1 at place `axis` of the result."""

    word = "Unsqueeze"
    aliases = ("expand_dims", "unsqueeze")
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(description="where the new axis stands")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        axis = resolve_axis(self, self.axis, x.rank + 1)
        return (x.with_shape((*x.shape[:axis], 1, *x.shape[axis:])),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(axis=0), "f32[5]"),
            example(cls(axis=-1), "f32[3, T]"),
            example(cls(axis=1), "i64[3, 4]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(3)", "E301", "f32[4]"),)


class Squeeze(Op):
    """Without axis `axis`, whose size is 1."""

    word = "Squeeze"
    aliases = ("squeeze",)
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(description="the axis of one example that goes away")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        axis = resolve_axis(self, self.axis, x.rank)
        if x.shape[axis] != 1:
            raise Rejected(
                "E301",
                f"`Squeeze` can't take axis {axis} away from `{x}`",
                argument="axis",
                label=f"its size is {x.shape[axis]}, not 1",
            )
        return (x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :])),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(axis=0), "f32[1]"),
            example(cls(axis=1), "f32[3, 1, T]"),
            example(cls(axis=-1), "i64[3, 4, 1]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E202"),
            Mistake("(0)", "E301", "f32[3]"),
            Mistake("(0)", "E301", "f32[T]"),
            Mistake("(1)", "E301", "f32[1]"),
        )
