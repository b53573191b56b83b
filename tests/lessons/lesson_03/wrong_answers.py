"""Mistakes of lesson 03 that the catalogue leaves out."""

from __future__ import annotations

import numpy as np
from torch import nn

from tests.lessons.answers import Answer, change_reference

FINAL = "return self.relu(out + self.shortcut(x))"
POINTWISE = "nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)"
POOLED = "features.mean(dim=1).flatten(1)[:, :1].expand(-1, self.head.in_features)"
STEM, SMALL_STEM = "kernel_size=7, stride=2, padding=3", "kernel_size=3, stride=2, padding=1"
STRIDES, LATER_STRIDES = "stride=1 if position == 0 else 2", "stride=2 if position == 1 else 1"
ADDED_TO_X = "x.data += 1\n        out = self.relu(self.norm1"

WRONG = [
    change_reference("ResidualBlock", id, old, new, said)
    for id, old, new, said in [
        ("concatenated", FINAL, "return self.relu(torch.cat([out, self.shortcut(x)], dim=1))", "shape (2, 8, 6, 8)"),
        ("shortcut without convolution", POINTWISE, "nn.Identity()", "two tensors that differ in size, 3 and 5"),
        ("shortcut of 3x3", "kernel_size=1, stride", "kernel_size=3, padding=1, stride", "none of (5, 3, 1, 1)"),
        ("detached shortcut", FINAL, "return self.relu(out + self.shortcut(x).detach())", "gradient at x"),
        ("changes its input", "out = self.relu(self.norm1", ADDED_TO_X, "stride=1) in train mode: relu(F(x)"),
    ]
]
WRONG += [
    change_reference("KeypointResNet", id, old, new, said)
    for id, old, new, said in [
        ("pooled over channels", "features.mean(dim=(2, 3))", POOLED, "outputs=30)(images)"),
        ("stem of 3x3", STEM, SMALL_STEM, "none of (4, 1, 7, 7)"),
        ("only the second stage strides", STRIDES, LATER_STRIDES, "2 of (4, 4, 1, 1)"),
    ]
]
UNPACKED, KEPT = "return nn.Sequential(first, *later)", "return nn.ModuleList([first, *later])"
WRONG += [change_reference("make_stage", "a ModuleList", UNPACKED, KEPT, "a ModuleList")]


def count_the_first(model: nn.Module) -> int:
    """Return from inside the loop."""
    total = 0
    for parameter in model.parameters():
        total += parameter.numel()
        return total
    return total


WRONG += [
    Answer("count_parameters", id, {"count_parameters": count}, said, misconception, seeds=2)
    for id, count, said, misconception in [
        ("the first alone", count_the_first, " and ", "count_parameters/first-parameter-only"),
        ("a constant", lambda model: 11_202_942, "11202942 and 11202942", None),
        ("a text", lambda model: f"{sum(p.numel() for p in model.parameters()):,}", "a whole number", None),
        ("in millions", lambda model: sum(p.numel() for p in model.parameters()) / 1e6, "a whole number", None),
        ("in float16", lambda model: np.float16(sum(p.numel() for p in model.parameters())), "an int", None),
        ("what has a gradient", lambda model: sum(p.numel() for p in model.parameters() if p.grad), "0 and 0", None),
    ]
]
NAMED = [answer for answer in WRONG if answer.misconception]
