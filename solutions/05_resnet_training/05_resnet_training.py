# %% [markdown]
# # {{lesson}}
#
# **Goal.** You write a training loop that can be trusted, and train the network of lesson 03 with it. In the end you
# see its predictions beside the truth, on faces it has never seen.
#
# **You need** lessons 02 (the masked loss) and 03 (the network). **Time:** about {{minutes}} minutes, some three of
# them training.
#
# | exercise | you write |
# |---|---|
# | {{TrainConfig}} `TrainConfig`, `load_config` | what a training run depends on, checked |
# | {{FaceDataset}} `FaceDataset` | faces and labels, one pair at a time |
# | {{train_one_epoch}} `train_one_epoch` | gradient steps, and a loss that adds up |
# | {{evaluate}} `evaluate` | the error in pixels, without side effects |
# | {{EarlyStopping}} `EarlyStopping` | when to stop |
# | {{start_at_mean}} `start_at_mean` | a good place to start from |
# | {{fit}} `fit` | all of it, ending with the best weights |
#
# The next cell takes your own loss and network from lessons 02 and 03 where they pass their checks.

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder

import copy
import math
from dataclasses import dataclass, fields

import matplotlib.pyplot as plt
import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

MSELossIgnoreNan = autograder.earlier("02_nan_masking").MSELossIgnoreNan
KeypointResNet = autograder.earlier("03_residual_block").KeypointResNet

# %% [markdown]
# ## The goal, as a picture
#
# Eight faces from the training file, with the labels they have: green circles. Most lack some. The network will answer
# with 15 points for every face; your loss must learn from the labels that are there and leave the others alone.

# %%
from data_scripts.folders import data_folder, output_folder, scale
from data_scripts.kaggle_csv import read_training

faces = read_training(data_folder() / "training.csv")
rows = np.random.default_rng(0).permutation(len(faces.images))

figure, grid = plt.subplots(1, 8, figsize=(14, 2.1))
for cell, row in zip(grid, rows, strict=False):
    cell.imshow(faces.images[row], cmap="gray", vmin=0, vmax=1)
    cell.plot(*faces.keypoints[row].T, "o", color="lime", markersize=4, fillstyle="none")
    labeled = int(np.isfinite(faces.keypoints[row]).all(axis=1).sum())
    cell.set_title(f"{labeled} of 15 labeled", fontsize=9)
    cell.axis("off")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## The idea: a loop, and what makes it trustworthy
#
# Training repeats four lines: predict, compare, compute gradients, step. Everything else in this lesson guards those
# four lines against mistakes that raise no error and still spoil the result:
#
# - the wrong settings, because a misspelled name was ignored,
# - a loss that weighs some labels more than others,
# - a measurement in the wrong mode,
# - the weights of the last epoch, where those of the best were wanted.
#
# ## A worked example: which average?
#
# Take two batches. One holds 4 labels, the other 1000. What is the loss of the epoch?

# %%
batch_errors = [np.full(4, 100.0), np.full(1000, 1.0)]  # squared errors, one for each labeled coordinate

means = [float(errors.mean()) for errors in batch_errors]
print("mean of each batch:          ", means)
print("mean of the batch means:     ", np.mean(means))
print("per labeled coordinate:      ", float(np.concatenate(batch_errors).mean().round(3)))

# %% [markdown]
# The mean of the batch means is 50.5, although 1000 of 1004 labels have an error of 1. Where batches hold different
# numbers of labels, each batch mean must count as often as it has labels: add up squared errors, add up labels, and
# divide once.
#
# ## Exercise {{TrainConfig}}: settings in a file
#
# A run that can be repeated keeps its settings in a file. Here it is YAML: one `field: value` on each line.
# The lesson brings two: `quick.yaml` for a laptop, and `full.yaml`, the recipe of the sources.
#
# The settings become a **frozen data class**: it has exactly these fields, and nobody can change one halfway. The
# fields are given. You write the check of their ranges in `__post_init__`, which runs whenever a `TrainConfig` is
# made, and the reader of the file.
#
# **Common mistake.** Ignoring a key that is not known. `learning_rate: 0.01` would then train with the default, and
# nobody would notice. A trap of YAML itself: `1e-4`, without a point, is read as text. Write `0.0001`.


# %%
@dataclass(frozen=True)
class TrainConfig:
    """What a training run depends on; nobody can change it once it is made. The defaults are the sources' recipe.

    Attributes:
        epochs: passes over the training rows at most, at least 1.
        lr: learning rate of Adam in the first epoch, greater than 0.
        step_size: epochs between two drops of the learning rate, at least 1.
        gamma: factor of each drop, greater than 0 and at most 1.
        patience: epochs without a new best validation RMSE before training stops, at least 1.
        batch_size: faces in one gradient step, at least 1.
        val_fraction: share of the rows kept for validation, strictly between 0 and 1.
        seed: seed of the split, the first weights and the order of the rows, at least 0.

    Raises:
        ValueError: a value is not a number or out of range; the message names the field.
    """

    epochs: int = 50
    lr: float = 1e-4
    step_size: int = 5
    gamma: float = 0.1
    patience: int = 5
    batch_size: int = 32
    val_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        ### BEGIN SOLUTION
        for name, least in {"epochs": 1, "step_size": 1, "patience": 1, "batch_size": 1, "seed": 0}.items():
            value = getattr(self, name)
            # bool is a subclass of int, so `epochs: yes` in a YAML file would pass for 1.
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name}: expected a whole number, at least {least}; got {value!r}")
        for name, most, included in [("lr", math.inf, False), ("gamma", 1, True), ("val_fraction", 1, False)]:
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ValueError(f"{name}: expected a number such as 0.0001; got {value!r}")
            if not (0 < value < most or (included and value == most)):
                raise ValueError(
                    f"{name}: expected more than 0 and {'at most' if included else 'less than'} {most}; got {value!r}"
                )
        ### END SOLUTION


def load_config(path: str | Path) -> TrainConfig:
    """Read a YAML file of ``field: value`` lines; a field that the file leaves out keeps its default.

    An empty file leaves all of them out.

    Raises:
        ValueError: a key that is no field of TrainConfig, or a value that is no number or out of range; the message
            names the key or the field. Text that spells a number, such as 1e-4, may be refused or read as that number.
    """
    ### BEGIN SOLUTION
    values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected lines of the form 'field: value'; got {values!r}")
    known = [field.name for field in fields(TrainConfig)]
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: no such field; expected one of {', '.join(known)}")
    return TrainConfig(**values)
    ### END SOLUTION


# %%
autograder.check("TrainConfig")

# %% [markdown]
# ## Exercise {{FaceDataset}}: the dataset
#
# PyTorch's `DataLoader` shuffles, cuts into batches and stacks. It only wants to know how many items there are
# (`__len__`) and what item number `i` is (`__getitem__`).
#
# | | array | item |
# |---|---|---|
# | image | (N, 96, 96) | (1, 96, 96): a convolution wants an axis of channels, also for one |
# | targets | (N, K, 2) | (2K,): x, y, x, y, … as the network answers |
#
# **Common mistake.** Filling the NaNs with 0, "to be safe". The network would learn that unlabeled points sit in the
# upper left corner.


# %%
class FaceDataset(Dataset):
    """Faces and their keypoints, one pair of tensors for each index; arrays will do: a DataLoader makes them tensors.

    Args:
        images: (N, 96, 96) float32 in [0, 1].
        keypoints: (N, K, 2) float32 pixels, (x, y), NaN where unlabeled.
    """

    def __init__(self, images: np.ndarray, keypoints: np.ndarray) -> None:
        ### BEGIN SOLUTION
        self.images = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1)
        self.targets = torch.as_tensor(keypoints, dtype=torch.float32).reshape(len(keypoints), -1)
        ### END SOLUTION

    def __len__(self) -> int:
        """The number of faces, N."""
        ### BEGIN SOLUTION
        return len(self.images)
        ### END SOLUTION

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return an image, (1, 96, 96) float32, and its targets, (2K,) float32: x, y, x, y, ... with their NaNs."""
        ### BEGIN SOLUTION
        return self.images[index], self.targets[index]
        ### END SOLUTION


# %%
autograder.check("FaceDataset")

# %% [markdown]
# ## Exercise {{train_one_epoch}}: one epoch
#
# For each batch: reset the gradients, predict, compute the loss, `backward()`, `step()`. Along the way add up what the
# loss of the epoch needs, as in the example above.
#
# **Common mistakes.** Without `zero_grad()` every batch adds its gradient to those of all batches before. And a model
# that was evaluated may still be in eval mode: `model.train()` comes first.


# %%
def train_one_epoch(
    model: nn.Module, loader: DataLoader, loss_fn: nn.Module, optimizer: torch.optim.Optimizer
) -> float:
    """Take one gradient step for each batch of the loader, in train mode.

    Args:
        model: maps (B, 1, 96, 96) images to (B, 2K) predictions.
        loader: yields (images, targets); targets are (B, 2K) float32 with NaN where unlabeled.
        loss_fn: squared error averaged over the finite targets of a batch, such as MSELossIgnoreNan().
        optimizer: holds the parameters of the model.

    Returns:
        The squared error per labeled coordinate over the whole epoch, in square pixels: all squared errors, as each
        batch had them before its step, over the number of all labeled coordinates. NaN where none is labeled.
    """
    ### BEGIN SOLUTION
    model.train()
    squared_error, labeled = 0.0, 0
    for images, targets in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(images), targets)
        loss.backward()
        optimizer.step()
        count = int(torch.isfinite(targets).sum())
        squared_error += loss.item() * count
        labeled += count
    return squared_error / labeled if labeled else math.nan
    ### END SOLUTION


# %%
autograder.check("train_one_epoch")

# %% [markdown]
# ## Exercise {{evaluate}}: how good is it?
#
# `model.eval()` changes what batch normalization and dropout do. See for yourself: the same network, the same face,
# once alone and once among others.

# %%
torch.manual_seed(0)
network = KeypointResNet()
images = torch.from_numpy(faces.images[rows[:8]]).unsqueeze(1)
with torch.no_grad():
    for mode in ("train", "eval"):
        network.train(mode == "train")
        among_eight, among_two = network(images)[0, :3].numpy(), network(images[:2])[0, :3].numpy()
        print(f"{mode:>5} mode, the same face in a batch of 8: {among_eight.round(3)}, of 2: {among_two.round(3)}")

# %% [markdown]
# In train mode the answer depends on who else is in the batch. So measure in eval mode, and leave the model as you
# found it: whoever calls `evaluate` in the middle of training does not expect the mode to change.
#
# The RMSE is in pixels. As with the loss, add up over the whole loader first and take the root once, at the very end.


# %%
def evaluate(model: nn.Module, loader: DataLoader) -> float:
    """Return the RMSE in pixels over every labeled coordinate of the loader; NaN where none is labeled.

    The model predicts in eval mode and without gradients. Afterwards it is in the mode it came in, train or eval.

    Args:
        model: maps (B, 1, 96, 96) images to (B, 2K) predictions.
        loader: yields (images, targets); targets are (B, 2K) float32 with NaN where unlabeled.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    squared_error, labeled = 0.0, 0
    with torch.no_grad():
        for images, targets in loader:
            finite = torch.isfinite(targets)
            errors = (model(images) - targets)[finite]
            squared_error += float(errors.square().sum())
            labeled += int(finite.sum())
    model.train(was_training)
    return math.sqrt(squared_error / labeled) if labeled else math.nan
    ### END SOLUTION


# %%
autograder.check("evaluate")

# %% [markdown]
# ## Exercise {{EarlyStopping}}: when to stop
#
# The training loss goes on falling; the validation RMSE stops falling at some point. **Early stopping** waits
# `patience` epochs for a new best, then says stop.
#
# | validation RMSE | 5.0 | 4.0 | 4.5 | 4.0 | 3.9 | 4.1 | 4.2 |
# |---|---|---|---|---|---|---|---|
# | new best? | yes | yes | no | no: equal | yes | no | no |
# | calls since the best | 0 | 0 | 1 | 2 | 0 | 1 | 2 |
# | `step` with patience 2 | | | go on | **stop** | | | |
# | `step` with patience 3 | go on | go on | go on | go on | go on | go on | go on |


# %%
class EarlyStopping:
    """Says when to stop: once ``patience`` calls in a row brought no new best value. Lower is better.

    A new best is strictly lower than every value before it; an equal one is not.

    Attributes:
        best: the lowest value so far.
    """

    def __init__(self, patience: int = 5) -> None:
        ### BEGIN SOLUTION
        self.patience = patience
        self.best = math.inf
        self.calls_since_best = 0
        ### END SOLUTION

    def step(self, value: float) -> bool:
        """Take the value of one more epoch; return True if training should stop now, False if it should go on."""
        ### BEGIN SOLUTION
        if value < self.best:
            self.best = value
            self.calls_since_best = 0
        else:
            self.calls_since_best += 1
        return self.calls_since_best >= self.patience
        ### END SOLUTION


# %%
autograder.check("EarlyStopping")

# %% [markdown]
# ## Exercise {{start_at_mean}}: begin with the mean face
#
# A fresh network knows nothing and answers with numbers near 0: all points in the upper left corner. The labels lie
# around 48. Thousands of gradient steps go into walking there, and what they learn is the mean face, which `nanmean`
# knows in a millisecond.
#
# The last layer is linear: *answer = weight · features + bias*. While the features still say nothing, the answer is
# about the bias. So write the mean face into the bias, and every gradient step is left for what is special about a
# face.
#
# | faces | left eye x | left eye y | nose x | nose y |
# |---|---|---|---|---|
# | 1 | 60 | 30 | 40 | 70 |
# | 2 | 68 | – | 50 | 90 |
# | 3 | 70 | 36 | – | – |
# | bias | 66 | 33 | 45 | 80 |
#
# **Common mistake.** `layer.bias = nn.Parameter(...)` puts *another* parameter there. An optimizer that was made before
# goes on training the old one, which the network does not use any more: no error, and no learning. Change the numbers
# inside, under `torch.no_grad()`, since setting a value is no step to compute a gradient of.


# %%
def start_at_mean(model: nn.Module, keypoints: np.ndarray) -> None:
    """Make the mean face the bias of the model's last nn.Linear, the last one that ``model.modules()`` comes to.

    The bias becomes the mean of each coordinate over the faces that label it, in the order x, y, x, y, ... It stays the
    same parameter with the same dtype, so that an optimizer made before goes on training it. Everything else stays:
    all other parameters and buffers, and the mode.

    Args:
        model: its last nn.Linear, which may lie in a part of a part, has a bias and answers with 2K pixels.
        keypoints: (N, K, 2) float32 pixels, (x, y), NaN where unlabeled; left as they are.

    Raises:
        ValueError: the layer has another number of outputs than 2K, or a coordinate is labeled in no face.
    """
    ### BEGIN SOLUTION
    layer = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    targets = keypoints.reshape(keypoints.shape[0], -1)
    if layer.out_features != targets.shape[1]:
        raise ValueError(f"keypoints: {targets.shape[1]} coordinates for {layer.out_features} outputs of the model")
    labeled = np.isfinite(targets).any(axis=0)
    if not labeled.all():
        raise ValueError(f"keypoints: coordinate {labeled.argmin()} is labeled in no face, so it has no mean")
    with torch.no_grad():
        layer.bias.copy_(torch.from_numpy(np.nanmean(targets, axis=0)))
    ### END SOLUTION


# %%
autograder.check("start_at_mean")

# %% [markdown]
# ## A trap: weights kept by reference
#
# `fit` has to keep the weights of the best epoch while training goes on. `state_dict()` looks like a snapshot. It is
# not: it hands out the live tensors.

# %%
layer = nn.Linear(1, 1, bias=False)
kept, copied = layer.state_dict(), copy.deepcopy(layer.state_dict())
with torch.no_grad():
    layer.weight += 100

print("kept by reference:", kept["weight"].item())
print("deep copy:        ", copied["weight"].item())

# %% [markdown]
# ## Exercise {{fit}}: fit
#
# Put it together. In each epoch: train, evaluate, tell the scheduler that an epoch is over, write down three numbers,
# keep the weights if they are the best so far, ask whether to stop.
#
# `StepLR(optimizer, step_size=5, gamma=0.1)` divides the learning rate by ten after every five of **its** steps. It
# counts calls of `scheduler.step()`. Call it once a batch, and the rate is gone before the first epoch ends.


# %%
def fit(
    model: nn.Module, train_loader: DataLoader, val_loader: DataLoader, config: TrainConfig
) -> dict[str, list[float]]:
    """Train the model and leave it with the weights of its best epoch.

    Adam starts at ``config.lr``. After every ``config.step_size`` epochs StepLR multiplies that by ``config.gamma``.
    Each epoch trains on ``train_loader`` with MSELossIgnoreNan and evaluates on ``val_loader``. Training ends after
    ``config.epochs`` epochs, or once ``config.patience`` epochs in a row brought no lower validation RMSE, or when
    it is interrupted (KeyboardInterrupt). How you show its progress is up to you.

    Returns:
        Three lists, one entry for each finished epoch: "train_loss" (square pixels), "val_rmse" (pixels) and "lr"
        (the rate used in that epoch).
    """
    ### BEGIN SOLUTION
    loss_fn = MSELossIgnoreNan()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=config.step_size, gamma=config.gamma)
    stopping = EarlyStopping(config.patience)
    history: dict[str, list[float]] = {"train_loss": [], "val_rmse": [], "lr": []}
    # state_dict() hands out the live tensors, which the next step overwrites: keep a copy.
    best_weights = copy.deepcopy(model.state_dict())
    epochs = tqdm(range(config.epochs), desc="training", unit="epoch", file=sys.stdout)
    try:
        for _ in epochs:
            rate = optimizer.param_groups[0]["lr"]
            train_loss = train_one_epoch(model, train_loader, loss_fn, optimizer)
            val_rmse = evaluate(model, val_loader)
            scheduler.step()
            history["train_loss"].append(train_loss)
            history["val_rmse"].append(val_rmse)
            history["lr"].append(rate)
            epochs.set_postfix(train_loss=f"{train_loss:.2f}", val_rmse=f"{val_rmse:.2f}", refresh=False)
            if val_rmse < stopping.best:
                best_weights = copy.deepcopy(model.state_dict())
            if stopping.step(val_rmse):
                break
    except KeyboardInterrupt:
        print(f"Interrupted after {len(history['val_rmse'])} epochs; the best weights so far are kept.")
    epochs.close()
    model.load_state_dict(best_weights)
    return history
    ### END SOLUTION


# %%
autograder.check("fit")

# %% [markdown]
# ## Train
#
# The rows are split first: `val_fraction` of them validate and are never learned from. One seed decides on the split,
# the first weights and the order of the batches, so that the same file of settings gives the same network.
#
# Settings and faces: `quick` uses 1,200 faces and trains for about three minutes on two cores. With
# `COURSE_SCALE=full` in the environment it is all faces and the recipe of the sources, which takes about a minute an
# epoch.

# %%
FOLDER = Path.cwd() if (Path.cwd() / "quick.yaml").is_file() else ROOT / "lessons" / "05_resnet_training"
config = load_config(FOLDER / f"{scale()}.yaml")
used = len(faces.images) if scale() == "full" else 1200

order = np.random.default_rng(config.seed).permutation(len(faces.images))[:used]
n_val = round(len(order) * config.val_fraction)
val, train = order[:n_val], order[n_val:]
shuffle = torch.Generator().manual_seed(config.seed)
train_loader = DataLoader(
    FaceDataset(faces.images[train], faces.keypoints[train]), config.batch_size, shuffle=True, generator=shuffle
)
val_loader = DataLoader(FaceDataset(faces.images[val], faces.keypoints[val]), 256)
print(config)
print(f"{len(train)} faces to train on, {len(val)} to validate")

# %%
import time

torch.manual_seed(config.seed)
# The order of the numbers in memory that convolutions on a processor like best; it changes no result.
model = KeypointResNet().to(memory_format=torch.channels_last)
start = time.perf_counter()
history = fit(model, train_loader, val_loader, config)
seconds = time.perf_counter() - start

mean_face = np.nanmean(faces.keypoints[train], axis=0)
mean_rmse = float(np.sqrt(np.nanmean((faces.keypoints[val] - mean_face) ** 2)))
best_rmse = evaluate(model, val_loader)
print(f"{len(history['val_rmse'])} epochs in {seconds:.0f} s")
print(
    f"validation RMSE: {best_rmse:.2f} px; a constant mean face: {mean_rmse:.2f} px; ratio {best_rmse / mean_rmse:.2f}"
)

# %% [markdown]
# ## Learning curves
#
# Both curves in pixels: the root of the training loss beside the validation RMSE. In the first epochs the network only
# learns where faces have their eyes and mouths on average; below the dotted line it looks at the face.

# %%
epochs = np.arange(1, len(history["lr"]) + 1)
best = int(np.argmin(history["val_rmse"]))

figure, (curves, rates) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, height_ratios=[3, 1])
curves.plot(epochs, np.sqrt(history["train_loss"]), "s--", label="training")
curves.plot(epochs, history["val_rmse"], "o-", label="validation")
curves.plot(best + 1, history["val_rmse"][best], "*", color="black", markersize=14, label="best epoch, kept")
curves.axhline(mean_rmse, color="gray", linestyle=":", label="constant mean face")
curves.set(ylabel="RMSE (pixels)", title="Learning curves", yscale="log")
ticks = [2, 3, 4, 6, 10, 20, 40]
curves.set_yticks(ticks, [str(tick) for tick in ticks])
curves.yaxis.set_minor_formatter("")
curves.grid(alpha=0.3)
curves.legend()
rates.step(epochs, history["lr"], where="mid", color="black")
rates.set(xlabel="epoch", ylabel="learning rate", yscale="log")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Which keypoints are hard?
#
# The RMSE of each keypoint on the validation faces; `n` says how many of them have a label there. Few labels alone do
# not make a point hard: compare the corners of the eyes with the ends of the eyebrows, which are labeled as rarely.

# %%
model.eval()
with torch.no_grad():
    predicted = torch.cat([model(images) for images, _ in val_loader]).reshape(len(val), -1, 2).numpy()
truth = faces.keypoints[val]
errors = np.sqrt(np.nanmean((predicted - truth) ** 2, axis=(0, 2)))
counts = np.isfinite(truth).all(axis=2).sum(axis=0)
ranking = np.argsort(errors)

figure, axes = plt.subplots(figsize=(8, 4.5))
labels = [f"{faces.names[k].replace('_', ' ')} (n = {counts[k]})" for k in ranking]
bars = axes.barh(labels, errors[ranking], color="steelblue")
axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
axes.axvline(best_rmse, color="black", linestyle=":", label=f"all labels: {best_rmse:.2f}")
axes.set(xlabel="RMSE (pixels)", title="Error of each keypoint on validation faces", xlim=(0, 1.12 * errors.max()))
axes.legend(loc="lower right")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## Truth and prediction, on faces never trained on
#
# Drawn by your own code: green circles are labels, red crosses what the network says. It answers all 15 points, also
# those that nobody labeled.

# %%
complete = np.flatnonzero(np.isfinite(truth).all(axis=(1, 2)))[:8]
sparse = np.flatnonzero(np.isnan(truth).any(axis=(1, 2)))[: 16 - len(complete)]
figure, grid = plt.subplots(2, 8, figsize=(14, 4.1))
for cell, index in zip(grid.flat, [*complete, *sparse], strict=False):
    cell.imshow(faces.images[val[index]], cmap="gray", vmin=0, vmax=1)
    cell.plot(*truth[index].T, "o", color="lime", markersize=5, fillstyle="none", label="truth")
    cell.plot(*predicted[index].T, "x", color="red", markersize=4, label="prediction")
    own = np.sqrt(np.nanmean((predicted[index] - truth[index]) ** 2))
    cell.set_title(f"RMSE {own:.1f} px", fontsize=9)
for cell in grid.flat:
    cell.axis("off")
figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="lower center", ncols=2)
figure.subplots_adjust(bottom=0.09, top=0.93, wspace=0.05, hspace=0.12)
plt.show()

# %% [markdown]
# ## Keep what was learned
#
# Lesson 06 submits these predictions and compares both models of the course. It needs the weights, the curves, and a
# few figures.

# %%
import json
from dataclasses import asdict

folder = output_folder("05_resnet_training")
metrics = {
    "framework": "PyTorch",
    "strategy": "missing labels masked, MSE; Adam, decaying rate",
    "scale": scale(),
    "parameters": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    "epochs": len(history["lr"]),
    "seconds": seconds,
    "val_rmse": float(best_rmse),
    "val_rmse_mean_face": mean_rmse,
    "config": asdict(config),
}
lists = {key: [float(value) for value in history[key]] for key in ("train_loss", "val_rmse", "lr")}
torch.save(model.state_dict(), folder / "resnet.pt")
(folder / "history.json").write_text(json.dumps(lists, indent=2), encoding="utf-8")
(folder / "metrics.json").write_text(json.dumps(metrics, indent=2), encoding="utf-8")
for name in ("resnet.pt", "history.json", "metrics.json"):
    print(f"{name}: {(folder / name).stat().st_size:,} bytes")
metrics

# %% [markdown]
# ## What you have learned
#
# - Settings belong into a file that is checked; a misspelled name must fail, not vanish.
# - Average over labels, not over batches: add up, then divide once.
# - Train in train mode, measure in eval mode without gradients, and restore what you changed.
# - Keep a deep copy of the best weights; `state_dict()` alone is no snapshot.
# - Watch both curves. The network to keep is that of the best validation RMSE, not the last.
#
# Next: lesson 06 turns the predictions into a submission.
