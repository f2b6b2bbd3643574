"""What it costs to be ready to read a spec, and how fast one is read.

    python -m bench.grammar [--rounds 15] [--lines 100000] [--json FILE]

The grammar can be loaded in three ways: by Lark from nn.lark, by Lark from its cache, and from
tables that were made when nnc was built, which is what nnc does. Each is a whole process that then
reads one small spec. Aim: 7,000 lines a second of processor time, in a file of any length.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.pairs import as_json, compare, table
from nnc.compiler.source import Source
from nnc.grammar.format import format_file
from nnc.grammar.generate import GRAMMAR
from nnc.grammar.parse import parse

SMALL = "model M { input x: f32[2] output y = x -> Dense(1) }"
BLOCK = """\
block Block{number}(width, stride=1) {
  input x
  main = x
    -> Conv2D(width, 3, stride=stride, padding=1, bias=false) as conv1 -> BatchNorm as bn1 -> relu
    -> Conv2D(width, 3, padding=1, bias=false) as conv2 -> BatchNorm as bn2
  skip = if stride > 1 or channels(x) != width {
    x -> Conv2D(width, 1, stride=stride, bias=false) as 0
  } else { x }
  output y = main + skip -> relu  # as in the paper
}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each command is run")
    parser.add_argument("--lines", type=int, default=100_000, help="lines of the longest spec")
    parser.add_argument("--json", type=Path, help="write the results to this file too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = compare(_commands(Path(folder)), rounds=arguments.rounds)
    print(table(results))
    if arguments.json:
        arguments.json.write_text(as_json(results) + "\n", encoding="utf-8")
    print("\n   lines  parse, lines/s  format, lines/s")
    for lines in (arguments.lines // 100, arguments.lines // 10, arguments.lines):
        print("{:8,}  {:14,.0f}  {:15,.0f}".format(*_throughput(lines)))


def _commands(folder: Path) -> dict[str, list[str]]:
    syntax = "from nnc.compiler import syntax, diagnostics"
    own = "from nnc.grammar.parse import parse; from nnc.compiler.source import Source"
    lark = f"open({str(GRAMMAR)!r}).read(), parser='lalr', start='file', maybe_placeholders=True"
    programs = {
        "nnc's tables": f"{own}; parse(Source('a.nn', {SMALL!r}))",
        "the tree's classes alone": syntax,
        "import lark alone": f"{syntax}; import lark",
        "Lark, from its cache": (
            f"{syntax}; from lark import Lark; "
            f"Lark({lark}, cache={str(folder / 'cache')!r}).parse({SMALL!r})"
        ),
        "Lark, from the grammar": f"{syntax}; from lark import Lark; Lark({lark}).parse({SMALL!r})",
    }
    return {name: [sys.executable, "-c", program] for name, program in programs.items()}


def _throughput(lines: int) -> tuple[int, float, float]:
    """Lines of a spec, and how many of them are read and written in a second."""
    count = max(1, lines // BLOCK.count("\n"))
    source = Source("long.nn", "".join(BLOCK.replace("{number}", str(i)) for i in range(count)))
    lines = source.text.count("\n")
    start = time.process_time()
    file = parse(source)
    parsed = time.process_time()
    format_file(file)
    return lines, lines / (parsed - start), lines / (time.process_time() - parsed)


if __name__ == "__main__":
    main()
