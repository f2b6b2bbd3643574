"""What was written: the surface tree. Frozen, every part with its span, no meaning yet.

`grammar.parse` makes it from `.nn` text, `compiler.document` from a JSON spec, `grammar.format`
prints it, and `passes` give it its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from nnc.compiler.source import Source, Span

# ---- expressions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """`3`, `20_000`, `1e-4`: a whole number stays an int."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    """A name: a value, a parameter, a loop variable, an option (`same`), a word (`relu`).

    Dotted (`layer1.0.conv1`, `lstm.hidden`) it is the value of a named layer.
    """

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class List:
    """`[a, b, c]`."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """`value` or `name=value` in a call. `span` covers all of it, `name_span` the name."""

    name: str | None
    value: Expression
    span: Span
    name_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """`Dense(2, bias=false)`, `channels(x)`, `leaky_relu(0.1)`; `name` may be dotted."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span
    name_span: Span


UnaryOperator: TypeAlias = Literal["-", "not"]
BinaryOperator: TypeAlias = Literal[
    "+", "-", "*", "/", "//", "%", "@", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or"
]


@dataclass(frozen=True, slots=True)
class Unary:
    operator: UnaryOperator
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    operator: BinaryOperator
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if condition { then } else { otherwise }`; each arm is an expression or a chain."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(a, b)`: several values at once; always two or more."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is being given: after `as`, before `=`. Parts may be numbers after `as`."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Apply:
    """A stage that is a word, a block or a layer: `Dense(2) as fc`, `relu`.

    `call` has no arguments and an equal span and name_span when no bracket was written.
    """

    call: Call
    name: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """A stage that is a chain of stages in brackets: `(Dense(2) -> relu) as block`."""

    stages: tuple[Stage, ...]
    name: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Loop:
    """`for i in start..stop { stages } as name`: the stages repeated; `stop` is left out."""

    variable: Name
    start: Expression
    stop: Expression
    stages: tuple[Stage, ...]
    name: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """A stage that is a condition: `if i == 0 { stages } else { stages }`; `otherwise` may be
    empty."""

    condition: Expression
    then: tuple[Stage, ...]
    otherwise: tuple[Stage, ...]
    span: Span


Stage: TypeAlias = Apply | Group | Loop | Choice


@dataclass(frozen=True, slots=True)
class Chain:
    """`source -> stage -> stage`; there is at least one stage."""

    source: Expression
    stages: tuple[Stage, ...]
    span: Span


Expression: TypeAlias = (
    Number
    | String
    | Boolean
    | Reference
    | List
    | Call
    | Unary
    | Binary
    | Conditional
    | Tuple
    | Chain
)

# ---- statements of models and blocks -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Type:
    """`f32[3, 224, T]`, `i64`. Each dimension is an expression: a number, a name, arithmetic."""

    dtype: Name
    shape: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Input:
    """`input x: f32[2]`; a block's inputs have no type."""

    name: Name
    type: Type | None
    span: Span


@dataclass(frozen=True, slots=True)
class Output:
    """`output p = chain`."""

    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Bind:
    """`h = chain`, `a, b = chain`. In data, train and search blocks: a setting."""

    names: tuple[Name, ...]
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Run:
    """A chain on its own, `x -> Dense(2) as fc`: its named stages are what it is for."""

    value: Chain
    span: Span


@dataclass(frozen=True, slots=True)
class Layer:
    """`layer tower = Dense(128) -> relu`: one set of weights, applied wherever it is used."""

    name: Name
    stages: tuple[Stage, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Assert:
    """`assert condition, "message"`."""

    condition: Expression
    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Layout:
    """`layout channels_last`."""

    name: Name
    span: Span


Statement: TypeAlias = Input | Output | Bind | Run | Layer | Assert | Layout

# ---- declarations --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """`use "blocks.nn"`."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """`param classes = 1000` at the top of a file, or `width` / `stride=1` of a block."""

    name: Name
    default: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Model:
    name: Name
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Target:
    """`target y: f32[1]` in a train block."""

    name: Name
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """A `data`, `train` or `search` block: settings, and targets in `train`."""

    keyword: Literal["data", "train", "search"]
    body: tuple[Bind | Target, ...]
    span: Span


Declaration: TypeAlias = Use | Parameter | Block | Model | Section


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`, with the hash, without the line's end."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    """One source, parsed. `comments` lie in the order of the text, for the formatter alone."""

    source: Source
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(default=())
