"""Checks of lesson 08: FaceKeypointNet, by its table of layers."""

from __future__ import annotations

from autograder.checks.common.layer_table import Layer, LayerTable, Variant, table_ladder

_POOLED = ((16, 1, 5, 5), (32, 16, 5, 5), (32, 32, 3, 3))
_OTHERS = ((64, 32, 3, 3), (64, 64, 3, 3), (64, 64, 3, 3), (512, 4224), (116, 512))
_LAYERS = (*(Layer(kernel, pool=True) for kernel in _POOLED), *(Layer(weight) for weight in _OTHERS))
_MISTAKES = {
    "a network without any ReLU, so that all of its layers together are one linear map": Variant(tuple(range(7))),
    "a network whose convolutions have no ReLU behind them": Variant(tuple(range(6))),
    "a network without a ReLU behind the linear layer of 512": Variant((6,)),
    "a network without a ReLU behind the sixth convolution": Variant((5,)),
}
TABLE = LayerTable(
    name="FaceKeypointNet",
    layers=_LAYERS,
    images=(2, 1, 120, 160),
    image="picture",
    answer="the network's answer in eval mode",
    drawn=tuple(dict.fromkeys(shape for layer in _LAYERS for shape in (layer.weight, layer.bias))),
    mistakes=_MISTAKES,
)


face_keypoint_net = table_ladder(
    TABLE,
    "lesson_08.network",
    shape_rung="maps_pictures_to_116_numbers",
    layers="Six convolutions and two linear layers",
    answer_points=4,
)
