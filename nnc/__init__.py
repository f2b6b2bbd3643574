"""nnc: one spec, every backend, provably the same network.

The facade: `compile_text` and `compile_file` give a program and what there is to say about it,
`to_json` writes a program as its JSON spec, `train` trains one. Backends and verification live in
their own packages and load frameworks only when they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnc.compiler.document.write import to_json
    from nnc.loading import compile_file, compile_text
    from nnc.training.train import train

__version__ = "0.1.0"
__all__ = ["__version__", "compile_file", "compile_text", "to_json", "train"]


def __getattr__(name: str) -> Any:
    """Load the compiler on first use: `nnc --version` must not wait for it."""
    if name in ("compile_file", "compile_text"):
        from nnc import loading

        return getattr(loading, name)
    if name == "to_json":
        from nnc.compiler.document.write import to_json

        return to_json
    if name == "train":
        from nnc.training.train import train

        return train
    raise AttributeError(f"module 'nnc' has no attribute '{name}'")
