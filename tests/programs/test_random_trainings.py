"""Random programs take the same updates everywhere: in training, with masks and running statistics,
inside the graphs of TensorFlow, and by the gradients of ONNX's operators."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nnc.backends import initial, reach
from nnc.compiler.ir import LossTerm, Program, Training, Value
from nnc.compiler.types import FLOATS
from nnc.compiler.vocabulary.losses.regression import MeanSquaredError
from nnc.compiler.vocabulary.optimizers import AdamW, Optimizer, RmsProp, Sgd
from nnc.compiler.vocabulary.schedules import ConstantRate
from nnc.verify import feed
from nnc.verify.trajectory import verify_steps
from tests.programs.random_graphs import random_program
from tests.programs.test_random_programs import EVERY, SHARES, is_calm

RULES: tuple[Optimizer, ...] = (
    AdamW(lr=0.01, weight_decay=0.1),
    Sgd(lr=0.01, momentum=0.9),
    RmsProp(lr=0.001),
)
STEPS = 3


def trained(seed: int) -> Program | None:
    """The program of a seed with a loss over one of its outputs; None where there is none to train
    or to judge."""
    program, chance = random_program(seed), random.Random(seed)
    outputs = [output for output in program.graph.outputs if output.value.type.dtype in FLOATS]
    if not outputs or not is_calm(program, seed):
        return None
    output = chance.choice(outputs)
    target = Value("t", output.value.type)
    term = LossTerm(MeanSquaredError(), 1.0, (output.name,), (output.value,), target, logits=False)
    training = Training((target,), (term,), (), chance.choice(RULES), ConstantRate())
    made = replace(program, training=training)
    return made if reach.reached(made) else None


# A few of the programs that are compared as networks: updates take longer.
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize("seeds", SHARES[::2], ids=lambda r: f"{r.start}-{r.stop}")
def test_random_programs_train_the_same_everywhere(seeds: range) -> None:
    for seed in seeds:
        made = trained(seed)
        if made is None:
            continue
        found = verify_steps(
            made,
            steps=STEPS,
            feed=feed.at_random(made, 4, seed, STEPS),
            weights=dict(initial.weights(made.graph, seed)),
            backends=EVERY,
            precisions=("float64",),
        )
        for path in found.paths:
            assert path.state == "compared", f"program {seed}: {path.message}"
            assert path.agrees, f"program {seed}, {path.backend}: {path.first}"
