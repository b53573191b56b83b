# %% [markdown]
# # {{lesson}}
#
# **Goal.** You build a convolutional network (CNN) in Keras that finds 15 keypoints in a face, and train it in two
# phases: first Adam, then SGD with a shrinking step. And you measure which part of that recipe matters.
#
# **You need** lessons 01 and 02, and an idea of what layers and gradients are
# ([3Blue1Brown](https://www.3blue1brown.com/topics/neural-networks) explains both in pictures; convolution and padding
# in numbers: [the primer](../00_primer/00_primer.ipynb)). **Time:** about {{minutes}} minutes, some three of them
# training. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{to_unit_targets}} `to_unit_targets`, `to_pixels` | the unit in which the network learns, and the way back |
# | {{build_cnn}} `build_cnn` | three convolutions, three dense layers |
# | {{compile_phase}} `compile_phase` | an optimizer for each phase |
# | {{phase_callbacks}} `phase_callbacks` | what happens after each epoch |
# | {{train_two_phase}} `train_two_phase` | both phases, ending with the best weights |
#
# **Sources.** Network and recipe are those of a student project,
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection), for Kaggle's contest
# [Facial Keypoints Detection](https://www.kaggle.com/competitions/facial-keypoints-detection). "The sources" below is
# that project.
#
# The next two cells import what the lesson uses. The folded one loads Keras quietly, and defines a progress bar and the
# settings of a run.

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

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import yaml
from tqdm import tqdm

IMAGE_SIZE = 96  # pixels along each side of an image
MIN_DELTA = 1e-6  # a smaller gain of the loss counts as none: about 0.004 px where the RMSE is 2.5 px

# %% tags=["setup"] jupyter={"source_hidden": true}
# TensorFlow writes notes to the process's stderr, past Python, while it loads: let them go nowhere for that moment.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)
try:
    import keras
finally:
    os.dup2(stderr, 2)
    os.close(stderr)
    os.close(nowhere)

import tensorflow

# Else TensorFlow 2.21 ends many an epoch with a pause of up to the epoch's own length: it waits for a sleeping thread
# that tunes how data is read. This mode does without that thread; the arrays lie in memory, there is nothing to tune.
tensorflow.data.experimental.enable_debug_mode()


class EpochBar(keras.callbacks.Callback):
    """One progress bar for a whole `fit`: a tick an epoch, with the loss on both parts."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.bar = tqdm(total=self.params["epochs"], desc=self.title, unit="epoch")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        shown = {name: f"{logs[name]:.2e}" for name in ("loss", "val_loss") if name in (logs or {})}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.close()


@dataclass(frozen=True)
class TwoPhaseConfig:
    """What one run of this lesson needs to know; the values stand in quick.yaml and full.yaml."""

    rows: int | None  # training rows to read; None for all
    val_fraction: float
    epochs: tuple[int, int]  # at most so many in phase 1 and in phase 2
    batch_size: int
    seed: int

    @classmethod
    def from_yaml(cls, path: Path) -> "TwoPhaseConfig":
        fields = yaml.safe_load(path.read_text())
        return cls(**{**fields, "epochs": tuple(fields["epochs"])})


# %% [markdown]
# ## The goal, as a picture
#
# Green circles: where the keypoints are. Red crosses: the **mean face**, the same guess for every face. It needs no
# network, and it is the bar to clear. At the end of this lesson you draw the same picture with your own crosses.

# %%
import matplotlib.pyplot as plt

from data_scripts.folders import compared_passes, compared_seeds, data_folder, lesson_folder, output_folder, scale
from data_scripts.kaggle_csv import read_training

split_rows = autograder.earlier("01_pixel_parsing").split_rows
forward_fill = autograder.earlier("02_nan_masking").forward_fill
rmse = autograder.earlier("02_nan_masking").rmse
per_keypoint_rmse = autograder.earlier("02_nan_masking").per_keypoint_rmse

folder = lesson_folder("04_two_phase_cnn")
config = TwoPhaseConfig.from_yaml(folder / f"{scale()}.yaml")
faces = read_training(data_folder() / "training.csv")

images, keypoints, names = faces.images[: config.rows], faces.keypoints[: config.rows], faces.names
train, val = split_rows(len(images), config.val_fraction, config.seed)
mean_face = np.nanmean(keypoints[train], axis=0)
complete = np.isfinite(keypoints).all(axis=(1, 2))
guesses = np.broadcast_to(mean_face, keypoints[val].shape)
print(f"{scale()} scale: {len(images):,} faces, {len(train):,} to train on and {len(val):,} to validate on")
print(f"the mean face is off by {rmse(guesses, keypoints[val]):.2f} px over the labels of the validation faces")


# %% jupyter={"source_hidden": true}
def draw_faces(chosen: np.ndarray, predicted: np.ndarray) -> None:
    """Draw the truth and the prediction of each chosen face; `predicted` (N, 15, 2) in pixels."""
    figure, axes = plt.subplots(1, len(chosen), figsize=(2.6 * len(chosen), 3.2))
    for axis, face, guess in zip(axes, chosen, predicted, strict=True):
        axis.imshow(images[face], cmap="gray", vmin=0, vmax=1)
        axis.plot(*keypoints[face].T, "o", color="lime", fillstyle="none", label="truth")
        axis.plot(*guess.T, "x", color="red", label="prediction")
        axis.set(title=f"RMSE {rmse(guess, keypoints[face]):.1f} px", xticks=[], yticks=[])
    axes[0].legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    plt.show()


shown = val[complete[val]][:5]
draw_faces(shown, np.broadcast_to(mean_face, (5, *mean_face.shape)))

# %% [markdown]
# ## Labels that are not there
#
# Keras's losses know no NaN: one missing label would make the loss NaN, then every weight. The sources fill the gaps
# before training with `forward_fill` of lesson 02: a missing coordinate takes the last value above it. Twelve faces
# from all over the file:

# %%
any_twelve = np.random.default_rng(1).permutation(len(faces.keypoints))[:12]
few = faces.keypoints[any_twelve].reshape(12, -1)
filled = forward_fill(few)
print(f"made up by forward fill: {np.isnan(faces.keypoints).mean():.0%} of all targets in the file,")
print(f"{np.isnan(keypoints[train]).mean():.0%} of the targets of the {len(train):,} faces that this run trains on")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), sharey=True, layout="constrained")
for axis, values, title in ((left, few, "as labeled (white: no label)"), (right, filled, "after forward fill")):
    shades = axis.imshow(values, cmap="viridis", vmin=0, vmax=96, aspect="auto")
    axis.set(title=title, xlabel="target (x and y of 15 keypoints)")
made_up = np.argwhere(np.isnan(few))
right.plot(made_up[:, 1], made_up[:, 0], "x", color="white", markersize=4, label="made up")
right.legend(loc="lower right", fontsize=8, facecolor="gray", labelcolor="white")
left.set_ylabel("face")
figure.colorbar(shades, ax=[left, right], label="pixels")
plt.show()

# %% [markdown]
# Every filled number is the coordinate of *another* face. The network is taught that this face's left eyebrow is where
# somebody else's is. It can't learn the noise, so it learns a compromise, part of the way to the mean face. Lesson 05
# masks missing labels instead, and compares both on equal terms.
#
# The nearly complete rows come first in Kaggle's file, 2,284 of them. The short training of this lesson reads 1,400 of
# those, where hardly anything is made up: so many, and no more, to stay within a minute. More rows are not always
# better: on all 7,049 rows, filled like this, the same network ended at 3.2 px after seeing 21,147 images; the short
# training sees 6,300. The full training reads all rows, as the sources do.
#
# Two rules keep the figures honest:
#
# 1. **Fill after splitting, and only the training part.** Filled before the split, a validation face could get its
#    labels from a training face, or hand its own to one: a leak.
# 2. **Never score a made-up label.** During training we validate on faces whose 15 keypoints are all labeled. The final
#    figures use every labeled coordinate of the validation faces, and nothing else.
#
# ## Targets between 0 and 1
#
# A fresh network answers with numbers around 0; pixels are around 48. It would spend its first epochs on getting there.
# So the CNN learns in units of the image's width, 96 pixels, and all targets lie in [0, 1]. (Around 0.5, that is: the
# rest of the way is saved below, in "Start at the mean face".)

# %%
example = np.array([[[66.0, 39.0], [30.0, 36.0]]])
print("pixels, as (x, y) pairs:", example.tolist())
print("units of 96 pixels:     ", (example / 96).reshape(1, -1).tolist())

# %% [markdown]
# ## Exercise {{to_unit_targets}}: there and back
#
# Two functions that undo each other. The order is x0, y0, x1, y1, …: x and y of a keypoint stay neighbors.
#
# **Common mistake.** To divide by 95, the number of the last pixel, or by 255, which belongs to the gray values.


# %%
def to_unit_targets(keypoints: np.ndarray) -> np.ndarray:
    """Keypoints as the CNN learns them.

    keypoints: (N, 15, 2) float32, (x, y) in pixels, 0 to 96; NaN where unlabeled.
    Returns a new (N, 30) float32 array x0, y0, x1, y1, ... in [0, 1]; NaN stays NaN.
    """
    ### BEGIN SOLUTION
    return (keypoints.reshape(len(keypoints), -1) / IMAGE_SIZE).astype(np.float32)
    ### END SOLUTION


def to_pixels(outputs: np.ndarray) -> np.ndarray:
    """The way back: the exact inverse of `to_unit_targets`.

    outputs: (N, 30) float32, x0, y0, x1, y1, ... in units of 96 pixels; NaN where unlabeled.
    Returns a new (N, 15, 2) float32 array, (x, y) in pixels; NaN stays NaN.
    """
    ### BEGIN SOLUTION
    return (outputs.reshape(len(outputs), -1, 2) * IMAGE_SIZE).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("to_unit_targets")

# %% [markdown]
# ## The network
#
# Three blocks look for patterns, each block over a larger part of the face. Two dense layers combine what was found,
# and a last one answers with 30 numbers.
#
# | layer | what it does | shape after it (with padding) |
# |---|---|---|
# | input | a gray image | 96 × 96 × 1 |
# | conv 3×3, 32 filters; LeakyReLU; pool 2×2; dropout 0.05 | block 1 | 48 × 48 × 32 |
# | conv 3×3, 64 filters; LeakyReLU; pool 2×2; dropout 0.01 | block 2 | 24 × 24 × 64 |
# | conv 3×3, 128 filters; LeakyReLU; pool 2×2; dropout 0.15 | block 3 | 12 × 12 × 128 |
# | flatten | all numbers in a row | 18,432 |
# | dense; LeakyReLU | combines | 500 |
# | dense; LeakyReLU | combines | 500 |
# | dense, linear | the answer | 30 |
#
# **Convolution.** One small pattern of weights, the *kernel*, slides over the image. At each place it is multiplied
# with the pixels below it, and the products are added up. So an eye is found wherever it is, with the same few weights.
# Here a kernel that finds the right end of something bright:

# %%
patch = np.zeros((6, 6))
patch[1:5, 1:4] = 1
kernel = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]])


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide `kernel` (3, 3) over `image` (H, W): (H - 2, W - 2), the sum of the products at each place."""
    height, width = image.shape[0] - 2, image.shape[1] - 2
    return np.array([[(image[r : r + 3, c : c + 3] * kernel).sum() for c in range(width)] for r in range(height)])


padded = np.pad(patch, 1)
print("the upper left number of the third picture:", (patch[:3, :3] * kernel).sum())
for padding, lost in (("same", 0), ("valid", 2)):
    sizes = [96]
    for _ in range(3):
        sizes.append((sizes[-1] - lost) // 2)
    print(f"{padding:<6} side after each block: {sizes}; after flatten {sizes[-1]}² · 128 = {sizes[-1] ** 2 * 128:,}")


# %% jupyter={"source_hidden": true}
def draw_numbers(axis: plt.Axes, values: np.ndarray, title: str) -> None:
    """Draw a small array as cells with their numbers."""
    axis.imshow(values, cmap="coolwarm", vmin=-4, vmax=4)
    for (row, column), value in np.ndenumerate(values):
        axis.text(column, row, f"{value:.0f}", ha="center", va="center")
    axis.set(title=title, xticks=[], yticks=[])


figure, axes = plt.subplots(1, 4, figsize=(13, 3.8), width_ratios=[6, 3, 4, 6], layout="constrained")
draw_numbers(axes[0], patch, "image, 6 × 6")
draw_numbers(axes[1], kernel, "kernel, 3 × 3")
draw_numbers(axes[2], convolve(patch, kernel), "valid: 4 × 4")
draw_numbers(axes[3], convolve(padded, kernel), "same: 6 × 6")
axes[0].add_patch(plt.Rectangle((-0.5, -0.5), 3, 3, fill=False, linewidth=3, color="black"))
axes[2].add_patch(plt.Rectangle((-0.5, -0.5), 1, 1, fill=False, linewidth=3, color="black"))
plt.show()

# %% [markdown]
# The framed nine pixels give the framed number. A 3×3 kernel does not fit around the pixels of the border, so each
# convolution makes the image smaller by 2: that is padding `"valid"`, Keras's default. With `"same"` a border of zeros
# is put around it first, and the size stays. Either is fine here; the table above is with `"same"`.
#
# **Pooling** keeps the largest of 2×2 numbers. Half the width and half the height are left, and the next pattern sees
# twice as far.
#
# **LeakyReLU.** A plain ReLU turns every negative number into 0. A unit that is negative for every face then gets no
# gradient and never learns again. LeakyReLU lets a small part through:

# %%
answers = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
print("before    ", answers)
print("ReLU      ", np.maximum(answers, 0))
print("LeakyReLU ", np.where(answers > 0, answers, 0.3 * answers), " (slope 0.3)")

# %% [markdown]
# **Dropout** sets a random share of the numbers to 0 in training, so that the network can't rely on any single one. At
# prediction Keras switches it off by itself. `Dropout(0.05)` *drops* 5 %; it does not keep 5 %.
#
# **The last layer is linear.** A coordinate is a plain number: no softmax (those are shares of 1), no ReLU.
#
# ## Exercise {{build_cnn}}: build it
#
# `keras.Sequential`, the functional style and a subclass are all fine. Padding and slope are yours to choose, the slope
# between 0 and 1.
#
# **Does the slope matter?** Where it is small, LeakyReLU is nearly a ReLU. We trained a few epochs on all 2,284 nearly
# complete rows, three seeds each. On faces never trained on, that ended at 1.87, 1.93 and 1.90 px with slope 0.3,
# Keras's own default, and at 1.99, 1.98 and 1.98 px with 0.01: a difference, and a small one.
#
# **Common mistake.** An activation behind the last layer. A ReLU or a sigmoid bends what should be plain numbers.


# %%
def build_cnn() -> keras.Model:
    """A plain CNN for (96, 96, 1) images in [0, 1] that answers (30,) numbers in units of 96 pixels.

    Three blocks of convolution (32, 64, 128 filters), LeakyReLU, 2x2 pooling and dropout (0.05, 0.01, 0.15);
    then dense layers of 500 and 500 (each with LeakyReLU) and a linear one of 30. Every call builds a new model.
    The convolutions and dense layers are Keras's own, `Conv2D` and `Dense`. Padding, the size of the kernels, the slope
    of LeakyReLU, maximum or mean in the pooling, and whether the model comes compiled are yours to choose.
    """
    ### BEGIN SOLUTION
    layers = [keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))]
    for filters, dropped in ((32, 0.05), (64, 0.01), (128, 0.15)):
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same"),
            keras.layers.LeakyReLU(negative_slope=0.3),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(dropped),
        ]
    layers.append(keras.layers.Flatten())
    for _ in range(2):
        layers += [keras.layers.Dense(500), keras.layers.LeakyReLU(negative_slope=0.3)]
    layers.append(keras.layers.Dense(30))
    return keras.Sequential(layers)
    ### END SOLUTION


# %%
autograder.check("build_cnn")

# %%
model = build_cnn()
total = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
print(f"{total:,} trainable parameters")
for weight in model.trainable_weights:
    if len(weight.shape) > 1:
        size = int(np.prod(weight.shape))
        print(f"{str(tuple(weight.shape)):>18} {size:>10,}  {size / total:5.1%}  {'█' * round(40 * size / total)}")

# %% [markdown]
# Nearly all parameters sit in one place: the first dense layer. The convolutions, which do the looking, are small.
#
# ### The same in PyTorch
#
# Lesson 05 uses PyTorch. Unfold this to see your network and its loss in its words.
#
# <details><summary>Network and loss in PyTorch</summary>
#
# ```python
# import torch
# from torch import nn
#
#
# def torch_cnn():
#     """(B, 1, 96, 96) in [0, 1] -> (B, 30) in units of 96 pixels."""
#     layers, channels = [], 1
#     for width, share in ((32, 0.05), (64, 0.01), (128, 0.15)):
#         layers += [nn.Conv2d(channels, width, 3, padding="same"), nn.LeakyReLU(0.3), nn.MaxPool2d(2)]
#         layers.append(nn.Dropout(share))
#         channels = width
#     layers += [nn.Flatten(), nn.Linear(18432, 500), nn.LeakyReLU(0.3)]
#     layers += [nn.Linear(500, 500), nn.LeakyReLU(0.3), nn.Linear(500, 30)]
#     return nn.Sequential(*layers)
#
#
# def torch_loss_and_optimizer(model, phase):
#     """What compile_phase chooses; PyTorch keeps both outside of the model."""
#     if phase == 1:
#         return nn.HuberLoss(), torch.optim.Adam(model.parameters(), lr=5e-4)
#     return nn.HuberLoss(), torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
# ```
#
# Three differences. PyTorch puts the channels before height and width, Keras behind. Each layer must be told how
# many inputs it gets: hence the 18,432 by hand. And nothing switches dropout off by itself: you call `model.eval()`.
#
# Two that you don't see: the first weights, which Keras draws as Glorot proposed and PyTorch from another uniform
# distribution; and the small number that Adam adds to what it divides by, 1e-7 in Keras and 1e-8 in PyTorch.
#
# </details>
#
# ## The loss: Huber
#
# The squared error punishes a miss of 3 nine times as much as a miss of 1, so one mislabeled face can outweigh many
# good ones. Huber's loss is half the squared error up to 1, and a straight line beyond
# ([Huber 1964](https://doi.org/10.1214/aoms/1177703732)): e²/2 where |e| ≤ 1, and |e| − 1/2 beyond.

# %%
errors = np.array([0.03, 0.5, 1.0, 3.0])
size = np.abs(errors)
print("error          ", errors)
print("squared / 2    ", errors**2 / 2)
print("Huber          ", np.where(size <= 1, errors**2 / 2, size - 0.5))

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(7, 3.6))
line = np.linspace(-3, 3, 301)
axis.plot(line, line**2 / 2, "--", label="squared error / 2")
axis.plot(line, np.where(abs(line) <= 1, line**2 / 2, abs(line) - 0.5), label="Huber")
axis.axvspan(-10 / 96, 10 / 96, color="gray", alpha=0.3, label="errors up to 10 px")
axis.set(title="Two losses, in the unit of the targets", xlabel="error in units of 96 pixels", ylabel="loss")
axis.legend()
plt.show()

# %% [markdown]
# Look at the gray strip. In our units an error of 1 is the whole width of the image, so nearly every error lies where
# Huber **is** half the squared error. The sources' choice hardly matters here: they would need pixels, or a smaller
# threshold, to see a difference. What remains useful: the loss can be read as pixels, RMSE = 96 · √(2 · loss).
#
# ## Why two phases
#
# **Adam** gives every weight a step of its own and gets near a good place fast. But its steps stay long, and each batch
# of faces pulls in a slightly different direction, so the network keeps jumping around that place. **Shorter steps**
# let the jumping die down. One weight and a noisy slope are enough to see it:

# %%
noise = np.random.default_rng(0).normal(0, 2, 400)


def walk(rate_at: Callable[[int], float]) -> np.ndarray:
    """Follow a noisy slope down to 0, from 3; `rate_at(step)` is the step length."""
    place, places = 3.0, []
    for step, pull in enumerate(noise):
        place -= rate_at(step) * (place + pull)
        places.append(place)
    return np.array(places)


same = walk(lambda step: 0.2)
shrinking = walk(lambda step: 0.2 * 0.5 ** (step // 60))
for name, places in (("same step length", same), ("halved every 60 steps", shrinking)):
    print(f"{name:<22} in its last 100 steps the weight wavers by {places[-100:].std():.2f}")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 3.4))
axis.plot(same, label="same step length all the time")
axis.plot(shrinking, linewidth=2.5, label="step length halved every 60 steps")
axis.axhline(0, color="black", linestyle=":", label="best place")
axis.set(title="Long steps arrive, short steps settle", xlabel="step", ylabel="weight")
axis.legend()
plt.show()

# %% [markdown]
# In this picture there is no optimizer at all, only the length of the steps. Does the optimizer matter, then? After the
# exercises you measure it, on faces.
#
# ## Exercise {{compile_phase}}: an optimizer for each phase
#
# `model.compile` chooses optimizer and loss. It does **not** touch the weights; that is why phase 2 can go on from
# where phase 1 ended.


# %%
def compile_phase(model: keras.Model, phase: int) -> None:
    """Compile `model` for a phase, with the Huber loss: 1 is Adam at 5e-4, 2 is SGD at 1e-3 with momentum 0.9.

    Compiling changes how the weights will be trained; the weights themselves stay as they are.
    Raises ValueError for any other phase.
    """
    ### BEGIN SOLUTION
    if phase == 1:
        optimizer = keras.optimizers.Adam(learning_rate=5e-4)
    elif phase == 2:
        optimizer = keras.optimizers.SGD(learning_rate=1e-3, momentum=0.9)
    else:
        raise ValueError(f"expected phase 1 or 2, got {phase!r}")
    model.compile(optimizer=optimizer, loss=keras.losses.Huber())
    ### END SOLUTION


# %%
autograder.check("compile_phase")

# %% [markdown]
# ## Exercise {{phase_callbacks}}: what happens after each epoch
#
# Keras calls a *callback* at the end of each epoch. Three of them are all we need:
#
# - **EarlyStopping** ends a phase when the validation loss has not fallen for `patience` epochs.
# - **ReduceLROnPlateau** shortens the steps when nothing improves.
# - **ModelCheckpoint** writes the model to a file, so that an interrupt costs nothing.
#
# How long to wait? The reference solution waits 10 epochs in phase 1: at full scale that is a pause after which nothing
# better is to be expected. In the short training, phase 1 is over before these 10 epochs are, and phase 2 before a
# plateau of 5 epochs: there, neither ever acts. You see an early stop happen in lesson 05.
#
# **Common mistakes.** Unless you ask for the best weights, EarlyStopping leaves the model with its *last* ones, worse
# by `patience` epochs. And `ReduceLROnPlateau` counts a gain below `min_delta` as none, by default 0.0001. Our whole
# loss is smaller than 0.001 (an RMSE of 3 px is a loss of 0.0005), so a real gain of several percent an epoch would
# count as a standstill. The first cell defines a smaller `MIN_DELTA`; a gain of that size is about 0.004 px.


# %%
def phase_callbacks(phase: int, checkpoint_path: str) -> list:
    """The callbacks of a phase, all watching `val_loss`.

    1: EarlyStopping that restores the best weights; a single epoch without a lower loss does not end the phase.
    2: ReduceLROnPlateau (patience 5, factor 0.5) and ModelCheckpoint (best only, to `checkpoint_path`, a .keras file);
    the phase goes on after the rate is halved.
    How long phase 1 waits beyond one epoch, and what ReduceLROnPlateau takes for a gain, is yours to choose.
    """
    ### BEGIN SOLUTION
    if phase == 1:
        return [keras.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)]
    if phase == 2:
        return [
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss", patience=5, factor=0.5, min_delta=MIN_DELTA, min_lr=1e-6
            ),
            keras.callbacks.ModelCheckpoint(checkpoint_path, monitor="val_loss", save_best_only=True),
        ]
    raise ValueError(f"expected phase 1 or 2, got {phase!r}")
    ### END SOLUTION


# %%
autograder.check("phase_callbacks")

# %% [markdown]
# ## Exercise {{train_two_phase}}: both phases
#
# Put it together: compile, fit, compile, fit.
#
# **Common mistakes.** To build a new model for phase 2, so that all that Adam has learned is lost; and to end with the
# last weights although the best ones lie in the checkpoint.
#
# The sources let phase 2 run for all of its 500 epochs. On 2 cores that takes hours, most of them after the network
# has settled. The reference solution therefore adds a stop to phase 2: 15 epochs without a gain of `MIN_DELTA`, time
# enough for the learning rate to be halved three times. You may do so too, or leave it to `epochs`.


# %%
def train_two_phase(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    x_val: np.ndarray,
    y_val: np.ndarray,
    epochs: tuple[int, int] = (200, 500),
    batch_size: int = 128,
    checkpoint_path: str = "cnn.keras",
) -> dict:
    """Train `model` in both phases; it ends with the weights of the lowest validation loss of either phase.

    x, x_val: (N, 96, 96, 1) float32 in [0, 1]; y, y_val: (N, 30) float32 in units of 96 pixels, without NaN.
    epochs: at most so many in phase 1 and in phase 2. Phase 2 starts from phase 1's best or last weights.
    If phase 2 has a stop of its own, that waits longer than ReduceLROnPlateau does.
    Returns {"phase1": history, "phase2": history}, each a dict of lists with one value an epoch: "loss" and "val_loss".
    `checkpoint_path` holds the best weights of phase 2, or of both.
    """
    ### BEGIN SOLUTION
    data = {"x": x, "y": y, "validation_data": (x_val, y_val), "batch_size": batch_size, "verbose": 0}
    keep_best = keras.callbacks.ModelCheckpoint(checkpoint_path, save_best_only=True)

    compile_phase(model, 1)
    callbacks = [*phase_callbacks(1, checkpoint_path), keep_best, EpochBar("phase 1")]
    phase1 = model.fit(**data, epochs=epochs[0], callbacks=callbacks).history
    weights, lowest = model.get_weights(), min(phase1["val_loss"])

    compile_phase(model, 2)
    settled = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=MIN_DELTA, patience=15)
    callbacks = [*phase_callbacks(2, checkpoint_path), settled, EpochBar("phase 2")]
    phase2 = model.fit(**data, epochs=epochs[1], callbacks=callbacks).history
    if min(phase2["val_loss"]) < lowest:
        model.load_weights(checkpoint_path)
    else:
        model.set_weights(weights)
        model.save(checkpoint_path)
    return {"phase1": phase1, "phase2": phase2}
    ### END SOLUTION


# %%
autograder.check("train_two_phase")

# %% [markdown]
# ## Start at the mean face
#
# A fresh network answers around 0, and the targets lie around 0.5: its first steps only walk there. What they learn on
# the way is the mean face, which `mean` knows at once. So write it into the bias of the last layer, and make that
# layer's weights small, so that what they add is small at first. This is given here. In lesson 05 you write the part
# that matters most, the bias, and leave the weights as they are.

# %%
x, y = images[train][..., np.newaxis], forward_fill(to_unit_targets(keypoints[train]))
val_complete = val[complete[val]]
x_val, y_val = images[val_complete][..., np.newaxis], to_unit_targets(keypoints[val_complete])
print(f"x {x.shape}, y {y.shape} with {np.isnan(y).sum()} NaN; validation on {len(x_val)} completely labeled faces")


def start_at_mean_face(model: keras.Model, targets: np.ndarray) -> None:
    """Let the model answer near the mean of `targets` (N, 30); its last layer is a Dense of 30."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    last.bias.assign(targets.mean(axis=0))
    last.kernel.assign(0.1 * last.kernel)


def in_pixels(loss: list[float] | np.ndarray) -> np.ndarray:
    """Return the RMSE in pixels that belongs to a Huber loss in units of 96 pixels."""
    return 96 * np.sqrt(2 * np.asarray(loss))


def first_steps(start: bool, steps: int) -> np.ndarray:
    """Return the training RMSE of each of the first batches of phase 1, in pixels."""
    keras.utils.set_random_seed(0)
    model = build_cnn()
    compile_phase(model, 1)
    if start:
        start_at_mean_face(model, y)
    losses = []
    for step in tqdm(range(steps), desc="from the mean face" if start else "from random weights"):
        model.reset_metrics()  # else Keras gives back the mean over all batches so far
        chosen = np.arange(16 * step, 16 * (step + 1)) % len(x)
        losses.append(float(model.train_on_batch(x[chosen], y[chosen])))
    return in_pixels(losses)


STEPS = 10 if scale() == "trial" else compared_passes(60)
started = {"from random weights": first_steps(False, STEPS), "from the mean face": first_steps(True, STEPS)}
for label, errors in started.items():
    print(f"{label:<20} RMSE of the first step {errors[0]:5.2f} px, of the last {errors[-1]:5.2f} px")
if len(compared_seeds()) == 1:
    print("brief comparison: a quarter of the steps")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 3.6))
for label, errors in started.items():
    axis.plot(np.arange(1, STEPS + 1), errors, label=label)
axis.set(title="The first steps", xlabel="gradient step", ylabel="RMSE in pixels", yscale="log")
axis.set_yticks([3, 4, 6, 10, 20, 40], ["3", "4", "6", "10", "20", "40"])
axis.yaxis.set_minor_formatter("")
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %% [markdown]
# ## Train
#
# `quick.yaml` holds a short training for a laptop: about a minute on two cores. `COURSE_SCALE=full` in the environment
# takes `full.yaml`: every row, the sources' epochs and their random start, and beside it the same from the mean face.
# Each needs an hour or more on 2 cores.

# %%
out = output_folder("04_two_phase_cnn")


def train_cnn(start: bool, checkpoint: str) -> tuple[keras.Model, dict, float]:
    """Return a trained network, its history, and the seconds it took."""
    # Weights, dropout and the order of the batches come from Keras's own generators: the same seed, the same training.
    keras.utils.set_random_seed(config.seed)
    model = build_cnn()
    if start:
        start_at_mean_face(model, y)
    started = time.perf_counter()
    history = train_two_phase(model, x, y, x_val, y_val, config.epochs, config.batch_size, str(out / checkpoint))
    return model, history, time.perf_counter() - started


# The sources start at random. At full scale their run comes first, and it is the one that is kept.
starts = {"random weights": False, "the mean face": True} if scale() == "full" else {"the mean face": True}
files = ("cnn.keras", "cnn_from_mean.keras")
runs = {start: train_cnn(at_mean, file) for (start, at_mean), file in zip(starts.items(), files, strict=False)}
model, history, seconds = next(iter(runs.values()))
for start, (_, run, duration) in runs.items():
    one, two = run["phase1"]["val_loss"], run["phase2"]["val_loss"]
    print(f"from {start}: {len(one)} and {len(two)} epochs in {duration:.0f} s,", end=" ")
    print(f"best validation RMSE {in_pixels(min(one + two)):.2f} px on completely labeled faces")

# %% [markdown]
# ## How it learned
#
# Look at which curve is the upper one. In the first epochs it is the training curve: it is collected *while* the
# weights improve, and with dropout. Later it falls below: the network begins to know its own faces better than others.

# %%
first, second = len(history["phase1"]["loss"]), len(history["phase2"]["loss"])
for phase, run in history.items():
    for part, key in (("training", "loss"), ("validation", "val_loss")):
        print(f"{phase} {part:<10}", "  ".join(f"{pixels:.2f}" for pixels in in_pixels(run[key])[-8:]), "px")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 4))
for start, (_, run, _) in runs.items():
    for key, style, label in (("loss", "o--", "training"), ("val_loss", "s-", "validation")):
        values = in_pixels(run["phase1"][key] + run["phase2"][key])
        axis.plot(np.arange(1, len(values) + 1), values, style, markersize=4, label=f"{label}, from {start}")
axis.axvspan(0.5, first + 0.5, color="tab:blue", alpha=0.08, label="phase 1: Adam")
axis.axvspan(first + 0.5, first + second + 0.5, color="tab:orange", alpha=0.12, label="phase 2: SGD")
axis.set(title="Learning curves", xlabel="epoch", ylabel="RMSE in pixels", xlim=(0.5, first + second + 0.5))
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %% [markdown]
# ## Is it SGD, or the shorter step?
#
# The sources' second phase changes two things at once: the optimizer, and how far each step goes. To tell them apart,
# let one network go on from the *same* weights in four ways:
#
# - **Adam, same rate**: phase 1 simply goes on,
# - **Adam, a tenth of the rate**: only the steps are shorter,
# - **SGD**: phase 2 of the sources,
# - **SGD, 300 times the rate**: the same with longer steps.
#
# Beside the gain, look at how far the weights have moved, all of them together as one long vector.
#
# A network of a quarter of the width on images of half the size will do, so that there is time to train it until it
# gains no more, and three seeds, since a single curve is an anecdote.

# %%
WAYS = {
    "Adam, same rate": lambda: keras.optimizers.Adam(5e-4),
    "Adam, a tenth of the rate": lambda: keras.optimizers.Adam(5e-5),
    "SGD": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    "SGD, 300 times the rate": lambda: keras.optimizers.SGD(0.3, momentum=0.9),
}
SHARED, OWN = (1, 1) if scale() == "trial" else (compared_passes(12), compared_passes(2))
SEEDS = compared_seeds()


def small_cnn() -> keras.Model:
    """The network of this lesson at a quarter of its width, on images of half the size, without dropout."""
    layers = [keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1)), keras.layers.AveragePooling2D(2)]
    for filters in (8, 16, 32):
        layers += [keras.layers.Conv2D(filters, 3, padding="same"), keras.layers.LeakyReLU(0.3)]
        layers.append(keras.layers.MaxPooling2D(2))
    layers += [keras.layers.Flatten(), keras.layers.Dense(125), keras.layers.LeakyReLU(0.3), keras.layers.Dense(30)]
    return keras.Sequential(layers)


def four_ways(seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Train once, then go on in each way.

    Return by way the validation RMSE of every epoch, shared ones included, and how far the weights have moved.
    """
    keras.utils.set_random_seed(seed)
    data = {"x": x, "y": y, "validation_data": (x_val, y_val), "batch_size": 16, "verbose": 0}
    network = small_cnn()
    start_at_mean_face(network, y)
    compile_phase(network, 1)
    shared = network.fit(**data, epochs=SHARED, callbacks=[EpochBar(f"seed {seed}, shared")]).history["val_loss"]
    weights, curves, moved = network.get_weights(), {}, {}
    for way, optimizer in WAYS.items():
        network.set_weights(weights)
        network.compile(optimizer=optimizer(), loss=keras.losses.Huber())
        own = network.fit(**data, epochs=OWN, callbacks=[EpochBar(f"seed {seed}, {way}")]).history["val_loss"]
        curves[way] = in_pixels(shared + own)
        steps = [after - before for before, after in zip(weights, network.get_weights(), strict=True)]
        moved[way] = float(np.sqrt(sum(np.square(step).sum() for step in steps)))
    return curves, moved


by_seed, moved = zip(*(four_ways(seed) for seed in SEEDS), strict=True)
print("gain in pixels: mean (single seeds); how far the weights moved: mean")
for way in WAYS:
    gains = [curves[way][SHARED - 1] - curves[way][-1] for curves in by_seed]
    singles = ", ".join(f"{gain:5.2f}" for gain in gains)
    print(f"{way:<26} {np.mean(gains):5.2f} ({singles})   {np.mean([distances[way] for distances in moved]):.3f}")
if len(SEEDS) == 1:
    print("brief comparison: one seed, a quarter of the epochs; the text describes the whole one")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 3.8))
for way, color in zip(WAYS, ("tab:gray", "tab:blue", "tab:orange", "tab:green"), strict=True):
    for seed, curves in zip(SEEDS, by_seed, strict=True):
        label = way if seed == SEEDS[0] else None
        axis.plot(np.arange(SHARED, SHARED + OWN + 1), curves[way][SHARED - 1 :], "o-", color=color, label=label)
axis.set(title="From the same weights, four ways; each line one seed", xlabel="epoch", ylabel="validation RMSE, pixels")
axis.xaxis.get_major_locator().set_params(integer=True)
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %% [markdown]
# Adam at its old rate moves the weights farthest, and gains on some seeds and loses on others. With a tenth of the rate
# every seed gains, in the very first epoch: there was something to settle.
#
# SGD at the sources' rate gains next to nothing. Our loss is about 0.0003, its gradients are as small, and a step of
# 0.001 times such a gradient hardly moves a weight. Adam divides by the size of the gradients, so its rate means
# something else. With longer steps, as in the fourth way, SGD falls beside it on every seed. The sources gave it up to
# 500 epochs instead.
#
# What is known: constant long steps keep a network jumping, and a rate that falls towards the end helps. What is habit:
# that it has to be *SGD* that does it. On large image sets SGD with momentum is often reported to generalize a little
# better than Adam ([Wilson et al. 2017](https://arxiv.org/abs/1705.08292)); nothing of that is to be seen here.
#
# ## How good it is
#
# All figures below use labeled coordinates of validation faces only.

# %%
predicted = to_pixels(model.predict(images[val][..., np.newaxis], verbose=0))
of_cnn, of_mean = (per_keypoint_rmse(guess, keypoints[val]) for guess in (predicted, guesses))
order = np.argsort(of_cnn)
for name, guess in (("CNN", predicted), ("mean face", guesses)):
    print(f"{name:<10} {rmse(guess, keypoints[val]):.2f} px over all labels")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 5))
axis.barh(np.arange(len(names)), of_cnn[order], color="tab:blue", label="CNN")
axis.plot(of_mean[order], np.arange(len(names)), "D", color="black", label="mean face")
axis.set_yticks(np.arange(len(names)), [names[k].replace("_", " ") for k in order])
axis.set(title="RMSE of each keypoint, validation faces", xlabel="RMSE in pixels")
axis.legend(loc="lower right")
figure.tight_layout()
plt.show()
draw_faces(shown, to_pixels(model.predict(images[shown][..., np.newaxis], verbose=0)))

# %% [markdown]
# In the whole file, only four keypoints are labeled in nearly every row: both eye centers, the nose tip, and the bottom
# lip. After a full training, compare them with the other eleven, whose targets were mostly made up. In the
# first 2,284 rows nearly all 15 are labeled.

# %%
labeled = np.isfinite(keypoints[train]).all(axis=2).mean(axis=0)
often = labeled > 0.5
metrics = {
    "framework": "Keras",
    "strategy": "forward-filled labels, Huber; Adam, then SGD",
    "start": "random" if scale() == "full" else "mean face",
    "scale": scale(),
    "parameters": total,
    "epochs": [first, second],
    "seconds": seconds,
    "val_rmse": rmse(predicted, keypoints[val]),
    "val_rmse_mean_face": rmse(guesses, keypoints[val]),
}
(out / "history.json").write_text(json.dumps(history), encoding="utf-8")
(out / "metrics.json").write_text(json.dumps(metrics, indent=2), encoding="utf-8")
for title, chosen in (("labeled in most rows", often), ("mostly made up", ~often), ("all keypoints", often | ~often)):
    if not chosen.any() or (chosen is often and often.all()):
        continue
    cnn, mean = (rmse(guess[:, chosen], keypoints[val][:, chosen]) for guess in (predicted, guesses))
    print(f"{title:<22}{chosen.sum():>3} keypoints: CNN {cnn:.2f} px, mean face {mean:.2f} px, ratio {cnn / mean:.2f}")
print(f"saved in {out}: cnn.keras, history.json, metrics.json")

# %% [markdown]
# ## Three questions
#
# 1. A colleague fills the gaps first and splits afterwards. Her validation error is lower than yours. Why do you not
#    envy her?
# 2. The first dense layer holds nearly all of the parameters. What would happen to its size with one more block of
#    convolution and pooling?
# 3. Compiling again makes a new optimizer. What does Adam forget by that, and the weights not?
#
# <details><summary>Answers</summary>
#
# 1. Her validation faces may carry labels of training faces, and made-up labels are scored as if somebody had placed
#    them. The number is lower and says less.
# 2. Half the height and half the width: a quarter of the numbers, so a quarter of its weights, if the number of filters
#    stays. Pooling is what makes a dense layer affordable.
# 3. Its running means of gradients and of their squares, from which it computes each weight's own step. They build up
#    again within some dozens of steps.
#
# </details>
#
# ## Further reading
#
# - Stanford CS231n, [Convolutional Networks](https://cs231n.github.io/convolutional-networks/): convolution, padding
#   and pooling with moving pictures and all the counting.
# - Keras, [The Sequential model](https://keras.io/guides/sequential_model/) and
#   [its callbacks](https://keras.io/api/callbacks/).
# - Kingma and Ba, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980), 2014.
#
# ## What an experienced person would write
#
# One `compile` and one `fit` with a falling rate: `keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(...))`.
# A loss that masks missing labels (lesson 05) in place of filled ones. And global average pooling in place of
# `Flatten`, which saves nine million weights.
#
# ## What you have learned
#
# - A network learns in the unit you give it; targets near 0 to 1 suit its first weights. Keep the way back.
# - Let the last layer start at the mean of the targets, and no step is spent on getting there.
# - Forward fill lets a loss without masks run, and pays for it: the network learns other people's labels.
# - Compiling changes the optimizer, not the weights. So one model can be trained in several phases.
# - A rate that falls lets a network settle: Adam at a tenth of its rate did. So did SGD with longer steps; at the
#   sources' rate it hardly moved this network.
# - Early stopping, a plateau rule and checkpoints decide which weights you keep. Read their defaults.
# - Score what was labeled, and never what was filled in.
#
# Next: lesson 05 trains the network of lesson 03 in PyTorch, masks what is not labeled, and compares both ways.
