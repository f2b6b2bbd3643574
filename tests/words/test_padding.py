"""Padding against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.compiler.vocabulary.ops.padding import (
    CircularPad,
    ConstantPad,
    Padded,
    ReflectPad,
    ReplicatePad,
    ZeroPad,
)

WIDTHS = ((2, 1), (0, 3))
PADS: list[tuple[Padded, dict[str, Any]]] = [
    (ZeroPad(padding=WIDTHS), {"mode": "constant"}),
    (ConstantPad(padding=WIDTHS, value=2.5), {"mode": "constant", "constant_values": 2.5}),
    (ReflectPad(padding=WIDTHS), {"mode": "reflect"}),
    (ReplicatePad(padding=WIDTHS), {"mode": "edge"}),
    (CircularPad(padding=WIDTHS), {"mode": "wrap"}),
]


@pytest.mark.parametrize(("op", "options"), PADS, ids=lambda item: getattr(item, "word", ""))
def test_is_numpys(op: Padded, options: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    runner = ReferenceRunner(Program(single(op, (parse_type("f32[3, 4, 5]"),))), {})
    expected = np.pad(x, ((0, 0), (0, 0), *WIDTHS), **options)
    np.testing.assert_array_equal(runner.outputs({"x0": x})["y0"], expected)
