"""Functions of single elements."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.types import DType
from nnc.compiler.vocabulary.ops.elementwise import (
    Abs,
    Cast,
    Ceil,
    Clip,
    Cos,
    Erf,
    Exp,
    Floor,
    Log,
    Negate,
    Reciprocal,
    Round,
    Sign,
    Sin,
    Sqrt,
    StopGradient,
)

_NUMPY: Mapping[DType, Any] = {
    "f32": np.float64,
    "i32": np.int32,
    "i64": np.int64,
    "bool": np.bool_,
}
"""The element types that a cast gives; the reference has all floats in float64."""

_ERF = np.frompyfunc(math.erf, 1, 1)


@ops.lowers(Negate)
def negate(op: Negate, call: Call) -> Tensor:
    return -call.x


@ops.lowers(Abs)
def absolute(op: Abs, call: Call) -> Tensor:
    return tape.absolute(call.x)


@ops.lowers(Exp)
def exp(op: Exp, call: Call) -> Tensor:
    return tape.exp(call.x)


@ops.lowers(Log)
def log(op: Log, call: Call) -> Tensor:
    return tape.log(call.x)


@ops.lowers(Sqrt)
def sqrt(op: Sqrt, call: Call) -> Tensor:
    return tape.sqrt(call.x)


@ops.lowers(Sin)
def sin(op: Sin, call: Call) -> Tensor:
    return tape.sin(call.x)


@ops.lowers(Cos)
def cos(op: Cos, call: Call) -> Tensor:
    return tape.cos(call.x)


@ops.lowers(Reciprocal)
def reciprocal(op: Reciprocal, call: Call) -> Tensor:
    return 1.0 / call.x


@ops.lowers(Sign)
def sign(op: Sign, call: Call) -> Tensor:
    return tape.constant(np.sign(call.x.value))


@ops.lowers(Floor)
def floor(op: Floor, call: Call) -> Tensor:
    return tape.constant(np.floor(call.x.value))


@ops.lowers(Ceil)
def ceil(op: Ceil, call: Call) -> Tensor:
    return tape.constant(np.ceil(call.x.value))


@ops.lowers(Round)
def nearest(op: Round, call: Call) -> Tensor:
    return tape.constant(np.rint(call.x.value))


@ops.lowers(Erf)
def erf(op: Erf, call: Call) -> Tensor:
    x = call.x.value
    value = np.asarray(_ERF(x), np.float64)
    return tape.elementwise(call.x, value, np.exp(-(x**2)) * (2.0 / math.sqrt(math.pi)))


@ops.lowers(StopGradient)
def stop_gradient(op: StopGradient, call: Call) -> Tensor:
    return tape.constant(call.x.value)


@ops.lowers(Clip)
def clip(op: Clip, call: Call) -> Tensor:
    low = -np.inf if op.low is None else op.low
    high = np.inf if op.high is None else op.high
    return tape.clip(call.x, low, high)


@ops.lowers(Cast)
def cast(op: Cast, call: Call) -> Tensor:
    if op.dtype == "f32" and call.types[0].dtype == "f32":
        return call.x
    return tape.constant(call.x.value.astype(_NUMPY[op.dtype]))
