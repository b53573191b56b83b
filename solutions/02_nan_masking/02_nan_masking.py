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
# **Goal.** Most faces in the data lack most of their labels. You measure how many, see what a single NaN does to
# a training step, and write a loss and two error measures that use every label there is and invent none.
#
# **You need** lesson 01, NumPy, and a first acquaintance with PyTorch (tensors, `backward()`, a gradient step): [the
# primer](../00_primer/00_primer.ipynb) has it on two pages. **Time:** about {{minutes}} minutes. Code that only draws
# is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{count_labels}} `count_labels` | how many keypoints each face has |
# | {{forward_fill}} `forward_fill` | the popular way to fill gaps, to see what it makes up |
# | {{MSELossIgnoreNan}} `MSELossIgnoreNan` | a loss that skips what is missing |
# | {{rmse}} `rmse` | the error over all labels, in pixels |
# | {{per_keypoint_rmse}} `per_keypoint_rmse` | the error of each keypoint |
#
# The next cell imports what the lesson uses, and your own `split_rows` from lesson 01.

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

import numpy as np
import torch
from torch import nn

split_rows = autograder.earlier("01_pixel_parsing").split_rows

# %% [markdown]
# ## The goal, as a picture
#
# Each row of this picture is a face, each column a keypoint. White means that the keypoint was marked.

# %%
import matplotlib.pyplot as plt

from data_scripts.folders import data_folder
from data_scripts.kaggle_csv import read_training

faces = read_training(data_folder() / "training.csv")
images, keypoints, names = faces.images, faces.keypoints, list(faces.names)
labeled = np.isfinite(keypoints).all(axis=2)
print(f"{labeled.mean():.0%} of the {labeled.size:,} keypoints are marked")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(9, 6.2))
# Columns drawn wide from the start stay sharp, while thousands of rows blend into a few hundred lines of the screen.
wide = labeled.repeat(80, axis=1)
axes.imshow(wide, cmap="gray", aspect="auto", vmin=0, vmax=1, extent=(-0.5, len(names) - 0.5, len(labeled), 0))
axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
axes.set_ylabel("row of training.csv")
axes.set_title(f"Label completeness over {len(labeled):,} training rows (white: marked, black: missing)")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Two sources of labels
#
# The picture falls into two parts, one above the other. It looks as if two groups of people had marked the faces.
# The first group marked nearly all fifteen keypoints. The second marked four: both eye centers, the tip of the
# nose and the bottom lip.
#
# These counts are those of Kaggle's own file, which the drawn faces imitate: 7,049 rows, of which 2,284 come
# from the first source, and 2,140 are complete. Let us look at one face of each.

# %% jupyter={"source_hidden": true}
figure, panels = plt.subplots(1, 2, figsize=(8.4, 4.4))
for panel, row in zip(panels, (0, len(images) - 1), strict=True):
    panel.imshow(images[row], cmap="gray", vmin=0, vmax=1)
    panel.plot(*keypoints[row].T, "o", color="lime", markeredgecolor="black")
    panel.set_title(f"row {row}: {labeled[row].sum()} of {len(names)} keypoints marked")
    panel.set_xlabel("x (pixels)")
panels[0].set_ylabel("y (pixels)")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## What a NaN does
#
# NaN is a floating-point value that stands for "no number". It has one rule: **any sum or product with it is NaN.**
# That is honest, for the sum of 1 and an unknown number is unknown. Three steps show how far it reaches.
#
# **A mean.** One missing value, and the mean is gone.

# %%
x = np.array([1.0, np.nan, 3.0])
print("x.mean()     ", x.mean())
print("np.nanmean(x)", np.nanmean(x), "  (1 + 3) / 2: leaves the NaN out, and divides by 2, not by 3")
print("nan == nan   ", np.nan == np.nan, "so a comparison does not find it; np.isnan and np.isfinite do")

# %% [markdown]
# **A loss.** PyTorch's `MSELoss` is a mean too, so the loss of a face is NaN if one of its labels is.
#
# **A gradient, and then everything.** Two small layers, one above the other, predict three coordinates. The label
# in the middle is missing. Look at their weights after one training step.

# %%
below, above = nn.Linear(2, 2), nn.Linear(2, 3)
network = nn.Sequential(below, above)
for parameter in network.parameters():
    nn.init.constant_(parameter, 0.5)
features = torch.tensor([[1.0, 2.0]])
target = torch.tensor([[5.0, torch.nan, 7.0]])
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

loss = nn.MSELoss()(network(features), target)
loss.backward()
optimizer.step()
print("loss:", loss.item())
print("weights of the layer above:\n", above.weight.detach())
print("weights of the layer below:\n", below.weight.detach())
print("what it now predicts for the same face:", network(features).detach())

# %% [markdown]
# In the layer above, the row of weights that belongs to the missing label is lost. The gradient of the layer
# below is a sum over all three coordinates, so it loses *every* weight, and with it the whole network. No later
# step makes numbers of them again: NaN minus anything is NaN. In our data, more than two thirds of the rows have such a
# label.
#
# ## Three ways out
#
# **Drop** the faces that are not complete. Simple and honest, but most of the data goes.
#
# **Fill** the gaps with some value. Then every library works, and the model learns the made-up numbers as if they
# were real.
#
# **Mask**: let the loss skip what is missing. Nothing is lost and nothing made up; one has to write the loss
# oneself, and it has a trap.
#
# To choose, count first.
#
# ## Exercise {{count_labels}}: count
#
# How many keypoints has each face? A keypoint needs both coordinates.
#
# **Common mistake.** Counting coordinates and halving. The x of one keypoint and the y of another then pass for a
# keypoint.


# %%
def count_labels(keypoints: np.ndarray) -> np.ndarray:
    """Count the labeled keypoints of each face.

    Args:
        keypoints: (N, K, 2) float, (x, y) in pixels.

    Returns:
        (N,) integers, 0 to K: how many of the face's keypoints have an x and a y that are both finite (neither
        NaN nor infinite).
    """
    ### BEGIN SOLUTION
    return np.isfinite(keypoints).all(axis=2).sum(axis=1)
    ### END SOLUTION


# %%
autograder.check("count_labels")

# %% [markdown]
# With your function: how are the labels spread, and what would dropping cost?

# %%
counts = count_labels(keypoints)
complete = counts == len(names)
many = counts > 4

print(f"rows:                         {len(counts):6,}")
print(f"rows with more than 4 points: {many.sum():6,}   (the first source)")
print(f"complete rows:                {complete.sum():6,}   = {complete.mean():.0%} of the rows")
print(
    f"labels in complete rows:      {counts[complete].sum():6,}   of {counts.sum():,} labels in all: "
    f"dropping throws away {1 - counts[complete].sum() / counts.sum():.0%}"
)

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=(1, 1.15))
bars = left.bar(range(len(names) + 1), np.bincount(counts, minlength=len(names) + 1))
left.bar_label(bars, labels=[f"{count:,.0f}" if count else "" for count in bars.datavalues], fontsize=8)
left.set_xlabel("labeled keypoints of a face")
left.set_ylabel("rows")
left.set_title("How many keypoints a row has")
share = [np.isfinite(keypoints[rows]).all(axis=2).sum(axis=0) for rows in (many, ~many)]
right.barh(names, share[0], label="rows with more than 4 points")
right.barh(names, share[1], left=share[0], label="rows with at most 4 points", hatch="//", edgecolor="white")
right.invert_yaxis()
right.set_xlabel("rows in which the keypoint is labeled")
right.set_title("Which keypoints are labeled")
right.legend(fontsize=8, loc="center right")
plt.tight_layout()
plt.show()

# %% [markdown]
# Dropping costs more than two thirds of the rows, and with them most labels of the four keypoints that were
# marked nearly everywhere.
#
# ## Filling: forward fill
#
# A popular fix is **forward fill**: take the value of the row above. One of the two networks of
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection), the project whose networks this
# course builds, is trained on it. It is meant for series, such as temperatures, in which a missing hour resembles the
# hour before. A small
# column:
#
# | row | given | filled | where from |
# |---|---|---|---|
# | 0 | NaN | 7 | nothing above, so the first value below |
# | 1 | 7 | 7 | |
# | 2 | NaN | 7 | row 1 |
# | 3 | NaN | 7 | row 1 still |
# | 4 | 9 | 9 | |
#
# But rows of our file are not hours. The row above is **somebody else's face**.
#
# ## Exercise {{forward_fill}}: fill
#
# Write it, to be able to see what it makes up. Lesson 04 trains a model on its result. Each column stands on its
# own.
#
# **Common mistake.** Filling along the rows. An eye's y is then copied into a nose's x.


# %%
def forward_fill(targets: np.ndarray) -> np.ndarray:
    """Fill each NaN with the last finite value above it.

    Args:
        targets: (N, D) float, one face a row, one coordinate a column, finite, or NaN where unlabeled. It is not
            changed.

    Returns:
        A new float array (N, D). Where `targets` has a number, the same number. Each NaN takes the last finite
        value above it in its own column; a NaN with nothing finite above takes the first finite value below; a column
        without any finite value stays NaN.
    """
    ### BEGIN SOLUTION
    filled = targets.copy()
    for column in range(targets.shape[1]):
        known = np.flatnonzero(np.isfinite(targets[:, column]))
        if len(known) == 0:
            continue
        # How many known rows lie at or above each row; 0 means none, and then the first one below serves.
        above = np.searchsorted(known, np.arange(len(targets)), side="right")
        source = known[np.maximum(above - 1, 0)]
        missing = np.isnan(targets[:, column])
        filled[missing, column] = targets[source[missing], column]
    return filled
    ### END SOLUTION


# %%
autograder.check("forward_fill")

# %% [markdown]
# What does your function make up? Green circles are labels of the file, red crosses are what forward fill put in.

# %%
filled = forward_fill(keypoints.reshape(len(keypoints), -1)).reshape(keypoints.shape)
missing = np.isnan(keypoints)
print(f"{missing.mean():.0%} of all coordinates are made up.")
print("\nkeypoint                   made up    different faces they come from")
for k, name in enumerate(names):
    if missing[:, k].any():
        origins = len(np.unique(filled[missing[:, k, 0], k], axis=0))
        print(f"{name:26s} {missing[:, k, 0].sum():7,}    {origins:,}")

# %% jupyter={"source_hidden": true}
few = np.flatnonzero(~many)
rows = few[np.linspace(0, len(few) - 1, 5).astype(int)]
figure, panels = plt.subplots(1, 5, figsize=(15, 3.6))
for panel, row in zip(panels, rows, strict=True):
    made_up = ~np.isfinite(keypoints[row]).all(axis=1)
    panel.imshow(images[row], cmap="gray", vmin=0, vmax=1)
    panel.plot(*keypoints[row, ~made_up].T, "o", color="lime", markeredgecolor="black", label="marked")
    panel.plot(*filled[row, made_up].T, "x", color="red", markeredgewidth=2, label="made up")
    panel.set_title(f"row {row}")
    panel.axis("off")
panels[0].legend(fontsize=8, loc="lower right")
figure.suptitle("Forward fill gives these faces the corners, brows and mouth of somebody else")
plt.tight_layout()
plt.show()

# %% [markdown]
# The same few faces are copied thousands of times. And how wrong are the copies? We can measure it where we know
# the answer: take the complete rows, hide the brow labels of every second one, and fill.

# %%
known = keypoints[complete]
brow = [k for k, name in enumerate(names) if "eyebrow" in name]
hidden = known.copy()
hidden[np.ix_(np.arange(1, len(known), 2), brow)] = np.nan
refilled = forward_fill(hidden.reshape(len(hidden), -1)).reshape(hidden.shape)

error_fill = (refilled - known)[1::2][:, brow]
error_mean = (np.nanmean(hidden, axis=0) - known)[1::2][:, brow]
print(f"brows from the row above:  {np.sqrt(np.mean(error_fill**2)):.2f} pixels off (root mean square)")
print(f"brows of the mean face:    {np.sqrt(np.mean(error_mean**2)):.2f} pixels off")
print(f"the first is {np.sqrt(np.mean(error_fill**2) / np.mean(error_mean**2)):.2f} times the second")

# %% [markdown]
# Somebody else's brow is a worse guess than the mean of all brows. In theory, two faces that have nothing to do
# with each other differ by √2 ≈ 1.41 times as much as one face differs from the mean. The last line says how well that
# holds; on the drawn faces it is 1.40.
#
# ## Masking: a loss that skips what is missing
#
# First on paper. The predictions are 6, 6, 6, and the labels 5, NaN, 8. Two labels are finite, with the errors 1
# and -2, so the loss is (1 + 4) / 2 = 2.5. In general, for predictions p and labels t, of which n are finite:
#
# - the loss is the mean over those n alone, `L = sum of (p - t)² / n`;
# - its gradient is `2 · (p - t) / n` where there is a label, and exactly 0 where there is none. Here: 1, 0, -2.
#
# Now three attempts, on these very numbers. The first is off at a glance; the other two look right.

# %%
t = torch.tensor([5.0, torch.nan, 8.0])


def zero_the_label(p: torch.Tensor) -> torch.Tensor:
    """Put 0 in place of a missing label."""
    return ((p - torch.nan_to_num(t)) ** 2).mean()


def zero_the_error(p: torch.Tensor) -> torch.Tensor:
    """Put 0 in place of a squared error that is NaN."""
    return torch.nan_to_num((p - t) ** 2).sum() / torch.isfinite(t).sum()


def where_on_the_error(p: torch.Tensor) -> torch.Tensor:
    """Choose between the squared error and 0."""
    return torch.where(torch.isfinite(t), (p - t) ** 2, torch.zeros(())).sum() / torch.isfinite(t).sum()


print("on paper:           loss  2.50  gradient [1.0, 0.0, -2.0]")
for attempt in (zero_the_label, zero_the_error, where_on_the_error):
    p = torch.full((3,), 6.0, requires_grad=True)
    value = attempt(p)
    value.backward()
    print(f"{attempt.__name__:19s} loss {value.item():5.2f}  gradient {[round(g, 2) for g in p.grad.tolist()]}")

# %% [markdown]
# The first one pulls the missing coordinate towards 0, the corner of the picture: its gradient is not 0, and it
# divides by 3.
#
# The other two are worse, because the loss *is* right, and the gradient is not. Why? Autograd multiplies along
# the way back. `where` sends back 0 for the element that it did not choose, and the square multiplies that by `2
# · (p - t)`, which is NaN. Now 0 · NaN is NaN: throwing a NaN away at the end does not undo that it was
# calculated with.
#
# So there is one principle: **a NaN must never enter the arithmetic that autograd records.**
#
# ## Exercise {{MSELossIgnoreNan}}: the masked loss
#
# It also happens that a whole batch has no label at all, and then the mean would be 0 / 0. Let the loss be 0
# there, in such a way that `backward()` still works: the training loop of lesson 05 calls it for every batch.
#
# **Common mistake.** Returning `torch.tensor(0.0)` for the empty batch. It does not depend on the predictions, so
# `backward()` raises an error.


# %%
class MSELossIgnoreNan(nn.Module):
    """Mean squared error over the finite targets."""

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Average the squared error over the targets that are finite.

        Args:
            pred: float tensor of any shape, finite, with or without gradient.
            target: tensor of the same shape, NaN (or infinite) where there is no label. It is not changed.

        Returns:
            A scalar tensor, in the square of the targets' unit: the mean of (pred - target)² over the finite
            targets; 0 where no target is finite, and `backward()` works then too. The gradient is
            exactly 0, never NaN, at entries without a label.
        """
        ### BEGIN SOLUTION
        finite = torch.isfinite(target)
        # Select before subtracting: what is not selected has no part in the graph.
        error = pred[finite] - target[finite]
        # Without labels the sum is empty, 0, and still depends on pred, so backward() works.
        return (error**2).sum() / finite.sum().clamp(min=1)
        ### END SOLUTION


# %%
autograder.check("MSELossIgnoreNan")

# %% [markdown]
# Your loss at work on the smallest model there is: thirty numbers, the same for every face, moved by gradient
# descent. Mean squared error has a well-known best constant, the mean. So where labels are skipped and not made
# up, the thirty numbers must arrive at the mean of the *labeled* coordinates.

# %%
train, val = split_rows(len(keypoints), val_fraction=0.2, seed=0)
train_targets = torch.from_numpy(keypoints[train])
constant_face = torch.full(keypoints.shape[1:], 48.0, requires_grad=True)
optimizer = torch.optim.Adam([constant_face], lr=1.0)
loss_fn = MSELossIgnoreNan()

history = []
for _ in range(200):
    optimizer.zero_grad()
    loss = loss_fn(constant_face.expand_as(train_targets), train_targets)
    loss.backward()
    optimizer.step()
    history.append(loss.item())

mean_face = np.nanmean(keypoints[train], axis=0)
learned = constant_face.detach().numpy()
print(f"largest distance between learned face and mean face: {np.abs(learned - mean_face).max():.4f} pixels")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4))
left.plot(history)
left.set_yscale("log")
left.set_xlabel("step")
left.set_ylabel("loss (pixels²)")
left.set_title("MSELossIgnoreNan over the training rows")
right.imshow(images[train].mean(axis=0), cmap="gray")
right.plot(*mean_face.T, "o", color="lime", markeredgecolor="black", markersize=9, label="mean of the labels")
right.plot(*learned.T, "x", color="red", markeredgewidth=2, label="learned")
right.set_title("Thirty learned numbers")
right.set_xlabel("x (pixels)")
right.set_ylabel("y (pixels)")
right.legend(fontsize=8, loc="lower right")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Measuring: the root mean squared error
#
# Kaggle scores this contest by the RMSE over all coordinates asked for. The square root turns pixels² back into
# pixels, so that an RMSE of 3 says: typically three pixels off, in x and in y.
#
# Every labeled coordinate counts the same. For errors of 1, 2 and 2 pixels, the RMSE is √((1 + 4 + 4) / 3) =
# 1.73.
#
# ## Exercise {{rmse}}: one error for all
#
# **Common mistake.** The mean of each face's RMSE. It gives a face with four labels the weight of one with fifteen.


# %%
def rmse(pred: np.ndarray, target: np.ndarray) -> float:
    """Root mean squared error over the labeled coordinates.

    Args:
        pred: float array, finite, pixels, such as (N, K, 2).
        target: array of the same shape, pixels, finite, or NaN where unlabeled. Neither array is changed.

    Returns:
        A float, in pixels: the square root of the mean of (pred - target)² over all coordinates with a
        label, each with the same weight. NaN where there is no label at all.
    """
    ### BEGIN SOLUTION
    error = (pred - target)[np.isfinite(target)]
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")
    ### END SOLUTION


# %%
autograder.check("rmse")

# %% [markdown]
# ## Exercise {{per_keypoint_rmse}}: one error for each keypoint
#
# One number hides where a model fails. Take the mean over the faces and over x and y, but not over the keypoints.
# For one keypoint whose errors in two faces are (3, 0) and (0, 1), that is √((9 + 0 + 0 + 1) / 4) = 1.58.
#
# **Common mistake.** Dividing by the number of faces. Only the labeled ones count, each with two coordinates.


# %%
def per_keypoint_rmse(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Root mean squared error of each keypoint.

    Args:
        pred: (N, K, 2) float, finite, pixels.
        target: (N, K, 2) float, pixels, finite, or NaN where unlabeled, x and y of a keypoint together. Neither array
            is changed.

    Returns:
        (K,) float, in pixels: for each keypoint the square root of the mean of (pred - target)² over all
        labeled faces and both coordinates. NaN for a keypoint that is never labeled.
    """
    ### BEGIN SOLUTION
    finite = np.isfinite(target)
    squared = np.where(finite, pred - target, 0.0) ** 2
    count = finite.sum(axis=(0, 2))
    mean = np.full(target.shape[1], np.nan)
    np.divide(squared.sum(axis=(0, 2)), count, out=mean, where=count > 0)
    return np.sqrt(mean)
    ### END SOLUTION


# %%
autograder.check("per_keypoint_rmse")

# %% [markdown]
# ## What your code sees: how good is a face that is always the same?
#
# Predict the mean face for everybody, and measure on the validation rows. A model that has looked at the picture
# must do better than that, or it has learned nothing. In Kaggle's own contest, such a constant face scores 3.88.
#
# We do it twice: with the mean of the labels (masked), and with the mean of the forward-filled targets. Both are
# judged on real labels only.

# %%
filled_mean_face = filled[train].mean(axis=0)
truth = keypoints[val]
constant_faces = {
    "mean of the labels (masked)": np.broadcast_to(mean_face, truth.shape),
    "mean of the forward-filled targets": np.broadcast_to(filled_mean_face, truth.shape),
}
for title, constant in constant_faces.items():
    print(f"{title:35} RMSE {rmse(constant, truth):.2f} pixels")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(10, 6))
position = np.arange(len(names))
for offset, hatch, (title, constant) in zip((-0.2, 0.2), ("", "//"), constant_faces.items(), strict=True):
    values = per_keypoint_rmse(constant, truth)
    bars = axes.barh(position + offset, values, height=0.4, label=title, hatch=hatch, edgecolor="white")
    axes.bar_label(bars, fmt="%.1f", fontsize=7, padding=2)
axes.set_yticks(position, names)
axes.invert_yaxis()
axes.set_xlabel("RMSE on the validation rows (pixels)")
axes.set_title("A constant face, keypoint by keypoint")
axes.legend(loc="upper right")
plt.tight_layout()
plt.show()

# %% [markdown]
# For the four keypoints that both sources marked, the two agree. For the others, the forward-filled mean leans
# towards the few faces that were copied, and it is off by more.
#
# ### Is that the price of filling?
#
# Before you believe an explanation, try to break it. If made-up labels as such pull the mean away, they must do so in
# any order of the rows. So shuffle the rows first, and fill then:

# %%
for seed in range(3):
    rows = np.random.default_rng(seed).permutation(train)
    shuffled = forward_fill(keypoints[rows].reshape(len(rows), -1)).reshape(-1, *keypoints.shape[1:])
    constant = np.broadcast_to(shuffled.mean(axis=0), truth.shape)
    origins = len(np.unique(shuffled[:, names.index("mouth_left_corner"), 0]))
    print(f"shuffled (seed {seed}), then filled: RMSE {rmse(constant, truth):.2f} pixels, from {origins:,} mouths")

# %% [markdown]
# The difference is gone: the mean after forward fill is as good as the masked one. So it was owed to the **order of the
# file**. Its second part has long stretches without a label for most keypoints, and one face fills them all; in a
# shuffled file each gap takes its value from some face near by, and no face is copied a thousand
# times.
#
# That saves the *mean*, not the labels. Each single value is made up all the same, off by √2 times as much as the mean
# face, and a network learns from single values. Lesson 05 measures what that costs.
#
# ## Three questions
#
# 1. Fill with the *mean* of each keypoint instead. A network is trained on that, and for the corner of an eye two
#    thirds of the faces say "at the mean". Where will it place the corner of an eye that is 9 pixels from the mean?
# 2. Network A is off by 1 pixel at the four keypoints that nearly every row has, and by 3 at the other eleven (root
#    mean square). Network B is off by 2 everywhere. Which one has the lower RMSE on this file?
# 3. Your masked loss divides by the number of labels in the batch. One batch has 30 labels, another one 300. Which
#    label moves the network further?
#
# <details><summary>Answers</summary>
#
# 1. Some 3 pixels from it, if it can't tell the two sources apart by the picture: the best answer to a mean squared
#    error is the mean of all that the labels say, here (9 + 0 + 0) / 3. It learns a third of what it could.
# 2. Count the labels. The four have about 7,000 each, so 28,000 in all; the eleven about 2,250, so 25,000. A: √((28 · 1
#    + 25 · 9) / 53) ≈ 2.2, B: 2. So B, though A is better where most labels are. Squares weigh large errors.
# 3. One of the 30, ten times as far: each has the weight 1 / n. Over an epoch the labels in sparse batches count for
#    more. Shuffled batches have nearly equal numbers, so it matters little; a sum over a fixed number would treat all
#    alike.
#
# </details>
#
# ## Further reading
#
# - PyTorch, [Autograd mechanics](https://pytorch.org/docs/stable/notes/autograd.html), and an issue about labels that
#   are NaN and masked too late: [pytorch/pytorch#64305](https://github.com/pytorch/pytorch/issues/64305).
# - pandas, [Working with missing data](https://pandas.pydata.org/docs/user_guide/missing_data.html).
# - Stef van Buuren, [Flexible Imputation of Missing Data](https://stefvanbuuren.name/fimd/): why one made-up value is
#   never enough, and what to do where filling can't be avoided. A whole book, free to read.
#
# ## What an experienced person would write
#
# `pandas.DataFrame(targets).ffill().bfill().to_numpy()` in place of `forward_fill`, and
# `np.sqrt(np.nanmean((pred - target) ** 2, axis=(0, 2)))` for the errors of each keypoint. For the loss,
# `torch.nanmean((pred - target) ** 2)` looks like the obvious line. Try it on the three numbers above: the loss is 2.5,
# the gradient [1, NaN, -2]. It is the second attempt in one word. `functional.mse_loss(pred[finite], target[finite])`
# is right, but for a batch without any label its loss is NaN, so the empty batch needs a line of its own.
#
# ## What you have learned
#
# - Count before you choose: two label sources, 2,140 complete rows of 7,049.
# - NaN spreads: one missing label is enough to destroy a model in one step.
# - **Dropping** loses most of the data, **filling** invents labels, **masking** does neither.
# - A NaN must never enter the arithmetic that autograd records: select first, subtract afterwards.
# - Report an error over labeled coordinates, and look at it keypoint by keypoint.
# - The number to beat is the RMSE of the mean face.
# - An explanation is worth what its test is worth: here it was the order of the rows.
#
# Next: lesson 03 builds a network, which lesson 05 trains with your loss.
