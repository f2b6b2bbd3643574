"""Types and shapes of every value of a model, as ONNX infers them."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import Known
from nnc.backends.onnx.graph import OnnxGraph, written
from nnc.backends.onnx.model import NUMPY_TYPES


def known_values(graph: OnnxGraph) -> dict[Handle, Known]:
    """What is known of inputs, tensors and results. A value that nothing is known of is missing."""
    import onnx

    model = onnx.ModelProto.FromString(b"".join(written(graph, "0").whole))
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    handles = {name: handle for handle, name in graph.names().items()}
    found = {
        handle: Known(NUMPY_TYPES[array.dtype.name], array.shape)
        for handle, array in graph.tensors.items()
    }
    for info in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        type_ = info.type.tensor_type
        if type_.HasField("shape"):
            sizes = (
                dim.dim_value if dim.HasField("dim_value") else None for dim in type_.shape.dim
            )
            found[handles[info.name]] = Known(type_.elem_type, tuple(sizes))
    return found
