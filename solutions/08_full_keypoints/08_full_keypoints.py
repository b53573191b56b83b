# %% [markdown]
# # {{lesson}}
#
# **Goal.** You train a network that finds 58 keypoints in a face, from 192 pictures. So few invite learning by heart.
# You write the classic remedy, pictures that move, turn and change their light, and then you measure what each of
# them is worth: three times each, because one training alone says little.
#
# **You need** lessons 05 (data sets and training loops) and 07 (the IMM faces). **Time:** about {{minutes}} minutes,
# some six of them training. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{FaceKeypointNet}} `FaceKeypointNet` | a network of six convolutions |
# | {{translate}} `translate`, `rotate`, `jitter` | a picture that moves, and points that move with it |
# | {{AugmentedFaces}} `AugmentedFaces` | a data set that moves a picture anew each time |
# | {{first_layer_filters}} `first_layer_filters` | a look at what the network learned |
#
# **Sources.** The task is the second part of a project of Berkeley's course
# [CS194-26](https://inst.eecs.berkeley.edu/~cs194-26/fa20/). "The sources" below are one student's report on that
# project, the same as in lesson 07; `full.yaml` holds its settings.

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

import cv2
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

# %% [markdown]
# ## The goal, as a picture
#
# Six pictures of one person, with 58 points each: jaw, eyes, eyebrows, mouth, nose. Your network will answer with 116
# numbers, x and y of each point.

# %%
from data_scripts.folders import compared_seeds, lesson_folder, output_folder, scale
from data_scripts.imm_faces import load_imm

faces = load_imm(size=(120, 160))
count, height, width = faces.images.shape
print(f"{count} pictures of {len(np.unique(faces.persons))} persons, {height} x {width} pixels")
print(f"{faces.keypoints.shape[1]} keypoints each; the first: x = {faces.keypoints[0, 0, 0]:.3f} of the width,")
print(f"y = {faces.keypoints[0, 0, 1]:.3f} of the height: {(faces.keypoints[0, 0] * (width, height)).round(1)} pixels")


# %% jupyter={"source_hidden": true}
def draw_face(cell: plt.Axes, image: np.ndarray, keypoints: np.ndarray, style: str, **more: object) -> None:
    """Draw a picture (H, W) in [0, 1] and its keypoints (K, 2), relative to its width and height."""
    rows, columns = image.shape
    cell.imshow(image, cmap="gray", vmin=0, vmax=1)
    # The center of pixel number 0 lies half a pixel from the edge.
    more = {"markersize": 2} | more
    cell.plot(keypoints[:, 0] * columns - 0.5, keypoints[:, 1] * rows - 0.5, style, **more)
    cell.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[])


figure, grid = plt.subplots(1, 6, figsize=(14, 2))
for cell, index in zip(grid, np.flatnonzero(faces.persons == faces.persons[0]), strict=False):
    draw_face(cell, faces.images[index], faces.keypoints[index], "o", color="lime")
    cell.set_title(faces.files[index].stem, fontsize=9)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## A worked example: how large does a picture leave a layer?
#
# A convolution without padding loses the rim: a 5×5 filter has no full window at the outer two rows and columns. A 2×2
# pooling halves, and drops a last odd row. Follow one picture through the first layers and look at its shape:

# %%
picture = torch.from_numpy(faces.images[:1]).unsqueeze(1)
for layer in (nn.Conv2d(1, 16, 5), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.MaxPool2d(2), nn.Conv2d(32, 32, 3)):
    before, picture = tuple(picture.shape), layer(picture)
    print(f"{layer.__class__.__name__:<10}{before!s:<20} -> {tuple(picture.shape)}")

# %% [markdown]
# ## Exercise {{FaceKeypointNet}}: the network
#
# The sources name six convolutions, the first of them with sixteen 5×5 filters, and the linear layers:
# 4224 → 512 → 116. They do not list the layers in between. This stack ends at 4224 = 64 · 6 · 11; it is the one that
# you build:
#
# | | layer | output for a (1, 120, 160) picture |
# |---|---|---|
# | 1 | 5×5 convolution, ReLU, 2×2 max-pooling | (16, 58, 78) |
# | 2 | 5×5 convolution, ReLU, 2×2 max-pooling | (32, 27, 37) |
# | 3 | 3×3 convolution, ReLU, 2×2 max-pooling | (32, 12, 17) |
# | 4 | 3×3 convolution, ReLU | (64, 10, 15) |
# | 5 | 3×3 convolution, ReLU | (64, 8, 13) |
# | 6 | 3×3 convolution, ReLU | (64, 6, 11) |
# | | flatten | 4224 |
# | 7 | linear, ReLU | 512 |
# | 8 | linear | 116 |
#
# **Common mistake.** A ReLU behind the last layer. It looks harmless, since coordinates are positive. But where it cuts
# an output off, no gradient passes. An output that is negative **for every face** gets no gradient of its own, and its
# point is stuck in the corner: only changes in the layers below, made for other points, could wake it. How many are
# negative, before training? You will count them.


# %%
class FaceKeypointNet(nn.Module):
    """Six convolutions and two linear layers: 58 keypoints of a face.

    Every convolution has stride 1, no padding and a bias; a ReLU follows each. A 2x2 max-pooling of stride 2 follows
    each of the first three. Kernels, and channels from one to the next: 5x5 from 1 to 16; 5x5 to 32; 3x3 to 32; 3x3 to
    64; 3x3 to 64; 3x3 to 64. The result, (B, 64, 6, 11), is flattened to (B, 4224); a linear layer makes 512 of it,
    behind it a ReLU; a last linear layer makes 116, and nothing follows. No dropout, no normalization.

    ``forward`` takes pictures (B, 1, 120, 160) float32 in [-0.5, 0.5] and returns (B, 116) float32: x, y, x, y, ...
    relative to width and height. Pictures are left alone.
    """

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Linear(4224, 512), nn.ReLU(), nn.Linear(512, 116))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (B, 1, 120, 160) to keypoints (B, 116)."""
        ### BEGIN SOLUTION
        return self.head(self.features(x).flatten(1))
        ### END SOLUTION


# %%
autograder.check("FaceKeypointNet")

# %% [markdown]
# The answers of three fresh networks to all pictures. How many of the 116 are negative for every one of them? Behind a
# ReLU none of these would get a gradient of its own.

# %%
for seed in range(3):
    torch.manual_seed(seed)
    fresh = FaceKeypointNet()
    with torch.no_grad():
        answers = fresh(torch.from_numpy(faces.images).unsqueeze(1) - 0.5)
    print(f"first weights {seed}: {int((answers < 0).all(dim=0).sum())} of 116 are negative for all {count} pictures")

# %% [markdown]
# ## Few pictures, one place
#
# Where in the frame do the faces sit? Each cross below is the center of one picture's 58 points; the axes are the whole
# frame. All sit around the middle, and hardly two at the same place. With 192 training pictures a network can learn
# each of them by heart, place and all, and be lost where a face of another person sits elsewhere.
#
# The boxes show the remedy: shifted by up to 10 pixels in x and in y, each face fills a box of its own. Boxes overlap,
# and the gaps between the crosses close.

# %%
centers = faces.keypoints.mean(axis=1) * (width, height)
print("standard deviation of the centers, in pixels:", centers.std(axis=0).round(1))

# %% jupyter={"source_hidden": true}
figure, cell = plt.subplots(figsize=(7, 4.2))
for number, center in enumerate(centers):
    label = "a shift by ±10 pixels" if number == 0 else None
    cell.add_patch(plt.Rectangle(center - 10, 20, 20, facecolor="darkorange", alpha=0.03, label=label))
cell.plot(*centers.T, "x", color="steelblue", markersize=4, label="center of a face's points")
cell.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xlabel="x (pixels)", ylabel="y (pixels)")
for handle in cell.legend(loc="upper left").legend_handles:
    handle.set_alpha(0.6)
plt.show()

# %% [markdown]
# ## A worked example: moving by hand
#
# A picture of 3×4 pixels, one of them bright, and a point on it. We move both one pixel to the right and one down:

# %%
tiny = np.zeros((3, 4), np.float32)
tiny[0, 1] = 1
point = np.array([[1.5 / 4, 0.5 / 3]], np.float32)  # the middle of the bright pixel, relative to width and height

moved = np.zeros_like(tiny)
moved[1:, 1:] = tiny[:-1, :-1]
moved_point = point + [1 / 4, 1 / 3]

print(tiny, "point, in pixels:", (point * [4, 3]).round(2), sep="\n")
print(moved, "point, in pixels:", (moved_point * [4, 3]).round(2), sep="\n")

# %% [markdown]
# The bright pixel went from row 0, column 1 to row 1, column 2, and the point with it: from (1.5, 0.5) to (2.5, 1.5).
# What comes in at the left and at the top is unknown; here it is 0, black. In relative units, one pixel to the right is
# 1/4, one pixel down is 1/3.
#
# ## A trap: relative units do not turn
#
# Four points of a square, in pixels, on a picture of 120×160. We turn them by 45°, once in pixels, and once in relative
# units as they are:

# %%
size = np.array([width, height])
square = (size / 2 + 25 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])) / size
cosine = sine = np.sqrt(0.5)
turn = np.array([[cosine, -sine], [sine, cosine]])

in_pixels = ((square * size - size / 2) @ turn + size / 2) / size
in_units = (square - 0.5) @ turn + 0.5
for name, corners in (("square", square), ("turned in pixels", in_pixels), ("turned in relative units", in_units)):
    sides = np.linalg.norm(np.diff(corners * size, axis=0), axis=1)
    print(f"{name:<25} sides of {', '.join(f'{side:.0f}' for side in sides)} pixels")

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(1, 2, figsize=(8, 3))
titles = ("turned in pixels", "turned in relative units")
for cell, turned, title in zip(grid, (in_pixels, in_units), titles, strict=True):
    for corners, style in ((square, "o:"), (turned, "o-")):
        closed = np.vstack([corners, corners[:1]]) * size
        cell.plot(*closed.T, style)
    cell.set(xlim=(0, width), ylim=(height, 0), aspect="equal", title=title)
plt.tight_layout()
plt.show()

# %% [markdown]
# On the right the square is no square any more: its sides have two lengths. A unit of x is 160 pixels, a unit of y 120:
# turning mixes the two, so they have to be the same unit first. Convert to pixels, turn, convert back.
#
# ## Exercise {{translate}}: move, turn, change the light
#
# Three functions. None of them changes what it was given. OpenCV does the pixels: `cv2.warpAffine` moves a picture by a
# 2×3 matrix, and `cv2.getRotationMatrix2D` makes the matrix of a rotation. The very same matrix moves the points.
#
# **Common mistakes.** `np.roll` moves a picture, but what leaves on the right comes back on the left. Slicing
# `image[:, :-dx]` fails for `dx = 0`, and says nothing. And in a picture y grows downwards, so a formula from a
# mathematics book turns the other way.


# %%
def translate(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> tuple[np.ndarray, np.ndarray]:
    """Move a picture and its keypoints by whole pixels.

    Args:
        image: (H, W) float32 in [0, 1].
        keypoints: (K, 2) float32, x relative to the width W, y to the height H: (0, 0) is the upper left corner of
            the picture, (1, 1) the lower right one.
        dx: pixels to the right; negative to the left.
        dy: pixels down; negative up.

    Returns:
        A new picture (H, W) float32, 0 where nothing of the old one comes to lie, all 0 where it left the frame; and
        new keypoints (K, 2) float32. A keypoint may leave the frame: it then lies outside [0, 1].
    """
    ### BEGIN SOLUTION
    height, width = image.shape
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_NEAREST)
    points = keypoints + np.array([dx / width, dy / height], np.float32)
    return moved, points.astype(np.float32)
    ### END SOLUTION


def rotate(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a picture and its keypoints about the center of the picture.

    Args:
        image: (H, W) float32 in [0, 1].
        keypoints: (K, 2) float32, relative to width and height as in ``translate``; the center is (0.5, 0.5).
        degrees: counterclockwise, as you see it on the screen; negative: clockwise.

    Returns:
        A new picture of the same size (H, W), float32, with any interpolation, 0 where nothing of the old one comes to
        lie; and new keypoints (K, 2) float32, which may lie outside [0, 1].
    """
    ### BEGIN SOLUTION
    height, width = image.shape
    # Pixel number i has its center at i + 0.5 pixels from the edge; OpenCV counts from centers.
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)
    size = np.array([width, height])
    pixels = (keypoints * size - 0.5) @ matrix[:, :2].T + matrix[:, 2]
    return turned, ((pixels + 0.5) / size).astype(np.float32)
    ### END SOLUTION


def jitter(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Change the light of a picture: 0.5 + contrast * (image - 0.5) + brightness, then cut to [0, 1].

    Args:
        image: (H, W) float32 in [0, 1].
        brightness: added to every pixel; 0 changes nothing.
        contrast: multiplies each pixel's distance to middle gray, 0.5; 1 changes nothing.

    Returns:
        A new picture (H, W), float32 in [0, 1].
    """
    ### BEGIN SOLUTION
    return np.clip(0.5 + contrast * (image - 0.5) + brightness, 0, 1).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("translate")

# %% [markdown]
# ## Your own functions, at work
#
# One face, as it is and treated in three ways. Look at the points: they must sit where they sat on the face.

# %%
face, points = faces.images[0], faces.keypoints[0]
treated = {
    "as it is": (face, points),
    "translate(…, 10, -10)": translate(face, points, 10, -10),
    "rotate(…, 15)": rotate(face, points, 15),
    "jitter(…, 0.2, 1.5)": (jitter(face, 0.2, 1.5), points),
}
for title, (image, keypoints) in treated.items():
    first = (keypoints[0] * (width, height)).round(1)
    print(f"{title:<22} the first point at {first} pixels, mean gray {image.mean():.2f}")

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(1, 4, figsize=(14, 2.9))
for cell, (title, (image, keypoints)) in zip(grid, treated.items(), strict=True):
    draw_face(cell, image, keypoints, "o", color="lime")
    cell.set_title(title)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Exercise {{AugmentedFaces}}: drawn anew each time
#
# Where do you shift? Not once, before training: then the network sees 192 other pictures, and 192 they remain. The
# place is `__getitem__`, which the loader calls for every picture of every epoch. Shifts of ±10 pixels in x and in y
# have 21 · 21 = 441 forms. In 30 epochs a face meets about 29 different ones of them, instead of one and the same place
# 30 times.
#
# The random numbers come from a **generator** that is handed in. So a run can be repeated, and nothing else that draws
# random numbers is disturbed. `torch.randint(low, high, size, generator=…)` leaves `high` itself out.
#
# **Common mistakes.** Shifting the stored picture, so that the next shift starts from there, and the face wanders out
# of the frame. One number for both directions, so that faces move along a diagonal only.


# %%
class AugmentedFaces(Dataset):
    """Faces and their keypoints, moved, turned and lit anew each time an item is drawn.

    Each time: turn by an angle from [-max_degrees, max_degrees], then move by whole pixels from -max_shift … max_shift,
    both ends included, drawn for x and y separately. Jitter, before or after that, with a brightness from
    [-max_jitter, max_jitter] and a contrast from [1 - max_jitter, 1 + max_jitter], drawn separately too. All uniform. A
    maximum of 0 leaves that part out.

    Args:
        images: (N, H, W) float32 in [0, 1]; left alone.
        keypoints: (N, K, 2) float32, relative to width and height; left alone.
        max_shift: pixels, at least 0.
        max_degrees: degrees, at least 0.
        max_jitter: at least 0, less than 1.
        generator: every random number comes from it, so that the same seed gives the same items; the global random
            states are left alone. None: a generator of its own.
    """

    def __init__(
        self,
        images: np.ndarray,
        keypoints: np.ndarray,
        max_shift: int = 10,
        max_degrees: float = 0.0,
        max_jitter: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        ### BEGIN SOLUTION
        self.images, self.keypoints = images, keypoints
        self.max_shift, self.max_degrees, self.max_jitter = max_shift, max_degrees, max_jitter
        self.generator = torch.Generator() if generator is None else generator
        ### END SOLUTION

    def __len__(self) -> int:
        """The number of faces, N."""
        ### BEGIN SOLUTION
        return len(self.images)
        ### END SOLUTION

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return a picture, (1, H, W) float32 in [-0.5, 0.5] (0.5 is taken off at the end), and its keypoints, (2K,)
        float32: x, y, x, y, ... relative to width and height."""
        ### BEGIN SOLUTION
        image, keypoints = self.images[index], self.keypoints[index]
        dx, dy = torch.randint(-self.max_shift, self.max_shift + 1, (2,), generator=self.generator).tolist()
        turn, light, range_ = (2 * torch.rand(3, generator=self.generator) - 1).tolist()
        if self.max_degrees > 0:
            image, keypoints = rotate(image, keypoints, turn * self.max_degrees)
        if self.max_shift > 0:
            image, keypoints = translate(image, keypoints, dx, dy)
        if self.max_jitter > 0:
            image = jitter(image, light * self.max_jitter, 1 + range_ * self.max_jitter)
        # A new tensor: nobody who changes an item changes the data set.
        return torch.from_numpy(image - np.float32(0.5)).unsqueeze(0), torch.tensor(keypoints.reshape(-1))
        ### END SOLUTION


# %%
autograder.check("AugmentedFaces")

# %% [markdown]
# ## The sheet
#
# Four training faces, one a row. On the left as they lie in the data set, then five times as your data set hands them
# out, with everything switched on. If a point has come off its face anywhere, the network would learn it so.

# %%
every = AugmentedFaces(faces.images, faces.keypoints, 10, 15.0, 0.2, torch.Generator().manual_seed(0))
print("the first point of the first face, drawn three times:", *(every[0][1][:2].numpy().round(3) for _ in range(3)))

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(4, 6, figsize=(14, 7.2))
for row, index in zip(grid, (0, 60, 110, 170), strict=True):
    draw_face(row[0], faces.images[index], faces.keypoints[index], "o", color="deepskyblue")
    for cell in row[1:]:
        image, targets = every[index]
        draw_face(cell, image[0].numpy() + 0.5, targets.numpy().reshape(-1, 2), "o", color="lime")
grid[0, 0].set_title("as it is")
grid[0, 1].set_title("drawn five times", loc="left")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Believe nothing: measure
#
# "Augmentation helps" is easily said. Four kinds of training tell: without any, with shifts, with shifts and rotations,
# with shifts and jitter. Everything else is equal: first weights, order of the pictures, number of steps. The pictures
# of the last eight persons validate, as they are; no network sees these persons in training.
#
# The bar to clear is the **mean shape**: the average of all training keypoints, the same answer for every face.
#
# `quick` trains for a few epochs; `COURSE_SCALE=full` is the recipe of the sources: 30 epochs, two pictures a step,
# learning rate 3e-4, shifts by up to 10 pixels. The loop is that of lesson 05 without the missing labels; it lies in
# `data_scripts/training/keypoints.py`.

# %%
import time
from itertools import islice, pairwise

import yaml
from torch.utils.data import DataLoader

from data_scripts.keypoint_training import errors_of, predict, start_at_mean, train_keypoints

FOLDER = lesson_folder("08_full_keypoints")
config = yaml.safe_load((FOLDER / f"{scale()}.yaml").read_text(encoding="utf-8"))
settings = {
    "none": {"max_shift": 0},
    "shift": {"max_shift": config["max_shift"]},
    "shift, rotation": {"max_shift": config["max_shift"], "max_degrees": config["max_degrees"]},
    "shift, jitter": {"max_shift": config["max_shift"], "max_jitter": config["max_jitter"]},
}
val = np.isin(faces.persons, np.unique(faces.persons)[-config["n_val"] :])
train = np.flatnonzero(~val)[: config["train_faces"]]  # null in the file, None here: all of them
train_images, train_points = faces.images[train], faces.keypoints[train]
val_images, val_keypoints = faces.images[val], faces.keypoints[val]

mean_shape = train_points.mean(axis=0)
constant = errors_of(mean_shape, val_keypoints, (height, width))
print(config)
print(f"{len(train_images)} pictures to train on, {len(val_images)} of other persons to validate")
print(f"the mean shape: MSE {constant.mse:.6f}, {constant.pixels:.2f} pixels from the truth on average")


def train_one(name: str, seed: int, at_mean: bool, one_cycle: bool, epochs: int) -> tuple[nn.Module, dict]:
    """Train a FaceKeypointNet under one of the settings; return it and its history."""
    torch.manual_seed(seed)
    model = FaceKeypointNet()
    if at_mean:
        start_at_mean(model, train_points)
    generator = torch.Generator().manual_seed(seed + 1)
    train_set = AugmentedFaces(train_images, train_points, **settings[name], generator=generator)
    how = {"epochs": epochs, "batch_size": config["batch_size"], "lr": config["lr"], "one_cycle": one_cycle}
    title = f"{name}, seed {seed}"
    history = train_keypoints(model, train_set, val_images, val_keypoints, **how, seed=seed, title=title)
    return model, history


# Two pictures a step are too little work to share: two processors would mostly wait for each other.
torch.set_num_threads(1)

# %% [markdown]
# ## Where to start, and how fast
#
# A fresh network answers with numbers around 0: all points in the upper left corner. It spends its first steps on the
# way to the mean shape. One line sets the bias of its last layer to the mean shape, and it begins there. That must
# help. Does it? Trainings with shifts, half as long as the later ones, at one learning rate: from random answers, and
# from the mean shape, three each, with other first weights.

# %%
seeds = [config["seed"] + number for number in compared_seeds()]
half = max(1, config["epochs"] // 2)
begun = {}


def asleep(model: nn.Module) -> str:
    """Return in each layer but the last how many outputs are negative or 0 everywhere, for every validation face."""
    silent = []  # in the order in which the layers run

    def count(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        silent.append(int((output <= 0).transpose(0, 1).flatten(1).all(dim=1).sum()))

    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    predict(model, val_images, batch_size=len(val_images))
    for hook in hooks:
        hook.remove()
    return " ".join(f"{number:>3}" for number in silent[:-1])


def spread_of_answers(model: nn.Module) -> float:
    """Return by how many pixels the answers differ from face to face (standard deviation)."""
    return float((predict(model, val_images).std(axis=0) * (width, height)).mean())


def train_from(start: str, at_mean: bool, one_cycle: bool) -> None:
    """Train from each seed, keep the curves, and print what became of each network."""
    for seed in seeds:
        model, history = train_one("shift", seed, at_mean, one_cycle, half)
        begun.setdefault(start, []).append(history["val_pixels"])
        found = f"error {history['val_pixels'][-1]:5.2f} pixels, answers differ by {spread_of_answers(model):4.1f}"
        print(f"{start}, seed {seed}: {found}; asleep: {asleep(model)}")


print("asleep: channels of the six convolutions, 16 32 32 64 64 64 in all, then units of the 512")
train_from("from random answers", False, False)
train_from("from the mean", True, False)


# %% jupyter={"source_hidden": true}
def draw_starts(title: str) -> None:
    """Draw a line for each training of `begun`, a color for each start."""
    figure, cell = plt.subplots(figsize=(8, 3.6))
    for number, (start, curves) in enumerate(begun.items()):
        for seed, pixels in zip(seeds, curves, strict=True):
            label = start if seed == seeds[0] else None
            places = np.arange(1, len(pixels) + 1)
            cell.plot(places, pixels, "o-", color=f"C{number}", markersize=3, linewidth=1, label=label)
    cell.axhline(constant.pixels, color="gray", linestyle="--", label="mean shape")
    cell.set(xlabel="epoch", ylabel="validation error (pixels)", ylim=(0, None), title=title)
    cell.grid(alpha=0.3)
    cell.legend(fontsize=8)
    plt.show()


draw_starts(f"One learning rate, {config['lr']:g}, from the first step on: a line for each training")

# %% [markdown]
# Where a training from the mean gets going, it is soon lower. Some seeds may not leave the constant: in our run one of
# three still had its error after six epochs, 8.4 pixels; the others were at 6.1 and 3.5, those from random answers at
# 8.3 to 11.1. Is there a line whose answers hardly differ from face to face? Look at its last numbers. Where all of a
# layer is asleep, what comes behind it is the same for every face. An output that a ReLU holds at 0 for every face gets
# no gradient of its own, so such a network hardly ever gets going again.
#
# The first gradients may tell more. How long are they, and do those of two steps point the same way? A cosine of 1 says
# that they do, one of 0 that they have nothing to do with each other:


# %%
def first_gradients(at_mean: bool, seed: int, steps: int = 20) -> tuple[float, float]:
    """Return the mean length of an untrained network's gradients, a few faces each, and the mean cosine of two."""
    torch.manual_seed(seed)
    model = FaceKeypointNet()
    if at_mean:
        start_at_mean(model, train_points)
    order = torch.Generator().manual_seed(seed)
    train_set = AugmentedFaces(train_images, train_points, **settings["shift"], generator=order)
    gradients = []
    for images, targets in islice(DataLoader(train_set, config["batch_size"], shuffle=True, generator=order), steps):
        model.zero_grad()
        nn.functional.mse_loss(model(images), targets).backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    lengths = torch.stack([gradient.norm() for gradient in gradients])
    cosines = [nn.functional.cosine_similarity(*pair, dim=0) for pair in pairwise(gradients)]
    return float(lengths.mean()), float(torch.stack(cosines).mean())


for start, at_mean in (("from random answers", False), ("from the mean", True)):
    lengths, cosines = zip(*(first_gradients(at_mean, seed) for seed in seeds), strict=True)
    print(f"{start:<20} mean length {np.mean(lengths):.3f}, mean cosine of two steps' gradients {np.mean(cosines):.2f}")

# %% [markdown]
# Adam's first steps are as long as the rate allows, **in every weight**, whatever the length of the gradient. In our
# run, the gradients from random answers were long (0.13) and agreed (cosine 0.99): toward the mean. From the mean they
# were short (0.01) and had nothing in common (cosine -0.06), since two faces a step want two different things. We think
# that this is the trouble: full steps in directions that change from step to step can put units to sleep.
#
# The remedy: a rate that **rises from 1/25 to its full height** over the first quarter, a *warm-up*, **and then falls**
# to almost nothing. The first steps are short while the gradients say little, and the last ones are short so that the
# weights come to rest. The same trainings from the mean, with this rate:

# %%
train_from("from the mean, with a warm-up", True, True)

# %% jupyter={"source_hidden": true}
draw_starts("What a warm-up changes: a line for each training")

# %% [markdown]
# Compare the two colors that begin at the mean, and what is asleep. In our run all three got going with the warm-up,
# and ended at 3.9 to 4.4 pixels.
#
# From here on all trainings at `quick` scale begin at the mean, with this rate. (The recipe of the sources needs
# neither: its rate of 3e-4 is low, and it takes more than twice the steps.)
#
# ## Three trainings of each setting
#
# Each line of a table is **one** training. Another seed gives other first weights, another order, other shifts, and
# another number. A difference smaller than that noise is no difference. So each setting is trained from several seeds.

# %%
models, histories = {}, {}
start = time.perf_counter()
for name in settings:
    for seed in seeds:
        how = config["start_at_mean"], config["one_cycle"], config["epochs"]
        model, history = train_one(name, seed, *how)
        models.setdefault(name, []).append(model)
        histories.setdefault(name, []).append(history)
print(f"{time.perf_counter() - start:.0f} s")

# %% [markdown]
# ## What did it bring?
#
# The table shows the last epoch, each setting's mean and in brackets its lowest and highest seed. In the curves, solid
# is validation, dotted is training on the pictures as they were drawn, both means of the seeds; the bands reach from
# the lowest to the highest seed.

# %%
import pandas as pd

rows = [("mean shape", np.nan, constant.mse, f"{constant.pixels:.2f}")]
for name, found in histories.items():
    pixels = np.array([history["val_pixels"][-1] for history in found])
    errors = [np.mean([history[key][-1] for history in found]) for key in ("train_mse", "val_mse")]
    rows.append((name, *errors, f"{pixels.mean():.2f} ({pixels.min():.2f} to {pixels.max():.2f})"))
columns = ["augmentation", "training MSE", "validation MSE", "pixels"]
table = pd.DataFrame(rows, columns=columns).set_index("augmentation")
table["validation / training"] = table["validation MSE"] / table["training MSE"]
table.round({"training MSE": 6, "validation MSE": 6, "validation / training": 1})

# %% jupyter={"source_hidden": true}
figure, cells = plt.subplots(1, 2, figsize=(13, 4), sharey=True)
for number, (name, found) in enumerate(histories.items()):
    cell = cells[0 if name in ("none", "shift") else 1]
    curves = np.array([history["val_mse"] for history in found])
    epochs = np.arange(1, curves.shape[1] + 1)
    cell.plot(epochs, curves.mean(axis=0), "o-", color=f"C{number}", markersize=3, label=name)
    cell.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=f"C{number}", alpha=0.2)
    cell.plot(epochs, np.mean([history["train_mse"] for history in found], axis=0), ":", color=f"C{number}")
for cell in cells:
    cell.axhline(constant.mse, color="gray", linestyle="--", label="mean shape")
    cell.set(xlabel="epoch", ylabel="MSE", yscale="log", title="Solid: validation, dotted: training")
    cell.grid(alpha=0.3)
    cell.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# What stays, whatever the seed?
#
# - Without augmentation the dotted curve falls away from the solid one: the error on new persons is a multiple of that
#   on the training pictures (last column), and the gap grows. The network learns its pictures by heart.
# - With shifts the two stay close together. Nobody learns by heart what hardly comes twice. A ratio below 1, as with
#   rotations, says that the training pictures are harder than those to validate, which are not turned.
# - Which of them is **best** on new persons is another question. Look at the brackets: where they overlap, these
#   trainings do not tell. A harder task needs more steps, so augmentation may pay in longer trainings.
#   `python -m data_scripts.augmentation_effect` measures the recipe of the sources that way.
#
# Can the network find a face that is not in the middle? We move the validation pictures ourselves, step by step to the
# right, and ask the networks without augmentation and those with shifts.

# %%
distances = np.arange(-15, 16, 5)
moved_errors = {"none": [[] for _ in seeds], "shift": [[] for _ in seeds]}  # a list of errors for each network
for dx in distances:
    moved = [translate(i, k, int(dx), 0) for i, k in zip(val_images, val_keypoints, strict=True)]
    images, keypoints = (np.stack(parts) for parts in zip(*moved, strict=True))
    for name, curves in moved_errors.items():
        for model, pixels in zip(models[name], curves, strict=True):
            pixels.append(errors_of(predict(model, images), keypoints, (height, width)).pixels)
for name, curves in moved_errors.items():
    means = np.mean(curves, axis=0)
    print(f"{name:<6}", "  ".join(f"{dx:+d}: {p:.2f}" for dx, p in zip(distances, means, strict=True)), "(means)")

# %% jupyter={"source_hidden": true}
figure, cell = plt.subplots(figsize=(7, 3.5))
for number, (name, curves) in enumerate(moved_errors.items()):
    cell.plot(distances, np.transpose(curves), color=f"C{number}", linewidth=0.8, alpha=0.7)
    cell.plot(distances, np.mean(curves, axis=0), "o-", color=f"C{number}", label=f"{name}, mean of the thin lines")
cell.set(xlabel="validation pictures moved by (pixels)", ylabel="error (pixels)", ylim=(0, None))
cell.grid(alpha=0.3)
cell.legend()
plt.show()

# %% [markdown]
# The curves with shifts are the flatter ones: what a network has practiced, it can do. In our run each of the three
# lies below each of the three without, wherever the pictures moved by ten pixels or more. In the middle, where the
# faces of this data set sit anyway, the thin lines cross: there, shifts are no advantage.
#
# ## Success and failure
#
# The four validation pictures with the smallest error of the networks with shifts, on average, and the four with the
# largest. Green circles: truth; red crosses: what the first of these networks says. What do the failures have in
# common?


# %%
def off_by(name: str) -> np.ndarray:
    """Return the error of each validation picture in pixels, (networks, pictures), for each network of a setting."""
    distances = ((predict(model, val_images) - val_keypoints) * (width, height) for model in models[name])
    return np.stack([np.linalg.norm(off, axis=2).mean(axis=1) for off in distances])


def told(errors: np.ndarray) -> str:
    """Return the mean of errors, one of each network, with the lowest and the highest of them."""
    return f"{errors.mean():.2f} ({errors.min():.2f} to {errors.max():.2f})"


errors = {name: off_by(name) for name in models}
predicted, off = predict(models["shift"][0], val_images), errors["shift"].mean(axis=0)
names = [faces.files[index].stem for index in np.flatnonzero(val)]
ranking = np.argsort(off)
kinds = np.array([name[3] for name in names])
pd.DataFrame(
    [[told(found[:, kinds == kind].mean(axis=1)) for found in errors.values()] for kind in np.unique(kinds)],
    index=pd.Index(np.unique(kinds), name="kind of picture"),
    columns=list(errors),
)

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(2, 4, figsize=(14, 6))
for row, chosen in zip(grid, (ranking[:4], ranking[-4:]), strict=True):
    for cell, index in zip(row, chosen, strict=True):
        draw_face(cell, val_images[index], val_keypoints[index], "o", color="lime", fillstyle="none", label="truth")
        draw_face(cell, val_images[index], predicted[index], "x", color="red", markersize=5, label="prediction")
        cell.set_title(f"{names[index]}: {off[index]:.1f} pixels", fontsize=10)
grid[0, 0].legend(loc="lower left", fontsize=7)
plt.tight_layout()
plt.show()

# %% [markdown]
# The number behind the hyphen of a file's name is the kind of picture: 1 neutral, 2 smiling, 3 and 4 turned to either
# side, 5 lit from the side, 6 a grimace. Eight faces of each kind are few: before you say which is the hardest, compare
# the columns, and the lowest and the highest seed in brackets.
#
# ## Exercise {{first_layer_filters}}: what does the first layer look at?
#
# The filters of the first layer are small pictures themselves: 5×5 numbers each, laid over every place of the face.
#
# **Common mistake.** Handing out the network's own memory: `.numpy()` does not copy. Train on, and the figure that you
# kept changes under your eyes; scale it for drawing, and you have changed the network.


# %%
def first_layer_filters(model: nn.Module) -> np.ndarray:
    """Return a copy of the sixteen 5x5 filters of a FaceKeypointNet's first convolution.

    Args:
        model: a ``FaceKeypointNet()``, trained or not; left alone.

    Returns:
        (16, 5, 5) float32, the weights as they are, in the order of the output channels. Later training does not change
        it, and whoever changes it does not change the model.
    """
    ### BEGIN SOLUTION
    first = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
    return first.weight.detach().squeeze(1).numpy().copy()
    ### END SOLUTION


# %%
autograder.check("first_layer_filters")

# %% [markdown]
# Above, the sixteen filters of a network that was never trained; below, those of the first one with shifts. White: a
# bright pixel here raises the answer; black: it lowers it. An edge shows as a bright side beside a dark one.

# %%
torch.manual_seed(config["seed"])
untrained, trained = first_layer_filters(FaceKeypointNet()), first_layer_filters(models["shift"][0])
change = np.abs(trained - untrained).mean() / np.abs(untrained).mean()
print(f"training changed a weight of these filters by {change:.0%} of its size on average")

# %% jupyter={"source_hidden": true}
most = max(np.abs(untrained).max(), np.abs(trained).max())
figure, grid = plt.subplots(2, 16, figsize=(14, 2.3))
for row, filters in zip(grid, (untrained, trained), strict=True):
    for cell, kernel in zip(row, filters, strict=True):
        cell.imshow(kernel, cmap="gray", vmin=-most, vmax=most)
        cell.set(xticks=[], yticks=[])
grid[0, 0].set_ylabel("before")
grid[1, 0].set_ylabel("after")
plt.tight_layout()
plt.show()

# %% [markdown]
# The pictures above and below hardly differ, and that is no fault of yours. Random filters already tell bright from
# dark and one direction from another, and whatever they lose a later layer can make up for, by changing less. On 192
# pictures nothing pushes the first layer to become tidy. The neat edges and blobs of textbooks come from networks that
# saw millions of pictures for days.
#
# ## Keep what was measured

# %%
import json

folder = output_folder("08_full_keypoints")
results = {"scale": scale(), "config": config, "mean_shape": vars(constant), "histories": histories}
(folder / "metrics.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
torch.save(models["shift"][0].state_dict(), folder / "face_keypoints.pt")
for name in ("metrics.json", "face_keypoints.pt"):
    print(f"{name}: {(folder / name).stat().st_size:,} bytes")

# %% [markdown]
# ## Three questions
#
# 1. A colleague mirrors pictures and points from left to right, as one more augmentation. The picture is right, every
#    point sits on the face, and the network gets worse. Why?
# 2. With shifts, the error in training is higher than without, the one in validation is not. Is the network with shifts
#    worse at its task?
# 3. Three seeds of setting A give 2.6, 2.7 and 2.8 pixels, three of setting B 2.5, 2.7 and 2.9. Which would you take,
#    and what would you do to be surer?
#
# <details><summary>Answers</summary>
#
# 1. Point 13 was a corner of the left eye. In the mirrored picture its place is at the right eye, and it still is
#    number 13. The numbers of left and right points must be exchanged, too.
# 2. Its task in training is harder: hardly a picture comes twice. Training errors under different augmentations do not
#    compare. Validation pictures are the same for all, so those errors do.
# 3. The means are equal and each lies within the spread of the other: nothing speaks for either. More seeds narrow the
#    mean, other persons for validation tell more: 48 pictures of eight persons are a draw themselves.
#
# </details>
#
# ## Further reading
#
# - [The IMM Face Database](http://www2.imm.dtu.dk/pubdb/p.php?3160), whose format these faces have.
# - Shorten and Khoshgoftaar, [A survey on Image Data Augmentation for Deep
#   Learning](https://doi.org/10.1186/s40537-019-0197-0), 2019.
# - Goyal and others, [Accurate, Large Minibatch SGD](https://arxiv.org/abs/1706.02677), 2017: they need a warm-up for
#   another reason.
#
# ## What an experienced person would write
#
# `albumentations.Compose([Affine(...), RandomBrightnessContrast(...)], keypoint_params=KeypointParams("xy",
# remove_invisible=False))` moves pictures and points by one matrix, a shift and a turn in a single resampling. The
# rate: `torch.optim.lr_scheduler.OneCycleLR`. And several seeds, always.
#
# ## What you have learned
#
# - Count the shapes before you write the linear layer: 64 · 6 · 11 = 4224.
# - What moves the pixels must move the points, by the same matrix and in pixels: relative units do not turn.
# - Draw the augmentation when an item is asked for, from a generator that is handed in, never on top of the last one.
# - A start at the mean wants short first steps: the answer is nearly right, and long steps break more than they mend.
# - Measure each augmentation alone, against a constant answer, on people that the network has not seen, and more than
#   once.
#
# Next: lesson 09 goes from 240 pictures to a larger set, and from six convolutions to ResNet18.
