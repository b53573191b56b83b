# %% [markdown]
# # {{lesson}}
#
# **Goal.** You train a small network to find one point, the tip of the nose, with only 192 pictures to learn from. Then
# you train it under seven settings, to see what batch size and learning rate do, and several times over, to see which
# of the differences are real.
#
# **You need** some PyTorch: tensors, `nn.Module`, `backward()`. Lesson 05 builds such a training from scratch, and
# [the primer](../00_primer/00_primer.ipynb) has the rest on two pages. **Time:** about
# {{minutes}} minutes, a few of them training. Code that only draws is folded: a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{read_asf}} `read_asf` | 58 points out of a text file |
# | {{split_by_person}} `split_by_person` | validation on persons that the network has never met |
# | {{NoseTipNet}} `NoseTipNet` | three convolutions, two linear layers |
# | {{train_with_curve}} `train_with_curve` | gradient steps, each of them noted |
# | {{sweep}} `sweep` | the same training under seven settings, compared |
#
# **Sources.** The task is the first part of a project of Berkeley's course
# [CS194-26](https://inst.eecs.berkeley.edu/~cs194-26/fa20/). "The source" below is one student's report on that
# project; `full.yaml` holds its settings.

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

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from tqdm import tqdm

NOSE_TIP = 52  # which of the 58 points
HEIGHT, WIDTH = 60, 80  # of the images, in pixels
TOLERANCE = 3.0  # pixels: a prediction this near to the truth counts as found

# %% [markdown]
# ## The goal, as a picture
#
# The faces are made like those of the [IMM Face Database](http://www2.imm.dtu.dk/pubdb/p.php?3160): 40 persons, six
# pictures of each. Here are all six of the first person: neutral, happy, turned to one side and to the other, under a
# lamp, and with a grimace. The green circle is the point that your network will find.

# %%
from data_scripts.folders import compared_seeds, lesson_folder, output_folder, scale
from data_scripts.imm_faces import load_imm

faces = load_imm(size=(HEIGHT, WIDTH))
print(f"{len(faces.files)} images of {faces.images.shape[1]} x {faces.images.shape[2]} pixels")


# %% jupyter={"source_hidden": true}
def draw_face(axes: plt.Axes, index: int) -> None:
    """Show a face and its true nose tip, a green circle."""
    axes.imshow(faces.images[index], cmap="gray", vmin=0, vmax=1)
    # Relative to the image: 0 is its left or upper edge, half a pixel before the center of the first pixel.
    x, y = faces.keypoints[index, NOSE_TIP] * (WIDTH, HEIGHT) - 0.5
    axes.plot(x, y, "o", color="lime", markersize=9, markeredgewidth=1.5, fillstyle="none", label="truth")
    axes.axis("off")


figure, grid = plt.subplots(1, 6, figsize=(14, 2.1))
for cell, index in zip(grid, np.flatnonzero(faces.persons == 1), strict=False):
    draw_face(cell, index)
    cell.set_title(faces.files[index].name, fontsize=9)
plt.tight_layout()
plt.show()

# %% [markdown]
# ## The idea
#
# The network answers with two numbers for each image: where the nose tip is from left to right, and from top to bottom,
# each as a share of the image's size. `(0.5, 0.5)` is the middle, whatever the image's resolution. The loss is the mean
# squared error of these two numbers. That is all.
#
# With 40 persons, two questions become important that thousands of faces hide:
#
# - **Whom do you validate on?** A network can learn to know a person. Persons must not be on both sides.
# - **How many gradient steps does it get?** An epoch is not an amount of training. With a batch size of 1 it has 192
#   steps, with a batch size of 32 only six.
#
# ## A worked example: an .asf file
#
# Beside each picture lies a text file with its points. Lines that begin with `#` are comments. What else is in it?

# %%
lines = faces.files[0].read_text().splitlines()
print("\n".join([*lines[:22], "…", *lines[-7:]]))

# %% [markdown]
# The first line that is no comment is the number of points. Then comes a line for each point, its fields separated by
# tabs and blanks. The third and the fourth field are x and y.

# %%
fields = lines[18].split()
print(fields)
print("x and y of this point:", float(fields[2]), float(fields[3]))

# %% [markdown]
# ## Exercise {{read_asf}}: read the points
#
# The last line that is no comment names the picture; it is no point, also where the name has blanks, as in
# `my face.jpg`. In the real database, 41 of the 240 files have three more fields in every point's line. So count fields
# from the left, never from the right.
#
# A file may be broken: cut off where a download ended, or damaged. A reader that returns what it could read hands 37
# points to whoever asked for 58, and the error appears somewhere else, much later. Raise a `ValueError` here.
#
# **Common mistake.** Counting lines from the top of the file, `lines[16:74]`. The comment at the top may have another
# length in another file.


# %%
def read_asf(path: str | Path) -> np.ndarray:
    """Read the 58 points of an .asf file.

    Lines that begin with ``#`` and empty lines say nothing. Of the others, the first is the number of points, the
    next 58 are the points, with x and y in their third and fourth field, and the last one is the picture's name, which
    may hold blanks. Whether you read or refuse a file that ends before this name is up to you.

    Args:
        path: the file.

    Returns:
        (58, 2) float32: x relative to the image's width, y to its height, in the order of the file.

    Raises:
        ValueError: the file announces another number than 58, has fewer or more lines of points than that, or a
            coordinate is missing or no finite number.
    """
    ### BEGIN SOLUTION
    # Some editors begin a file with a mark of its encoding, and a picture's name may be in any encoding.
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0] != ["58"]:
        raise ValueError(f"{path}: expected 58, the number of points, got {lines[0] if lines else 'nothing'}")
    # The last line is the picture's name.
    rows = lines[1:-1]
    if len(rows) != 58 or min(len(fields) for fields in rows) < 4:
        raise ValueError(f"{path}: expected 58 points with x and y, got {len(rows)} lines")
    points = np.array([[float(fields[2]), float(fields[3])] for fields in rows], dtype=np.float32)
    if not np.isfinite(points).all():
        raise ValueError(f"{path}: expected finite coordinates")
    return points
    ### END SOLUTION


# %%
autograder.check("read_asf")

# %% [markdown]
# Your own reader draws the next picture: the 58 points of the first face, some with their numbers. Which one is 52?

# %%
from data_scripts.imm_faces import read_picture

picture = read_picture(faces.files[0].with_suffix(".jpg"), (480, 640))
points = read_asf(faces.files[0]) * (640, 480) - 0.5
parts = {"jaw": 0, "left eye": 13, "right eye": 21, "left brow": 29, "right brow": 34, "mouth": 39, "nose": 47}
ends = [*list(parts.values())[1:], 58]
for (part, first), end in zip(parts.items(), ends, strict=True):
    (left, top), (right, bottom) = points[first:end].min(axis=0), points[first:end].max(axis=0)
    print(f"{part:<11} points {first:>2} to {end - 1:>2}: x {left:.0f} to {right:.0f}, y {top:.0f} to {bottom:.0f}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(9, 6))
axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
for (part, first), end, marker in zip(parts.items(), ends, "os^vDP*", strict=True):
    label = f"{part}: {first} to {end - 1}"
    axes.plot(*points[first:end].T, marker + "-", markersize=5, linewidth=0.8, label=label)
for number in (0, 6, 12, 13, 17, 21, 25, 29, 33, 34, 38, 39, 43, 47, NOSE_TIP, 57):
    axes.annotate(str(number), points[number], xytext=(4, 4), textcoords="offset points", color="white", fontsize=9)
low, high = points.min(axis=0) - 45, points.max(axis=0) + 25
axes.set(xlim=(low[0], high[0] + 110), ylim=(high[1], low[1]), title="58 points, seven parts")
axes.legend(loc="center right", fontsize=9)
axes.axis("off")
plt.show()

# %% [markdown]
# ## Exercise {{split_by_person}}: no person on both sides
#
# The name of a file begins with the number of the person: `07-3f.asf` is the third picture of person 7. The last eight
# persons validate, all others train.
#
# | persons in the files | `n_val` | train | validate |
# |---|---|---|---|
# | 1, 2, 3, 4, 5 | 2 | 1, 2, 3 | 4, 5 |
# | 3, 12, 40 | 1 | 3, 12 | 40 |
# | 3, 12, 40 | 0 | 3, 12, 40 | nobody |
#
# **Common mistakes.** Taking the last files in place of the last persons: that works only while the list is sorted and
# every person has six pictures. And looking for the person's number in the whole path: a folder may be called
# `imm-2` as well.


# %%
def split_by_person(files: list[str | Path], n_val: int = 8) -> tuple[list, list]:
    """Split files into training and validation so that no person is on both sides.

    Args:
        files: names or paths such as ``07-3f.asf`` or ``Path("faces/07-3f.asf")``, in any order; the first two digits
            of a file's name are the number of the person. Persons may have different numbers of files. The list is left
            alone.
        n_val: how many persons validate, 0 or more; those with the highest numbers do. All, where there are no more.

    Returns:
        ``(train, val)``: two lists that together hold the items of ``files``, each once, in any order.
    """
    ### BEGIN SOLUTION
    persons = {file: int(Path(file).name[:2]) for file in files}
    numbers = sorted(set(persons.values()))
    last = set(numbers[max(0, len(numbers) - n_val) :])
    train = [file for file in files if persons[file] not in last]
    val = [file for file in files if persons[file] in last]
    return train, val
    ### END SOLUTION


# %%
autograder.check("split_by_person")

# %% [markdown]
# ### What is wrong with a random split?
#
# For each validation image, look for the training image that is most like it, pixel by pixel. Whose is it?

# %%
train_files, val_files = split_by_person(list(faces.files))
position = {file: number for number, file in enumerate(faces.files)}
train, val = (np.array([position[file] for file in files]) for files in (train_files, val_files))
flat = faces.images.reshape(len(faces.images), -1)


def most_similar(train: np.ndarray, val: np.ndarray) -> np.ndarray:
    """Return for each validation image the number of the training image that is most like it."""
    distances = ((flat[val][:, None] - flat[train][None]) ** 2).sum(axis=2)
    return train[distances.argmin(axis=1)]


shuffled = np.random.default_rng(0).permutation(len(flat))
by_picture = shuffled[48:], shuffled[:48]
for kind, (rows, held_back) in {"by picture": by_picture, "by person": (train, val)}.items():
    same = faces.persons[most_similar(rows, held_back)] == faces.persons[held_back]
    print(f"split {kind}: in {same.mean():.0%} of cases the most similar training image shows the same person")

# %% jupyter={"source_hidden": true}
alike = most_similar(*by_picture)
known = np.flatnonzero(faces.persons[alike] == faces.persons[by_picture[1]])[:7]
figure, grid = plt.subplots(2, 7, figsize=(14, 3.4))
for column, place in enumerate(known):
    for cell, index, side in zip(
        grid[:, column], (by_picture[1][place], alike[place]), ("validate", "train"), strict=True
    ):
        draw_face(cell, index)
        cell.set_title(f"{side}: {faces.files[index].stem}", fontsize=9)
plt.tight_layout()
plt.show()

# %% [markdown]
# Split by picture, many validation faces have a twin among the training faces. Does that help whoever only remembers?
# The simplest of all rememberers looks for the most similar training image, and answers with **its** nose tip. It has
# learned nothing about noses:

# %%
tips = faces.keypoints[:, NOSE_TIP]
for kind, draws in {
    "by picture": [np.random.default_rng(seed).permutation(len(flat)) for seed in range(5)],
    "by person": [
        np.argsort(np.isin(faces.persons, np.random.default_rng(seed).permutation(40)[:8] + 1), kind="stable")
        for seed in range(5)
    ],
}.items():
    found = []
    for order in draws:
        rows, held_back = order[:192], order[192:]
        found.append(float(((tips[most_similar(rows, held_back)] - tips[held_back]) ** 2).mean()))
    print(f"split {kind}, five draws: MSE of the rememberer", "  ".join(f"{mse:.5f}" for mse in found))

# %% [markdown]
# The two rows overlap: for this question the twin is no help, because the same person in another pose has the nose in
# another place. Had the question been who it is, or how old, the twin would have answered it. And you can't know
# beforehand what a network picks up. Split by person, no answer can be remembered, so you need not ask.
#
# ## Exercise {{NoseTipNet}}: the network
#
# A convolution of size 3 without padding takes one pixel away at each edge. A pooling of size 2 halves, and drops what
# is left over.

# %%
height, width = HEIGHT, WIDTH
print(f"image           {height:>3} x {width}")
for channels in (16, 32, 32):
    height, width = height - 2, width - 2
    print(f"convolution  -> {height:>3} x {width}, {channels} channels")
    height, width = height // 2, width // 2
    print(f"pooling      -> {height:>3} x {width}")
print(f"flattened: {channels} · {height} · {width} = {channels * height * width} numbers")

# %% [markdown]
# | layer | output |
# |---|---|
# | convolution 3×3, no padding, to 16 channels; ReLU; max-pooling 2×2 | (B, 16, 29, 39) |
# | convolution 3×3, no padding, to 32 channels; ReLU; max-pooling 2×2 | (B, 32, 13, 18) |
# | convolution 3×3, no padding, to 32 channels; ReLU; max-pooling 2×2 | (B, 32, 5, 8) |
# | flatten | (B, 1280) |
# | linear to 512; ReLU | (B, 512) |
# | linear to 2 | (B, 2) |
#
# Nothing follows the last layer: the answer is any number, not only one between 0 and 1.
#
# **Common mistake.** No ReLU between the two linear layers. Two linear maps in a row are one linear map: the 512
# numbers between them would add nothing but parameters.


# %%
class NoseTipNet(nn.Module):
    """The network of the table: images (B, 1, 60, 80) in [-0.5, 0.5] -> nose tips (B, 2), x and y relative.

    It has the layers of the table and nothing besides; biases are free. All is float32, and images are
    left alone.
    """

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.conv3 = nn.Conv2d(32, 32, 3)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(1280, 512)
        self.fc2 = nn.Linear(512, 2)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 2) for (B, 1, 60, 80)."""
        ### BEGIN SOLUTION
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = self.pool(torch.relu(self.conv3(x)))
        x = x.flatten(1)
        x = torch.relu(self.fc1(x))
        return self.fc2(x)
        ### END SOLUTION


# %%
autograder.check("NoseTipNet")

# %% [markdown]
# The images are shifted by a half, so that a black pixel is -0.5 and a white one 0.5: a network learns more easily from
# numbers around zero.

# %%
images = torch.from_numpy(faces.images).unsqueeze(1) - 0.5
mean_mse = float(((tips[val] - tips[train].mean(axis=0)) ** 2).mean())
targets = torch.from_numpy(tips)
train_set, val_set = (TensorDataset(images[rows], targets[rows]) for rows in (train, val))

untrained = NoseTipNet()
sizes = {name: parameter.numel() for name, parameter in untrained.named_parameters()}
largest = max(sizes, key=sizes.get)
print(f"{len(train_set)} images to train on, {len(val_set)} to validate")
print(f"who always answers the mean of the training tips has a validation MSE of {mean_mse:.5f}")
print(f"{sum(sizes.values()):,} parameters, {sizes[largest]:,} of them in {largest}")

# %% [markdown]
# ## Exercise {{train_with_curve}}: training, step by step
#
# Take Adam. For each batch: reset the gradients, predict, compute the mean squared error, `backward()`, `step()`. Note
# the error of **every step**. After each epoch, measure the validation error over all validation images, and note how
# many steps had been taken by then. Then both curves can stand over the same axis.
#
# | after | `step` | `val_step` |
# |---|---|---|
# | epoch 1 of 3 batches | 1, 2, 3 | 3 |
# | epoch 2 | 1, 2, 3, 4, 5, 6 | 3, 6 |
#
# **Common mistakes.** Keeping the loss itself in the list: a tensor that holds on to its whole graph; `.item()` takes
# the number out. And averaging the means of the validation batches: the last batch is smaller, and its images would
# count more than others. Add up squared errors, divide once.


# %%
def train_with_curve(
    model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, epochs: int, lr: float
) -> dict[str, list]:
    """Train with Adam and mean squared error; note every gradient step and the validation error of every epoch.

    The model learns in train mode. It is measured in eval mode and without gradients.

    Args:
        model: maps images (B, 1, H, W) to (B, 2); trained in place.
        train_loader: yields (images, targets) to learn from, one gradient step for each batch.
        val_loader: yields (images, targets) to measure on; its last batch may be smaller.
        epochs: passes over the training images, at least 1.
        lr: learning rate of Adam; everything else as PyTorch has it.

    Returns:
        Four lists of plain numbers. ``step``: 1, 2, 3, ..., over all epochs. ``train_mse``: for each of them the mean
        squared error of its batch, before that step changes the weights. ``val_step``: for each epoch the number of
        steps taken by its end. ``val_mse``: the mean squared error at that time over all coordinates of all
        validation images.
    """
    ### BEGIN SOLUTION
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loss_fn = nn.MSELoss()
    curve: dict[str, list] = {"step": [], "train_mse": [], "val_step": [], "val_mse": []}
    for _ in tqdm(range(epochs), desc="training", unit="epoch", file=sys.stdout, leave=False):
        model.train()
        for images, targets in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(images), targets)
            loss.backward()
            optimizer.step()
            curve["step"].append(len(curve["step"]) + 1)
            curve["train_mse"].append(loss.item())
        model.eval()
        squared_error, coordinates = 0.0, 0
        with torch.no_grad():
            for images, targets in val_loader:
                squared_error += float((model(images) - targets).square().sum())
                coordinates += targets.numel()
        curve["val_step"].append(len(curve["step"]))
        curve["val_mse"].append(squared_error / coordinates)
    return curve
    ### END SOLUTION


# %%
autograder.check("train_with_curve")

# %% [markdown]
# ## Train
#
# The recipe of the source: batch size 1, learning rate 0.001, 25 epochs. `full.yaml` has it; `quick.yaml` has fewer
# epochs, for a laptop. With `COURSE_SCALE=full` in the environment the lesson takes the former. `COURSE_IMM` names the
# folder of the real database.

# %%
import time

import yaml

FOLDER = lesson_folder("07_nose_tip")
config = yaml.safe_load((FOLDER / f"{scale()}.yaml").read_text(encoding="utf-8"))
print(config)

train_set = TensorDataset(*train_set[: config["train_faces"]])  # null in the file, None here: all of them


def seconds_a_step(threads: int, steps: int = 30) -> float:
    """Return how long a step with one face takes when so many threads share its work."""
    torch.set_num_threads(threads)
    few = TensorDataset(*train_set[:1])
    start = time.perf_counter()
    train_with_curve(NoseTipNet(), DataLoader(few, 1), DataLoader(few, 1), steps, 1e-3)
    return (time.perf_counter() - start) / steps


for threads in (1, 2):
    print(f"{threads} thread{'s' if threads > 1 else ' '}: {1000 * seconds_a_step(threads):.1f} ms a step")

# %% [markdown]
# A single small face is little work to share: threads also wait for each other, and where other programs run beside
# them, a long time. Where your second line is not clearly lower, one thread is all that a batch size of 1 can use. The
# lesson goes on with one.

# %%
torch.set_num_threads(1)
torch.manual_seed(config["seed"])
model = NoseTipNet()
loaders = DataLoader(train_set, config["batch_size"], shuffle=True), DataLoader(val_set, 256)
start = time.perf_counter()
curve = train_with_curve(model, *loaders, config["epochs"], config["lr"])
print(f"{curve['step'][-1]} steps in {time.perf_counter() - start:.0f} s; validation MSE {curve['val_mse'][-1]:.5f}")

# %%
steps, errors = np.array(curve["step"]), np.array(curve["train_mse"])
per_epoch = errors.reshape(config["epochs"], -1).mean(axis=1)
print("training MSE, mean of each epoch:   ", "  ".join(f"{mse:.5f}" for mse in per_epoch))
print("validation MSE, after each epoch:   ", "  ".join(f"{mse:.5f}" for mse in curve["val_mse"]))
print(f"single steps: {errors.min():.0e} to {errors.max():.0e}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(9, 4.5))
axes.plot(steps, errors, ".", color="steelblue", alpha=0.4, markersize=2)
axes.plot(
    curve["val_step"], per_epoch, "s--", color="steelblue", label="training, mean of the epoch (dots: single steps)"
)
axes.plot(curve["val_step"], curve["val_mse"], "o-", color="darkorange", label="validation, after the epoch")
axes.axhline(mean_mse, color="gray", linestyle=":", label="always the mean tip")
axes.set(xlabel="gradient steps", ylabel="MSE (relative)", yscale="log", ylim=(max(1e-6, errors.min()), None))
axes.set_title("Training and validation error for every gradient step")
axes.grid(alpha=0.3)
axes.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# With a batch size of 1 every step follows a single face, so the dots scatter over many powers of ten. Their mean tells
# more. Below the dotted line the network looks at the face; above it, a constant answer would do better. The network
# begins with answers around 0, the upper left corner, so its first steps go into finding the middle of the picture.
#
# ## Exercise {{sweep}}: seven settings
#
# Does it need a batch size of 1, and this learning rate? Train the same network under each setting, from the same first
# weights, for the same number of epochs, and put the results into a table.
#
# A fair comparison changes one thing at a time. Give every setting a network of its own: one that goes on with the
# weights of the setting before has trained longer. And give every network the same start: call
# `torch.manual_seed(0)` before each one is made.
#
# How far off is a prediction? The mean squared error of relative numbers is hard to picture. So the table also counts
# the faces whose tip was found within 3 pixels of the 80 × 60 image:
#
# `sqrt((80 * (x - x_true))**2 + (60 * (y - y_true))**2) <= 3`


# %%
def sweep(settings: list[tuple[int, float]], train_set: Dataset, val_set: Dataset, epochs: int) -> pd.DataFrame:
    """Train a NoseTipNet under each setting and compare them.

    Every setting trains a network of its own with ``train_with_curve``, on all of ``train_set``, shuffled anew in
    every epoch. The first weights are the same for all: the same setting twice gives the same row twice.

    Args:
        settings: pairs (batch size, learning rate).
        train_set: items (image, tip): (1, 60, 80) float32 in [-0.5, 0.5], and (2,) float32, x and y relative.
        val_set: such items to measure on.
        epochs: passes over the training images, for every setting.

    Returns:
        A table with one row for each setting, in the order of ``settings``, and at least these columns.
        ``batch_size`` and ``lr``: the setting. ``steps``: how many gradient steps were taken in all. ``val_mse``: the
        mean squared error after the last epoch over all coordinates of ``val_set``. ``within_tolerance``: the number
        of images of ``val_set`` whose prediction is at most TOLERANCE pixels from the truth. ``predictions``: the
        predicted tips, an array (N, 2) in the order of ``val_set``.
    """
    ### BEGIN SOLUTION
    rows = []
    # A loader draws from the global random state unless it has a generator of its own.
    val_loader = DataLoader(val_set, batch_size=256, generator=torch.Generator())
    truth = torch.cat([targets for _, targets in val_loader]).numpy()
    for batch_size, lr in settings:
        # What follows draws from a copy of the global random state, which is put back afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = NoseTipNet()
            train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
            curve = train_with_curve(model, train_loader, val_loader, epochs, lr)
        model.eval()
        with torch.no_grad():
            predictions = torch.cat([model(images) for images, _ in val_loader]).numpy()
        distances = np.linalg.norm((predictions - truth) * (WIDTH, HEIGHT), axis=1)
        rows.append(
            {
                "batch_size": batch_size,
                "lr": lr,
                "steps": curve["step"][-1],
                "val_mse": curve["val_mse"][-1],
                "within_tolerance": int((distances <= TOLERANCE).sum()),
                "predictions": predictions,
            }
        )
    return pd.DataFrame(rows)
    ### END SOLUTION


# %%
autograder.check("sweep")

# %% [markdown]
# ## Run it
#
# Each setting is a call of your `sweep` of its own, and its row is kept in a file. When you interrupt this cell and run
# it again, it goes on where it was. Delete the file to begin anew.

# %%
import json

SETTINGS = [(1, 1e-3), (4, 1e-3), (32, 1e-3), (1, 1e-4), (4, 1e-4), (32, 1e-4), (1, 1e-2)]
folder = output_folder("07_nose_tip")


def sweep_and_keep(settings: list[tuple[int, float]], epochs: int) -> pd.DataFrame:
    """Call sweep for each setting that is not in the file yet, and keep every row as soon as it is there."""
    path = folder / f"sweep-{scale()}.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    # Other faces, or another number of epochs, are another experiment.
    sums = [float(part.tensors[0].double().sum()) for part in (train_set, val_set)]
    keys = [f"batch size {batch_size}, rate {lr:g}, {epochs} epochs, {sums}" for batch_size, lr in settings]
    for number, (setting, key) in enumerate(zip(settings, keys, strict=True), start=1):
        if key not in kept:
            row = sweep([setting], train_set, val_set, epochs).iloc[0].to_dict()
            kept[key] = {name: np.asarray(value).tolist() for name, value in row.items()}
            unfinished = path.with_suffix(".part")
            unfinished.write_text(json.dumps(kept), encoding="utf-8")
            unfinished.replace(path)
        print(f"{number} of {len(settings)}: {key.partition(', [')[0]}: validation MSE {kept[key]['val_mse']:.5f}")
    return pd.DataFrame([kept[key] for key in keys])


table = sweep_and_keep(SETTINGS, config["epochs"])
table.drop(columns="predictions").sort_values("val_mse").style.format({"val_mse": "{:.5f}", "lr": "{:g}"}).hide()

# %% [markdown]
# ## Three faces under five settings
#
# Each row of pictures is one setting, with the same three validation faces: one that looks ahead, one turned aside, one
# with a grimace. Green circles are the truth, red crosses the predictions.

# %% jupyter={"source_hidden": true}
shown = [0, 1, 2, 3, 6]
three = [0, 8, 17]
figure, grid = plt.subplots(len(shown), 3, figsize=(7.5, 2.15 * len(shown)))
for row, number in zip(grid, shown, strict=True):
    setting = table.iloc[number]
    for cell, place in zip(row, three, strict=True):
        draw_face(cell, val[place])
        x, y = np.array(setting["predictions"])[place] * (WIDTH, HEIGHT) - 0.5
        cell.plot(x, y, "x", color="red", markersize=8, markeredgewidth=2, label="prediction")
    row[0].set_title(
        f"batch size {setting['batch_size']}, learning rate {setting['lr']:g}: MSE {setting['val_mse']:.5f}, "
        f"{setting['within_tolerance']} of {len(val)} faces within {TOLERANCE:g} px",
        loc="left",
        fontsize=9,
    )
figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="lower center", ncols=2)
figure.subplots_adjust(bottom=0.05, top=0.96, wspace=0.03, hspace=0.18)
plt.show()

# %% [markdown]
# ## Would it come out like this again?
#
# Each row of the table is **one** training. Other first weights and another order of the faces give another number. How
# far another? Train each of the settings in question three times, from seeds of their own. Two more belong to the
# comparison:
#
# - a batch size of 4 for four times as many epochs, so that it takes as many **steps** as the batch size of 1,
# - networks whose last layer **begins at the mean tip**: its bias is set to it before training. One line, and no step
#   is spent on finding the middle of the picture.


# %%
def train_again(batch_size: int, lr: float, epochs: int, seed: int, at_mean: bool) -> dict:
    """Train one NoseTipNet as sweep does, from other first weights; return its steps and its last validation MSE."""
    torch.manual_seed(seed)
    model = NoseTipNet()
    if at_mean:
        last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
        with torch.no_grad():
            last.bias.copy_(train_set.tensors[1].mean(dim=0))
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(train_set, batch_size, shuffle=True, generator=order)
    curve = train_with_curve(model, loader, DataLoader(val_set, 256), epochs, lr)
    return {"steps": curve["step"][-1], "val_mse": curve["val_mse"][-1]}


# Name: batch size, learning rate, times as many epochs, begins at the mean.
QUESTIONS = {
    "batch size 1, rate 0.001": (1, 1e-3, 1, False),
    "batch size 4, rate 0.001": (4, 1e-3, 1, False),
    "batch size 32, rate 0.001": (32, 1e-3, 1, False),
    "batch size 4, as many steps": (4, 1e-3, 4, False),
    "batch size 1, rate 0.01": (1, 1e-2, 1, False),
    "batch size 4, from the mean": (4, 1e-3, 1, True),
    "batch size 1, from the mean": (1, 1e-3, 1, True),
}


def train_all(seeds: int) -> dict[str, list[dict]]:
    """Train every question from each seed, and keep every training in the file as soon as it is done."""
    path = folder / f"seeds-{scale()}.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    sums = [float(part.tensors[0].double().sum()) for part in (train_set, val_set)]
    jobs = [(name, seed) for name in QUESTIONS for seed in range(seeds)]
    for number, (name, seed) in enumerate(jobs, start=1):
        batch_size, lr, times, at_mean = QUESTIONS[name]
        key = f"{name}, seed {seed}, {times * config['epochs']} epochs, {sums}"
        if key not in kept:
            kept[key] = train_again(batch_size, lr, times * config["epochs"], seed, at_mean)
            unfinished = path.with_suffix(".part")
            unfinished.write_text(json.dumps(kept), encoding="utf-8")
            unfinished.replace(path)
        print(f"{number:>2} of {len(jobs)}: {name}, seed {seed}: validation MSE {kept[key]['val_mse']:.5f}")
    ends = {name: f", {times * config['epochs']} epochs, {sums}" for name, (_, _, times, _) in QUESTIONS.items()}
    return {name: [kept[f"{name}, seed {seed}{ends[name]}"] for seed in range(seeds)] for name in QUESTIONS}


again = train_all(len(compared_seeds()))
passes = {name: len(train_set) * times * config["epochs"] for name, (_, _, times, _) in QUESTIONS.items()}
spread = pd.DataFrame(
    [
        (name, runs[0]["steps"], passes[name], np.mean([run["val_mse"] for run in runs]))
        + tuple(run["val_mse"] for run in runs)
        for name, runs in again.items()
    ],
    columns=["setting", "steps", "faces seen", "mean", *(f"seed {seed}" for seed in compared_seeds())],
).set_index("setting")
spread.style.format("{:.5f}", subset=["mean", *spread.columns[3:]])

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(9, 3.8))
for place, runs in enumerate(again.values()):
    errors = [run["val_mse"] for run in runs]
    axes.plot(errors, [place] * len(errors), "o", color="steelblue", alpha=0.8)
    axes.plot(np.mean(errors), place, "|", color="black", markersize=18)
axes.axvline(mean_mse, color="gray", linestyle=":", label="always the mean tip")
axes.set_yticks(range(len(again)), [f"{name} ({again[name][0]['steps']} steps)" for name in again])
axes.invert_yaxis()
axes.set(xlabel="validation MSE", xscale="log", title="A dot for each training, a stroke for their mean")
axes.grid(alpha=0.3, which="both")
axes.legend()
plt.tight_layout()
plt.show()

# %% [markdown]
# Read the figure before you read on. What stays, whatever the seed?
#
# - **Steps count, not epochs.** A batch size of 32 saw every face as often and took 6 steps where the batch size of 1
#   took 192. So few steps bring it no further than a constant answer.
# - **Batch size 1 has no charm of its own.** With as many steps a batch size of 4 is as good or better. Each of its
#   steps follows four faces, so its direction is surer. It also saw four times as many faces: two explanations that
#   this figure can't tell apart.
# - **A rate of 0.01 is too high here**: in our run seeds 0 and 1 gave the same answer for every face, and errors above
#   that of the mean tip (0.0050 and 0.0036).
# - **Begin at the mean.** The same 384 steps of four faces, and a fraction of the error: no step goes into finding the
#   middle of the picture.
# - **But not with steps as rough as those of a batch size of 1.** Some of these trainings stay at the constant answer
#   that they began with. Probably because the first gradients from there contradict each other from face to face, and
#   long steps break more than they mend; lesson 08 looks, and has a remedy.
#
# Where the dots of two rows overlap, three trainings can't tell them apart. Then say so, or train more.
#
# ## Three questions
#
# 1. A table of single trainings says 0.00061 for one setting and 0.00098 for another. What do you ask before you
#    believe that the first one is better?
# 2. Batch size 32 gets as many epochs as batch size 1 and does worse. Somebody concludes that large batches learn
#    badly. What would you try?
# 3. The validation persons are always the last eight. What does a spread over seeds not tell?
#
# <details><summary>Answers</summary>
#
# 1. How far apart two trainings of the same setting are. The figure above shows it: where that is as much as the
#    difference, more seeds are needed, or another question.
# 2. As many steps, or longer steps: with 32 faces the direction is more certain, so a higher learning rate is possible.
#    Equal epochs only tell what the same faces, seen as often, give.
# 3. How the error changes with other persons. Eight persons are few, and some faces are harder. Splitting several
#    times, with other persons held back each time (cross-validation), tells.
#
# </details>
#
# ## Further reading
#
# - Kingma and Ba, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980), 2014: the optimizer of
#   this lesson.
# - Keskar and others, [On Large-Batch Training for Deep Learning](https://arxiv.org/abs/1609.04836), 2016: what large
#   batches find, and where they fall behind.
# - Andrej Karpathy, [A Recipe for Training Neural Networks](https://karpathy.github.io/2019/04/25/recipe/).
#
# ## What an experienced person would write
#
# `read_asf` with `np.genfromtxt(lines, usecols=(2, 3))`; `split_by_person` with scikit-learn's `GroupShuffleSplit`,
# whose groups are the persons; `sweep` with [Optuna](https://optuna.org) or a plain loop that writes a CSV file, and
# always with several seeds.
#
# ## What you have learned
#
# - Split by whatever must be new to the network: here by person, not by picture.
# - A reader that refuses a broken file saves you from a search in the wrong place.
# - An epoch is no unit of learning; a gradient step is closer to one. On little data, small batches give more of them.
# - One training is one draw. Where the dots of two settings overlap, their difference is not known.
# - Begin where the answer roughly is, the mean, in one line; and with steps that are not too rough.
# - A fair comparison starts every setting from the same weights.
#
# Next: lesson 08 finds all 58 points, and makes more of the same faces by moving them.
