"""Numbers drawn in training: functions of a layer's key, the step and the place in the
batch."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def mixed(h: Tensor) -> Tensor:
    """32 bits, in place, so that each depends on every bit given ("lowbias32")."""
    h ^= h >> 16 & 0xFFFF
    h *= 0x7FEB352D
    h ^= h >> 15 & 0x1FFFF
    h *= 0x846CA68B - 2**32
    h ^= h >> 16 & 0xFFFF
    return h


def random_bits(key: Tensor, index: Tensor) -> Tensor:
    """32 random bits for each index, all in int32."""
    h = mixed(index ^ key)
    h ^= key * (0x9E3779B1 - 2**32)
    return mixed(h)


class Drawing(nn.Module):
    """A layer that draws numbers in training, always the same ones at a step."""

    def __init__(self, key: int) -> None:
        super().__init__()
        self.key = key
        self.begin(0, 0)

    def begin(self, step: int, row: int) -> None:
        """Draw for a step; the first example is number `row` of the batch."""
        key, at, self.row = torch.tensor([self.key, step, row]).to(torch.int32)
        self.key_now = random_bits(key, at)

    def places(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """The number of each element in the whole batch."""
        size = math.prod(shape[1:])
        index = torch.arange(shape[0] * size, dtype=torch.int32, device=device)
        index += self.row * size
        return index.view(*shape)

    def draw(self, places: Tensor) -> Tensor:
        """24 random bits for each place."""
        return random_bits(self.key_now, places).bitwise_right_shift_(8) & 0xFFFFFF


def set_step(model: nn.Module, step: int, row: int = 0) -> None:
    """Tell the layers that draw which step it is, and which example comes first."""
    for layer in model.modules():
        if isinstance(layer, Drawing):
            layer.begin(step, row)


class Dropout(Drawing):
    """In training makes elements 0 at a rate, and divides the others by 1 - rate."""

    def __init__(self, rate: float, key: int) -> None:
        super().__init__(key)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = self.draw(self.places(x.shape, x.device)) >= int(self.rate * 2**24)
        return x * kept.to(x.dtype).div_(1 - self.rate)


class SpatialDropout(Drawing):
    """In training makes whole channels 0 at a rate, and divides the others by 1 -
    rate."""

    def __init__(self, rate: float, key: int) -> None:
        super().__init__(key)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = self.draw(self.places(x.shape[:2], x.device)) >= int(self.rate * 2**24)
        kept = kept.view(*x.shape[:2], *[1] * (x.dim() - 2))
        return x * kept.to(x.dtype).div_(1 - self.rate)


class AlphaDropout(Drawing):
    """In training makes elements the limit of selu at a rate, and then scales and
    shifts all so that a mean of 0 and a variance of 1 stay."""

    limit = -1.0507009873554805 * 1.6732632423543772

    def __init__(self, rate: float, key: int) -> None:
        super().__init__(key)
        self.rate = rate
        self.scale = ((1 - rate) * (1 + rate * self.limit**2)) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = self.draw(self.places(x.shape, x.device)) >= int(self.rate * 2**24)
        shift = self.scale * self.rate * self.limit
        return torch.where(kept, x, self.limit) * self.scale - shift


def normal_numbers(layer: Drawing, x: Tensor) -> Tensor:
    """Normal numbers of mean 0 and variance 1 in the shape of x (Box and Muller)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    twice = layer.places(x.shape, x.device) * 2
    u, v = layer.draw(twice).to(dtype), layer.draw(twice + 1).to(dtype)
    radius = ((u + 1) / 2**24).log_().mul_(-2).sqrt_()
    return (radius * (v * (2 * math.pi / 2**24)).cos_()).to(x.dtype)


class GaussianDropout(Drawing):
    """In training multiplies by normal numbers of mean 1 and variance rate / (1 -
    rate)."""

    def __init__(self, rate: float, key: int) -> None:
        super().__init__(key)
        self.std = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.std * normal_numbers(self, x)) if self.training else x


class GaussianNoise(Drawing):
    """In training adds normal numbers of mean 0."""

    def __init__(self, std: float, key: int) -> None:
        super().__init__(key)
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * normal_numbers(self, x) if self.training else x
