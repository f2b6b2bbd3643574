"""Data blocks, executed: `open_data` gives the examples of a program, split and prepared."""

from nnc.training.data.dataset import Dataset
from nnc.training.data.opening import open_data, prepare_inputs, unprepared

__all__ = ["Dataset", "open_data", "prepare_inputs", "unprepared"]
