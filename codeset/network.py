"""The two networks: the tutorial's own, and the same blocks with what reaches 70 % held out sooner."""

import keras
from keras import layers

PROFILES = ("tutorial", "quick")
INPUT, OUTPUT = "conv2d_input", "dense_1"


def build(profile: str, steps: int) -> keras.Model:
    """Return the compiled network; `steps` is the number of optimiser steps in the whole training."""
    blocks = quick_blocks() if profile == "quick" else tutorial_blocks()
    model = keras.Sequential(
        [
            layers.Input((32, 32, 3), name=INPUT),
            *blocks,
            layers.Flatten(),
            layers.Dense(128, activation="relu", kernel_initializer="he_uniform", name="dense"),
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


def tutorial_blocks() -> list[keras.Layer]:
    """Three blocks of two 3x3 convolutions, max-pooling and dropout."""
    blocks: list[keras.Layer] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            blocks.append(layers.Conv2D(filters, 3, activation="relu", kernel_initializer="he_uniform", padding="same"))
        blocks += [layers.MaxPooling2D(2), layers.Dropout(0.2)]
    return blocks


def quick_blocks() -> list[keras.Layer]:
    """The tutorial's blocks with batch normalisation, which lets the learning rate be 50 times higher."""
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
    """Return plain SGD for the tutorial, Nesterov SGD on one cycle for quick."""
    if profile == "quick":
        return keras.optimizers.SGD(OneCycle(0.05, steps), momentum=0.9, nesterov=True)
    return keras.optimizers.SGD(0.001, momentum=0.9)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up to the peak in the first 30 % of the steps, then linearly down to zero (L. Smith, 2018)."""

    def __init__(self, peak: float, steps: int) -> None:
        self.peak, self.steps, self.rise = peak, steps, max(1, round(steps * 0.3))

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        up = step / self.rise
        down = (self.steps - step) / max(1, self.steps - self.rise)
        return self.peak * keras.ops.clip(keras.ops.minimum(up, down), 0.0, 1.0)

    def get_config(self) -> dict:
        return {"peak": self.peak, "steps": self.steps}
