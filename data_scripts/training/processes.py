"""One network trained by several processes as if there were one: gradients, batch normalization and sums are shared.

`torchrun --nproc-per-node 2 -m data_scripts.train_landmarks` starts them; gloo connects them, on processors alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes that torchrun started, for as long as the block lasts; alone there is nothing to do."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("gloo")
    try:
        yield
        # Who leaves first would tear the connection from under the others.
        dist.barrier()
    finally:
        dist.destroy_process_group()


def count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def add_up(values: Tensor) -> Tensor:
    """Return the sum of ``values`` over all processes; no gradient passes."""
    total = values.detach().clone()
    if count() > 1:
        dist.all_reduce(total)
    return total


class _SharedSum(torch.autograd.Function):
    """The sum over all processes. What each of them makes of it depends on every summand, so gradients add up too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return add_up(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return add_up(gradient)


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization by mean and variance over the rows of all processes.

    Each process holds a part of a batch only, and the mean of a part is not the mean of the batch. PyTorch's
    SyncBatchNorm does the same on GPUs alone.
    """

    # `_share_norms` makes them, always with statistics that run.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape; B may differ between processes, and be 0 in some."""
        if not self.training:
            return super().forward(x)
        ones = x.new_full((1,), x.numel() / x.shape[1])
        sums = _SharedSum.apply(torch.cat([x.sum(dim=(0, 2, 3)), ones]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centered = x - mean[:, None, None]
        var = _SharedSum.apply(centered.square().sum(dim=(0, 2, 3))) / total
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * total / (total - 1), self.momentum)
        scale = self.weight / torch.sqrt(var + self.eps)
        return centered * scale[:, None, None] + self.bias[:, None, None]


def _share_norms(model: nn.Module) -> None:
    for name, part in model.named_children():
        if isinstance(part, nn.BatchNorm2d):
            shared = SharedBatchNorm2d(part.num_features, part.eps, part.momentum)
            shared.load_state_dict(part.state_dict())
            setattr(model, name, shared)
        else:
            _share_norms(part)


def spread(model: nn.Module) -> nn.Module:
    """Return the model to call in training: itself where there is one process, else one that shares its gradients.

    The batch normalizations of ``model`` are replaced in place; its names and weights stay.
    """
    if count() == 1:
        return model
    _share_norms(model)
    return DistributedDataParallel(model)
