"""One of the processes that train an emitted program together, stepping as it is told on stdin."""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import IO, Any

from nnc.backends.base import Arrays
from nnc.backends.torch.ranks.messages import packed, read
from nnc.backends.torch.run import load_module


class Rank:
    """The program in this process, joined with the others."""

    def __init__(self, given: Arrays) -> None:
        import torch

        torch.set_default_dtype(getattr(torch, str(given["precision"])))
        self._torch = torch
        self.module = load_module(str(given["text"]))
        model = getattr(self.module, str(given["name"]))().to(torch.get_default_dtype())
        stored = {n.removeprefix("weight/"): a for n, a in given.items() if n.startswith("weight/")}
        tensors = {n: self._tensor(a, torch.float32) for n, a in stored.items()}
        loaded = model.load_state_dict(tensors, strict=False)
        if loaded.unexpected_keys:
            raise ValueError(f"there is no weight `{loaded.unexpected_keys[0]}`")
        self._names = list(stored)
        device = self.module.join()
        self.model = model.to(device)
        optimizer = self.module.optimizer_of(model)
        self.together = self.module.Together(model, optimizer, int(given["smallest"]))

    def _tensor(self, array: Any, dtype: Any) -> Any:
        """An array as the program takes it: floats in the precision of this training."""
        exact = self._torch.get_default_dtype() if dtype.is_floating_point else dtype
        return self._torch.tensor(array).to(exact)

    def step(self, given: Arrays) -> Arrays:
        """Take one update; gives the loss, the norms of the gradients, a hash of each weight, and
        in the first process the weights."""
        dtypes = {**self.module.INPUTS, **self.module.TARGETS}
        batch = {n: self._tensor(given[f"batch/{n}"], dtype) for n, (dtype, _) in dtypes.items()}
        self.model.train()
        loss = self.together.update(batch, int(given["step"]), float(given["rate"]))
        return {"loss": loss.cpu().numpy(), **self._norms(), **self._weights()}

    def _norms(self) -> Arrays:
        named = self.model.named_parameters()
        grads = {name: weight.grad for name, weight in named if weight.grad is not None}
        return {f"norm/{name}": grad.double().norm().numpy() for name, grad in grads.items()}

    def _weights(self) -> Arrays:
        import numpy as np

        state = self.model.state_dict()
        arrays = {name: state[name].cpu().numpy() for name in self._names}
        hashes = {n: hashlib.sha256(a.tobytes()).hexdigest() for n, a in arrays.items()}
        answer = {f"hash/{name}": np.array(value) for name, value in hashes.items()}
        first = self._torch.distributed.get_rank() == 0
        return {**answer, **{f"weight/{n}": a for n, a in arrays.items()}} if first else answer


def main() -> None:
    """Answer every message, until stdin ends."""
    # What the program prints is not for whom the answers are for.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        try:
            _answer(_messages(sys.stdin.buffer), answers)
        except Exception as error:  # a framework may raise anything
            _give(answers, {"error": _said(error)})
            raise


def _answer(messages: Iterator[Arrays], answers: IO[bytes]) -> None:
    rank = Rank(next(messages))
    _give(answers, {})
    for message in messages:
        _give(answers, rank.step(message))


def _give(answers: IO[bytes], message: Arrays) -> None:
    answers.write(packed(message))
    answers.flush()


def _messages(stream: IO[bytes]) -> Iterator[Arrays]:
    """What stands on a stream, read by a thread: when it ends, so does the process, whatever it is
    waiting for."""
    heard: queue.Queue[Arrays] = queue.Queue()

    def listen() -> None:
        while (message := read(stream)) is not None:
            heard.put(message)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield heard.get()


def _said(error: Exception) -> Any:
    import numpy as np

    first = str(error).strip().partition("\n")[0]
    return np.array(f"{type(error).__name__}: {first}"[:300])


if __name__ == "__main__":
    main()
