"""Names and texts of a spec that would break a careless generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.torch.emit import class_name, emit
from nnc.backends.torch.run import TorchRunner, load_module
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Data, Field, Graph, Node, Output, Program, Value
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.data import Columns, Csv
from nnc.compiler.vocabulary.ops.dense import Dense
from tests.backends.torch.feeding import assert_clean, close, program, weights
from tests.backends.torch.test_programs import feed

NAMES = (
    *("class", "lambda", "None", "self", "torch", "nn", "F", "math", "Tensor", "model", "batch"),
    *("forward", "train", "eval", "parameters", "type", "list", "print", "match"),
    *("loss", "objective", "scores", "activate", "main", "weights", "data", "l", "O", "_"),
    *("größe", "名前", "ﬁ", "x_2", "_modules", "__init__", "__class__", "0", "1", "10", "super"),
    *("MultiHeadAttention", "evaluate", "WEIGHTS", "SEED", "Path", "block", "x", "keys", "items"),
)
FLOAT = TensorType("f32", (3,))


def chain(layers: list[str], *, model: str = "M", value: str = "x", result: str = "y") -> Program:
    """A model of Dense layers one after the other, with names that no grammar has looked at."""
    op = Dense(units=3)
    flow = Value(value, FLOAT)
    inputs, nodes, hints = (flow,), [], {}
    for layer in layers:
        made = Value(f"{layer}!", FLOAT)
        nodes.append(Node(layer, layer, op, (flow,), (made,), op.weights((FLOAT,))))
        hints[made.name] = layer.rpartition(".")[2]
        flow = made
    return Program(Graph(model, inputs, tuple(nodes), (Output(result, flow),), hints=hints))


def agree(made: Program) -> None:
    inputs, _ = feed(made)
    start = weights(made.graph)
    runner = TorchRunner(made, start, "float64")
    close(runner.outputs(inputs), ReferenceRunner(made, start).outputs(inputs))
    state = runner.model.state_dict()
    assert set(state) == set(made.graph.weights)
    runner.model.train()
    runner.model.eval()


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_a_layer_a_model_an_input_and_an_output(name: str) -> None:
    agree(chain([name, "other", f"deep.{name}", f"deep.{name}.inner", f"{name}.under"]))
    agree(chain(["a"], model=name, value=name, result=name))


def test_programs_with_such_names_are_clean(tmp_path: Path) -> None:
    files = []
    for number, name in enumerate(NAMES):
        made = chain([name, f"deep.{name}", "other"], model=name, value=name, result=name)
        file = tmp_path / f"program{number}.py"
        file.write_text(emit(made).text, encoding="utf-8")
        files.append(file)
    assert_clean(*files)


def test_all_such_names_at_once() -> None:
    agree(chain([*NAMES, *(f"deep.{name}" for name in NAMES)]))


def test_names_of_targets_and_inputs_do_not_meet() -> None:
    made = program(
        """
        model loss {
          input model: f32[2]
          input batch: f32[2]
          output total = (model, batch) -> concat -> Dense(1) as scores -> sigmoid
          output weights = model -> Dense(1)
        }
        train {
          target penalty: f32[1]
          target loss: f32[1]
          loss = binary_cross_entropy(total, penalty) + mse(weights, loss) + l2(0.1)
          optimizer = sgd(lr=0.1)
          metrics = [accuracy(total, penalty), mae(weights, loss)]
        }
        """
    )
    inputs, targets = feed(made)
    start = weights(made.graph)
    loss, gradients = TorchRunner(made, start, "float64").gradients(inputs, targets)
    expected, formula = ReferenceRunner(made, start).gradients(inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-12)
    close(gradients, formula)
    assert class_name(made) == "loss_2"


def test_a_layer_called_training_is_refused() -> None:
    made = program("model M { input x: f32[2] output y = x -> Dense(1) as training }")
    with pytest.raises(Failed) as caught:
        emit(made)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E705"
    assert diagnostic.labels[0].span.text.startswith("Dense(1)")


TEXTS = ('"; import os; os.abort() #', "'''", '"""', "\\", "a\nb", "\u202e", "{x}", "%s", "\x00")


@pytest.mark.parametrize("text", TEXTS)
def test_texts_stay_texts(text: str, tmp_path: Path) -> None:
    made = program(
        "model M { input x: f32[1] output y = x -> Dense(1) } "
        "train { target t: f32[1] loss = mse(y, t) optimizer = sgd(lr=0.1) }"
    )
    assert made.training is not None
    fields = (
        Field(("x",), Columns(names=(text,))),
        Field(("t",), Columns(names=(text, 0))),
    )
    data = Data(Csv(path=text, delimiter=text[0]), fields)
    hostile = Program(made.graph, training=made.training, data=data)
    source = emit(hostile, weights=text).text
    module = load_module(source)
    asked: list[object] = []

    def read_csv(path: str, **_: object) -> dict[object, object]:
        asked.append(path)
        return {}

    def numbers(table: object, *names: object) -> list[object]:
        asked.extend(names)
        return []

    def divide(fields: dict[str, object], splits: object) -> None:
        asked.extend(fields)

    module.__dict__.update(read_csv=read_csv, numbers=numbers, divide=divide)
    module.load_data()
    assert asked == [text, text, text, 0, "x", "t"]
    file = tmp_path / "program.py"
    file.write_text(source, encoding="utf-8")
    assert_clean(file)
