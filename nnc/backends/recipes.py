"""The data block as calls of the functions in `nnc.backends.pieces`.

One table says which function reads a source, prepares a column or divides the rows, and with what
arguments. `nnc.training.data` makes the calls; generated programs have them written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nnc.backends.base import Table
from nnc.backends.draws import key_of
from nnc.backends.pysource import pieces
from nnc.compiler import ir
from nnc.compiler.vocabulary import augmentations
from nnc.compiler.vocabulary import data as words
from nnc.compiler.vocabulary.base import Word


@dataclass(frozen=True)
class Call:
    """`function(…, *arguments, **options)`, as `file:function` of the pieces."""

    function: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """`call(*files, …)`. Where there is one file, another may stand in for it."""

    call: Call
    files: tuple[str, ...] = ()


Takes = Literal["numbers", "values", "texts"]


@dataclass(frozen=True)
class Preparing:
    """`apply(column, *what was learnt, …)`. `learn(column, rows)` gives one array, or a tuple of
    those named in `learnt`, from the training examples."""

    apply: Call
    learn: Call | None = None
    learnt: tuple[str, ...] = ()
    takes: Takes = "numbers"
    """How the column is read when this preparation is the first."""
    missing: bool = False
    """Whether something may be missing in the column."""
    images: bool = False
    """Whether it asks where the channels stand (`last`)."""


@dataclass(frozen=True)
class Dividing:
    """`call(rows, …)`, of rows in their order or a `drawn` one, or `call(column, …)`."""

    call: Call
    drawn: bool = False
    column: int | str | None = None
    takes: Takes = "values"


@dataclass(frozen=True)
class Changing:
    """`call(input, places, key, …)`"""

    call: Call
    images: bool = False
    """Whether it asks where the channels stand (`last`)."""


SOURCES: Table[Callable[[Any], Reading]] = Table("pieces", "source")
PREPARATIONS: Table[Callable[[Any], Preparing]] = Table("pieces", "preparation")
SPLITS: Table[Callable[[Any], Dividing]] = Table("pieces", "split")
AUGMENTATIONS: Table[Callable[[Any], Changing]] = Table("pieces", "augmentation")
TABLES = (SOURCES, PREPARATIONS, SPLITS, AUGMENTATIONS)
FILES = ("augmentation", "columns", "draws", "images", "preparations", "series", "splits", "tables")
"""The files of the pieces that data blocks are executed with."""


def functions() -> Iterator[str]:
    """The name of every function, which a generated program may not give to anything else."""
    for name in FILES:
        yield from pieces.read(pieces.SHARED, name)


def given(word: Word, *names: str) -> dict[str, Any]:
    """The arguments of these names that are not what they are by default."""
    fields = type(word).model_fields
    return {
        name: getattr(word, name) for name in names if getattr(word, name) != fields[name].default
    }


# ---- sources ---------------------------------------------------------------------------------


def reading(data: ir.Data, chain: ir.Field) -> Reading:
    """What reads the table of a field."""
    if isinstance(chain.columns, words.Series):
        series = chain.columns
        options = given(series, "delimiter", "header")
        return Reading(Call("tables:read_csv", (), options), (series.path,))
    assert data.source is not None
    found = SOURCES.find(data.source)(data.source)
    if isinstance(data.source, words.Folder):
        pattern = next(f.columns.pattern for f in data.fields if isinstance(f.columns, words.Files))
        return Reading(Call(found.call.function, (pattern,)), found.files)
    return found


@SOURCES.lowers(words.Text, words.Parquet, words.Npz, words.Npy)
def file(source: words.Text | words.Parquet | words.Npz | words.Npy) -> Reading:
    """A file whose reader is called as the word is."""
    return Reading(Call(f"tables:read_{source.word}"), (source.path,))


@SOURCES.lowers(words.Csv)
def csv(source: words.Csv) -> Reading:
    options = given(source, "delimiter", "header")
    return Reading(Call("tables:read_csv", (), options), (source.path,))


@SOURCES.lowers(words.Tsv)
def tsv(source: words.Tsv) -> Reading:
    options = {"delimiter": "\t", **given(source, "header")}
    return Reading(Call("tables:read_csv", (), options), (source.path,))


@SOURCES.lowers(words.Folder)
def folder(source: words.Folder) -> Reading:
    return Reading(Call("images:read_folder"), (source.path,))


@SOURCES.lowers(words.Idx)
def idx(source: words.Idx) -> Reading:
    files = (source.images, source.labels)
    return Reading(Call("tables:read_idx"), tuple(name for name in files if name is not None))


@SOURCES.lowers(words.Sklearn)
def sklearn(source: words.Sklearn) -> Reading:
    return Reading(Call("tables:read_sklearn", (source.name,)))


# ---- preparations ----------------------------------------------------------------------------


def window(chain: ir.Field) -> words.Window | None:
    """The window that a chain ends in."""
    last = chain.preparations[-1] if chain.preparations else None
    return last if isinstance(last, words.Window) else None


def preparing(chain: ir.Field) -> list[Preparing]:
    """The preparations of a field before its window, in order."""
    steps = chain.preparations[: len(chain.preparations) - (window(chain) is not None)]
    return [PREPARATIONS.find(step)(step) for step in steps]


@PREPARATIONS.lowers(words.Standardize)
def standardize(step: words.Standardize) -> Preparing:
    learn = Call("preparations:moments")
    return Preparing(Call("preparations:standardize"), learn, ("mean", "deviation"))


@PREPARATIONS.lowers(words.MinMax)
def minmax(step: words.MinMax) -> Preparing:
    return Preparing(Call("preparations:minmax"), Call("preparations:extent"), ("low", "width"))


@PREPARATIONS.lowers(words.Category, words.OneHot)
def classes(step: words.Category | words.OneHot) -> Preparing:
    learn = Call("preparations:distinct")
    return Preparing(Call(f"preparations:{step.word}"), learn, ("known",), "values")


@PREPARATIONS.lowers(words.Scale)
def scale(step: words.Scale) -> Preparing:
    return Preparing(Call("preparations:scale", (step.factor,)))


@PREPARATIONS.lowers(words.ReshapeData)
def reshape(step: words.ReshapeData) -> Preparing:
    return Preparing(Call("preparations:reshape", (step.shape,)))


@PREPARATIONS.lowers(words.Impute)
def impute(step: words.Impute) -> Preparing:
    apply = Call("preparations:impute")
    if step.strategy == "constant":
        takes: Takes = "texts" if isinstance(step.value, str) else "numbers"
        filled = Call(apply.function, (step.value,))
        return Preparing(filled, takes=takes, missing=True)
    learn = Call("preparations:filling", (step.strategy,))
    takes = "values" if step.strategy == "most_frequent" else "numbers"
    return Preparing(apply, learn, ("filling",), takes, missing=True)


@PREPARATIONS.lowers(words.ResizeImages, words.CropImages)
def sized(step: words.ResizeImages | words.CropImages) -> Preparing:
    return Preparing(Call(f"images:{step.word}", (step.height, step.width)), images=True)


@PREPARATIONS.lowers(words.Tokens)
def tokens(step: words.Tokens) -> Preparing:
    learn = Call("preparations:vocabulary", (step.vocabulary, step.lower))
    apply = Call("preparations:tokens", (), {"length": step.length, "lower": step.lower})
    return Preparing(apply, learn, ("words",), "texts")


@PREPARATIONS.lowers(words.Window)
def windows(step: words.Window) -> Preparing:
    options = given(step, "target")
    return Preparing(Call("series:windows", (step.lookback, step.horizon), options))


# ---- splits ----------------------------------------------------------------------------------


@SPLITS.lowers(words.Shares)
def shares(split: words.Shares) -> Dividing:
    return Dividing(Call("splits:shares", (), given(split, "validation", "test")), drawn=True)


@SPLITS.lowers(words.InOrder)
def in_order(split: words.InOrder) -> Dividing:
    return Dividing(Call("splits:in_order", (), given(split, "validation", "test")))


@SPLITS.lowers(words.ByColumn)
def by_column(split: words.ByColumn) -> Dividing:
    return Dividing(Call("splits:by_column"), column=split.name, takes="texts")


@SPLITS.lowers(words.ByTime)
def by_time(split: words.ByTime) -> Dividing:
    options = given(split, "validation", "test")
    return Dividing(Call("splits:by_time", (), options), column=split.name)


# ---- augmentation ----------------------------------------------------------------------------


def changes(program: ir.Program) -> list[tuple[str, Changing, int]]:
    """Each change of an input of training batches: the input, the call, and the key that, with the
    epoch, makes its own key."""
    uses = program.training.augment if program.training else ()
    return [
        (
            use.input,
            AUGMENTATIONS.find(use.augmentation)(use.augmentation),
            key_of(program.seed, f"augment.{number}"),
        )
        for number, use in enumerate(uses)
    ]


@AUGMENTATIONS.lowers(augmentations.Flip)
def flip(change: augmentations.Flip) -> Changing:
    options = given(change, "rate", "horizontal", "vertical")
    return Changing(Call("augmentation:flip_images", (), options), images=True)


@AUGMENTATIONS.lowers(augmentations.ShiftedCrop)
def crop(change: augmentations.ShiftedCrop) -> Changing:
    return Changing(Call("augmentation:move_images", (change.padding,)), images=True)


@AUGMENTATIONS.lowers(augmentations.Rotate)
def rotate(change: augmentations.Rotate) -> Changing:
    return Changing(Call("augmentation:rotate_images", (change.degrees,)), images=True)


@AUGMENTATIONS.lowers(augmentations.Noise)
def noise(change: augmentations.Noise) -> Changing:
    return Changing(Call("augmentation:add_noise", (change.std,)))


@AUGMENTATIONS.lowers(augmentations.Stretch)
def stretch(change: augmentations.Stretch) -> Changing:
    return Changing(Call("augmentation:stretch", (change.std,)))


for _table in TABLES:
    _table.sealed()
