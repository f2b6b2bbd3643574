"""Training in several processes as in one."""

import gc
import io
import os
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nnc.backends.torch.pieces.program import objective
from nnc.backends.torch.pieces.regularization import set_step
from nnc.backends.torch.pieces.training import descend


def join() -> torch.device:
    """Join the processes that torchrun has started; gives this one's device."""
    cuda = torch.cuda.is_available()
    device = torch.device("cpu")
    if cuda:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    backend = "nccl" if cuda else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:  # a process alone
        store = dist.HashStore()
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
    if dist.get_rank():
        sys.stdout = io.StringIO()  # the first one speaks for all
    return device


def leave(model: nn.Module) -> None:
    """End the other processes; the first one goes on with the model."""
    first = dist.get_rank() == 0
    gc.collect()  # what still holds the group's threads would end after them
    dist.barrier()
    dist.destroy_process_group()
    if not first:
        sys.exit()
    model.cpu()


def placed(
    data: dict[str, dict[str, Tensor]], device: torch.device
) -> dict[str, dict[str, Tensor]]:
    """The examples on a device."""
    return {
        split: {name: tensor.to(device) for name, tensor in examples.items()}
        for split, examples in data.items()
    }


def own_rows(count: int) -> slice:
    """The rows of a batch that this process computes."""
    rank, world = dist.get_rank(), dist.get_world_size()
    return slice(count * rank // world, count * (rank + 1) // world)


class OwnLoss(nn.Module):
    """What the rows of this process add to the loss of a batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor], step: int) -> Tensor:
        count = len(next(iter(batch.values())))
        rows = own_rows(count)
        set_step(self.model, step, rows.start)  # when: random
        own = {name: tensor[rows] for name, tensor in batch.items()}
        return objective(self.model, own) * ((rows.stop - rows.start) / count)


def searching(loss: nn.Module) -> DistributedDataParallel:
    """A loss that doesn't depend on every weight."""
    return DistributedDataParallel(loss, find_unused_parameters=True)


class Together:
    """Processes that train one model, each on its rows of every batch."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, smallest: int
    ) -> None:
        world = dist.get_world_size()
        if smallest < world:
            raise ValueError(
                f"a batch of {smallest} can't be divided among {world} processes"
            )
        loss = OwnLoss(model)
        self.model, self.optimizer = model, optimizer
        self.loss = DistributedDataParallel(loss)  # when: not unreached
        self.loss = searching(loss)  # when: unreached

    def update(self, batch: dict[str, Tensor], step: int, rate: float) -> Tensor:
        """Take one step; gives the loss of the whole batch before it."""
        self.optimizer.zero_grad()
        loss = self.loss(batch, step)
        (loss * dist.get_world_size()).backward()  # gradients are averaged
        descend(self.model, self.optimizer, rate)
        total: Tensor = loss.detach()
        dist.all_reduce(total)
        return total


class Summed(torch.autograd.Function):
    """The sum over all processes, and of its gradients."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return Summed.forward(context, gradient)


class GlobalBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over any number of axes with the statistics of the rows of
    all processes. nn.SyncBatchNorm does this on graphics cards alone."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any shape will do."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and dist.is_initialized()):
            return super().forward(x)
        if x.numel() == x.shape[1] and dist.get_world_size() == 1:
            raise ValueError("BatchNorm needs more than one value a channel")
        axes, shape = [0, *range(2, x.dim())], (1, -1, *[1] * (x.dim() - 2))
        count = Summed.apply(x.new_tensor(x.numel() / x.shape[1]))
        mean = Summed.apply(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = Summed.apply(centred.square().sum(axes)) / count
        self.follow(mean.detach(), variance.detach() * count / (count - 1))
        y = centred * torch.rsqrt(variance + self.eps).view(shape)
        return y * self.weight.view(shape) + self.bias.view(shape) if self.affine else y

    def follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics a little towards those of this batch."""
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance, self.momentum or 0.0)
