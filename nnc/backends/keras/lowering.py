"""What the lowerings of this backend work with: the tables they enter themselves in, and the site
of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from nnc.backends import pysource as py
from nnc.backends import recipes
from nnc.backends.base import Table
from nnc.backends.draws import key_of, part_of
from nnc.backends.keras.initializers import initializer
from nnc.backends.pysource import pieces
from nnc.compiler.ir import Node
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.ops.base import Weight

Axes: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Rows:
    """Where the rows of a weight stand along its last axis in Keras."""

    order: tuple[int, ...] = ()
    """Block k in Keras is block `order[k]` of the weight; empty where they stand alike."""
    number: int | None = None
    """Which row of the variable is the weight, None when it is the whole variable."""


Place: TypeAlias = "tuple[str, Axes] | tuple[str, Axes, Rows]"
"""Where a layer keeps a weight, `cell.kernel`, and the canonical axes in Keras' order."""


PACKAGE = "nnc.backends.keras.pieces"
_FILES = {
    "activation": "celu gelu gelu_tanh leaky_relu selu step",
    "attention": "MultiHeadAttention ScaledDotProductAttention",
    "clipping": "clipped_each clipped_to clipped_together",
    "command": "main",
    "constraints": "max_norm non_negative unit_norm",
    "conv": "ConvTranspose SeparableConv TrueConv1D TrueConv2D TrueConv3D",
    "data": "divide load_npz",
    "embedding": (
        "Embedding LearnedPositionalEncoding PaddedEmbedding PositionalEncoding RotaryEncoding"
    ),
    "losses": (
        "binary_cross_entropy binary_cross_entropy_of_probabilities categorical_focal "
        "cosine_distance cross_entropy cross_entropy_of_logarithms ctc focal gaussian_kl "
        "gaussian_nll huber kl_divergence log_cosh multiclass_hinge pinball poisson "
        "root_mean_squared_error triplet weighted_binary_cross_entropy"
    ),
    "merge": "greater_of less_of scaled",
    "metrics": (
        "absolute_errors area_under_curve confused_answers confused_classes confusion_matrix f1 "
        "judged_answers judged_classes precision r_squared ratio recall right_among right_answers "
        "right_classes root_ratio scored spreads squared_errors"
    ),
    "normalization": "BatchNorm RMSNorm",
    "optimizers": "Adadelta Adagrad Adam Adamax Lamb Lion Nadam RMSprop SGD",
    "padding": "pad_circular pad_edge",
    "penalties": "per_example sum_of_magnitudes sum_of_squares",
    "pooling": "adaptive_average_pool adaptive_max_pool average_pool max_pool slide",
    "recurrent": "valid_steps",
    "reduction": "deviation_over variance_over",
    "regularization": (
        "AlphaDropout DRAWN_AT Drawing Dropout GaussianDropout GaussianNoise SpatialDropout "
        "set_step"
    ),
    "resize": "interpolate nearest",
    "selection": "Gather",
    "training": "train",
    "units": "PReLU RBF greatest_piece",
    "weights": "load_weights save_weights variable",
}
PIECES = {name: file for file, names in _FILES.items() for name in names.split()}
PIECES |= {name: file for file in recipes.FILES for name in pieces.read(pieces.SHARED, file)}
"""The hand-written functions and classes, and the file that each lies in."""


class PieceNames:
    """Notes which hand-written functions and classes a program uses."""

    def __init__(self) -> None:
        self.wanted: list[str] = []
        """What is used, as `file:name`, in the order of use."""

    def __call__(self, name: str) -> py.Name:
        item = f"{PIECES[name]}:{name}"
        if item not in self.wanted:
            self.wanted.append(item)
        return py.name(name)


class Writer(Protocol):
    """The part of a program under construction that lowerings write to."""

    def layer(
        self, site: Site, constructor: py.Call, stored: Mapping[str, Place], suffix: str
    ) -> py.Expr: ...

    def step(self, site: Site, expr: py.Expr, suffixes: tuple[str, ...]) -> tuple[py.Name, ...]: ...

    @property
    def piece(self) -> PieceNames: ...

    @property
    def seed(self) -> int: ...


class Site:
    """A node being lowered: what it takes, by the names these have in the program."""

    def __init__(
        self,
        writer: Writer,
        node: Node,
        inputs: tuple[py.Expr, ...],
        read: tuple[bool, ...] = (True,),
    ) -> None:
        self._writer = writer
        self.node = node
        self.inputs = inputs
        self.read = read
        """Which of the results anything needs."""

    @property
    def input(self) -> py.Expr:
        """The first input."""
        return self.inputs[0]

    @property
    def type(self) -> TensorType:
        """The type of the first input."""
        return self.node.inputs[0].type

    @property
    def key(self) -> py.Hexadecimal:
        """The key of the numbers that the node draws in training."""
        return py.Hexadecimal(key_of(self._writer.seed, self.node.name))

    def key_behind(self, level: int) -> py.Hexadecimal:
        """The key of what is drawn behind one of the levels of the node."""
        return py.Hexadecimal(key_of(self._writer.seed, part_of(self.node.name, level)))

    def weight(self, name: str) -> Weight:
        """The weight of this name. Raises StopIteration when the node has none of it."""
        return next(weight for weight in self.node.weights if weight.name == name)

    def bias(self) -> dict[str, Any]:
        """The options about a bias, which the op may have or not."""
        has_bias = any(weight.name == "bias" for weight in self.node.weights)
        if not has_bias:
            return {"use_bias": False}
        return self.begins("bias_initializer", "bias", "zeros")

    def begins(
        self, option: str, name: str, default: str, fans: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """The option that says how a weight begins, unless Keras begins it so anyhow."""
        made = self.initializer(name, fans)
        return only(made != py.literal(default), **{option: made})

    def initializer(self, name: str, fans: tuple[int, int] | None = None) -> py.Expr:
        """How Keras begins a weight; `fans` are those that Keras would work out from its own
        shape."""
        return initializer(self.weight(name), fans)

    def layer(
        self,
        kind: str,
        *arguments: object,
        stored: Mapping[str, Place] | None = None,
        suffix: str = "",
        **options: object,
    ) -> py.Expr:
        """A layer of Keras (`layers.Dense`) or of the pieces (`BatchNorm`), to be called.

        `stored` says of each weight where it lies. `suffix` names a layer that only prepares:
        `conv1_padding`.
        """
        function: py.Expr = py.dotted(kind) if "." in kind else self.piece(kind)
        frozen = any(w.role == "parameter" and not w.trainable for w in self.node.weights)
        if stored and frozen:
            options["trainable"] = False
        call = py.call(function, *arguments, **options)
        return self._writer.layer(self, call, stored or {}, suffix)

    def function(self, name: str, **arguments: object) -> py.Expr:
        """A function of the pieces applied to the input, as a layer of its own.

        Keras takes a product of a number and a symbolic tensor for a sparse tensor, which the
        layers after it then refuse; inside a `Lambda` the function sees real tensors.
        """
        options: dict[str, Any] = {"arguments": py.value(arguments)} if arguments else {}
        return self.apply(self.layer("layers.Lambda", self.piece(name), **options))

    def apply(self, layer: py.Expr, *inputs: py.Expr) -> py.Call:
        """The layer called on these, or on the inputs of the node."""
        return py.call(layer, *(inputs or self.inputs))

    def step(self, expr: py.Expr, suffix: str) -> py.Name:
        """A line of its own for what comes before the result; the name of its value."""
        return self._writer.step(self, expr, (suffix,))[0]

    def unpack(self, expr: py.Expr, *suffixes: str) -> tuple[py.Name, ...]:
        """A line that takes several results apart; the names of their values."""
        return self._writer.step(self, expr, suffixes)

    def at(self, *inputs: py.Expr) -> Site:
        """The same site with other inputs."""
        return Site(self._writer, self.node, inputs)

    def piece(self, name: str) -> py.Name:
        """The name of a hand-written function or class, which the program then contains."""
        return self._writer.piece(name)


Lowered: TypeAlias = "py.Expr | tuple[py.Expr, ...]"
Lowering: TypeAlias = Callable[[Any, Site], Lowered]

OPS: Table[Lowering] = Table("keras", "op")


def example_axis(axis: int) -> int:
    """An axis of one example as an axis of the batch."""
    return axis if axis < 0 else axis + 1


def only(condition: bool, **options: Any) -> dict[str, Any]:
    """The options when the condition holds, none otherwise."""
    return options if condition else {}


def one_or_each(numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """A single number when all are equal."""
    return numbers[0] if len(set(numbers)) == 1 else numbers
