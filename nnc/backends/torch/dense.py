"""Fully connected layers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.dense import Dense


@OPS.lowers(Dense)
def dense(op: Dense, at: Site) -> Lowered:
    options = {} if op.has_bias else {"bias": False}
    return at.apply(py.call("nn.Linear", at.type.shape[-1], op.units, **options))
