"""Answers that do none of the work: constants, zeros, the input given back, no training, made-up numbers.

``GENERIC`` are tried on every exercise; ``SPECIAL`` know the form that one exercise asks for and nothing else of it.
"""

from __future__ import annotations

import textwrap

# What a function gives back, or a module's ``forward``, whatever it is given as ``a`` and ``k``.
GENERIC = {
    "none": "None",
    "zero": "0",
    "zero-float": "0.0",
    "one": "1.0",
    "nan": "float('nan')",
    "true": "True",
    "false": "False",
    "empty-list": "[]",
    "empty-dict": "{}",
    "empty-pair": "([], [])",
    "empty-array": "np.zeros(0, np.float32)",
    "one-zero": "np.zeros(1, np.float32)",
    "tensor-zero": "torch.zeros((), requires_grad=True)",
    "empty-table": "pd.DataFrame()",
    "echo": "a[0]",
    "echo-all": "a if len(a) != 1 else a[0]",
    "echo-copy": "copy.deepcopy(a[0])",
    "echo-float": "np.asarray(a[0]).astype(np.float32)",
    "zeros-like": "np.zeros_like(a[0])",
    "ones-like": "np.ones_like(a[0])",
    "zeros-like-float": "np.zeros(np.shape(a[0]), np.float32)",
    "zeros-of-first-axis": "np.zeros(len(a[0]), int)",
    "nan-to-num": "np.nan_to_num(a[0])",
    "tensor-echo": "a[0].clone()",
    "tensor-zeros-like": "a[0] * 0",
    "always-value-error": "exec('raise ValueError(\"no\")')",
}

_NO_MODEL = "def __init__(self, *a, **k):\n    super().__init__()\n"

SPECIAL: dict[str, dict[str, str]] = {
    "parse_pixels": {"black": "def parse_pixels(p): return np.zeros((96, 96), np.float32)"},
    "scale_pixels": {"black": "def scale_pixels(x): return np.zeros(np.shape(x), np.float32)"},
    "load_faces": {
        "black-faces": """
            def load_faces(path):
                table = pd.read_csv(path)
                names = [c[:-2] for c in table.columns[:-1:2]]
                return np.zeros((len(table), 96, 96), np.float32), np.full((len(table), len(names), 2), np.nan), names
            """
    },
    "split_rows": {
        "in-order": """
            def split_rows(n, f=0.2, seed=0):
                cut = n - round(n * f)
                return np.arange(cut), np.arange(cut, n)
            """,
        "rolled": """
            def split_rows(n_rows, val_fraction=0.2, seed=0):
                rows = np.roll(np.arange(n_rows), seed)
                cut = n_rows - round(n_rows * val_fraction)
                return rows[:cut], rows[cut:]
            """,
        "stride": """
            def split_rows(n_rows, val_fraction=0.2, seed=0):
                rows = np.concatenate([np.arange(n_rows)[i::7] for i in range(7)])
                cut = n_rows - round(n_rows * val_fraction)
                return rows[:cut], rows[cut:]
            """,
        "reversed": """
            def split_rows(n_rows, val_fraction=0.2, seed=0):
                rows = np.arange(n_rows)[::-1].copy()
                cut = n_rows - round(n_rows * val_fraction)
                return rows[:cut], rows[cut:]
            """,
    },
    "count_labels": {
        "all": "def count_labels(k): return np.full(len(k), k.shape[1])",
        "none-labeled": "def count_labels(k): return np.zeros(len(k), int)",
    },
    "forward_fill": {
        "copy": "def forward_fill(t): return np.array(t, float)",
        "zeros": "def forward_fill(t): return np.nan_to_num(np.array(t, float))",
    },
    "MSELossIgnoreNan": {
        "zero-with-gradient": "class MSELossIgnoreNan(nn.Module):\n def forward(self, p, t): return (p * 0).sum()",
        "plain": "class MSELossIgnoreNan(nn.MSELoss):\n pass",
        "no-nan": """
            class MSELossIgnoreNan(nn.Module):
                def forward(self, p, t): return ((p - t) ** 2).nan_to_num().mean()
            """,
    },
    "rmse": {"zero": "def rmse(p, t): return 0.0", "nan": "def rmse(p, t): return float('nan')"},
    "per_keypoint_rmse": {
        "zeros": "def per_keypoint_rmse(p, t): return np.zeros(p.shape[1])",
        "nan": "def per_keypoint_rmse(p, t): return np.full(p.shape[1], np.nan)",
    },
    "ResidualBlock": {
        "identity": "class ResidualBlock(nn.Identity):\n def __init__(self, i, o, stride=1): super().__init__()",
        "one-convolution": """
            class ResidualBlock(nn.Conv2d):
                def __init__(self, i, o, stride=1):
                    super().__init__(i, o, 3, stride, 1)
            """,
        "plain-stack": """
            class ResidualBlock(nn.Sequential):
                def __init__(self, i, o, stride=1):
                    super().__init__(nn.Conv2d(i, o, 3, stride, 1), nn.BatchNorm2d(o), nn.ReLU())
            """,
    },
    "make_stage": {
        "convolutions": """
            def make_stage(i, o, blocks, stride):
                first = [nn.Conv2d(i, o, 3, stride, 1)]
                return nn.Sequential(*first, *[nn.Conv2d(o, o, 3, 1, 1) for _ in range(blocks - 1)])
            """,
        "empty": "def make_stage(i, o, blocks, stride): return nn.Sequential()",
    },
    "KeypointResNet": {
        "linear": """
            class KeypointResNet(nn.Module):
                def __init__(self, channels=(32, 64, 128, 256, 512), blocks_per_stage=2, outputs=30):
                    super().__init__()
                    self.fc = nn.Linear(9216, outputs)
                def forward(self, x): return self.fc(x.flatten(1))
            """,
        "zeros": """
            class KeypointResNet(nn.Module):
                def __init__(self, channels=(32, 64, 128, 256, 512), blocks_per_stage=2, outputs=30):
                    super().__init__()
                    self.outputs = outputs
                def forward(self, x): return torch.zeros(len(x), self.outputs)
            """,
    },
    "count_parameters": {"published": "def count_parameters(m): return 11202942"},
    "to_unit_targets": {
        "reshaped": """
            def to_unit_targets(k): return np.reshape(k, (len(k), -1))
            def to_pixels(o): return np.reshape(o, (len(o), -1, 2))
            """,
        "zeros": """
            def to_unit_targets(k): return np.zeros((len(k), 30), np.float32)
            def to_pixels(o): return np.zeros((len(o), 15, 2), np.float32)
            """,
    },
    "build_cnn": {
        "dense": """
            def build_cnn():
                return keras.Sequential([keras.Input((96, 96, 1)), keras.layers.Flatten(), keras.layers.Dense(30)])
            """,
    },
    "compile_phase": {
        "nothing": "def compile_phase(model, phase): pass",
        "always-the-same": "def compile_phase(model, phase): model.compile('adam', 'huber')",
    },
    "phase_callbacks": {
        "none": "def phase_callbacks(phase, path): return []",
        "defaults": """
            def phase_callbacks(phase, path):
                return [keras.callbacks.EarlyStopping(), keras.callbacks.ModelCheckpoint(path)]
            """,
    },
    "train_two_phase": {
        "made-up": """
            def train_two_phase(model, x, y, x_val, y_val, epochs=(2, 5), batch_size=128, checkpoint_path="c.keras"):
                def history(n):
                    falling = [1 / (i + 1) for i in range(n)]
                    return {"loss": falling, "val_loss": falling, "learning_rate": [5e-4] * n}
                return {"phase1": history(epochs[0]), "phase2": history(epochs[1])}
            """,
        "one-epoch": """
            def train_two_phase(model, x, y, x_val, y_val, epochs=(2, 5), batch_size=128, checkpoint_path="c.keras"):
                model.compile("adam", "huber")
                history = model.fit(x, y, validation_data=(x_val, y_val), verbose=0).history
                return {"phase1": history, "phase2": history}
            """,
    },
    "TrainConfig": {
        "refuses-everything": """
            @dataclasses.dataclass(frozen=True)
            class TrainConfig:
                epochs: int = 1
            def load_config(path): raise ValueError("epochs lr step_size gamma patience batch_size val_fraction seed")
            """,
        "always-the-defaults": """
            class TrainConfig:
                pass
            def load_config(path): return TrainConfig()
            """,
    },
    "FaceDataset": {
        "zeros": """
            class FaceDataset(torch.utils.data.Dataset):
                def __init__(self, images, keypoints): self.n, self.k = len(images), keypoints.shape[1]
                def __len__(self): return self.n
                def __getitem__(self, i): return torch.zeros(1, 96, 96), torch.zeros(2 * self.k)
            """,
    },
    "train_one_epoch": {
        "no-training": """
            def train_one_epoch(model, loader, loss_fn, optimizer):
                model.train()
                return 0.0
            """,
    },
    "evaluate": {"zero": "def evaluate(model, loader): return 0.0"},
    "EarlyStopping": {
        "never": """
            class EarlyStopping:
                def __init__(self, patience=5): self.best = float("inf")
                def step(self, value):
                    self.best = min(self.best, value)
                    return False
            """,
        "always": """
            class EarlyStopping:
                def __init__(self, patience=5): self.best = 0.0
                def step(self, value):
                    self.best = value
                    return True
            """,
    },
    "start_at_mean": {
        "middle-of-the-image": """
            def start_at_mean(model, keypoints):
                with torch.no_grad():
                    [m for m in model.modules() if isinstance(m, nn.Linear)][-1].bias.fill_(48)
            """,
        "nothing": "def start_at_mean(model, keypoints): pass",
    },
    "fit": {
        "made-up": """
            def fit(model, train_loader, val_loader, config):
                n = config.epochs
                falling = [10 / (i + 1) for i in range(n)]
                return {"train_loss": falling, "val_rmse": falling, "lr": [config.lr] * n}
            """,
    },
    "predict_keypoints": {
        "zeros": "def predict_keypoints(m, x, batch_size=256): return np.zeros((len(x), 15, 2), np.float32)",
        "centre": "def predict_keypoints(m, x, batch_size=256): return np.full((len(x), 15, 2), 48, np.float32)",
    },
    "make_submission": {
        "zeros": """
            def make_submission(keypoints, names, lookup):
                return pd.DataFrame({"RowId": lookup["RowId"], "Location": 0.0})
            """,
        "first-numbers": """
            def make_submission(keypoints, names, lookup):
                return pd.DataFrame({"RowId": lookup["RowId"], "Location": np.resize(keypoints, len(lookup))})
            """,
    },
    "score_submission": {"zero": "def score_submission(submission, truth): return 0.0"},
    "read_asf": {
        "zeros": "def read_asf(path): return np.zeros((58, 2), np.float32)",
        "refuses-everything": "def read_asf(path): raise ValueError('broken')",
    },
    "split_by_person": {
        "by-position": "def split_by_person(files, n_val=8): return list(files[:-n_val]), list(files[-n_val:])",
        "everything-trains": "def split_by_person(files, n_val=8): return list(files), []",
    },
    "NoseTipNet": {
        "linear": """
            class NoseTipNet(nn.Sequential):
                def __init__(self): super().__init__(nn.Flatten(), nn.Linear(4800, 2))
            """,
    },
    "train_with_curve": {
        "made-up": """
            def train_with_curve(model, train_loader, val_loader, epochs, lr):
                steps = epochs * len(train_loader)
                falling = [1 / (i + 1) for i in range(steps)]
                return {
                    "step": list(range(1, steps + 1)),
                    "train_mse": falling,
                    "val_step": [len(train_loader) * (i + 1) for i in range(epochs)],
                    "val_mse": [1 / (i + 1) for i in range(epochs)],
                }
            """,
        "never-steps": """
            def train_with_curve(model, train_loader, val_loader, epochs, lr):
                found = {"step": [], "train_mse": [], "val_step": [], "val_mse": []}
                for _ in range(epochs):
                    for x, y in train_loader:
                        found["step"].append(len(found["step"]) + 1)
                        found["train_mse"].append(float(((model(x) - y) ** 2).mean()))
                    found["val_step"].append(len(found["step"]))
                    with torch.no_grad():
                        errors = [float(((model(x) - y) ** 2).mean()) for x, y in val_loader]
                        found["val_mse"].append(float(np.mean(errors)))
                return found
            """,
    },
    "sweep": {
        "made-up": """
            def sweep(settings, train_set, val_set, epochs):
                rows = [
                    {"batch_size": b, "lr": lr, "val_mse": 0.01, "within": 0.5, "mse": 0.01, "final_mse": 0.01}
                    for b, lr in settings
                ]
                return pd.DataFrame(rows)
            """,
    },
    "FaceKeypointNet": {
        "linear": """
            class FaceKeypointNet(nn.Sequential):
                def __init__(self): super().__init__(nn.Flatten(), nn.Linear(19200, 116))
            """,
    },
    "translate": {
        "nothing-moves": """
            def translate(image, keypoints, dx, dy): return image.copy(), keypoints.copy()
            def rotate(image, keypoints, degrees): return image.copy(), keypoints.copy()
            def jitter(image, brightness, contrast): return image.copy()
            """,
    },
    "AugmentedFaces": {
        "as-they-are": """
            class AugmentedFaces(torch.utils.data.Dataset):
                def __init__(self, images, keypoints, *a, **k): self.images, self.keypoints = images, keypoints
                def __len__(self): return len(self.images)
                def __getitem__(self, i):
                    image = torch.as_tensor(self.images[i], dtype=torch.float32)[None]
                    return image, torch.as_tensor(self.keypoints[i], dtype=torch.float32).flatten()
            """,
    },
    "first_layer_filters": {"zeros": "def first_layer_filters(model): return np.zeros((16, 5, 5), np.float32)"},
    "read_ibug_xml": {"refuses-everything": "def read_ibug_xml(path): raise ValueError('broken')"},
    "crop_face": {
        "black": """
            def crop_face(image, box, keypoints, size=224):
                return np.zeros((size, size), np.float32), keypoints
            def uncrop(points, box, size=224): return points
            """,
        "corner": """
            def crop_face(image, box, keypoints, size=224):
                return np.resize(image, (size, size)).astype(np.float32), np.array(keypoints)
            def uncrop(points, box, size=224): return np.array(points)
            """,
    },
    "resnet18": {
        "linear": """
            def resnet18(outputs=136, in_channels=1):
                return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, outputs))
            """,
    },
    "mean_absolute_error": {"zero": "def mean_absolute_error(pred, target): return 0.0"},
    "mirror_faces": {
        "as-they-are": "def mirror_faces(images, keypoints, names, axis=47.5): return images.copy(), keypoints.copy()",
        "zeros": """
            def mirror_faces(images, keypoints, names, axis=47.5):
                return np.zeros_like(images), np.zeros_like(keypoints)
            """,
        "the-axis": """
            def mirror_faces(images, keypoints, names, axis=47.5):
                return images[::-1].copy(), np.full_like(keypoints, 47.5)
            """,
        "order-of-points-reversed": """
            def mirror_faces(images, keypoints, names, axis=47.5):
                return images.copy(), keypoints[:, ::-1].copy()
            """,
        "refuses-everything": "def mirror_faces(images, keypoints, names, axis=47.5): raise ValueError('no')",
    },
    "move_faces": {
        "nothing-moves": """
            def move_faces(images, keypoints, degrees, scale, shift): return images.clone(), keypoints.clone()
            """,
        "black": """
            def move_faces(images, keypoints, degrees, scale, shift):
                return torch.zeros_like(images), torch.zeros_like(keypoints)
            """,
        "gray-and-centre": """
            def move_faces(images, keypoints, degrees, scale, shift):
                centre = torch.tensor([(images.shape[3] - 1) / 2, (images.shape[2] - 1) / 2])
                return torch.full_like(images, 0.5), keypoints * 0 + centre
            """,
        "made-up": """
            def move_faces(images, keypoints, degrees, scale, shift):
                return torch.rand_like(images), keypoints + torch.randn_like(keypoints)
            """,
    },
    "soft_argmax": {
        "zeros": "def soft_argmax(maps, stride=4): return torch.zeros(*maps.shape[:2], 2)",
        "zeros-with-a-gradient": """
            def soft_argmax(maps, stride=4): return maps.sum(dim=(2, 3))[..., None].repeat(1, 1, 2) * 0
            """,
        "middle": "def soft_argmax(maps, stride=4): return torch.full((*maps.shape[:2], 2), 47.5)",
        "first-values": "def soft_argmax(maps, stride=4): return maps.flatten(2)[..., :2]",
        "made-up": "def soft_argmax(maps, stride=4): return 96 * torch.rand(*maps.shape[:2], 2)",
    },
    "HeatmapNet": {
        "middle": """
            class HeatmapNet(nn.Module):
                def __init__(self, keypoints=15, width=32):
                    super().__init__()
                    self.keypoints, self.scale = keypoints, nn.Parameter(torch.ones(1))
                def maps(self, x): return 0 * self.scale * torch.zeros(len(x), self.keypoints, 24, 24)
                def forward(self, x): return 47.5 + 0 * self.scale * torch.zeros(len(x), 2 * self.keypoints)
            """,
        "noise": """
            class HeatmapNet(nn.Module):
                def __init__(self, keypoints=15, width=32):
                    super().__init__()
                    self.keypoints, self.scale = keypoints, nn.Parameter(torch.ones(1))
                def maps(self, x): return self.scale * torch.randn(len(x), self.keypoints, 24, 24)
                def forward(self, x): return self.scale * 96 * torch.rand(len(x), 2 * self.keypoints)
            """,
        "small-images": """
            class HeatmapNet(nn.Module):
                def __init__(self, keypoints=15, width=32):
                    super().__init__()
                    self.keypoints, self.scale = keypoints, nn.Parameter(torch.ones(1))
                def maps(self, x): return self.scale * nn.functional.avg_pool2d(x, 4).repeat(1, self.keypoints, 1, 1)
                def forward(self, x): return self.scale * torch.full((len(x), 2 * self.keypoints), 48.0)
            """,
    },
    "one_cycle": {
        "peak": "def one_cycle(step, steps, peak, warmup=0.25): return peak",
        "lowest": "def one_cycle(step, steps, peak, warmup=0.25): return peak / 25",
        "refuses-everything": "def one_cycle(step, steps, peak, warmup=0.25): raise ValueError(step)",
    },
    "average_predictions": {
        "zeros": "def average_predictions(m, x, names, *a, **k): return np.zeros((len(x), len(names), 2), np.float32)",
        "centre": """
            def average_predictions(models, images, names, *a, **k):
                return np.full((len(images), len(names), 2), 47.5, np.float32)
            """,
        "asked-for-nothing": """
            def average_predictions(models, images, names, batch_size=256, axis=47.5):
                with torch.no_grad():
                    for model in models:
                        for start in range(0, len(images), batch_size):
                            model(torch.from_numpy(images[start : start + batch_size])[:, None])
                return np.full((len(images), len(names), 2), 48, np.float32)
            """,
    },
}

IMPORTS = """
import copy, dataclasses
import keras, numpy as np, pandas as pd, torch
from torch import nn
"""


def trivial_answers(names: tuple[str, ...]) -> dict[str, str]:
    """Return the code of each trivial answer to an exercise that defines ``names``, by the answer's id."""
    found = {}
    for id, value in GENERIC.items():
        functions = "\n".join(f"def {name}(*a, **k): return {value}" for name in names)
        classes = "\n".join(
            f"class {name}(nn.Module):\n{textwrap.indent(_NO_MODEL, ' ')} def forward(self, *a, **k): return {value}"
            for name in names
        )
        found |= {id: functions, f"{id}-module": classes}
    return found | {id: textwrap.dedent(code) for id, code in SPECIAL.get(names[0], {}).items()}
