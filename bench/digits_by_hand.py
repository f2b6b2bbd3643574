"""The first lesson's network on scikit-learn's digits, as one writes it by hand: the peers of
`bench.first_epoch`.

    python -m bench.digits_by_hand torch 5

One hidden layer of 512 with ReLU, RMSprop (scikit-learn's classifier has Adam), batches of 128, a
fifth of the examples for testing.
"""

from __future__ import annotations

import sys


def by_torch(epochs: int) -> float:
    """The accuracy on the test examples, by PyTorch."""
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from torch import nn

    torch.manual_seed(0)
    digits = load_digits()
    pixels = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    rows, tested = map(torch.tensor, train_test_split(range(len(labels)), test_size=0.2))
    model = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 10))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001)
    for epoch in range(epochs):
        total = 0.0
        for batch in rows[torch.randperm(len(rows))].split(128):
            loss = nn.functional.cross_entropy(model(pixels[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(rows):.4f}")
    with torch.no_grad():
        right = model(pixels[tested]).argmax(1) == labels[tested]
    return float(right.float().mean())


def by_sklearn(epochs: int) -> float:
    """The accuracy on the test examples, by scikit-learn's classifier."""
    import warnings

    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    pixels, labels = load_digits(return_X_y=True)
    pixels, tested, labels, expected = train_test_split(pixels / 16, labels, test_size=0.2)
    model = MLPClassifier((512,), alpha=0, batch_size=128, max_iter=epochs)
    return float(model.fit(pixels, labels).score(tested, expected))


if __name__ == "__main__":
    by = {"torch": by_torch, "sklearn": by_sklearn}[sys.argv[1]]
    print(f"accuracy {by(int(sys.argv[2])):.4f}")
