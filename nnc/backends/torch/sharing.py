"""One class for several uses of a block: what differs between them becomes parameters of
`__init__`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from nnc.backends import pysource as py

_POSITIONS: dict[str, tuple[str, ...]] = {
    "nn.Linear": ("inputs", "outputs"),
    **{
        f"{kind}{axes}d": ("in_channels", "out_channels")
        for kind in ("nn.Conv", "nn.ConvTranspose", "TrueConv")
        for axes in (1, 2, 3)
    },
    "nn.BatchNorm1d": ("channels",),
    "nn.BatchNorm2d": ("channels",),
    "nn.BatchNorm3d": ("channels",),
    "nn.LayerNorm": ("width",),
    "nn.RMSNorm": ("width",),
    "nn.GroupNorm": ("groups", "channels"),
    "nn.InstanceNorm1d": ("channels",),
    "nn.InstanceNorm2d": ("channels",),
    "nn.InstanceNorm3d": ("channels",),
    "nn.Embedding": ("vocabulary", "units"),
    "MultiHeadAttention": ("width",),
    "GRU": ("features", "units"),
    "LSTM": ("features", "units"),
    "ResetBeforeGRU": ("features", "units"),
    "SimpleRNN": ("features", "units"),
    "PositionalEncoding": ("length", "units"),
    "LearnedPositionalEncoding": ("length", "units"),
    "RotaryEncoding": ("length", "units"),
}
"""What the arguments of modules are called that are given by their place."""


@dataclass(frozen=True)
class Body:
    """The class of one use of a block."""

    base: str
    init: tuple[py.Statement, ...]
    forward: py.Function


@dataclass(frozen=True)
class Shared:
    """A class for several uses: its parts, its parameters, and the arguments of each use."""

    body: Body
    parameters: tuple[tuple[str, str], ...]
    """Name and type."""
    arguments: tuple[tuple[object, ...], ...]


def skeleton(body: Body) -> object:
    """What two uses must have in common to share a class: everything but the numbers in `__init__`
    and the shapes in comments."""
    return body.base, _holes(body.init, ""), bare(body).forward


def bare(body: Body) -> Body:
    """The body without its comments and places in the spec."""
    forward = replace(body.forward, body=tuple(map(_bare, body.forward.body)))
    return replace(body, init=tuple(map(_bare, body.init)), forward=forward)


def _bare(statement: py.Statement) -> py.Statement:
    if isinstance(statement, py.Assign):
        return replace(statement, comment="", span=None)
    if isinstance(statement, py.For):
        return replace(statement, body=tuple(map(_bare, statement.body)))
    return statement


def _holes(part: object, inside: str) -> object:
    """The part with every number inside a call taken out."""
    if isinstance(part, py.Literal) and inside and _is_number(part.value):
        return None
    if isinstance(part, py.Call):
        inside = py.print_expression(part.function)
    if isinstance(part, py.Subscript):
        inside = ""
    if isinstance(part, tuple):
        return tuple(_holes(item, inside) for item in part)
    if is_dataclass(part):
        named = (getattr(part, f.name) for f in fields(part) if f.name != "span")
        return (type(part).__name__, *(_holes(item, inside) for item in named))
    return part


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def share(bodies: Sequence[Body], taken: Sequence[str]) -> Shared:
    """The class of uses whose skeletons are equal."""
    columns = list(zip(*(tuple(_wishes(body.init)) for body in bodies), strict=True))
    chosen: dict[tuple[object, ...], str] = {}
    for column in columns:
        values = tuple(value for *_, value in column)
        if len({(type(v), v) for v in values}) > 1 and values not in chosen:
            module, wish, _ = column[0]
            is_free = wish not in chosen.values()
            names = py.Names(("self", "nn", "F", "torch", *taken, *chosen.values()))
            chosen[values] = names.fresh(wish if is_free else f"{module}_{wish}")
    holes = iter([chosen.get(tuple(value for *_, value in column)) for column in columns])
    init = _filled(bodies[0].init, "", holes)
    forward = _commented([body.forward for body in bodies], chosen)
    parameters = tuple(
        (name, "float" if any(isinstance(v, float) for v in values) else "int")
        for values, name in chosen.items()
    )
    arguments = tuple(zip(*chosen, strict=True)) if chosen else ((),) * len(bodies)
    return Shared(Body(bodies[0].base, init, forward), parameters, arguments)


def _wishes(init: tuple[py.Statement, ...]) -> Iterator[tuple[str, str, Any]]:
    """Every number of `__init__`: the module, what the number is called there, the number."""
    for statement in init:
        target = statement.targets[0] if isinstance(statement, py.Assign) else None
        module = target.attribute if isinstance(target, py.Attribute) else "module"
        for wish, value in _numbers(statement, "", "size"):
            yield module, wish, value


def _numbers(part: object, inside: str, name: str) -> Iterator[tuple[str, Any]]:
    """Every number inside a call, with what it is called there, in the order of `_holes`."""
    if isinstance(part, py.Literal):
        if inside and _is_number(part.value):
            yield name, part.value
    elif isinstance(part, py.Call):
        inside = py.print_expression(part.function)
        yield from _numbers(part.function, inside, "size")
        places = _POSITIONS.get(inside, ())
        for number, argument in enumerate(part.arguments):
            wish = places[number] if number < len(places) else "size"
            yield from _numbers(argument, inside, wish)
        for key, value in part.keywords:
            yield from _numbers(value, inside, key)
    elif isinstance(part, tuple):
        for item in part:
            yield from _numbers(item, inside, name)
    elif is_dataclass(part):
        deeper = "" if isinstance(part, py.Subscript) else inside
        for field in fields(part):
            if field.name != "span":
                yield from _numbers(getattr(part, field.name), deeper, name)


def _filled(part: Any, inside: str, holes: Iterator[str | None]) -> Any:
    """The part with parameters in place of the numbers that differ."""
    if isinstance(part, py.Literal):
        if not inside or not _is_number(part.value):
            return part
        name = next(holes)
        return part if name is None else py.name(name)
    if isinstance(part, py.Call):
        inside = py.print_expression(part.function)
    if isinstance(part, py.Subscript):
        inside = ""
    if isinstance(part, tuple):
        return tuple(_filled(item, inside, holes) for item in part)
    if is_dataclass(part) and not isinstance(part, type):
        named = {f.name: getattr(part, f.name) for f in fields(part)}
        return replace(
            part, **{n: _filled(v, inside, holes) for n, v in named.items() if n != "span"}
        )
    return part


def _commented(
    forwards: Sequence[py.Function], chosen: dict[tuple[object, ...], str]
) -> py.Function:
    """`forward` with the shapes of all uses in its comments: sizes that differ are called by their
    names."""
    named = {tuple(map(str, values)): name for values, name in chosen.items()}
    letters: dict[tuple[str, ...], str] = {}
    bodies = [forward.body for forward in forwards]
    return replace(forwards[0], body=_merged(bodies, named, letters))


def _merged(
    bodies: Sequence[tuple[py.Statement, ...]],
    named: dict[tuple[str, ...], str],
    letters: dict[tuple[str, ...], str],
) -> tuple[py.Statement, ...]:
    merged: list[py.Statement] = []
    for lines in zip(*bodies, strict=True):
        line = lines[0]
        if isinstance(line, py.Assign):
            comments = [each.comment for each in lines if isinstance(each, py.Assign)]
            line = replace(line, comment=_joined(comments, named, letters))
        elif isinstance(line, py.For):
            inner = [each.body for each in lines if isinstance(each, py.For)]
            line = replace(line, body=_merged(inner, named, letters))
        merged.append(line)
    return tuple(merged)


def _joined(
    comments: Sequence[str],
    named: dict[tuple[str, ...], str],
    letters: dict[tuple[str, ...], str],
) -> str:
    if len(set(comments)) == 1:
        return comments[0]
    parts = [comment.strip("[]").split(", ") for comment in comments]
    if len({len(part) for part in parts}) > 1:
        return ""
    sizes = list(zip(*parts, strict=True))
    made = []
    for place, values in enumerate(sizes):
        if len(set(values)) == 1:
            made.append(values[0])
        else:
            made.append(named.get(values) or _letter(values, place, len(sizes), letters))
    return f"[{', '.join(made)}]"


def _letter(
    values: tuple[str, ...], place: int, rank: int, letters: dict[tuple[str, ...], str]
) -> str:
    """C, H, W, L by place, with a prime for each other size that is called the same."""
    if values not in letters:
        usual = {(4, 2): "H", (4, 3): "W", (3, 2): "L"}.get((rank, place), "C")
        letter = usual
        while letter in letters.values():
            letter += "'"
        letters[values] = letter
    return letters[values]
