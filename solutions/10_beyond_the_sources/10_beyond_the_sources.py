# %% [markdown]
# # {{lesson}}
#
# **Goal.** You train a network of less than a tenth of the size of the sources' networks that finds the points better
# than the networks that you trained in lessons 04 and 05. And you measure what the ingredients of its recipe bring,
# alone and on top of each other.
#
# **You need** lessons 02 (errors over labels), 03 (the residual block) and 05 (training). **Time:** about {{minutes}}
# minutes, some three of them training. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{mirror_faces}} `mirror_faces` | twice as many faces, for nothing |
# | {{move_faces}} `move_faces` | faces that turn, grow and shift, pixels and labels together |
# | {{soft_argmax}} `soft_argmax` | from a map of likely places to one place |
# | {{HeatmapNet}} `HeatmapNet` | a network that answers with maps |
# | {{one_cycle}} `one_cycle` | a learning rate that climbs, then falls |
# | {{average_predictions}} `average_predictions` | several answers, one average |
#
# **Sources.** "The sources" are the student project whose networks you built in lessons 03 to 05,
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection). This lesson goes beyond it; the
# papers that it draws on are linked where they come in.

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

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

masking = autograder.earlier("02_nan_masking")
rmse, per_keypoint_rmse = masking.rmse, masking.per_keypoint_rmse
ResidualBlock = autograder.earlier("03_residual_block").ResidualBlock

# %% [markdown]
# ## The goal, as a picture
#
# So far a network answered with 30 numbers. In this lesson it answers with 15 small pictures, one for each keypoint:
# a **heat map** is bright where the network believes the point to be. Here are such maps as we would like them,
# painted from the labels of one face.

# %%
import yaml

from data_scripts.folders import compared_passes, compared_seeds, data_folder, lesson_folder, output_folder, scale
from data_scripts.kaggle_csv import read_training

FOLDER = lesson_folder("10_beyond_the_sources")
config = yaml.safe_load((FOLDER / f"{scale()}.yaml").read_text(encoding="utf-8"))
faces = read_training(data_folder() / "training.csv")
images, keypoints, names = faces.images, faces.keypoints, faces.names
complete = np.flatnonzero(np.isfinite(keypoints).all(axis=(1, 2)))
face = complete[5]
FOUR = [names.index(name) for name in ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")]
print(f"{len(images):,} faces of {images[face].shape}, {len(complete):,} of them with all {len(names)} labels")
print(config)


# %% jupyter={"source_hidden": true}
def show_face(axis: plt.Axes, image: np.ndarray, title: str = "", **points: np.ndarray) -> None:
    """Draw a face and its points: `truth` as green circles, `prediction` as red crosses."""
    styles = {
        "truth": {"marker": "o", "color": "lime", "fillstyle": "none"},
        "prediction": {"marker": "x", "color": "red"},
    }
    axis.imshow(image, cmap="gray", vmin=0, vmax=1)
    for label, places in points.items():
        axis.plot(*places.T, linestyle="", markersize=5, label=label, **styles[label])
    axis.set_title(title, fontsize=9)
    axis.axis("off")


centres = 4 * (np.arange(24) + 0.5) - 0.5  # pixels, along either axis
figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), layout="constrained")
show_face(axes[0], images[face], "labels", truth=keypoints[face])
for axis, k in zip(axes[1:], FOUR, strict=True):
    x, y = keypoints[face, k]
    ideal = np.exp(-((centres[None, :] - x) ** 2 + (centres[:, None] - y) ** 2) / (2 * 4.0**2))
    axis.imshow(ideal, cmap="magma")
    axis.set_title(names[k].replace("_", " "), fontsize=9)
    axis.axis("off")
plt.show()
print(f"a face: {images[face].shape}; a map: {ideal.shape}, one cell for 4 x 4 pixels")

# %% [markdown]
# ## The idea: ask every place the same question
#
# The last layer of lesson 05's network is linear: 30 numbers, each a sum over all features. Nothing in such a sum says
# that a nose three pixels further left is the same nose. The network has to learn that from faces.
#
# A convolution asks the same question everywhere. Shift what it sees by a pixel, and its answer shifts along. So let
# the network stay convolutional to the end: one map for each keypoint, then take the bright place as the answer. You
# will see the difference in a picture, and then how much of it is left in networks for faces.
#
# Four more ingredients come from practice: faces mirrored, faces moved, a learning rate that climbs and falls, and
# predictions averaged. You measure the first three together with the maps, and the average on the last network. The
# sixth is free: know what your labels mean.
#
# ## Twice as many faces: the mirror
#
# A mirrored face is a face. Its pixels come from reversing the columns. But what of the labels? A small example:

# %%
row = np.array([10, 20, 30, 40])  # four pixels, at x = 0, 1, 2, 3
print("columns reversed:", row[::-1])
for x in range(4):
    print(f"the pixel at x = {x} moves to x = {list(row[::-1]).index(row[x])}")

# %% [markdown]
# With four columns, x becomes 3 − x: the mirror stands at 1.5, in the middle **between the centers** of the first and
# the last pixel. With 96 columns x becomes 95 − x, which is 2 · 47.5 − x.
#
# And the left eye becomes a right eye. The names tell which pairs to exchange: the words `left` and `right` in
# `left_eye_center`, or `mouth_left_corner`.
#
# ## Exercise {{mirror_faces}}: mirror
#
# `axis` is where the mirror of the *labels* stands. Why it could be anywhere but at 47.5 comes near the end of the
# lesson.
#
# **Common mistake.** Mirroring the points without exchanging their names. Each looks right on the picture, and the
# network learns that the left eye is on either side: it will answer between them, on the nose.


# %%
def mirror_faces(
    images: np.ndarray, keypoints: np.ndarray, names: list[str], axis: float | np.ndarray = 47.5
) -> tuple[np.ndarray, np.ndarray]:
    """Mirror faces left to right, pixels and labels, and return both as new arrays.

    Args:
        images: (N, 96, 96) float32.
        keypoints: (N, K, 2) float32 pixels, (x, y), NaN where unlabeled.
        names: the K names of the keypoints, words joined by `_`, such as left_eye_center or mouth_right_corner.
        axis: where the labels' mirror stands, in pixels: a number, or an (N,) array with one for each face.

    Returns:
        The images with their columns reversed, (N, 96, 96) float32, and the keypoints, (N, K, 2) float32: each x is
        2 * axis - x, and what was called left is called right: a keypoint takes the place of the one whose name has
        the other word. Names without either word keep their place. NaN stays NaN.

    Raises:
        ValueError: a name has no partner among the names.
    """
    ### BEGIN SOLUTION
    names = list(names)
    other = {"left": "right", "right": "left"}
    partners = ["_".join(other.get(word, word) for word in name.split("_")) for name in names]
    for name, partner in zip(names, partners, strict=True):
        if partner not in names:
            raise ValueError(f"{name}: expected its partner {partner} among the names; got {', '.join(names)}")
    mirrored = np.array(keypoints[:, [names.index(partner) for partner in partners]], dtype=np.float32)
    mirrored[..., 0] = 2 * np.asarray(axis, dtype=np.float64).reshape(-1, 1) - mirrored[..., 0]
    return images[:, :, ::-1].copy(), mirrored
    ### END SOLUTION


# %%
autograder.check("mirror_faces")

# %%
eye, nose = names.index("left_eye_center"), names.index("nose_tip")
eyes = [eye, names.index("right_eye_center")]
between_eyes = keypoints[complete][:, eyes, 0].mean(axis=1)
aside = np.abs(keypoints[complete, nose, 0] - between_eyes) > 10
# A head turned aside and off the middle: its mirrored copy looks different, and so do the numbers.
turned = complete[np.argmax(aside & (np.abs(between_eyes - 47.5) > 5))]
mirrored, mirrored_points = mirror_faces(images[[turned]], keypoints[[turned]], names)
unexchanged = keypoints[turned] * [-1, 1] + [95, 0]  # right places, and every name where it was
labels = {
    "as it is": keypoints[turned],
    "mirrored": mirrored_points[0],
    "mirrored, names not exchanged": unexchanged,
}
for title, points in labels.items():
    print(f"{title:<30} left eye at x = {points[eye, 0]:.1f}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for axis, shown, (title, points) in zip(axes, (images[turned], mirrored[0], mirrored[0]), labels.items(), strict=True):
    show_face(axis, shown, title, truth=points)
    axis.annotate(
        "left eye",
        points[eye],
        (34, 8),
        color="yellow",
        bbox={"facecolor": "black", "edgecolor": "none", "alpha": 0.7, "pad": 2},
        arrowprops={"color": "yellow", "arrowstyle": "->"},
    )
plt.show()

# %% [markdown]
# All 15 circles of the picture on the right lie on the face. Only the name under the arrow tells that it is wrong:
# the left eye of a person is on the right of the picture.
#
# ## Faces that move
#
# Lesson 08 turns and shifts one NumPy image at a time. Here a whole batch moves at once, inside PyTorch, each face by
# a draw of its own. Points and pixels go opposite ways, and that is the trap:
#
# - a **point** at p goes to: turn p about the center, scale, shift;
# - a **pixel** of the new picture at q asks where it comes from: shift back, scale back, turn back.
#
# A turn by the angle a takes the offset (dx, dy) from the center to (cos a · dx − sin a · dy, sin a · dx + cos a ·
# dy). With y pointing down, a positive angle turns from the x axis to the y axis: clockwise, as you see it.

# %%
angle = math.radians(90)
turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).round(3)
centre = np.array([47.5, 47.5])
point = np.array([67.5, 47.5])  # 20 pixels to the right of the center
print("offset from the center:", point - centre)
print("turned by 90 degrees:  ", turn @ (point - centre))
print("in the picture:        ", centre + turn @ (point - centre), " below the center")

# %% [markdown]
# `torch.nn.functional.affine_grid` and `grid_sample` move pictures. They measure in units of their own: −1 to 1 from
# the first to the last pixel center along each axis, if you say `align_corners=True`. Both need to be told, and
# `padding_mode="border"` repeats the edge instead of painting black.
#
# ## Exercise {{move_faces}}: move
#
# **Common mistakes.** Turning the picture one way and the points the other: at small angles nobody sees it, and the
# network trains on labels that are off by pixels. Leaving out `align_corners`: everything is off by half a pixel.


# %%
def move_faces(
    images: Tensor, keypoints: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor
) -> tuple[Tensor, Tensor]:
    """Turn, scale and shift each face of a batch, pixels and labels together, and return both as new tensors.

    Each face is turned about the centre of its image, ((W-1)/2, (H-1)/2), from the x axis towards the y axis where the
    angle is positive, then scaled about the same centre, then shifted.

    Args:
        images: (B, 1, H, W) float32.
        keypoints: (B, K, 2) float32 pixels, (x, y), NaN where unlabeled.
        degrees: (B,) float32, the angles.
        scale: (B,) float32, above 1 the face grows.
        shift: (B, 2) float32 pixels, (x, y), added in the end.

    Returns:
        The images, (B, 1, H, W) float32, bilinear between pixels, and beyond the border its nearest pixel repeated;
        the keypoints, (B, K, 2) float32, moved with the pixels; NaN stays NaN.
    """
    ### BEGIN SOLUTION
    height, width = images.shape[-2:]
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2])  # the centre, and half the size, between pixel centres
    angle = torch.deg2rad(degrees)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)  # (B, 2, 2)
    moved = (keypoints - half) @ turn.transpose(1, 2) * scale.view(-1, 1, 1) + half + shift[:, None]  # (B, K, 2)

    # The picture needs the way back: for each new pixel p the place it comes from, turn^T (p - shift) / scale, in
    # units where the image reaches from -1 to 1 along both axes.
    back = turn.transpose(1, 2) / scale.view(-1, 1, 1)
    origin = -(back @ shift[:, :, None]) / half[:, None]  # (B, 2, 1)
    theta = torch.cat([back * half[None, :] / half[:, None], origin], dim=2)  # (B, 2, 3)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True), moved
    ### END SOLUTION


# %%
autograder.check("move_faces")

# %%
batch = torch.from_numpy(images[complete[:6]]).unsqueeze(1)  # (6, 1, 96, 96)
points = torch.from_numpy(keypoints[complete[:6]])  # (6, 15, 2)
degrees = torch.tensor([-20.0, -10.0, 0.0, 0.0, 10.0, 20.0])
grown = torch.tensor([1.0, 1.0, 0.8, 1.2, 1.0, 1.1])
shifts = torch.tensor([[3.0, -6.0], [-6.0, 2.0], [5.0, 4.0], [4.0, -2.0], [-3.0, 6.0], [-5.0, -4.0]])
moved, moved_points = move_faces(batch, points, degrees, grown, shifts)
print(f"pictures {tuple(moved.shape)}, labels {tuple(moved_points.shape)}")
print("the left eye of each face went by (pixels):", *(moved_points - points)[:, eye].numpy().round(1))

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(2, 6, figsize=(13, 4.6), layout="constrained")
for index in range(6):
    show_face(axes[0, index], batch[index, 0].numpy(), truth=points[index].numpy())
    words = f"{degrees[index]:.0f}°, × {grown[index]:.1f}, {shifts[index, 0]:+.0f} and {shifts[index, 1]:+.0f} px"
    show_face(axes[1, index], moved[index, 0].numpy(), words, truth=moved_points[index].numpy())
plt.show()

# %% [markdown]
# The circles must sit on the same spots of skin in both rows. Look at the corners of the eyes: an error of several
# pixels shows there. Half a pixel hides under a circle, and the check finds it.
#
# ## From a map to a place
#
# The brightest cell is a place, but a coarse one: 4 pixels wide. And `argmax` has no gradient: move the weights a
# little, and the brightest cell stays the same, so the network can't learn from it.
#
# The **soft-argmax** solves both. Softmax turns the map into weights that add up to 1; the answer is the average of
# all cells' places with these weights. One row of four cells is enough to see it:

# %%
row = torch.tensor([0.0, 2.0, 2.0, 0.0])
places = 4 * (torch.arange(4) + 0.5) - 0.5
print("centers of the cells: ", places.tolist())
print("weights:              ", row.softmax(0).numpy().round(3))
print("average place:        ", float((row.softmax(0) * places).sum()), " between two cells")
print("argmax:               ", float(places[row.argmax()]))

# %% [markdown]
# The center of a cell is not its first pixel. A cell covers 4 pixels, 0, 1, 2, 3: its center is at 1.5. In general
# cell c is at stride · (c + 1/2) − 1/2.
#
# ## Exercise {{soft_argmax}}: soft-argmax
#
# **Common mistakes.** Softmax along one axis only, where it belongs over all h · w cells together. Exchanging rows
# and columns: y is the row.


# %%
def soft_argmax(maps: Tensor, stride: int = 4) -> Tensor:
    """Return the mean place of each map in pixels, its cells weighted by their softmax.

    The cell in row r and column c stands for the middle of its stride x stride pixels, x = stride * (c + 1/2) - 1/2 and
    y = stride * (r + 1/2) - 1/2. The result is finite and has finite gradients also where the values are large.

    Args:
        maps: (B, K, h, w) float32, any values: the larger, the more likely the keypoint is there.
        stride: pixels of the image along one side of a cell.

    Returns:
        (B, K, 2) float32 pixels, (x, y).
    """
    ### BEGIN SOLUTION
    height, width = maps.shape[-2:]
    weights = maps.flatten(2).softmax(dim=2).view_as(maps)  # (B, K, h, w), each map adds up to 1
    columns = stride * (torch.arange(width, dtype=maps.dtype) + 0.5) - 0.5
    rows = stride * (torch.arange(height, dtype=maps.dtype) + 0.5) - 0.5
    return torch.stack([(weights.sum(dim=2) * columns).sum(dim=2), (weights.sum(dim=3) * rows).sum(dim=2)], dim=2)
    ### END SOLUTION


# %%
autograder.check("soft_argmax")

# %% [markdown]
# ## The network: down, and up again
#
# A map of 24 × 24 has to be fine enough to be exact, and has to know the whole face: one dark spot is a nostril or a
# pupil, depending on what lies around it. So the network goes down until everything meets, and comes up again:
#
# | part | shape |
# |---|---|
# | image | (1, 96, 96) |
# | stem: 7×7 convolution, stride 2 | (32, 48, 48) |
# | down: residual blocks, stride 2 | (32, 24, 24), (64, 12, 12), (128, 6, 6), (128, 3, 3) |
# | up: twice the size, **plus** what the way down had, a block | (64, 6, 6), (32, 12, 12), (32, 24, 24) |
# | head: a 1×1 convolution | (15, 24, 24) |
#
# On the 3×3 map a 3×3 convolution shows all of the others to the middle cell alone; two in a row show them to every
# cell. On the way up, adding what the way down had at the same size brings back where exactly things are. Its shape
# gives the **U-Net** its name ([Ronneberger et al. 2015](https://arxiv.org/abs/1505.04597)); stacks of them found body
# joints first ([Newell et al. 2016](https://arxiv.org/abs/1603.06937)).
#
# This is one way to build it. The check asks what the docstring says, and nothing of the layers.
#
# ## Exercise {{HeatmapNet}}: the network
#
# **Common mistake.** A network that never goes down: each cell then sees its neighborhood alone, and takes any dark
# spot for a pupil.


# %%
class HeatmapNet(nn.Module):
    """A network that answers with a map for each keypoint, and with the place of that map.

    Each cell of a map knows the whole image: a change in any corner reaches it. In eval mode, what it says of an image
    does not depend on the others of the batch. From what forward says, a gradient reaches every parameter. With the
    default arguments there are at most 2 million of them. And it is quick: the check trains it, within 40 s of
    processor time.

    Args:
        keypoints: K, the number of maps.
        width: channels of the first feature map.
    """

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.down = nn.ModuleList(
            [
                ResidualBlock(width, width, 2),  # 48 -> 24
                ResidualBlock(width, 2 * width, 2),  # 24 -> 12
                ResidualBlock(2 * width, 4 * width, 2),  # 12 -> 6
                ResidualBlock(4 * width, 4 * width, 2),  # 6 -> 3
            ]
        )
        self.up = nn.ModuleList(
            [
                ResidualBlock(4 * width, 2 * width),  # 6
                ResidualBlock(2 * width, width),  # 12
                ResidualBlock(width, width),  # 24
            ]
        )
        self.head = nn.Conv2d(width, keypoints, 1)
        ### END SOLUTION

    def maps(self, images: Tensor) -> Tensor:
        """Return the maps, (B, keypoints, 24, 24), of (B, 1, 96, 96) images."""
        ### BEGIN SOLUTION
        features, passed = self.stem(images), []
        for block in self.down:
            features = block(features)
            passed.append(features)  # (B, ., 24, 24), (B, ., 12, 12), (B, ., 6, 6), (B, ., 3, 3)
        features = passed.pop()
        for block in self.up:
            features = block(functional.interpolate(features, scale_factor=2.0, mode="nearest") + passed.pop())
        return self.head(features)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Return the places of the maps, (B, 2 * keypoints) pixels: x then y of each keypoint, by soft_argmax."""
        ### BEGIN SOLUTION
        return soft_argmax(self.maps(images)).flatten(1)
        ### END SOLUTION


# %%
autograder.check("HeatmapNet")

# %%
network = HeatmapNet()
print(
    f"{sum(parameter.numel() for parameter in network.parameters()):,} parameters; lesson 05's network has 11,202,942"
)
with torch.no_grad():
    print("maps:", tuple(network.maps(batch).shape), " places:", tuple(network(batch).shape))

# %% [markdown]
# ## A rate that climbs and falls
#
# A high rate learns fast and never settles; a low one settles and takes for ever. **One cycle** takes both, in order:
# climb to the peak while the network is still young and its gradients wild, then fall along a cosine to almost
# nothing ([Smith & Topin 2017](https://arxiv.org/abs/1708.07120)). PyTorch has it as `OneCycleLR`. Write it yourself
# once: it is a few lines.
#
# Half a cosine leads from a to b: at share 0 it gives a, at share 1 it gives b.

# %%
share = np.linspace(0, 1, 5)
a, b = 1.0, 0.0
print("share:", share)
print("value:", (b + (a - b) * (1 + np.cos(np.pi * share)) / 2).round(3))

# %% [markdown]
# With `OneCycleLR`'s defaults the first rate is the peak / 25 and the last is the first / 10,000. The peak is at step
# warmup · steps − 1, which need not be a whole number.
#
# ## Exercise {{one_cycle}}: the rate


# %%
def one_cycle(step: int, steps: int, peak: float, warmup: float = 0.25) -> float:
    """Return the learning rate of a step: it climbs from peak / 25 to the peak, then falls to almost nothing.

    The same numbers as `torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=steps,
    pct_start=warmup)` with its other defaults.

    Args:
        step: the step, from 0.
        steps: the number of steps in all.
        peak: the highest rate.
        warmup: the share of the steps in which the rate climbs, greater than 0 and less than 1.

    Raises:
        ValueError: the step is not among 0 ... steps - 1.
    """
    ### BEGIN SOLUTION
    if not 0 <= step < steps:
        raise ValueError(f"step: expected 0 to {steps - 1}; got {step}")
    first, last = peak / 25, peak / 25 / 1e4
    top = warmup * steps - 1  # the step of the highest rate, not always a whole number
    if step < top:
        begin, end, share = first, peak, step / top
    else:
        begin, end, share = peak, last, (step - top) / (steps - 1 - top)
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2
    ### END SOLUTION


# %%
autograder.check("one_cycle")

# %%
rates = [one_cycle(step, 400, 2e-3) for step in range(400)]
print(f"first {rates[0]:.1e}, highest {max(rates):.1e} at step {np.argmax(rates)} of 400, last {rates[-1]:.1e}")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
for warmup in (0.1, 0.25, 0.5):
    axis.plot([one_cycle(step, 400, 2e-3, warmup) for step in range(400)], label=f"warmup {warmup}")
axis.set(xlabel="step of 400", ylabel="learning rate", title="One cycle, peak 0.002")
axis.legend()
plt.show()

# %% [markdown]
# ## Several answers, one average
#
# Ask two people where the nose is, and take the middle. Where their errors have nothing to do with each other, the
# average of n answers errs by 1/√n of one:

# %%
errors = np.random.default_rng(0).normal(0, 1.0, (4, 100_000))
for count in (1, 2, 4):
    print(f"average of {count}: RMSE {np.sqrt((errors[:count].mean(axis=0) ** 2).mean()):.3f}")

# %% [markdown]
# Networks trained on the same faces make many mistakes together, so the gain is smaller than that. But one second
# opinion costs no training at all: the mirrored image, its answer mirrored back.
#
# ## Exercise {{average_predictions}}: average
#
# **Common mistake.** Averaging with the mirrored answer as it is. The point must come back to the unmirrored picture,
# under its own name.


# %%
def average_predictions(
    models: list[nn.Module], images: np.ndarray, names: list[str], batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    """Return the mean of what all models say of the images and, mirrored back, of their mirrored copies.

    The models predict in eval mode and without gradients, and are left in the mode they came in.

    Args:
        models: one or more; each maps (B, 1, 96, 96) images to (B, 2K) pixels, x then y of each keypoint.
        images: (N, 96, 96) float32 in [0, 1].
        names: the K names of the keypoints.
        batch_size: images a model sees at once, at most.
        axis: where the mirror stands, in pixels, as for mirror_faces.

    Returns:
        (N, K, 2) float32 pixels.
    """
    ### BEGIN SOLUTION
    total = np.zeros((len(images), len(names), 2))
    for model in models:
        was_training = model.training
        model.eval()
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            with torch.no_grad():
                direct, mirrored = (
                    model(torch.from_numpy(faces).unsqueeze(1)).numpy().reshape(len(faces), -1, 2)
                    for faces in (images[part].copy(), images[part, :, ::-1].copy())
                )
            _, back = mirror_faces(images[part], mirrored, names, axis)
            total[part] += direct + back
        model.train(was_training)
    return (total / (2 * len(models))).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("average_predictions")

# %% [markdown]
# ## The training, one switch for each ingredient
#
# A map can be told more than a place can. The place gives two numbers to be wrong in; the map has 576 cells, and each
# can be told whether it should be bright. So the maps learn from two losses: the distance of their soft-argmax from
# the label, as before, and the **cross-entropy** between the map and a bump around the label, like those of the first
# picture. The standard deviation of a bump is one cell.


# %%
def bumps(target: Tensor) -> Tensor:
    """Return the map that each label asks for: (B, K, 2) pixels -> (B, K, 576), each adds up to 1."""
    centers = 4 * (torch.arange(24) + 0.5) - 0.5
    across, down = (-((centers - target[..., axis, None]) ** 2) / (2 * 4.0**2) for axis in (0, 1))  # (B, K, 24) each
    return (down[..., :, None] + across[..., None, :]).flatten(2).softmax(dim=2)


def map_loss(maps: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy between (B, K, 24, 24) maps and the bumps of their labels, where there are labels."""
    wanted = bumps(target.nan_to_num())  # (B, K, 576); what came from a NaN is left out below
    each = -(wanted * maps.flatten(2).log_softmax(dim=2)).sum(dim=2)  # (B, K)
    return each[torch.isfinite(target).all(dim=2)].mean()


flat, right = torch.zeros(1, 15, 24, 24), bumps(points[:1]).clamp_min(1e-20).log().view(1, 15, 24, 24)
print(f"a map that knows nothing: {map_loss(flat, points[:1]):.2f}, which is log 576 = {math.log(576):.2f}")
print(f"the bump itself:          {map_loss(right, points[:1]):.2f}, the least there is: a bump is no single cell")

# %% [markdown]
# Now everything becomes one function with four switches. Without any of them it is nearly what you know: a network that
# ends in a linear layer (its bias starts at the mean face, as in lesson 05), every face as it is. The length of a
# training counts in **image passes**: an image that is learned from three times makes three passes.
#
# Two things differ from lesson 05, in all trainings alike. `AdamW` is Adam that also draws each weight a little
# towards 0 in each step. `smooth_l1_loss` is the squared error (half of it) up to a pixel and grows in proportion to
# the error beyond, so a point that is far off pulls less.
#
# A switch may change more than its name says. `cycle` replaces a constant rate of 0.001 by one whose peak is four times
# as high; `maps` adds the way up, and the cross-entropy to the loss. What they bring is what all of that brings.
#
# Both networks have the same eyes: `VectorNet` is the way down of the table above, and a linear layer on what arrives.


# %%
class VectorNet(nn.Module):
    """The way down of the table, then a linear layer: (B, 1, 96, 96) -> (B, 2K) pixels, at the start the mean face."""

    def __init__(self, mean_face: np.ndarray, width: int) -> None:
        super().__init__()
        self.eyes = nn.Sequential(
            nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *(ResidualBlock(a * width, b * width, 2) for a, b in ((1, 1), (1, 2), (2, 4), (4, 4))),
        )
        self.answer = nn.Linear(4 * width * 3 * 3, mean_face.size)
        with torch.no_grad():
            self.answer.bias.copy_(torch.as_tensor(mean_face, dtype=torch.float32).flatten())

    def forward(self, images: Tensor) -> Tensor:
        return self.answer(self.eyes(images).flatten(1))


def train(
    rows: np.ndarray,
    labels: np.ndarray,
    passes: int,
    seed: int,
    maps: bool,
    cycle: bool,
    mirror: bool,
    move: bool,
    width: int = 32,
    axis: float | np.ndarray = 47.5,
) -> nn.Module:
    """Train a network on some rows for a number of image passes, with the ingredients that are switched on.

    `axis` is where the mirror of the labels stands: a number, or one for each of all images.
    """
    torch.manual_seed(seed)
    mean_face = np.nanmean(labels[rows], axis=0)
    network = (HeatmapNet(len(names), width) if maps else VectorNet(mean_face, width)).to(
        memory_format=torch.channels_last
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=config["rate"])
    draw, move_by = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    steps = passes // config["batch_size"]
    for step in tqdm(range(steps), desc="training", unit="step", leave=False, file=sys.stdout, disable=width < 32):
        chosen = draw.choice(rows, config["batch_size"])
        shown, wanted = images[chosen], labels[chosen]
        flipped = draw.random(len(chosen)) < (0.5 if mirror else 0.0)
        stands = axis[chosen][flipped] if isinstance(axis, np.ndarray) else axis
        shown[flipped], wanted[flipped] = mirror_faces(shown[flipped], wanted[flipped], names, stands)
        batch, target = torch.from_numpy(shown).unsqueeze(1), torch.from_numpy(wanted)
        if move:
            degrees, grown, right, down = torch.empty(4, len(batch)).uniform_(-1, 1, generator=move_by)
            shift = 4 * torch.stack([right, down], dim=1)
            batch, target = move_faces(batch, target, 10 * degrees, 1 + 0.1 * grown, shift)
        if cycle:
            for group in optimizer.param_groups:
                group["lr"] = one_cycle(step, steps, config["peak"])
        labeled = torch.isfinite(target)
        answer = network.maps(batch) if maps else network(batch)
        places = soft_argmax(answer) if maps else answer.view_as(target)
        loss = functional.smooth_l1_loss(places[labeled], target[labeled])
        if maps:
            loss = loss + map_loss(answer, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def predict(network: nn.Module, shown: np.ndarray) -> np.ndarray:
    """Return what a network says of (N, 96, 96) images: (N, K, 2) pixels."""
    with torch.no_grad():
        parts = [network(torch.from_numpy(shown[i : i + 256]).unsqueeze(1)) for i in range(0, len(shown), 256)]
    return torch.cat(parts).numpy().reshape(len(shown), -1, 2)


for made in (VectorNet(np.nanmean(keypoints, axis=0), 32), HeatmapNet(len(names), 32)):
    count = sum(parameter.numel() for parameter in made.parameters())
    print(f"{type(made).__name__:<10} {count:,} parameters")

# %% [markdown]
# ## The ablation: what does each ingredient bring?
#
# An **ablation** takes a recipe apart. Two questions, and both need asking, because ingredients depend on each other:
#
# - **alone**: what does one ingredient bring to the plain training?
# - **on top**: what does it still bring, when those before it are there?
#
# Each training is repeated from three seeds, with other first weights and other batches. Where the points of two rows
# overlap, the difference may be chance. The training is short, so that you can watch all of it; the faces to validate
# on are never trained on.

# %%
order = np.random.default_rng(0).permutation(len(images))
val, rows = order[: config["val_faces"]], order[config["val_faces"] :]
mean_rmse = rmse(np.broadcast_to(np.nanmean(keypoints[rows], axis=0), keypoints[val].shape), keypoints[val])

switches = ("maps", "cycle", "mirror", "move")
recipes = {
    "alone": {"nothing": (), "heat maps": ("maps",), "one cycle": ("cycle",), "mirror": ("mirror",), "move": ("move",)},
    "each on top of those above": {
        "nothing": (), "+ heat maps": switches[:1], "+ one cycle": switches[:2], "+ mirror": switches[:3],
        "+ move": switches,
    },
}  # fmt: skip
different = list(dict.fromkeys(chosen for group in recipes.values() for chosen in group.values()))
trainings = [(chosen, seed) for chosen in different for seed in compared_seeds()]
scores: dict[tuple[str, ...], list[float]] = {chosen: [] for chosen in different}
trained, passes = {}, compared_passes(config["ablation_passes"])
for chosen, seed in tqdm(trainings, desc="ablation", unit="training", file=sys.stdout):
    on = {name: name in chosen for name in switches}
    trained[chosen, seed] = train(rows, keypoints, passes, seed, **on, width=16)
    scores[chosen].append(rmse(predict(trained[chosen, seed], images[val]), keypoints[val]))

for title, group in recipes.items():
    print(f"\n{title}; validation RMSE in pixels, {passes:,} image passes, one column a seed")
    for label, chosen in group.items():
        values = "  ".join(f"{score:.2f}" for score in scores[chosen])
        print(f"  {label:<14}{values}   mean {np.mean(scores[chosen]):.2f}")
if len(compared_seeds()) == 1:
    print("\nbrief comparison: one seed, a quarter of the images; the text describes the whole one")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 2, figsize=(12, 3.2), sharex=True, layout="constrained")
for axis, (title, group) in zip(axes, recipes.items(), strict=True):
    for place, chosen in enumerate(group.values()):
        axis.plot(scores[chosen], [place] * len(scores[chosen]), "o", color="tab:blue", alpha=0.7)
        axis.plot(np.mean(scores[chosen]), place, "|", color="black", markersize=22)
    axis.set_yticks(range(len(group)), list(group))
    axis.set(title=title, xlabel="validation RMSE (pixels); line: mean of the seeds")
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
plt.show()
print(f"the constant mean face: {mean_rmse:.2f} px")

# %% [markdown]
# In our run no ingredient **alone** stands clear of the spread between seeds. Moved faces were worse in each of the
# three seeds, though the rows overlap. **Together** two of them help: each seed of maps under the one-cycle rate is
# better than all of nothing and all of the maps alone. The rate alone comes close, 0.03 pixels from its best seed to
# their worst. An ablation that asks for each ingredient alone would have missed what the maps bring.
#
# Mirror and move bring nothing here. Count before you wonder: 2,400 image passes over more than 6,000 faces. Few faces
# come back, so there is little to learn by heart, which is what these two are meant against. Whether they help once the
# same faces come again and again, this figure can't show. `COURSE_SCALE=full` trains each of these networks for 16,000
# passes.
#
# **Try it.** Give `move` a larger angle (`10 * degrees` in `train`), or train three times as long (`passes` in the cell
# of the ablation), and look again.
#
# ## Why maps are easy, as a picture
#
# First the idea alone, without faces. A picture of 24 × 24 cells has one bright cell, and the answer is its place. Two
# models, as small as can be:
#
# - **one vector**: a linear layer, with a weight for each cell and each coordinate;
# - **a map**: one 3×3 convolution, then your soft-argmax.
#
# Both learn from the same third of the cells. Where do they err?

# %%
torch.manual_seed(0)
spots = torch.eye(576).view(576, 1, 24, 24)  # in picture i the bright cell is cell i
spot_places = torch.stack([4 * (torch.arange(576) % 24 + 0.5) - 0.5, 4 * (torch.arange(576) // 24 + 0.5) - 0.5], dim=1)
seen = torch.zeros(576, dtype=torch.bool)
seen[torch.randperm(576)[:192]] = True
layer, template = nn.Linear(576, 2), nn.Conv2d(1, 1, 3, padding=1)
with torch.no_grad():
    layer.bias.copy_(spot_places[seen].mean(dim=0))
off = {}  # how far the answer is from the bright cell, for each cell
for label, model, say in (
    ("one vector", layer, lambda shown: layer(shown.flatten(1))),
    ("a map", template, lambda shown: soft_argmax(template(shown))[:, 0]),
):
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
    for _ in range(200):
        loss = functional.smooth_l1_loss(say(spots[seen]), spot_places[seen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        off[label] = (say(spots) - spot_places).norm(dim=1)
    count = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{label:<10} {count:>5,} parameters; mean error {off[label][seen].mean():5.2f} px on the cells it learned "
        f"from, {off[label][~seen].mean():5.2f} px on the others"
    )

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
axes[0].imshow(seen.view(24, 24), cmap="gray")
axes[0].set_title("white: the cells that both learned from", fontsize=9)
for axis, (label, distances) in zip(axes[1:], off.items(), strict=True):
    drawn = axis.imshow(distances.view(24, 24), cmap="magma", vmin=0, vmax=70)
    axis.set_title(f"{label}: error where this cell is bright", fontsize=9)
for axis in axes:
    axis.axis("off")
figure.colorbar(drawn, ax=axes[1:], label="pixels")
plt.show()

# %% [markdown]
# The linear layer is right where the first picture is white, and elsewhere only by luck, near the mean place. The
# weights of a cell that was never bright get no gradient. There the layer answers what its bias says, about the mean
# place, and the error grows with the distance from it. It has to learn **each place anew**.
#
# The convolution uses its ten numbers at every place. What it learns at one cell holds for all of them: the third
# picture is black, without an error to see.
#
# Networks for faces lie between these two. Below the linear layer of `VectorNet` are convolutions too. And
# `HeatmapNet` goes down to 3×3: its maps shift along exactly only by multiples of 32 pixels, its strides multiplied,
# and away from the border.
#
# So measure what is left of the idea. Slide faces, and see how far the answer for the nose follows. All these networks
# were trained above, on the same faces and as long, and none saw a moved face.

# %%
slides = torch.arange(-16, 17, 4, dtype=torch.float32)
test_faces = val[np.isfinite(keypoints[val, nose, 0])][:40]
still = torch.zeros(len(test_faces))
directions = {"sideways": 0, "up and down": 1}
followed: dict[tuple[str, str], list[list[float]]] = {}  # for each seed and slide, the median of 40 faces
for title, along in directions.items():
    for label, chosen in (("one vector", ("cycle",)), ("heat maps", ("maps", "cycle"))):
        followed[title, label] = [[] for _ in compared_seeds()]
        for medians, seed in zip(followed[title, label], compared_seeds(), strict=True):
            before = predict(trained[chosen, seed], images[test_faces])[:, nose, along]
            for slide in slides:
                shift = torch.zeros(len(test_faces), 2)
                shift[:, along] = slide
                slid, _ = move_faces(
                    torch.from_numpy(images[test_faces]).unsqueeze(1),
                    torch.from_numpy(keypoints[test_faces]),
                    still,
                    still + 1,
                    shift,
                )
                after = predict(trained[chosen, seed], slid[:, 0].numpy())[:, nose, along]
                medians.append(float(np.median(after - before)))
for (title, label), seeds in followed.items():
    first, last = ("left", "right") if title == "sideways" else ("up", "down")
    for pixels in (4, 12):
        back, forth = (
            "  ".join(f"{sign * medians[slides.tolist().index(sign * pixels)]:4.1f}" for medians in seeds)
            for sign in (-1, 1)
        )
        print(f"{label:<11} of {pixels:>2} px the nose follows {first:>4}: {back}   {last:>5}: {forth}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 2, figsize=(12, 4), sharey=True, layout="constrained")
for axis, title in zip(axes, directions, strict=True):
    for label, color in (("one vector", "tab:blue"), ("heat maps", "tab:orange")):
        for seed, medians in zip(compared_seeds(), followed[title, label], strict=True):
            axis.plot(slides, medians, "o-", color=color, alpha=0.7, label=None if seed else label)
    axis.plot(slides, slides, ":", color="black", label="the nose itself")
    axis.set(xlabel="the face was moved by (pixels; right and down are positive)", title=title)
axes[0].set_ylabel("the answer moved by (pixels)")
axes[0].legend()
figure.suptitle("Median of 40 faces, a line for each seed", fontsize=10)
plt.show()

# %% [markdown]
# Up to some 4 pixels both kinds follow alike. From 12 pixels on, sideways, the maps follow further, in each of the
# three seeds. Upwards they are a little ahead, and downwards the seeds disagree.
#
# No network follows all the way. The maps, too, can learn where faces *are*: each of their cells sees the whole image,
# its borders included. So the idea is in these networks, but thinned, and where the training faces lie it is worth
# what the ablation says.
#
# ## The whole recipe
#
# The full width, the maps, the rate and the mirror, and a training of about a minute on two cores.
#
# The mirror is in the recipe though the ablation saw nothing of it. We did not show that it helps here; it costs no
# time. Switch it off (`mirror=False`) and compare. The average with the mirrored copy comes on top; compare the last
# two lines.

# %%
import time

started = time.perf_counter()
network = train(rows, keypoints, config["passes"], 0, maps=True, cycle=True, mirror=True, move=config["move"])
seconds = time.perf_counter() - started
once = predict(network, images[val])
averaged = average_predictions([network], images[val], names)
print(f"{config['passes']:,} image passes in {seconds:.0f} s")
print(f"the mean face                {mean_rmse:.2f} px")
print(f"the network                  {rmse(once, keypoints[val]):.2f} px")
print(f"averaged with its mirror     {rmse(averaged, keypoints[val]):.2f} px")

# %% [markdown]
# One network from one seed: its two last lines may differ by chance. The ablation left three seeds of two recipes with
# which the same can be asked again, and that costs predictions alone. Its networks are smaller and saw fewer images, so
# compare each with itself.

# %%
for label, chosen in (("maps, one cycle", switches[:2]), ("maps, one cycle, mirror", switches[:3])):
    models = [trained[chosen, seed] for seed in compared_seeds()]
    pairs = [rmse(average_predictions([model], images[val], names), keypoints[val]) for model in models]
    gains = [alone - both for alone, both in zip(scores[chosen], pairs, strict=True)]
    print(f"{label}; validation RMSE in pixels, one column a seed")
    for way, values in (("as it is", scores[chosen]), ("averaged with its mirror", pairs)):
        print(f"  {way:<26}" + "  ".join(f"{value:.2f}" for value in values) + f"   mean {np.mean(values):.2f}")
    print(f"  gained, from {min(gains):.2f} to {max(gains):.2f} px")
    together = rmse(average_predictions(models, images[val], names), keypoints[val])
    print(f"  {'all of them, averaged':<26}{together:.2f}\n")

# %% [markdown]
# ## The maps of one face
#
# What the network says of a face from the validation part. The softmax of each map, and the cross is its soft-argmax.
#
# How sure is sure? The loss asks for a bump, and a bump's own brightest cell does not hold much: the first line below
# says how much. A map that holds more is sharper than it was asked to be.

# %%
labeled = np.isfinite(keypoints[val]).all(axis=(1, 2))
errors = np.sqrt(np.nanmean((averaged - keypoints[val]) ** 2, axis=(1, 2)))
typical = np.flatnonzero(labeled)[np.argsort(errors[labeled])[labeled.sum() // 2]]
with torch.no_grad():
    maps = network.maps(torch.from_numpy(images[val[[typical]]]).unsqueeze(1))[0].flatten(1).softmax(1).view(-1, 24, 24)
sure = maps.flatten(1).amax(dim=1)
between_four, centered = bumps(torch.tensor([[[47.5, 47.5], [49.5, 49.5]]]))[0].amax(dim=1)
print(f"asked for: {between_four:.0%} where the label lies between four cells, {centered:.0%} at the center of one")
for name, share in (("surest", sure.argmax()), ("least sure", sure.argmin())):
    print(f"{name}: {names[share]}, whose brightest cell holds {sure[share]:.0%} of its map")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(2, 8, figsize=(13, 3.6), layout="constrained")
show_face(
    axes[0, 0],
    images[val[typical]],
    f"{errors[typical]:.1f} px",
    truth=keypoints[val[typical]],
    prediction=averaged[typical],
)
for axis, name, single, place in zip(axes.flat[1:], names, maps, once[typical], strict=True):
    axis.imshow(images[val[typical]], cmap="gray", vmin=0, vmax=1)
    axis.imshow(single, cmap="magma", alpha=0.65, extent=(-0.5, 95.5, 95.5, -0.5))
    axis.plot(*place, "x", color="cyan")
    axis.set_title(name.replace("_", " "), fontsize=7)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## The worst faces, one by one
#
# An average hides what goes wrong. Ask first which *points* err, with lesson 02's `per_keypoint_rmse`, and then which
# *faces*.
#
# Look at the worst faces yourself, before you read the line above each: what would *you* say makes it hard? The title
# names its **oddities**: of five properties that the picture and the answer tell, those by which the face is among the
# most extreme tenth of all validation faces. An oddity need not be the cause. For that it has to be more frequent among
# the worst faces than among all of them: compare with the **base rate**.
#
# Drawn faces tell more than their pictures. Who knows the seed of a face can draw its measures and looks once more:
# how far the mouth is open, beard and hair. The next cell does so, and takes them only where they lead to the face's
# very labels. Of photographs nothing is known in this way, and the lines are left out.
#
# Drawn faces have no wrong labels; on photographs look for them first.

# %%
from data_scripts.drawing.camera import draw_pose, frame_head
from data_scripts.drawing.head import build_head
from data_scripts.drawing.look import Look, draw_look
from data_scripts.drawing.render import draw_light
from data_scripts.drawing.shape import FaceShape, draw_shape
from data_scripts.drawing.workers import face_seed
from data_scripts.kaggle.folder import SEED

training_seed = np.random.SeedSequence(SEED).spawn(3)[0]


def drawn_as(number: int) -> tuple[FaceShape, Look] | None:
    """Return the measures and looks that a training face was drawn with; None for a face that was not drawn so."""
    draw = np.random.default_rng(face_seed(training_seed, number))
    for _ in range(20):  # a face that does not fit into its picture is drawn again
        shape, pose, look = draw_shape(draw), draw_pose(draw), draw_look(draw)
        draw_light(draw)  # in its turn among the draws
        _, points = frame_head(build_head(shape), pose)
        if np.nanmax(np.abs(points - keypoints[number])) < 0.01:
            return shape, look
    return None


measures = [drawn_as(number) for number in val] if drawn_as(int(val[0])) else []
known = bool(measures) and None not in measures
print(f"measures and looks of the {len(val)} validation faces: {'known' if known else 'unknown, not drawn so'}")

# %%
by_point = per_keypoint_rmse(averaged, keypoints[val])
for k in np.argsort(-by_point):
    share = np.isfinite(keypoints[val, k, 0]).mean()
    print(f"{names[k]:<24} {by_point[k]:.2f} px, labeled on {share:.0%} of the faces")

between = averaged[:, eyes[0]] - averaged[:, eyes[1]]  # from the eye on the left of the picture to the one on its right
middle = averaged[:, eyes].mean(axis=1)
properties = {
    "head tilted": np.abs(np.degrees(np.arctan2(between[:, 1], between[:, 0]))),
    "head turned": np.abs(averaged[:, nose, 0] - middle[:, 0]),
    "dark": -images[val].mean(axis=(1, 2)),
    "little contrast": -images[val].std(axis=(1, 2)),
    "an unusual size": np.abs(between[:, 0] - np.median(between[:, 0])),
}
ranks = {oddity: values.argsort().argsort() / len(val) for oddity, values in properties.items()}
distances = np.linalg.norm(averaged - keypoints[val], axis=2)  # (N, K), NaN where unlabeled
farthest = np.nan_to_num(distances, nan=-1.0).argmax(axis=1)
by_error = np.argsort(-errors)
groups = {"the 12 worst": by_error[:12], "worst tenth": by_error[: len(val) // 10], "all faces": by_error}
facts = {oddity: share > 0.9 for oddity, share in ranks.items()}
any_oddity = np.any(list(facts.values()), axis=0)
if known:
    opened = np.array([shape.mouth_open for shape, _ in measures])
    facts["mouth wide open"] = opened > np.quantile(opened, 0.9)
    facts["mustache or beard"] = np.array([look.beard in ("mustache", "goatee", "full") for _, look in measures])
    facts["fringe or long hair"] = np.array([look.hair_style in ("fringe", "long") for _, look in measures])
    facts["hat or scarf"] = np.array([look.hair_style in ("hat", "scarf") for _, look in measures])
named = dict(facts)  # what a title names
facts["any of the first five"] = any_oddity
facts["four labels only"] = np.isfinite(distances).sum(axis=1) <= 4
facts["bottom lip is farthest off"] = farthest == names.index("mouth_center_bottom_lip")
print(f"\n{'':<27}", *(f"{group:>14}" for group in groups))
for fact, holds in facts.items():
    print(f"{fact:<27}", *(f"{holds[chosen].mean():>14.0%}" for chosen in groups.values()))

lip = distances[:, names.index("mouth_center_bottom_lip")]
print("\nthe bottom lip is off by (mean distance, pixels)")
for fact, holds in named.items():
    print(f"  {fact:<25} where it holds {np.nanmean(lip[holds]):.2f}, elsewhere {np.nanmean(lip[~holds]):.2f}")

# %% jupyter={"source_hidden": true}
import textwrap

figure, axes = plt.subplots(2, 6, figsize=(13, 5.6), layout="constrained")
for axis, index in zip(axes.flat, by_error[:12], strict=True):
    oddities = ", ".join(fact for fact, holds in named.items() if holds[index]) or "?"
    title = textwrap.fill(f"{errors[index]:.1f} px: {oddities}", 28)
    show_face(axis, images[val[index]], title, truth=keypoints[val[index]], prediction=averaged[index])
plt.show()

# %% [markdown]
# The first five oddities together say nothing in our run: 36 % of the worst tenth have one, as have 36 % of all faces.
# One alone does: heads are turned twice as often in the worst tenth, 19 % to 10 % (from two other seeds 19 and 20 %).
# Don't read much into the twelve: 17 % of them are two faces.
#
# A point says more. The bottom lip is farthest off on 9 of the 12 worst faces, on 46 % of the worst tenth, and on 36 %
# of all. Its error is nearly twice that of the eyes' centers and the nose tip, the other three that nearly all faces
# have. Where a face has four labels, one point that far off makes most of its error. The outer ends of the eyebrows err
# more still, but are labeled on less than a third of the faces.
#
# So look at the mouths above. We see mustaches and open mouths, which is a guess. The second step is always the same:
# turn the guess into a measurement and compare it with its base rate. Drawn faces allow it: the lines "mouth wide open"
# and "mustache or beard" of both tables do. Which of the two stands in your run? If one does, ask whether the training
# has enough such faces.
#
# ## Where is pixel 0?
#
# Labels come from people, or from programs, and each has a convention. Is the first pixel's center at 0, at 0.5, at
# 1? Does the nose tip mean the end or the shadow under it? Kaggle's rows come from two **label sources**: the first
# third has nearly all 15 points, the rest mostly four. Nothing says that both mean the same by "x".
#
# Let us make the trap, so that we know what is in it: we move all labels of the second source by one pixel to the
# left, as if its first pixel had number −1, and train as before. Then we do what one should do with any data: look at
# the mean **residual** (prediction − label) *on the training faces*, for each source apart.

# %%
second = np.isfinite(keypoints).all(axis=2).sum(axis=1) <= 4
shifted = keypoints.copy()
shifted[second, :, 0] -= 1.0


some = rows[:1500]  # faces that the networks are trained on


def residuals(answers: np.ndarray, labels: np.ndarray) -> None:
    """Print the mean residual of answers for `some` faces, by label source, over the four points that both label."""
    residual = (answers - labels[some])[:, FOUR]
    for title, chosen in (("first source", ~second[some]), ("second source", second[some])):
        x, y = np.nanmean(residual[chosen], axis=(0, 1))
        print(f"  {title:<14} x {x:+.2f} px, y {y:+.2f} px   ({chosen.sum()} faces)")
    differs = np.nanmean(residual[second[some]][..., 0]) - np.nanmean(residual[~second[some]][..., 0])
    print(f"  the second source's x differs from the first's by {-differs:+.2f} px")


own_axis = np.where(second, 46.5, 47.5)
ways = {
    "without the mirror": {"mirror": False},
    "with the mirror at 47.5": {"mirror": True},
    "with the mirror of each face's own source": {"mirror": True, "axis": own_axis},
}
for title, how in ways.items():
    in_between = train(
        rows, shifted, compared_passes(config["offset_passes"]), 0, maps=True, cycle=True, move=False, **how
    )
    print(f"{title}:")
    residuals(predict(in_between, images[some]), shifted)
if len(compared_seeds()) == 1:
    print("brief comparison: a quarter of the images, too few for what the text describes")

# %% [markdown]
# The known pixel shows as the difference between the sources. No test face was needed to find it.
#
# Then look at where the network itself stands. It can't tell from a face who labeled it, so it answers between both
# conventions. And the mirror at 47.5 carries the shift of a mirrored face to the other side: there the two cancel,
# and on the second source the network misses its own training labels by about the whole pixel.
#
# The mend: give each face the mirror of its own source. If its labels lie one pixel to the left, so does their
# mirror: `mirror_faces(..., axis)` takes an array with one axis for each face, 47.5 for the first source and 46.5 for
# the second. The third training does that. In our run it stands between the conventions, at -0.66 and 0.38 px in x, as
# does the one without the mirror, at -0.73 and 0.30.
#
# The average has the same trap. Its `axis` is one number: pick the source whose convention you want to answer in.
# Whatever offset the network has learned, its mirrored copy brings back on the other side of the axis, and the two
# cancel:

# %%
for stands in (47.5, 46.5):
    print(f"the third network, averaged with its mirrored copy about {stands}:")
    residuals(average_predictions([in_between], images[some], names, axis=stands), shifted)

# %% [markdown]
# The source whose residual in x is nearer to zero is the one whose convention the answers follow. In our run it is the
# first with 47.5 (-0.11 px), and the second with 46.5 (-0.08 px).
#
# On photographs this is no game. There the labels of two sources differed by about a pixel in x. The network of
# `train_heatmaps` learns an offset for each source and keypoint, and mirrors without it.
#
# ## What are the labels worth?
#
# No score can fall to zero, for labels disagree. First the two sources of above. Suppose a perfect network, that
# knows each place, but not who labeled the face. What does it score?

# %%
print(f"{'a perfect network answers':<28}{'first source':>14}{'second source':>15}{'all labels':>12}")
for title, moved in (("as the first source", 0.0), ("as the second source", -1.0), ("halfway between them", -0.5)):
    answers = np.nan_to_num(keypoints) + [moved, 0]
    first_score, second_score, both = (rmse(answers[of], shifted[of]) for of in (~second, second, slice(None)))
    print(f"{title:<28}{first_score:>14.2f}{second_score:>15.2f}{both:>12.2f}")
print(f"one pixel in x and none in y: sqrt((1 + 0) / 2) = {math.sqrt(1 / 2):.2f}; 0.9 px: {0.9 * math.sqrt(1 / 2):.2f}")

# %% [markdown]
# A network that answers as one source scores 0.71 px on the labels of the other, perfect as it is. Whoever gives both
# the same answer can only share that out: halfway, both cost 0.35 px. To come near zero, it has to tell the sources
# apart.
#
# Then each single label has an error of its own. The same perfect network, and people whose hands are not quite still:

# %%
draw = np.random.default_rng(0)
perfect = keypoints[complete]
for spread in (0.25, 0.5, 1.0):
    noisy = perfect + draw.normal(0, spread, perfect.shape)
    print(
        f"labels off by {spread:.2f} px (standard deviation): the perfect network scores {rmse(perfect, noisy):.2f} px"
    )
print("errors add as squares: a network of 1.0 px, scored on labels of 0.5 px:", round(math.hypot(1.0, 0.5), 2), "px")

# %% [markdown]
# The labels of drawn faces come from the geometry that drew them: what is left of your network's error is its own. On
# photographs it is not. Measure there how far two people who label the same face differ; no network can be shown to
# be better than that.
#
# What do photographs give? The figures are in `docs/measured.md`. Two networks of `train_heatmaps`, averaged, score
# 1.13 px on 693 test photographs, 0.28 of the mean face's 4.07. The sources' ResNet has 0.54 of the mean face's 3.88,
# on Kaggle's own faces. The labels of those photographs come from two sources, off by about 0.4 and 1.3 px in x. They
# are 0.9 px apart, which alone costs a perfect network 0.64 px on one of them, if it answers as the other.
#
# A published [second place](https://cbenge509.github.io/projects/facial-keypoints) in Kaggle's contest, 1.286 px on
# that contest's scale and 0.33 of the mean face, mended the labels of 56 faces by hand, and trained networks for each
# of the two sources: its author says that this brought 0.2 px. The contest's best has 0.33 as well. Compare such
# ratios and not pixels, since your faces are other faces.
#
# ## On the test faces, beside the networks of before
#
# Lesson 06 scored the mean face, the CNN and the ResNet on the test faces, as Kaggle does. The same look-up table,
# asked of this network. At quick scale the ResNet is a small one, of nearly as many parameters as the maps: size is not
# what makes the difference.

# %%
import json

import pandas as pd

from data_scripts.kaggle_csv import read_test

earlier = autograder.earlier("06_kaggle_submission")
folder, data = output_folder("10_beyond_the_sources"), data_folder()
answers = np.clip(average_predictions([network], read_test(data / "test.csv").images, names), 0, 96)
lookup = pd.read_csv(data / "IdLookupTable.csv")
submission = earlier.make_submission(answers, names, lookup)
submission.to_csv(folder / "submission.csv", index=False)
torch.save(network.state_dict(), folder / "heatmaps.pt")

before = output_folder("06_kaggle_submission") / "results.json"
table = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else []
if (data / "truth.csv").is_file():
    truth = pd.read_csv(data / "truth.csv")
    mean_answers = np.broadcast_to(np.nanmean(keypoints, axis=0), answers.shape)
    mean_score = earlier.score_submission(earlier.make_submission(mean_answers, names, lookup), truth)
    score = earlier.score_submission(submission, truth)
    count = sum(parameter.numel() for parameter in network.parameters())
    row = {
        "model": "heat maps",
        "framework": "PyTorch",
        "parameters": count,
        "RMSE in px": score,
        "ratio": score / mean_score,
    }
    (folder / "results.json").write_text(json.dumps([row], indent=2), encoding="utf-8")
    shown = [*table, row]
    print(pd.DataFrame(shown)[list(row)].to_string(index=False, float_format="{:.2f}".format))
else:
    print("No truth.csv in this folder: submit to Kaggle to learn the score.")
print(f"\nsaved in {folder}: heatmaps.pt, submission.csv")

# %% [markdown]
# ## Your network on your own face
#
# The site of this course has a page that finds the keypoints of a face in front of your camera, in the browser, with
# nothing sent anywhere. It takes your network, too: this writes it as a file to load there. The two packages that it
# needs are not among those of the course; where they are missing, it says how to get them.

# %%
from data_scripts.export_onnx import export

try:
    print(export(network, names, folder / "model.onnx"))
except ValueError as error:
    print(error)

# %% [markdown]
# ## Three questions
#
# 1. A friend trains with mirrored faces and forgets to exchange the names. The loss of the eyes stays high, that of the
#    nose tip falls. Why?
# 2. The cells of a map are 4 pixels wide. How can the error be below 1 pixel?
# 3. All labels are shifted by one pixel in x, in training and in validation, and you average with the mirrored copy
#    about 47.5. Does it show in the validation error?
#
# <details><summary>Answers</summary>
#
# 1. For the eyes half the batch says left and half says right, so the best single answer lies between both. The nose
#    tip is its own partner: nothing contradicts there.
# 2. The soft-argmax averages over cells. A point between two cells makes both bright, and the shares of both say where
#    it is between them.
# 3. Yes. The validation labels have the shift; the mirrored answer comes back shifted to the other side, so the average
#    has lost it. The mean residual in x of the averaged answers on the training faces shows the same, and is where to
#    look for it. Those of the network alone would not: it has learned the shift.
#
# </details>
#
# ## Further reading
#
# - Newell, Yang and Deng, [Stacked Hourglass Networks for Human Pose Estimation](https://arxiv.org/abs/1603.06937),
#   2016: down and up again, several times.
# - Nibali and others, [Numerical Coordinate Regression with Convolutional Neural
#   Networks](https://arxiv.org/abs/1801.07372), 2018: the soft-argmax, and what to add to its loss.
# - Smith and Topin, [Super-Convergence](https://arxiv.org/abs/1708.07120), 2017: one cycle.
#
# ## What an experienced person would write
#
# `torch.optim.lr_scheduler.OneCycleLR` in place of `one_cycle`, with `cycle_momentum=False`: by default it moves Adam's
# first beta along; `torchvision.transforms.v2` or Kornia in place of `move_faces`, which move keypoints along;
# `torch.optim.swa_utils.AveragedModel` for an average of the weights over the last steps.
#
# ## What you have learned
#
# - A map asks every place the same question; a linear layer alone learns each place anew.
# - Whatever moves the pixels moves the labels, and mirrors exchange names.
# - An ablation asks twice, alone and on top, and needs several seeds before it says anything.
# - Look at residuals by label source before you mirror: a convention is easy to take off, and hard to see.
# - Below a certain error you measure the labels, not the network.
#
# This is the last lesson. `python -m data_scripts.train_heatmaps` trains a larger relative of your network at full
# scale, on the drawn faces or on your own (`--help` says how); `docs/measured.md` says what the choices that we tried
# brought.
