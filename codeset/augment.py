"""Images for the training beyond the tutorial: cropped, flipped and cut out, anew each time that one is seen."""

import tensorflow as tf

import data

# of CIFAR-10's training images, a colour
MEAN = (0.4914, 0.4822, 0.4465)
DEVIATION = (0.2470, 0.2435, 0.2616)
SIDE = 32
SHIFT = 4
HOLE = 12
CLASSES = 10


def training_batches(split: data.Split, size: int, seed: int) -> tf.data.Dataset:
    """Return endless batches ([size, 32, 32, 3], [size, 10]), the same for the same seed; XLA wants one shape."""
    images, labels = on_cpu(split)
    indices = tf.data.Dataset.range(len(split.labels)).shuffle(len(split.labels), seed=seed).repeat()

    def batch(step: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # by the step, so that it doesn't matter which thread makes which batch
        draws = tf.random.stateless_uniform([5, size], seed=tf.stack([tf.constant(seed, tf.int64), step]))
        return augmented(tf.gather(images, chosen), draws), tf.one_hot(tf.gather(labels, chosen), CLASSES)

    return indices.batch(size, drop_remainder=True).enumerate().map(batch, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def held_out_batches(split: data.Split, size: int = 500) -> tf.data.Dataset:
    """Return each image once, in its order, as it is but for the scale."""
    images, labels = on_cpu(split)

    def batch(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return normalised(tf.gather(images, chosen)), tf.one_hot(tf.gather(labels, chosen), CLASSES)

    return tf.data.Dataset.range(len(split.labels)).batch(size).map(batch).prefetch(tf.data.AUTOTUNE)


def on_cpu(split: data.Split) -> tuple[tf.Tensor, tf.Tensor]:
    """Return images and labels where tf.data works: the GPU is the network's."""
    with tf.device("CPU:0"):
        return tf.constant(split.images), tf.constant(split.labels)


def augmented(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Return the images as the network sees them; `draws` [5, N] are numbers from 0 to 1."""
    shifts = tf.cast(draws[:2] * (2 * SHIFT + 1), tf.int32)
    corners = tf.cast(draws[2:4] * (SIDE - HOLE + 1), tf.int32)
    return cut_out(normalised(crop_and_flip(images, shifts[0], shifts[1], draws[4] < 0.5)), corners[0], corners[1])


def normalised(images: tf.Tensor) -> tf.Tensor:
    """Scale bytes so that each colour has a mean of 0 and a deviation of 1 over CIFAR-10."""
    return (tf.cast(images, tf.float32) / 255.0 - MEAN) / DEVIATION


def crop_and_flip(images: tf.Tensor, down: tf.Tensor, right: tf.Tensor, flip: tf.Tensor) -> tf.Tensor:
    """Take a window of each image [N, 32, 32, 3], mirrored by 4 pixels at its edges; flip it left to right or not.

    `down` and `right` [N] are the window's corner, from 0 to 8: 4 is the image as it was.
    """
    edge = (SHIFT, SHIFT)
    padded = tf.pad(images, ((0, 0), edge, edge, (0, 0)), "REFLECT")
    places = tf.range(SIDE)
    columns = tf.where(flip[:, None], places[::-1], places) + right[:, None]
    rows = places + down[:, None]
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def cut_out(images: tf.Tensor, top: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
    """Put a square of 12 x 12 zeros, the mean colour, into each image (DeVries and Taylor, 2017)."""
    places = tf.range(SIDE)
    in_rows = (places >= top[:, None]) & (places < top[:, None] + HOLE)
    in_columns = (places >= left[:, None]) & (places < left[:, None] + HOLE)
    hole = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return tf.where(hole, 0.0, images)
