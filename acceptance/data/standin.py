"""The stand-in for CIFAR-10: scikit-learn's 1,797 handwritten digits, scaled to 32 x 32 x 3."""

from importlib import metadata
from pathlib import Path

import numpy as np

from acceptance.data.batches import HELD_OUT, TRAINING, Split, write_batch

HELD_OUT_IMAGES = 1000


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits as scikit-learn has them: images (1797, 8, 8) from 0 to 16, and labels (1797,)."""
    # `sklearn.datasets.load_digits` reads the same file, but takes seconds to import
    file = metadata.distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    table = np.loadtxt(str(file), delimiter=",", dtype=np.int64)
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1]


def write_digits(folder: Path) -> None:
    """Write 797 training and 1,000 held-out images in the standard folder's layout."""
    digits, labels = read_digits()
    small = np.round(digits * (255 / 16)).astype(np.uint8)
    pixels = small.repeat(4, axis=1).repeat(4, axis=2)[..., None].repeat(3, axis=3)
    order = np.random.default_rng(10).permutation(len(pixels))
    images = Split(pixels[order], labels[order])
    folder.mkdir(parents=True)
    held_out = Split(images.pixels[:HELD_OUT_IMAGES], images.labels[:HELD_OUT_IMAGES])
    write_batch(folder / HELD_OUT[0], held_out)
    rest = range(HELD_OUT_IMAGES, len(images))
    for number, name in enumerate(TRAINING):
        part = list(rest[number :: len(TRAINING)])
        write_batch(folder / name, Split(images.pixels[part], images.labels[part]))
