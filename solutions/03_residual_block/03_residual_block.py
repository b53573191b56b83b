# %% [markdown]
# # {{lesson}}
#
# **Goal.** You build a residual network from its block: the network that lesson 05 trains to find 15 keypoints in a
# face. On the way you count its parameters, and find that a published figure can be wrong.
#
# **You need** Python and a little NumPy. If `nn.Module`, `backward()` and convolution are words you have only heard,
# [the primer](../00_primer/00_primer.ipynb) has them on two pages.
# **Time:** about {{minutes}} minutes. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{ResidualBlock}} `ResidualBlock` | two convolutions with a shortcut around them |
# | {{make_stage}} `make_stage` | several blocks in a row |
# | {{KeypointResNet}} `KeypointResNet` | the whole network, from a face to 30 numbers |
# | {{count_parameters}} `count_parameters` | how many numbers training may change |
#
# **Sources.** The block is from He, Zhang, Ren and Sun, [*Deep Residual Learning for Image
# Recognition*](https://arxiv.org/abs/1512.03385) (2015). The network is the one of a student project for Kaggle's
# contest, [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection). "The sources", in this
# lesson and the next ones, is that project.

# %% tags=["setup"]
import sys
from pathlib import Path

# The course lies in a folder above this notebook, or is installed.
sys.path[:0] = [str(p) for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file()][:1]

try:
    import autograder
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This notebook needs its course: open it in the course's folder, or run %pip install ADDRESS-OF-YOUR-COURSE"
    ) from None

import copy

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

OUTPUTS = 30

# %% [markdown]
# ## The goal, as a picture
#
# The block that the network is made of. The input goes two ways. One way leads through two convolutions: call what they
# compute `F(x)`. The other way is the **shortcut**: it hands `x` on as it is. Both meet in a sum, and the last ReLU
# comes after it.

# %% jupyter={"source_hidden": true}
layers = ["3×3\nconv", "batch\nnorm", "ReLU", "3×3\nconv", "batch\nnorm", "+", "ReLU"]
colors = ["lightblue", "moccasin", "lightgreen", "lightblue", "moccasin", "white", "lightgreen"]
arrow = {"arrowstyle": "-|>", "color": "black"}

figure, axes = plt.subplots(figsize=(10, 2.8))
for position, (layer, color) in enumerate(zip(layers, colors, strict=True)):
    axes.text(position, 0, layer, ha="center", va="center", bbox={"boxstyle": "round,pad=0.5", "facecolor": color})
    axes.annotate("", (position - 0.32, 0), (position - 0.7, 0), arrowprops=arrow)
axes.annotate("", (6.9, 0), (6.3, 0), arrowprops=arrow)
axes.plot([-0.8, -0.8, 5], [0.15, 1, 1], color="black", linewidth=1)
axes.annotate("", (5, 0.3), (5, 1.02), arrowprops=arrow)
axes.text(-0.8, 0, "x", ha="center", va="center", fontsize=13)
axes.text(2, 1.1, "shortcut: x, or a 1×1 conv of x where the shape changes", ha="center")
axes.text(2, -0.75, "F(x)", ha="center", fontsize=12)
axes.text(7, 0, "relu(F(x) + shortcut(x))", ha="left", va="center")
axes.set(xlim=(-1, 9), ylim=(-0.9, 1.5), title="One residual block")
axes.axis("off")
plt.show()

# %% [markdown]
# ## Why a deeper network can be worse
#
# More layers can compute more. A network of 56 layers could copy one of 20 layers, and let the other 36 hand on what
# they get. So it should never be worse.
#
# It was. In 2015, a plain network of 56 layers had a higher error than one of 20 layers, and not only on new images: on
# the very images it was trained on ([He et al.](https://arxiv.org/abs/1512.03385), figure 1). So it did not learn by
# heart. It learned worse. Why?
#
# ### The first suspect: a gradient that vanishes
#
# Learning sends a gradient backwards through every layer, and every layer multiplies it by something. Forty factors of
# 0.5 leave nothing. Measure it: the next cell builds stacks of up to 55 convolutions with fresh weights, and looks at
# the gradient that reaches their input. It compares four kinds of stack:
#
# - the default weights of PyTorch,
# - **He's initialization**, the same random weights but larger, chosen so that a ReLU layer hands on a signal as strong
#   as it got it ([He et al. 2015](https://arxiv.org/abs/1502.01852)),
# - default weights with **batch normalization** after each convolution, which brings each channel to mean 0 and
#   standard deviation 1 (more of it below),
# - the same with a shortcut around each layer, `h = h + relu(norm(conv(h)))`.


# %%
def gradient_at_input(depth: int, he: bool = False, norm: bool = False, shortcut: bool = False, seed: int = 0) -> float:
    """Return the length of the gradient at the input of ``depth`` convolutions with ReLU, fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        convs = [nn.Conv2d(8, 8, kernel_size=3, padding=1) for _ in range(depth)]
        if he:
            for conv in convs:
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        x = torch.rand(16, 8, 12, 12, requires_grad=True)
        direction = torch.randn(16, 8, 12, 12)
    h = x
    for conv in convs:
        step = torch.relu(nn.BatchNorm2d(8)(conv(h)) if norm else conv(h))
        h = h + step if shortcut else step
    (h * direction).sum().div(len(x)).backward()
    return float(x.grad.norm())


depths = [1, 5, 10, 20, 30, 40, 55]
stacks: dict[str, dict[str, bool]] = {
    "default weights": {},
    "He's initialization": {"he": True},
    "batch normalization": {"norm": True},
    "batch normalization and shortcuts": {"norm": True, "shortcut": True},
}
gradients = {
    name: np.array([[gradient_at_input(depth, **kind, seed=seed) for depth in depths] for seed in range(5)])
    for name, kind in stacks.items()
}
for name, lengths in gradients.items():
    print(f"{name:34s} depth 1: {np.median(lengths[:, 0]):.0e}   depth 40: {np.median(lengths[:, 5]):.0e}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(8, 4))
for (name, lengths), style in zip(gradients.items(), ["s--", "^-.", "v:", "o-"], strict=True):
    axes.semilogy(depths, np.median(lengths, axis=0).clip(1e-20), style, label=name)
axes.set(xlabel="depth (layers)", ylabel="gradient at the input (length)", title="Median of five fresh stacks each")
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# With the default weights the suspect is guilty: after forty layers nothing is left. But one better choice of the
# weights keeps the gradient alive, and so does batch normalization; with that alone it even grows, about a thousandfold
# over forty layers. With shortcuts beside it, it grows about tenfold.
#
# And He's plain networks *had* both. The authors checked their gradients, found nothing lost, and say so
# (section 4.1): vanishing gradients are unlikely to be the reason. The 56-layer network got a gradient. It trained. It
# only got less far.
#
# ### What remains
#
# The good network exists: 20 layers that work, and 36 that hand on what they get. Gradient descent does not find it.
# For a stack of convolutions and ReLUs, "hand it on" is one particular setting of thousands of weights, and hard to
# reach. With a shortcut it is the easiest thing of all: let `F` be 0. That is the idea of the residual block. **Handing
# on what it got costs a block nothing: `F` only has to shrink.**
#
# Exactly why plain networks train so badly is still a matter of research. Two findings that you can look up: in
# deep plain networks the gradients of similar inputs become as different as noise ([Balduzzi et al.
# 2017](https://arxiv.org/abs/1702.08591)), and shortcuts make the landscape of the loss visibly smoother ([Li et al.
# 2018](https://arxiv.org/abs/1712.09913)).
#
# At the end of this lesson you train plain and residual networks of 8, 20 and 56 layers on faces, with your own block,
# and see it for yourself.
#
# ## The shortcut on a real array
#
# Take three numbers, and an `F` with small weights, so that it answers almost 0. A plain layer has then all but
# destroyed its input. A block with a shortcut has kept it.

# %%
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
weight = torch.tensor([0.01, -0.02, 0.01])

plain_out = weight * x
block_out = weight * x + x
print("F(x)      =", plain_out.detach().numpy())
print("F(x) + x  =", block_out.detach().numpy())

(plain_gradient,) = torch.autograd.grad(plain_out.sum(), x)
(block_gradient,) = torch.autograd.grad(block_out.sum(), x)
print("gradient through F(x)     =", plain_gradient.numpy())
print("gradient through F(x) + x =", block_gradient.numpy())

# %% [markdown]
# As a formula: the derivative of `F(x) + x` is `F'(x) + 1`. The 1 is the identity's share. It does not depend on any
# weight of this block. And the block only has to learn what to *change* about `x`: the **residual**, which gives it its
# name.
#
# That is the sum. Two things in the block can still get in the gradient's way: the ReLU after the sum passes it only
# where the sum is positive, and where the shapes differ the shortcut is a convolution, with weights. You will count
# both in your own network.
#
# ## Batch normalization, by hand
#
# The block has two layers of batch normalization ([Ioffe and Szegedy 2015](https://arxiv.org/abs/1502.03167)). Each
# keeps every channel in a fixed range, and it does so differently in its two modes:
#
# - **Training** (`train()`, how every module starts): subtract the mean of *this batch*, divide by its standard
#   deviation. Beside it, keep a running average of both.
# - **Predicting** (`eval()`): use the running averages. Now a face's answer depends on that face alone.
#
# One channel, four faces with the values 2, 4, 6 and 8. Their mean is 5, their standard deviation √5 = 2.24.

# %%
batch = torch.tensor([[2.0], [4.0], [6.0], [8.0]])
norm = nn.BatchNorm1d(1)
print("in train mode:             ", norm(batch).detach().flatten().numpy().round(2))
print("by hand, (x - 5) / √5:     ", ((batch - 5) / 5**0.5).flatten().numpy().round(2))
print("2, in other company (2, 3):", norm(torch.tensor([[2.0], [3.0]])).detach().flatten().numpy().round(2))

norm = nn.BatchNorm1d(1)
norm(batch)
print(f"\nrunning mean after one batch: {norm.running_mean.item():.1f}, a tenth of the way from 0 to 5")
for _ in range(100):
    norm(batch)
print(f"after a hundred more:         {norm.running_mean.item():.2f}")
norm.eval()
print("in eval mode, all four:       ", norm(batch).detach().flatten().numpy().round(2))
print("in eval mode, 2 by itself:    ", norm(batch[:1]).detach().flatten().numpy().round(2))

# %% [markdown]
# Three things follow. In train mode the same 2 becomes -1.34 in one batch and -1 in another. In eval mode it is the
# same whatever stands beside it (the values are a little smaller, because the running average is over the *sample*
# variance, which divides by 3 and not by 4). And whatever constant a convolution adds to a channel is subtracted again
# at once: **a convolution before a batch normalization needs no bias**. Write `bias=False` there. With a bias your
# block computes the same, and owns parameters that do nothing.
#
# At the end, the layer multiplies each channel by a learned weight and adds a learned bias; they start at 1 and 0. So
# the `F` of a fresh block is *not* small:

# %%
generator = torch.Generator().manual_seed(0)
x = torch.relu(torch.randn(32, 16, 24, 24, generator=generator))
with torch.random.fork_rng(devices=[]):
    torch.manual_seed(0)
    conv1, conv2 = (nn.Conv2d(16, 16, kernel_size=3, padding=1, bias=False) for _ in range(2))
norm1, norm2 = nn.BatchNorm2d(16), nn.BatchNorm2d(16)
f = norm2(conv2(torch.relu(norm1(conv1(x)))))
print(f"standard deviation of x:    {x.std().item():.2f}")
print(f"standard deviation of F(x): {f.std().item():.2f}")
nn.init.zeros_(norm2.weight)
f = norm2(conv2(torch.relu(norm1(conv1(x)))))
print(f"F(x) with the last normalization's weight at 0: {f.std().item():.2f}; the block hands on x as it is:", end=" ")
print(torch.equal(torch.relu(f + x), x))

# %% [markdown]
# Fresh, `F` is even the louder of the two. Starting that one weight at 0 makes each block an identity at first; it is a
# common refinement ([Goyal et al. 2017](https://arxiv.org/abs/1706.02677), `zero_init_residual` in torchvision). We do
# without.
#
# ## Shapes, by hand and on a face
#
# A convolution with kernel `k`, stride `s` and padding `p` makes of `n` pixels `(n + 2p - k) // s + 1`. So a 3×3
# convolution keeps the size with padding 1, and with stride 2 it halves it. A 1×1 convolution needs no padding.


# %%
def out_size(n: int, kernel: int, stride: int, padding: int) -> int:
    """Return the width of a convolution's or pooling's output for an input of width n."""
    return (n + 2 * padding - kernel) // stride + 1


for kernel, stride, padding in [(3, 1, 1), (3, 1, 0), (3, 2, 1), (1, 2, 0), (7, 2, 3)]:
    print(
        f"{kernel}x{kernel}, stride {stride}, padding {padding}: 96 pixels -> {out_size(96, kernel, stride, padding)}"
    )

# %% [markdown]
# Here is a face, and what eight convolutions with random 7×7 kernels see in it. Each output is a **feature map**:
# bright where the patch of the image looks like the kernel.

# %%
from data_scripts.folders import compared_passes, compared_seeds, data_folder, scale
from data_scripts.kaggle_csv import read_training

faces = read_training(data_folder() / "training.csv")
face = torch.from_numpy(faces.images[:1]).unsqueeze(1)
generator = torch.Generator().manual_seed(0)
kernels = torch.randn(8, 1, 7, 7, generator=generator)
kernels -= kernels.mean(dim=(2, 3), keepdim=True)
maps = nn.functional.conv2d(face, kernels, stride=2, padding=3)
print("image", tuple(face.shape), "-> feature maps", tuple(maps.shape))

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(1, 9, figsize=(13, 1.9))
grid[0].imshow(face[0, 0], cmap="gray", vmin=0, vmax=1)
grid[0].set_title("face, 96×96", fontsize=9)
for position, cell in enumerate(grid[1:]):
    cell.imshow(maps[0, position], cmap="gray")
    cell.set_title(f"map {position}, 48×48", fontsize=9)
for cell in grid:
    cell.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Exercise {{ResidualBlock}}: the block
#
# Build the block of the picture. Where width and stride leave the shape alone, the shortcut is `x` itself and owns no
# parameter. Where they change it, `x` does not fit any more; then the shortcut is a 1×1 convolution with the same
# stride.
#
# | layer of `ResidualBlock(32, 64, stride=2)` | output for (B, 32, 24, 24) |
# |---|---|
# | 3×3 convolution, stride 2, padding 1 | (B, 64, 12, 12) |
# | batch normalization, ReLU | (B, 64, 12, 12) |
# | 3×3 convolution, padding 1 | (B, 64, 12, 12) |
# | batch normalization | (B, 64, 12, 12) |
# | shortcut: 1×1 convolution, stride 2 | (B, 64, 12, 12) |
# | sum, ReLU | (B, 64, 12, 12) |
#
# **Common mistake.** The last ReLU before the addition. Then `F(x)` is never negative, and a block can only ever add.


# %%
class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them: ``relu(F(x) + shortcut(x))``.

    ``F`` is: 3x3 convolution (padding 1, this one takes the stride), batch normalization, ReLU,
    3x3 convolution (padding 1, stride 1), batch normalization.
    The shortcut is the identity, without any parameter, where ``in_channels == out_channels`` and ``stride == 1``.
    Everywhere else it is a 1x1 convolution with the same stride, so that both shapes agree.

    Args:
        in_channels: channels of the input, at least 1.
        out_channels: channels of the output, at least 1.
        stride: 1 keeps height and width; 2 halves them, rounded up.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        # Batch normalization subtracts the mean right after each convolution, so a bias there would have no effect.
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        if stride == 1 and in_channels == out_channels:
            self.shortcut: nn.Module = nn.Identity()
        else:
            self.shortcut = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) float32 to (B, out_channels, ceil(H / stride), ceil(W / stride)), all >= 0."""
        ### BEGIN SOLUTION
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return self.relu(out + self.shortcut(x))
        ### END SOLUTION


# %%
autograder.check("ResidualBlock")

# %% [markdown]
# ## Exercise {{make_stage}}: a stage
#
# A **stage** is some blocks of the same width in a row. Its first block does what changes: it widens where
# `in_channels` and `out_channels` differ, and takes the stride. With stride 2 it halves the resolution; with stride 1,
# as in the network's first stage, it keeps it. The other blocks keep both.
#
# **Common mistake.** `[block] * 3` is not three blocks. It is one block, listed three times, with one set of weights.


# %%
def make_stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    """Return ``blocks`` residual blocks in a row, each with weights of its own.

    The first block goes from ``in_channels`` to ``out_channels`` and takes the stride; every later one keeps
    both width and resolution.

    Args:
        in_channels: channels of the input of the stage.
        out_channels: channels of every block's output.
        blocks: how many blocks, at least 1.
        stride: stride of the first block, 1 or 2.

    Returns:
        A module from (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride)), float32.
    """
    ### BEGIN SOLUTION
    first = ResidualBlock(in_channels, out_channels, stride)
    later = [ResidualBlock(out_channels, out_channels) for _ in range(blocks - 1)]
    return nn.Sequential(first, *later)
    ### END SOLUTION


# %%
autograder.check("make_stage")

# %% [markdown]
# ## Exercise {{KeypointResNet}}: the network
#
# Before the stages comes the **stem**: one large convolution and a pooling, which bring 96×96 pixels down to 24×24
# while that is still cheap. After the stages, **global average pooling** turns each feature map into one number, and
# a linear layer turns 512 of those into 30: x and y of 15 keypoints. First a drawing, then the same as a table.

# %% jupyter={"source_hidden": true}
plan = [
    ("face", 1, 96),
    ("7×7 conv", 32, 48),
    ("max-pool", 32, 24),
    ("stage 1", 32, 24),
    ("stage 2", 64, 12),
    ("stage 3", 128, 6),
    ("stage 4", 256, 3),
    ("stage 5", 512, 2),
    ("average", 512, 1),
    ("linear", 30, 1),
]
figure, axes = plt.subplots(figsize=(12, 3.4))
left = 0.0
for name, channels, size in plan:
    width = 8 + channels / 8
    axes.add_patch(plt.Rectangle((left, -size / 2), width, size, facecolor="lightblue", edgecolor="black"))
    axes.text(left + width / 2, size / 2 + 3, name, ha="center", fontsize=8)
    axes.text(left + width / 2, -size / 2 - 3, f"{channels}×{size}×{size}", ha="center", va="top", fontsize=8)
    left += width + 26
axes.set(
    xlim=(-10, left),
    ylim=(-66, 62),
    title="Height: pixels of a map. Width: number of channels. Numbers: what comes out",
)
axes.axis("off")
plt.show()

# %% [markdown]
# | part | stride | output for one face |
# |---|---|---|
# | image | | 1 × 96 × 96 |
# | 7×7 convolution (padding 3), batch normalization, ReLU | 2 | 32 × 48 × 48 |
# | 3×3 max-pooling (padding 1) | 2 | 32 × 24 × 24 |
# | stage 1, two blocks | 1 | 32 × 24 × 24 |
# | stage 2, two blocks | 2 | 64 × 12 × 12 |
# | stage 3, two blocks | 2 | 128 × 6 × 6 |
# | stage 4, two blocks | 2 | 256 × 3 × 3 |
# | stage 5, two blocks | 2 | 512 × 2 × 2 |
# | global average pooling | | 512 |
# | linear layer | | 30 |
#
# **Common mistake.** Stages in a plain Python list. PyTorch does not look into it: the layers run, but `parameters()`
# does not find them, so no optimizer ever trains them.


# %%
class KeypointResNet(nn.Module):
    """A residual network from a gray face to the coordinates of its keypoints.

    In order: 7x7 convolution with stride 2 to ``channels[0]``, batch normalization, ReLU, 3x3 max-pooling with stride 2
    (paddings of 3 and 1 halve the size twice, others will do); one stage for each entry of ``channels``, the first with
    stride 1 and the others with stride 2; global average pooling; one linear layer.

    Args:
        channels: width of each stage.
        blocks_per_stage: residual blocks in each stage, at least 1.
        outputs: numbers to predict; 30 for 15 keypoints, in the order x, y, x, y, ...
    """

    def __init__(
        self, channels: tuple[int, ...] = (32, 64, 128, 256, 512), blocks_per_stage: int = 2, outputs: int = 30
    ) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels[0], kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        stages = []
        width = channels[0]
        for position, out_channels in enumerate(channels):
            stages.append(make_stage(width, out_channels, blocks_per_stage, stride=1 if position == 0 else 2))
            width = out_channels
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(width, outputs)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 1, 96, 96) float32 in [0, 1] to (B, outputs) float32, in pixels once the network is trained."""
        ### BEGIN SOLUTION
        features = self.stages(self.stem(images))
        return self.head(features.mean(dim=(2, 3)))
        ### END SOLUTION


# %%
autograder.check("KeypointResNet")

# %% [markdown]
# ## The network that you built
#
# Follow one face through it, block by block, as your code computes it. The axis is logarithmic: each line of the grid
# is twice the one below.


# %%
def through_blocks(network: nn.Module, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Run ``network`` on images; return what went into each residual or plain block and what came out."""
    passed: list[tuple[Tensor, Tensor]] = []
    blocks = [module for module in network.modules() if isinstance(module, (ResidualBlock, PlainBlock))]
    hooks = [b.register_forward_hook(lambda _, inputs, output: passed.append((inputs[0], output))) for b in blocks]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    return passed


class PlainBlock(nn.Module):
    """Your block without its shortcut, to compare with: two convolutions, each with batch normalization and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


with torch.random.fork_rng(devices=[]):
    torch.manual_seed(0)
    model = KeypointResNet()
many = torch.from_numpy(faces.images[:256]).unsqueeze(1)
passed = through_blocks(copy.deepcopy(model), many[:64])

print("block   comes in      goes out      shortcut         sums that the last ReLU lets through")
for number, (before, after) in enumerate(passed, start=1):
    came, went = ("×".join(map(str, maps.shape[1:])) for maps in (before, after))
    kind = "identity" if before.shape == after.shape else "1×1 convolution"
    print(f"{number:5d}   {came:12s}  {went:12s}  {kind:15s}  {(after > 0).float().mean().item():.0%}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(11, 3.6))
numbers = range(1, len(passed) + 1)
axes.plot(numbers, [after.shape[2] for _, after in passed], "o-", label="width of a map (pixels)")
axes.plot(numbers, [after.shape[1] for _, after in passed], "s--", label="channels")
axes.plot(numbers, [after[0].numel() for _, after in passed], "^:", label="numbers in all")
axes.set_yscale("log", base=2)
ticks = [2**power for power in range(0, 16)]
axes.set_yticks(ticks, [f"{tick:,}" if tick in ticks[::3] else "" for tick in ticks])
axes.set(xticks=list(numbers), xlabel="block", title="One face on its way: wider and coarser, and fewer numbers in all")
axes.grid(alpha=0.3)
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.tight_layout()
plt.show()

# %% [markdown]
# The table answers what the section on the shortcut left open. Where the width stays, the shortcut is the identity, and
# what arrives at the sum goes on to the block's input as it is. At the four changes of width there is no identity;
# there the gradient passes a 1×1 convolution, and its weights. And in a fresh network the last ReLU of each block lets
# through the share in the last column, and stops the rest.
#
# ## Exercise {{count_parameters}}: count
#
# How large is it? Count what training may change. Two things look like parameters and are not: frozen weights
# (`requires_grad` is False), and buffers such as the running mean of a batch normalization, which no gradient changes.


# %%
def count_parameters(model: nn.Module) -> int:
    """Return how many numbers training may change: the elements of every parameter that requires a gradient.

    Buffers, such as the running statistics of batch normalization, and frozen parameters do not count.
    """
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    ### END SOLUTION


# %%
autograder.check("count_parameters")

# %% [markdown]
# ## A finding: the published figure is wrong
#
# The sources of this course describe their network in two ways. The text says: about **4.2 million** parameters, "6
# stages", "12 residual blocks". The diagram beside it shows what you have built: **five** stages of **two** blocks.
# Both can't be right. Which one is? Count.

# %%
candidates = {
    "the diagram: 5 stages of 2 blocks": KeypointResNet(),
    "5 stages of 1 block": KeypointResNet(blocks_per_stage=1),
    "4 stages of 2 blocks, without 512": KeypointResNet(channels=(32, 64, 128, 256)),
    "6 stages of 2 blocks, from 16 to 512": KeypointResNet(channels=(16, 32, 64, 128, 256, 512)),
    "6 stages of 2 blocks, 512 twice": KeypointResNet(channels=(32, 64, 128, 256, 512, 512)),
}
counted = pd.DataFrame({"parameters": {name: count_parameters(network) for name, network in candidates.items()}})
counted["beside 4.2 million"] = (counted["parameters"] / 4.2e6).map("{:.2f} times".format)
counted["parameters"] = counted["parameters"].map("{:,}".format)
counted

# %%
biases = 0
for module in model.modules():
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        biases += module.bias.numel()
print(f"your network:            {count_parameters(model):12,}")
print(f"biases of convolutions:  {biases:12,}")
print(f"without them:            {count_parameters(model) - biases:12,}")

# %% [markdown]
# As drawn, and with convolutions without bias, the network has 11,202,942 parameters. If yours has a few thousand more,
# you have kept biases before a batch normalization (4,960 in all, if on every convolution), or given the shortcuts a
# batch normalization of their own (1,920): both are allowed, and neither explains seven million.
#
# So it is more than two and a half times the stated figure. Six stages of two blocks come no closer; one block a stage
# comes nearest, and still misses. None of these networks has 4.2 million.
#
# Nobody need have cheated: a text is written once, and the code beside it goes on changing. What you take from it: a
# figure about a network is one line of code to check, so check it.
#
# Where do they all sit? In the last stages, where 3×3×512×512 numbers make a single kernel.

# %%
widths = (32, 64, 128, 256, 512)
parts = {}
for number, width in enumerate(widths, start=1):
    before = widths[max(number - 2, 0)]
    parts[f"stage {number}"] = count_parameters(make_stage(before, width, 2, 1 if number == 1 else 2))
parts["linear"] = 512 * OUTPUTS + OUTPUTS
parts = {"stem": count_parameters(model) - sum(parts.values()), **parts}
print(f"{parts['stage 5'] / sum(parts.values()):.0%} of all parameters are in stage 5")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(8, 3.5))
bars = axes.bar(list(parts), [value / 1e6 for value in parts.values()], color="steelblue")
axes.bar_label(bars, [f"{value:,}" for value in parts.values()], fontsize=8)
axes.set(ylabel="parameters (millions)", title=f"Where the {sum(parts.values()):,} parameters are", ylim=(0, 9.5))
plt.show()

# %% [markdown]
# ## Your blocks at work: how long does the face stay visible?
#
# A face, and one feature map after each of the first six blocks: above with your residual blocks, below with plain
# ones. The weights are random, so nothing is learned yet.
#
# How much of the face is left? Predict each pixel's difference from the mean face from the channels at that place, by
# least squares on half of the faces, all made as small as the map. The number is the share of the variance explained on
# the other half: 1 is the whole face, 0 is nothing.


# %%
def network_of(block: type[nn.Module], channels: tuple[int, ...], blocks_per_stage: int, seed: int) -> nn.Sequential:
    """The network of this lesson, of residual or plain blocks, with He's initialization."""
    layers: list[nn.Module] = [nn.Conv2d(1, channels[0], kernel_size=7, stride=2, padding=3, bias=False)]
    layers += [nn.BatchNorm2d(channels[0]), nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2, padding=1)]
    width = channels[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for stage, out_channels in enumerate(channels):
            for position in range(blocks_per_stage):
                layers.append(block(width, out_channels, 2 if stage > 0 and position == 0 else 1))
                width = out_channels
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, OUTPUTS))
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network


def still_readable(maps: Tensor, images: Tensor) -> float:
    """Share of the faces' variance that the best weighted sum of the channels explains, on faces held back."""
    small = nn.functional.adaptive_avg_pool2d(images, maps.shape[2])
    wanted = (small - small.mean(dim=0)).flatten().double()
    channels = maps.permute(0, 2, 3, 1).flatten(0, 2).double()
    channels = torch.cat([channels, torch.ones(len(channels), 1)], dim=1)
    half = len(wanted) // 2
    weights = torch.linalg.lstsq(channels[:half], wanted[:half, None], driver="gelsd").solution[:, 0]
    missed = wanted[half:] - channels[half:] @ weights
    return 1 - float(missed.square().mean() / wanted[half:].var())


kinds = {"residual": ResidualBlock, "plain": PlainBlock}
after_blocks = {name: through_blocks(network_of(kind, (32, 64, 128), 2, seed=0), many) for name, kind in kinds.items()}
readable = {name: [still_readable(after, many) for _, after in passed] for name, passed in after_blocks.items()}
for name, shares in readable.items():
    print(f"{name:9s}", " ".join(f"{share:.2f}" for share in shares))

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(2, 7, figsize=(13, 4.4))
for row, (name, passed) in zip(grid, after_blocks.items(), strict=True):
    row[0].imshow(face[0, 0], cmap="gray", vmin=0, vmax=1)
    row[0].set_title(f"{name}: the face", fontsize=9)
    for number, (cell, (_, after), share) in enumerate(zip(row[1:], passed, readable[name], strict=True), start=1):
        strongest = int(after[0].var(dim=(1, 2)).argmax())  # the map that varies most shows most
        cell.imshow(after[0, strongest], cmap="gray")
        cell.set_title(f"block {number}: {share:.2f}", fontsize=9)
    for cell in row:
        cell.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# Without shortcuts, each plain block keeps less of what it got; after six, hardly anything of the single face is left.
# With them, every block adds to what it was given, and more than half of the face can still be read off.
#
# ## Your blocks at work: plain against residual
#
# Back to the question from the beginning, with training. Networks of 8, 20 and 56 layers, plain and residual, three
# seeds each: the same faces (those with all labels), the same number of steps, He's initialization, batch
# normalization, Adam. To take minutes and not hours, the networks are narrow and the images half as wide.
#
# You write such a loop yourself in lesson 05; here look at what comes out. The outputs are in units of 8 pixels from
# the mean face, so a network that has learned nothing answers the mean face.


# %%
def train_small(block: type[nn.Module], blocks_per_stage: int, passes: int, seed: int) -> tuple[float, float]:
    """Train on ``passes`` images; return the RMSE in pixels on the training and on the validation faces."""
    network = network_of(block, (16, 32, 64), blocks_per_stage, seed)
    steps = passes // 32
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    rounds = passes // len(train) + 1
    order = torch.cat([train[torch.randperm(len(train), generator=generator)] for _ in range(rounds)])
    for rows in order[: 32 * steps].split(32):
        loss = nn.functional.mse_loss(network(small_images[rows]), small_targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval()
    with torch.no_grad():
        errors = [8 * (network(small_images[rows]) - small_targets[rows]) for rows in (train[: len(val)], val)]
    return float(errors[0].square().mean().sqrt()), float(errors[1].square().mean().sqrt())


complete = np.isfinite(faces.keypoints).all(axis=(1, 2))
order = torch.from_numpy(np.random.default_rng(0).permutation(int(complete.sum())))
val, train = order[: len(order) // 5], order[len(order) // 5 :]
small_images = nn.functional.avg_pool2d(torch.from_numpy(faces.images[complete]).unsqueeze(1), 2)
pixels = torch.from_numpy(faces.keypoints[complete]).flatten(1)
small_targets = (pixels - pixels[train].mean(dim=0)) / 8
constant = float((8 * small_targets[val]).square().mean().sqrt())

passes = {"trial": 64, "quick": compared_passes(2_240), "full": compared_passes(9_600)}[scale()]
runs = [(kind, layers, seed) for layers in (8, 20, 56) for kind in ("plain", "residual") for seed in compared_seeds()]
rows = []
for kind, layers, seed in tqdm(runs, desc="training", unit="network", file=sys.stdout):
    on_train, on_val = train_small(kinds[kind], (layers - 2) // 6, passes, seed)
    rows.append({"blocks": kind, "layers": layers, "seed": seed, "training": on_train, "validation": on_val})
results = pd.DataFrame(rows)
print(
    results.groupby(["layers", "blocks"])[["training", "validation"]].agg(["mean", "min", "max"]).round(2).to_string()
)
if len(compared_seeds()) == 1:
    print("brief comparison: one seed, a quarter of the images; the text describes the whole one")

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
for panel, part in zip(panels, ("training", "validation"), strict=True):
    for kind, style, shift in (("plain", "s--", -0.06), ("residual", "o-", 0.06)):
        of_kind = results[results["blocks"] == kind]
        place = of_kind["layers"].map({8: 0, 20: 1, 56: 2}) + shift
        panel.plot([shift, 1 + shift, 2 + shift], of_kind.groupby("layers")[part].mean(), style, label=kind)
        panel.plot(place, of_kind[part], ".", color="black", markersize=5)
    panel.axhline(constant, color="gray", linestyle=":", label="mean face")
    panel.set(xticks=[0, 1, 2], xticklabels=[8, 20, 56], xlabel="layers", title=f"{part} faces")
    panel.grid(alpha=0.3)
panels[0].set_ylabel("RMSE (pixels)")
panels[0].legend()
figure.suptitle(f"{len(compared_seeds())} of each (dots: single seeds), {passes:,} images seen")
plt.tight_layout()
plt.show()

# %% [markdown]
# The plain networks get worse the deeper they are: 20 layers worse than 8, and 56 layers hardly leave the mean face.
# The left panel says why this is no learning by heart: they are just as bad on the faces that they were trained on.
# Nobody took their gradient away, they have batch normalization and He's weights. They train, and do not get far.
#
# With shortcuts, 20 layers are about as good as 8, and 56 lose a little instead of everything. That is what the
# shortcut does. It does not make a deep network good by itself: in so few steps, the plain network of 8 layers
# is the best of all. Depth does not pay here, neither at 2,240 images nor at the 9,600 below; on ImageNet it did (He et
# al., table 2). The shortcut keeps it from costing you everything.
#
# Let it run longer with `COURSE_SCALE=full` (9,600 images; four times as long). We measured, as means of three seeds on
# the validation faces:
#
# | layers | plain | residual |
# |---|---:|---:|
# | 8 | 2.15 px | 2.39 px |
# | 20 | 2.87 px | 2.42 px |
# | 56 | 4.02 px | 2.74 px |
#
# Time does not help 56 plain layers. The mean face is 4.02.
#
# ## Three questions
#
# 1. You replace every identity by a 1×1 convolution with random weights. The block still has a second way. What is
#    lost?
# 2. In which mode must a network be when you measure its error, and what goes wrong in the other one?
# 3. `KeypointResNet` averages each of its 512 last maps to one number. Where has the *place* of the nose gone?
#
# <details><summary>Answers</summary>
#
# 1. Doing nothing is no longer free. The convolution would have to learn to be the identity, in each block anew, and
#    forty of them in a row multiply the gradient by forty weights again. He and others tried it for very deep networks:
#    it is worse ([*Identity Mappings*](https://arxiv.org/abs/1603.05027), section 3).
# 2. In eval mode. In train mode a face's answer depends on the other faces of its batch, and each measurement also
#    shifts the running averages.
# 3. Into the channels. Before the average, the network has to turn "there is a nose *here*" into "the nose is far to
#    the left", a channel for each such statement. It can, because padding shows where the border is, and because a
#    map of the last stage sees the whole face. It is hard, and lesson 10 does it in another way.
#
# </details>
#
# ## Further reading
#
# - He, Zhang, Ren and Sun, [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), 2015:
#   sections 1, 3 and 4.1 read well after this lesson.
# - Li and others, [Visualizing the Loss Landscape of Neural Nets](https://arxiv.org/abs/1712.09913), 2018: the
#   pictures alone are worth it.
# - *Dive into Deep Learning*, [Residual Networks](https://d2l.ai/chapter_convolutional-modern/resnet.html).
#
# ## What an experienced person would write
#
# `torchvision.models.resnet18`, and change its first and its last layer. You will write that network in lesson 09, with
# torchvision's names, so that its trained weights fit. And to count: `torchinfo.summary(model, input_size=...)` prints
# shapes and parameters of every layer.
#
# ## What you have learned
#
# - A residual block computes `relu(F(x) + x)`. Doing nothing, which a plain block must learn, only asks it to shrink
#   `F`. Plain networks got worse with depth on their own training faces, although their gradient did not vanish.
# - The sum hands the gradient on as it is; the last ReLU stops a part of it, and four of your ten blocks have a
#   convolution instead of the identity.
# - Batch normalization uses the batch in train mode and running averages in eval mode. A convolution before it needs no
#   bias.
# - Where width or stride changes the shape, a 1×1 convolution makes the shortcut fit. Only the first block of a stage
#   needs one.
# - PyTorch trains what it finds: layers belong into attributes, `nn.Sequential` or `nn.ModuleList`.
# - The diagram has 11,202,942 parameters, and the published 4.2 million turned out not to be its own.
#
# Next: lesson 04 trains another network, in Keras. Lesson 05 trains this one.
