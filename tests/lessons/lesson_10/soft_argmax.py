"""Answers to soft_argmax as students write them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tests.lessons.answers import Answer, change_reference, name_answers


def _centres(size: int, stride: int) -> Tensor:
    return torch.arange(size) * float(stride) + (stride - 1) / 2


def by_einsum(maps: Tensor, stride: int = 4) -> Tensor:
    _, _, height, width = maps.shape
    shares = torch.softmax(maps.reshape(*maps.shape[:2], -1), dim=-1).reshape(maps.shape)
    x = torch.einsum("bkhw,w->bk", shares, _centres(width, stride))
    y = torch.einsum("bkhw,h->bk", shares, _centres(height, stride))
    return torch.stack((x, y), dim=-1)


def by_matrix(maps: Tensor, stride: int = 4) -> Tensor:
    height, width = maps.shape[2:]
    y, x = torch.meshgrid(_centres(height, stride), _centres(width, stride), indexing="ij")
    return maps.flatten(2).softmax(-1) @ torch.stack([x.flatten(), y.flatten()], dim=1)


def by_logsumexp(maps: Tensor, stride: int = 4) -> Tensor:
    shares = (maps - maps.logsumexp(dim=(2, 3), keepdim=True)).exp()
    x = (shares * _centres(maps.shape[3], stride)).sum(dim=(2, 3))
    y = (shares * _centres(maps.shape[2], stride)[:, None]).sum(dim=(2, 3))
    return torch.cat([x[..., None], y[..., None]], dim=-1)


def by_exp(maps: Tensor, stride: int = 4) -> Tensor:
    powers = torch.exp(maps - maps.detach().amax(dim=(-2, -1), keepdim=True))
    total = powers.sum(dim=(-2, -1))
    column = (powers.sum(-2) * torch.arange(maps.shape[-1])).sum(-1) / total
    row = (powers.sum(-1) * torch.arange(maps.shape[-2])).sum(-1) / total
    return stride * (torch.stack([column, row], dim=-1) + 0.5) - 0.5


def by_loops(maps: Tensor, stride: int = 4) -> Tensor:
    faces = []
    for face in maps:
        points = []
        for each in face:
            share = each.flatten().softmax(0)
            cells = [divmod(i, each.shape[1]) for i in range(each.numel())]
            x = torch.tensor([stride * (c + 0.5) - 0.5 for _, c in cells])
            y = torch.tensor([stride * (r + 0.5) - 0.5 for r, _ in cells])
            points.append(torch.stack([(share * x).sum(), (share * y).sum()]))
        faces.append(torch.stack(points))
    return torch.stack(faces)


def in_units_of_the_picture(maps: Tensor, stride: int = 4) -> Tensor:
    """As some libraries do it: places between -1 and 1 first, then pixels."""
    shares = functional.softmax(maps.flatten(start_dim=2), dim=2).view_as(maps)
    places = []
    for axis, size in ((3, maps.shape[3]), (2, maps.shape[2])):
        line = (2 * torch.arange(size, dtype=torch.float32) + 1) / size - 1
        place = (shares.sum(dim=5 - axis) * line).sum(dim=2)
        places.append((place + 1) / 2 * size * stride - 0.5)
    return torch.stack(places, dim=2)


def by_log_softmax(maps: Tensor, stride: int = 4) -> Tensor:
    batch, count, height, width = maps.size()
    shares = functional.log_softmax(maps.reshape(batch * count, height * width), dim=1).exp()
    index = torch.arange(height * width)
    row, column = torch.div(index, width, rounding_mode="floor"), index % width
    grid = torch.stack([column, row]).float() * stride + stride / 2 - 0.5
    return torch.nn.functional.linear(shares, grid).view(batch, count, 2)


def in_double(maps: Tensor, stride: int = 4) -> Tensor:
    return by_einsum_of(maps.double(), stride).float()


def by_einsum_of(maps: Tensor, stride: int) -> Tensor:
    shares = maps.flatten(2).softmax(2).view_as(maps)
    x, y = (_centres(size, stride).double() for size in (maps.shape[3], maps.shape[2]))
    return torch.stack([shares.sum(2) @ x, shares.sum(3) @ y], -1)


RIGHT = [
    Answer("soft_argmax", function.__name__.replace("_", "-"), {"soft_argmax": function})
    for function in (
        by_einsum,
        by_matrix,
        by_logsumexp,
        by_exp,
        by_loops,
        in_units_of_the_picture,
        by_log_softmax,
        in_double,
    )
]

SOFTMAX = "maps.flatten(2).softmax(dim=2)"
LAST = "[(weights.sum(dim=2) * columns).sum(dim=2), (weights.sum(dim=3) * rows).sum(dim=2)]"
# The id, what is said, the old text and the one in its place.
CHANGES = [
    ("twice as sharp", "soft_argmax(maps): (", SOFTMAX, "(2 * maps).flatten(2).softmax(dim=2)"),
    ("sigmoid", "soft_argmax(maps): (", SOFTMAX, "torch.sigmoid(maps).flatten(2)"),
    (
        "relu first",
        "soft_argmax(maps): (",
        SOFTMAX,
        "functional.softmax(maps.relu() - maps.relu().mean(), 0).flatten(2)",
    ),
    ("sum of weights", "soft_argmax(maps): (", SOFTMAX, "maps.flatten(2).exp()"),
    ("negative", "soft_argmax(maps): (", SOFTMAX, "(-maps).flatten(2).softmax(dim=2)"),
    ("x twice", "soft_argmax(maps): (", LAST, "[(weights.sum(dim=2) * columns).sum(dim=2)] * 2"),
    ("whole pixels", "soft_argmax(maps): (", f"torch.stack({LAST}, dim=2)", f"torch.stack({LAST}, dim=2).round()"),
    ("x from the right", "soft_argmax(maps): (", "columns).sum(dim=2)", "columns.flip(0)).sum(dim=2)"),
    ("constant", "soft_argmax(maps): (", f"torch.stack({LAST}, dim=2)", "torch.full((*maps.shape[:2], 2), 47.5)"),
    ("zeros with a gradient", "soft_argmax(maps): (", f"torch.stack({LAST}, dim=2)", f"torch.stack({LAST}, dim=2) * 0"),
    ("rows first", "shape (2, 3, 2)", f"{LAST}, dim=2)", f"{LAST}, dim=1)"),
    ("no batch", "shape (2, 3, 2)", f"{LAST}, dim=2)", f"{LAST}, dim=2)[0]"),
    ("an array", "a torch.Tensor", f"{LAST}, dim=2)", f"{LAST}, dim=2).detach().numpy()"),
    ("a pair", "a torch.Tensor", f"torch.stack({LAST}, dim=2)", f"({LAST})"),
    (
        "24 cells alone",
        "take h and w from the shape",
        "height, width = maps.shape[-2:]\n    weights",
        "height, width = 24, 24\n    weights",
    ),
    ("in double", "dtype float32", f"{LAST}, dim=2)", f"{LAST}, dim=2).double()"),
]
WRONG = [change_reference("soft_argmax", id, old, new, said) for id, said, old, new in CHANGES]


def of_cells(maps: Tensor, stride: int = 4) -> Tensor:
    return (by_exp(maps, 4) + 0.5) / 4 - 0.5


def corners(maps: Tensor, stride: int = 4) -> Tensor:
    return by_matrix(maps, stride) - (stride - 1) / 2


def on_the_edge(maps: Tensor, stride: int = 4) -> Tensor:
    return by_matrix(maps, stride) + 0.5


def y_first(maps: Tensor, stride: int = 4) -> Tensor:
    return by_logsumexp(maps, stride).flip(-1)


def row_by_row(maps: Tensor, stride: int = 4) -> Tensor:
    shares = functional.softmax(maps, dim=-1) / maps.shape[-2]
    y, x = (_centres(size, stride) for size in maps.shape[-2:])
    return torch.stack([(shares * x).sum((-2, -1)), (shares * y[:, None]).sum((-2, -1))], -1)


def largest(maps: Tensor, stride: int = 4) -> Tensor:
    cell = maps.flatten(2).argmax(dim=2)
    column, row = cell % maps.shape[3], cell // maps.shape[3]
    return (torch.stack([column, row], dim=2).float() + 0.5) * stride - 0.5


def plain_exp(maps: Tensor, stride: int = 4) -> Tensor:
    powers = maps.exp()
    shares = powers / powers.sum((2, 3), keepdim=True)
    return torch.stack(
        [
            (shares * _centres(maps.shape[3], stride)).sum((2, 3)),
            (shares.sum(3) * _centres(maps.shape[2], stride)).sum(2),
        ],
        dim=2,
    )


def always_four(maps: Tensor, stride: int = 4) -> Tensor:
    return by_matrix(maps)


def without_a_gradient(maps: Tensor, stride: int = 4) -> Tensor:
    with torch.no_grad():
        return by_matrix(maps, stride)


def flat(maps: Tensor, stride: int = 4) -> Tensor:
    return by_einsum(maps, stride).reshape(len(maps), -1)


NAMED = name_answers(
    (f"soft_argmax/{id}", {"soft_argmax": function})
    for id, function in {
        "in-cells": of_cells,
        "corners-of-the-cells": corners,
        "half-a-pixel-too-far": on_the_edge,
        "rows-and-columns-exchanged": y_first,
        "softmax-of-each-row": row_by_row,
        "hard-argmax": largest,
        "exp-overflows": plain_exp,
        "stride-fixed": always_four,
        "cut-off-from-the-maps": without_a_gradient,
        "places-in-one-row": flat,
    }.items()
)
