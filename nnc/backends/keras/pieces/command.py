"""The command line."""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np

from nnc.backends.keras.pieces.data import load_arrays
from nnc.backends.keras.pieces.program import (
    EPOCHS,
    INPUTS,
    WEIGHTS_FILE,
    build_model,
    build_models,
    load_data,
)
from nnc.backends.keras.pieces.training import evaluate, report, train
from nnc.backends.keras.pieces.weights import load_weights, save_weights


def predict(model: keras.Model, path: str, result: str | None = None) -> None:
    """Apply the model to the inputs in an npz file; print the outputs or write them."""
    made = model(load_arrays(path, INPUTS), training=False)
    outputs = {name: tensor.numpy() for name, tensor in made.items()}
    if result is None:
        for name, array in outputs.items():
            print(f"{name} = {array.tolist()}")
    else:
        np.savez(result, **outputs)


def main() -> None:
    """Train the model, or apply it with --predict."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", metavar="FILE", help="examples")  # when: training
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="the weights to begin with (default: the file beside the program)",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)  # when: training
    parser.add_argument("--save", metavar="FILE", help="where to write the weights")
    parser.add_argument("--predict", metavar="FILE", help="an npz file with inputs")
    parser.add_argument("--output", metavar="FILE", help="where to write predictions")
    arguments = parser.parse_args()
    model, trained = build_models()  # when: fused
    model = trained = build_model()  # when: training and not fused
    model = build_model()  # when: not training
    try:
        if arguments.weights or WEIGHTS_FILE.exists():
            load_weights(model, arguments.weights or WEIGHTS_FILE)
        else:
            print(f"{WEIGHTS_FILE} is missing: beginning anew", file=sys.stderr)
        if arguments.predict:
            predict(model, arguments.predict, arguments.output)
        else:  # when: training
            data = load_data(arguments.data)  # when: training
            train(model, trained, data, arguments.epochs)  # when: training
            if "test" in data:  # when: training
                results = evaluate(model, trained, data["test"])  # when: training
                print(f"test: {report(results)}")  # when: training
        if arguments.save:
            save_weights(model, arguments.save)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
