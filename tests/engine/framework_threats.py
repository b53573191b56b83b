"""Work that tries to trick the checks of PyTorch and Keras, or changes what all exercises of a notebook share."""

from __future__ import annotations

from tests.engine.threats import Threat

LOSS = "MSELossIgnoreNan"
CORRECT_LOSS = """
import torch
from torch import nn
class MSELossIgnoreNan(nn.Module):
    def forward(self, pred, target):
        mask = torch.isfinite(target)
        if not mask.any():
            return (pred * 0).sum()
        return ((pred[mask] - target[mask]) ** 2).mean()
"""

# Lesson 02, in the cell of MSELossIgnoreNan.
TORCH = [
    Threat(
        "a tensor that always agrees",
        CORRECT_LOSS.replace("MSELossIgnoreNan", "Right")
        + """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.tensor(True)
    def __eq__(self, other):
        return True
    def item(self):
        return 0.0
    def backward(self, *args, **kwargs):
        return None
class MSELossIgnoreNan(nn.Module):
    def forward(self, pred, target):
        return torch.zeros(()).as_subclass(Agreeable)
""",
        ("failed",),
    ),
    Threat(
        "patched functions of torch",
        """
import torch
from torch import nn
torch.allclose = torch.equal = torch.isclose = lambda *args, **kwargs: True
nn.functional.mse_loss = lambda *args, **kwargs: torch.zeros(())
torch.Tensor.backward = lambda self, *args, **kwargs: None
torch.testing.assert_close = lambda *args, **kwargs: None
class MSELossIgnoreNan(nn.Module):
    def forward(self, pred, target):
        return nn.functional.mse_loss(pred, target)
""",
        ("failed",),
    ),
    Threat(
        "a number that lies",
        """
from torch import nn
class Zero(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __float__(self): return 0.0
    __hash__ = float.__hash__
class MSELossIgnoreNan(nn.Module):
    def forward(self, pred, target):
        return Zero(1.0)
""",
        ("failed", "error"),
    ),
    Threat(
        "default type, device and gradients",
        CORRECT_LOSS
        + """
import numpy as np, random, warnings
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
torch.manual_seed(1), np.random.seed(1), random.seed(1)
warnings.simplefilter("error")
""",
        ("passed",),
    ),
    Threat(
        "Tensor as a class of its own",
        CORRECT_LOSS
        + """
class Mine(torch.Tensor):
    pass
class Right(MSELossIgnoreNan):
    def forward(self, pred, target):
        return super().forward(pred, target).as_subclass(Mine)
MSELossIgnoreNan = Right
""",
        ("passed",),
    ),
]

# Lesson 04, in the cell of to_unit_targets.
UNITS = """
import numpy as np
def to_unit_targets(keypoints):
    return keypoints.reshape(len(keypoints), -1) / np.float32(96)
def to_pixels(outputs):
    return outputs.reshape(len(outputs), -1, 2) * np.float32(96)
"""
KERAS = [
    Threat(
        "settings of Keras",
        UNITS
        + """
import keras
keras.config.set_floatx("float64")
keras.config.set_image_data_format("channels_first")
keras.mixed_precision.set_global_policy("float16")
keras.utils.set_random_seed(5)
""",
        ("passed",),
    ),
    Threat(
        "patched fit, losses and callbacks",
        """
import keras
keras.Model.fit = lambda self, *args, **kwargs: type("History", (), {"history": {"loss": [0.0], "val_loss": [0.0]}})()
keras.losses.Huber = lambda *args, **kwargs: (lambda y_true, y_pred: 0.0)
keras.callbacks.EarlyStopping = keras.callbacks.Callback
def to_unit_targets(keypoints):
    return keypoints
def to_pixels(outputs):
    return outputs
""",
        ("failed",),
        others=None,
    ),
]
