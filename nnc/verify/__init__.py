"""Whether every backend computes the same network, measured."""

from nnc.verify.render import render
from nnc.verify.verdict import Comparison, Divergence, Findings, Verdict
from nnc.verify.verification import verify

__all__ = ["Comparison", "Divergence", "Findings", "Verdict", "render", "verify"]
