"""What a syntax error is called."""

from __future__ import annotations

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.source import Source, Span


def too_large(source: Source, limit: int) -> Diagnostic:
    size = f"{len(source.text):,} characters"
    return Diagnostic(
        "E031",
        f"{source.name} is too large: {size}",
        (Label(Span(source, 0, 0), f"at most {limit:,} characters are read"),),
        "weights belong in a .safetensors file, and repeated layers in a loop",
    )


def empty(source: Source) -> Diagnostic:
    return Diagnostic(
        "E030",
        f"{source.name} says nothing: it has no declaration",
        (
            Label(
                Span(source, 0, 0), "expected `model`, `block`, `param`, `data`, `train` or `use`"
            ),
        ),
        "model Net {\n  input x: f32[2]\n  output y = x -> Dense(1)\n}",
    )


def too_deep(span: Span, limit: int) -> Diagnostic:
    return Diagnostic(
        "E016",
        f"this is nested more than {limit} levels deep",
        (Label(span, "one level too many"),),
        "give a part of it a name on a line of its own, and use the name",
    )
