"""Names of Keras layers: legal for TensorFlow, unique in the model, apart from those that Keras
gives itself."""

from __future__ import annotations

import re

_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]")
_OPERATIONS = """
    absolute add argmax average_pool cast ceil clip concatenate copy cos cumsum divide elu equal erf
    exp expand_dims flip floor get_item glu greater greater_equal hard_sigmoid hard_silu less
    less_equal log log_sigmoid log_softmax logical_and logical_not logical_or logsumexp matmul max
    maximum mean min minimum moveaxis multiply negative not_equal ones_like pad power prod
    reciprocal relu relu6 round sigmoid sign silu sin softmax softplus softsign split sqrt squeeze
    stack stop_gradient subtract sum take tanh tile true_divide var where
"""
OPERATIONS = frozenset(_OPERATIONS.split())
"""What Keras calls the operations of a functional model, with a number added; no layer may have the
same name."""


class LayerNames:
    """Gives the nearest legal name to a path of the spec, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def fresh(self, path: str) -> str:
        """`layer1.0.conv1` stays as it is; `größe` becomes `gr__e`, a second `fc` `fc_2`."""
        wish = legal(path)
        name, number = wish, 2
        while name in self._taken:
            name, number = f"{wish}_{number}", number + 1
        self._taken.add(name)
        return name

    def take(self, name: str) -> None:
        """Keep a name from being given."""
        self._taken.add(name)


def legal_input(name: str) -> bool:
    """Whether a layer for an input may have this name; TensorFlow never sees it."""
    return re.sub(r"_\d+$", "", name) not in OPERATIONS


def legal(path: str) -> str:
    """The nearest name that TensorFlow takes and Keras does not give itself."""
    wish = _ILLEGAL.sub("_", path)
    if wish[0].isalnum() and re.sub(r"_\d+$", "", wish) not in OPERATIONS:
        return wish
    return f"layer_{wish.lstrip('_.-')}"
