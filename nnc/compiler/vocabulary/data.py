"""Words of the data block: sources, the choice of columns, preparations, splits."""

from __future__ import annotations

from typing import Annotated, Literal

from nnc.compiler.vocabulary.base import Count, Phrase, PositiveInt, Real, Word
from nnc.compiler.vocabulary.fields import Field

Path = Annotated[str, Field(min_length=1), Phrase("a path in quotes, relative to the spec")]
Share = Annotated[float, Field(gt=0, lt=1), Phrase("a number between 0 and 1")]
Column = Annotated[
    Count | str, Phrase("the number of a column counted from 0, or its name in quotes")
]


class SourceWord(Word):
    """Where examples come from."""

    kind = "source"


class Text(SourceWord):
    """Numbers separated by white space, one example a line; `#` starts a comment."""

    word = "text"
    positional = ("path",)
    path: Path = Field(description="the file")


class Csv(SourceWord):
    """Comma-separated values with a header line."""

    word = "csv"
    positional = ("path",)
    path: Path = Field(description="the file")
    delimiter: str = Field(",", min_length=1, max_length=1, description="what separates columns")
    header: bool = Field(True, description="the first line names the columns")


class Npz(SourceWord):
    """NumPy's `.npz`: each array is a column, named as it is stored; its first axis counts
    examples."""

    word = "npz"
    positional = ("path",)
    path: Path = Field(description="the file")


class Sklearn(SourceWord):
    """A data set that ships with scikit-learn: columns `data`, `target`, `images` or the features'
    names."""

    word = "sklearn"
    positional = ("name",)
    name: Literal["iris", "digits", "wine", "breast_cancer", "diabetes", "linnerud"] = Field(
        description="the data set"
    )


class Columns(Word):
    """Columns of the source side by side, in the order given."""

    kind = "columns"
    word = "columns"
    gathers = "names"
    names: tuple[Column, ...] = Field(description="the columns")


class ColumnOf(Word):
    """One column of the source."""

    kind = "columns"
    word = "column"
    positional = ("name",)
    name: Column = Field(description="the column")


class Preparation(Word):
    """A step from what is stored to what the model takes; what it learns comes from the training
    split alone."""

    kind = "preparation"


class Standardize(Preparation):
    """(x - mean) / standard deviation of each column."""

    word = "standardize"


class MinMax(Preparation):
    """(x - smallest) / (largest - smallest) of each column."""

    word = "minmax"


class Category(Preparation):
    """Each different value becomes a class number, in sorted order."""

    word = "category"


class OneHot(Preparation):
    """Each different value becomes a vector with a single 1, in sorted order."""

    word = "one_hot"


class Scale(Preparation):
    """x · factor."""

    word = "scale"
    positional = ("factor",)
    factor: Real = Field(description="the factor")


class ReshapeData(Preparation):
    """Each example in another shape, elements in the same order."""

    word = "reshape"
    positional = ("shape",)
    shape: tuple[PositiveInt, ...] = Field(description="shape of one example")


class Split(Word):
    """How examples are divided into training, validation and test."""

    kind = "split"


class Shares(Split):
    """By chance, by share: what validation and test leave is for training. The order comes from
    the seed."""

    word = "shares"
    validation: Share | None = Field(None, description="share of the validation split")
    test: Share | None = Field(None, description="share of the test split")
    stratify: bool = Field(False, description="keep the shares of the classes in every split")


class InOrder(Split):
    """By place: the first examples train, the last ones test (for series)."""

    word = "in_order"
    validation: Share | None = Field(None, description="share of the validation split")
    test: Share | None = Field(None, description="share of the test split")
