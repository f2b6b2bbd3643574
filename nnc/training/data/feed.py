"""What one chain of a data block feeds: its columns, what its preparations learnt, and arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnc.backends import recipes
from nnc.backends.pieces import augmentation, columns, images, preparations, series, splits, tables
from nnc.backends.recipes import Call, Preparing
from nnc.compiler.ir import Field, Value
from nnc.compiler.vocabulary.data import Category, OneHot
from nnc.training.data.bounds import declared
from nnc.training.data.dataset import Array, Arrays, Rows
from nnc.training.data.faults import values
from nnc.training.data.learning import learn

_FILES = {
    "augmentation": augmentation,
    "columns": columns,
    "images": images,
    "preparations": preparations,
    "series": series,
    "splits": splits,
    "tables": tables,
}
Learnt = dict[str, Any]
"""What one preparation learnt, by name: arrays as nested lists."""


def function(call: Call) -> Callable[..., Any]:
    """The function of the pieces that a call names."""
    file, _, name = call.function.partition(":")
    found: Callable[..., Any] = getattr(_FILES[file], name)
    return found


@dataclass(frozen=True)
class Feed:
    """A chain with its columns read. `column[rows]` gives an array of them, or a list of images."""

    chain: Field
    column: Any
    values: Mapping[str, Value]
    """The inputs and targets that it feeds, by name."""
    label: str
    """What to call the file."""
    last: bool = False
    """Whether channels stand last."""
    learnt: list[Learnt] = field(default_factory=list)
    ahead: bool = True
    """Whether windows hold what is to be foretold, which in prediction nobody knows."""

    @property
    def span(self) -> int:
        """How many rows an example is made of."""
        window = recipes.window(self.chain)
        return window.lookback + self._horizon if window else 1

    @property
    def _horizon(self) -> int:
        window = recipes.window(self.chain)
        return window.horizon if window and self.ahead else 0

    @property
    def count(self) -> int:
        """How many examples there are. Raises Failed for too few rows."""
        window = recipes.window(self.chain)
        if window is None:
            return len(self.column)
        with values("E614", self.label, self._what):
            return series.count_windows(self.column, window.lookback, self._horizon)

    @property
    def _what(self) -> str:
        return ", ".join(f"`{name}`" for name in self.chain.names)

    @property
    def _column(self) -> int | str | None:
        """The column, where there is one alone."""
        keys: tuple[int | str, ...] = getattr(self.chain.columns, "names", ())
        plain = len(keys) == 1 and not {*"*?"} & {*str(keys[0])}
        return keys[0] if plain else None

    def learn(self, examples: Rows) -> None:
        """Learn from the training examples, unless something was learnt before."""
        rows = examples if self.span == 1 else series.covered(examples, self.span)
        with values("E614", self.label, self._what, self.chain.span):
            for step in recipes.preparing(self.chain)[len(self.learnt) :]:
                self.learnt.append(self._learn(step, rows))

    def _learn(self, step: Preparing, rows: Rows) -> Learnt:
        """What the next preparation learns from columns that the earlier ones have prepared."""
        if step.learn is None:
            return {}
        arguments = (*step.learn.arguments, *step.learn.options.values())
        made = learn(function(step.learn), self._prepared, rows, *arguments)
        several = made if len(step.learnt) > 1 else (made,)
        named = zip(step.learnt, several, strict=True)
        return {name: np.asarray(value).tolist() for name, value in named}

    def arrays(self, examples: Rows) -> Arrays:
        """What the chain feeds, of these examples."""
        if recipes.window(self.chain) is None:
            made: tuple[Array, ...] = (self._prepared(examples),)
        else:
            made = self._windows(examples)
        return {
            name: declared(x, self.values[name], self.label, examples, self.values[name].span)
            for name, x in zip(self.chain.names, made, strict=self.ahead)
            if name in self.values
        }

    def _windows(self, examples: Rows) -> tuple[Array, ...]:
        window = recipes.window(self.chain)
        assert window is not None
        rows = examples[:, None] + np.arange(self.span)
        flat = self._prepared(rows.ravel())
        every = flat.reshape(*rows.shape, *flat.shape[1:])
        given, foretold = every[:, : window.lookback], every[:, window.lookback :]
        if not self.ahead:
            return (given,)
        return given, foretold if window.target is None else foretold[:, :, window.target]

    def _prepared(self, rows: Rows) -> Array:
        """The columns of these rows, as the preparations that have learnt make them."""
        where = self._column
        with values("E614", self.label, self._what, self.chain.span, rows, column=where):
            x = self.column[rows]
            for step, learnt in zip(recipes.preparing(self.chain), self.learnt, strict=False):
                x = self._apply(step, x, learnt)
            if isinstance(x, list):
                _refuse_sizes(x)
        return np.asarray(x)

    def _apply(self, step: Preparing, x: Any, learnt: Learnt) -> Any:
        known = [np.asarray(learnt[name]) for name in step.learnt]
        options = {**step.apply.options, **({"last": self.last} if step.images else {})}
        return function(step.apply)(x, *known, *step.apply.arguments, **options)

    @property
    def labels(self) -> dict[str, list[str]]:
        """The names of the classes by number, where there are classes."""
        for step, learnt in zip(self.chain.preparations, self.learnt, strict=False):
            if isinstance(step, Category | OneHot):
                return {self.chain.names[0]: [_shown(value) for value in learnt["known"]]}
        return {}


def _refuse_sizes(images: list[Array]) -> None:
    """Raise BadExample for an image of another size than the first one."""
    for row, image in enumerate(images):
        if image.shape != images[0].shape:
            message = f"an image has the shape {list(image.shape)}, not {list(images[0].shape)}"
            raise columns.BadExample(message, row)


def _shown(value: Any) -> str:
    """A class as the file has it: whole numbers without a point."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)
