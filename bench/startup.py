"""What it costs to start nnc, beside the imports that it cannot do without.

    python -m bench.startup [--rounds 15] [--json FILE]

Aims: `nnc check` of a small spec at most 1.5 times the bare imports, `nnc --version` below them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.pairs import as_json, compare, table

SPEC = """\
model Xor {
  input  x: f32[2]
  output p = x -> Dense(2) -> sigmoid -> Dense(1) -> sigmoid
}

train {
  target y: f32[1]
  loss      = binary_cross_entropy(p, y)
  optimizer = sgd(lr=1.0)
  metrics   = [accuracy(p, y)]
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each command is run")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "small.nn"
        spec.write_text(SPEC, encoding="utf-8")
        nnc = [sys.executable, "-m", "nnc.cli"]
        bare = "import lark, pydantic, click"
        commands = {
            bare: [sys.executable, "-c", bare],
            # pydantic imports most of itself only when BaseModel is asked for.
            f"{bare}; pydantic.BaseModel": [sys.executable, "-c", f"{bare}; pydantic.BaseModel"],
            "pass": [sys.executable, "-c", "pass"],
            "nnc --version": [*nnc, "--version"],
            "nnc check small.nn": [*nnc, "check", str(spec)],
        }
        results = compare(commands, rounds=arguments.rounds)
    print(table(results))
    if arguments.json:
        arguments.json.write_text(as_json(results) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
