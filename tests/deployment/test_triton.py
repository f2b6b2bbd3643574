"""A Triton repository: its configuration read by protocol buffers' own parser, its request run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)

import nnc
from nnc.backends import initial
from nnc.deployment.export import Options, exported
from nnc.deployment.triton import repository

TAGGER = """\
model Tagger {
  input  words: i64[T]
  input  length: i64
  output score = words -> Embedding(9, 4) -> mean(0) -> Dense(2)
  output many = length -> Embedding(5, 3)
}
"""
NUMPY = {"FP32": np.float32, "INT64": np.int64}


def configuration(text: str) -> Any:
    """The fields of Triton's ModelConfig that are written here, by the names of its definition."""
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", package="t", syntax="proto3")
    kind = descriptor_pb2.FieldDescriptorProto
    types = file.enum_type.add(name="DataType")
    names = ("INVALID", "BOOL", "UINT8", "INT32", "INT64", "FP32", "STRING")
    for number, name in enumerate(names):
        types.value.add(name=f"TYPE_{name}", number=number)

    def message(called: str, /, **fields: tuple[Any, str | None, bool]) -> None:
        made = file.message_type.add(name=called)
        for number, (field, (type_, of, repeated)) in enumerate(fields.items(), 1):
            label = kind.LABEL_REPEATED if repeated else kind.LABEL_OPTIONAL
            made.field.add(
                name=field,
                number=number,
                type=type_,
                label=label,
                type_name=f".t.{of}" if of else None,
            )

    text_, whole = (kind.TYPE_STRING, None, False), (kind.TYPE_INT32, None, False)
    numbers = (kind.TYPE_INT64, None, True)
    end = {
        "name": text_,
        "data_type": (kind.TYPE_ENUM, "DataType", False),
        "dims": numbers,
        "reshape": (kind.TYPE_MESSAGE, "Reshape", False),
    }
    message("Reshape", shape=numbers)
    message("Batching")
    message("Input", **end)
    message("Output", **end, label_filename=text_)
    message(
        "ModelConfig",
        name=text_,
        backend=text_,
        max_batch_size=whole,
        input=(kind.TYPE_MESSAGE, "Input", True),
        output=(kind.TYPE_MESSAGE, "Output", True),
        dynamic_batching=(kind.TYPE_MESSAGE, "Batching", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.ModelConfig"))()
    return text_format.Parse(text, made)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    program, found = nnc.compile_text(TAGGER)
    assert program is not None, found
    weights = dict(initial.weights(program.graph, 0))
    options = Options(labels={"score": ("no", "yes")})
    made = repository(exported(program, weights, "model.onnx", options))
    return {path: b"".join(chunks) for path, chunks in made.items()}


def test_the_files_are_where_the_server_looks(files: dict[str, bytes]) -> None:
    assert set(files) == {
        *("Tagger/config.pbtxt", "Tagger/1/model.onnx", "Tagger/request.json"),
        "Tagger/score.labels.txt",
    }
    assert files["Tagger/score.labels.txt"] == b"no\nyes\n"


def test_the_configuration_describes_the_model(files: dict[str, bytes]) -> None:
    found = configuration(files["Tagger/config.pbtxt"].decode())
    assert (found.name, found.backend, found.max_batch_size) == ("Tagger", "onnxruntime", 64)
    session = onnxruntime.InferenceSession(files["Tagger/1/model.onnx"])
    for mine, its in ((found.input, session.get_inputs()), (found.output, session.get_outputs())):
        assert [end.name for end in mine] == [end.name for end in its]
        for end, given in zip(mine, its, strict=True):
            sizes = [-1 if isinstance(size, str) else size for size in given.shape[1:]]
            assert list(end.dims) == (sizes or [1])
            assert end.HasField("reshape") == (not sizes)
    assert [end.label_filename for end in found.output] == ["score.labels.txt", ""]


def test_the_request_fits_the_model(files: dict[str, bytes]) -> None:
    request = json.loads(files["Tagger/request.json"])
    session = onnxruntime.InferenceSession(files["Tagger/1/model.onnx"])
    ranks = {given.name: len(given.shape) for given in session.get_inputs()}
    feeds = {
        given["name"]: np.array(given["data"], NUMPY[given["datatype"]]).reshape(
            given["shape"][: ranks[given["name"]]]
        )
        for given in request["inputs"]
    }
    outputs = session.run([wanted["name"] for wanted in request["outputs"]], feeds)
    assert [array.shape for array in outputs] == [(2, 2), (2, 3)]
