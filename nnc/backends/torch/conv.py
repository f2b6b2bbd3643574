"""Convolutions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each, pad_argument
from nnc.compiler.vocabulary.ops.conv import Conv2D, ConvTranspose2D


def _options(op: Conv2D | ConvTranspose2D, **padding: tuple[int, ...]) -> dict[str, object]:
    """The arguments of a convolution; dilation and the like only where they say something."""
    options: dict[str, object] = {
        "kernel_size": one_or_each(op.kernels),
        "stride": one_or_each(op.strides),
    }
    for name, each in {**padding, "dilation": op.dilations}.items():
        usual = 0 if "padding" in name else 1
        if any(number != usual for number in each):
            options[name] = one_or_each(each)
    if op.groups != 1:
        options["groups"] = op.groups
    if not op.has_bias:
        options["bias"] = False
    return options


@OPS.lowers(Conv2D)
def conv2d(op: Conv2D, at: Site) -> Lowered:
    pads = op.pads(at.node.input_types)
    symmetric = all(before == after for before, after in pads) and not at.varies
    within = tuple(before for before, _ in pads) if symmetric else (0,) * op.axes
    x = at.input if symmetric else py.call("F.pad", at.input, pad_argument(pads))
    options = _options(op, padding=within)
    return at.apply(py.call("nn.Conv2d", op.channels(at.type), op.filters, **options), x)


@OPS.lowers(ConvTranspose2D)
def conv_transpose2d(op: ConvTranspose2D, at: Site) -> Lowered:
    """torch cuts `padding` off both ends and then lets the end grow by `output_padding`; what that
    can't say is cut off afterwards."""
    paddings, grown, cuts = [], [], []
    for (before, after), stride in zip(op.crops(), op.strides, strict=True):
        said = 0 <= before - after < stride
        paddings.append(before if said else 0)
        grown.append(before - after if said else max(-after, 0))
        cuts.append((0, 0) if said else (-before, -max(after, 0)))
    options = _options(op, padding=tuple(paddings), output_padding=tuple(grown))
    channels = op.channels(at.type)
    made = at.apply(py.call("nn.ConvTranspose2d", channels, op.filters, **options))
    if not any(map(any, cuts)):
        return made
    return py.call("F.pad", made, pad_argument(tuple(cuts)))
