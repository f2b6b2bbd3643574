"""The folder of a page, written beside its place and then put there."""

from __future__ import annotations

import json
import secrets
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Final

from nnc.backends.base import Arrays
from nnc.backends.onnx.emit import emit
from nnc.compiler.ir import Program
from nnc.training.data import Dataset
from nnc.web.description import describe
from nnc.web.runtime import runtime_files

PAGE: Final = ("index.html", "page.css", "page.js", "inputs.js", "outputs.js")


def write_page(
    program: Program,
    weights: Arrays,
    folder: Path,
    *,
    data: Dataset | None = None,
    runtime: Path | None = None,
) -> None:
    """Make `folder`: a page that runs the program with these weights behind any static server.

    `data` gives ranges, labels and examples. `runtime` is an unpacked onnxruntime-web; without it
    npm fetches it. The folder appears when it is complete. Raises FileExistsError when there is
    something of this name, Failed (E651) when there is no runtime, OSError.
    """
    if folder.exists():
        raise FileExistsError(17, "File exists", str(folder))
    beside = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(6)}")
    try:
        with runtime_files(runtime) as found:
            _fill(beside, program, weights, data, found)
        beside.rename(folder)
    except BaseException:  # an interrupt as well: nothing may be left over
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _fill(
    folder: Path, program: Program, weights: Arrays, data: Dataset | None, runtime: list[Path]
) -> None:
    (folder / "runtime").mkdir(parents=True)
    for file in runtime:
        shutil.copyfile(file, folder / "runtime" / file.name)
    for name in PAGE:
        (folder / name).write_bytes(files("nnc.web").joinpath("page", name).read_bytes())
    with (folder / "model.onnx").open("xb") as model:
        model.writelines(emit(program, weights).chunks)
    text = json.dumps(describe(program, data), ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")
