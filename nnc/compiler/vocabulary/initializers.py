"""How weights begin. Drawn once by nnc from the seed and the weight's name, the same for every
backend."""

from __future__ import annotations

from typing import ClassVar

from nnc.compiler.vocabulary.base import NonNegativeReal, Real, Word
from nnc.compiler.vocabulary.fields import Field


class Initializer(Word):
    """A rule that fills a weight. fan_in and fan_out are the connections into and out of one
    unit."""

    kind = "initializer"

    def misfit(self, shape: tuple[int, ...]) -> str:
        """Why this can't fill a weight of a shape; nothing when it can."""
        return ""


class Zeros(Initializer):
    """Every element 0."""

    word = "zeros"
    aliases = ("Zeros", "zeros_")


class Ones(Initializer):
    """Every element 1."""

    word = "ones"
    aliases = ("Ones", "ones_")


class Constant(Initializer):
    """Every element `value`."""

    word = "constant"
    aliases = ("Constant", "constant_")
    positional = ("value",)
    argument_aliases = {"val": "value"}
    value: Real = Field(description="the value of every element")


class Uniform(Initializer):
    """Uniform between `low` and `high`."""

    word = "uniform"
    aliases: ClassVar[tuple[str, ...]] = ("random_uniform", "RandomUniform")
    positional = ("low", "high")
    argument_aliases = {"minval": "low", "maxval": "high"}
    low: Real = Field(-0.05, description="lower bound")
    high: Real = Field(0.05, description="upper bound")


class Normal(Initializer):
    """Normal with mean `mean` and standard deviation `std`, not truncated."""

    word = "normal"
    aliases = ("random_normal", "RandomNormal")
    positional = ("mean", "std")
    argument_aliases = {"stddev": "std"}
    mean: Real = Field(0.0, description="mean")
    std: NonNegativeReal = Field(0.02, description="standard deviation")


class TruncatedNormal(Initializer):
    """Normal with mean `mean` and standard deviation `std`, cut off at 2·std on either side.

    What is left is not scaled up again: its standard deviation is 0.87962566·std. PyTorch's
    trunc_normal_ cuts at ±2 whatever std is.
    """

    word = "truncated_normal"
    aliases = ("TruncatedNormal",)
    positional = ("mean", "std")
    argument_aliases: ClassVar[dict[str, str]] = {"stddev": "std"}
    mean: Real = Field(0.0, description="mean")
    std: NonNegativeReal = Field(0.02, description="standard deviation before it is cut off")


class GlorotUniform(Initializer):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    word = "glorot_uniform"
    aliases = ("xavier_uniform", "GlorotUniform", "xavier_uniform_")


class GlorotNormal(Initializer):
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""

    word = "glorot_normal"
    aliases = ("xavier_normal", "GlorotNormal", "xavier_normal_")


class HeUniform(Initializer):
    """Uniform in ±sqrt(6 / fan_in) (He et al. 2015)."""

    word = "he_uniform"
    aliases = ("kaiming_uniform", "HeUniform", "kaiming_uniform_")


class HeNormal(Initializer):
    """Normal with variance 2 / fan_in (He et al. 2015)."""

    word = "he_normal"
    aliases = ("kaiming_normal", "HeNormal", "kaiming_normal_")


class LecunUniform(Initializer):
    """Uniform in ±sqrt(3 / fan_in) (LeCun et al. 1998)."""

    word = "lecun_uniform"
    aliases = ("LecunUniform",)


class LecunNormal(Initializer):
    """Normal with variance 1 / fan_in, not truncated (LeCun et al. 1998)."""

    word = "lecun_normal"
    aliases = ("LecunNormal",)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere; for weights of two axes only."""

    word = "identity"
    aliases = ("eye_", "Identity")
    positional = ("gain",)
    gain: Real = Field(1.0, description="what stands on the diagonal")

    def misfit(self, shape: tuple[int, ...]) -> str:
        return "" if len(shape) == 2 else f"a matrix is needed, not the shape {list(shape)}"


class Orthogonal(Initializer):
    """Rows (or columns, whichever are fewer) orthonormal: QR of a normal matrix with the signs of
    R's diagonal (Saxe et al. 2014). Weights of more than two axes are flattened to [first,
    rest]."""

    word = "orthogonal"
    aliases = ("Orthogonal", "orthogonal_")
