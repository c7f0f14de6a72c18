"""The CIFAR-10 standard folder: read without running what a pickle may hold, and written for the stand-in."""

import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acceptance.errors import BadSetting

TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
HELD_OUT = ("test_batch",)
ROW = 32 * 32 * 3
# what a pickle that was cut, changed, or holds something else, raises besides
OF_A_BROKEN_PICKLE = (LookupError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)
# what pickles of NumPy arrays name, from Python 2 and 3 and from NumPy 1 and 2
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),
}


@dataclass(frozen=True)
class Split:
    """Images [N, 32, 32, 3] uint8 and their labels [N] int64: the training's, or the held-out ones."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


class ArrayUnpickler(pickle.Unpickler):
    """Loads arrays, lists, dictionaries and texts; refuses everything else a pickle could call."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module.replace("numpy._core", "numpy.core"), name)


def read_batch(file: Path) -> tuple[np.ndarray, list[int]]:
    """Return (pixels [N, 3072] uint8 channel-first, labels); raises BadSetting that names the file."""
    try:
        batch = ArrayUnpickler(io.BytesIO(file.read_bytes()), encoding="bytes").load()
        pixels, labels = np.asarray(batch[b"data"]), [int(label) for label in batch[b"labels"]]
    except (OSError, pickle.UnpicklingError, EOFError, *OF_A_BROKEN_PICKLE) as error:
        raise BadSetting(f"{file}: not a CIFAR-10 batch ({error!r}); unpack cifar-10-python.tar.gz again") from error
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), ROW) or not set(labels) <= set(range(10)):
        raise BadSetting(
            f"{file}: holds {pixels.dtype} {list(pixels.shape)} and {len(labels)} labels instead of "
            f"uint8 [N, {ROW}] and N labels from 0 to 9; unpack cifar-10-python.tar.gz again"
        )
    return pixels, labels


def read_split(folder: Path, names: tuple[str, ...]) -> Split:
    """Return the images of the batches, in the order of the names."""
    batches = [read_batch(folder / name) for name in names]
    pixels = np.concatenate([pixels for pixels, _ in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Split(pixels.copy(), np.concatenate([np.asarray(labels, np.int64) for _, labels in batches]))


def write_batch(file: Path, images: Split) -> None:
    """Write one batch file as the data set's own archive has it."""
    pixels = images.pixels.transpose(0, 3, 1, 2).reshape(-1, ROW).copy()
    file.write_bytes(pickle.dumps({b"data": pixels, b"labels": images.labels.tolist()}, protocol=2))


def digest(training: Split, held_out: Split) -> str:
    """Return the SHA-256 of all images and labels, training first; the trainer logs the same figure."""
    sha = hashlib.sha256()
    for part in (training, held_out):
        sha.update(np.ascontiguousarray(part.pixels).tobytes())
        sha.update(np.ascontiguousarray(part.labels).tobytes())
    return sha.hexdigest()
