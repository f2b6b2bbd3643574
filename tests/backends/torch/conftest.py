"""The command line, for the tests of certificates."""

from __future__ import annotations

from tests.cli.conftest import folder, nnc

__all__ = ["folder", "nnc"]
