"""The folder of a page, written beside its place and then put there."""

from __future__ import annotations

import json
import secrets
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Final

from nnc.backends.base import Arrays
from nnc.compiler.ir import Program
from nnc.deployment.export import Options, exported, model_files
from nnc.deployment.web.description import describe
from nnc.deployment.web.runtime import runtime_files
from nnc.deployment.web.training import FOLDER, hindrance, training_part
from nnc.deployment.web.units import Unprepared, tell_units
from nnc.training.data import Dataset

PAGE: Final = (
    *("index.html", "page.css", "page.js", "inputs.js", "outputs.js"),
    *("training.js", "watching.js"),
)


def write_page(
    program: Program,
    weights: Arrays,
    folder: Path,
    *,
    data: Dataset | None = None,
    unprepared: Unprepared | None = None,
    runtime: Path | None = None,
) -> None:
    """Make `folder`: a page that runs the program with these weights behind any static server.

    `data` gives ranges, labels and examples; with `unprepared` the page takes inputs as the data
    have them, and prepares them itself. `runtime` is an unpacked onnxruntime-web; without it
    npm fetches it. The folder appears when it is complete. Raises FileExistsError when there is
    something of this name, Failed for a layer that the runtime lacks (E706) or when there is no
    runtime (E651), OSError.
    """
    if folder.exists():
        raise FileExistsError(17, "File exists", str(folder))
    beside = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(6)}")
    try:
        with runtime_files(runtime) as found:
            _fill(beside, program, weights, data, unprepared, found)
        beside.rename(folder)
    except BaseException:  # an interrupt as well: nothing may be left over
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _fill(
    folder: Path,
    program: Program,
    weights: Arrays,
    data: Dataset | None,
    unprepared: Unprepared | None,
    runtime: list[Path],
) -> None:
    (folder / "runtime").mkdir(parents=True)
    for part in runtime:
        shutil.copyfile(part, folder / "runtime" / part.name)
    for name in PAGE:
        (folder / name).write_bytes(files("nnc.deployment.web").joinpath("page", name).read_bytes())
    model = exported(program, weights, "model.onnx", Options(target="web"))
    made = dict(model.files)
    described = describe(program, data)
    if data is not None and unprepared is not None:
        before = tell_units(described, program, data, unprepared)
        if before is not None:
            made |= model_files(before, "prepare.onnx", model.metadata)
    for name, chunks in made.items():
        with (folder / name).open("xb") as file:
            file.writelines(chunks)
    if data is not None and hindrance(program, data) is None:
        described["training"], parts = training_part(program, data)
        (folder / FOLDER).mkdir()
        for name, lines in parts.items():
            with (folder / FOLDER / name).open("xb") as file:
                file.writelines(lines)
    text = json.dumps(described, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")
