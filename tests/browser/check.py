"""`make browser`: a page of `nnc export --web` in headless Chromium against the numbers of Python.

Needs npm and a Chromium (the one named by CHROMIUM, else the one that is found), which is why it is
no part of `make test`.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import weights
from nnc.backends.onnx.run import OnnxRunner
from nnc.compiler.ir import Program
from nnc.deployment.web.folder import write_page
from nnc.loading import compile_file
from nnc.training.data import Dataset, open_data
from nnc.training.train import train

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "curriculum" / "digits_mlp.nn"
PLAYWRIGHT = "playwright-core@1.64.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing about each file."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a plain static server."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browser() -> str:
    """The path of a Chromium. Raises SystemExit when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("there is no Chromium here: say where with CHROMIUM=/path")
    return found


def seen(address: str, folder: Path) -> dict[str, Any]:
    """What the browser shows."""
    shutil.copyfile(Path(__file__).with_name("page.mjs"), folder / "page.mjs")
    subprocess.run(["npm", "install", "--silent", "--no-save", PLAYWRIGHT], cwd=folder, check=True)
    command = ["node", "page.mjs", address, browser()]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def check(program: Program, data: Dataset, run: Path, found: dict[str, Any]) -> None:
    """The page's numbers are those of Python. Raises AssertionError."""
    assert found["state"] == "ready"
    assert found["problems"] == []
    arrays = weights.read(run / "weights" / "last.safetensors", program.graph)
    batch = data.batch(data.splits["test"][: len(found["answers"])])
    expected = OnnxRunner(program, arrays).outputs({"pixels": batch["pixels"]})["p"]
    answers = np.array([answer["p"] for answer in found["answers"]])
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-6)
    assert found["shown"] == str(expected[-1].argmax())
    assert found["drawn"] == "1"
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    np.testing.assert_allclose(found["losses"], history["loss"], rtol=1e-5)


def main() -> None:
    """Train, write the page, look at it, compare."""
    program, _ = compile_file(SPEC)
    assert program is not None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        train(SPEC, output=folder / "run")
        data = open_data(program, SPEC.parent)
        arrays = weights.read(folder / "run" / "weights" / "last.safetensors", program.graph)
        write_page(program, arrays, folder / "page", data=data)
        with served(folder / "page") as address:
            found = seen(address, folder)
        check(program, data, folder / "run", found)
    print(f"the page answers and trains as Python does: losses {found['losses']}")


if __name__ == "__main__":
    main()
