"""From a network to an ONNX file: nnc beside PyTorch's exporters.

    python -m bench.export [--rounds 3] [--json FILE]

ResNet-50, whole processes, weights included: nnc draws them from the seed, PyTorch by its own
initialisers. Aims: PyTorch's default exporter takes at least 10 times as long, its older one at
least 5 times, and both have a higher peak of memory. PyTorch's default exporter needs onnxscript.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.pairs import Result, as_json, compare, table

ROOT = Path(__file__).resolve().parent.parent
AIMS = {"torch.onnx.export, dynamo": 10.0, "torch.onnx.export, legacy": 5.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each command is run")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = compare(_commands(Path(folder)), rounds=arguments.rounds, folder=ROOT)
    print(table(results))
    print(_verdict(results))
    if arguments.json:
        arguments.json.write_text(as_json(results) + "\n", encoding="utf-8")


def _commands(folder: Path) -> dict[str, list[str]]:
    spec = str(ROOT / "specs" / "zoo" / "resnet50.nn")
    options = ["--backend", "onnx", "-o", str(folder / "nnc.onnx")]
    deployed = ["-o", str(folder / "deployed.onnx"), "--optimize", "deploy"]
    torch = [sys.executable, "-m", "bench.resnet50_torch"]
    return {
        "nnc compile": [sys.executable, "-m", "nnc", "compile", spec, *options],
        "nnc export": [sys.executable, "-m", "nnc", "export", spec, *deployed],
        "torch.onnx.export, dynamo": [*torch, "dynamo", str(folder / "dynamo.onnx")],
        "torch.onnx.export, legacy": [*torch, "legacy", str(folder / "legacy.onnx")],
        "import torch": [sys.executable, "-c", "import torch"],
    }


def _verdict(results: Sequence[Result]) -> str:
    """Each aim, with whether it is reached."""
    mine = results[0]
    lines = []
    for result in results:
        aim = AIMS.get(result.name)
        if aim is None:
            continue
        reached = result.ratio >= aim and result.megabytes > mine.megabytes
        lines.append(
            f"{'reached' if reached else 'MISSED':7}  {result.name}: {result.ratio:.1f} times "
            f"as long (aim {aim:g}), {result.megabytes / mine.megabytes:.1f} times the memory"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
