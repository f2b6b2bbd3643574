"""Training steps as a good engineer writes them by hand: the peers of `bench.train`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Step: TypeAlias = Callable[[], Any]
Array: TypeAlias = "NDArray[Any]"


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(784, 512)
        self.scores = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(functional.relu(self.hidden(x)))


class Cnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 64, 3, padding=1)
        self.hidden = nn.Linear(64 * 8 * 8, 128)
        self.scores = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = functional.max_pool2d(functional.relu(conv(x)), 2)
        return self.scores(functional.relu(self.hidden(x.flatten(1))))


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        self.scores = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x)
        return self.scores(states[:, -1])


MODULES: dict[str, type[nn.Module]] = {"mlp": Mlp, "cnn": Cnn, "lstm": Lstm}


def torch_step(network: str, x: Array, y: Array, rate: float, *, tuned: bool) -> Step:
    """PyTorch, eager; tuned: with the fused optimiser and channels-last images."""
    model = MODULES[network]()
    images, target = torch.from_numpy(x), torch.from_numpy(y)
    if tuned and images.dim() == 4:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=tuned)

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), target)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def keras_layers(network: str) -> list[Any]:
    """The layers of a network; images have their channels last."""
    from keras import layers

    if network == "mlp":
        return [layers.Dense(512, activation="relu"), layers.Dense(10)]
    if network == "lstm":
        return [layers.LSTM(128), layers.Dense(10)]
    convolutions: list[Any] = []
    for filters in (32, 64, 64):
        convolutions.append(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        convolutions.append(layers.MaxPooling2D(2))
    return [*convolutions, layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10)]


def keras_step(network: str, x: Array, y: Array, rate: float) -> Step:
    """Keras' layers and optimiser in a `tf.function` of one's own."""
    import keras
    import tensorflow as tf

    given = np.moveaxis(x, 1, -1) if x.ndim == 4 else x
    model = keras.Sequential([keras.Input(given.shape[1:]), *keras_layers(network)])
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    inputs, target = tf.constant(np.ascontiguousarray(given)), tf.constant(y)

    @tf.function
    def update(inputs: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = model(inputs, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    return lambda: float(update(inputs, target))
