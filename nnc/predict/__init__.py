"""Data for a model: arrays out of `.npz`, `.npy` and CSV files, and results as such files."""

from nnc.predict.reading import read_inputs, read_program_inputs
from nnc.predict.results import has_rows, to_csv, to_npz, without_number, writable

__all__ = [
    "has_rows",
    "read_inputs",
    "read_program_inputs",
    "to_csv",
    "to_npz",
    "without_number",
    "writable",
]
