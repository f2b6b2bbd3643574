"""Pooling to a given size."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each
from nnc.compiler.vocabulary.ops.adaptive import Adaptive, AdaptiveAvgPool, AdaptiveMaxPool


@OPS.lowers(AdaptiveAvgPool, AdaptiveMaxPool)
def adaptive(op: Adaptive, at: Site) -> Lowered:
    sizes = tuple(after for _, after in op.sizes(at.node.input_types))
    kind = "Avg" if isinstance(op, AdaptiveAvgPool) else "Max"
    return at.apply(py.call(f"nn.Adaptive{kind}Pool{len(sizes)}d", one_or_each(sizes)))
