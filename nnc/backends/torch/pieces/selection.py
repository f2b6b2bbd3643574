"""Parts of a tensor that PyTorch has no function for."""

from torch import Tensor


def take(x: Tensor, numbers: Tensor, dim: int) -> Tensor:
    """The elements of x along `dim` that the numbers of the same example name."""
    shape = [len(x)] + [1] * (x.dim() - 1)
    shape[dim] = -1
    index = numbers.reshape(shape).expand(*x.shape[:dim], -1, *x.shape[dim + 1 :])
    made = x.gather(dim, index)
    return made.reshape(*x.shape[:dim], *numbers.shape[1:], *x.shape[dim + 1 :])
