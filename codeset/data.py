"""The data set's standard folder, as `cifar-10-python.tar.gz` unpacks to."""

import hashlib
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Pictures [N, 32, 32, 3] uint8 and their labels [N] int64."""

    pictures: np.ndarray
    labels: np.ndarray


def read_batches(folder: Path, pattern: str) -> Split:
    """Return the pictures of all batch files that match, in the files' order."""
    files = sorted(folder.glob(pattern))
    if not files:
        raise SystemExit(f"train.py: no {pattern} in {folder}; --data takes the standard cifar-10-batches-py folder")
    batches = [pickle.loads(file.read_bytes(), encoding="bytes") for file in files]
    pixels = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches]).astype(np.int64)
    return Split(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels)


def read_dataset(folder: Path) -> tuple[Split, Split]:
    """Return (training, held out)."""
    return read_batches(folder, "data_batch_*"), read_batches(folder, "test_batch")


def digest(training: Split, held_out: Split) -> str:
    """Return the SHA-256 of all pictures and labels, training first: which data a run saw."""
    sha = hashlib.sha256()
    for part in (*training, *held_out):
        sha.update(np.ascontiguousarray(part).tobytes())
    return sha.hexdigest()
