# %% [markdown]
# # {{lesson}}
#
# **Goal.** You write a training loop that can be trusted, and train the network of lesson 03 with it. In the end you
# see its predictions beside the truth, on faces it has never seen, and you know from an experiment what masking is
# worth.
#
# **You need** lessons 02 (the masked loss) and 03 (the network). You should have met PyTorch's tensors, `backward()`
# and `nn.Module`; if not, read [the primer](../00_primer/00_primer.ipynb) first.
# **Time:** about {{minutes}} minutes, some three of them training. Code that only draws is folded: a click on the three
# dots shows it.
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
# **Sources.** The recipe is that of a student project for Kaggle's contest,
# [FacialKeypointsDetection](https://github.com/allureking/FacialKeypointsDetection): "the sources" below.
#
# The next cell takes your own loss and network from lessons 02 and 03 where they pass their checks.

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
# Drawn by the reference solution at the end of this lesson: green circles are labels, red crosses what the network
# says. It has never seen these faces. Faces of the lower row have only some labels; it answers with all 15 points.

# %%
from IPython.display import Image, display

from data_scripts.folders import compared_passes, compared_seeds, data_folder, lesson_folder, output_folder, scale
from data_scripts.kaggle_csv import read_training

FOLDER = lesson_folder("05_resnet_training")
faces = read_training(data_folder() / "training.csv")
rows = np.random.default_rng(0).permutation(len(faces.images))

display(Image(FOLDER / "goal.png"))
labeled = np.isfinite(faces.keypoints).all(axis=2)
median = np.median(labeled.sum(axis=1))
print(f"{len(faces.images):,} faces; {labeled.all(axis=1).sum():,} have all 15 labels, half have at most {median:.0f}")

# %% [markdown]
# Three words come back all the time. An **epoch** is one pass over all training faces. **Adam** takes gradient steps
# that scale themselves for each weight, and a **scheduler** changes its learning rate after epochs.
#
# ## The idea: a loop, and what makes it trustworthy
#
# Training repeats five lines: reset the gradients, predict, compute the loss, compute the gradients, step. Everything
# else in this lesson guards those five lines against mistakes that raise no error and still spoil the result:
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
# What a careful reader refuses beyond that is up to you; the check does not ask: half an epoch (`epochs: 2.5`), and
# what passes for a number in Python without being meant as one: NaN, infinity, `True`. YAML writes these `.nan`,
# `.inf` and `yes`.
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
        ValueError: a value is a text or out of range; the message names the field. What else is refused is up to you.
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
        ValueError: a key that is no field of TrainConfig, or a value that is a text or out of range; the message names
            the key or the field. Text that spells a number, such as 1e-4, may be refused or read as that number.
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
# | `step` with patience 2 | go on | go on | go on | **stop** | – | – | – |
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
# around 48. Dozens to hundreds of gradient steps, depending on the rate, go into walking there. What they learn is the
# mean face, which `nanmean` knows in a millisecond.
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
# goes on training the old one, which the network does not use any more. There is no error, the rest of the network
# learns, and this bias never does. Change the numbers inside, under `torch.no_grad()`, since setting a value is no step
# to compute a gradient of.


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
# See what this start is worth, before any training. What is the RMSE of a network that knows nothing?

# %%
torch.manual_seed(0)
network = KeypointResNet((16, 32, 64, 128))
looked_at, others = np.split(rows, [min(256, len(rows) // 2)])  # the mean comes from other faces than it is tried on
some = DataLoader(FaceDataset(faces.images[looked_at], faces.keypoints[looked_at]), 64)
print(f"fresh network:           {evaluate(network, some):5.1f} px")
start_at_mean(network, faces.keypoints[others])
print(f"the same, started there: {evaluate(network, some):5.1f} px")

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
# `StepLR(optimizer, step_size=5, gamma=0.1)` divides the learning rate by ten after every five of **its** steps.
#
# "Weights" means all of `state_dict()`: the running averages of batch normalization belong to the best epoch, too.
#
# Who presses the stop button raises `KeyboardInterrupt`, in the middle of an epoch. Catch it, restore the best weights
# and return the lists. They hold finished epochs alone, whether it comes while the epoch trains or while it validates:
# so write down the three numbers together, once both are done.
#
# **Common mistake.** Calling `scheduler.step()` once a batch. It counts its calls, so the rate is gone before the first
# epoch ends.


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
# ### The same in Keras
#
# Keras runs the loop for you. What is left to write is the loss. Unfold it if you come from lesson 04 and want to see
# your masked loss and your loop in its words.
#
# <details><summary>Masked loss and loop in Keras</summary>
#
# ```python
# import keras
# from keras import ops
#
#
# def masked_mse(target, pred):
#     """(B, D) twice -> scalar: squared error averaged over the finite targets of the batch."""
#     finite = ops.isfinite(target)
#     # Not error * mask: NaN times 0 is NaN. So the NaN is gone before anything is computed with it.
#     error = ops.where(finite, pred - ops.where(finite, target, pred), 0.0)
#     return ops.sum(ops.square(error)) / ops.maximum(ops.sum(ops.cast(finite, pred.dtype)), 1.0)
#
#
# def fit_keras(model, x, y, x_val, y_val, config, name):
#     """Adam, a rate that drops, early stopping and the best weights, kept in the file NAME.weights.h5."""
#     model.compile(optimizer=keras.optimizers.Adam(config.lr), loss=masked_mse)
#     drops = lambda epoch: config.lr * config.gamma ** (epoch // config.step_size)
#     rate = keras.callbacks.LearningRateScheduler(drops)
#     stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.patience)
#     path = f"{name}.weights.h5"  # Keras insists on this ending for a file of weights alone
#     keep = {"save_best_only": True, "save_weights_only": True}
#     best = keras.callbacks.ModelCheckpoint(path, monitor="val_loss", **keep)
#     data = {"x": x, "y": y, "validation_data": (x_val, y_val), "batch_size": config.batch_size}
#     history = model.fit(**data, epochs=config.epochs, callbacks=[rate, stop, best]).history
#     model.load_weights(path)
#     return history
# ```
#
# Two traps. Keras hands a loss `(target, pred)`, PyTorch's losses take `(pred, target)`. And the loss that Keras
# reports for an epoch weighs each batch mean by its **faces**, not by its labels. Stopping and checkpoint look at that
# `val_loss`, so they may choose another epoch than your `fit`.
#
# </details>
#
# ## Before you train: two checks
#
# A long training of a broken program costs an evening. Two checks cost seconds
# ([Karpathy 2019](https://karpathy.github.io/2019/04/25/recipe/)).
#
# **1. Is the loss at the start what it should be?** Work it out before you look. A fresh network answers about 0, so
# its loss is about the mean of the squared targets. Started at the mean face, it is about the variance of the targets.
#
# **2. Can the network learn one batch by heart?** In 80 steps on the same 16 faces, the error must fall from that of
# the mean face to less than a tenth of a pixel. If it does not, there is a mistake in the loss, the loop or the
# network, and more data will not mend it.

# %%
QUICK_CHANNELS, SOURCES_CHANNELS = (16, 32, 64, 128), (32, 64, 128, 256, 512)
CHANNELS = SOURCES_CHANNELS if scale() == "full" else QUICK_CHANNELS


def fresh_network(
    keypoints: np.ndarray | None, seed: int, channels: tuple = QUICK_CHANNELS, blocks: int = 2
) -> nn.Module:
    """A network with random weights; it starts at the mean of `keypoints`, or at random where they are None."""
    torch.manual_seed(seed)
    # The order of the numbers in memory that convolutions on a processor like best; it changes no result.
    network = KeypointResNet(channels, blocks).to(memory_format=torch.channels_last)
    if keypoints is not None:
        start_at_mean(network, keypoints)
    return network


flat = faces.keypoints.reshape(len(faces.keypoints), -1)
expected = {"fresh": np.nanmean(flat**2), "at the mean": np.nanmean((flat - np.nanmean(flat, axis=0)) ** 2)}
batch = [
    (images, targets)
    for images, targets in DataLoader(FaceDataset(faces.images[rows[:16]], faces.keypoints[rows[:16]]), 16)
]
for title, start in (("fresh", None), ("at the mean", faces.keypoints)):
    network = fresh_network(start, seed=0)
    loss = evaluate(network, some) ** 2
    print(f"{title:<12} loss at the start {loss:7.1f}, expected about {expected[title]:7.1f} square pixels")

optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
losses = [train_one_epoch(network, batch, MSELossIgnoreNan(), optimizer) for _ in tqdm(range(80), file=sys.stdout)]
print(f"one batch, 80 steps: RMSE from {np.sqrt(losses[0]):.2f} to {np.sqrt(losses[-1]):.2f} px")

# %% [markdown]
# ## What the start is worth
#
# The same network, the same batches, the same rate: once from random numbers, once from the mean face. How many steps
# does the first one need to arrive where the second one begins?

# %%
SEEDS = compared_seeds()
STEPS = 20 if scale() == "trial" else compared_passes(150)


def first_steps(start: np.ndarray | None) -> list[float]:
    """Return the training RMSE of each of the first steps, in pixels."""
    network = fresh_network(start, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    chosen = rows[: 16 * STEPS]
    loader = DataLoader(FaceDataset(faces.images[chosen], faces.keypoints[chosen]), 16)
    return [
        train_one_epoch(network, [batch], MSELossIgnoreNan(), optimizer) ** 0.5
        for batch in tqdm(loader, file=sys.stdout)
    ]


started = {"from random numbers": first_steps(None), "from the mean face": first_steps(faces.keypoints)}
for label, errors in started.items():
    print(f"{label:<20} RMSE of the first step {errors[0]:5.2f} px, of the last {errors[-1]:5.2f} px")
from_random, from_mean = started.values()
arrived = next((step for step, error in enumerate(from_random, start=1) if error <= from_mean[0]), None)
print(
    f"from random numbers, step {arrived} is the first below {from_mean[0]:.2f} px, where the mean face starts"
    if arrived
    else f"from random numbers, {STEPS} steps do not reach {from_mean[0]:.2f} px, where the mean face starts"
)
if len(SEEDS) == 1:
    print("brief comparison: a quarter of the steps; the text describes the whole one")


# %% jupyter={"source_hidden": true}
def draw_curves(curves: dict[str, tuple], title: str, xlabel: str, mean_rmse: float) -> None:
    """Draw curves of RMSE: label -> (x, y, style), on a logarithmic scale with readable ticks."""
    figure, axes = plt.subplots(figsize=(8, 3.8))
    for label, (x, y, style) in curves.items():
        axes.plot(x, y, style, markersize=4, label=label)
    axes.axhline(mean_rmse, color="gray", linestyle=":", label="constant mean face")
    axes.set(title=title, xlabel=xlabel, ylabel="RMSE (pixels)", yscale="log")
    lowest, highest = axes.get_ylim()
    ticks = [tick for tick in (0.5, 1, 2, 3, 4, 6, 10, 20, 40) if lowest <= tick <= highest]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    axes.legend()
    plt.show()


curves = {label: (np.arange(1, len(errors) + 1), errors, "-") for label, errors in started.items()}
draw_curves(curves, "The first steps", "gradient step", float(np.sqrt(expected["at the mean"])))

# %% [markdown]
# ## Train
#
# The rows are split first: `val_fraction` of them validate and are never learned from. One seed decides on the split,
# the first weights and the order of the batches, so that the same file of settings gives the same network.
#
# `quick` trains a **smaller** network: four stages of 16 to 128 channels in place of five of 32 to 512. That is about a
# minute on two cores. It sees all rows: the mask lets each of them say what it knows. With `COURSE_SCALE=full` in the
# environment it is the network, the rate and the start of the sources, to the letter, and beside it the same with
# `start_at_mean`; an epoch of each takes about two minutes.

# %%
config = load_config(FOLDER / f"{scale()}.yaml")
order = np.random.default_rng(config.seed).permutation(len(faces.images))[: 240 if scale() == "trial" else None]
n_val = round(len(order) * config.val_fraction)
val, train = order[:n_val], order[n_val:]
val_loader = DataLoader(FaceDataset(faces.images[val], faces.keypoints[val]), 256)
mean_face = np.nanmean(faces.keypoints[train], axis=0)
mean_rmse = float(np.sqrt(np.nanmean((faces.keypoints[val] - mean_face) ** 2)))
print(config, f"channels: {CHANNELS}", sep="\n")
print(f"{len(train):,} faces to train on, {len(val):,} to validate")


# %%
import time


def train_network(at_mean: bool) -> tuple[nn.Module, dict[str, list[float]], float]:
    """Return a trained network, its history, and the seconds it took."""
    model = fresh_network(faces.keypoints[train] if at_mean else None, config.seed, CHANNELS)
    shuffle = torch.Generator().manual_seed(config.seed)
    train_set = FaceDataset(faces.images[train], faces.keypoints[train])
    start = time.perf_counter()
    history = fit(model, DataLoader(train_set, config.batch_size, shuffle=True, generator=shuffle), val_loader, config)
    return model, history, time.perf_counter() - start


# The sources start at random. At full scale their run comes first, and it is the one that is kept.
runs = {at_mean: train_network(at_mean) for at_mean in ((False, True) if scale() == "full" else (True,))}
model, history, seconds = next(iter(runs.values()))
best_rmse = evaluate(model, val_loader)
for at_mean, (_, run, duration) in runs.items():
    rmse, place = min(run["val_rmse"]), "the mean face" if at_mean else "random numbers"
    print(f"from {place}: {len(run['lr'])} epochs in {duration:.0f} s, validation RMSE {rmse:.2f} px")
print(f"a constant mean face: {mean_rmse:.2f} px; ratio {best_rmse / mean_rmse:.2f}")

# %% [markdown]
# ## Learning curves
#
# Both curves in pixels: the root of the training loss beside the validation RMSE. Below the dotted line the network
# looks at the face. Long steps arrive, short steps settle: with `quick.yaml` and the drawn faces, the validation RMSE
# of epoch 3, the first at the lower rate, was 1.57 px. With `gamma: 1.0` in that file, which keeps the rate, it was
# 1.85 px.

# %%
curves = {}
for at_mean, (_, run, _) in runs.items():
    epochs, start = np.arange(1, len(run["lr"]) + 1), "from the mean" if at_mean else "from random numbers"
    curves[f"training, {start}"] = (epochs, np.sqrt(run["train_loss"]), "s--")
    curves[f"validation, {start}"] = (epochs, run["val_rmse"], "o-")
draw_curves(curves, "Learning curves", "epoch", mean_rmse)
print("learning rate of each epoch:", ", ".join(f"{rate:.1e}" for rate in history["lr"]))

# %% [markdown]
# ## Learned by heart, and stopped in time
#
# In so few epochs little is learned by heart. Give the same network only 128 faces and more time, and both happen that
# you have prepared for: the training error falls far below the validation error, **overfitting**, and your
# `EarlyStopping` ends it.

# %%
few = train[:128]
small = TrainConfig(epochs=3 if scale() == "trial" else 60, lr=1e-3, step_size=60, patience=6, batch_size=16)
small_loader = DataLoader(
    FaceDataset(faces.images[few], faces.keypoints[few]), 16, shuffle=True, generator=torch.Generator().manual_seed(0)
)
few_val = DataLoader(FaceDataset(faces.images[val[:256]], faces.keypoints[val[:256]]), 256)
overfitted = fit(fresh_network(faces.keypoints[few], seed=0), small_loader, few_val, small)
epochs = np.arange(1, len(overfitted["lr"]) + 1)
curves = {
    "training, 128 faces": (epochs, np.sqrt(overfitted["train_loss"]), "s--"),
    "validation": (epochs, overfitted["val_rmse"], "o-"),
}
# The dotted line belongs to the faces on which the curve is measured, not to all validation faces.
few_mean_rmse = float(np.sqrt(np.nanmean((faces.keypoints[val[:256]] - mean_face) ** 2)))
draw_curves(curves, "128 faces learned by heart", "epoch", few_mean_rmse)
best = int(np.argmin(overfitted["val_rmse"]))
print(f"best epoch {best + 1}, stopped after epoch {len(epochs)}: {len(epochs) - best - 1} epochs without a new best")

# %% [markdown]
# ## The experiment: what is a missing label worth?
#
# This is the question of the whole course. Lesson 04 fills the gaps, this lesson masks them, and the two networks
# differ in much else: so their scores answer nothing. A **controlled experiment** changes one thing.
#
# One small network, the same random weights, the same rate, the same validation faces, and the same number of images
# seen. Only the targets differ, and with them the mean at which each network starts:
#
# | targets | what the network is told of an unlabeled point |
# |---|---|
# | masked | nothing |
# | rows dropped | nothing; faces with gaps are not used at all |
# | filled with the mean | that it lies where it lies on average |
# | forward filled | that it lies where another face has it |
#
# Three seeds each, because a single training is an anecdote. Guess the order before you run it, and ask yourself for
# which points it should matter.

# %%
import contextlib
import io

from torch.utils.data import RandomSampler

forward_fill = autograder.earlier("02_nan_masking").forward_fill
PASSES = 200 if scale() == "trial" else compared_passes(4800)  # images seen by each network
EXPERIMENT = {"epochs": 4, "lr": 2e-3, "step_size": 2, "gamma": 0.3, "patience": 4, "batch_size": 16}
often = np.isfinite(faces.keypoints).all(axis=2).mean(axis=0) > 0.5


def targets_of(way: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images and keypoints to train on, their gaps treated in this way; `train` in the order of the file."""
    images, keypoints = faces.images[np.sort(train)], faces.keypoints[np.sort(train)]
    if way == "rows dropped":
        whole = np.isfinite(keypoints).all(axis=(1, 2))
        return images[whole], keypoints[whole]
    if way == "filled with the mean":
        return images, np.where(np.isnan(keypoints), np.nanmean(keypoints, axis=0), keypoints)
    if way == "forward filled":
        return images, forward_fill(keypoints.reshape(len(keypoints), -1)).reshape(keypoints.shape).astype(np.float32)
    return images, keypoints


def experiment(way: str, seed: int, **changed: float) -> tuple[float, float, float]:
    """Train one small network; return its validation RMSE on all, on the four often labeled, on the other points."""
    images, keypoints = targets_of(way)
    settings = TrainConfig(**{**EXPERIMENT, **changed})
    generator = torch.Generator().manual_seed(seed)
    chosen = RandomSampler(images, num_samples=PASSES // settings.epochs, generator=generator)
    loader = DataLoader(FaceDataset(images, keypoints), settings.batch_size, sampler=chosen)
    network = fresh_network(keypoints, seed, blocks=1)
    fit(network, loader, val_loader, settings)
    network.eval()
    with torch.no_grad():
        answers = torch.cat([network(images) for images, _ in val_loader]).numpy().reshape(len(val), -1, 2)
    squares = (answers - faces.keypoints[val]) ** 2
    # In the file's own order of points; where every point is labeled often there are no others.
    parts = (squares, squares[:, often], squares[:, ~often])
    return tuple(float(np.sqrt(np.nanmean(part))) if part.size else float("nan") for part in parts)


WAYS = ("masked", "rows dropped", "filled with the mean", "forward filled")
networks, results = [(way, seed) for way in WAYS for seed in SEEDS], {}
for way, seed in tqdm(networks, desc="training", unit="network", file=sys.stdout):
    # Whatever `fit` shows of its progress goes nowhere: one bar for all networks is enough.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        results[way, seed] = experiment(way, seed)
measured = {way: np.array([results[way, seed] for seed in SEEDS]) for way in WAYS}

# %%
print(f"{'mean of the seeds, px':<22}{'all':>7}{'four':>7}{'others':>8}{'least to most of all':>24}")
for way, values in measured.items():
    means, column = values.mean(axis=0), values[:, 0]
    print(f"{way:<22}{means[0]:7.2f}{means[1]:7.2f}{means[2]:8.2f}{column.min():17.2f} to {column.max():.2f}")
if len(SEEDS) == 1:
    print("brief comparison: one seed, a quarter of the images; the text describes the whole one")

# %% jupyter={"source_hidden": true}
GROUPS = ("all points", "the four that most faces label", "the other eleven")
figure, axes = plt.subplots(figsize=(9, 3.8))
for position, way in enumerate(WAYS):
    places = np.arange(3) + 0.2 * (position - 1.5)
    axes.bar(places, measured[way].mean(axis=0), 0.18, label=way)
    for seed in range(len(SEEDS)):
        axes.plot(places, measured[way][seed], "o", color="black", markersize=3)
axes.set_xticks(np.arange(3), GROUPS)
axes.set(title="The same network and the same number of images; dots: single seeds", ylabel="RMSE (pixels)")
axes.legend()
plt.show()

# %% [markdown]
# Read the figure from right to left. The *other eleven* points lack their label in most rows, so there the ways part:
# made-up targets teach made-up places. Filling with the mean does less harm than forward fill: it pulls all answers
# towards one place, where forward fill adds another face's features on top. The four points that most faces
# label hardly depend on the way: what separates the ways there is no more than what separates the seeds of one way.
#
# Is **dropping** as good as masking, then? In this short time it is better, with no overlap: its seeds ended at 1.85 to
# 1.95 px over all points, those of masking at 2.05 to 2.16. On the four, where the seeds of the ways overlap, masking
# had the highest mean. A complete row teaches 15 points, a masked one most of the time only four. With the same number
# of images the dropping network gets to see far more labels. The number of images is what the comparison holds equal,
# and it is a choice.
#
# What dropping gives up are the other faces. They begin to count once a network has seen the complete ones many times.
# With five times as many images the two ways were level over all points, at 1.5 px: masking led on the four (1.28 px
# against 1.39), dropping on the other eleven (1.64 against 1.75). That is one seed each, and differences that the
# spread of seeds could make. To repeat it, set `PASSES = 24000` and call `experiment("masked", 0)` and
# `experiment("rows dropped", 0)`, a minute or two for each. Where complete rows are rare, dropping would leave nothing
# to train on.
#
# **Your turn.** Change one setting and see: another `lr`, another `batch_size`, `gamma=1.0`. Guess first.

# %%
mine = experiment("masked", seed=0, lr=0.02)
print(f"changed: {mine[0]:.2f} px over all points; before, with the same seed: {measured['masked'][0, 0]:.2f} px")

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
squares = (predicted - truth) ** 2
errors = np.sqrt(np.nanmean(squares, axis=(0, 2)))
counts = np.isfinite(truth).all(axis=2).sum(axis=0)
ranking = np.argsort(errors)
of_labels, of_error = counts[often].sum() / counts.sum(), np.nansum(squares[:, often]) / np.nansum(squares)
print(f"the {often.sum()} most labeled: {of_labels:.0%} of the labels, {of_error:.0%} of the squared error")
print(f"easiest: {faces.names[ranking[0]]}, {errors[ranking[0]]:.2f} px")
print(f"hardest: {faces.names[ranking[-1]]}, {errors[ranking[-1]]:.2f} px")

# %% jupyter={"source_hidden": true}
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
# Answered by the network that you trained: green circles are labels, red crosses what it says. It answers all 15
# points, also those that nobody labeled.

# %% jupyter={"source_hidden": true}
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
figure.savefig(output_folder("05_resnet_training") / "faces.png", dpi=60)
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
    "start": "mean face" if True in runs and len(runs) == 1 else "random",
    "scale": scale(),
    "channels": list(CHANNELS),
    "parameters": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    "epochs": len(history["lr"]),
    "seconds": seconds,
    "val_rmse": float(best_rmse),
    "val_rmse_mean_face": mean_rmse,
    "config": asdict(config),
}
if len(runs) == 2:
    metrics["val_rmse_start_at_mean"] = min(runs[True][1]["val_rmse"])
lists = {key: [float(value) for value in history[key]] for key in ("train_loss", "val_rmse", "lr")}
torch.save(model.state_dict(), folder / "resnet.pt")
(folder / "history.json").write_text(json.dumps(lists, indent=2), encoding="utf-8")
(folder / "metrics.json").write_text(json.dumps(metrics, indent=2), encoding="utf-8")
for name in ("resnet.pt", "history.json", "metrics.json"):
    print(f"{name}: {(folder / name).stat().st_size:,} bytes")

# %% [markdown]
# ## Your network on your own face
#
# The site of this course has a page that finds the keypoints of a face in front of your camera, in the browser, with
# nothing sent anywhere. It takes your network, too: this writes it as a file to load there. The two packages that it
# needs are not among those of the course; where they are missing, it says how to get them.

# %%
from data_scripts.export_onnx import export

try:
    print(export(model, faces.names, folder / "model.onnx"))
except ValueError as error:
    print(error)

# %% [markdown]
# ## Three questions
#
# 1. Your validation RMSE is lower than the root of the training loss in the first epoch. Is that a mistake?
# 2. Two trainings with different seeds end at 1.49 and 1.53 px. A colleague's change ends at 1.50 px. What do you know?
# 3. `evaluate` averages over labels. Four points have half of them. Does the RMSE then mostly speak of these four?
#
# <details><summary>Answers</summary>
#
# 1. No. The training loss is collected *while* the weights improve, so it holds the errors of the epoch's beginning.
#    The validation comes after the epoch, with the weights of its end, and in eval mode.
# 2. Nothing about the change: it lies inside of the spread between seeds. Train both several times.
# 3. No. A point counts as often as it is labeled, and as much as its squared errors are large. The four are easy: they
#    have half of the labels and about a third of the squared error, as "Which keypoints are hard?" prints. The RMSE
#    speaks mostly of the other eleven. Kaggle's score averages in the same way, over the labels of the test faces. A
#    mean over keypoints (`per_keypoint_rmse` of lesson 02) weighs all 15 alike.
#
# </details>
#
# ## Further reading
#
# - Andrej Karpathy, [A Recipe for Training Neural Networks](https://karpathy.github.io/2019/04/25/recipe/): the two
#   checks and many more.
# - PyTorch, [Optimizing Model Parameters](https://pytorch.org/tutorials/beginner/basics/optimization_tutorial.html):
#   the same loop, in its own words.
# - Kingma and Ba, [Adam: A Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980), the optimizer of
#   `fit`.
#
# ## What an experienced person would write
#
# `TensorDataset(images, targets)` in place of `FaceDataset`: it does the same for tensors of equal length. `pydantic`
# for settings with ranges. [Lightning](https://lightning.ai/docs/pytorch/stable/) brings the loop, early stopping and
# checkpoints; having written them once, you know what to ask of it. And a rate that first rises and then falls
# (`OneCycleLR`) in place of `StepLR`: lesson 10 measures what that brings.
#
# ## What you have learned
#
# - Settings belong into a file that is checked; a misspelled name must fail, not vanish.
# - Average over labels, not over batches: add up, then divide once.
# - Train in train mode, measure in eval mode without gradients, and restore what you changed.
# - Start the last bias at the mean of the targets, and check the loss at the start against what it should be.
# - Keep a deep copy of the best weights; `state_dict()` alone is no snapshot.
# - Compare ways on equal terms, with several seeds: made-up labels cost most where labels are rare. In a short
#   training, dropping the rows with gaps was even better than masking.
# - Watch both curves. The network to keep is that of the best validation RMSE, not the last.
#
# Next: lesson 06 turns the predictions into a submission.
