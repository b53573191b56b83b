# %% [markdown]
# # {{lesson}}
#
# **Goal.** You read 68-point faces from the files of a real contest, cut them out of their photographs, train a
# ResNet18, and bring its answers back into the photographs, where the contest measures them.
#
# **You need** lessons 03 (residual blocks) and 05 (training). **Time:** about {{minutes}} minutes, about one of them
# training. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{read_ibug_xml}} `read_ibug_xml` | files, face boxes and points from XML |
# | {{crop_face}} `crop_face`, `uncrop` | from the photograph into the crop, and back |
# | {{resnet18}} `resnet18` | a published network, to the last parameter name |
# | {{mean_absolute_error}} `mean_absolute_error` | the contest's figure |
#
# **Sources.** The lesson follows the third part of a project of Berkeley's course
# [CS194-26](https://inst.eecs.berkeley.edu/~cs194-26/fa20/), a contest within that course: "the contest" below. Its
# faces were gathered for the [300-W challenge](https://ibug.doc.ic.ac.uk/resources/300-W/).

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

import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import cv2
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn


class FaceRecord(NamedTuple):
    """One face of a file of labels, a tuple of three: ``file, box, keypoints = record``.

    Attributes:
        file: name of the picture, as the XML has it; the picture lies beside the XML file.
        box: left, top, width, height in pixels, four whole numbers.
        keypoints: (68, 2) float32 pixels, (x, y), or None where the file gives the box alone.
    """

    file: str
    box: tuple[int, int, int, int]
    keypoints: np.ndarray | None


# %% [markdown]
# ## The goal, as a picture
#
# Eight pictures with what the files of the contest say about them: a box around the face, and 68 points on it.
# Points 0 to 16 run along the jaw, then come eyebrows, nose, eyes and mouth.
#
# These faces are drawn, and we call their pictures photographs. Where you have the contest's three files of labels and
# the real photographs, set `COURSE_IBUG` to their folder before you start Jupyter.

# %%
from data_scripts.folders import course_folder, lesson_folder, output_folder, scale
from data_scripts.ibug_faces import TEST, TEST_TRUTH, TRAIN, ibug_folder, read_labels, read_picture, split_by_photo

folder = ibug_folder()
examples = [face for face in read_labels(folder / TRAIN) if face.keypoints is not None][:8]
for face in examples[:3]:
    print(f"{face.file}: box {face.box}, {len(face.keypoints)} points, the first at {face.keypoints[0].round(1)}")

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(2, 4, figsize=(13, 6.6))
for cell, face in zip(grid.flat, examples, strict=False):
    left, top, width, height = face.box
    cell.imshow(read_picture(folder / face.file), cmap="gray", vmin=0, vmax=1)
    cell.add_patch(plt.Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color="orange"))
    cell.plot(*face.keypoints.T, ".", color="lime", markersize=4)
    cell.set_title(f"box {width} x {height}", fontsize=9)
    cell.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## The idea: a detour through a crop
#
# The photographs differ in size, and the face is somewhere in them. A network wants images of one size, with the face
# always in about the same place. So each answer takes a detour:
#
# 1. cut the box out of the photograph, and resize it: every face becomes an image of the same size,
# 2. let the network answer in pixels of this crop,
# 3. bring its answer back into the photograph.
#
# The contest measures errors in pixels **of the photograph**. An error in step 1 or 3 is no error of the network, and
# no training makes up for it.
#
# ## Exercise {{read_ibug_xml}}: labels in XML
#
# XML is text made of elements. An element has a name, attributes, and other elements inside of it. Here is the
# beginning of the training file:

# %%
print("\n".join((folder / TRAIN).read_text(encoding="iso-8859-1").splitlines()[:11]))

# %% [markdown]
# `ElementTree.parse(path).getroot()` reads such a file; `iter` and `findall` find elements by name, and `attrib` is a
# dict of an element's attributes, all of them text:

# %%
image = ElementTree.fromstring("<image file='a.jpg'><box top='7' left='5'/><box top='9' left='8'/></image>")
print(image.attrib)
for box in image.iter("box"):
    print(box.attrib, "->", int(box.attrib["left"]), int(box.attrib["top"]))

# %% [markdown]
# Who reads a file of somebody else's must expect it to be broken: cut off, or with a point missing. Your reader
# refuses such a file with one kind of error, ValueError, before anybody trains on it. Each face becomes a `FaceRecord`,
# a tuple with names that the first cell defines: `FaceRecord(file, box, keypoints)`.
#
# **Common mistakes.** The attributes stand as top, left; the record begins with left. The points stand in order in
# these files, but only their names promise it. And a file that is cut off raises a ParseError, which is no ValueError;
# one of an unknown encoding raises a LookupError.


# %%
def read_ibug_xml(path: str | Path) -> list[FaceRecord]:
    """Read the faces of one XML file of the iBUG 300-W contest.

    Returns:
        One record for each ``box`` element, in the order of the file: the name of its picture as the file has it; left,
        top, width, height; and (68, 2) float32 keypoints, (x, y) pixels of the picture. The points are ordered by their
        names, 00 to 67. A box without any point has keypoints None.

    Raises:
        ValueError: the file is not XML, or can't be read because it names an encoding that does not exist; an attribute
            that is needed is missing, or is no finite number where one is needed; a box has some points, but not 68 of
            the names 00 to 67, each once. Whether 0 is read as 00 is up to you.
    """
    ### BEGIN SOLUTION
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError) as error:
        # ParseError is a SyntaxError, LookupError an unknown encoding: nobody expects either of a file of data.
        raise ValueError(f"{path} is not XML: {error}") from error
    wanted = [f"{number:02d}" for number in range(68)]
    records = []
    try:
        for image in root.iter("image"):
            file = image.attrib["file"]
            for box in image.iter("box"):
                sides = tuple(int(box.attrib[side]) for side in ("left", "top", "width", "height"))
                parts = box.findall("part")
                points = {part.attrib["name"]: (float(part.attrib["x"]), float(part.attrib["y"])) for part in parts}
                if parts and (len(parts) != 68 or sorted(points) != wanted):
                    raise ValueError(f"{file}: expected points 00 to 67, each once, got {len(parts)}")
                if not np.isfinite(list(points.values())).all():
                    raise ValueError(f"{file}: expected finite coordinates")
                keypoints = np.array([points[name] for name in wanted], np.float32) if parts else None
                records.append(FaceRecord(file, sides, keypoints))
    except KeyError as error:
        raise ValueError(f"{path}: the attribute {error} is missing") from error
    return records
    ### END SOLUTION


# %%
autograder.check("read_ibug_xml")

# %% [markdown]
# Your reader on the whole training file, and the spread of what it found:

# %%
records = read_ibug_xml(folder / TRAIN)
widths = np.array([box[2] for _, box, _ in records])
outside = sum(min(box[:2]) < 0 for _, box, _ in records)
print(
    f"{len(records)} faces; boxes {widths.min()} to {widths.max()} pixels wide, {np.median(widths):.0f} in the middle"
)
print(f"{outside} boxes begin left of their picture or above it")

# %% [markdown]
# ## A worked example: where is a pixel?
#
# Resizing moves every pixel, and the points must move with them. To see where pixels go, take an image whose gray
# values are their own column numbers, and make it twice as wide:

# %%
columns = np.arange(4, dtype=np.float32)[None]
wide = cv2.resize(columns, (8, 1), interpolation=cv2.INTER_LINEAR)
print("before:", columns[0])
print("after: ", wide[0])

# %% [markdown]
# Look at the two pixels in the middle, 3 and 4. They hold 1.25 and 1.75: the place between columns 1 and 2, at 1.5,
# lies between them, at 3.5. Not at 3, which is twice 1.5!
#
# The reason: a whole number is the **center** of a pixel, and a pixel reaches half a pixel to each side. The image
# begins at -0.5. Count from there, scale, and count back:
#
# | | column 1.5 |
# |---|---|
# | from the left rim of the image | 1.5 + 0.5 = 2 |
# | twice as wide | 4 |
# | as a column again | 4 - 0.5 = 3.5 |
#
# For a box that begins at column `left` and is `width` columns wide:
#
# `x in the crop = (x - left + 0.5) * size / width - 0.5`
#
# And without the halves? `(x - left) * size / width` puts the point beside its spot of the face, by as much as the box
# is resized. In pixels of the photograph:

# %%
for width in (60, 112, 224, 448, 896):
    right, wrong = (0 + 0.5) * 224 / width - 0.5, 0 * 224 / width
    print(f"box {width:>3} px wide, crop 224: off by {(wrong - right) * width / 224:+.2f} px of the photograph")

# %% [markdown]
# In general `0.5 * (width / size - 1)`. It has both signs: a face that is enlarged is labeled too far left and up, one
# that shrinks too far right and down. So the labels contradict each other from face to face, and in a large photograph
# by more than a pixel. It raises no error, and no training makes it go away.
#
# ## Exercise {{crop_face}}: crop and uncrop
#
# `crop_face` cuts out and resizes, and moves the points along. `uncrop` takes points of the crop back; it is the same
# formula, solved for x.
#
# **Common mistakes.** A box may begin at column -20. `image[:, -20:100]` then does not begin 20 columns before the
# image: a negative number counts from the other end. And a jaw that reaches out of the box stays where it is; a point
# that is moved to the rim does not come back.


# %%
def crop_face(
    image: np.ndarray, box: tuple[int, int, int, int], keypoints: np.ndarray | None, size: int = 224
) -> tuple[np.ndarray, np.ndarray | None]:
    """Cut a box out of an image and resize it; the keypoints move along.

    A whole coordinate is the center of a pixel, in the image and in the crop: (0, 0) is the center of the upper left
    one. The kind of interpolation is up to you.

    Args:
        image: (H, W) float32 in [0, 1]. It is left alone.
        box: left, top, width, height: columns left ... left + width - 1 and rows top ... top + height - 1. It need not
            be square, and may reach outside of the image on any side.
        keypoints: (68, 2) float32 pixels of the image, (x, y), or None. It is left alone.
        size: width and height of the crop.

    Returns:
        The crop, (size, size) float32 in [0, 1], black (0) where the box is outside of the image. The keypoints in
        pixels of the crop, (68, 2) float32, also those outside of the crop; None for None.
    """
    ### BEGIN SOLUTION
    left, top, width, height = box
    rows, columns = image.shape
    x0, x1 = max(left, 0), min(left + width, columns)
    y0, y1 = max(top, 0), min(top + height, rows)
    cut = np.zeros((height, width), np.float32)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    # Averaging over areas uses every pixel of a large face; it is no way to enlarge a small one.
    shrinks = size < min(width, height)
    crop = cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if keypoints is None:
        return crop, None
    scale = size / np.array([width, height])
    moved = (keypoints - np.array([left, top]) + 0.5) * scale - 0.5
    return crop, moved.astype(np.float32)
    ### END SOLUTION


def uncrop(points: np.ndarray, box: tuple[int, int, int, int], size: int = 224) -> np.ndarray:
    """Bring points of a crop back into the image: the inverse of what crop_face does to keypoints.

    Args:
        points: (K, 2) pixels of the crop, (x, y). It is left alone.
        box: left, top, width, height of the crop in the image.
        size: width and height of the crop.

    Returns:
        The points in pixels of the image, (K, 2) float.
    """
    ### BEGIN SOLUTION
    left, top, width, height = box
    scale = np.array([width, height]) / size
    return ((points + 0.5) * scale - 0.5 + np.array([left, top])).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("crop_face")

# %% [markdown]
# Four faces in the photograph and in your crop. The green points must sit on the same spots of the face in both.

# %%
beyond = [record for record in records if min(record[1][:2]) < 0]
chosen = [record for record in [*beyond[:1], *records] if record[2] is not None][:4]
pictures = [read_picture(folder / file) for file, _, _ in chosen]
crops = [crop_face(picture, box, points) for picture, (_, box, points) in zip(pictures, chosen, strict=True)]
for (file, box, points), (crop, moved) in zip(chosen, crops, strict=True):
    off = np.abs(uncrop(moved, box) - points).max()
    print(f"{file}: box {box} -> {crop.shape}; there and back, a point is off by {off:.5f} px at most")

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(2, 4, figsize=(13, 6.6))
for cells, picture, (_, box, points), (crop, moved) in zip(grid.T, pictures, chosen, crops, strict=False):
    above, below = cells
    above.imshow(picture, cmap="gray", vmin=0, vmax=1)
    above.add_patch(plt.Rectangle((box[0] - 0.5, box[1] - 0.5), box[2], box[3], fill=False, color="orange"))
    above.plot(*points.T, ".", color="lime", markersize=3)
    below.imshow(crop, cmap="gray", vmin=0, vmax=1)
    below.plot(*moved.T, ".", color="lime", markersize=3)
    above.axis("off")
    below.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Why names matter
#
# A file of weights is a dict: the name of each weight and its numbers. Names come from attributes: an attribute `conv1`
# that holds a convolution makes a `conv1.weight`; inside of an `nn.Sequential`, parts are numbered from 0.


# %%
class Tiny(nn.Module):
    """A convolution and a normalization, one of them inside of an nn.Sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3, bias=False)
        self.layer1 = nn.Sequential(nn.BatchNorm2d(2))


for name, weight in Tiny().state_dict().items():
    print(f"{name:28} {tuple(weight.shape)}")

try:
    Tiny().load_state_dict({"convolution.weight": torch.zeros(2, 1, 3, 3)})
except RuntimeError as error:
    print(str(error)[:150], "...")

# %% [markdown]
# Weights that others trained for weeks load into your network in a second, if every name and every shape is the same.
# The most common ones are those of the library torchvision. Its ResNet18 is made of blocks as in lesson 03:
#
# | part | layers | names |
# |---|---|---|
# | stem | 7×7 conv to 64 channels, stride 2, padding 3; BN; ReLU; 3×3 max-pool, stride 2, padding 1 | `conv1`, `bn1` |
# | 4 layers of 2 blocks | 64, 128, 256, 512 channels; all but the first halve the size | `layer1.0` … `layer4.1` |
# | each block | 3×3 conv, BN, ReLU, 3×3 conv, BN; plus the shortcut; ReLU | `conv1`, `bn1`, `conv2`, `bn2` |
# | shortcut where the shape changes | 1×1 conv, BN | `downsample.0`, `downsample.1` |
# | head | mean over the map; linear | `fc` |
#
# No convolution has a bias. In a block that halves the size, the first convolution and the shortcut have stride 2.
#
# ## Exercise {{resnet18}}: a published network
#
# Build it to the last name. Whatever helps, such as a class for the block, goes into the same cell, above `resnet18` or
# inside of it.
#
# **Common mistakes.** A shortcut with weights where the shape stays. A layer named by what it does rather than by what
# the list says. And a last layer that fits images of 224 pixels only: average over the map, whatever its size.


# %%
def resnet18(outputs: int = 136, in_channels: int = 1) -> nn.Module:
    """Build torchvision's ResNet18, with the very names and shapes of its parameters, so that its weights load.

    Args:
        outputs: size of the last layer: 68 points, x and y.
        in_channels: 1 for shades of gray, 3 for colors.

    Returns:
        A module that maps (B, in_channels, H, W) float32 to (B, outputs). How its weights begin is up to you.
    """

    ### BEGIN SOLUTION
    class BasicBlock(nn.Module):
        """Two 3x3 convolutions beside a shortcut, with torchvision's names."""

        def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or in_channels != out_channels:
                self.downsample = nn.Sequential(
                    nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
                )

        def forward(self, x: Tensor) -> Tensor:
            shortcut = x if self.downsample is None else self.downsample(x)
            out = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(out)) + shortcut)

    class ResNet18(nn.Module):
        """The network of 18 layers with weights, with torchvision's names."""

        def __init__(self, outputs: int, in_channels: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
            self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
            self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
            self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(512, outputs)

        def forward(self, x: Tensor) -> Tensor:
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(self.avgpool(x).flatten(1))

    return ResNet18(outputs, in_channels)
    ### END SOLUTION


# %%
autograder.check("resnet18")

# %%
published = resnet18(outputs=1000, in_channels=3)
ours = resnet18()
for name, weight in [*ours.state_dict().items()][:7]:
    print(f"{name:28} {tuple(weight.shape)}")
for name, model in (("1000 outputs, 3 channels", published), ("136 outputs, 1 channel", ours)):
    print(f"{name}: {sum(parameter.numel() for parameter in model.parameters()):,} parameters")

# %% [markdown]
# The first count is the one that torchvision's documentation gives. This course trains from scratch. Where you have the
# published file: `published.load_state_dict(torch.load("resnet18.pth"))`, then copy everything but `conv1` and `fc`.
#
# ## Exercise {{mean_absolute_error}}: the contest's figure
#
# Berkeley's contest averages **absolute** errors over all coordinates, in pixels of the photographs. Two ways to be off
# by 10 in all:

# %%
for errors in (np.array([10.0, 0, 0, 0]), np.array([2.5, 2.5, 2.5, 2.5])):
    rmse = np.sqrt(np.mean(errors**2))
    print(f"errors {errors}: mean absolute error {np.abs(errors).mean()}, RMSE {rmse}")

# %% [markdown]
# The RMSE of lesson 02 punishes the single bad point, the mean absolute error (MAE) does not.
#
# The 300-W challenge itself counts otherwise: the distance between found and true point, divided by that between the
# outer corners of the eyes ([its paper](https://doi.org/10.1016/j.imavis.2016.01.002)). So a face counts the same
# however large its photograph is. The course's `error_by_eyes` is that figure; you will see both.


# %%
def mean_absolute_error(pred: np.ndarray, target: np.ndarray) -> float:
    """Return the mean of |prediction - truth| over all coordinates, in the unit of the arrays.

    Args:
        pred: predicted coordinates, any shape, such as (N, 68, 2) pixels of the original pictures.
        target: true ones, the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    ### BEGIN SOLUTION
    pred, target = np.asarray(pred, float), np.asarray(target, float)
    if pred.shape != target.shape:
        raise ValueError(f"expected two arrays of one shape, got {pred.shape} and {target.shape}")
    return float(np.abs(pred - target).mean())
    ### END SOLUTION


# %%
autograder.check("mean_absolute_error")

# %% [markdown]
# ## The error to beat: no network at all
#
# Before training, the error that any network must beat: the mean shape of the training faces, put into every box.
# The faces are split first, 80 to 20, **by photo**: `helen__trainset__2908549_1.jpg` and `…_2.jpg` show two people in
# the same light, before the same wall. Whoever splits by file measures on photos that were learned from.

# %%
from data_scripts.landmark_training import (
    cut_faces,
    error_by_eyes,
    in_pictures,
    load_recipe,
    pixel_error,
    predict,
    start_at_mean,
    train_network,
    with_points,
)

FOLDER = lesson_folder("09_larger_dataset")
recipe = load_recipe(FOLDER / f"{scale()}.yaml")
labeled = with_points(records)
used = labeled[: recipe.faces] if recipe.faces else labeled
train_rows, val_rows = split_by_photo([file for file, _, _ in used], recipe.val_fraction, recipe.seed)
train = cut_faces([used[row] for row in train_rows], folder, crop_face, recipe.size)
val = cut_faces([used[row] for row in val_rows], folder, crop_face, recipe.size)

mean_shape = train.points.mean(dim=0).numpy()
mean_mae = pixel_error(np.broadcast_to(mean_shape, (len(val_rows), 68, 2)), val, uncrop, mean_absolute_error)
print(recipe)
print(f"{len(train_rows)} faces to train on, {len(val_rows)} to validate")
print(f"the mean shape in every box: MAE {mean_mae:.2f} px of the photographs")

# %% [markdown]
# ## Train
#
# You wrote a training loop in lesson 05; this lesson brings one, in `data_scripts/training/landmarks.py`. It calls your
# `resnet18`, `uncrop` and `mean_absolute_error`. What sets it apart from yours:
#
# - the network answers in units of the crop's size, from about -0.5 to 0.5, and its last layer begins with the mean
#   shape: it learns how a face deviates from it,
# - at `quick` scale the learning rate **rises, then falls** to almost nothing, once over the training (below). AdamW
#   takes the steps, and large errors count by their size, small ones by their square (smooth L1, in pixels),
# - after every epoch it writes a **checkpoint**: weights, the optimizer's memory, the history. Interrupt the next cell
#   (the black square), run it again, and it goes on behind the last finished epoch. The order of the faces depends on
#   seed and epoch alone, so the result is the same as without the interruption,
# - several processes can share the work, see below.
#
# `quick` takes all drawn faces in crops of 64 pixels, about a minute on two cores. With `COURSE_SCALE=full` it is the
# recipe of the source: crops of 224 pixels, Adam at one rate, which takes hours on a laptop.

# %%
from data_scripts.training.rates import one_cycle_rate

rates = [one_cycle_rate(step, 1000, 1e-3) for step in range(1000)]
print(f"it begins at {rates[0]:.1e}, is highest, {max(rates):.1e}, after {np.argmax(rates) / 10:.0f} %,", end=" ")
print(f"and ends at {rates[-1]:.1e}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(7, 2.6))
axes.plot(np.arange(1000) / 10, rates)
axes.set(xlabel="share of the training (%)", ylabel="learning rate", title="One cycle of the rate")
axes.grid(alpha=0.3)
plt.tight_layout()
plt.show()

# %% [markdown]
# The first gradients of a fresh network say little, so the first steps are short. At the end each step still follows
# sixteen faces of hundreds, and with long steps the weights would tremble around a good place. Short ones let them
# settle: look at the last epochs of the curve below.

# %%
import time

results = output_folder("09_larger_dataset")
checkpoint = results / f"resnet18_{scale()}.pt"

torch.manual_seed(recipe.seed)
model = resnet18()
start_at_mean(model, train)
start = time.perf_counter()
history = train_network(
    model, train, val, recipe, lambda found: pixel_error(found, val, uncrop, mean_absolute_error), checkpoint
)
best_mae = min(history["val_mae"])
print(f"{len(history['val_mae'])} epochs; this call took {time.perf_counter() - start:.0f} s")
print(f"validation MAE {best_mae:.2f} px; the mean shape {mean_mae:.2f} px; ratio {best_mae / mean_mae:.2f}")

# %%
epochs = np.arange(1, len(history["val_mae"]) + 1)
best = int(np.argmin(history["val_mae"]))
print("validation MAE after each epoch:", "  ".join(f"{mae:.2f}" for mae in history["val_mae"]))

# %% jupyter={"source_hidden": true}
figure, (left_axes, right_axes) = plt.subplots(1, 2, figsize=(11, 3.6))
left_axes.plot(epochs, history["train_mse"], "s--", label="training")
left_axes.set(xlabel="epoch", ylabel="MSE (units of the crop)", yscale="log", title="Training error")
right_axes.plot(epochs, history["val_mae"], "o-", label="validation")
right_axes.plot(best + 1, best_mae, "*", color="black", markersize=12, label="best epoch, kept")
right_axes.axhline(mean_mae, color="gray", linestyle=":", label="mean shape")
right_axes.set(xlabel="epoch", ylabel="MAE (pixels of the photographs)", title="Validation error")
for axes in (left_axes, right_axes):
    axes.set_xticks(epochs)
    axes.grid(alpha=0.3)
    axes.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# In the first epochs the validation error may lie above that of the mean shape, while the training error falls. One
# reason: in eval mode batch normalization uses averages over the last steps (lesson 03), and where the rate is high,
# the weights have moved on since.
#
# ## Validation faces: the best and the worst
#
# The network's answers, brought back into the photographs, and how far off each face is.

# %%
found = in_pictures(predict(model, val), val, uncrop)
sizes = np.array([box[2] for box in val.boxes])
errors = np.abs(found - val.truth).mean(axis=(1, 2)) / sizes
ranking = np.argsort(errors)
least, middle, most = errors[ranking[[0, len(ranking) // 2, -1]]]
print(f"MAE in shares of the box's width: {least:.1%} at best, {middle:.1%} in the middle, {most:.1%} at worst")

# %% [markdown]
# Green dots are the truth, red crosses the network, drawn in the photographs. The upper row shows the smallest errors,
# the lower row the largest, in shares of the box's width: in pixels, the lower row would show large photographs only.
# What do the failures have in common? Guess before you read on.


# %% jupyter={"source_hidden": true}
def show(cells: np.ndarray, files: list[str], boxes: list, found: np.ndarray, truth: np.ndarray | None) -> None:
    """Draw predictions (N, 68, 2) in their pictures, and the truth where there is one."""
    for number, cell in enumerate(cells):
        left, top, width, height = boxes[number]
        cell.imshow(read_picture(folder / files[number]), cmap="gray", vmin=0, vmax=1)
        title = f"box {width} px"
        if truth is not None:
            cell.plot(*truth[number].T, ".", color="lime", markersize=4)
            mae = mean_absolute_error(found[number], truth[number])
            title = f"MAE {mae / width:.1%} of the box, {mae:.1f} px"
        cell.plot(*found[number].T, "x", color="red", markersize=3, markeredgewidth=0.8)
        cell.set(xlim=(left - 0.15 * width, left + 1.15 * width), ylim=(top + 1.15 * height, top - 0.15 * height))
        cell.set_title(title, fontsize=9)
        cell.axis("off")


figure, grid = plt.subplots(2, 5, figsize=(14, 6))
for cells, rows in zip(grid, (ranking[:5], ranking[-5:]), strict=True):
    files = [used[val_rows[row]][0] for row in rows]
    show(cells, files, [val.boxes[row] for row in rows], found[rows], val.truth[rows])
plt.tight_layout()
plt.show()

# %% [markdown]
# Ten faces suggest a cause; they do not show it. Is what you noticed rarer among the others? Measure it: on the tenth
# of the validation faces with the largest errors, and on all of them.


# %%
def traits(row: int) -> dict[str, float]:
    """Return what might make a validation face hard, in numbers."""
    (left, top, width, height), truth = val.boxes[row], val.truth[row]
    rows, columns = read_picture(folder / used[val_rows[row]][0]).shape
    seen = max(min(left + width, columns) - max(left, 0), 0) * max(min(top + height, rows) - max(top, 0), 0)
    ends, eyes, off = truth[[0, 16], 0], truth[45] - truth[36], np.abs(found[row] - truth)
    return {
        "width of the box, px": width,
        "part of the box outside of the picture, %": 100 * (1 - seen / (width * height)),
        "nose off the middle of the jaw, % of its width": 100 * abs(truth[30, 0] - ends.mean()) / np.ptp(ends),
        "slope of the eyes' line, degrees": abs(np.degrees(np.arctan2(eyes[1], eyes[0]))),
        "distance from the mean shape, % of the box": 100 * np.abs(guesses[row] - truth).mean() / width,
        "share of the jaw in the network's error, %": 100 * off[:17].sum() / off.sum(),
    }


guesses = in_pictures(np.broadcast_to(mean_shape, found.shape), val, uncrop)
measured = [traits(row) for row in range(len(val_rows))]
tenth = ranking[-max(1, len(ranking) // 10) :]
print(f"{'means over':<48} the worst {len(tenth)}   all {len(measured)}")
for name in measured[0]:
    values = np.array([face[name] for face in measured])
    print(f"{name:<48} {values[tenth].mean():11.1f} {values.mean():8.1f}")

# %% [markdown]
# In our run **turned heads** fail: among the worst the nose is off the middle of the jaw by 28 % of its width, on
# average by 12 %, and such faces are farthest from the mean shape. The size of the box, the slope of the eyes' line and
# the jaw do not set the worst apart: there, all three are close to the average or below it. Hardly a box of these faces
# leaves its picture. Seven faces are few, so look at your own table, too.
#
# ## Where do errors come from?
#
# Berkeley's contest counts pixels of the photograph, so a large face costs more than a small one with the same shape.
# The left picture shows it. The right one asks which parts of the face are hard. Guess first: which parts move most
# against the box, from face to face? The gray bars answer that: they are the error of the mean shape, which never
# moves. The blue ones are what the network leaves of it.

# %%
parts = {"jaw": (0, 17), "brows": (17, 27), "nose": (27, 36), "eyes": (36, 48), "mouth": (48, 68)}


def errors_by_part(points: np.ndarray) -> list[float]:
    """Return the MAE of points (N, 68, 2) for each part of the face, in % of the box's width."""
    share = 100 * np.abs(points - val.truth).mean(axis=2) / sizes[:, None]
    return [float(share[:, low:high].mean()) for low, high in parts.values()]


by_parts = {"mean shape": errors_by_part(guesses), "network": errors_by_part(found)}
for part, constant, left in zip(parts, *by_parts.values(), strict=True):
    print(f"{part:<6} mean shape {constant:4.1f} %, network {left:4.1f} %: {left / constant:.0%} of it is left")

# %% jupyter={"source_hidden": true}
figure, (by_size, by_part) = plt.subplots(1, 2, figsize=(11, 3.6))
by_size.plot(sizes, np.abs(found - val.truth).mean(axis=(1, 2)), ".", color="steelblue")
by_size.set(xlabel="width of the box (pixels)", ylabel="MAE (pixels)", title="Large faces, large errors")
by_size.grid(alpha=0.3)
places = np.arange(len(parts))
for offset, (name, measured), color in zip((-0.2, 0.2), by_parts.items(), ("silver", "steelblue"), strict=True):
    bars = by_part.bar(places + offset, measured, 0.4, color=color, label=name)
    by_part.bar_label(bars, fmt="%.1f", fontsize=9)
by_part.set_xticks(places, list(parts))
by_part.margins(y=0.15)
by_part.set(ylabel="MAE (% of the box's width)", title="What moves, and what is left of it")
by_part.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Test faces
#
# The test file has boxes alone: your reader gives None for the points, and your `crop_face` takes that. What stands in
# the file of the truth is only looked at to measure.

# %%
# Whatever points the file may hold: the network is asked for them.
test_records = [(file, box, None) for file, box, _ in read_ibug_xml(folder / TEST)]
test = cut_faces(test_records, folder, crop_face, recipe.size)
test_found = in_pictures(predict(model, test), test, uncrop)
test_truth = None
if (folder / TEST_TRUTH).is_file():
    test_truth = np.stack([points for _, _, points in read_ibug_xml(folder / TEST_TRUTH)])
    guess = in_pictures(np.broadcast_to(mean_shape, test_found.shape), test, uncrop)
    test_mae, guess_mae = (mean_absolute_error(points, test_truth) for points in (test_found, guess))
    test_share, guess_share = (error_by_eyes(points, test_truth) for points in (test_found, guess))
    print(f"{len(test_records)} test faces")
    print(f"Berkeley's contest: MAE {test_mae:.2f} px; the mean shape {guess_mae:.2f} px")
    print(f"300-W challenge: {test_share:.1%} of the eyes' distance; the mean shape {guess_share:.1%}")
print(f"the first point of the first test face, in pixels of its photograph: {test_found[0, 0].round(1)}")

# %% jupyter={"source_hidden": true}
figure, cells = plt.subplots(1, 5, figsize=(14, 3.2))
files = [file for file, _, _ in test_records[:5]]
show(cells, files, list(test.boxes[:5]), test_found, test_truth)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Your own pictures
#
# Put pictures of faces into the folder `data/my_pictures` and run this cell again. Without boxes, the box is a square
# in the middle of the picture, three quarters as wide as its shorter side, so cut your pictures around the face. For
# better boxes put a `labels.xml` beside them, in the format of this lesson; your reader reads it. As long as the folder
# is empty, test pictures stand in for yours, with the box in the middle instead of their own.

# %%
mine = course_folder() / "data" / "my_pictures"
mine.mkdir(parents=True, exist_ok=True)
if (mine / "labels.xml").is_file():
    own = [FaceRecord(str(mine / file), box, None) for file, box, _ in read_ibug_xml(mine / "labels.xml")]
else:
    pictures = sorted(path for path in mine.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    own = []
    for path in pictures or [folder / file for file, _, _ in test_records[:5]]:
        height, width = read_picture(path).shape
        side = round(0.75 * min(height, width))
        own.append(FaceRecord(str(path), ((width - side) // 2, (height - side) // 2, side, side), None))

own_crops = cut_faces(own, folder, crop_face, recipe.size)
own_found = in_pictures(predict(model, own_crops), own_crops, uncrop)
print(f"{len(own)} faces, boxes {', '.join(str(record.box[2]) for record in own[:5])} pixels wide")

# %% jupyter={"source_hidden": true}
figure, cells = plt.subplots(1, min(len(own), 5), figsize=(14, 3.2), squeeze=False)
show(cells[0], [file for file, _, _ in own[:5]], list(own_crops.boxes[:5]), own_found, None)
plt.tight_layout()
plt.show()

# %% [markdown]
# Are the points off? Look at the box first. The network has only seen boxes that sit as those of the contest do. How
# much does another box cost it? Take the validation faces, whose points are known, and move or widen every box:


# %%
def with_other_boxes(shift: float, factor: float) -> float:
    """Return the validation MAE with boxes shifted to the right by a share of their width, and so much wider."""
    records = []
    for row in val_rows:
        file, (left, top, width, height), points = used[row]
        wider, higher = round(factor * width), round(factor * height)
        left, top = round(left + shift * width - (wider - width) / 2), round(top - (higher - height) / 2)
        records.append(FaceRecord(file, (left, top, wider, higher), points))
    moved = cut_faces(records, folder, crop_face, recipe.size)
    return pixel_error(predict(model, moved), moved, uncrop, mean_absolute_error)


for name, shift, factor in (
    ("as they are", 0.0, 1.0),
    ("5 % to the right", 0.05, 1.0),
    ("15 % to the right", 0.15, 1.0),
    ("20 % wider", 0.0, 1.2),
):
    mae = with_other_boxes(shift, factor)
    print(f"boxes {name}: MAE {mae:.2f} px, {mae / best_mae:.1f} times that of their own boxes")

# %% [markdown]
# In our run, boxes 15 % to the right doubled the error, to 8.8 px. The mean shape in the right boxes has 9.8 px,
# without any network. So look at the box first.
#
# ## More faces out of the same ones
#
# Lesson 08's remedy for too few faces works here too: mirror, turn, scale and shift them. A mirrored face needs one
# more step. Its left eye is the right one of the picture, so the points exchange their numbers, by a table of pairs:

# %%
from data_scripts.training.moves import PARTNERS, mirror_crops, move_crops

few, few_points = train.images[:4], train.targets()[:4]
mirrored, mirrored_points = mirror_crops(few, few_points)
moved, moved_points = move_crops(few, few_points, torch.Generator().manual_seed(0))
print("the outer corners of the eyes, 36 and 45, become", PARTNERS[36], "and", PARTNERS[45])

# %% jupyter={"source_hidden": true}
figure, grid = plt.subplots(3, 4, figsize=(9, 6.8))
rows = (
    ("as it is", few, few_points),
    ("mirrored", mirrored, mirrored_points),
    ("moved by chance", moved, moved_points),
)
for cells, (name, images, places) in zip(grid, rows, strict=True):
    for cell, image, points in zip(cells, images.numpy(), places.numpy(), strict=True):
        cell.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        cell.plot(*points.T, ".", color="lime", markersize=2)
        cell.plot(*points[36], "o", color="red", markersize=6, fillstyle="none")
        cell.axis("off")
    cells[0].set_title(name, loc="left")
plt.tight_layout()
plt.show()

# %% [markdown]
# The red circle is point 36 in every picture: without the exchange it would sit on the other eye in the second row.
#
# The training above goes without all this: it is too short. `docs/measured.md` compares, on 765 real faces in crops of
# 64 pixels, 135 others held out, one training each:
#
# | epochs | faces as they are | moved faces |
# |---|---|---|
# | 9, in batches of 16 | 4.11 px | 4.19 px |
# | 20, in batches of 32 and 16 | 3.85 px | 3.65 px |
#
# `python -m data_scripts.train_landmarks --minutes 10` trains long enough for moved faces. It also averages each answer
# with the one for the mirrored copy.
#
# ## More than one process
#
# The same training as a program, from the folder of the course. It takes your notebook's functions where they pass:
#
# `python -m data_scripts.train_landmarks --checkpoint output/landmarks.pt`
#
# and on two processors, each with half of every batch:
#
# `torchrun --nproc-per-node 2 -m data_scripts.train_landmarks --checkpoint output/landmarks.pt`
#
# Each process computes the gradient of its half; then all take the mean of these gradients and make the same step
# (PyTorch's `DistributedDataParallel`). One thing would differ from a single process: batch normalization would see
# half a batch. So the processes share its mean and variance too. A test compares both: they give the same losses.
#
# ## Keep what was learned

# %%
import json
from dataclasses import asdict

metrics = {
    "scale": scale(),
    "recipe": asdict(recipe),
    "parameters": sum(parameter.numel() for parameter in model.parameters()),
    "val_mae": best_mae,
    "val_mae_mean_shape": mean_mae,
    "history": history,
}
torch.save(model.state_dict(), results / "resnet18.pt")
np.save(results / "test_points.npy", test_found)
(results / "metrics.json").write_text(json.dumps(metrics, indent=2), encoding="utf-8")
for name in ("resnet18.pt", "test_points.npy", "metrics.json"):
    print(f"{name}: {(results / name).stat().st_size:,} bytes")

# %% [markdown]
# ## Three questions
#
# 1. A colleague forgets the halves in `crop_face` and in `uncrop`. Going there and back is exact. Is anything wrong?
# 2. Network A has the lower MAE in pixels of the photographs, network B the lower share of the eyes' distance. How can
#    that be, and which is better?
# 3. Why does the network keep the weights of its best validation epoch, and why is the validation MAE of that epoch
#    slightly too good a forecast for new faces?
#
# <details><summary>Answers</summary>
#
# 1. The pixels are resized with the halves, whatever the points do. So each label sits beside its spot of the crop, by
#    another amount for every size of a box. The network learns an average of these offsets, and what is left cannot be
#    learned: the crop does not show how large the box was.
# 2. A is better on the few large photographs, which weigh most in pixels, B on the many small ones. Which is better
#    depends on the use: pasting glasses into posters asks for pixels, telling expressions apart asks for shares.
# 3. Later epochs may fit the training faces better and others worse. But the best of ten numbers is partly the luckiest
#    of ten, and the luck does not carry over to new faces. The test faces, which chose nothing, give the honest figure.
#
# </details>
#
# ## Further reading
#
# - He, Zhang, Ren and Sun, [Deep Residual Learning for Image Recognition](https://arxiv.org/abs/1512.03385), 2015: the
#   paper of ResNet18.
# - Sagonas and others, [300 Faces In-The-Wild Challenge: database and
#   results](https://doi.org/10.1016/j.imavis.2016.01.002), 2016: how the points were set, and how errors are counted.
# - Smith and Topin, [Super-Convergence](https://arxiv.org/abs/1708.07120), 2017: where the single cycle of the rate
#   comes from.
#
# ## What an experienced person would write
#
# The network: `torchvision.models.resnet18(num_classes=136)`, and `weights="DEFAULT"` to start from weights that have
# seen a million photographs (for three channels and 1000 classes, so `conv1` and `fc` are replaced). The rate:
# `torch.optim.lr_scheduler.OneCycleLR`. The moves: `albumentations`, whose keypoints move along; but a table for the
# mirrored points must be written by hand there, too.
#
# ## What you have learned
#
# - Read files of others as if they were broken, and refuse them with one kind of error.
# - A whole number is the center of a pixel: half a pixel belongs into every resizing of coordinates.
# - Measure where the question was asked: in the photograph, not in the crop.
# - Published weights are a dict of names; a network that fits them has every name and shape.
# - Split by what faces share, here the photo.
# - A training that takes hours writes checkpoints, and goes on from them to the same result.
#
# Next: lesson 10 goes back to the faces of the first lessons, and finds their points with heat maps.
