"""Units with slopes, gates, pieces or centres. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis
from nnc.compiler.vocabulary.ops import units as words


@OPS.lowers(words.PReLU)
def prelu(op: words.PReLU, site: Site) -> py.Expr:
    layer = site.layer(
        "PReLU", initializer=site.initializer("weight"), stored={"weight": ("weight", (0,))}
    )
    return site.apply(layer)


@OPS.lowers(words.GLU)
def glu(op: words.GLU, site: Site) -> py.Expr:
    return py.call("ops.glu", site.input, axis=example_axis(op.axis))


@OPS.lowers(words.Maxout)
def maxout(op: words.Maxout, site: Site) -> py.Expr:
    rows, features = site.weight("weight").shape
    layer = site.layer(
        "layers.Dense",
        rows,
        **site.bias(),
        **site.begins("kernel_initializer", "weight", "glorot_uniform", (features, rows)),
        stored={"weight": ("kernel", (1, 0)), "bias": ("bias", (0,))},
    )
    return py.call(site.piece("greatest_piece"), site.apply(layer), op.pieces)


@OPS.lowers(words.RBF)
def rbf(op: words.RBF, site: Site) -> py.Expr:
    layer = site.layer(
        "RBF",
        op.units,
        centres=site.initializer("weight"),
        widths=site.initializer("beta"),
        stored={"weight": ("weight", (0, 1)), "beta": ("beta", (0,))},
    )
    return site.apply(layer)
