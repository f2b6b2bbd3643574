"""Ops that move elements without changing them. All run in the spec's axis order."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops import shape as words


@OPS.lowers(words.Flatten)
def flatten(op: words.Flatten, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.Flatten", data_format="channels_last"))


@OPS.lowers(words.Reshape)
def reshape(op: words.Reshape, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.Reshape", op.shape))


@OPS.lowers(words.Permute)
def permute(op: words.Permute, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.Permute", tuple(axis + 1 for axis in op.axes)))


@OPS.lowers(words.Unsqueeze)
def unsqueeze(op: words.Unsqueeze, site: Site) -> py.Expr:
    axis = op.axis if op.axis < 0 else op.axis + 1
    return py.call("ops.expand_dims", site.input, axis=axis)


@OPS.lowers(words.Squeeze)
def squeeze(op: words.Squeeze, site: Site) -> py.Expr:
    axis = op.axis if op.axis < 0 else op.axis + 1
    return py.call("ops.squeeze", site.input, axis=axis)
