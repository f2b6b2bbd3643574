"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.regularization import Dropout


@OPS.lowers(Dropout)
def dropout(op: Dropout, at: Site) -> Lowered:
    return at.apply(py.call("nn.Dropout", p=op.rate))
