"""What the lowerings of losses and metrics work with, and the table of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Assembly, Handle, Scope
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.losses.base import Reduced


class Comparison(Scope):
    """Predictions, mostly one, and for most words a target; the batch is their first axis.

    What is made of a prediction is made of operators that have a gradient. Where two values are
    combined, the one that depends on a prediction has the larger shape.
    """

    def __init__(
        self,
        assembly: Assembly,
        name: str,
        values: tuple[Handle, ...],
        types: tuple[TensorType, ...],
        *,
        logits: bool = False,
    ) -> None:
        super().__init__(assembly, name)
        self.values = values
        """The predictions, then the target."""
        self.types = types
        """The types of one example of each."""
        self.logits = logits
        """Whether the prediction is logits."""

    @property
    def prediction(self) -> Handle:
        """The first value."""
        return self.values[0]

    @property
    def target(self) -> Handle:
        """The last value."""
        return self.values[-1]

    @property
    def is_class(self) -> bool:
        """Whether the target has class numbers, so that it lacks the prediction's last axis."""
        return self.types[-1].rank < self.types[0].rank

    def scaled(self, x: Handle, factor: float) -> Handle:
        """factor · x."""
        return x if factor == 1 else self.add("Mul", x, self.number(factor, "factor"))

    def moved(self, x: Handle, by: float) -> Handle:
        """x + by."""
        return x if by == 0 else self.add("Add", x, self.number(by, "offset"))

    def rest(self, x: Handle, of: float = 1.0) -> Handle:
        """of - x."""
        return self.add("Sub", self.number(of, "one"), x)

    def squared(self, x: Handle) -> Handle:
        return self.add("Mul", x, x)

    def softplus(self, x: Handle) -> Handle:
        """ln(1 + eˣ). onnxruntime has no Softplus of float64: there it is
        ½·(x + |x|) + ln(1 + e^-|x|), whose gradient at 0 is ½ too."""
        if self.float_type != "f64":
            return self.add("Softplus", x)
        size = self.add("Abs", x)
        bent = self.add("Log", self.moved(self.add("Exp", self.add("Neg", size)), 1.0))
        return self.add("Add", self.scaled(self.add("Add", x, size), 0.5), bent)

    def clipped(self, x: Handle, low: float, high: float | None = None) -> Handle:
        """x within bounds; its gradient is 0 outside of them."""
        bound = None if high is None else self.number(high, "high")
        return self.add("Clip", x, self.number(low, "low"), bound)

    def total(self, x: Handle, *axes: int, keep: bool = False) -> Handle:
        """The sum along axes, without any along all."""
        given = (self.whole(axes, "axes"),) if axes else ()
        return self.add("ReduceSum", x, *given, keepdims=int(keep))

    def reduced(self, loss: Reduced, found: Handle) -> Handle:
        """The mean or the sum over all, as the loss says."""
        operator = "ReduceMean" if loss.reduction == "mean" else "ReduceSum"
        return self.add(operator, found, keepdims=0)

    def as_float(self, x: Handle) -> Handle:
        """Whole numbers or truths as numbers of a formula."""
        return self.add("Cast", x, to=ELEMENT_TYPES[self.float_type])

    def places(self) -> Handle:
        """How long the prediction's last axis is, an i64 scalar; 1 for a prediction without."""
        if not self.types[0].rank:
            return self.whole(1, "places")
        last = self.types[0].shape[-1]
        if isinstance(last, int):
            return self.whole(last, "places")
        return self.add("Squeeze", self.add("Shape", self.prediction, start=-1))

    def class_numbers(self) -> Handle:
        """The target as i64."""
        if self.types[-1].dtype == "i64":
            return self.target
        return self.add("Cast", self.target, to=ELEMENT_TYPES["i64"])

    def pick(self, x: Handle, numbers: Handle) -> Handle:
        """Of each row along the last axis the element with its number."""
        last = self.whole([-1], "last")
        places = self.add("Unsqueeze", numbers, last)
        return self.add("Squeeze", self.add("GatherElements", x, places, axis=-1), last)

    def one_hot(self, numbers: Handle, count: Handle | None = None) -> Handle:
        """Truths: which element of a row along the last axis has the row's number. A row has
        `count` elements, without it as many as the prediction."""
        zero, one = self.whole(0, "zero"), self.whole(1, "one")
        every = self.add("Range", zero, count or self.places(), one)
        places = self.add("Unsqueeze", numbers, self.whole([-1], "last"))
        return self.add("Equal", every, places)


LossLowering: TypeAlias = Callable[[Any, Comparison], Handle]
"""(loss, what it takes) -> one number."""

LOSSES: Table[LossLowering] = Table("onnx", "loss")
