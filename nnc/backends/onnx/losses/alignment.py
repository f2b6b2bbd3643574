"""Losses of sequences whose places are not known."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.vocabulary.losses import alignment as words

NEVER = -1e30
"""The logarithm of the chance of what can't be."""


@LOSSES.lowers(words.Ctc)
def ctc(loss: words.Ctc, at: Comparison) -> Handle:
    """The reference's recursion, written out step by step. Raises Failed (E708) when the number of
    steps is free."""
    steps, labels = at.types[0].shape[0], at.class_numbers()
    if not isinstance(steps, int):
        raise _free(f"`{steps}`")
    blank = at.whole(loss.blank, "blank")
    blanks = at.add("Expand", blank, at.add("Shape", labels))
    given = at.add("Not", at.add("Equal", labels, blank))
    before = at.add("Concat", _part(at, blanks, 0, 1), _part(at, labels, 0, -1), axis=1)
    others = at.add("And", given, at.add("Not", at.add("Equal", labels, before)))
    none = at.add("And", given, at.add("Not", given))
    found = _found(at, _between(at, blanks, labels))
    ends, begins = _ends(at, given, found)
    sums = at.add("Where", begins, _step(at, found, 0), at.number(NEVER, "never"))
    skips = _between(at, none, others)
    for step in range(1, steps):
        sums = at.add("Add", _ways(at, sums, skips), _step(at, found, step))
    chance = _log_sum(at, at.add("Where", ends, sums, at.number(NEVER, "never")), 1)
    fits = at.add("Greater", chance, at.number(NEVER / 2, "fits"))
    found = at.add("Where", fits, at.add("Neg", chance), at.number(0.0, "nothing"))
    return at.reduced(loss, found)


def _free(steps: str) -> Failed:
    return Failed(
        [
            Diagnostic(
                "E708",
                f"an ONNX model can't be trained by `ctc` over {steps} steps: their number is free",
                help="write a whole number in the input's type, or train with `--backend torch`",
            )
        ]
    )


def _part(at: Comparison, x: Handle, start: int, stop: int) -> Handle:
    """A part of the second axis."""
    return at.add("Slice", x, *(at.whole([n], "bound") for n in (start, stop, 1)))


def _between(at: Comparison, blanks: Handle, labels: Handle) -> Handle:
    """[batch, n] twice -> [batch, 2·n + 1]: a blank's value before, between and behind labels'."""
    two = at.whole([2], "axis")
    pairs = at.add("Concat", *(at.add("Unsqueeze", x, two) for x in (blanks, labels)), axis=2)
    flat = at.add("Reshape", pairs, at.whole([0, -1], "shape"))
    return at.add("Concat", flat, _part(at, blanks, 0, 1), axis=1)


def _found(at: Comparison, states: Handle) -> Handle:
    """ln p of each state at each step: [batch, steps, states]."""
    chosen = at.add("Transpose", at.as_float(at.one_hot(states)), perm=[0, 2, 1])
    return at.add("MatMul", at.add("LogSoftmax", at.prediction, axis=-1), chosen)


def _step(at: Comparison, found: Handle, step: int) -> Handle:
    return at.add("Squeeze", _part(at, found, step, step + 1), at.whole([1], "axis"))


def _ends(at: Comparison, given: Handle, found: Handle) -> tuple[Handle, Handle]:
    """In which states an example may end: [batch, states], and in which it begins: [states]."""
    zero, one = at.whole(0, "zero"), at.whole(1, "one")
    count = at.add("Squeeze", at.add("Shape", found, start=2))
    places = at.add("Range", zero, count, one)
    # The place of the first blank, one behind the last label counted as well.
    first = _part(at, given, 0, 1)
    behind = at.add("Or", first, at.add("Not", first))
    blanks = at.add("Concat", at.add("Not", given), behind, axis=1)
    labels = at.add("ArgMax", at.as_float(blanks), axis=1, keepdims=1)
    last = at.add("Mul", labels, at.whole(2, "two"))
    exact = at.add("Equal", places, last)
    early = at.add("Equal", places, at.add("Sub", last, one))
    return at.add("Or", exact, early), at.add("Less", places, at.whole(2, "two"))


def _ways(at: Comparison, sums: Handle, skips: Handle) -> Handle:
    """The chances of the next step's states, without what is found there."""
    never = at.number(NEVER, "never")
    shifted = [_shifted(at, sums, by) for by in (1, 2)]
    ways = (sums, shifted[0], at.add("Where", skips, shifted[1], never))
    two = at.whole([2], "axis")
    return _log_sum(at, at.add("Concat", *(at.add("Unsqueeze", x, two) for x in ways), axis=2), 2)


def _shifted(at: Comparison, sums: Handle, by: int) -> Handle:
    widths = at.whole([0, by, 0, 0], "widths")
    return at.add("Pad", _part(at, sums, 0, -by), widths, at.number(NEVER, "never"))


def _log_sum(at: Comparison, x: Handle, axis: int) -> Handle:
    """ln Σ eˣ along an axis."""
    axes = at.whole([axis], "axis")
    largest = at.add("ReduceMax", x, axes, keepdims=1)
    powers = at.add("Exp", at.add("Sub", x, largest))
    found = at.add("Log", at.add("ReduceSum", powers, axes, keepdims=0))
    return at.add("Add", found, at.add("Squeeze", largest, axes))
