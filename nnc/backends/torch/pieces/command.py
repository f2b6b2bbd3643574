"""The command line."""

import argparse
import sys
import zipfile
from pathlib import Path

import torch
from torch import nn

from nnc.backends.torch.pieces.data import load_arrays, load_npz
from nnc.backends.torch.pieces.distributed import join, leave, placed
from nnc.backends.torch.pieces.program import (
    EPOCHS,
    INPUTS,
    OUTPUTS,
    WEIGHTS,
    load_data,
)
from nnc.backends.torch.pieces.training import evaluate, report, train
from nnc.backends.torch.pieces.weights import load_weights, save_safetensors, weights


@torch.no_grad()
def predict(model: nn.Module, path: str, result: str | None = None) -> None:
    """Apply the model to the inputs in an npz file; print the outputs or write them."""
    inputs = load_arrays(path, INPUTS)
    made = model.eval()(*inputs.values())
    outputs = dict(zip(OUTPUTS, made if len(OUTPUTS) > 1 else [made], strict=True))
    if result is None:
        for name, tensor in outputs.items():
            print(f"{name} = {tensor.tolist()}")
        return
    import numpy as np

    with zipfile.ZipFile(result, "w") as archive:
        for name, tensor in outputs.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.save(file, tensor.numpy())


def fit(model: nn.Module, path: str | None, epochs: int) -> None:
    """Train, and tell how well the model does on examples it has not seen."""
    data = load_data(path)  # when: not npz
    data = load_npz(path)  # when: npz
    train(model, data, epochs)  # when: not distributed
    device = join()  # when: distributed
    train(model.to(device), placed(data, device), epochs)  # when: distributed
    leave(model)  # when: distributed
    if "test" in data:
        print(f"test: {report(evaluate(model, data['test']))}")


def main(model: nn.Module) -> None:
    """Train the model, or apply it with --predict."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", metavar="FILE", help="examples")  # when: training
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="the weights to begin with (default: those beside the program)",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)  # when: training
    parser.add_argument("--save", metavar="FILE", help="where to write the weights")
    parser.add_argument("--predict", metavar="FILE", help="an npz file with inputs")
    parser.add_argument("--output", metavar="FILE", help="where to write predictions")
    arguments = parser.parse_args()
    try:
        if arguments.weights or WEIGHTS.exists():
            load_weights(model, arguments.weights or WEIGHTS)
        else:
            print(f"{WEIGHTS} is missing: beginning anew", file=sys.stderr)
        if arguments.predict:
            predict(model, arguments.predict, arguments.output)
        else:  # when: training
            fit(model, arguments.data, arguments.epochs)  # when: training
        if arguments.save:
            save_safetensors(weights(model), arguments.save)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
