"""The emitted PyTorch program for several processes, being trained by as many on this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nnc
from nnc.backends.base import Arrays, Precision, Ranks
from nnc.backends.torch.emit import class_name, emit
from nnc.backends.torch.ranks.processes import Processes
from nnc.backends.torch.run import load_module
from nnc.compiler.ir import Program

PATIENCE = 300.0
"""Seconds for which no process may be silent."""


class TorchRanks(Ranks):
    """`join` and `Together.update` of the program, in processes that talk by gloo on the
    processor, as torchrun would start them."""

    backend = "torch"

    def __init__(
        self, program: Program, weights: Arrays, precision: Precision, ranks: int, smallest: int
    ) -> None:
        if program.training is None:
            raise ValueError("the program has no train block")
        if smallest < ranks:
            raise ValueError(f"a batch of {smallest} can't be divided among {ranks} processes")
        text = emit(program, distributed=True).text
        self._module = load_module(text, program.name)
        self._program = program
        self._weights = {n: np.asarray(array) for n, array in weights.items()}
        self._norms: dict[str, float] = {}
        begin = {
            "text": np.array(text),
            "name": np.array(class_name(program)),
            "precision": np.array(precision),
            "smallest": np.array(smallest),
            **{f"weight/{name}": array for name, array in self._weights.items()},
        }
        self._store = _Meeting()
        command = [sys.executable, "-m", "nnc.backends.torch.ranks.run"]
        settings = list(_settings(ranks, self._store.port))
        self._processes = Processes(command, settings, PATIENCE)
        try:
            self._processes.ask(begin)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def lacking() -> str | None:
        import torch.distributed as dist

        if not dist.is_available():
            return "this PyTorch is built without `torch.distributed`"
        return None if dist.is_gloo_available() else "this PyTorch is built without gloo"

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        if len(parts) != 1:
            raise ValueError("several processes divide a batch themselves")
        batch = {f"batch/{name}": np.asarray(array) for name, array in parts[0].items()}
        asked = {**batch, "step": np.array(step), "rate": np.array(rate)}
        first, *others = self._processes.ask(asked)
        for number, other in enumerate(others, start=2):
            self._check_same(first, other, number)
        self._weights = {name: first[f"weight/{name}"] for name in self._program.graph.weights}
        norms = {n: a for n, a in first.items() if n.startswith("norm/")}
        self._norms = {n.removeprefix("norm/"): float(a) for n, a in norms.items()}
        return float(first["loss"])

    def _check_same(self, first: Arrays, other: Arrays, number: int) -> None:
        """Raise RuntimeError unless a process has the loss and the parameters of the first one, to
        the bit: they are computed from the same sums. Running statistics are the first one's."""
        if first["loss"].tobytes() != other["loss"].tobytes():
            raise RuntimeError(f"process {number} has another loss than the first one")
        for name, weight in self._program.graph.weights.items():
            hashed = f"hash/{name}"
            if weight.role == "parameter" and first[hashed] != other[hashed]:
                raise RuntimeError(f"process {number} has another `{name}` than the first one")

    def rate(self, step: int, steps: int) -> float:
        return float(self._module.learning_rate(step, steps))

    def gradient_norms(self) -> dict[str, float]:
        return dict(self._norms)

    def weights(self) -> Arrays:
        return dict(self._weights)

    def close(self) -> None:
        self._processes.end()
        self._store.close()


class _Meeting:
    """Where the processes find one another: a store of this process, at a free port of its own on
    this machine alone."""

    def __init__(self) -> None:
        import torch.distributed as dist

        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        # The store closes the socket that it is given.
        self._store: Any = dist.TCPStore(
            "127.0.0.1",
            self.port,
            is_master=True,
            wait_for_workers=False,
            master_listen_fd=listening.detach(),
        )

    def close(self) -> None:
        self._store = None


def _settings(ranks: int, port: int) -> Iterator[dict[str, str]]:
    """The environment of each process, as torchrun makes it."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("TORCHELASTIC_", "GROUP_"))}
    root = str(Path(nnc.__file__).parents[1])
    own |= {
        "PYTHONPATH": os.pathsep.join(filter(None, (root, own.get("PYTHONPATH", "")))),
        "CUDA_VISIBLE_DEVICES": "",  # on the processor, by gloo
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store is here
    }
    loopback = [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]
    if loopback:
        own["GLOO_SOCKET_IFNAME"] = loopback[0]
    for rank in range(ranks):
        yield {**own, "RANK": str(rank), "LOCAL_RANK": str(rank)}
