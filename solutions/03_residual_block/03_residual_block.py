# %% [markdown]
# # {{lesson}}
#
# **Goal.** You build a residual network from its block: the network that lesson 05 trains to find 15 keypoints in a
# face. On the way you count its parameters, and find that a published figure can be wrong.
#
# **You need** Python, a little NumPy, and what a convolution is. **Time:** about {{minutes}} minutes.
#
# | exercise | you write |
# |---|---|
# | {{ResidualBlock}} `ResidualBlock` | two convolutions with a shortcut around them |
# | {{make_stage}} `make_stage` | several blocks in a row |
# | {{KeypointResNet}} `KeypointResNet` | the whole network, from a face to 30 numbers |
# | {{count_parameters}} `count_parameters` | how many numbers training may change |

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn

OUTPUTS = 30

# %% [markdown]
# ## The block, as a picture
#
# The input goes two ways. One way leads through two convolutions: call what they compute `F(x)`. The other way is the
# **shortcut**: it hands `x` on as it is. Both meet in a sum, and the last ReLU comes after it.
# %%
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
# More layers can compute more. Still, in 2015 a plain network of 56 layers had a higher error than one of 20 layers,
# and not only on new images: on the very images it was trained on (He, Zhang, Ren and Sun, *Deep Residual Learning
# for Image Recognition*, 2015, figure 1). So it did not memorize too much. It could not even be trained.
#
# One reason: learning sends a gradient backwards through every layer, and every layer multiplies it by something. Forty
# factors of 0.5 leave nothing. Watch it happen: the next cell measures the gradient that reaches the input of a stack
# of convolutions, once plain, `h = relu(conv(h))`, and once with a shortcut, `h = h + relu(conv(h))`.


# %%
def gradient_at_input(depth: int, shortcut: bool, seed: int = 0) -> float:
    """Return the length of the gradient at the input of ``depth`` convolutions with ReLU, fresh weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Conv2d(8, 8, kernel_size=3, padding=1) for _ in range(depth)]
        x = torch.rand(4, 8, 12, 12, requires_grad=True)
    h = x
    for layer in layers:
        step = torch.relu(layer(h))
        h = h + step if shortcut else step
    h.mean().backward()
    return float(x.grad.norm())


depths = [1, 5, 10, 20, 30, 40]
plain = [gradient_at_input(depth, shortcut=False) for depth in depths]
residual = [gradient_at_input(depth, shortcut=True) for depth in depths]

figure, axes = plt.subplots(figsize=(7, 3.5))
axes.semilogy(depths, plain, "s--", label="plain")
axes.semilogy(depths, residual, "o-", label="with shortcuts")
axes.set(xlabel="depth (layers)", ylabel="gradient at the input (length)", title="What is left of the gradient")
axes.legend()
axes.grid(alpha=0.3)
plt.show()
print(f"after {depths[-1]} layers: plain {plain[-1]:.1e}, with shortcuts {residual[-1]:.1e}")

# %% [markdown]
# The plain stack loses a factor of about ten with every two layers. With the shortcut nothing is lost; the gradient
# even grows, and the batch normalization inside of each block keeps that in bounds.
#
# ## The shortcut on a real array
#
# Take three numbers and an `F` that has learned nothing yet, so that it answers almost 0. A plain layer has then
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
# weight, so no weight can make it vanish. And the block only has to learn what to *change* about `x`: the
# **residual**, which gives it its name.
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
from data_scripts.folders import data_folder
from data_scripts.kaggle_csv import read_training

faces = read_training(data_folder() / "training.csv")
face = torch.from_numpy(faces.images[:1]).unsqueeze(1)
generator = torch.Generator().manual_seed(0)
kernels = torch.randn(8, 1, 7, 7, generator=generator)
kernels -= kernels.mean(dim=(2, 3), keepdim=True)
maps = nn.functional.conv2d(face, kernels, stride=2, padding=3)
print("image", tuple(face.shape), "-> feature maps", tuple(maps.shape))

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
# A **stage** is some blocks of the same width in a row. Its first block widens and halves the resolution; the others
# keep both.
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
# a linear layer turns 512 of those into 30: x and y of 15 keypoints.
#
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
# Follow one face through it. Every stage has twice the channels at half the width and height, so each map sees more of
# the face in less detail.

# %%
from typing import Any

torch.manual_seed(0)
model = KeypointResNet().eval()
sizes: list[tuple[str, tuple[int, ...]]] = [("image", (1, 96, 96))]


def note_shape(name: str) -> Any:
    """Return a hook that notes the shape of a module's output under this name."""
    return lambda module, inputs, output: sizes.append((name, tuple(output.shape[1:])))


# Whatever you called your layers: blocks and poolings are recognized by what they are.
hooks, count = [], 0
for module in model.modules():
    if isinstance(module, nn.MaxPool2d):
        hooks.append(module.register_forward_hook(note_shape("stem")))
    elif isinstance(module, ResidualBlock):
        count += 1
        hooks.append(module.register_forward_hook(note_shape(f"block {count}")))
with torch.no_grad():
    prediction = model(face)
for hook in hooks:
    hook.remove()
sizes.append(("keypoints", tuple(prediction.shape[1:])))

figure, axes = plt.subplots(figsize=(12, 3.2))
for position, (name, shape) in enumerate(sizes):
    height = shape[1] if len(shape) == 3 else 2
    thickness = 0.14 + 0.1 * np.log2(shape[0])
    axes.bar(position, height, bottom=-height / 2, width=thickness * 0.72, color="lightblue", edgecolor="black")
    axes.text(position, -height / 2 - 4, "×".join(map(str, shape)), ha="center", va="top", fontsize=8)
    axes.text(position, height / 2 + 3, name, ha="center", fontsize=8)
axes.set(
    ylim=(-66, 60),
    ylabel="width of a map (pixels)",
    title="One face on its way through the network; a wider bar has more channels",
)
axes.set_yticks([])
axes.set_xticks([])
plt.show()

# %% [markdown]
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
import pandas as pd

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

# %% [markdown]
# The diagram as drawn has 11,202,942 parameters (with convolutions without bias), more than two and a half times the
# stated figure. Six stages of two blocks come no closer; one block a stage comes nearest, and still misses. None of
# these networks has 4.2 million.
#
# Nobody need have cheated: a text is written once, and the code beside it goes on changing. What you take from it: a
# figure about a network is one line of code to check, so check it.
#
# Where do they all sit? In the last stages, where 3×3×512×512 numbers make a single kernel.

# %%
widths = (32, 64, 128, 256, 512)
parts = {"stem": 0, "linear": 512 * OUTPUTS + OUTPUTS}
for number, width in enumerate(widths, start=1):
    before = widths[max(number - 2, 0)]
    parts[f"stage {number}"] = count_parameters(make_stage(before, width, 2, 1 if number == 1 else 2))
parts["stem"] = count_parameters(model) - sum(parts.values())

figure, axes = plt.subplots(figsize=(8, 3.5))
bars = axes.bar(list(parts), [value / 1e6 for value in parts.values()], color="steelblue")
axes.bar_label(bars, [f"{value:,}" for value in parts.values()], fontsize=8)
axes.set(ylabel="parameters (millions)", title=f"Where the {sum(parts.values()):,} parameters are", ylim=(0, 9.5))
plt.show()

# %% [markdown]
# ## Your blocks at work
#
# The last picture is drawn by your own code: a face, and one feature map after each of the ten blocks. The weights are
# random, so the maps mean nothing yet. But look how long the face stays visible. That is the shortcut: every block adds
# to what it was given.

# %%
outputs: list[Tensor] = []
blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
hooks = [block.register_forward_hook(lambda module, inputs, output: outputs.append(output)) for block in blocks]
with torch.no_grad():
    model(face)
for hook in hooks:
    hook.remove()

figure, grid = plt.subplots(1, len(outputs) + 1, figsize=(14, 1.9))
grid[0].imshow(face[0, 0], cmap="gray", vmin=0, vmax=1)
grid[0].set_title("face", fontsize=9)
for number, (cell, output) in enumerate(zip(grid[1:], outputs, strict=True), start=1):
    # The map that varies most shows most.
    strongest = int(output[0].var(dim=(1, 2)).argmax())
    cell.imshow(output[0, strongest], cmap="gray")
    cell.set_title(f"block {number}\n{output.shape[2]}×{output.shape[3]}", fontsize=9)
for cell in grid:
    cell.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## What you have learned
#
# - A residual block computes `relu(F(x) + x)`. The gradient passes the identity unchanged, however deep the
#   network is.
# - Where width or stride changes the shape, a 1×1 convolution makes the shortcut fit. Only the first block of a stage
#   needs one.
# - PyTorch trains what it finds: layers belong into attributes, `nn.Sequential` or `nn.ModuleList`.
# - Your network has 11,202,942 parameters, and a published 4.2 million turned out not to be those of its own diagram.
#
# Next: lesson 04 trains another network, in Keras. Lesson 05 trains this one.
