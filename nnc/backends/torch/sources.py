"""The function of a program that gives its examples.

Plain tables of text are read and prepared with PyTorch alone; everything else by the NumPy
functions that nnc itself executes data blocks with.
"""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends import sources
from nnc.compiler.ir import Data, Program
from nnc.compiler.vocabulary import data as words

_PLAIN = (
    *(words.Text, words.Csv, words.Standardize, words.MinMax, words.Category, words.OneHot),
    *(words.Scale, words.ReshapeData, words.Shares, words.InOrder, words.Columns),
)
"""The words that the pieces for PyTorch execute."""


def load_data(program: Program, piece: sources.Piece) -> py.Function | None:
    """`load_data`; None when there is no data block to read."""
    if program.data is None:
        return None
    if not is_plain(program.data):
        return sources.load_data(program, piece, py.name("Tensor"), "np.arange", drawn="numpy")

    def own(name: str) -> py.Name:
        return piece(name if name.startswith("draws:") else f"data:{name.partition(':')[2]}")

    return sources.load_data(program, own, py.name("Tensor"), "torch.arange")


def is_plain(data: Data) -> bool:
    """Whether a data block needs nothing but PyTorch."""
    used: list[object] = [
        data.source,
        *(step for field in data.fields for step in field.preparations),
    ]
    used += [field.columns for field in data.fields]
    return all(isinstance(word, _PLAIN) for word in (*used, data.split or words.InOrder()))


def augment(program: Program, piece: sources.Piece) -> py.Function:
    """`augment`: a training batch changed at random."""
    batch = py.subscript("dict", (py.name("str"), py.name("Tensor")))
    return sources.augment(program, piece, batch, "torch.from_numpy")
