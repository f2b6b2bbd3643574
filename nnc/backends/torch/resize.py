"""Resizing."""

from __future__ import annotations

from typing import Final

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each
from nnc.compiler.vocabulary.ops.resize import Upsample

_EXACT: Final = 40
"""torch finds the nearest element with a float32 scale, which is right for factors up to here: with
41, element 41 is taken from place 0."""


@OPS.lowers(Upsample)
def upsample(op: Upsample, at: Site) -> Lowered:
    if not op.interpolates and not _is_exact(op, at):
        if op.factor is not None:
            return _repeated(op, at)
        return py.call(at.piece("resize:nearest"), at.input, _after(op, at))
    options: dict[str, object] = {"mode": op.mode}
    if op.interpolates:
        options["align_corners"] = op.align_corners
    factors = op.factors(at.type.rank - 1)
    if factors is None:
        return at.apply(py.call("nn.Upsample", size=one_or_each(_after(op, at)), **options))
    return at.apply(py.call("nn.Upsample", scale_factor=one_or_each(factors), **options))


def _after(op: Upsample, at: Site) -> tuple[int, ...]:
    return tuple(after for _, after in op.known_sizes(at.node.input_types))


def _is_exact(op: Upsample, at: Site) -> bool:
    """Whether torch takes the elements that it should."""
    factors = op.factors(at.type.rank - 1)
    if factors is not None:
        return max(factors) <= _EXACT
    return all(
        before % after == 0 or (after % before == 0 and after // before <= _EXACT)
        for before, after in op.known_sizes(at.node.input_types)
    )


def _repeated(op: Upsample, at: Site) -> py.Expr:
    x = at.input
    for axis, factor in enumerate(op.factors(at.type.rank - 1) or (), 2):
        x = py.method(x, "repeat_interleave", factor, dim=axis)
    return x
