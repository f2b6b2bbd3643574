"""Comparing arrays with the reference's. What can't be compared is a failure, never a pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays, Precision
from nnc.verify.tolerances import LOSS_FLOOR, TOLERANCES, gradient_scale
from nnc.verify.verdict import Compared, Comparison


def outputs(reference: Arrays, found: Arrays, precision: Precision) -> tuple[Comparison, ...]:
    """Every output of the reference, and every one that only the backend has."""
    tolerance = TOLERANCES[precision].outputs
    return tuple(
        array("output", name, reference.get(name), found.get(name), precision, tolerance)
        for name in {**reference, **found}
    )


def loss(reference: float, found: float, precision: Precision) -> Comparison:
    """The loss. A floor on its scale keeps the rounding of a small one from counting."""
    scale = max(abs(reference), LOSS_FLOOR)
    a, b = np.asarray(reference, np.float64), np.asarray(found, np.float64)
    return _measured("loss", "loss", a, b, scale, TOLERANCES[precision].loss)


def gradients(
    reference: Arrays, found: Arrays, layers: Mapping[str, str], precision: Precision
) -> tuple[Comparison, ...]:
    """The gradient of every weight. `layers` has the layer of each weight."""
    largest: dict[str, float] = {}
    for name, gradient in reference.items():
        layer = layers[name]
        largest[layer] = max(largest.get(layer, 0.0), _largest(gradient))
    overall = max(largest.values(), default=0.0)
    tolerance = TOLERANCES[precision].gradients
    return tuple(
        array(
            "gradient",
            name,
            reference.get(name),
            found.get(name),
            precision,
            tolerance,
            layer_scale=largest.get(layers.get(name, ""), 0.0) or overall,
        )
        for name in {**reference, **found}
    )


def array(
    what: Compared,
    name: str,
    reference: NDArray[Any] | None,
    found: Any,
    precision: Precision,
    tolerance: float,
    *,
    layer_scale: float | None = None,
) -> Comparison:
    """One array against the reference's."""
    problem = _problem(reference, found, precision)
    if problem is not None or reference is None:
        return Comparison(what, name, tolerance, problem=problem)
    own = _largest(reference)
    scale = (own or 1.0) if layer_scale is None else gradient_scale(own, layer_scale)
    return _measured(what, name, reference, found, scale, tolerance)


def _problem(reference: NDArray[Any] | None, found: Any, precision: Precision) -> str | None:
    """Why two arrays can't be compared."""
    if reference is None:
        return "the reference doesn't have it"
    if found is None:
        return "missing"
    if not isinstance(found, np.ndarray):
        return f"is no array but {type(found).__name__}"
    if found.shape != reference.shape:
        return f"has the shape {list(found.shape)}, not {list(reference.shape)}"
    exact = reference.dtype.kind != "f"
    if exact and found.dtype.kind != reference.dtype.kind:
        return f"is made of {found.dtype}, not {reference.dtype}"
    if not exact and found.dtype != np.dtype(precision):
        return f"is made of {found.dtype}, not {precision}"
    return None


def _measured(
    what: Compared,
    name: str,
    reference: NDArray[Any],
    found: NDArray[Any],
    scale: float,
    tolerance: float,
) -> Comparison:
    for side, values in (("the reference", reference), ("it", found)):
        finite = np.isfinite(values)
        if not finite.all():
            share = f"{int((~finite).sum())} of {values.size} elements"
            return Comparison(
                what, name, tolerance, problem=f"{side} is not a number or infinite in {share}"
            )
    apart = np.abs(found.astype(np.float64) - reference.astype(np.float64))
    difference = float(apart.max(initial=0.0)) / scale
    note = "0 everywhere, which says little" if reference.size and not reference.any() else None
    return Comparison(what, name, tolerance, difference=difference, scale=scale, note=note)


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values.astype(np.float64)).max(initial=0.0))
