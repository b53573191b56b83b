"""Right answers to ``build_cnn`` in other styles."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tests.lessons.answers import Answer, Names

FILTERS, RATES = (32, 64, 128), (0.05, 0.01, 0.15)


def functional() -> keras.Model:
    inputs = keras.Input(shape=(96, 96, 1))
    x = inputs
    for filters, rate in zip(FILTERS, RATES, strict=True):
        x = layers.Conv2D(filters, (3, 3), activation="leaky_relu")(x)
        x = layers.MaxPool2D((2, 2))(x)
        x = layers.Dropout(rate)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(500, activation=layers.LeakyReLU())(x)
    x = layers.Dense(500, activation=keras.activations.leaky_relu)(x)
    return keras.Model(inputs, layers.Dense(30, activation="linear")(x))


def pooled_first() -> keras.Model:
    model = keras.models.Sequential()
    model.add(layers.InputLayer(shape=(96, 96, 1)))
    for filters, rate in zip(FILTERS, RATES, strict=True):
        model.add(layers.Conv2D(filters, 5, padding="same", use_bias=False, kernel_initializer="he_normal"))
        model.add(layers.MaxPooling2D(strides=2, padding="same"))
        model.add(layers.Activation("leaky_relu"))
        model.add(layers.Dropout(rate=rate, seed=1))
    model.add(layers.Permute((3, 1, 2)))
    model.add(layers.Reshape((-1,)))
    for _ in range(2):
        model.add(layers.Dense(500, kernel_initializer="he_uniform"))
        model.add(layers.LeakyReLU(negative_slope=0.01))
    model.add(layers.Dense(30))
    return model


class Subclassed(keras.Model):
    """Layers created out of order, activations as functions, no activation layer anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(30)
        self.dense = [layers.Dense(500), layers.Dense(500)]
        self.drops = [layers.Dropout(rate) for rate in RATES]
        self.convs = [layers.Conv2D(filters, 3, padding="valid") for filters in FILTERS]
        self.pool = layers.AveragePooling2D(2)

    def call(self, x: Any, training: bool | None = None) -> Any:
        for conv, drop in zip(self.convs, self.drops, strict=True):
            x = drop(self.pool(keras.ops.leaky_relu(conv(x), 0.2)), training=training)
        x = keras.ops.reshape(x, (keras.ops.shape(x)[0], -1))
        for dense in self.dense:
            x = tf.nn.leaky_relu(dense(x), alpha=0.3)
        return self.out(x)


def nested() -> keras.Model:
    def block(filters: int, rate: float) -> keras.Sequential:
        return keras.Sequential(
            [layers.Conv2D(filters, 3), layers.LeakyReLU(), layers.MaxPooling2D(), layers.Dropout(rate)]
        )

    head = keras.Sequential([layers.Dense(500), layers.LeakyReLU(), layers.Dense(500), layers.LeakyReLU()])
    blocks = [block(filters, rate) for filters, rate in zip(FILTERS, RATES, strict=True)]
    return keras.Sequential([*blocks, layers.Flatten(), head, layers.Dense(30)])


def sequential(
    block: Callable[[int, float], list[Any]], first: tuple[Any, ...] = (), hidden: Callable[[], list[Any]] | None = None
) -> keras.Model:
    """A network of such blocks, with layers before the first and hidden dense layers of another kind."""
    hidden = hidden or (lambda: [layers.Dense(500), layers.LeakyReLU()])
    stack = [keras.Input((96, 96, 1)), *first]
    for filters, rate in zip(FILTERS, RATES, strict=True):
        stack += block(filters, rate)
    return keras.Sequential([*stack, layers.Flatten(), *hidden(), *hidden(), layers.Dense(30)])


def plain_block(filters: int, rate: float) -> list[Any]:
    return [layers.Conv2D(filters, 3), layers.LeakyReLU(), layers.MaxPooling2D(), layers.Dropout(rate)]


class Block(layers.Layer):
    """A block as one layer, dropout before the pooling."""

    def __init__(self, filters: int, rate: float) -> None:
        super().__init__()
        self.steps = [layers.Conv2D(filters, 3, padding="same"), layers.Dropout(rate)]

    def call(self, x: Any) -> Any:
        return keras.ops.max_pool(self.steps[1](keras.activations.leaky_relu(self.steps[0](x), 0.1)), 2)


class DropoutAsFunction(Subclassed):
    """Dropout by functions, of Keras and of TensorFlow."""

    def __init__(self) -> None:
        super().__init__()
        self.drops = []
        self.seeds = keras.random.SeedGenerator(3)
        self.flatten = layers.Flatten()

    def call(self, x: Any, training: bool = False) -> Any:
        for number, (conv, rate) in enumerate(zip(self.convs, RATES, strict=True)):
            x = self.pool(keras.ops.leaky_relu(conv(x)))
            if training and number == 1:
                x = tf.nn.dropout(x, rate=rate)
            elif training:
                x = keras.random.dropout(x, rate, seed=self.seeds)
        x = self.flatten(x)
        for dense in self.dense:
            x = keras.activations.leaky_relu(dense(x))
        return self.out(x)


def dropout_before_activation() -> keras.Model:
    return sequential(
        lambda filters, rate: [
            layers.Conv2D(filters, 3, kernel_regularizer="l2"),
            layers.MaxPooling2D(),
            layers.Dropout(rate),
            layers.LeakyReLU(0.5),
        ]
    )


def dropout_before_pooling() -> keras.Model:
    shared = layers.LeakyReLU(0.05)
    return sequential(
        lambda filters, rate: [layers.Conv2D(filters, 3), shared, layers.SpatialDropout2D(rate), layers.MaxPooling2D()],
        hidden=lambda: [layers.Dense(500, use_bias=False), shared],
    )


def averaged_first() -> keras.Model:
    return sequential(
        lambda filters, rate: [
            layers.Conv2D(filters, 3, padding="same", kernel_constraint="max_norm"),
            layers.AveragePooling2D(2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(rate),
        ],
        hidden=lambda: [layers.Dense(500, activation=lambda x: keras.ops.leaky_relu(x, 0.1))],
    )


def centered() -> keras.Model:
    """Gray values moved to [-1, 1], noise in training, a compiled model."""
    model = sequential(plain_block, first=(layers.Rescaling(2, offset=-1), layers.GaussianNoise(0.01)))
    model.compile("adam", "mse")
    return model


def max_of_both() -> keras.Model:
    """LeakyReLU as the larger of x and a part of it."""
    bend = lambda x: keras.ops.maximum(x, 0.25 * x)  # noqa: E731 (as a student would)
    return sequential(
        lambda filters, rate: [
            layers.Conv2D(filters, 3),
            layers.Activation(bend),
            layers.MaxPooling2D(),
            layers.Dropout(rate),
        ],
        hidden=lambda: [layers.Dense(500), layers.Lambda(bend)],
    )


def without_input() -> keras.Model:
    """A Sequential that learns its input's shape from the first batch."""
    model = keras.Sequential()
    for filters, rate in zip(FILTERS, RATES, strict=True):
        model.add(Block(filters, rate))
    for layer in (layers.Flatten(), *(layers.Dense(500, "leaky_relu") for _ in range(2)), layers.Dense(30)):
        model.add(layer)
    return model


def cloned() -> keras.Model:
    return keras.models.clone_model(functional())


def padded_by_hand() -> keras.Model:
    """Padding as a layer of its own in front of each convolution, by reflection in the first."""
    reflect = lambda x: keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect")  # noqa: E731
    return sequential(
        lambda filters, rate: [
            layers.Lambda(reflect) if filters == 32 else layers.ZeroPadding2D(((0, 2), (0, 2))),
            layers.Conv2D(filters, 3),
            layers.LeakyReLU(),
            layers.MaxPooling2D(),
            layers.Dropout(rate),
        ],
        hidden=lambda: [layers.Dense(500, "leaky_relu")],
    )


def padded_behind() -> keras.Model:
    """Padding behind the convolution, and behind the pooling of the last one."""
    return sequential(
        lambda filters, rate: [
            layers.Conv2D(filters, 3),
            layers.LeakyReLU(),
            *([layers.ZeroPadding2D()] if filters < 128 else []),
            layers.MaxPooling2D(),
            *([layers.ZeroPadding2D()] if filters == 128 else []),
            layers.Dropout(rate),
        ],
        hidden=lambda: [layers.Dense(500, "leaky_relu")],
    )


def _with_fresh_keras(build: Callable[[], keras.Model]) -> Names:
    """Return the names of an answer. Keras keeps what it has named: the twentieth network would take ever longer."""
    keras.backend.clear_session()
    return {"build_cnn": build}


# The styles that students write in, with every seed; what few will write, with some.
USUAL = (functional, pooled_first, Subclassed)
UNUSUAL = (
    nested,
    DropoutAsFunction,
    dropout_before_activation,
    dropout_before_pooling,
    averaged_first,
    centered,
    max_of_both,
    without_input,
    cloned,
    padded_by_hand,
    padded_behind,
)
RIGHT = [
    Answer("build_cnn", build.__name__, partial(_with_fresh_keras, build), seeds=seeds)
    for styles, seeds in ((USUAL, 20), (UNUSUAL, 2))
    for build in styles
]
