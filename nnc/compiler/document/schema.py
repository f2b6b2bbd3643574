"""The JSON Schema of the JSON spec, made from the register: a new word stands in it at once."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from inspect import getdoc
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from nnc.compiler.document.arguments import APART, names
from nnc.compiler.types import DTYPES
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Array, Kind, Phrase, Word
from nnc.compiler.vocabulary.fields import FieldInfo
from nnc.compiler.vocabulary.ops.base import Activation

Schema: TypeAlias = dict[str, Any]

NUMBERS: Final = "numbers"
_BOUNDS: Final = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}
_PLAIN: Final[dict[Any, Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    types.NoneType: {"type": "null"},
    Any: {},
}
# Names may have any letter; what they may not have is said in a way that every validator reads.
_FIRST: Final = r"[^\x00-@\[-^`{-\x7f]"
_LATER: Final = r"[^\x00-/:-@\[-^`{-\x7f]"
NAME: Final = {"type": "string", "pattern": f"^{_FIRST}{_LATER}*$"}
PATH: Final = {"type": "string", "pattern": rf"^{_LATER}+(\.{_LATER}+)*$"}
TYPE: Final = {
    "type": "string",
    "pattern": f"^({'|'.join(DTYPES)})(\\[[^\\[\\]]*\\])?$",
    "description": "element type and shape of one example: `f32[3, 224, T]`, `i64`",
}


def schema() -> Schema:
    """The schema, draft 2020-12. It knows canonical names only; what is read may have aliases."""
    definitions = {_key(cls): _word(cls) for cls in base.words()}
    definitions |= {kind: _kind(kind) for kind in _KINDS}
    definitions[_ACTIVATION] = _activation()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:nnc:spec:1",
        "title": "nnc spec",
        "description": "A neural network as a flat list of nodes, its data and its training.",
        **_object(_TOP, ("nnc", "name", "inputs", "nodes", "outputs")),
        "$defs": {**definitions, NUMBERS: _NUMBERS, "node": _node(), **_SECTIONS},
    }


# ---- words --------------------------------------------------------------------------------

_ACTIVATION: Final = "activation"
_KINDS: Final[tuple[Kind, ...]] = (
    "initializer", "penalty", "constraint", "loss", "optimizer", "schedule", "clip", "stop",
    "checkpoint", "augmentation", "metric", "source", "columns", "preparation", "split", "range",
)  # fmt: skip


def _key(cls: type[Word]) -> str:
    return f"{cls.kind}.{cls.word}"


def _word(cls: type[Word]) -> Schema:
    """A word as an object. The arguments of an op stand in `attributes`, without its name."""
    properties = {name: _argument(cls.model_fields[name]) for name in names(cls)}
    required = [name for name in names(cls) if cls.model_fields[name].is_required()]
    if cls.kind != "op":
        return _described(cls, {"word": {"const": cls.word}, **properties}, ["word", *required])
    fields = cls.model_fields
    properties |= {name: _argument(fields[name]) for name in APART if name in fields}
    return _described(cls, properties, required)


def _described(cls: type[Word], properties: Schema, required: list[str]) -> Schema:
    return {"description": getdoc(cls) or "", **_object(properties, required)}


def _choice(words: Sequence[type[Word]], objects: list[Schema]) -> Schema:
    """One of some words: its name alone where no argument must be given, or an object."""
    bare = [
        cls.word
        for cls in words
        if not any(field.is_required() for field in cls.model_fields.values())
    ]
    return {"anyOf": ([{"enum": bare}] if bare else []) + objects}


def _kind(kind: Kind) -> Schema:
    listed = base.words(kind)
    return _choice(listed, [_reference(_key(cls)) for cls in listed])


def _activation() -> Schema:
    """What `activation=` takes: an op, but written as other words are."""
    listed = [cls for cls in base.words("op") if issubclass(cls, Activation)]
    objects = []
    for cls in listed:
        properties = {name: _argument(cls.model_fields[name]) for name in names(cls)}
        objects.append(_object({"word": {"const": cls.word}, **properties}, ["word"]))
    return _choice(listed, objects)


def _argument(field: FieldInfo) -> Schema:
    if _is_array(field.annotation, field.metadata):
        made = _reference(NUMBERS)
    else:
        made = _bounded(_annotation(field.annotation), field.metadata)
    phrase = next((str(item) for item in field.metadata if isinstance(item, Phrase)), None)
    text = ": ".join(part for part in (field.description, phrase) if part)
    described = {"description": text} if text else {}
    return {**described, **made, **_default(field)}


def _default(field: FieldInfo) -> Schema:
    if field.is_required():
        return {}
    return {"default": field.default.word if isinstance(field.default, Word) else field.default}


def _annotation(annotation: Any) -> Schema:
    """The schema of an argument's type."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return dict(_PLAIN[annotation])
    if origin is Annotated:
        if _is_array(parts[0], parts[1:]):
            return _reference(NUMBERS)
        return _bounded(_annotation(parts[0]), parts[1:])
    if origin in (Union, types.UnionType):
        return {"anyOf": [_annotation(part) for part in parts]}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is tuple:
        return _tuple(parts)
    return _reference(_ACTIVATION if annotation.kind == "op" else annotation.kind)


def _tuple(parts: tuple[Any, ...]) -> Schema:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return {"type": "array", "items": _annotation(parts[0])}
    items = [_annotation(part) for part in parts]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _is_array(annotation: Any, metadata: Iterable[Any]) -> bool:
    """Whether an annotation is that of literal weights."""
    plain, *marks = get_args(Array)
    return bool(annotation == plain) and any(mark in marks for mark in metadata)


def _bounded(made: Schema, metadata: Iterable[Any]) -> Schema:
    """A schema with the constraints of an annotation's marks."""
    lengths = "Items" if made.get("type") == "array" else "Length"
    keys = {**_BOUNDS, "min_length": f"min{lengths}", "max_length": f"max{lengths}"}
    bounds = {
        key: item.limits[name]
        for item in metadata
        if isinstance(item, FieldInfo)
        for name, key in keys.items()
        if name in item.limits
    }
    return {**made, **bounds} if "type" in made else made


# ---- the document -------------------------------------------------------------------------


def _object(properties: Schema, required: Iterable[str] = ()) -> Schema:
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    needed = list(required)
    return {**made, "required": needed} if needed else made


def _list(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, **({"minItems": least} if least else {})}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _or_null(name: str) -> Schema:
    return {"anyOf": [_reference(name), {"type": "null"}]}


def _node() -> Schema:
    """A node: an op with its attributes, or a second use of the layer of a node before it."""
    ops = base.words("op")
    properties = {
        "name": PATH,
        "op": {"enum": [cls.word for cls in ops]},
        "layer": {**PATH, "description": "name of the node whose weights are used again"},
        "inputs": _list(PATH, 1),
        "attributes": {"type": "object"},
    }
    either = [
        {"required": ["op"], "properties": {"layer": False}},
        {"required": ["layer"], "properties": {"op": False, "attributes": False}},
    ]
    rules = [_rule(cls) for cls in ops]
    return {**_object(properties, ("name", "inputs")), "oneOf": either, "allOf": rules}


def _rule(cls: type[Word]) -> Schema:
    then: Schema = {"properties": {"attributes": _reference(_key(cls))}}
    if any(field.is_required() for field in cls.model_fields.values()):
        then["required"] = ["attributes"]
    condition = {"properties": {"op": {"const": cls.word}}, "required": ["op"]}
    return {"if": condition, "then": then}


_NUMBERS: Final = {
    "description": "a literal weight: numbers in lists as deep as the weight has axes",
    "type": "array",
    "items": {"anyOf": [{"type": "number"}, _reference(NUMBERS)]},
}
_SCALAR: Final = {"type": ["number", "string", "boolean"]}
_PARAMETER: Final = {"anyOf": [_SCALAR, {"type": "array"}]}
_TYPED: Final = _object({"name": NAME, "type": TYPE}, ("name", "type"))
_COMPARED: Final = {"prediction": NAME, "target": NAME}
_COUNT: Final = {"type": "integer", "minimum": 1}

_SECTIONS: Final[Schema] = {
    "train": _object(
        {
            "targets": _list(_TYPED),
            "loss": _list(
                _object(
                    {
                        "loss": _reference("loss"),
                        "factor": {"type": "number"},
                        "prediction": {"anyOf": [NAME, _list(NAME, 1)]},
                        "target": NAME,
                    },
                    ("loss", "prediction"),
                ),
                1,
            ),
            "penalties": _list(
                _object(
                    {"penalty": _reference("penalty"), "factor": {"type": "number"}},
                    ("penalty",),
                )
            ),
            "optimizer": _reference("optimizer"),
            "schedule": _or_null("schedule"),
            "clip": _or_null("clip"),
            "stop": _or_null("stop"),
            "metrics": _list(
                _object(
                    {"metric": _reference("metric"), **_COMPARED},
                    ("metric", "prediction", "target"),
                )
            ),
            "epochs": _COUNT,
            "batch": {"anyOf": [_COUNT, {"const": "all"}]},
            "seed": {"type": "integer", "minimum": 0},
            "log_every": _COUNT,
            "augment": _list(
                _object(
                    {"augmentation": _reference("augmentation"), "input": NAME},
                    ("augmentation", "input"),
                )
            ),
            "checkpoint": _or_null("checkpoint"),
        },
        ("loss", "optimizer"),
    ),
    "data": _object(
        {
            "source": _or_null("source"),
            "fields": _list(
                _object(
                    {
                        "name": {"anyOf": [NAME, _list(NAME, 2)]},
                        "columns": {
                            "anyOf": [
                                _list({"type": ["integer", "string"]}, 1),
                                _reference("columns"),
                            ]
                        },
                        "preparations": _list(_reference("preparation")),
                    },
                    ("name", "columns"),
                )
            ),
            "split": _or_null("split"),
        },
        ("fields",),
    ),
    "search": _object(
        {
            "ranges": {"type": "object", "additionalProperties": _reference("range")},
            "trials": _COUNT,
            "method": {"enum": ["random", "grid", "bayesian", "evolution"]},
            "goal": {"enum": ["minimize", "maximize"]},
            "monitor": {"type": "string"},
        },
        ("ranges",),
    ),
}

_TOP: Final[Schema] = {
    "nnc": {"const": 1, "description": "the version of the spec"},
    "name": NAME,
    "layout": {"enum": ["channels_first", "channels_last"], "default": "channels_first"},
    "inputs": _list(_TYPED),
    "nodes": _list(_reference("node")),
    "outputs": _list(_object({"name": NAME, "value": PATH}, ("name", "value")), 1),
    "parameters": {"type": "object", "additionalProperties": _PARAMETER},
    "data": _reference("data"),
    "train": _reference("train"),
    "search": _reference("search"),
}
