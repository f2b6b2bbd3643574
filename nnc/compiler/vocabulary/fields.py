"""Frozen classes with fields. What fits a field is pydantic's to say.

Loading pydantic and making its models is most of what a start would cost. So a class here is a
plain one, and a value that plainly fits its annotation (`plain.py`) is taken as it is; whatever
else comes is judged by the pydantic model of the fields, which is made when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    get_args,
    get_origin,
    get_type_hints,
)

from nnc.compiler.vocabulary.plain import UNSURE, Reader, reader

if TYPE_CHECKING:
    from pydantic import BaseModel, ConfigDict, Field

__all__ = ["REQUIRED", "Field", "FieldInfo", "Fields", "Unfit", "judged_values", "plain_values"]

REQUIRED: Final = object()
"""The default of a field that must be given."""


class FieldInfo:
    """What is known of a field: `annotation` without its marks, the marks as `metadata`, the
    default. As a mark it holds `limits`: `gt`, `ge`, `lt`, `le`, `min_length`, …, as pydantic
    names them."""

    def __init__(
        self, default: Any = REQUIRED, *, description: str | None = None, **limits: Any
    ) -> None:
        self.default = default
        self.description = description
        self.limits: Mapping[str, Any] = limits
        self.annotation: Any = Any
        self.metadata: tuple[Any, ...] = ()

    @classmethod
    def of(cls, annotation: Any, given: Any) -> FieldInfo:
        """The field of an annotation (marks included) and of what stands behind `=`."""
        said = given if isinstance(given, cls) else cls(given)
        marks: tuple[Any, ...] = (said,) if said.limits else ()
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            marks = (*more, *marks)
        described = (mark.description for mark in (said, *marks) if isinstance(mark, cls))
        found = cls(said.default, description=next(filter(None, described), None))
        found.annotation, found.metadata = annotation, marks
        return found

    def is_required(self) -> bool:
        return self.default is REQUIRED

    # To pydantic a mark is a group of its own constraints: annotated_types.GroupedMetadata.
    __is_annotated_types_grouped_metadata__ = True

    def __iter__(self) -> Iterator[Any]:
        from pydantic.fields import Field as Constrained

        return iter(Constrained(**self.limits).metadata)


class Unfit(ValueError):
    """Values don't fit their fields; `fields` names these, the missing and the unknown ones too."""

    def __init__(self, message: str, fields: tuple[str, ...]) -> None:
        super().__init__(message)
        self.fields = fields


if TYPE_CHECKING:
    # What type checkers are to take them for: constructors and fields are those of a model.
    class Fields(BaseModel):
        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
        model_fields: ClassVar[Mapping[str, FieldInfo]]  # type: ignore[assignment]

else:
    Field = FieldInfo

    class _FieldsType(type):
        @property
        def model_fields(cls) -> Mapping[str, FieldInfo]:
            """The fields by name, those of base classes first."""
            return _fields(cls)

    class Fields(metaclass=_FieldsType):
        """Base of classes whose annotated attributes are fields.

        Making one raises Unfit for values that don't fit the annotations; setting a field
        afterwards raises TypeError. Two are equal when class and fields are.
        """

        def __init__(self, **given: Any) -> None:
            values = plain_values(type(self), given)
            self.__dict__.update(judged_values(type(self), given) if values is None else values)

        def __setattr__(self, name: str, value: object) -> None:
            raise TypeError(f"{type(self).__name__} is frozen")

        def __delattr__(self, name: str) -> None:
            raise TypeError(f"{type(self).__name__} is frozen")

        def _values(self) -> tuple[Any, ...]:
            return tuple(self.__dict__[name] for name in _defaults(type(self)))

        def __eq__(self, other: object) -> bool:
            return type(self) is type(other) and self._values() == other._values()

        def __hash__(self) -> int:
            return hash((type(self), self._values()))

        def __repr__(self) -> str:
            names = _defaults(type(self))
            shown = ", ".join(f"{name}={self.__dict__[name]!r}" for name in names)
            return f"{type(self).__name__}({shown})"


def plain_values(cls: type[Fields], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Every field by its name when what is given plainly fits and nothing is missing; None when
    pydantic has to say."""
    values = dict(_defaults(cls))
    for name, value in given.items():
        if name not in values:
            return None
        values[name] = _readers(cls)[name](value)
    known = all(value is not UNSURE and value is not REQUIRED for value in values.values())
    return values if known else None


def judged_values(cls: type[Fields], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field by its name, as pydantic reads what is given. Raises Unfit."""
    from pydantic import ValidationError

    try:
        return _model(cls)(**given).__dict__
    except ValidationError as error:
        places = (str(found["loc"][0]) for found in error.errors() if found["loc"])
        raise Unfit(str(error), tuple(dict.fromkeys(places))) from None


@cache
def _defaults(cls: type[Fields]) -> dict[str, Any]:
    """The default of each field, REQUIRED for one that must be given: annotations aren't read."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in vars(base).get("__annotations__", {}).items():
            if not str(annotation).startswith(("ClassVar", "typing.ClassVar")):
                default = getattr(cls, name, REQUIRED)
                found[name] = default.default if isinstance(default, FieldInfo) else default
    return found


@cache
def _fields(cls: type[Fields]) -> dict[str, FieldInfo]:
    known = get_type_hints(cls, include_extras=True)
    return {
        name: FieldInfo.of(known[name], getattr(cls, name, REQUIRED)) for name in _defaults(cls)
    }


@cache
def _readers(cls: type[Fields]) -> dict[str, Reader]:
    return {name: reader(field.annotation, field.metadata) for name, field in _fields(cls).items()}


@cache
def _model(cls: type[Fields]) -> type[BaseModel]:
    """The pydantic model with the fields of a class."""
    from pydantic import ConfigDict, create_model

    config = ConfigDict(
        strict=True,
        extra="forbid",
        defer_build=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
    )
    fields: dict[str, Any] = {
        name: (
            Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
            ... if field.is_required() else field.default,
        )
        for name, field in _fields(cls).items()
    }
    return create_model(cls.__name__, __config__=config, **fields)
