"""onnxruntime-web: the three files of the npm package that the page loads."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nnc.compiler.diagnostics import Diagnostic, Failed

VERSION: Final = "1.30.0"
PACKAGE: Final = f"onnxruntime-web@{VERSION}"
FILES: Final = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)


@contextmanager
def runtime_files(given: Path | None) -> Iterator[list[Path]]:
    """The files of the runtime: those in `given`, an unpacked onnxruntime-web (or its `dist`), or
    those that npm fetches into a folder which goes away again.

    Raises Failed (E651) when they can't be had.
    """
    if given is not None:
        yield _found(given)
        return
    with tempfile.TemporaryDirectory(prefix="nnc-web-") as folder:
        _install(Path(folder))
        yield _found(Path(folder) / "node_modules" / "onnxruntime-web")


def _found(folder: Path) -> list[Path]:
    for place in (folder, folder / "dist", folder / "node_modules" / "onnxruntime-web" / "dist"):
        files = [place / name for name in FILES]
        if all(file.is_file() for file in files):
            return files
    raise _failed(f"{folder} holds no onnxruntime-web: {FILES[0]} is not there")


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise _failed("the page needs onnxruntime-web, and npm, which fetches it, is not installed")
    command = [npm, "install", "--prefix", str(folder), "--no-save", "--ignore-scripts", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise _failed(f"npm can't fetch {PACKAGE}: {lines[-1] if lines else 'it says nothing'}")


def _failed(message: str) -> Failed:
    cure = (
        f"run `npm install {PACKAGE}` somewhere and give `--runtime node_modules/onnxruntime-web`"
    )
    return Failed([Diagnostic("E651", message, help=cure)])
