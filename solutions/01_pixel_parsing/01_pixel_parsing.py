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
# **Goal.** You read a table in which every face is one long string, and end with two arrays and a list that every
# later lesson starts from: images, keypoints, and the keypoints' names.
#
# **You need** Python and a little NumPy and pandas. PyTorch comes in lesson 02; what the course takes for granted of it
# is in [the primer](../00_primer/00_primer.ipynb). **Time:** about {{minutes}} minutes. Code that only draws is folded:
# a click on the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{parse_pixels}} `parse_pixels` | from one string to one image |
# | {{scale_pixels}} `scale_pixels` | from gray values of 0 to 255 to numbers from 0 to 1 |
# | {{load_faces}} `load_faces` | the whole table: images, keypoints, names |
# | {{split_rows}} `split_rows` | which rows train, and which are held back |
#
# **Sources.** The data have the format of Kaggle's contest [Facial Keypoints
# Detection](https://www.kaggle.com/competitions/facial-keypoints-detection). The two networks that lessons 03 to 05
# build and train come from a student project for it,
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection): "the sources" in later lessons.
#
# The next cell only imports what the lesson uses.

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
import pandas as pd

IMAGE_SIZE = 96  # rows and columns of every face in this course

# %% [markdown]
# ## The goal, as a picture
#
# Left: the beginning of one row of the file, as it arrives. Right: the same row, read. The picture on the right
# comes from the course's own reader. By the end of this lesson, your code draws it.

# %%
import textwrap
import time
from itertools import islice

import matplotlib.pyplot as plt

from data_scripts.folders import data_folder, output_folder
from data_scripts.kaggle_csv import read_training

training_csv = data_folder() / "training.csv"
course = read_training(training_csv)
first_row = pd.read_csv(training_csv, nrows=1).iloc[0]
print(f"{len(course.images):,} faces, {len(course.names)} keypoints")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
left.text(0, 1, textwrap.fill(first_row["Image"][:1300], 50) + " …", family="monospace", fontsize=8.5, va="top")
left.set_title("One face as it arrives")
left.axis("off")
right.imshow(course.images[0], cmap="gray", vmin=0, vmax=1)
right.plot(course.keypoints[0, :, 0], course.keypoints[0, :, 1], "o", color="lime", markeredgecolor="black")
right.set_title("The same face, read: an image and its keypoints")
right.set_xlabel("x, column (pixels)")
right.set_ylabel("y, row (pixels)")
plt.show()

# %% [markdown]
# ## Why does a face arrive as a string?
#
# Kaggle gives the faces out as [one CSV file](https://www.kaggle.com/competitions/facial-keypoints-detection/data) of
# 7,049 rows, one row a face. A keypoint is a place on the face that people marked by hand, such as the tip of the nose.
# Fifteen keypoints take thirty columns, an x and a y each. The thirty-first column, `Image`, holds the picture.
#
# The faces on this page are no photographs. The course draws its own, with labels that are computed and not
# marked, in the very format of Kaggle's files. If you have those, set `COURSE_DATA` to their folder, and every
# lesson reads them instead.
#
# A CSV file is text. It has no way to say "this cell is a 96 × 96 table", so whoever wrote the file put 9,216
# gray values into one cell, with spaces between them. No library knows that this cell is a picture. Somebody has
# to turn it back into one, and if they do it slightly wrong, nothing crashes: the model simply learns from
# scrambled faces. This is why we begin here.

# %%
print(f"columns: {len(first_row)}")
print(first_row.drop("Image")[:6].to_string())
print("… and 24 more coordinates")
print(f"\nImage: a {type(first_row['Image']).__name__} of {len(first_row['Image']):,} characters,")
print(f"       {len(first_row['Image'].split()):,} numbers, 96 × 96 = {96 * 96:,}")

# %% [markdown]
# `left_eye_center` has the larger x. That is no mistake: Kaggle's page says that *left* and *right* are meant
# from the point of view of the person, whose left is on the right of the picture.
#
# ## A worked example: 3 × 4 pixels
#
# Take a picture small enough to write down. It has 3 rows and 4 columns, so its string has 12 numbers.

# %%
tiny_text = "10 20 30 40 50 60 70 80 90 100 110 120"
tiny = np.array(tiny_text.split(), dtype=np.float32).reshape(3, 4)
print(tiny)
print("row 1, column 2:", tiny[1, 2])

# %% [markdown]
# The numbers fill the first row from left to right, then the second row, then the third. This is called
# **row-major** order, and it is how NumPy's `reshape` fills an array unless you tell it otherwise. Kaggle's data
# page says in words that the pixels are "ordered by row".
#
# Having seen it, the formula is short. In a picture of W columns, the pixel in row y and column x is number `i =
# y · W + x` of the string, counting from 0. Here: row 1, column 2, so 1 · 4 + 2 = 6, and number 6 is 70.
#
# ### x is the column, y is the row
#
# A keypoint is a pair (x, y): x to the right, y **down**. An array is indexed `[row, column]`, so the pixel under
# the keypoint (x, y) is `image[y, x]`. The two orders are opposite, and mixing them up is the most common mistake
# with images. The numbers do not show it: both are between 0 and 96. A picture does.

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6))
left.imshow(tiny, cmap="gray", vmin=0, vmax=160)
for (row, column), value in np.ndenumerate(tiny):
    left.text(column, row, f"{value:.0f}", ha="center", va="center", color="white", fontsize=13)
left.plot(2, 1, "o", markersize=34, markerfacecolor="none", markeredgecolor="lime", markeredgewidth=2)
left.set_title("Row-major: row by row.  Circle: x = 2, y = 1")

right.imshow(np.array(tiny_text.split(), dtype=np.float32).reshape(3, 4, order="F"), cmap="gray", vmin=0, vmax=160)
for (row, column), value in np.ndenumerate(tiny.ravel().reshape(3, 4, order="F")):
    right.text(column, row, f"{value:.0f}", ha="center", va="center", color="white", fontsize=13)
right.set_title("The same string, filled column by column: wrong")
for axes in (left, right):
    axes.set_xticks(range(4))
    axes.set_yticks(range(3))
    axes.set_xlabel("x, column")
    axes.set_ylabel("y, row")
plt.show()

# %% [markdown]
# On a whole face, such mistakes are plain to see. Filled column by column, it lies on its side. With rows that are
# one pixel too short, each row slips by a pixel against the one above, and the face is sheared.

# %%
values = np.array(first_row["Image"].split(), dtype=np.float32)
read = {
    "Row by row: right": values.reshape(96, 96),
    "Filled column by column": values.reshape(96, 96, order="F"),
    "Rows of 95 instead of 96": values[: 97 * 95].reshape(97, 95),
}
for title, image in read.items():
    print(f"{title:25} {image.shape}, mean gray value {image.mean():.1f}: nothing to be seen in the number")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 3, figsize=(11, 4.2))
for panel, (title, image) in zip(axes, read.items(), strict=True):
    panel.imshow(image, cmap="gray", vmin=0, vmax=255)
    panel.set(title=title, xlabel="x (pixels)")
eye = course.keypoints[0, 0]
axes[0].plot(*eye, "o", color="lime", markeredgecolor="black", label="(x, y)")
axes[0].plot(*eye[::-1], "X", color="red", markeredgecolor="black", label="(y, x): swapped")
axes[0].legend(loc="lower right")
axes[0].set_ylabel("y (pixels)")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Exercise {{parse_pixels}}: a string becomes an image
#
# Turn one string into one image. Keep the values as they are, 0 to 255: scaling is the next exercise.
#
# Real files are sometimes broken. A download stops halfway, and the last row is short; a program writes 256 or
# `-1`. So the contract asks for a `ValueError` where the string is not what it should be. Say in its message what you
# expected and what came.
#
# **Common mistake.** Returning *something* for a broken string, such as zeros or a cut row. Nobody notices, and the
# damage goes into training.


# %%
def parse_pixels(pixels: str) -> np.ndarray:
    """Turn one face's pixel string into an image.

    Args:
        pixels: 96 · 96 = 9,216 integers from 0 to 255, separated by spaces: the top row from left to
            right, then the row below it, and so on (row-major).

    Returns:
        (96, 96) float32, values unchanged, 0 to 255. `image[y, x]` is row y, column x.

    Raises:
        ValueError: there are fewer or more than 9,216 values, one of them is not an integer (such as `x`, `nan`
            or `12.7`), or one lies outside 0 to 255.
    """
    ### BEGIN SOLUTION
    # int() raises a ValueError that quotes the piece of text it could not read.
    values = [int(piece) for piece in pixels.split()]
    if len(values) != IMAGE_SIZE**2:
        raise ValueError(f"expected {IMAGE_SIZE**2} pixel values, got {len(values)}: is the row cut off?")
    if min(values) < 0 or max(values) > 255:
        raise ValueError(f"expected pixel values from 0 to 255, got {min(values)} to {max(values)}")
    return np.array(values, dtype=np.float32).reshape(IMAGE_SIZE, IMAGE_SIZE)
    ### END SOLUTION


# %%
autograder.check("parse_pixels")

# %% [markdown]
# ## Why the type of the numbers matters
#
# A gray value fits into one byte, `uint8`: whole numbers from 0 to 255, a quarter of the memory of `float32`. It
# is the right type to *store* pixels, and a dangerous one to *calculate* with. Watch what happens when a result
# does not fit.

# %%
stored = np.array([10, 100, 200], dtype=np.uint8)
print("stored             ", stored)
print("stored + stored    ", stored + stored, "  200 + 200 = 400, and 400 - 256 = 144")
print("stored - 20        ", stored - np.uint8(20), "   10 - 20 = -10, and -10 + 256 = 246")
print("stored // 255      ", stored // 255, "     whole-number division: everything is black")
print("as float32, + 0.5  ", stored.astype(np.float32) + 0.5)

# %% [markdown]
# NumPy neither warns nor stops: in `uint8`, counting goes round in a circle of 256. Convert to a float type
# first, calculate afterwards.
#
# ## Exercise {{scale_pixels}}: from 0 to 1
#
# Networks train best on inputs of about the size 1. With inputs up to 255, the gradients of the first layer are
# up to 255 times larger, and the learning rate has to make up for it. So the course scales gray values to the
# range from 0 to 1: black is 0, white is 1.
#
# 255 is the largest value: what must 255 become?
#
# **Common mistake.** `images /= 255` writes into the array that the *caller* still holds. Return a new one.


# %%
def scale_pixels(images: np.ndarray) -> np.ndarray:
    """Scale gray values from 0..255 to 0..1.

    Args:
        images: an array of any shape, uint8 or float, values 0 to 255 (floats need not be whole). It is
            not changed.

    Returns:
        A new array of the same shape, float32, values 0 to 1: 0 stays 0, and 255 becomes 1.
        The scale is fixed: it does not depend on what else is in the array.
    """
    ### BEGIN SOLUTION
    return images.astype(np.float32) / np.float32(255)
    ### END SOLUTION


# %%
autograder.check("scale_pixels")

# %% [markdown]
# ## Exercise {{load_faces}}: the whole table
#
# Now the whole table. Its columns come in pairs, and `Image` is last. For example:
#
# | left_eye_center_x | left_eye_center_y | right_eye_center_x | right_eye_center_y | … | Image |
# |---|---|---|---|---|---|
# | 66.03 | 39.00 | 30.23 | 36.42 | … | 238 236 237 … |
# | 64.33 | 34.97 | | | … | 219 215 204 … |
#
# An empty cell means that nobody marked that point. pandas reads it as NaN, "not a number". **Keep it**: lesson
# 02 is about what to do with it.
#
# Thirty numbers a face become an array (15, 2), so that `keypoints[n, k]` is the pair (x, y) of face n, keypoint
# k. On a small table with K = 2:

# %%
small = np.array([[66.0, 39.0, 30.2, 36.4], [64.3, 35.0, np.nan, np.nan]], dtype=np.float32)
print("as in the file, (2, 4):\n", small)
print("as keypoints, (2, 2, 2):\n", small.reshape(2, 2, 2))
print("face 0, keypoint 1, (x, y):", small.reshape(2, 2, 2)[0, 1])

# %% [markdown]
# **Common mistake.** Taking K and the names from this page. Take them from the file's header, and your reader also
# works for a file with other keypoints.


# %%
def load_faces(csv_path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read faces and keypoints from a file in the format of Kaggle's training.csv.

    Args:
        csv_path: a CSV file with a header; for each of K keypoints the columns `NAME_x` and `NAME_y`, in
            pixels, empty where unlabeled; then the column `Image`, see `parse_pixels`. N rows.

    Returns:
        images: (N, 96, 96) float32, 0 to 1.
        keypoints: (N, K, 2) float32, (x, y) in pixels, NaN where unlabeled.
        names: the K keypoint names in the file's order, without `_x` and `_y`.

    Raises:
        ValueError: an image string is broken, as in `parse_pixels`.
    """
    ### BEGIN SOLUTION
    table = pd.read_csv(csv_path)
    label_columns = [column for column in table.columns if column != "Image"]
    names = [column.removesuffix("_x") for column in label_columns[::2]]
    keypoints = table[label_columns].to_numpy(np.float32).reshape(len(table), len(names), 2)
    images = scale_pixels(np.stack([parse_pixels(pixels) for pixels in table["Image"]]))
    return images, keypoints, names
    ### END SOLUTION


# %%
autograder.check("load_faces")

# %% [markdown]
# ### Your reader beside the course's
#
# The full file has some 240 MB of text, and your reader makes a Python number of each of its 65 million pixels. So let
# it read the first 300 faces only, and compare the arrays with those of the reader in `data_scripts`. That one parses
# bytes in bulk, and has done so once already: here it only opens its cache. So do not compare the two times; they
# say why the course keeps a cache, not who parses faster.

# %%
first_rows_csv = output_folder("01_pixel_parsing") / "first_300.csv"
with training_csv.open() as whole, first_rows_csv.open("w") as part:
    part.writelines(islice(whole, 301))  # the header and 300 rows

start = time.perf_counter()
images, keypoints, names = load_faces(first_rows_csv)
yours = time.perf_counter() - start
start = time.perf_counter()
course = read_training(training_csv)
cached = time.perf_counter() - start

print(f"your load_faces:   {yours:.2f} s for 300 faces, so about {yours / 300 * len(course.images):.0f} s for all")
print(f"course's reader:   {cached:.2f} s for all {len(course.images):,}, from its cache")
print("largest difference in the images:   ", np.abs(images - course.images[:300]).max())
print("largest difference in the keypoints:", np.nanmax(np.abs(keypoints - course.keypoints[:300])), "pixels")
print("NaN in the same places:", np.array_equal(np.isnan(keypoints), np.isnan(course.keypoints[:300])))
print("same names:            ", list(names) == list(course.names))

# %% [markdown]
# The same arrays. From now on the course uses the fast reader, and you know what is inside it.
#
# ## Exercise {{split_rows}}: hold some rows back
#
# A model can learn faces by heart. To notice, we hold some faces back: it trains on the *training* rows, and is
# judged on the *validation* rows, which it never sees.
#
# Which rows to hold back? Not the last ones: files are seldom in random order. This one is not either, and lesson
# 02 will show it: a split at row 5,639 would leave most keypoints without a single validation label. So shuffle
# first. On six rows, with a third held back:

# %%
order = np.random.default_rng(7).permutation(6)
print("shuffled rows:", order)
print("validation:   ", order[:2])
print("training:     ", order[2:])

# %% [markdown]
# `np.random.default_rng(7)` makes a generator of your own; with the same seed it gives the same order every time,
# so that you can repeat an experiment.
#
# **Common mistake.** `np.random.seed(7)`. It repeats, too, but it reaches into a state that the whole program shares:
# your split would change the random numbers of everybody else's code, and their code would change yours.


# %%
def split_rows(n_rows: int, val_fraction: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Divide the rows 0 .. n_rows - 1 at random into training and validation rows.

    Args:
        n_rows: how many rows there are.
        val_fraction: the share of rows to hold back, 0 to 1.
        seed: the same seed gives the same split, another seed another one.

    Returns:
        train, val: two 1-D integer arrays of row numbers, shuffled. Every row is in exactly one of them, and
        `len(val) == round(n_rows * val_fraction)`, which may be 0. NumPy's global random state is left alone.
    """
    ### BEGIN SOLUTION
    order = np.random.default_rng(seed).permutation(n_rows)
    n_val = round(n_rows * val_fraction)
    return order[n_val:], order[:n_val]
    ### END SOLUTION


# %%
autograder.check("split_rows")

# %% [markdown]
# ## What your code sees
#
# Sixteen validation faces from your own `load_faces` and `split_rows`, with their labels. Look closely: do the
# circles sit on eyes, nose and mouth in *every* face? If x and y were swapped, or the image lay on its side, this
# figure would tell you. Making it is the first thing to do with any new data.

# %%
train, val = split_rows(len(images), val_fraction=0.2, seed=0)
print(f"{len(train)} training rows, {len(val)} validation rows, e.g. {val[:5]}")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(2, 8, figsize=(15, 4.8), layout="constrained")
for panel, row in zip(axes.flat, val, strict=False):
    panel.imshow(images[row], cmap="gray", vmin=0, vmax=1)
    panel.plot(keypoints[row, :, 0], keypoints[row, :, 1], "o", color="lime", markeredgecolor="black", markersize=4)
    panel.set_title(f"row {row}", fontsize=10)
    panel.axis("off")
figure.suptitle("Validation faces and their labels")
plt.show()

# %% [markdown]
# And where the labels lie in all faces of the file: every one of four keypoints, drawn over the mean image.

# %%
clouds = {
    name: course.keypoints[:, course.names.index(name)]
    for name in ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")
}
for name, points in clouds.items():
    (x, y), (width, height) = np.nanstd(points, axis=0), np.nanmax(points, axis=0) - np.nanmin(points, axis=0)
    print(f"{name:24s} spread {x:.1f} × {y:.1f}, from end to end {width:.0f} × {height:.0f} pixels")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(figsize=(6.4, 5.6))
axes.imshow(course.images.mean(axis=0), cmap="gray")
for (name, points), marker in zip(clouds.items(), "os^v", strict=True):
    axes.plot(points[:, 0], points[:, 1], marker, markersize=1.5, alpha=0.5)
    middle = np.nanmean(points, axis=0)
    axes.plot(*middle, marker, markersize=9, markeredgecolor="black", markerfacecolor="white", label=f"mean {name}")
axes.set_title("Labels of four keypoints over the mean face")
axes.set_xlabel("x (pixels)")
axes.set_ylabel("y (pixels)")
axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(1.02, 0))
plt.tight_layout()
plt.show()

# %% [markdown]
# Most labels lie close to their mean, about 3 pixels for the eyes and 5 to 6 for nose and lip (standard deviation), as
# the faces are cropped alike. But the clouds reach far: the one of the nose tip is about 40 pixels wide and high. So a
# simple guess, the mean, is better than one might think, and for some faces it is very wrong. Lesson 02 measures it.
#
# ## Three questions
#
# 1. You exchange x and y by mistake, in every row. Which of your pictures shows it? And does the validation error of a
#    network that is trained on it?
# 2. A colleague divides each batch of images by its largest value instead of by 255. The results are as good as yours.
#    What happens when somebody sends him a single, dark face?
# 3. Some of the 7,049 faces may be the same person twice. What does a split by rows then measure?
#
# <details><summary>Answers</summary>
#
# 1. The sixteen faces with your labels: the circles are mirrored at the diagonal. The error does not: the network
#    learns exchanged labels as well as others, and the validation labels are exchanged, too. Only somebody else's
#    labels tell, such as Kaggle's. So look, whatever the error says.
# 2. Its brightest pixel becomes 1, and the dark face a bright one, unlike any such face in training. The answer to a
#    face must not depend on its company.
# 3. In part how well the network remembers a person. The error is then too low for new ones. Lesson 07 splits by
#    person, where the file says who it is.
#
# </details>
#
# ## Further reading
#
# - NumPy, [Internal organization of NumPy arrays](https://numpy.org/doc/stable/dev/internals.html): why row-major, and
#   why a `reshape` costs nothing.
# - NumPy, [the policy for random numbers](https://numpy.org/neps/nep-0019-rng-policy.html): why a generator of your
#   own.
# - scikit-learn, [Cross-validation](https://scikit-learn.org/stable/modules/cross_validation.html): splits by group, by
#   time, and several of them.
#
# ## What an experienced person would write
#
# `np.loadtxt([pixels], dtype=np.uint8)`: one pass in C, a quarter of the time, and a `ValueError` for `x`, `12.7`,
# `nan`, 256 and −1. Only the count is left to check. The tempting `np.fromstring(pixels, dtype=np.uint8, sep=" ")`
# makes 44 of 300 without a word. For a split, scikit-learn's `train_test_split(rows, test_size=0.2, random_state=0)`.
# And the table would be parsed once and kept as `.npy`, or left as `uint8` and scaled batch by batch: 65 MB in place of
# 260.
#
# ## What you have learned
#
# - A face arrives as text because CSV knows only text; 9,216 numbers in **row-major** order are the image.
# - A keypoint is (x, y) = (column, row), an array is `[row, column]`: the pixel under a keypoint is `image[y,
#   x]`.
# - `uint8` stores pixels and goes round at 256; convert to float before you calculate.
# - Broken input should fail loudly, with a message that says what was expected.
# - Split after shuffling, with a generator of your own.
#
# Next: lesson 02 asks what to do with faces of which only four points were marked.
