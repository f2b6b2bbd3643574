"""The arithmetic of windows: padding, stride, dilation. One definition for every backend.

n input size, k kernel, s stride, d dilation, (lo, hi) padding before and after:

    same  : o = ceil(n / s);  t = max((o - 1)·s + d·(k - 1) + 1 - n, 0);  lo = t // 2;  hi = t - lo
    full  : lo = hi = d·(k - 1)
    causal: lo = d·(k - 1);  hi = 0
    valid : lo = hi = 0
    output: o = (n + lo + hi - d·(k - 1) - 1) // s + 1
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from nnc.compiler.types import Dim, add, floor_divide
from nnc.compiler.vocabulary.base import Count, Phrase, Rejected, Word

Pads: TypeAlias = tuple[tuple[int, int], ...]
Padding: TypeAlias = Annotated[
    Literal["valid", "same", "full"] | Count | tuple[Count | tuple[Count, Count], ...],
    Phrase(
        "`valid`, `same`, `full`, a whole number, or a list with a number or a pair for each axis"
    ),
]
LinePadding: TypeAlias = Annotated[
    Literal["valid", "same", "full", "causal"] | Count | tuple[Count | tuple[Count, Count], ...],
    Phrase("`valid`, `same`, `full`, `causal`, a whole number, or a list with a number or a pair"),
]
"""What one-dimensional windows take."""


def per_axis(op: Word, value: Any, axes: int, argument: str) -> tuple[int, ...]:
    """One number for each of the spatial axes. Raises Rejected for a list of another length."""
    if isinstance(value, int):
        return (value,) * axes
    if len(value) == axes:
        return tuple(value)
    raise Rejected(
        "E203",
        f"`{argument}` of `{op.word}` takes one number, or one for each of the {axes} spatial axes",
        argument=argument,
        label=f"{len(value)} numbers for {axes} axes",
    )


def pads(
    op: Word,
    padding: Any,
    sizes: tuple[Dim, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pads:
    """Padding before and after each spatial axis, as numbers. Raises Rejected when `same` with a
    stride meets a size that is free at run time, or when a list has the wrong length."""
    axes = len(sizes)
    if padding == "valid":
        return ((0, 0),) * axes
    if padding == "full":
        return tuple((d * (k - 1),) * 2 for k, d in zip(kernel, dilation, strict=True))
    if padding == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(kernel, dilation, strict=True))
    if padding == "same":
        return tuple(map(_same(op), sizes, kernel, stride, dilation))
    if isinstance(padding, int):
        return ((padding, padding),) * axes
    if len(padding) != axes:
        raise Rejected(
            "E203",
            f"`padding` of `{op.word}` takes one entry for each of the {axes} spatial axes",
            argument="padding",
            label=f"{len(padding)} entries for {axes} axes",
            help="write one number, or a list such as "
            + ("[1, 1]" if axes == 2 else f"[{', '.join(['1'] * axes)}]"),
        )
    return tuple((p, p) if isinstance(p, int) else (p[0], p[1]) for p in padding)


def _same(op: Word) -> Any:
    def one(n: Dim, k: int, s: int, d: int) -> tuple[int, int]:
        if isinstance(n, int):
            total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        elif s == 1:
            total = d * (k - 1)
        else:
            raise Rejected(
                "E303",
                f"`padding=same` with a stride of {s} depends on `{n}`, which is free at run time",
                argument="padding",
                label="how much to pad can't be told before the program runs",
                help=f"give the padding as a number, such as `padding={d * (k - 1) // 2}`",
            )
        return total // 2, total - total // 2

    return one


def output_size(
    op: Word, n: Dim, k: int, s: int, d: int, pad: tuple[int, int], *, ceil: bool = False
) -> Dim:
    """The number of places of a window. Raises Rejected when the window is larger than the padded
    input.

    With `ceil` a last window may hang over the end, if it starts inside the input or the padding
    before it.
    """
    lo, hi = pad
    span = d * (k - 1) + 1
    if isinstance(n, int) and n + lo + hi < span:
        padded = f" ({n + lo + hi} with its padding)" if lo + hi else ""
        raise Rejected(
            "E304",
            f"the window of `{op.word}` covers {span} elements, but the input has only {n}{padded}",
            input=0,
            label=f"this axis has {n} elements",
            help="make the kernel smaller or the padding larger",
        )
    room = add(n, lo + hi - span)
    if not ceil or not isinstance(room, int) or not isinstance(n, int):
        return add(floor_divide(room, s), 1)
    count = -(-room // s) + 1
    return count - 1 if (count - 1) * s >= n + lo else count


def overhang(n: int, k: int, s: int, d: int, pad: tuple[int, int], count: int) -> int:
    """How far the last of `count` windows reaches beyond the padded input (only with ceil)."""
    return max((count - 1) * s + d * (k - 1) + 1 - (n + pad[0] + pad[1]), 0)
