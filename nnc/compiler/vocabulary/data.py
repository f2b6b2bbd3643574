"""Words of the data block: sources, the choice of columns, preparations, splits."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

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


class Tsv(SourceWord):
    """Values separated by tabs, with a header line."""

    word = "tsv"
    positional = ("path",)
    path: Path = Field(description="the file")
    header: bool = Field(True, description="the first line names the columns")


class Parquet(SourceWord):
    """A Parquet file, read by pyarrow; its columns have names."""

    word = "parquet"
    positional = ("path",)
    path: Path = Field(description="the file")


class Npz(SourceWord):
    """NumPy's `.npz`: each array is a column, named as it is stored; its first axis counts
    examples."""

    word = "npz"
    positional = ("path",)
    path: Path = Field(description="the file")


class Npy(SourceWord):
    """NumPy's `.npy`: the column `data` is the whole array, whose first axis counts examples;
    columns by number are its second axis."""

    word = "npy"
    positional = ("path",)
    path: Path = Field(description="the file")


class Folder(SourceWord):
    """Images in a folder with a subfolder for each class: `files` takes the images, the column
    `class` is the subfolder's name. They stand in the order of their paths."""

    word = "folder"
    aliases = ("ImageFolder", "image_dataset_from_directory")
    positional = ("path",)
    path: Path = Field(description="the folder")


class Idx(SourceWord):
    """Files in the format of MNIST, also compressed (`.gz`): columns `images` and `labels`."""

    word = "idx"
    positional = ("images", "labels")
    images: Path = Field(description="the file with the images")
    labels: Path | None = Field(None, description="the file with the labels")


class Sklearn(SourceWord):
    """A data set that ships with scikit-learn: columns `data`, `target`, `images` or the features'
    names."""

    word = "sklearn"
    positional = ("name",)
    name: Literal["iris", "digits", "wine", "breast_cancer", "diabetes", "linnerud"] = Field(
        description="the data set"
    )


class ColumnsWord(Word):
    """What of a source feeds an input or a target."""

    kind = "columns"


class Columns(ColumnsWord):
    """Columns of the source side by side, in the order given. A name with `*` or `?` is a pattern:
    `temp_*` stands for every column whose name begins so."""

    word = "columns"
    gathers = "names"
    names: tuple[Column, ...] = Field(description="the columns")


class ColumnOf(ColumnsWord):
    """One column of the source."""

    word = "column"
    positional = ("name",)
    name: Column = Field(description="the column")


class Files(ColumnsWord):
    """The images of a `folder` whose file names match a pattern, as numbers from 0 to 255; channels
    stand where the layout of the model has them."""

    word = "files"
    positional = ("pattern",)
    pattern: str = Field(min_length=1, description="the pattern, `*.png`")
    channels: Literal[1, 3, 4] = Field(3, description="1 for grey, 3 for colours, 4 with alpha")


class Series(ColumnsWord):
    """Columns of a CSV file whose rows follow one another in time; it needs no `source`."""

    word = "series"
    positional = ("path",)
    path: Path = Field(description="the file")
    column: Column | tuple[Column, ...] = Field(description="the column, or a list of columns")
    delimiter: str = Field(",", min_length=1, max_length=1, description="what separates columns")
    header: bool = Field(True, description="the first line names the columns")

    @property
    def names(self) -> tuple[int | str, ...]:
        """The columns as a list."""
        return self.column if isinstance(self.column, tuple) else (self.column,)


class Preparation(Word):
    """A step from what is stored to what the model takes; what it learns comes from the training
    split alone."""

    kind = "preparation"
    place: ClassVar[Literal["first", "any", "last"]] = "any"
    """Where in a chain it may stand."""


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


class Impute(Preparation):
    """Puts in what is missing: the mean, the median or the most frequent value of each column, or a
    constant. Ties are broken by the smallest."""

    word = "impute"
    aliases = ("SimpleImputer", "fillna")
    positional = ("strategy", "value")
    argument_aliases = {"fill_value": "value"}
    place = "first"
    strategy: Literal["mean", "median", "most_frequent", "constant"] = Field(
        "mean", description="what is put in"
    )
    value: Real | str | None = Field(None, description="the constant")


class ResizeImages(Preparation):
    """Images in another size: bilinear, with a wider filter where they shrink, as Pillow does."""

    word = "resize"
    positional = ("height", "width")
    height: PositiveInt = Field(description="pixels from top to bottom")
    width: PositiveInt = Field(description="pixels from left to right")


class CropImages(Preparation):
    """The middle of each image."""

    word = "crop"
    aliases = ("CenterCrop",)
    positional = ("height", "width")
    height: PositiveInt = Field(description="pixels from top to bottom")
    width: PositiveInt = Field(description="pixels from left to right")


class Tokens(Preparation):
    """Texts as numbers of words: runs of letters and digits, and every other sign alone. 0 fills up
    short texts, 1 is an unknown word, the others are numbered by falling frequency (then by the
    alphabet). Longer texts are cut."""

    word = "tokens"
    aliases = ("TextVectorization",)
    positional = ("length", "vocabulary")
    argument_aliases = {"output_sequence_length": "length", "max_tokens": "vocabulary"}
    place = "first"
    length: PositiveInt = Field(description="how many numbers a text becomes")
    vocabulary: Annotated[int, Field(gt=2), Phrase("a whole number above 2")] | None = Field(
        None, description="how many numbers there are at most, 0 and 1 included"
    )
    lower: bool = Field(True, description="capital letters are small ones")


class Window(Preparation):
    """Rows that follow one another, from every place that has enough of them: `lookback` rows, and
    the `horizon` rows behind them. Two names take the two: `x, y = … -> window(48, 24)`."""

    word = "window"
    positional = ("lookback", "horizon")
    place = "last"
    lookback: PositiveInt = Field(description="how many rows are given")
    horizon: PositiveInt = Field(description="how many rows are to be foretold")
    target: Count | None = Field(
        None, description="which of several columns is foretold, counted from 0; without it all"
    )


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


class ByColumn(Split):
    """A column says where an example belongs: `train`, `validation` or `test`."""

    word = "by_column"
    positional = ("name",)
    name: Column = Field(description="the column")


class ByTime(Split):
    """In the order of a column of numbers or of dates written as 2026-01-31: the earliest examples
    train, the latest ones test."""

    word = "by_time"
    positional = ("name",)
    name: Column = Field(description="the column")
    validation: Share | None = Field(None, description="share of the validation split")
    test: Share | None = Field(None, description="share of the test split")
