"""The settings `augment` and `checkpoint` of the train block."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import did_you_mean
from nnc.compiler.passes.settings import Settings
from nnc.compiler.types import FLOATS
from nnc.compiler.vocabulary import base

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.augmentations import Augmentation
    from nnc.compiler.vocabulary.schedules import Every

_EXAMPLE = "changes of an input such as `[flip(image), noise(image, 0.1)]`"


def augment(settings: Settings, graph: ir.Graph) -> tuple[ir.Augmenting, ...]:
    """The changes of inputs, in the order in which they are applied."""
    bind = settings.given.get("augment")
    if bind is None:
        return ()
    listed = bind.value.items if isinstance(bind.value, syntax.List) else (bind.value,)
    found = [_one(settings, graph, item) for item in listed]
    return tuple(one for one in found if one is not None)


def checkpoint(settings: Settings) -> Every | None:
    """When weights are kept, or None."""
    bound = settings.word("checkpoint", "checkpoint", "a checkpoint such as `every(5)`")
    return cast("Every", bound.word) if bound else None


def _one(settings: Settings, graph: ir.Graph, item: syntax.Expression) -> ir.Augmenting | None:
    error = settings.evaluator.error
    if not isinstance(item, syntax.Call) or base.find("augmentation", item.name) is None:
        bound = settings.as_word(item, "augmentation", _EXAMPLE)
        if bound is not None:
            error("E202", f"`{bound.word.word}` needs an input", item.span, "of which input?")
        return None
    named = [argument for argument in item.arguments if argument.name is None][:1]
    inputs = {value.name: value for value in graph.inputs}
    chosen = named[0].value if named else None
    if not isinstance(chosen, syntax.Reference) or chosen.name not in inputs:
        written = chosen.name if isinstance(chosen, syntax.Reference) else ""
        first = next(iter(inputs), "x")
        error(
            "E202",
            f"`{item.name}` needs an input of the model",
            chosen.span if chosen else item.span,
            "this is none" if chosen else "of which input?",
            help=did_you_mean(written, inputs) or f"write `{item.name}({first}, …)`",
        )
        return None
    rest = tuple(argument for argument in item.arguments if argument is not named[0])
    call = syntax.Call(item.name, rest, item.span, item.name_span)
    bound = settings.as_word(call, "augmentation", _EXAMPLE)
    if bound is None:
        return None
    word = cast("Augmentation", bound.word)
    value = inputs[chosen.name]
    if value.type.dtype not in FLOATS or (word.images and value.type.rank not in (2, 3)):
        what = "an image: `f32[3, 32, 32]` or `f32[28, 28]`" if word.images else "fractions: `f32`"
        error(
            "E509",
            f"`{word.word}` changes {what}, not `{value.type}`",
            chosen.span,
            f"this is `{value.type}`",
        )
        return None
    return ir.Augmenting(word, chosen.name)
