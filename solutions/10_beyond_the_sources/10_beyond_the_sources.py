# %% [markdown]
# # {{lesson}}

# %% tags=["setup"]
import sys
from pathlib import Path

ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / "autograder" / "course.yaml").is_file())
sys.path.insert(0, str(ROOT))

import autograder

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

rmse = autograder.earlier("02_nan_masking").rmse
ResidualBlock = autograder.earlier("03_residual_block").ResidualBlock

# %% [markdown]
# ## Exercise {{mirror_faces}}: mirror


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
        The images with their columns reversed, (N, 96, 96), and the keypoints, (N, K, 2): each x is 2 * axis - x, and
        what was called left is called right: a keypoint takes the place of the one whose name has the other word.
        Names without either word keep their place. NaN stays NaN.

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

# %% [markdown]
# ## Exercise {{move_faces}}: move


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
        The images, (B, 1, H, W), bilinear between pixels, and beyond the border its nearest pixel repeated; the
        keypoints, (B, K, 2), moved with the pixels; NaN stays NaN.
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

# %% [markdown]
# ## Exercise {{soft_argmax}}: from a map to a place


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
# ## Exercise {{HeatmapNet}}: the network


# %%
class HeatmapNet(nn.Module):
    """A network that answers with a map for each keypoint, and with the place of that map.

    Each cell of a map knows the whole image: a change in any corner reaches it. With the default arguments the network
    has at most 2 million parameters.

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
                ResidualBlock(width, 2 * width, 2),  # 48 -> 24
                ResidualBlock(2 * width, 4 * width, 2),  # 24 -> 12
                ResidualBlock(4 * width, 4 * width, 2),  # 12 -> 6
                ResidualBlock(4 * width, 4 * width, 2),  # 6 -> 3
            ]
        )
        self.up = nn.ModuleList(
            [
                ResidualBlock(4 * width, 4 * width),  # 6
                ResidualBlock(4 * width, 2 * width),  # 12
                ResidualBlock(2 * width, 2 * width),  # 24
            ]
        )
        self.head = nn.Conv2d(2 * width, keypoints, 1)
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

# %% [markdown]
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

# %% [markdown]
# ## Exercise {{average_predictions}}: average


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
