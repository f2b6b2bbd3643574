"""Frozen classes with fields, validated by pydantic when the first one is made with arguments.

A pydantic class costs half a millisecond to define, and a spec uses few of the words that its
families define. So a class here is a plain one; the pydantic model of its fields is made when it is
needed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_CONFIG = ConfigDict(
    strict=True,
    extra="forbid",
    defer_build=True,
    arbitrary_types_allowed=True,
    protected_namespaces=(),
)


if TYPE_CHECKING:
    # What type checkers are to take them for: constructors and fields are those of a model.
    class Fields(BaseModel):
        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

else:

    class _FieldsType(type):
        @property
        def model_fields(cls) -> dict[str, FieldInfo]:
            """The fields by name, those of base classes first."""
            return _model(cls).model_fields

    class Fields(metaclass=_FieldsType):
        """Base of classes whose annotated attributes are fields.

        Making one raises pydantic's ValidationError for values that don't fit the annotations;
        setting a field afterwards raises TypeError. Two are equal when class and fields are.
        """

        def __init__(self, **given: Any) -> None:
            defaults = _defaults(type(self))
            if given or PydanticUndefined in defaults.values():
                self.__dict__.update(_model(type(self))(**given).__dict__)
            else:
                self.__dict__.update(defaults)

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


@cache
def _defaults(cls: type) -> dict[str, Any]:
    """The default of each field, PydanticUndefined for one that must be given."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in vars(base).get("__annotations__", {}).items():
            if not str(annotation).startswith(("ClassVar", "typing.ClassVar")):
                default = getattr(cls, name, PydanticUndefined)
                found[name] = default.default if isinstance(default, FieldInfo) else default
    return found


@cache
def _model(cls: type) -> type[BaseModel]:
    """The pydantic model with the fields of a class."""
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {
        name: (hint, getattr(cls, name, ...))
        for name, hint in hints.items()
        if get_origin(hint) is not ClassVar
    }
    return create_model(cls.__name__, __config__=_CONFIG, **fields)
