"""The layers of the course's networks in NumPy, float64: what the checks compare a student's network with.

Arrays are (B, C, H, W); kernels (C_out, C_in, h, w). Definitions as in the documentation of PyTorch's
Conv2d, BatchNorm2d and MaxPool2d.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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


def _padded(x: np.ndarray, pad: int, extra: int = 0, value: float = 0.0) -> np.ndarray:
    """Return ``x`` with ``pad`` rows and columns of ``value`` around each map, and ``extra`` more behind it."""
    height, width = x.shape[2:]
    # np.pad does the same in many small steps, and a check convolves often.
    padded = np.full((*x.shape[:2], height + 2 * pad + extra, width + 2 * pad + extra), value)
    padded[:, :, pad : pad + height, pad : pad + width] = x
    return padded


def _windows(padded: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Return (B, C, H', W', size, size): the window below each output."""
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]


def conv2d(x: np.ndarray, conv: Conv, stride: int = 1, padding: int | None = None) -> np.ndarray:
    """Cross-correlate; ``padding`` None keeps the size of an odd kernel at stride 1."""
    size = conv.size
    pad = size // 2 if padding is None else padding
    windows = _windows(_padded(x, pad), size, stride)
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
    return _windows(_padded(x, padding, extra, -np.inf), size, stride).max(axis=(4, 5))


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
    norm2 = block.norm1 if mistake == "one norm twice" else block.norm2
    if mistake == "late stride":
        block = replace(block, strides=(block.strides[1], block.strides[0]))
    if mistake == "pre-activation":
        inner = conv2d(relu(batch_norm(x, block.norm1, train)), block.conv1, block.strides[0])
        return conv2d(relu(batch_norm(inner, norm2, train)), block.conv2, block.strides[1]) + _skipped(x, block, train)
    first, second = (0 if mistake in ("no padding", f"no {which} padding") else None for which in ("first", "second"))
    inner = conv2d(x, block.conv1, block.strides[0], first)
    inner = relu(inner) if mistake in ("relu before norm", "relu before both norms") else inner
    inner = inner if mistake in ("no norm", "no first norm") else batch_norm(inner, block.norm1, train)
    if mistake not in ("no middle relu", "relu before norm", "relu before both norms"):
        inner = relu(inner)
    inner = conv2d(inner, block.conv2, block.strides[1], second)
    inner = relu(inner) if mistake == "relu before both norms" else inner
    if mistake not in ("no norm", "no second norm", "norm after addition"):
        inner = batch_norm(inner, norm2, train)
    if mistake in ("relu before addition", "relu twice"):
        inner = relu(inner)
    if mistake == "no shortcut":
        return relu(inner)
    skipped = _skipped(inner if mistake == "shortcut of F" else x, block, train, mistake)
    total = inner - skipped if mistake == "subtracted" else inner + skipped
    if mistake == "norm after addition":
        total = batch_norm(total, norm2, train)
    return total if mistake in ("relu before addition", "no final relu") else relu(total)


def _skipped(x: np.ndarray, block: Block, train: bool, mistake: str | None = None) -> np.ndarray:
    """Return what the shortcut hands on."""
    if block.shortcut is None:
        return x
    stride = block.strides[0] * block.strides[1]
    if mistake == "pooled shortcut" and stride > 1:
        x, stride = _windows(x, stride, stride).mean(axis=(4, 5)), 1
    skipped = conv2d(x, block.shortcut, stride, padding=0)
    skipped = skipped if block.shortcut_norm is None else batch_norm(skipped, block.shortcut_norm, train)
    return relu(skipped) if mistake == "relu in shortcut" else skipped


@dataclass(frozen=True)
class Stem:
    """A network's first layers: ``pool`` holds the padding of the max-pooling and whether it rounds its size up."""

    conv: Conv
    padding: int
    pool: tuple[int, bool]


def run_stem(x: np.ndarray, stem: Stem, mistake: str | None = None) -> np.ndarray:
    """Return the stem's output in train mode with a fresh normalization, or what a mistake makes of it."""
    out = conv2d(x, stem.conv, 2, stem.padding)
    out = relu(out) if mistake == "stem relu before norm" else out
    out = out if mistake == "no stem norm" else batch_norm(out, fresh_norm(out.shape[1]), train=True)
    out = out if mistake in ("no stem relu", "stem relu before norm") else relu(out)
    if mistake == "average pool":
        return _windows(_padded(out, 1), 3, 2).mean(axis=(4, 5))
    return out if mistake == "no pool" else max_pool(out, 3, 2, *stem.pool)


@dataclass(frozen=True)
class Head:
    """The linear layer: ``weight`` is (outputs, C), of one for all pixels (outputs, C * H * W); ``bias`` (outputs,)."""

    weight: np.ndarray
    bias: np.ndarray | None


def run_head(features: np.ndarray, head: Head, mistake: str | None = None) -> np.ndarray:
    """Return the network's answers to feature maps (B, C, H, W), or what a mistake makes of them."""
    flat = features.reshape(*features.shape[:2], -1)
    if mistake == "flattened":
        flat = features.reshape(len(features), -1, 1)
    pooled = flat.max(axis=2) if mistake == "max at the end" else flat.mean(axis=2)
    pooled = pooled * flat.shape[2] if mistake == "sum at the end" else pooled
    answer = pooled @ np.asarray(head.weight, float).T + (0 if head.bias is None else np.asarray(head.bias, float))
    if mistake == "relu at the end":
        return relu(answer)
    if mistake == "sigmoid at the end":
        return 1 / (1 + np.exp(-answer))
    if mistake == "softmax at the end":
        powers = np.exp(answer - answer.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return answer
