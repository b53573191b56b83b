"""The layers of the course's networks in NumPy, float64: what the checks compare a student's network with.

Arrays are (B, C, H, W); kernels (C_out, C_in, h, w). Definitions as in the documentation of PyTorch's
Conv2d, BatchNorm2d and MaxPool2d.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Conv:
    """A convolution's kernel and, where it has one, its bias (C_out,)."""

    kernel: np.ndarray
    bias: np.ndarray | None = None

    @property
    def size(self) -> int:
        return self.kernel.shape[-1]


@dataclass(frozen=True)
class Norm:
    """Batch normalization: scale and shift (C,), the running statistics (C,), and epsilon."""

    scale: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    eps: float = 1e-5


def fresh_norm(channels: int) -> Norm:
    """Return a normalization as PyTorch creates it."""
    zeros, ones = np.zeros(channels), np.ones(channels)
    return Norm(ones, zeros, zeros, ones)


def conv2d(x: np.ndarray, conv: Conv, stride: int = 1, padding: int | None = None) -> np.ndarray:
    """Cross-correlate; ``padding`` None keeps the size of an odd kernel at stride 1."""
    size = conv.size
    pad = size // 2 if padding is None else padding
    padded = np.pad(np.asarray(x, float), [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.tensordot(windows, np.asarray(conv.kernel, float), axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)
    return out if conv.bias is None else out + np.asarray(conv.bias, float)[:, None, None]


def batch_norm(x: np.ndarray, norm: Norm, train: bool) -> np.ndarray:
    """Normalize each channel: by the batch's own statistics in training, else by the running ones."""
    mean = x.mean(axis=(0, 2, 3)) if train else norm.mean
    var = x.var(axis=(0, 2, 3)) if train else norm.var
    scale = norm.scale / np.sqrt(var + norm.eps)
    return (x - mean[:, None, None]) * scale[:, None, None] + norm.shift[:, None, None]


def relu(x: np.ndarray) -> np.ndarray:
    """Replace what is negative by 0."""
    return np.maximum(x, 0)


def max_pool(x: np.ndarray, size: int, stride: int, padding: int, ceil_mode: bool = False) -> np.ndarray:
    """Take the largest value of each window; padding counts as minus infinity."""
    extra = stride - 1 if ceil_mode else 0
    width = [(0, 0), (0, 0), (padding, padding + extra), (padding, padding + extra)]
    padded = np.pad(x, width, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return windows.max(axis=(4, 5))


@dataclass(frozen=True)
class Block:
    """The layers of one residual block. ``strides`` are those of its two 3x3 convolutions."""

    conv1: Conv
    norm1: Norm
    conv2: Conv
    norm2: Norm
    shortcut: Conv | None
    shortcut_norm: Norm | None
    strides: tuple[int, int]


def run_block(x: np.ndarray, block: Block, train: bool, mistake: str | None = None) -> np.ndarray:
    """Return the block's output, or what it would be with one of the mistakes that students make."""
    inner = conv2d(x, block.conv1, block.strides[0])
    inner = relu(inner) if mistake == "relu before norm" else inner
    inner = inner if mistake == "no norm" else batch_norm(inner, block.norm1, train)
    inner = inner if mistake in ("no middle relu", "relu before norm") else relu(inner)
    inner = conv2d(inner, block.conv2, block.strides[1])
    if mistake not in ("no norm", "no second norm", "norm after addition"):
        inner = batch_norm(inner, block.norm2, train)
    if mistake in ("relu before addition", "relu twice"):
        inner = relu(inner)
    if mistake == "no shortcut":
        return relu(inner)
    skipped = x
    if block.shortcut is not None:
        skipped = conv2d(x, block.shortcut, block.strides[0] * block.strides[1], padding=0)
        if block.shortcut_norm is not None:
            skipped = batch_norm(skipped, block.shortcut_norm, train)
    total = inner - skipped if mistake == "subtracted" else inner + skipped
    if mistake == "norm after addition":
        total = batch_norm(total, block.norm2, train)
    return total if mistake in ("relu before addition", "no final relu") else relu(total)


@dataclass(frozen=True)
class Network:
    """A residual network: the stem's convolution, the blocks in a row, and the linear layer.

    ``weight`` is (outputs, C), ``bias`` (outputs,). ``pool`` holds the padding of the stem's max-pooling and whether
    it rounds its size up.
    """

    stem: Conv
    stem_padding: int
    pool: tuple[int, bool]
    blocks: tuple[Block, ...]
    weight: np.ndarray
    bias: np.ndarray | None


def run_network(
    x: np.ndarray, net: Network, mistake: str | None = None, block_mistake: str | None = None
) -> np.ndarray:
    """Return the network's output in train mode with fresh normalizations, or what a mistake makes of it."""
    out = conv2d(x, net.stem, 2, net.stem_padding)
    out = out if mistake == "no stem norm" else batch_norm(out, fresh_norm(out.shape[1]), train=True)
    out = out if mistake == "no stem relu" else relu(out)
    out = out if mistake == "no pool" else max_pool(out, 3, 2, *net.pool)
    for block in net.blocks:
        out = run_block(out, block, True, block_mistake)
    flat = out.reshape(*out.shape[:2], -1)
    pooled = flat.max(axis=2) if mistake == "max at the end" else flat.mean(axis=2)
    pooled = pooled * flat.shape[2] if mistake == "sum at the end" else pooled
    answer = pooled @ np.asarray(net.weight, float).T + (0 if net.bias is None else np.asarray(net.bias, float))
    return relu(answer) if mistake == "relu at the end" else answer
