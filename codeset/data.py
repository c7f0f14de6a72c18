"""The data set's standard folder, as `cifar-10-python.tar.gz` unpacks to."""

import hashlib
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Images [N, 32, 32, 3] uint8 and their labels [N] int64."""

    images: np.ndarray
    labels: np.ndarray


TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
HELD_OUT = ("test_batch",)


def read_batches(folder: Path, names: tuple[str, ...]) -> Split:
    """Return the images of the batch files, in the order of the names."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise SystemExit(f"train.py: {folder} lacks {missing[0]}; --data takes the standard cifar-10-batches-py folder")
    batches = [pickle.loads((folder / name).read_bytes(), encoding="bytes") for name in names]
    pixels = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches]).astype(np.int64)
    return Split(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels)


def read_dataset(folder: Path) -> tuple[Split, Split]:
    """Return (training, held out)."""
    return read_batches(folder, TRAINING), read_batches(folder, HELD_OUT)


def digest(training: Split, held_out: Split) -> str:
    """Return the SHA-256 of all images and labels, training first: which data a run saw."""
    sha = hashlib.sha256()
    for part in (*training, *held_out):
        sha.update(np.ascontiguousarray(part).tobytes())
    return sha.hexdigest()
