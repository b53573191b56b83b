# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # {{lesson}}
#
# **Goal.** Two pages of PyTorch: what lessons 02 to 10 use without explaining it. Nothing here is graded.
#
# **You need** Python and a little NumPy. About {{minutes}} minutes. Run each cell, and *guess its output first*: where
# you guess right, go on; where you don't, the links at the end teach it from the ground up. Code that only draws is
# folded: a click on the three dots shows it.
#
# ## Tensors and shapes
#
# A tensor is PyTorch's array. It has a shape and a type, as in NumPy, and can also record what is calculated with it.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

faces = torch.arange(24.0).reshape(2, 3, 4)  # two "faces" of 3 rows and 4 columns
print("shape", tuple(faces.shape), " type", faces.dtype)
print("face 1, row 0, column 2:", faces[1, 0, 2].item())
print("for a network that wants channels:", tuple(faces.unsqueeze(1).shape))
print("one long row for each face:       ", tuple(faces.flatten(1).shape))
print("mean of each face:                ", faces.mean(dim=(1, 2)).tolist())

# %% [markdown]
# `dim=(1, 2)` names the axes that **vanish**. `item()` and `tolist()` make plain Python numbers of a tensor,
# `torch.from_numpy(array)` makes a tensor of an array and `.numpy()` goes back; both share the memory, so writing into
# one changes the other. Images travel as (faces, channels, rows, columns) in PyTorch, and as (faces, rows, columns,
# channels) in Keras.
#
# ## Broadcasting
#
# Two shapes need not be equal. PyTorch and NumPy lay them side by side **from the right**; an axis of size 1, or one
# that is missing on the left, is repeated as often as the other shape asks.

# %%
points = torch.tensor([[[30.0, 40.0], [66.0, 40.0]], [[32.0, 44.0], [68.0, 42.0]]])  # (2 faces, 2 points, x and y)
mean_face = points.mean(dim=0)
print("(2, 2, 2) - (2, 2): each face minus the mean face\n", points - mean_face)

predicted, target = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1.0, 2.0, 3.0])
for shown in (predicted, predicted[:, 0]):
    error = shown - target
    print(f"{tuple(shown.shape)} - (3,) is {tuple(error.shape)}, and the mean square is {(error**2).mean().item():.2f}")

# %% [markdown]
# The line about (3, 1) is a trap. The prediction is perfect, yet (3, 1) and (3,) make a table of all nine differences,
# and nobody complains. Compare shapes before you subtract.
#
# ## `backward`, and a gradient step
#
# A **loss** is one number that says how wrong the answers are. Let a network be a single weight: it answers w · x. For
# x = 1, 2 and y = 3, 6 the loss is the mean of (w − 3)² and (2w − 6)², which is 2.5 · (w − 3)². On paper its slope is
# 5 · (w − 3), at w = 1 that is −10. `backward()` finds the same number, by the chain rule, for any calculation that you
# write down.

# %%
x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 6.0])
w = torch.tensor(1.0, requires_grad=True)  # record what is calculated with it
loss = ((w * x - y) ** 2).mean()
loss.backward()
print(f"loss {loss.item():.1f}, slope {w.grad.item():.1f}")

((w * x - y) ** 2).mean().backward()
print(f"after a second backward(): {w.grad.item():.1f}. Slopes add up until somebody sets them to zero")

# %% [markdown]
# The slope points uphill. So a **gradient step** goes the other way, by a small share of it, the **learning rate**: w −
# 0.1 · (−10) = 2. Every training in this course is a repetition of these lines, with millions of weights in place of
# one:


# %%
def descend(rate: float, steps: int = 8) -> list[float]:
    """Return the weights on the way down from w = 1."""
    w = torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rate)
    way = [w.item()]
    for _ in range(steps):
        optimizer.zero_grad()  # forget the slope of the step before
        loss = ((w * x - y) ** 2).mean()
        loss.backward()  # the slope, into w.grad
        optimizer.step()  # w = w - rate * w.grad
        way.append(w.item())
    return way


ways = {rate: descend(rate) for rate in (0.02, 0.1, 0.39, 0.42)}
for rate, way in ways.items():
    print(f"rate {rate:<4}  w = {', '.join(f'{value:.2f}' for value in way[:5])} … {way[-1]:.2f}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 4, figsize=(13, 3), sharey=True, layout="constrained")
grid = np.linspace(-2.5, 8.5, 200)
for axis, (rate, way) in zip(axes, ways.items(), strict=True):
    axis.plot(grid, 2.5 * (grid - 3) ** 2, color="gray")
    axis.plot(way, 2.5 * (np.array(way) - 3) ** 2, "o-", markersize=4)
    axis.plot(way[0], 2.5 * (way[0] - 3) ** 2, "s", color="black", label="start")
    axis.set(title=f"learning rate {rate}", xlabel="w", ylim=(-2, 50))
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()

# %% [markdown]
# Too small a rate is slow. Too large a one jumps across the valley: at 0.39 it comes back a little lower each time, at
# 0.42 a little higher, and never arrives.
#
# ## `nn.Module`
#
# A module holds its weights and says what it does with an input. What you assign to `self` is found by itself: its
# weights are listed, saved and trained with the others.


# %%
class TwoLayers(nn.Module):
    """Four numbers in, two out, with eight in between."""

    def __init__(self) -> None:
        super().__init__()
        self.below = nn.Linear(4, 8)
        self.above = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.above(torch.relu(self.below(x)))  # relu: what is below 0 becomes 0


network = TwoLayers()
print("a batch of 5:", tuple(network(torch.zeros(5, 4)).shape))  # call the network itself, not network.forward
for name, parameter in network.named_parameters():
    print(f"  {name:13} {tuple(parameter.shape)!s:8} {parameter.numel():3} numbers")
print("in all:", sum(parameter.numel() for parameter in network.parameters()))

# %% [markdown]
# A `Linear(4, 8)` has a weight for each pair of input and output, and a **bias** for each output: 4 · 8 + 8 = 40.
# Layers in a plain Python list are *not* found; put them into `nn.Sequential` or `nn.ModuleList`.
#
# ## Convolution and padding
#
# A **convolution** slides a small table of weights, the **kernel**, over the image. At each place it multiplies what
# lies on top of each other and adds up. The kernel below answers where dark meets bright. It has 9 weights, whatever
# the size of the image, and finds the edge wherever it is.

# %%
image = torch.zeros(6, 6)
image[:, 3:] = 1.0  # dark on the left, bright on the right
kernel = torch.tensor([[-1.0, 0.0, 1.0]] * 3)
valid = nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]
padded = nn.functional.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0]
print("at row 0, column 1:", (image[0:3, 1:4] * kernel).sum().item(), "=", valid[0, 1].item())

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 4, figsize=(13, 3.7), width_ratios=[6, 3, 4, 6], layout="constrained")
titles = ("image, 6 × 6", "kernel, 3 × 3", "no padding: 4 × 4", "padding=1: 6 × 6")
for axis, values, title in zip(axes, (image, kernel, valid, padded), titles, strict=True):
    axis.imshow(values, cmap="coolwarm", vmin=-4, vmax=4)
    for (row, column), value in np.ndenumerate(values.numpy()):
        axis.text(column, row, f"{value:.0f}", ha="center", va="center")
    axis.set(title=title, xticks=[], yticks=[])
axes[0].add_patch(plt.Rectangle((0.5, -0.5), 3, 3, fill=False, linewidth=3))
axes[2].add_patch(plt.Rectangle((0.5, -0.5), 1, 1, fill=False, linewidth=3))
plt.show()

# %% [markdown]
# The frame in the first picture gives the framed number in the third. A 3 × 3 kernel has no place for its middle on the
# border, so the result is smaller by 2. **Padding** puts a frame of zeros around the image and keeps the size. It has a
# price: at the right border the kernel sees an edge that is not there.
#
# With a **stride** of 2 the kernel moves two pixels at a time. In general a side of n pixels becomes
# ⌊(n + 2 · padding − kernel) / stride⌋ + 1. A layer has many kernels, and each looks at all channels that come in:

# %%
layer = nn.Conv2d(in_channels=3, out_channels=16, kernel_size=3, stride=2, padding=1)
print("weights", tuple(layer.weight.shape), "and", layer.bias.numel(), "biases: 16 · 3 · 3 · 3 + 16 = 448 numbers")
print("(1, 3, 96, 96) becomes", tuple(layer(torch.zeros(1, 3, 96, 96)).shape), "since (96 + 2 - 3) // 2 + 1 = 48")

# %% [markdown]
# ## Train mode and eval mode
#
# Some layers do one thing while the network learns and another when it is used. **Batch normalization** takes off each
# channel's mean and divides by its spread, then scales and shifts by two learned numbers, which begin at 1 and 0. In
# train mode mean and spread are those of the *batch at hand*; in eval mode they are running averages that it has
# collected while training. So in train mode the same face gets another answer in other company:

# %%
norm = nn.BatchNorm1d(1)
with torch.no_grad():  # nothing is recorded: less memory, and no gradient by mistake
    for mode in ("train", "eval"):
        norm.train(mode == "train")
        beside_0, beside_8 = (norm(torch.tensor([[4.0], [other]]))[0].item() for other in (0.0, 8.0))
        print(f"{mode:5}  4 beside 0 becomes {beside_0:5.2f}, 4 beside 8 becomes {beside_8:5.2f}")

# %% [markdown]
# (After two small batches the running averages are young, so the 4 is still far from 0.) `network.train()` and
# `network.eval()` switch every layer inside. **Dropout**, which hides numbers at random while training, obeys them too.
# The two modes have nothing to do with gradients: those are switched off by `torch.no_grad()`. To measure, use both.
#
# ## Three questions
#
# 1. A tensor has the shape (32, 15, 2). What is the shape of its mean over `dim=0`, and may you subtract that from it?
# 2. Somebody forgets `optimizer.zero_grad()`. What does the third step follow?
# 3. A 5 × 5 convolution shall keep 96 × 96 pixels as they are. Which padding?
#
# <details><summary>Answers</summary>
#
# 1. (15, 2); yes, it is repeated for each of the 32.
# 2. The sum of all three slopes, two of which belong to places where the weight no longer is.
# 3. 2, at stride 1: 96 + 4 − 5 + 1 = 96. In general half of the kernel's size, rounded down.
#
# </details>
#
# ## Where each is taught well
#
# - **Tensors, `backward`, modules, the loop**: PyTorch, [Learn the
#   basics](https://pytorch.org/tutorials/beginner/basics/intro.html), an afternoon, to be run as you read.
# - **Broadcasting**: NumPy, [Broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html), with pictures.
# - **Gradients**: Stanford CS231n, [Backpropagation, intuitions](https://cs231n.github.io/optimization-2/); and to see
#   `backward` written from nothing, Andrej Karpathy's [micrograd](https://github.com/karpathy/micrograd).
# - **Convolution, padding, stride**: CS231n, [Convolutional Networks](https://cs231n.github.io/convolutional-networks/);
#   with all the counting, Dumoulin and Visin, [A guide to convolution arithmetic for deep
#   learning](https://arxiv.org/abs/1603.07285).
# - **Train and eval**: Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), sections 3 and 3.1;
#   PyTorch, [Autograd mechanics](https://pytorch.org/docs/stable/notes/autograd.html), on modes and `no_grad`.
#
# **Next:** lesson 01 reads faces from a file. PyTorch returns in lesson 02.
