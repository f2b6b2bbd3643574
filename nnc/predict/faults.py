"""What is said of files of data that don't fit."""

from __future__ import annotations

from collections.abc import Sequence

from nnc.compiler.diagnostics import Diagnostic, Failed, did_you_mean


def failed(code: str, message: str, help: str | None = None) -> Failed:
    return Failed([Diagnostic(code, message, help=help)])


def lacks(
    label: str, what: str, missing: Sequence[str], stored: Sequence[str], cure: str | None = None
) -> Failed:
    """A file without some of the arrays or columns; `cure` for where no name is nearly right."""
    shown = ", ".join(f"`{name}`" for name in missing[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    holds = ", ".join(f"`{name[:60]}`" for name in list(stored)[:12]) or "nothing with a name"
    near = did_you_mean(missing[0], [name for name in stored if len(name) < 200])
    plural = "s" if len(missing) > 1 else ""
    message = f"{label} has no {what}{plural} {shown}{more}"
    return failed("E612", message, near or cure or f"it holds {holds}")
