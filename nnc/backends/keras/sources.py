"""The function of a program that gives its examples."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends import sources
from nnc.backends.keras.lowering import PieceNames
from nnc.compiler.ir import Program

_ARRAY = py.dotted("np.ndarray")


def load_data(program: Program, piece: PieceNames) -> py.Function:
    """`load_data`: from the data block, or from the file that is given where there is none."""
    if program.data is not None:
        return sources.load_data(program, _by_name(piece), _ARRAY, "np.arange")
    by_name = py.subscript("dict", (py.name("str"), _ARRAY))
    return py.Function(
        "load_data",
        (py.Parameter("path", py.binary("|", py.name("str"), None), py.literal(None)),),
        (py.Return(py.call(piece("load_npz"), py.name("path"))),),
        py.subscript("dict", (py.name("str"), by_name)),
        "The examples of each split by name.",
    )


def augment(program: Program, piece: PieceNames) -> py.Function:
    """`augment`: a training batch changed at random."""
    batch = py.subscript("dict", (py.name("str"), py.name("Any")))
    return sources.augment(program, _by_name(piece), batch, "tf.constant")


def _by_name(piece: PieceNames) -> sources.Piece:
    return lambda name: piece(name.partition(":")[2])
