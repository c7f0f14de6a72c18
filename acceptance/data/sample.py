"""The image that must land at index 4, found in the test batch by its content.

Copies of CIFAR-10 hold the images in different orders and with slightly different pixels, so neither an index nor a
hash would do. `samples.json` holds one small fingerprint an image; three trainings with different seeds put each
picked image into its class with a wide margin.
"""

import json
from pathlib import Path

import numpy as np

from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError

SAMPLES = Path(__file__).with_name("samples.json")
BLOCK = 4
# root mean square of the difference; a JPEG copy differs by 1 to 2 levels, another image by more than 20
NEAR = 6.0


def fingerprints(images: np.ndarray) -> np.ndarray:
    """Return the means [N, 192] uint8 of the 4 x 4 blocks of images [N, 32, 32, 3]."""
    count, side = len(images), 32 // BLOCK
    means = images.reshape(count, side, BLOCK, side, BLOCK, 3).mean(axis=(2, 4))
    return means.round().astype(np.uint8).reshape(count, -1)


def find_sample(dataset: Dataset) -> int:
    """Return the index of the sample image in the held-out images; raises AcceptanceError where none is near."""
    wanted = np.frombuffer(bytes.fromhex(json.loads(SAMPLES.read_text(encoding="utf-8"))[dataset.sample]), np.uint8)
    images = dataset.held_out.pixels
    if not len(images):
        raise AcceptanceError(f"{dataset.folder}: the test batch is empty, so the {dataset.sample} isn't in it")
    difference = fingerprints(images).astype(np.float32) - wanted.astype(np.float32)
    distances = np.sqrt((difference**2).mean(axis=1))
    nearest = int(distances.argmin())
    if distances[nearest] > NEAR:
        raise AcceptanceError(
            f"the {dataset.sample} isn't in {dataset.folder}: of {len(images):,} held-out images the nearest, "
            f"{nearest}, is {distances[nearest]:.1f} levels away and at most {NEAR} would do; is it CIFAR-10?"
        )
    return nearest
