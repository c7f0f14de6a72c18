"""The network beyond the tutorial: ten convolutions with shortcuts, after K. Jordan's airbench96 (arXiv:2404.00498).

Like D. Page's ResNet-9 ("How to train your ResNet", 2018) it has few and wide layers, a fixed first one that whitens
2 x 2 patches, and batch normalisation without scale, whose offsets learn faster than the rest. Published: 96.0 % held
out in 31 to 40 epochs, with more tricks than are here (lookahead, identity initialisation, six views of an image);
this recipe takes 56 epochs and two views instead. One GPU got to 93.4 % (docs/recipes.md).

What that costs: 0.615 G multiplications an image, so 3.7 GFLOP to train it (forward and twice that backward), and
56 x (50,176 x 3.7 G + 20,000 x 1.23 G) = 11.7 PFLOP. At a fifth of its 312 TFLOP/s an A100 takes 190 s; PyTorch was
published to reach about half of them. The rest of 5 minutes is for starting and for XLA's compilation.
"""

import keras
import numpy as np
from keras import layers

import network
from whitening import whitening

WIDTHS = {"beyond": (128, 512, 512), "beyond-quarter": (32, 128, 128), "beyond-eighth": (16, 64, 64)}
PROFILES = tuple(WIDTHS)
WHITENED = 5000
# an offset is learnt as an eighth of itself: gradient and step are both 8 times as large, so it moves 64 times as fast
HASTE = 8.0
# a peak of 0.4 for batches of 512, as published; a batch of another size makes steps of another size
PEAK_AN_IMAGE = 0.4 / 512
# of the learning rate; with a momentum of 0.9 between Page's 0.005 and Jordan's 0.013
WEIGHT_DECAY = 0.01


def build(profile: str, steps: int, batch_size: int, images: np.ndarray, on_gpu: bool = False) -> keras.Model:
    """Return the compiled model; `images` [N, 32, 32, 3] are normalised ones to whiten by."""
    model = Mirrored(body(profile, images))
    schedule = network.OneCycle(PEAK_AN_IMAGE * batch_size, steps, share=0.1)
    model.compile(
        optimizer=keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
        metrics=["accuracy"],
        jit_compile=on_gpu,
    )
    return model


class Mirrored(keras.Model):
    """Trains the network as it is; held-out images get the mean of its logits for them and their mirror images."""

    def __init__(self, body: keras.Model) -> None:
        super().__init__()
        self.body = body

    def call(self, images, training=False):
        if training:
            return self.body(images, training=True)
        flipped = keras.ops.flip(images, axis=2)
        return (self.body(images, training=False) + self.body(flipped, training=False)) / 2


def body(profile: str, images: np.ndarray) -> keras.Model:
    """Return the network, [N, 32, 32, 3] -> logits [N, 10]."""
    inputs = layers.Input((32, 32, 3))
    whiten = layers.Conv2D(24, 2, use_bias=False, trainable=False, name="whiten")
    outputs = layers.Activation("gelu")(Offset(1.0)(whiten(inputs)))
    for width in WIDTHS[profile]:
        outputs = block(outputs, width)
    outputs = layers.Flatten()(layers.MaxPooling2D(3)(outputs))
    # in full precision, whatever the rest is in
    outputs = layers.Dense(10, use_bias=False, kernel_initializer=start(), dtype="float32")(outputs)
    outputs = layers.Rescaling(1 / 9, dtype="float32")(outputs)
    model = keras.Model(inputs, outputs)
    whiten.set_weights([whitening(images[:WHITENED], side=2, count=12, floor=5e-4)])
    return model


def block(inputs, width: int):
    """Half the sides; then two convolutions beside a shortcut."""
    first = convolution(inputs, width)
    first = layers.Activation("gelu")(normalisation(layers.MaxPooling2D(2)(first)))
    second = layers.Activation("gelu")(normalisation(convolution(first, width)))
    second = normalisation(convolution(second, width))
    return layers.Activation("gelu")(layers.Add()([first, second]))


def convolution(inputs, width: int):
    return layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=start())(inputs)


def normalisation(inputs):
    plain = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)
    return Offset(HASTE)(plain(inputs))


def start() -> keras.initializers.Initializer:
    """Small weights, as the published recipes start with: theirs is PyTorch's default."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


class Offset(layers.Layer):
    """Add a learnt number a channel, kept as a `haste`-th of itself."""

    def __init__(self, haste: float) -> None:
        super().__init__()
        self.haste = haste

    def build(self, shape) -> None:
        self.share = self.add_weight(shape=shape[-1:], initializer="zeros", name="share")

    def call(self, inputs):
        return inputs + self.share * self.haste
