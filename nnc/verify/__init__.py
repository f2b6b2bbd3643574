"""Whether every backend computes the same network, and trains it the same, measured."""

from nnc.verify.paths import Path, Paths
from nnc.verify.render import render
from nnc.verify.trajectory import verify_steps
from nnc.verify.verdict import Comparison, Divergence, Findings, Verdict
from nnc.verify.verification import verify

__all__ = [
    "Comparison",
    "Divergence",
    "Findings",
    "Path",
    "Paths",
    "Verdict",
    "render",
    "verify",
    "verify_steps",
]
