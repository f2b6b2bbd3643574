"""What generated programs compute stays on the device of their inputs.

PyTorch's device "meta" has shapes and no numbers, and refuses values of another device as a
graphics card does. What asks for numbers can't be tried there.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nnc.backends.torch.emit import class_name, emit
from nnc.backends.torch.run import load_module
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.verify import sample
from tests.matrix.examples import BATCH, Case, by_name, cases
from tests.matrix.test_losses import LossCase, loss_cases, program_of
from tests.words.test_metrics import CASES
from tests.words.test_metrics import program_of as with_metric

KINDS = {"f": torch.float32, "i": torch.int64, "u": torch.uint8, "b": torch.bool}


def there(array: NDArray[Any]) -> torch.Tensor:
    kind = array.dtype.kind
    return torch.empty(array.shape, dtype=KINDS[kind], device="meta", requires_grad=kind == "f")


def model_of(program: Program) -> tuple[Any, Any]:
    module = load_module(emit(program).text)
    return module, getattr(module, class_name(program))().to("meta")


def asks_for_lengths(case: Case) -> bool:
    """PyTorch packs sequences by numbers on the processor."""
    return isinstance(case.op, Recurrent) and case.op.has_lengths(case.example.inputs)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("case", [c for c in cases() if not asks_for_lengths(c)], ids=by_name)
def test_ops(case: Case, training: bool) -> None:
    _, model = model_of(case.program)
    inputs = case.inputs(max(case.sizes()), np.random.default_rng(0))
    made = model.train(training)(*map(there, inputs.values()))
    outputs = made if isinstance(made, tuple) else (made,)
    assert {y.device.type for y in outputs} == {"meta"}
    traced = [y.sum() for y in outputs if y.requires_grad]
    if traced:
        torch.stack(traced).sum().backward()


def batch_of(program: Program) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(0)
    inputs = sample.inputs(program.graph, BATCH, rng)
    return {n: there(x) for n, x in {**inputs, **sample.targets(program, inputs, rng)}.items()}


# PyTorch's `ctc_loss` has no form for shapes alone.
@pytest.mark.parametrize(
    "case", [c for c in loss_cases() if c.loss.word != "ctc"], ids=lambda case: case.name
)
def test_losses(case: LossCase) -> None:
    program = program_of(case)
    module, model = model_of(program)
    loss = module.objective(model, batch_of(program))
    assert loss.device.type == "meta"
    loss.backward()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[text for text, *_ in CASES])
def test_metrics(number: int) -> None:
    text, prediction, target, _ = CASES[number]
    program = with_metric(text, prediction, target)
    module, model = model_of(program)
    try:
        module.measure(model, batch_of(program))
    except RuntimeError as error:
        # It asked for a number; until then all was on one device.
        if not re.search("meta tensor|register_meta", str(error), re.IGNORECASE):
            raise
