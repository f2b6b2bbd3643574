"""Arithmetic with numbers."""

from typing import Any


def scaled(x: Any, factor: float) -> Any:
    """x times a number."""
    return factor * x
