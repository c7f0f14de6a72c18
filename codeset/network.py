"""The networks: the two that the tutorial's codeset had, and one that reaches 70 % held out sooner.

`tutorial` is the codeset's first version: what the tutorial's screenshots show (10 epochs: 0.785 on the images it
trains on, 0.715 held out; 60 epochs: 0.964 and 0.691, a loss of 2.8) is the over-fitting of a network without dropout.
`revised` is the version that replaced it, with dropout and a learning rate so low that 10 epochs reach less.
"""

import keras
from keras import layers

PROFILES = ("tutorial", "revised", "quick")
INPUT, OUTPUT = "conv2d_input", "dense_1"


def build(profile: str, steps: int) -> keras.Model:
    """Return the compiled network; `steps` is the number of optimiser steps in the whole training."""
    blocks = {"tutorial": tutorial_blocks, "revised": revised_blocks, "quick": quick_blocks}[profile]()
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3), name=INPUT),
            *blocks,
            layers.Flatten(),
            hidden(profile),
            layers.Dense(10, name=OUTPUT),
        ]
    )
    model.compile(
        optimizer=optimizer(profile, steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA on the CPU trains this network at a third of the speed
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


def quick_blocks() -> list[keras.Layer]:
    """The revised blocks with batch normalisation, which lets the learning rate be 50 times higher."""
    blocks: list[keras.Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            blocks += [
                layers.Conv2D(filters, 3, use_bias=False, kernel_initializer="he_uniform", padding="same"),
                layers.BatchNormalization(momentum=0.9),
                layers.ReLU(),
            ]
        blocks += [layers.MaxPooling2D(2), layers.Dropout(0.1)]
    return blocks


def optimizer(profile: str, steps: int) -> keras.optimizers.Optimizer:
    """Return each recipe's own: Adam, plain SGD, or Nesterov SGD on one cycle."""
    if profile == "tutorial":
        return keras.optimizers.Adam()
    if profile == "quick":
        return keras.optimizers.SGD(OneCycle(0.05, steps), momentum=0.9, nesterov=True)
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
