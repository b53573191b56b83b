"""Answers to lesson 08 that are right in another style than the reference, with other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from tests.lessons.answers import Answer, Names
from tests.reference import reference_names

REFERENCE = reference_names("08_full_keypoints")
# The network and what is drawn hundreds of times take longer.
SEEDS = {"FaceKeypointNet": 3, "translate": 20, "AugmentedFaces": 6, "first_layer_filters": 3}
Moved = tuple[np.ndarray, np.ndarray]


class LayerByLayer(nn.Module):
    """An attribute for each layer, functions between them; the pooling before the ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.fc2, self.fc1 = nn.Linear(512, 116), nn.Linear(64 * 6 * 11, 512)
        self.conv1 = nn.Conv2d(1, 16, kernel_size=(5, 5))
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.conv3 = nn.Conv2d(32, 32, 3)
        self.conv6, self.conv5, self.conv4 = nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3), nn.Conv2d(32, 64, 3)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = functional.relu(functional.max_pool2d(conv(x), 2))
        x = functional.relu(self.conv6(functional.relu(self.conv5(functional.relu(self.conv4(x))))))
        x = x.view(x.shape[0], -1)
        return self.fc2(functional.relu(self.fc1(x)))


class OneSequential(nn.Sequential):
    """A subclass of nn.Sequential, whose layers come from a loop."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for before, after, size, pool in [(1, 16, 5, 1), (16, 32, 5, 1), (32, 32, 3, 1), (32, 64, 3, 0)]:
            layers += [nn.Conv2d(before, after, size), nn.ReLU(inplace=True)] + [nn.MaxPool2d((2, 2), stride=2)] * pool
        for _ in range(2):
            layers += [nn.Conv2d(64, 64, 3, padding="valid"), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(4224, 512), nn.ReLU(), nn.Linear(512, 58 * 2))


class LazyLoop(nn.Module):
    """Lazy layers; poolings are the largest of windows."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 32, 32, 64, 64, 64)
        self.convs = nn.ModuleList(nn.LazyConv2d(width, 5 if n < 2 else 3) for n, width in enumerate(widths))
        self.hidden, self.out = nn.LazyLinear(512), nn.LazyLinear(116)

    def forward(self, x: Tensor) -> Tensor:
        for number, conv in enumerate(self.convs):
            x = conv(x).clamp(min=0)
            if number < 3:
                x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(-2, -1))
        return self.out(torch.relu(self.hidden(torch.flatten(x, start_dim=1))))


class OwnParameters(nn.Module):
    """No layer of PyTorch's, only its functions."""

    def __init__(self) -> None:
        super().__init__()
        shapes = [(16, 1, 5, 5), (32, 16, 5, 5), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3)]
        shapes += [(512, 4224), (116, 512)]
        self.weights = nn.ParameterList(torch.randn(shape) * 0.05 for shape in shapes)
        self.biases = nn.ParameterList(torch.zeros(shape[0]) for shape in shapes)

    def forward(self, x: Tensor) -> Tensor:
        for number in range(6):
            x = functional.conv2d(x, self.weights[number], self.biases[number]).relu()
            if number < 3:
                height, width = (side // 2 for side in x.shape[2:])
                x = functional.adaptive_max_pool2d(x[..., : 2 * height, : 2 * width], (height, width))
        x = functional.linear(x.reshape(len(x), 4224), self.weights[6], self.biases[6])
        return functional.linear(x.relu(), self.weights[7], self.biases[7])


NETWORKS = [LayerByLayer, OneSequential, LazyLoop, OwnParameters]


def translate_by_slices(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> Moved:
    """Row by row."""
    height, width = image.shape
    out = np.zeros((height, width), dtype=np.float32)
    for row in range(height):
        if 0 <= row - dy < height:
            first, last = max(0, dx), min(width, width + dx)
            if first < last:
                out[row, first:last] = image[row - dy, first - dx : last - dx]
    points = keypoints.copy()
    points[:, 0] += dx / width
    points[:, 1] += dy / height
    return out, points


def translate_by_padding(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> Moved:
    """A frame cut out of a larger picture."""
    (h, w), margin = image.shape, max(abs(dx), abs(dy))
    padded = np.pad(image, margin)
    pixels = keypoints * np.array([w, h]) + np.array([dx, dy])
    cut = padded[margin - dy : margin - dy + h, margin - dx : margin - dx + w]
    return cut.copy(), np.float32(pixels / np.array([w, h]))


def translate_by_roll(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> Moved:
    """Rolled, and what came in again made black."""
    out = np.roll(image, shift=(dy, dx), axis=(0, 1))
    rows, columns = np.indices(image.shape)
    out[(rows < dy) | (rows >= image.shape[0] + dy) | (columns < dx) | (columns >= image.shape[1] + dx)] = 0
    return out, (keypoints + np.array([[dx / image.shape[1], dy / image.shape[0]]])).astype("float32")


def translate_by_pillow(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> Moved:
    """Pillow's affine transformation, which asks where a pixel comes from."""
    picture = Image.fromarray(image, mode="F")
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -dx, 0, 1, -dy))
    return np.asarray(moved).copy(), keypoints + np.float32([dx / picture.width, dy / picture.height])


def sample(image: np.ndarray, theta: list[list[float]]) -> np.ndarray:
    """Return an image (H, W) sampled at the places that ``theta`` leads to."""
    grid = functional.affine_grid(torch.tensor([theta], dtype=torch.float32), [1, 1, *image.shape], align_corners=False)
    return functional.grid_sample(torch.from_numpy(image)[None, None], grid, align_corners=False)[0, 0].numpy()


def translate_by_torch(image: np.ndarray, keypoints: np.ndarray, dx: int, dy: int) -> Moved:
    """A grid of PyTorch's, in its own units."""
    height, width = image.shape
    moved = sample(image, [[1, 0, -2 * dx / width], [0, 1, -2 * dy / height]])
    return moved, (torch.from_numpy(keypoints) + torch.tensor([dx / width, dy / height])).numpy()


def turn_points(
    keypoints: np.ndarray, degrees: float, center: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Turn relative points about a center in pixels, one by one."""
    angle, turned = math.radians(degrees), []
    for x, y in keypoints:
        right, down = x * size[0] - center[0], y * size[1] - center[1]
        new_x = right * math.cos(angle) + down * math.sin(angle)
        new_y = -right * math.sin(angle) + down * math.cos(angle)
        turned.append([(new_x + center[0]) / size[0], (new_y + center[1]) / size[1]])
    return np.array(turned, dtype=np.float32)


def rotate_as_in_tutorials(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> Moved:
    """The center is (w // 2, h // 2), half a pixel off that of the picture; the points take the same matrix."""
    h, w = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((w // 2, h // 2), degrees, 1)
    turned = cv2.warpAffine(image, matrix, (w, h))
    homogeneous = np.hstack([keypoints * [w, h], np.ones((len(keypoints), 1))])
    return turned, (homogeneous @ matrix.T / [w, h]).astype(np.float32)


def rotate_cubic(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> Moved:
    """OpenCV with cubic interpolation, about the corner between the middle pixels."""
    h, w = image.shape
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1)
    turned = cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_CUBIC).clip(0, 1)
    points = cv2.transform(keypoints.reshape(-1, 1, 2) * np.float32([w, h]), matrix).reshape(-1, 2)
    return turned, points / np.float32([w, h])


def rotate_by_pillow(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> Moved:
    """Pillow turns the picture."""
    picture = Image.fromarray(image, mode="F").rotate(degrees, resample=Image.Resampling.BILINEAR, fillcolor=0)
    size = (image.shape[1], image.shape[0])
    return np.array(picture), turn_points(keypoints, degrees, (size[0] / 2, size[1] / 2), size)


def rotate_to_the_nearest(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> Moved:
    """Each pixel takes the value of the nearest one."""
    (h, w), angle = image.shape, np.deg2rad(degrees)
    y, x = np.mgrid[:h, :w]
    right, down = x - (w - 1) / 2, y - (h - 1) / 2
    from_x = np.rint(np.cos(angle) * right - np.sin(angle) * down + (w - 1) / 2).astype(int)
    from_y = np.rint(np.sin(angle) * right + np.cos(angle) * down + (h - 1) / 2).astype(int)
    inside = (from_x >= 0) & (from_x < w) & (from_y >= 0) & (from_y < h)
    turned = np.where(inside, image[from_y.clip(0, h - 1), from_x.clip(0, w - 1)], np.float32(0))
    return turned, turn_points(keypoints, degrees, ((w - 1) / 2, (h - 1) / 2), (w, h))


def rotate_by_torch(image: np.ndarray, keypoints: np.ndarray, degrees: float) -> Moved:
    """A grid of PyTorch's turns the picture, in its own units."""
    (h, w), angle = image.shape, math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned = sample(image, [[cosine, -sine * h / w, 0], [sine * w / h, cosine, 0]])
    scale = np.array([w / h, 1])
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return turned, ((((keypoints - 0.5) * scale) @ turn.T) / scale + 0.5).astype(np.float32)


def jitter_by_opencv(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """A weighted sum, cut off."""
    out = cv2.addWeighted(image, contrast, np.zeros_like(image), 0, 0.5 - 0.5 * contrast + brightness)
    return np.minimum(np.maximum(out, 0), 1)


def jitter_by_torch(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """In place, on a copy."""
    return (torch.tensor(image).sub(0.5).mul_(contrast).add_(0.5 + brightness)).clamp_(0, 1).numpy()


MOVERS: dict[str, tuple[Callable, Callable, Callable]] = {
    "slices, tutorial": (translate_by_slices, rotate_as_in_tutorials, jitter_by_opencv),
    "padding, cubic": (translate_by_padding, rotate_cubic, jitter_by_torch),
    "roll, nearest": (translate_by_roll, rotate_to_the_nearest, jitter_by_opencv),
    "Pillow": (translate_by_pillow, rotate_by_pillow, jitter_by_torch),
    "torch": (translate_by_torch, rotate_by_torch, jitter_by_torch),
}


class NumpyDraws(Dataset):
    """NumPy draws, from a seed that the generator gives; everything is done each time, the light first."""

    def __init__(
        self,
        images: np.ndarray,
        keypoints: np.ndarray,
        max_shift: int = 10,
        max_degrees: float = 0,
        max_jitter: float = 0,
        generator: torch.Generator | None = None,
    ) -> None:
        self.images, self.keypoints = np.asarray(images), np.asarray(keypoints)
        self.limits = max_shift, max_degrees, max_jitter
        seed = 0 if generator is None else int(torch.randint(2**31, (1,), generator=generator))
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return self.keypoints.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        shift, degrees, light = self.limits
        angle = self.rng.uniform(-degrees, degrees)
        dx, dy = (int(step) for step in self.rng.integers(-shift, shift, 2, endpoint=True))
        image = jitter_by_opencv(self.images[index], *(self.rng.uniform(-light, light, 2) + [0, 1]))
        image, points = translate_by_slices(*rotate_by_torch(image, self.keypoints[index], angle), dx, dy)
        return torch.tensor(image)[None].float() - 0.5, torch.tensor(points).flatten().float()


class ScalarDraws(Dataset):
    """One random number at a time; items are arrays, of which the loader makes tensors."""

    def __init__(self, images: np.ndarray, keypoints: np.ndarray, max_shift: int = 10, **options: Any) -> None:
        self.pairs = list(zip(images, keypoints, strict=True))
        self.max_shift, self.options = max_shift, options
        self.generator = options.get("generator") or torch.Generator().manual_seed(1)

    def __len__(self) -> int:
        return len(self.pairs)

    def uniform(self, most: float) -> float:
        return float(torch.empty(()).uniform_(-most, most, generator=self.generator)) if most else 0.0

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image, points = self.pairs[index]
        image, points = rotate_to_the_nearest(image, points, self.uniform(self.options.get("max_degrees", 0)))
        steps = 2 * self.max_shift + 1
        dx, dy = ((torch.rand(2, generator=self.generator) * steps).floor().int() - self.max_shift).tolist()
        image, points = translate_by_padding(image, points, dx, dy)
        light = self.options.get("max_jitter", 0)
        if light:
            image = jitter_by_torch(image, self.uniform(light), 1 + self.uniform(light))
        return image[np.newaxis] - np.float32(0.5), points.ravel()


class WithPermutation(REFERENCE["AugmentedFaces"]):
    """The shift is the first of all possible ones in a random order; a subclass."""

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        dx, dy = (
            int(torch.randperm(2 * self.max_shift + 1, generator=self.generator)[0]) - self.max_shift for _ in range(2)
        )
        shift, self.max_shift = self.max_shift, 0
        image, targets = super().__getitem__(index)
        self.max_shift = shift
        moved, points = translate_by_roll(image[0].numpy() + np.float32(0.5), targets.view(-1, 2).numpy(), dx, dy)
        return torch.from_numpy(moved - 0.5)[None], torch.from_numpy(points).reshape(-1)


def filters_of_first_parameter(model: nn.Module) -> np.ndarray:
    """The first parameter of the right shape."""
    return next(p for p in model.parameters() if p.shape == (16, 1, 5, 5)).detach().clone().numpy()[:, 0]


def filters_of_state(model: nn.Module) -> np.ndarray:
    """The first entry of the state, by way of lists."""
    return np.array(next(iter(model.state_dict().values())).tolist(), np.float32).squeeze()


def filters_in_a_loop(model: nn.Module) -> np.ndarray:
    """One filter after the other."""
    filters = np.empty((16, 5, 5), np.float32)
    with torch.no_grad():
        for number, kernel in enumerate(list(model.children())[0][0].weight):
            filters[number] = kernel[0].cpu().numpy()
    return filters


OTHERS: dict[str, dict[str, Names]] = {
    "FaceKeypointNet": {network.__name__: {"FaceKeypointNet": network} for network in NETWORKS},
    "translate": {
        style: dict(zip(("translate", "rotate", "jitter"), movers, strict=True)) for style, movers in MOVERS.items()
    },
    "AugmentedFaces": {
        faces.__name__: {"AugmentedFaces": faces} for faces in (NumpyDraws, ScalarDraws, WithPermutation)
    },
    "first_layer_filters": {
        "first parameter": {"first_layer_filters": filters_of_first_parameter, "FaceKeypointNet": LayerByLayer},
        "state": {"first_layer_filters": filters_of_state},
        "loop": {"first_layer_filters": filters_in_a_loop},
    },
}
RIGHT = [
    *[Answer(exercise, "reference", {}, seeds=seeds) for exercise, seeds in SEEDS.items()],
    *[
        Answer(exercise, f"{number}-{style}", {**REFERENCE, **names}, seeds=SEEDS[exercise])
        for exercise, others in OTHERS.items()
        for number, (style, names) in enumerate(others.items())
    ],
]
