"""Written types of inputs and targets as tensor types."""

from __future__ import annotations

from nnc.compiler import syntax
from nnc.compiler.diagnostics import did_you_mean
from nnc.compiler.passes.arguments import Option, Poison, shown
from nnc.compiler.passes.expressions import Evaluator, Flowing, dimension
from nnc.compiler.passes.scope import Scope
from nnc.compiler.types import DTYPES, FLOATS, MAXIMUM_SIZE, Dim, Symbol, TensorType, elements

_OTHER_NAMES = {
    "float": "f32",
    "float32": "f32",
    "float64": "f64",
    "double": "f64",
    "half": "f16",
    "float16": "f16",
    "bfloat16": "bf16",
    "int": "i64",
    "int64": "i64",
    "long": "i64",
    "int32": "i32",
    "uint8": "u8",
    "byte": "u8",
    "boolean": "bool",
}


def input_type(evaluator: Evaluator, written: syntax.Type, scope: Scope) -> TensorType | None:
    """The type, or None when something was reported. A name that is no parameter is a free
    dimension."""
    dtype = next((d for d in DTYPES if d == written.dtype.text), None)
    if dtype is None:
        name = written.dtype.text
        other = _OTHER_NAMES.get(name.lower())
        evaluator.error(
            "E309",
            f"there is no element type `{name}`",
            written.dtype.span,
            "unknown element type",
            help=f"write `{other}`" if other else did_you_mean(name, DTYPES),
            notes=[f"element types are {', '.join(f'`{d}`' for d in DTYPES)}"],
        )
    elif dtype in FLOATS - {"f32"}:
        evaluator.error(
            "E311",
            f"values of the model are computed in `f32`, not in `{dtype}`",
            written.dtype.span,
            "not computed in",
            help="write `f32`; `nnc verify --float64` computes the same network in float64",
        )
        return None
    dims = [_dimension(evaluator, expression, scope) for expression in written.shape]
    if dtype is None or any(dim is None for dim in dims):
        return None
    shape = tuple(dim for dim in dims if dim is not None)
    count = elements(shape)
    if count is not None and count > MAXIMUM_SIZE:
        evaluator.error(
            "E310",
            f"one example of this type would have {count:,} elements",
            written.span,
            f"at most {MAXIMUM_SIZE:,} are possible",
        )
        return None
    return TensorType(dtype, shape)


def _dimension(evaluator: Evaluator, expression: syntax.Expression, scope: Scope) -> Dim | None:
    value = evaluator.evaluate(expression, scope)
    if isinstance(value, Poison):
        return None
    if isinstance(expression, syntax.Reference) and isinstance(value, Option | Flowing):
        return Symbol(expression.name)
    size = dimension(value)
    if size is None:
        evaluator.error(
            "E310",
            "a size must be a whole number above 0, or a name",
            expression.span,
            f"this is {shown(value)}"
            + (
                f"; at most {MAXIMUM_SIZE:,} is possible"
                if isinstance(value, int) and value > 0
                else ""
            ),
            help="the batch is not written: the type is that of one example",
        )
    return size
