"""Recurrent layers through time."""

from __future__ import annotations

from nnc.backends.onnx.gradients.table import GRADIENTS

for operator in ("LSTM", "GRU", "RNN"):
    GRADIENTS.refuses(operator, "recurrent layers have no gradient in ONNX yet")
