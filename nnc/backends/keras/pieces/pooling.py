from __future__ import annotations

from typing import Any

from keras import ops


def average_pool(
    x: Any,
    size: tuple[int, int],
    strides: tuple[int, int],
    counted: tuple[tuple[int, int], tuple[int, int]],
    beyond: tuple[tuple[int, int], tuple[int, int]],
) -> Any:
    """The mean of each window over the elements that count, channels last.

    `counted` is padding whose zeros count in the mean, `beyond` padding around that
    which does not.
    """
    ones = ops.pad(
        ops.ones_like(x[:1, :, :, :1]), ((0, 0), *counted, (0, 0)), constant_values=1
    )
    padding = [(a + c, b + d) for (a, b), (c, d) in zip(counted, beyond, strict=True)]
    total, share = (
        ops.average_pool(
            ops.pad(part, ((0, 0), *around, (0, 0))),
            size,
            strides,
            padding="valid",
            data_format="channels_last",
        )
        for part, around in ((x, padding), (ones, beyond))
    )
    return total / share
