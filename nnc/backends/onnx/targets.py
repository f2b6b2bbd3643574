"""What a model is deployed on: the versions that a runtime reads, and the operators it has.

Facts are those of each runtime's own documentation, named in `source`. onnxruntime was run, and
OpenVINO (`make openvino`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from nnc.backends.onnx.assembly import Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.optimize import Rewrite
from nnc.backends.onnx.optimize.batch_norm import fold_batch_norm
from nnc.backends.onnx.optimize.processor import fold_scale, keep_sums_apart, project_apart
from nnc.backends.onnx.optimize.reductions import keep_reductions_apart
from nnc.backends.onnx.optimize.unused import drop_unused
from nnc.compiler.diagnostics import Diagnostic, Failed, Label

TargetName: TypeAlias = Literal["ort", "web", "tensorrt", "openvino", "coreml"]
Rule: TypeAlias = Callable[[OnnxNode, OnnxGraph], str | None]
"""Why a runtime can't run a node, or None."""
_SHOWN: Final = 20


@dataclass(frozen=True)
class Target:
    """A runtime. `operators` are all that it has, None for every one that nnc writes; `rules` are
    what it doesn't take of those. `rewrites` put what it lacks into other operators; `tuned` are
    forms that it computes faster, for the level `deploy`."""

    title: str
    opsets: range
    source: str
    opset: int = 20
    operators: frozenset[str] | None = None
    rules: tuple[Rule, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    tuned: tuple[Rewrite, ...] = ()
    texts: bool = False
    """Whether it has tensors of texts."""

    def check(self, graph: OnnxGraph) -> None:
        """Raise Failed (E706) with every layer that this runtime can't run."""
        found: dict[tuple[str, str], Diagnostic] = {}
        for node, why in self._problems(graph):
            name = node.origin.name if node.origin else node.name
            found.setdefault((name, why), _refusal(self.title, name, why, node))
        if found:
            raise Failed(list(found.values())[:_SHOWN])

    def _problems(self, graph: OnnxGraph) -> Iterator[tuple[OnnxNode, str]]:
        for node in graph.nodes:
            if self.operators is not None and node.operator not in self.operators:
                yield node, f"it has no operator {node.operator}"
                continue
            for rule in self.rules:
                why = rule(node, graph)
                if why is not None:
                    yield node, why


def flatten_by_reshape(graph: OnnxGraph) -> None:
    """Flatten to [batch, all] is the Reshape to [0, -1], where 0 keeps the batch."""
    for number, node in enumerate(graph.nodes):
        if node.operator == "Flatten" and node.attributes["axis"] == 1:
            shape = Handle(f"{node.name}/shape")
            graph.tensors[shape] = np.array([0, -1])
            inputs = (*node.inputs, shape)
            graph.nodes[number] = replace(node, operator="Reshape", inputs=inputs, attributes={})


def _refusal(title: str, name: str, why: str, node: OnnxNode) -> Diagnostic:
    what = "layer" if node.origin else "node"
    label = (Label(node.origin.span, f"this becomes {node.operator}"),) if node.origin else ()
    return Diagnostic(
        "E706",
        f"{title} can't run the {what} `{name}`: {why}",
        label,
        help="export for `--target ort`, or write it with other words",
    )


def _axes(node: OnnxNode) -> int | None:
    """The spatial axes of a convolution or a pooling."""
    if node.operator in ("GlobalAveragePool", "GlobalMaxPool"):
        return node.origin.inputs[0].type.rank - 1 if node.origin else None
    if node.operator in ("Conv", "ConvTranspose", "MaxPool", "AveragePool"):
        return len(node.attributes["kernel_shape"])
    return None


def _at_most_two_axes(node: OnnxNode, graph: OnnxGraph) -> str | None:
    axes = _axes(node)
    if node.operator.startswith("Conv") and axes is not None and axes > 2:
        return f"its {node.operator} has at most 2 axes, and this one has {axes}"
    return None


def _pools_two_axes(node: OnnxNode, graph: OnnxGraph) -> str | None:
    axes = _axes(node)
    if node.operator.endswith("Pool") and axes is not None and axes != 2:
        return f"its {node.operator} has 2 axes, and this one has {axes}"
    return None


def _adds_no_output(node: OnnxNode, graph: OnnxGraph) -> str | None:
    if node.operator == "ConvTranspose" and any(node.attributes["output_padding"]):
        return "its ConvTranspose takes no output padding"
    return None


def _slices_at_constants(node: OnnxNode, graph: OnnxGraph) -> str | None:
    if node.operator == "Slice" and any(x not in graph.tensors for x in node.inputs[1:] if x):
        return "its Slice takes constant places alone"
    return None


def _pools_without_gaps(node: OnnxNode, graph: OnnxGraph) -> str | None:
    if node.operator.endswith("Pool") and max(node.attributes.get("dilations", (1,))) > 1:
        return f"its {node.operator} has no dilation"
    return None


def _pads_without_wrapping(node: OnnxNode, graph: OnnxGraph) -> str | None:
    if node.operator == "Pad" and node.attributes.get("mode") == "wrap":
        return "its Pad doesn't go round in a circle; opset 18 writes it with other operators"
    return None


def _runs_whole_sequences(node: OnnxNode, graph: OnnxGraph) -> str | None:
    lengths = node.inputs[4:5]
    if node.operator in ("GRU", "LSTM", "RNN") and lengths and lengths[0] is not None:
        return f"its {node.operator} computes on behind the length of a sequence"
    return None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SINCE_23: Final = frozenset({"Attention", "RMSNormalization"})
_COMMON: Final = _words("""
    Abs Add And ArgMax AveragePool BatchNormalization Cast Celu Clip Concat Conv ConvTranspose Div
    Elu Equal Erf Exp Flatten GRU Gather GatherND Gelu Gemm GlobalAveragePool Greater GreaterOrEqual
    HardSigmoid HardSwish Identity InstanceNormalization LSTM LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax MatMul Max MaxPool Min Mish Mul Neg Not Or PRelu Pad Pow RNN Range
    Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
    Resize Selu Shape Sigmoid Sign Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Tanh Tile
    Transpose Unsqueeze Where IsNaN Cos Sin Ceil Floor Round
""")
_COREML: Final = _words("""
    Add ArgMax AveragePool Cast Clip Concat Conv ConvTranspose Div Erf Gelu Gemm GlobalAveragePool
    InstanceNormalization LayerNormalization LeakyRelu MatMul Max MaxPool Mul PRelu Pow Reciprocal
    ReduceMax ReduceMean ReduceSum Relu Reshape Resize Shape Sigmoid Slice Softmax Split Sqrt
    Squeeze Sub Tanh Transpose Unsqueeze
""")

TARGETS: Final[Mapping[TargetName, Target]] = {
    "ort": Target(
        "ONNX Runtime",
        range(18, 27),
        "measured with 1.31",
        texts=True,
        tuned=(project_apart, fold_scale, keep_sums_apart, drop_unused),
    ),
    "web": Target(
        "ONNX Runtime Web", range(18, 27), "its WebAssembly has the processor's kernels", texts=True
    ),
    "tensorrt": Target(
        "TensorRT",
        range(18, 21),
        "the operators of TensorRT 10.0, docs/operators.md of onnx-tensorrt",
        operators=_COMMON,
        rules=(_pools_without_gaps,),
    ),
    "openvino": Target(
        "OpenVINO",
        range(18, 24),
        "measured with 2026.4 on processors, docs/supported_ops.md of its ONNX frontend",
        operators=_COMMON | _SINCE_23,
        rules=(_pads_without_wrapping, _runs_whole_sequences),
        rewrites=(keep_reductions_apart,),
    ),
    "coreml": Target(
        "Core ML",
        range(18, 21),
        "the operators of an ML Program, onnxruntime's CoreML execution provider",
        operators=_COREML,
        rules=(_at_most_two_axes, _pools_two_axes, _adds_no_output, _slices_at_constants),
        rewrites=(fold_batch_norm, flatten_by_reshape),
    ),
}
