"""Names of Keras and PyTorch that are no names here, and what to write in their place.

What means the same here is an alias, and stands at its word. What stands here has another form,
or has none because nothing needs to be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nnc.compiler.vocabulary.base import Kind, Word

_KNOWN_SIZE: Final = "leave it out: the size of what flows in is known"
_NO_EFFECT: Final = "leave it out: it would change nothing"
_LAYER_AS_IT_IS: Final = "leave it out: a layer does the same at every step by itself"
_CROPPED: Final = "write `Slice(axis, start, stop)`, for each axis"
_CELL: Final = "write the layer, as `LSTM(64)`: it goes over the steps by itself"
_AUGMENTED: Final = "it is augmentation: `augment = [flip(image)]` in the train block"

_CLASS_NUMBERS: Final = "declare the target as class numbers, `i64`, and write `accuracy`"

_LAYERS: Final[Mapping[str, str]] = {
    "Activation": "write the activation itself as a stage: `-> relu`",
    "Attention": "write `(query, key, value) -> ScaledDotProductAttention`",
    "Average": "write `(a + b) / 2`",
    "Bidirectional": "write `LSTM(64, bidirectional=true)`",
    "Bilinear": "write the products: `(a -> Dense(8)) * b -> sum`",
    "Dot": "write `a * b -> sum`, or `a @ b` for matrices",
    "Hardtanh": "write `clip(-1, 1)`",
    "Input": "write `input x: f32[3, 32, 32]` in the model",
    "InputLayer": "write `input x: f32[3, 32, 32]` in the model",
    "Lambda": "write the formula, as in `y = x * 2`, or a `block`",
    "LayerScale": "write a formula, or a `block`",
    "Masking": "give the lengths as the last input: `(x, n) -> LSTM(64)`",
    "Normalization": "it belongs to the data: `x = columns(0) -> standardize`",
    "PixelShuffle": "write `Reshape([1, 2, 2, 8, 8]) -> Permute([0, 3, 1, 4, 2]) -> "
    "Reshape([1, 16, 16])`",
    "RepeatVector": "write `Unsqueeze(0) -> Repeat(5, axis=0)`",
    "Rescaling": "write `x * 0.5`, or `scale(1 / 255)` in the data block",
    "Resizing": "write `Upsample(output_size=[32, 32])`, or `resize(32, 32)` in the data block",
    "Sequential": "stages follow one another: `x -> Dense(8) -> relu`",
    "Softmax2d": "write `softmax(axis=0)`",
    "Softmin": "write `-x -> softmax`",
    "TimeDistributed": _LAYER_AS_IT_IS,
    "Unflatten": "write `Reshape([2, 3])`",
    "UnitNormalization": "write `x / (x * x -> sum(-1, keep_axes=true) -> sqrt)`",
    "UpsamplingBilinear2d": "write `Upsample(2, mode=bilinear, align_corners=true)`",
    "argmin": "write `-x -> argmax`",
    "bidirectional": "write `LSTM(64, bidirectional=true)`",
    "expm1": "write `(x -> exp) - 1`",
    "hard_tanh": "write `clip(-1, 1)`",
    "hardtanh": "write `clip(-1, 1)`",
    "log1p": "write `x + 1 -> log`",
    "none": "leave the argument out",
    "narrow": "write `Slice(axis, start, stop)`",
    "norm": "write `x * x -> sum -> sqrt`",
    "normalize": "write `x / (x * x -> sum(-1, keep_axes=true) -> sqrt)`",
    "rsqrt": "write `1 / (x -> sqrt)`",
    "softmin": "write `-x -> softmax`",
    "square": "write `x ** 2`",
    "tanhshrink": "write `x - (x -> tanh)`",
    "to": "write `cast(i64)`",
    **dict.fromkeys(("Cropping1D", "Cropping2D", "Cropping3D"), _CROPPED),
    **dict.fromkeys(("LSTMCell", "GRUCell", "RNNCell", "SimpleRNNCell"), _CELL),
    **dict.fromkeys(("RandomFlip", "RandomCrop", "RandomRotation"), _AUGMENTED),
}
_LOSSES: Final[Mapping[str, str]] = {
    "CategoricalHinge": "`multiclass_hinge` compares with the greatest of the other scores",
    "MultiMarginLoss": "`multiclass_hinge` compares with the greatest of the other scores",
    "softmax_cross_entropy": "write `cross_entropy`: it takes logits and probabilities",
}
_METRICS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("CategoricalAccuracy", "categorical_accuracy"), _CLASS_NUMBERS),
}
_OPTIMIZERS: Final[Mapping[str, str]] = {
    "AMSGrad": "write `adam(amsgrad=true)`",
    "amsgrad": "write `adam(amsgrad=true)`",
}
_SCHEDULES: Final[Mapping[str, str]] = {
    "CosineDecay": "write `cosine(steps=1000, minimum=1e-5)`; `minimum` is a rate, not a share",
    "ExponentialDecay": "write `exponential(0.9 ** (1 / 1000))`: the factor of one update",
    "LinearLR": "write `polynomial`, which falls evenly, or `warmup_steps=100` to rise",
    "PiecewiseConstantDecay": "write `multi_step([1000, 2000], factor=0.1)`",
    "linear": "write `polynomial`, which falls evenly, or `warmup_steps=100` to rise",
    "warmup": "every schedule takes it: `constant(warmup_steps=100)`",
}
_WORDS: Final[Mapping[Kind, Mapping[str, str]]] = {
    "op": _LAYERS,
    "loss": _LOSSES,
    "metric": _METRICS,
    "optimizer": _OPTIMIZERS,
    "schedule": _SCHEDULES,
}

_CLIPPING: Final = "write `clip = global_norm(1.0)` in the train block"
_ARGUMENTS: Final[Mapping[str, str]] = {
    "batch_first": "leave it out: an example is [time, features], the batch is never written",
    "betas": "write `beta1=0.9, beta2=0.999`",
    "center": "write `affine=false` for neither weight nor bias",
    "clipnorm": _CLIPPING,
    "clipvalue": _CLIPPING,
    "data_format": "write `layout channels_last` in the model for channels on the last axis",
    "global_clipnorm": _CLIPPING,
    "mask_zero": "give the lengths as the last input: `(x, n) -> LSTM(64)`",
    "max_value": "write `clip(0, 6)`",
    "mode": "leave it out: a loss gets smaller, and of a metric nnc knows what is better",
    "name": "write `as NAME` behind the stage",
    "padding_mode": "put `ReflectPad`, `ReplicatePad` or `CircularPad` in front",
    "recurrent_dropout": "put `Dropout` between recurrent layers",
    "seed": "leave it out: all chance comes from the `seed` of the train block",
    **dict.fromkeys(("device", "dtype", "foreach", "fused", "inplace", "out"), _NO_EFFECT),
    **dict.fromkeys(("stateful", "track_running_stats", "unroll"), _NO_EFFECT),
    **dict.fromkeys(("end_dim", "input_length", "start_dim"), _NO_EFFECT),
    **dict.fromkeys(("embed_dim", "in_channels", "in_features", "input_shape"), _KNOWN_SIZE),
    **dict.fromkeys(("d_model", "input_size", "key_dim", "value_dim"), _KNOWN_SIZE),
    **dict.fromkeys(("normalized_shape", "num_channels", "num_features"), _KNOWN_SIZE),
    **dict.fromkeys(("kdim", "num_parameters", "vdim"), _KNOWN_SIZE),
}
_OWN_ARGUMENTS: Final[Mapping[tuple[str, str], str]] = {
    ("BatchNorm", "axis"): "the channels are normalised: `layout` says which axis holds them",
    ("BatchNorm", "scale"): "write `affine=false` for neither weight nor bias",
    ("Dense", "input_dim"): _KNOWN_SIZE,
    ("PReLU", "init"): "write `weight_init=constant(0.25)`",
    ("Upsample", "size"): "write `2` or `factor=2` for a factor, `output_size=[32, 32]` for a size",
    ("poisson_log", "log_input"): "write `poisson` for a rate, `poisson_log` for its logarithm",
    ("relu", "negative_slope"): "write `leaky_relu(0.1)`",
}
_VALUES: Final[Mapping[tuple[str, str], str]] = {
    ("approximate", "none"): "write `approximate=false`",
    ("approximate", "tanh"): "write `approximate=true`",
    ("reduction", "batchmean"): "write `reduction=mean`: the mean over examples",
    ("reduction", "sum_over_batch_size"): "write `reduction=mean`",
}

_RATE: Final = "the rate belongs to the optimiser: `optimizer = adam(lr=1e-3)`"
_TRAINING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("lr", "learning_rate"), _RATE),
    "callbacks": "`stop = early(patience=5)` and `checkpoint = every(5)` are settings of their own",
    "shuffle": "leave it out: the order of the examples is drawn anew in each epoch",
    "validation_split": "write `split = shares(validation=0.1)` in the data block",
    "verbose": "leave it out: `log_every` says how often a line is written",
    "weight_decay": "it belongs to the optimiser: `optimizer = adamw(weight_decay=0.01)`",
}
_SIZES_IN_FRONT: Final[Mapping[str, tuple[str, int]]] = {
    "Dense": ("in_features", 2),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), ("in_channels", 3)),
    **dict.fromkeys(("ConvTranspose1D", "ConvTranspose2D", "ConvTranspose3D"), ("in_channels", 3)),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU"), ("input_size", 2)),
    **dict.fromkeys(("BatchNorm", "InstanceNorm"), ("num_features", 1)),
    "MultiHeadAttention": ("embed_dim", 2),
    "PReLU": ("num_parameters", 1),
    **dict.fromkeys(("TransformerEncoder", "TransformerDecoder"), ("d_model", 2)),
}
"""What PyTorch's class has in front of the arguments that the word here takes: the size of what
flows in. With how many arguments without a name it is called at least."""


def size_in_front(cls: type[Word], arguments: int) -> str | None:
    """PyTorch's name of the size that comes first in its call with so many arguments without a
    name, and isn't written here."""
    name, least = _SIZES_IN_FRONT.get(cls.word, ("", 0))
    return name if name and arguments >= least else None


def word(kind: Kind, name: str) -> str | None:
    """What to write for a word that nnc lacks; None when nothing is known of it."""
    return _WORDS.get(kind, {}).get(name)


def anywhere(name: str) -> str | None:
    """What to write for a word of whatever kind that nnc lacks."""
    return next((words[name] for words in _WORDS.values() if name in words), None)


def argument(cls: type[Word], name: str) -> str | None:
    """What to write for an argument that a word lacks."""
    return _OWN_ARGUMENTS.get((cls.word, name)) or _ARGUMENTS.get(name)


def setting(name: str) -> str | None:
    """What to write for a setting that no block has."""
    return _TRAINING.get(name)


def value(name: str, written: str) -> str | None:
    """What to write for a value that an argument doesn't take."""
    return _VALUES.get((name, written))
