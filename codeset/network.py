"""The networks: the two that the tutorial's codeset had, and two that reach 70 % held out sooner.

`tutorial` is the codeset's first version: what the tutorial's screenshots show (10 epochs: 0.785 on the images it
trains on, 0.715 held out; 60 epochs: 0.964 and 0.691, a loss of 2.8) is the over-fitting of a network without dropout.
`revised` is the version that replaced it, with dropout and a learning rate so low that 10 epochs reach less.
`six` has its convolutions with batch normalisation. `quick` doesn't learn its first layer, and halves the sides twice
before the layers that it learns.
"""

import keras
import numpy as np
from keras import layers

from whitening import whitening

PROFILES = ("tutorial", "revised", "six", "quick")
INPUT, OUTPUT = "conv2d_input", "dense_1"
# of the first layer that is not learnt: the side of its patches, their directions, the images that they are cut from
SIDE, DIRECTIONS, WHITENED = 6, 32, 250


def build(profile: str, steps: int, images: np.ndarray) -> keras.Model:
    """Return the compiled network.

    `steps` is the number of optimiser steps in the whole training, `images` [N, 32, 32, 3] uint8 are those of it.
    """
    blocks = {"tutorial": tutorial_blocks, "revised": revised_blocks, "six": six_blocks, "quick": quick_blocks}
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3), name=INPUT),
            *blocks[profile](),
            layers.Flatten(),
            *([] if profile == "quick" else [hidden(profile)]),
            layers.Dense(10, name=OUTPUT),
        ]
    )
    if profile == "quick":
        whiten(model.get_layer("whitened"), images[:WHITENED])
    model.compile(
        optimizer=optimizer(profile, steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA on the CPU trains `six` at a third of the speed
        steps_per_execution=16 if profile == "quick" else 1,  # its steps are so short that Python's part shows
    )
    return model


def hidden(profile: str) -> keras.Layer:
    if profile == "tutorial":
        return layers.Dense(64, activation="relu", name="dense")
    return layers.Dense(128, activation="relu", kernel_initializer="he_uniform", name="dense")


def tutorial_blocks() -> list[keras.Layer]:
    """Three convolutions, with max-pooling between them."""
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
    ]


def revised_blocks() -> list[keras.Layer]:
    """Three blocks of two 3x3 convolutions, max-pooling and dropout."""
    blocks: list[keras.Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            blocks.append(layers.Conv2D(filters, 3, activation="relu", kernel_initializer="he_uniform", padding="same"))
        blocks += [layers.MaxPooling2D(2), layers.Dropout(0.2)]
    return blocks


def six_blocks() -> list[keras.Layer]:
    """The revised blocks with batch normalisation, which lets the learning rate be 50 times higher."""
    blocks: list[keras.Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            blocks += convolution(filters)
        blocks += [layers.MaxPooling2D(2), layers.Dropout(0.1)]
    return blocks


def quick_blocks() -> list[keras.Layer]:
    """Whitened patches, which are not learnt, and three convolutions on a sixteenth of the places."""
    return [
        layers.Conv2D(
            2 * DIRECTIONS, SIDE, strides=2, padding="same", activation="relu", trainable=False, name="whitened"
        ),
        layers.MaxPooling2D(2),
        *convolution(48),
        *convolution(48),
        layers.MaxPooling2D(2),
        *convolution(96),
        layers.MaxPooling2D(2),
    ]


def convolution(filters: int) -> list[keras.Layer]:
    """One that needs no bias: what follows it centres its output."""
    return [
        layers.Conv2D(filters, 3, use_bias=False, kernel_initializer="he_uniform", padding="same"),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
    ]


def whiten(layer: keras.Layer, images: np.ndarray) -> None:
    """Give the layer the images' whitened patches; their mean colour is 0 to it."""
    scaled = images.astype(np.float32) / 255
    colour = scaled.mean(axis=(0, 1, 2))
    kernel = whitening(scaled - colour, SIDE, DIRECTIONS, floor=1e-2)
    layer.set_weights([kernel, -np.einsum("hwci,c->i", kernel, colour)])


def optimizer(profile: str, steps: int) -> keras.optimizers.Optimizer:
    """Return each recipe's own: Adam, plain SGD, or Nesterov SGD on one cycle."""
    if profile == "tutorial":
        return keras.optimizers.Adam()
    if profile in ("six", "quick"):
        peak = {"six": 0.05, "quick": 0.2}[profile]
        return keras.optimizers.SGD(OneCycle(peak, steps), momentum=0.9, nesterov=True)
    return keras.optimizers.SGD(0.001, momentum=0.9)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up to the peak in the first share of the steps, then linearly down to zero (L. Smith, 2018)."""

    def __init__(self, peak: float, steps: int, share: float = 0.3) -> None:
        self.peak, self.steps, self.share = peak, steps, share
        self.rise = max(1, round(steps * share))

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        up = step / self.rise
        down = (self.steps - step) / max(1, self.steps - self.rise)
        return self.peak * keras.ops.clip(keras.ops.minimum(up, down), 0.0, 1.0)

    def get_config(self) -> dict:
        return {"peak": self.peak, "steps": self.steps, "share": self.share}
