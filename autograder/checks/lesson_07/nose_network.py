"""Checks of lesson 07: NoseTipNet, by its table of layers."""

from __future__ import annotations

from autograder.checks.common.layer_table import Layer, LayerTable, Variant, table_ladder

_LAYERS = (
    *(Layer(kernel, pool=True) for kernel in ((16, 1, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3))),
    *(Layer(weight) for weight in ((512, 1280), (2, 512))),
)
_MISTAKES = {
    "a network without any ReLU, so that all of its layers together are nearly one linear map": Variant((0, 1, 2, 3)),
    "a network whose convolutions have no ReLU behind them": Variant((0, 1, 2)),
    "a network without a ReLU behind the third convolution": Variant((2,)),
    "a network without a ReLU behind the linear layer of 512": Variant((3,)),
}
TABLE = LayerTable(
    name="NoseTipNet",
    layers=_LAYERS,
    images=(3, 1, 60, 80),
    image="image",
    answer="the network's answer",
    drawn=tuple(shape for layer in _LAYERS for shape in (layer.weight, layer.bias)),
    # One answer below 0 and one above 1, so that whatever bends or clips the answer shows.
    last_bias=(-1.0, 2.0),
    bias_free=True,
    mistakes=_MISTAKES,
)
nose_tip_net = table_ladder(
    TABLE,
    "lesson_07.network",
    shape_rung="maps_images_to_two_numbers",
    layers="Three convolutions and two linear layers",
    answer_points=5,
)
