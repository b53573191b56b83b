"""What common mistakes make of a block or a network of lesson 03, in words, and where they can be computed at all."""

from __future__ import annotations

from collections.abc import Sequence

# What each mistake computes, in the lesson's words: they stay the same however the student names or orders layers.
BLOCK_MISTAKES = {
    "relu before addition": "relu(F(x)) + shortcut(x)",
    "relu twice": "relu(relu(F(x)) + shortcut(x))",
    "no final relu": "F(x) + shortcut(x)",
    "no shortcut": "relu(F(x))",
    "no middle relu": "an F(x) without a ReLU between its convolutions",
    "no norm": "an F(x) without batch normalization",
    "no first norm": "an F(x) without the first batch normalization",
    "no second norm": "an F(x) without the second batch normalization",
    "one norm twice": "an F(x) with one and the same batch normalization after both convolutions",
    "relu before norm": "an F(x) with its ReLU before the normalization",
    "relu before both norms": "an F(x) with its ReLU before the normalization",
    "norm after addition": "relu(norm(conv(...) + shortcut(x)))",
    "pre-activation": "normalization and ReLU before each convolution, and a bare sum at the end",
    "subtracted": "relu(F(x) - shortcut(x))",
    "relu in shortcut": "relu(F(x) + relu(shortcut(x)))",
    "pooled shortcut": "a shortcut that pools x before its convolution",
    "late stride": "an F(x) whose second convolution takes the stride",
    "shortcut of F": "relu(F(x) + F(x)): the shortcut takes what the convolutions made of x",
    "no padding": "an F(x) whose convolutions have no padding",
    "no first padding": "an F(x) whose first convolution has no padding",
    "no second padding": "an F(x) whose second convolution has no padding",
}
STEM_MISTAKES = {
    "no stem norm": "a stem without batch normalization",
    "no stem relu": "a stem without ReLU",
    "stem relu before norm": "a stem with its ReLU before the normalization",
    "no pool": "a stem without max-pooling",
    "average pool": "a stem that pools by the average",
}
HEAD_MISTAKES = {
    "flattened": "every pixel of the last feature maps in the linear layer",
    "max at the end": "the maximum of each feature map at the end",
    "sum at the end": "the sum of each feature map at the end",
    "relu at the end": "a ReLU after the linear layer",
    "sigmoid at the end": "a sigmoid after the linear layer",
    "softmax at the end": "a softmax after the linear layer",
}
NETWORK_MISTAKES = {**HEAD_MISTAKES, **STEM_MISTAKES}

# Without padding an F(x) can be added to x only where it shrinks to a single pixel: the sides of such images.
SIDES_WITHOUT_PADDING = {"no padding": 5, "no first padding": 3, "no second padding": 3}


def can_be_computed(mistake: str, args: Sequence[int], side: int) -> bool:
    """Return whether a block of in_channels, out_channels and stride ``args`` can make the mistake on such images."""
    if mistake == "pre-activation":
        # Its first normalization has the channels of x, and those found in a block have the channels of F(x).
        return args[0] == args[1]
    if mistake == "shortcut of F":
        return args[0] == args[1] and args[2] == 1
    return mistake not in SIDES_WITHOUT_PADDING or (args[2] == 1 and side == SIDES_WITHOUT_PADDING[mistake])
