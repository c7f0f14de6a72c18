"""The stand-in for CIFAR-10: scikit-learn's 1,797 handwritten digits, scaled to 32 x 32 x 3."""

from pathlib import Path

import numpy as np

from acceptance.data.batches import HELD_OUT, TRAINING, Pictures, write_batch

HELD_OUT_PICTURES = 1000


def write_digits(folder: Path) -> None:
    """Write 797 training and 1,000 held-out pictures in the standard folder's layout."""
    from sklearn.datasets import load_digits  # takes a second to import

    digits = load_digits()
    small = np.round(digits.images * (255 / 16)).astype(np.uint8)
    pixels = small.repeat(4, axis=1).repeat(4, axis=2)[..., None].repeat(3, axis=3)
    order = np.random.default_rng(10).permutation(len(pixels))
    pictures = Pictures(pixels[order], digits.target[order].astype(np.int64))
    folder.mkdir(parents=True)
    held_out = Pictures(pictures.pixels[:HELD_OUT_PICTURES], pictures.labels[:HELD_OUT_PICTURES])
    write_batch(folder / HELD_OUT[0], held_out)
    rest = range(HELD_OUT_PICTURES, len(pictures))
    for number, name in enumerate(TRAINING):
        part = list(rest[number :: len(TRAINING)])
        write_batch(folder / name, Pictures(pictures.pixels[part], pictures.labels[part]))
