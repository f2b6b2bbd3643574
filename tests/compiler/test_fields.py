"""What is told of a field without pydantic is what pydantic says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError

from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Word
from nnc.compiler.vocabulary.fields import (
    Field,
    Fields,
    Unfit,
    judged_values,
    plain_values,
)
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.plain import UNSURE, reader

WORDS = base.words()
NUMBERS = (0, 1, -1, 2, 3, 16, -17, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 10**400, True, False)
REALS = (0.0, -0.0, 0.5, 1.0, 2.0, -1e-9, 1e300, math.inf, -math.inf, math.nan)
OTHERS = (None, "", "a", "same", "mean", "channels_last", b"a", 1j, [1], {"a": 1}, object(), int)
SINGLE = (*NUMBERS, *REALS, *OTHERS)
LISTS = (
    *((one,) for one in SINGLE),
    *itertools.product((0, 1, 0.5, 2.0, True, "a", None, math.nan), repeat=2),
    *(((one, two),) for one in (0, 1, -1, 0.5, "a") for two in (0, 1, 2.5)),
    (),
    (1, 2, 3),
    (1, 2.0, 3),
    (1, (2, 3)),
    ((1, 2), (0.5, 3)),
    (((1,),),),
)
BARE = tuple(
    cls() for cls in WORDS if not any(field.is_required() for field in cls.model_fields.values())
)


def options(annotation: Any) -> Iterator[Any]:
    """The options of an annotation, which no pool of samples can know."""
    for part in get_args(annotation):
        yield from (part,) if get_origin(annotation) is Literal else options(part)


def pydantic_of(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config={"strict": True, "arbitrary_types_allowed": True})


def same(a: Any, b: Any) -> bool:
    """Equal in value and in type, item by item; nan is itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b) if isinstance(a, float) else bool(a == b)


def by_word(value: Any) -> str | None:
    return value.word if isinstance(value, type) and issubclass(value, Word) else None


@pytest.mark.parametrize("cls", WORDS, ids=by_word)
def test_what_is_plain_is_what_pydantic_takes(cls: type[Word]) -> None:
    for name, field in cls.model_fields.items():
        judge = pydantic_of(Annotated[field.annotation, *field.metadata, None])
        read = reader(field.annotation, field.metadata)
        for value in (*SINGLE, *LISTS, *BARE, *options(field.annotation)):
            taken = read(value)
            if taken is UNSURE:
                continue
            try:
                judged = judge.validate_python(value)
            except ValidationError:
                pytest.fail(f"{cls.word}: {name} takes {value!r}, and pydantic doesn't")
            assert same(taken, judged), f"{cls.word}: {name} makes {taken!r} of {value!r}"


@pytest.mark.parametrize("cls", WORDS, ids=by_word)
def test_options_and_defaults_are_plain(cls: type[Word]) -> None:
    for name, field in cls.model_fields.items():
        read = reader(field.annotation, field.metadata)
        known = [] if field.is_required() else [field.default]
        for value in (*known, *options(field.annotation)):
            assert same(read(value), value), name


@pytest.mark.parametrize("cls", base.words("op"), ids=by_word)
def test_examples_are_plain(cls: type[Op]) -> None:
    for example in cls.examples():
        given = example.op.arguments()
        plain = plain_values(cls, given)
        assert plain == judged_values(cls, given)
        assert plain == given


class Sample(Fields):
    count: Annotated[int, Field(gt=0)]
    share: float = Field(0.5, ge=0, lt=1, description="a share")


def test_a_field_says_what_pydantic_would_say() -> None:
    count, share = Sample.model_fields.values()
    assert (count.annotation, count.is_required()) == (int, True)
    assert (share.annotation, share.default, share.description) == (float, 0.5, "a share")
    assert [dict(mark.limits) for mark in share.metadata] == [{"ge": 0, "lt": 1}]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"count": 0}, ("count",)),
        ({"count": True}, ("count",)),
        ({"count": 1.0}, ("count",)),
        ({"count": 1, "share": 1}, ("share",)),
        ({"count": 1, "share": math.nan}, ("share",)),
        ({"count": "1", "share": -0.5}, ("count", "share")),
        ({}, ("count",)),
        ({"count": 1, "more": 2}, ("more",)),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(given: dict[str, Any], fields: tuple[str, ...]) -> None:
    with pytest.raises(Unfit) as unfit:
        Sample(**given)
    assert unfit.value.fields == fields


def test_a_whole_number_is_a_real_one_where_one_is_asked_for() -> None:
    made = Sample(count=2, share=0)
    assert same((made.count, made.share), (2, 0.0))
