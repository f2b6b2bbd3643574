"""What a model costs: shapes, parameters, multiply-adds, memory and receptive field.

Everything is of ONE example. A size that is free at run time counts as 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil, prod
from typing import Any, Final

from nnc.compiler.ir import Graph, Node, Program
from nnc.compiler.types import DType, TensorType
from nnc.compiler.vocabulary.ops.base import Channelled, ElementWise, Op
from nnc.compiler.vocabulary.ops.merge import Concat, Pairwise
from nnc.compiler.vocabulary.ops.normalization import BatchNorm

BYTES: Final[Mapping[DType, int]] = {
    "f16": 2,
    "bf16": 2,
    "f32": 4,
    "f64": 8,
    "i32": 4,
    "i64": 8,
    "u8": 1,
    "bool": 1,
}
_WEIGHT_BYTES: Final = 4
"""Stored weights are float32."""
_PLACEWISE: Final = (ElementWise, Pairwise, Concat, BatchNorm)
"""Ops whose result at a place depends on nothing but the inputs at that place."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer. `field` is how much of the input one element of the result has seen."""

    name: str
    op: str
    shapes: tuple[str, ...]
    trained: int
    not_trained: int
    multiply_adds: int
    bytes: int
    field: tuple[int, ...] | None = None

    @property
    def parameters(self) -> int:
        return self.trained + self.not_trained


@dataclass(frozen=True, slots=True)
class Summary:
    """The rows and their totals.

    `activation_bytes`: every value is kept, as training does. `peak_bytes`: a value is kept until
    its last use, as inference does.
    """

    model: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    trained: int
    not_trained: int
    multiply_adds: int
    weight_bytes: int
    activation_bytes: int
    peak_bytes: int
    free: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return self.trained + self.not_trained


def summarize(program: Program) -> Summary:
    """The summary of a program's model."""
    graph = program.graph
    fields = _receptive_fields(graph)
    rows = tuple(_row(node, fields) for node in graph.nodes)
    trained, not_trained = sum(r.trained for r in rows), sum(r.not_trained for r in rows)
    return Summary(
        model=graph.name,
        inputs=tuple((value.name, str(value.type)) for value in graph.inputs),
        outputs=tuple((output.name, str(output.value.type)) for output in graph.outputs),
        rows=rows,
        trained=trained,
        not_trained=not_trained,
        multiply_adds=sum(row.multiply_adds for row in rows),
        weight_bytes=(trained + not_trained) * _WEIGHT_BYTES,
        activation_bytes=sum(size(value.type) for value in graph.values()),
        peak_bytes=_peak(graph),
        free=tuple(
            sorted(
                {
                    str(d)
                    for value in graph.inputs
                    for d in value.type.shape
                    if not isinstance(d, int)
                }
            )
        ),
    )


def size(type_: TensorType) -> int:
    """Bytes of one example."""
    return BYTES[type_.dtype] * prod(d if isinstance(d, int) else 1 for d in type_.shape)


def _row(node: Node, fields: Mapping[str, _Field]) -> Row:
    counts = {True: 0, False: 0}
    for weight in node.weights if node.owns_weights else ():
        counts[weight.role == "parameter" and weight.trainable] += prod(weight.shape)
    field = fields.get(node.output.name)
    return Row(
        node.name,
        node.op.word,
        tuple(str(value.type) for value in node.outputs),
        counts[True],
        counts[False],
        node.op.cost(node.input_types),
        sum(size(value.type) for value in node.outputs),
        field.sizes if field else None,
    )


def _peak(graph: Graph) -> int:
    """The most bytes alive at once when every value goes after its last use."""
    last: dict[str, int] = {}
    for number, node in enumerate(graph.nodes):
        last.update((value.name, number) for value in (*node.outputs, *node.inputs))
    last.update((output.value.name, len(graph.nodes)) for output in graph.outputs)
    alive = {value.name: size(value.type) for value in graph.inputs}
    now = peak = sum(alive.values())
    for number, node in enumerate(graph.nodes):
        for value in node.outputs:
            alive[value.name] = size(value.type)
            now += alive[value.name]
        peak = max(peak, now)
        for name in dict.fromkeys(value.name for value in (*node.inputs, *node.outputs)):
            if last[name] == number:
                now -= alive.pop(name)
    return peak


# ---- receptive field -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    """What one element has seen, and how far apart in the input two neighbours stand, by axis.

    Growth of a window k with dilation d: (d·(k - 1))·distance (Araujo, Norris and Sim 2019).
    """

    sizes: tuple[int, ...]
    distances: tuple[Fraction, ...]


def _receptive_fields(graph: Graph) -> dict[str, _Field]:
    """Name of a value -> its field, for what comes out of windows and stays in its place."""
    fields: dict[str, _Field] = {}
    for node in graph.nodes:
        known = [fields[value.name] for value in node.inputs if value.name in fields]
        found = _windowed(node, known) or _kept(node, known)
        if found:
            fields.update((value.name, found) for value in node.outputs)
    return fields


def _windowed(node: Node, known: list[_Field]) -> _Field | None:
    windows = _windows(node.op)
    if windows is None:
        return None
    axes = len(windows)
    before = known[0] if known else _Field((1,) * axes, (Fraction(1),) * axes)
    grown = [_through(*pair) for pair in zip(windows, before.sizes, before.distances, strict=True)]
    return _Field(tuple(size for size, _ in grown), tuple(distance for _, distance in grown))


def _windows(op: Op) -> list[tuple[int, int, bool]] | None:
    """Extent, stride, and whether it is transposed, by spatial axis, of an op with a kernel."""
    if not isinstance(op, Channelled) or not hasattr(op, "kernels"):
        return None
    sizes = zip(op.kernels, op.strides, op.dilations, strict=True)  # type: ignore[attr-defined]
    transposed = hasattr(op, "output_paddings")
    return [(d * (k - 1) + 1, s, transposed) for k, s, d in sizes]


def _through(window: tuple[int, int, bool], seen: int, distance: Fraction) -> tuple[int, Fraction]:
    extent, stride, transposed = window
    if transposed:
        return seen + ceil((ceil(extent / stride) - 1) * distance), distance / stride
    return seen + ceil((extent - 1) * distance), distance * stride


def _kept(node: Node, known: list[_Field]) -> _Field | None:
    """The largest field of the inputs, for ops that treat every place alike."""
    if not known or not isinstance(node.op, _PLACEWISE):
        return None
    sizes = tuple(map(max, zip(*(field.sizes for field in known), strict=True)))
    return _Field(sizes, known[0].distances)


# ---- shown -----------------------------------------------------------------------------------


def to_json(summary: Summary) -> str:
    """The summary as JSON, with the totals beside the rows."""
    fields: dict[str, Any] = asdict(summary)
    for key in ("inputs", "outputs"):
        fields[key] = [{"name": name, "type": type_} for name, type_ in fields[key]]
    fields["parameters"] = summary.parameters
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def to_text(summary: Summary) -> str:
    """The summary as a table for people."""
    sees = any(row.field for row in summary.rows)
    heads = ["layer", "op", "shape", "parameters", "multiply-adds", *(["sees"] if sees else [])]
    lines = [[name, "input", type_, "", "", ""] for name, type_ in summary.inputs]
    lines += [_cells(row) for row in summary.rows]
    lines = [line[: len(heads)] for line in lines]
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    shown = [_line(line, widths) for line in (heads, ["─" * w for w in widths], *lines)]
    return "\n".join([summary.model, "", *shown, "", *_totals(summary)]) + "\n"


def _cells(row: Row) -> list[str]:
    field = "×".join(map(str, row.field)) if row.field else ""
    parameters = f"{row.parameters:,}" if row.parameters else ""
    work = f"{row.multiply_adds:,}" if row.multiply_adds else ""
    return [row.name, row.op, " ".join(row.shapes), parameters, work, field]


def _line(cells: list[str], widths: list[int]) -> str:
    right = (3, 4, 5)
    padded = [
        f"{c:>{w}}" if i in right else f"{c:{w}}"
        for i, (c, w) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _totals(summary: Summary) -> list[str]:
    counted = f"{summary.parameters:,} ({summary.trained:,} trained, {summary.not_trained:,} not)"
    kept, peak = _memory(summary.activation_bytes), _memory(summary.peak_bytes)
    rows = [
        ("parameters", counted),
        ("multiply-adds", f"{summary.multiply_adds:,}"),
        ("weights", _memory(summary.weight_bytes)),
        ("activations", f"{kept} kept in training, at most {peak} at once in use"),
        ("outputs", ", ".join(f"{name}: {type_}" for name, type_ in summary.outputs)),
    ]
    if summary.free:
        rows.append(("free sizes", f"{', '.join(summary.free)}, counted as 1"))
    return [f"{name:13}  {text}" for name, text in rows]


def _memory(count: int) -> str:
    """Bytes in a unit that keeps the number below 1000."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount:,.0f} TB"
