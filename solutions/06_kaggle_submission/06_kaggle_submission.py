# %% [markdown]
# # {{lesson}}
#
# **Goal.** You take the two networks that you have trained, let them predict the faces of the test set, write
# Kaggle's `submission.csv`, and score it as Kaggle does.
#
# **You need** lessons 03, 04 and 05. **Time:** about {{minutes}} minutes. Code that only draws is folded: a click on
# the three dots shows it.
#
# | exercise | you write |
# |---|---|
# | {{predict_keypoints}} `predict_keypoints` | one prediction for both frameworks |
# | {{make_submission}} `make_submission` | the answers that the look-up table asks for |
# | {{score_submission}} `score_submission` | the score, as Kaggle computes it |
#
# **Sources.** The contest is Kaggle's [Facial Keypoints
# Detection](https://www.kaggle.com/competitions/facial-keypoints-detection). "The sources" below are the student
# project whose networks you have built,
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection).
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

import json
import os
from collections.abc import Sequence

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

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import yaml

IMAGE_SIZE = 96  # pixels along each side of an image, and the unit in which the CNN of lesson 04 answers

# %% [markdown]
# ## The goal, as a picture
#
# Kaggle gives you faces without labels, and a table of questions. You give back one number for each question.

# %%
from data_scripts.folders import data_folder, lesson_folder, output_folder
from data_scripts.kaggle_csv import read_lookup, read_test, read_training

data = data_folder()
faces, test = read_training(data / "training.csv"), read_test(data / "test.csv")
names, lookup = faces.names, read_lookup(data / "IdLookupTable.csv")
print(f"{len(test.images):,} faces without labels, {len(lookup):,} questions, {len(names)} keypoints")

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), width_ratios=[1, 1.5, 1])
axes[0].imshow(test.images[0], cmap="gray", vmin=0, vmax=1)
axes[0].set(title="test.csv: ImageId 1", xlabel="x in pixels", ylabel="y in pixels")
questions = lookup[lookup["ImageId"] == 1].head(6)
answers = pd.DataFrame({"RowId": questions["RowId"], "Location": ["?"] * len(questions)})
tables = ("IdLookupTable.csv asks", questions), ("submission.csv answers", answers)
for axis, (title, table) in zip(axes[1:], tables, strict=True):
    axis.axis("off")
    axis.set_title(title)
    cells = axis.table(table.astype(str).to_numpy(), colLabels=list(table.columns), loc="center", cellLoc="left")
    cells.auto_set_column_width(range(table.shape[1]))
    cells.scale(1, 1.6)
plt.show()

# %% [markdown]
# ## The idea
#
# **The table of questions.** Each row of `IdLookupTable.csv` has a number of its own (`RowId`), the number of a face
# (`ImageId`) and the name of a coordinate (`FeatureName`, such as `left_eye_center_x`). Kaggle does not ask for every
# coordinate of every face: 27,124 rows stand for 1,783 faces, although 1,783 × 30 would be 53,490. Only what somebody
# has labeled can be scored.
#
# **The number of a face counts from 1**, and a NumPy array counts from 0. Forget it and every answer belongs to the
# next face. Nothing fails, no warning appears, and the score is that of a guess. Worse, `ImageId` 0 would silently
# become the *last* face, since Python reads index −1 from the end. So an `ImageId` that does not exist is an error.
#
# **Two units.** The ResNet answers in pixels. The CNN answers in units of 96 pixels (lesson 04). Kaggle wants pixels.
#
# **Clipping.** A coordinate outside of the image can't be right, so moving it to the border never makes the error
# larger. The image reaches from 0 to 96: it has 96 pixels, so its right border is 96. The last pixel's number is 95.
#
# **The score** is the root of the mean squared error over all questions, in pixels. It is the `rmse` of lesson 02,
# over the labeled coordinates of the test set
# ([Kaggle, Evaluation](https://www.kaggle.com/competitions/facial-keypoints-detection/overview/evaluation)).
#
# ## A worked example
#
# Two faces, two keypoints, three questions:

# %%
few_names = ("nose_tip", "mouth_center")
few_keypoints = np.array([[[48, 60], [50, 75]], [[40, 58], [41, 77]]], np.float32)
few_questions = pd.DataFrame(
    {"RowId": [1, 2, 3], "ImageId": [2, 1, 1], "FeatureName": ["nose_tip_x", "mouth_center_y", "nose_tip_x"]}
)
print(few_questions.to_string(index=False))
print()
for row in few_questions.itertuples():
    name, axis = row.FeatureName.rsplit("_", 1)
    face, keypoint, coordinate = row.ImageId - 1, few_names.index(name), "xy".index(axis)
    location = few_keypoints[face, keypoint, coordinate]
    print(f"RowId {row.RowId}: keypoints[{face}, {keypoint}, {coordinate}] = {location}")

# %% [markdown]
# ## Exercise {{predict_keypoints}}: predict the keypoints
#
# One function for both kinds of model. Ask what each of them expects, and in what it answers:
#
# | | expects | answers | how to predict |
# |---|---|---|---|
# | `torch.nn.Module` | tensor (B, 1, 96, 96) | (B, 2K) pixels | eval mode, no gradients, batch by batch |
# | `keras.Model` | array (B, 96, 96, 1) | (B, 2K) units of 96 pixels | `model.predict` does all three by itself |
#
# **Common mistakes.** A PyTorch model left in train mode: its batch normalization then looks at the neighbors in the
# batch, and the same face gets another answer in other company. And one left in eval mode afterwards: whoever trains it
# next trains in eval mode, and no message says so.


# %%
def predict_keypoints(model: torch.nn.Module | keras.Model, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Predict the keypoints of faces, with a model of either framework.

    A torch model predicts in eval mode and without gradients; afterwards it is in the mode it came in.

    Args:
        model: a torch model maps (B, 1, 96, 96) to (B, 2K) pixels, a Keras model (B, 96, 96, 1) to (B, 2K) units of
            96 pixels; both in the order x, y, x, y.
        images: (N, 96, 96) float32 in [0, 1], N at least 1.
        batch_size: faces that the model sees at once, at most.

    Returns:
        (N, K, 2) float32, (x, y) in pixels, clipped to [0, 96].
    """
    ### BEGIN SOLUTION
    if isinstance(model, torch.nn.Module):
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                batches = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1).split(batch_size)
                answers = np.concatenate([model(batch).numpy() for batch in batches])
        finally:
            model.train(was_training)
    else:
        answers = IMAGE_SIZE * model.predict(images[..., np.newaxis], batch_size=batch_size, verbose=0)
    return np.clip(answers, 0, IMAGE_SIZE).reshape(len(images), -1, 2).astype(np.float32)
    ### END SOLUTION


# %%
autograder.check("predict_keypoints")

# %% [markdown]
# ## Exercise {{make_submission}}: answer the questions
#
# From an array of keypoints to the table that Kaggle reads. The rows stay in the order of the look-up table.
#
# The names come in the order of `keypoints`; look up the position of each one instead of relying on an order you
# remember. A feature that ends in neither `_x` nor `_y`, or whose name is not among `names`, is an error.


# %%
def make_submission(keypoints: np.ndarray, names: Sequence[str], lookup: pd.DataFrame) -> pd.DataFrame:
    """Answer each row of the look-up table.

    Args:
        keypoints: (N, K, 2) float, (x, y) in pixels; face 0 is ImageId 1.
        names: the K names of the keypoints, without `_x` and `_y`.
        lookup: columns RowId, ImageId (counts from 1) and FeatureName (a name with `_x` or `_y`), and any index.

    Returns:
        Columns RowId and Location (float, pixels), one row for each row of `lookup`, in its order.

    Raises:
        ValueError: a FeatureName that is no coordinate of `names`, or an ImageId outside of 1 to N.
    """
    ### BEGIN SOLUTION
    position = {f"{name}_{axis}": 2 * k + a for k, name in enumerate(names) for a, axis in enumerate("xy")}
    columns = lookup["FeatureName"].map(position)
    if columns.isna().any():
        unknown = lookup["FeatureName"][columns.isna()].iloc[0]
        raise ValueError(f"FeatureName: expected one of {', '.join(position)}; got {unknown!r}")
    image_ids = lookup["ImageId"].to_numpy()
    outside = (image_ids < 1) | (image_ids > len(keypoints))
    if outside.any():
        raise ValueError(f"ImageId: expected 1 to {len(keypoints)}; got {image_ids[outside][0]}")
    coordinates = keypoints.reshape(len(keypoints), -1)
    locations = coordinates[image_ids - 1, columns.to_numpy(dtype=int)]
    return pd.DataFrame({"RowId": lookup["RowId"].to_numpy(), "Location": locations})
    ### END SOLUTION


# %%
autograder.check("make_submission")

# %% [markdown]
# ## Exercise {{score_submission}}: score it as Kaggle does
#
# Rows belong together by their `RowId`, not by their place in the file. A submission with a missing, a repeated or an
# unfinished row is rejected; a score over the rest would be too good to be true.


# %%
def score_submission(submission: pd.DataFrame, truth: pd.DataFrame) -> float:
    """Kaggle's score: the RMSE over all rows of the truth, in pixels. Lower is better.

    Args:
        submission: columns RowId and Location, in any order of the rows. Rows that the truth does not have never
            count; you may also refuse them with a ValueError.
        truth: columns RowId and Location, each RowId once, in any order of the rows. Either table may have any index.

    Returns:
        The root of the mean squared difference of the Locations with the same RowId.

    Raises:
        ValueError: a RowId of the truth is missing from the submission, a RowId is repeated in it, or a Location is
            NaN or infinite.
    """
    ### BEGIN SOLUTION
    repeated = submission["RowId"][submission["RowId"].duplicated()]
    if len(repeated):
        raise ValueError(f"RowId {repeated.iloc[0]}: expected once, got it again; keep one row for each RowId")
    answers = submission.set_index("RowId")["Location"]
    missing = truth["RowId"][~truth["RowId"].isin(answers.index)]
    if len(missing):
        raise ValueError(f"RowId {missing.iloc[0]}: expected a row, got none; {len(missing)} in all are missing")
    unfinished = answers.index[~np.isfinite(answers.to_numpy(dtype=float))]
    if len(unfinished):
        raise ValueError(f"RowId {unfinished[0]}: expected a finite Location, got {answers[unfinished[0]]}")
    errors = answers.loc[truth["RowId"]].to_numpy(dtype=float) - truth["Location"].to_numpy(dtype=float)
    return float(np.sqrt(np.mean(errors**2)))
    ### END SOLUTION


# %%
autograder.check("score_submission")

# %% [markdown]
# ## Your two networks
#
# Lesson 04 saved `cnn.keras`, lesson 05 `resnet.pt`. Where one of them is missing, the next cell says so and trains a
# small stand-in for a few epochs, so that you can go on; its score will be poor.

# %%
KeypointResNet = autograder.earlier("03_residual_block").KeypointResNet
cnn_folder, resnet_folder = output_folder("04_two_phase_cnn"), output_folder("05_resnet_training")
few = faces.images[:200], faces.keypoints[:200]


def stand_in_cnn() -> tuple[keras.Model, dict]:
    """A CNN trained for a moment: one that runs, not one that is good."""
    lesson = autograder.earlier("04_two_phase_cnn")
    keras.utils.set_random_seed(0)
    complete = np.isfinite(few[1]).all(axis=(1, 2))
    x, y = few[0][complete][..., np.newaxis], lesson.to_unit_targets(few[1][complete])
    model = lesson.build_cnn()
    checkpoint = str(output_folder("06_kaggle_submission") / "stand_in_cnn.keras")
    history = lesson.train_two_phase(model, x, y, x[:20], y[:20], (2, 1), 16, checkpoint)
    return model, history


def stand_in_resnet() -> tuple[torch.nn.Module, dict]:
    """A ResNet trained for a moment: one that runs, not one that is good."""
    lesson = autograder.earlier("05_resnet_training")
    torch.manual_seed(0)
    model = KeypointResNet()
    dataset = lesson.FaceDataset(*few)
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
    config = lesson.TrainConfig(epochs=2, lr=1e-3, batch_size=32)
    return model, lesson.fit(model, loader, torch.utils.data.DataLoader(dataset, batch_size=100), config)


def is_there(path: Path, lesson: str) -> bool:
    """Whether a saved network lies at `path`; says so where it does not."""
    if not path.is_file():
        print(f"NOTE: {path.name} is missing. Run lesson {lesson} first; a stand-in is trained here meanwhile.")
    return path.is_file()


if is_there(cnn_folder / "cnn.keras", "04"):
    cnn = keras.models.load_model(cnn_folder / "cnn.keras")
    cnn_history = json.loads((cnn_folder / "history.json").read_text(encoding="utf-8"))
else:
    cnn, cnn_history = stand_in_cnn()

if is_there(resnet_folder / "resnet.pt", "05"):
    # Lesson 05 trains a smaller network at quick scale, and notes its widths.
    channels = json.loads((resnet_folder / "metrics.json").read_text(encoding="utf-8"))["channels"]
    resnet = KeypointResNet(tuple(channels))
    resnet.load_state_dict(torch.load(resnet_folder / "resnet.pt", weights_only=True))
    resnet_history = json.loads((resnet_folder / "history.json").read_text(encoding="utf-8"))
else:
    resnet, resnet_history = stand_in_resnet()

cnn_parameters = sum(int(np.prod(weight.shape)) for weight in cnn.trainable_weights)
resnet_parameters = sum(p.numel() for p in resnet.parameters() if p.requires_grad)
print(f"CNN (Keras): {cnn_parameters:,} parameters    ResNet (PyTorch): {resnet_parameters:,} parameters")

# %% [markdown]
# ## How they learned
#
# Both curves in the same unit. The ResNet's history is in pixels. The CNN's is Huber's loss in units of 96 pixels; for
# small errors that is half the squared error, so 96 · √(2 · loss) is its RMSE in pixels.
#
# Compare the shapes, not the heights: the two networks were validated on different rows. The CNN needs rows without
# any missing label there, the ResNet takes them as they are.

# %%
cnn_train, cnn_val = (
    [IMAGE_SIZE * np.sqrt(2 * loss) for phase in ("phase1", "phase2") for loss in cnn_history[phase][key]]
    for key in ("loss", "val_loss")
)
resnet_train, resnet_val = np.sqrt(resnet_history["train_loss"]), resnet_history["val_rmse"]
for model, validation in (("CNN", cnn_val), ("ResNet", resnet_val)):
    best = int(np.argmin(validation))
    print(f"{model:<7} best epoch {best + 1} of {len(validation)}, validation RMSE {validation[best]:.2f} px")

# %% jupyter={"source_hidden": true}
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), sharey=True)
for axis, training, validation, title in (
    (left, cnn_train, cnn_val, "CNN, Keras"),
    (right, resnet_train, resnet_val, "ResNet, PyTorch"),
):
    epochs = np.arange(1, len(training) + 1)
    axis.plot(epochs, training, "o--", markersize=4, label="training")
    axis.plot(epochs, validation, "s-", markersize=4, label="validation")
    axis.set(title=title, xlabel="epoch", yscale="log")
    axis.grid(alpha=0.3, which="both")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")
phase2_starts = len(cnn_history["phase1"]["loss"]) + 0.5
left.axvline(phase2_starts, color="black", linestyle=":", label="phase 2: SGD")
left.set_ylabel("RMSE in pixels (logarithmic)")
left.legend()
right.legend()
plt.show()

# %% [markdown]
# ## Predict, write, score
#
# The bar to clear is the **mean face**: the same answer for every face, the mean of each coordinate over the training
# rows. It needs no network and looks at no pixel. On Kaggle's own files it scores 3.88.

# %%
out = output_folder("06_kaggle_submission")
mean_face = np.nanmean(faces.keypoints, axis=0, dtype=float)
predictions = {
    "mean face": np.broadcast_to(mean_face, (len(test.images), *mean_face.shape)),
    "CNN": predict_keypoints(cnn, test.images),
    "ResNet": predict_keypoints(resnet, test.images),
}
submissions = {model: make_submission(keypoints, names, lookup) for model, keypoints in predictions.items()}

# Real competition files come without the truth; then only Kaggle can score them.
has_truth = (data / "truth.csv").is_file()
if has_truth:
    truth = pd.read_csv(data / "truth.csv")
    scores = {model: score_submission(submission, truth) for model, submission in submissions.items()}
    for model, score in scores.items():
        print(f"{model:<10} RMSE {score:.3f} px, {score / scores['mean face']:.2f} of the mean face's")
else:
    scores = dict.fromkeys(submissions, float("nan"))
    print("No truth.csv in this folder: submit to Kaggle to learn the score.")

better = min(("ResNet", "CNN"), key=lambda model: scores[model])
submissions[better].to_csv(out / "submission.csv", index=False)
print(f"\n{better}'s answers are in {out / 'submission.csv'}:")
print(submissions[better].head(4).to_string(index=False))

# %% [markdown]
# ## Faces that no network has seen
#
# A score is one number for 1,783 faces. To see what it is made of, put the answers back where they belong: a truth for
# each face and keypoint, NaN where Kaggle does not ask. (Kaggle's own files come without the truth. Then the labeled
# faces that you trained on stand in below. Their errors are too small, but the hard faces among them are the same
# kind.)

# %%
if has_truth:
    looked_at, answers, found = test.images, np.full((len(test.images), len(names), 2), np.nan), predictions
    asked = lookup.merge(truth, on="RowId")
    feature = {f"{name}_{axis}": (k, a) for k, name in enumerate(names) for a, axis in enumerate("xy")}
    for image_id, name, location in zip(asked["ImageId"], asked["FeatureName"], asked["Location"], strict=True):
        answers[image_id - 1, *feature[name]] = location
else:
    print("No truth.csv in this folder: what follows is about training faces.")
    looked_at, answers = faces.images[:2500], faces.keypoints[:2500]
    networks = {"CNN": cnn, "ResNet": resnet}
    found = {"mean face": np.broadcast_to(mean_face, answers.shape)}
    found |= {model: predict_keypoints(network, looked_at) for model, network in networks.items()}

complete = np.flatnonzero(np.isfinite(answers).all(axis=(1, 2)))
residuals = {model: keypoints[complete] - answers[complete] for model, keypoints in found.items()}
face_errors = {model: np.sqrt(np.mean(residual**2, axis=(1, 2))) for model, residual in residuals.items()}
print(f"RMSE of single faces, over the {len(complete)} of which all {len(names)} keypoints are known, in px:")
for model, errors in face_errors.items():
    middle, high, worst = np.percentile(errors, [50, 95, 100])
    print(f"  {model:<10} half of them below {middle:.1f}, one in 20 above {high:.1f}, the worst {worst:.1f}")

# %% [markdown]
# Eight of these faces, drawn by lot. Green circles: the truth. Red crosses: the prediction.

# %% jupyter={"source_hidden": true}


def draw_face(axis: plt.Axes, model: str, index: int, title: str) -> None:
    """Draw the complete face number `index` with its truth and what a model says of it."""
    face = complete[index]
    axis.imshow(looked_at[face], cmap="gray", vmin=0, vmax=1)
    axis.plot(*answers[face].T, "o", color="lime", markersize=6, fillstyle="none", label="truth")
    axis.plot(*found[model][face].T, "x", color="red", markersize=6, label="prediction")
    axis.set_title(title, fontsize=9)
    axis.set(xticks=[], yticks=[], xlim=(-0.5, 95.5), ylim=(95.5, -0.5))


shown = np.random.default_rng(0).choice(len(complete), 8, replace=False)
figure, axes = plt.subplots(2, 8, figsize=(16, 4.6), layout="constrained")
for model, row in zip(("CNN", "ResNet"), axes, strict=True):
    for axis, index in zip(row, shown, strict=True):
        draw_face(axis, model, index, f"{model}, face {complete[index] + 1}: {face_errors[model][index]:.1f} px")
axes[0, 0].legend(loc="lower right", fontsize=7)
plt.show()

# %% [markdown]
# ## What is wrong with the worst ones?
#
# Two things can be wrong. All crosses are **shifted together**: the network has found a face, but not its place. Or the
# place is right and **the shape is not**: some crosses are off in a direction of their own. The mean of a face's
# residuals (prediction minus truth) is its shift; what is left is the rest. Their squares add up to the squared error,
# so one can say how much of it is which.

# %%
shifts = {model: residual.mean(axis=1) for model, residual in residuals.items()}  # (faces, 2) px
shifted = {model: np.mean(shift**2, axis=1) / face_errors[model] ** 2 for model, shift in shifts.items()}
worst = np.argsort(-face_errors[better])[:8]
for model, shift in shifts.items():
    share = np.mean(shift**2) / np.mean(residuals[model] ** 2)
    tenth = np.argsort(-face_errors[model])[: max(1, len(complete) // 10)]
    print(
        f"{model:<10} {share:.0%} of the squared error is shift; in its worst tenth, {shifted[model][tenth].mean():.0%}"
    )

misses = np.abs(residuals[better]) > 4
inwards = residuals[better] * (answers[complete] - mean_face) < 0  # the truth lies farther out than the prediction
print(f"\n{better} misses {misses.sum()} coordinates of these faces by more than 4 px,", end=" ")
print(f"{inwards[misses].mean():.0%} of them on the side of the mean face;")
print(f"of the {(~misses).sum():,} smaller errors, {inwards[~misses].mean():.0%} lie on that side")

# %% [markdown]
# The eight worst faces of the better network. Before you read what stands above a face, say yourself what makes it
# hard.

# %% jupyter={"source_hidden": true}
figure, axes = plt.subplots(2, 4, figsize=(13, 7), layout="constrained")
for axis, index in zip(axes.ravel(), worst, strict=True):
    off = np.linalg.norm(residuals[better][index], axis=1)
    title = f"face {complete[index] + 1}: {face_errors[better][index]:.1f} px"
    if shifted[better][index] > 0.5:
        title += f"\n{shifted[better][index]:.0%} of it shift, by {np.linalg.norm(shifts[better][index]):.1f} px"
    else:
        title += f"\n{names[np.argmax(off)].replace('_', ' ')} by {off.max():.1f} px"
    draw_face(axis, better, index, title)
axes[0, 0].legend(loc="lower right", fontsize=7)
plt.show()

# %% [markdown]
# In our run, one of the eight is mostly shifted; the others are off in shape, and a single point by 8 to 13 pixels: an
# end of a brow or the lower lip. You see half a face in shadow, a tilted or turned head, a blurred picture, an open
# mouth. And the last two lines above say what large errors have in common more often than small ones: the cross is off
# towards the mean face. A network that is not sure answers something in between, because that costs the least.
#
# The next step is always the same: take one cause, find more such faces, and ask whether the training has enough of
# them. Lesson 10 makes more of some by turning, moving and mirroring those that it has.
#
# ## Which keypoints are worst?
#
# The other way to cut the same residuals: by keypoint, over all faces of which it is asked. It is the
# `per_keypoint_rmse` of lesson 02.

# %%
by_keypoint = {
    model: np.sqrt(np.nanmean((keypoints - answers) ** 2, axis=(0, 2))) for model, keypoints in found.items()
}
ranking = np.argsort(-by_keypoint[better])
print(f"px{'':26}" + "".join(f"{model:>12}" for model in by_keypoint) + f"{better + ' / mean':>16}")
for k in ranking:
    ratio = by_keypoint[better][k] / by_keypoint["mean face"][k]
    print(f"{names[k]:28}" + "".join(f"{errors[k]:12.2f}" for errors in by_keypoint.values()) + f"{ratio:16.2f}")

# %% jupyter={"source_hidden": true}
figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
for (model, errors), marker in zip(by_keypoint.items(), "|os", strict=True):
    axis.plot(errors[ranking], range(len(names)), marker, markersize=12 if marker == "|" else 6, label=model)
axis.set_yticks(range(len(names)), [names[k].replace("_", " ") for k in ranking])
axis.invert_yaxis()
axis.set(xlabel="RMSE (pixels)", title="Which keypoints are hard?", xlim=(0, None))
axis.grid(alpha=0.3)
axis.legend()
plt.show()

# %% [markdown]
# In our run, in pixels, brows and corners of the mouth are the hardest and eyes the easiest. But eyes vary little to
# begin with: even the mean face is off by 3 pixels only. The last column takes that out. Three keypoints have the
# lowest ratios, the nose tip and both eye centers, and they are three of the four that nearly every training row
# labels. Inner ends of the brows and corners of the mouth are labeled in a third of the rows, and the ratio is the
# highest there. So if you had an afternoon to label faces, which points would you label?
#
# ## The table
#
# [The sources](https://github.com/allureking/FacialKeypointsDetection) report 2.55 for the CNN and 2.10 for the ResNet
# on Kaggle's own test set, where the mean face scores 3.88. Your faces are other faces, so compare the ratios, not the
# pixels. (The sources also give the ResNet about 4.2 million parameters. You have counted them in lesson 03.)
#
# The rows differ in more than how they deal with missing labels: in the number of faces that they learned from, in the
# network and in its loss. Lesson 05's experiment alone isolates the filling.

# %%


def learned_from(lesson: str, network: Path) -> tuple[float, str]:
    """Return how many faces a saved network learned from, and where it began. Of a stand-in, no file says so."""
    if not network.is_file():
        return float("nan"), "a stand-in"
    told = json.loads((network.parent / "metrics.json").read_text(encoding="utf-8"))
    settings = yaml.safe_load((lesson_folder(lesson) / f"{told['scale']}.yaml").read_text(encoding="utf-8"))
    # Lesson 05 names no number of rows: it takes all, at trial scale 240.
    rows = settings.get("rows", 240 if told["scale"] == "trial" else None) or len(faces.images)
    rows = min(rows, len(faces.images))
    return rows - round(rows * settings["val_fraction"]), told["start"]


sources = {"mean face": 3.88, "CNN": 2.55, "ResNet": 2.10}
cnn_began = learned_from("04_two_phase_cnn", cnn_folder / "cnn.keras")
resnet_began = learned_from("05_resnet_training", resnet_folder / "resnet.pt")
described = {
    "mean face": ("NumPy", 0, len(faces.images), "", "mean of each coordinate"),
    "CNN": ("Keras", cnn_parameters, *cnn_began, "forward-filled labels, Huber; Adam, then SGD"),
    "ResNet": ("PyTorch", resnet_parameters, *resnet_began, "missing labels masked, MSE; Adam, decaying rate"),
}
table = pd.DataFrame(
    [
        {
            "model": model,
            "framework": framework,
            "parameters": parameters,
            "faces": learned,
            "start": start,
            "RMSE in px": scores[model],
            "ratio": scores[model] / scores["mean face"],
            "sources: RMSE": sources[model],
            "sources: ratio": sources[model] / sources["mean face"],
            "strategy": strategy,
        }
        for model, (framework, parameters, learned, start, strategy) in described.items()
    ]
)
table.to_json(out / "results.json", orient="records", indent=2)
(
    table.style.hide(axis="index")
    .format("{:.2f}", subset=["RMSE in px", "ratio", "sources: RMSE", "sources: ratio"])
    .format("{:,.0f}", subset=["parameters", "faces"], na_rep="unknown")
    .set_properties(subset=["model", "framework", "start", "strategy"], **{"text-align": "left"})
)

# %% [markdown]
# ## Hand it in
#
# With an account at Kaggle, its rules accepted on [the contest's
# page](https://www.kaggle.com/competitions/facial-keypoints-detection/rules), and your API token in place, a terminal
# does the rest. The next cell prints the commands for your own file.

# %%
import shlex

contest = "facial-keypoints-detection"
print(f"kaggle competitions submit -c {contest} -f {shlex.quote(str(out / 'submission.csv'))} -m {better}")
print(f"kaggle competitions submissions -c {contest}")

# %% [markdown]
# Kaggle scores only predictions for its own `test.csv`. Fetch it with
# `python -m data_scripts.kaggle_download --out DIR`, set `COURSE_DATA=DIR`, and run lessons 04 to 06 again.
#
# ## Three questions
#
# 1. Clipping to the range from 0 to 96 never makes the score worse. Rounding to whole pixels can. Where is the
#    difference?
# 2. The cell that wrote `submission.csv` chose the network with the better score *on the test faces*. What is wrong
#    with that, and when does it matter?
# 3. Two submissions score 1.61 and 1.63 on the same 1,783 faces. How would you find out whether that is more than
#    chance, without a new test set?
#
# <details><summary>Answers</summary>
#
# 1. Every truth lies inside the range, so the border lies between a prediction outside and the truth: moving there
#    comes closer. A whole pixel lies on either side of the truth. On average rounding adds 1/12 px² to the squared
#    error.
# 2. The score of the chosen one is a little too good: part of why it won may be luck with these faces. Between two
#    networks that are far apart it matters little. Among 500 submissions it decides who is first, which is why Kaggle
#    shows one part of the test set and ranks by the other. Choose on validation faces, and look at the test once.
# 3. Ask face by face. Draw 1,783 faces with replacement, score *both* on the same drawing, note the difference; a
#    thousand times. If it is of one sign in nearly all of them, these networks differ on such faces. (This is the
#    bootstrap.) Whether the *recipe* is better is another question, which needs several trainings.
#
# </details>
#
# ## Further reading
#
# - Kaggle, [how this contest is
#   scored](https://www.kaggle.com/competitions/facial-keypoints-detection/overview/evaluation), and [what others say
#   about it](https://www.kaggle.com/competitions/facial-keypoints-detection/discussion).
# - Blum and Hardt, [The Ladder: A Reliable Leaderboard for Machine Learning
#   Competitions](https://arxiv.org/abs/1502.04585), 2015: how to climb a leaderboard without learning anything, and
#   what stops it.
# - Recht and others, [Do ImageNet Classifiers Generalize to ImageNet?](https://arxiv.org/abs/1902.10811), 2019: what
#   ten years of choosing on one test set did, and did not do.
#
# ## What an experienced person would write
#
# `make_submission` as a join: the predictions as a long table with `ImageId`, `FeatureName` and `Location`
# (`DataFrame.melt`), then `lookup.merge(predictions, how="left", validate="many_to_one")`, and an error where a
# `Location` is missing. `score_submission` with `truth.merge(submission, on="RowId", validate="one_to_one")`, which
# refuses repeated rows by itself. `torch.inference_mode()` in place of `no_grad()`. And every submission with the
# commit and the settings that made it, because in a month nobody remembers which file was which.
#
# ## What you have learned
#
# - One function can serve two frameworks, if you know what each expects: axes, units, modes.
# - A file format has rules that no error message mentions: numbers that count from 1, rows in a given order.
# - A score means something only beside a baseline. The mean face is the cheapest one.
# - Check what you hand in before somebody else does: missing, repeated and unfinished rows.
# - Cut the error in two ways, by face and by keypoint: it is seldom where one expects it.
#
# Next: lesson 07 finds a single point, on faces of another kind. Lesson 10 comes back to these, with a network that
# scores far better.
