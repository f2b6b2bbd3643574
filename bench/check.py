"""How the time of checking grows with the size of a spec.

    python -m bench.check [--rounds 3]

Specs of 1,000, 10,000 and 25,000 layers, written out one a line, checked in one process. Aims:
1,000 layers in less than a second, 10,000 in less than four, and time in proportion to the layers.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import nnc

SIZES = (1_000, 10_000, 25_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each spec is checked")
    rounds = parser.parse_args().rounds
    nnc.compile_text(spec(10))
    taken = {size: median(seconds(size) for _ in range(rounds)) for size in SIZES}
    print(f"{'layers':>8}  {'seconds':>8}  {'µs a layer':>10}  {'ratio':>6}")
    base = taken[SIZES[0]] / SIZES[0]
    for size, value in taken.items():
        share = value / size
        print(f"{size:>8,}  {value:>8.3f}  {1e6 * share:>10.0f}  {share / base:>6.2f}")


def spec(layers: int) -> str:
    """A chain of dense layers, each a statement of its own."""
    body = "\n".join(f"  h = h -> Dense(16) as layer_{i}" for i in range(layers))
    return f"model Long {{\n  input x: f32[16]\n  h = x -> relu\n{body}\n  output y = h\n}}\n"


def seconds(layers: int) -> float:
    """The time that one check takes."""
    text = spec(layers)
    start = time.perf_counter()
    program, diagnostics = nnc.compile_text(text)
    taken = time.perf_counter() - start
    assert program is not None
    assert not diagnostics
    return taken


if __name__ == "__main__":
    main()
