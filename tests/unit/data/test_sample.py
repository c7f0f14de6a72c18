"""The sample image: found by content in any order and any copy, and missed loudly."""

from pathlib import Path

import numpy as np
import pytest

from acceptance.data import batches
from acceptance.data.dataset import Dataset, prepare
from acceptance.data.sample import find_sample
from acceptance.data.source import Source
from acceptance.errors import AcceptanceError
from acceptance.paths import ROOT

CIFAR10_COPY = ROOT.parent / "shared" / "cifar10" / "cifar10-jpeg.zip"


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepare(Source(), tmp_path_factory.mktemp("digits") / "data")


@pytest.fixture(scope="module")
def deer_images():
    """The 1,000 deer of the test batch [1000, 32, 32, 3], where a copy of CIFAR-10 is at hand."""
    if not CIFAR10_COPY.exists():
        pytest.skip(f"no copy of CIFAR-10 at {CIFAR10_COPY}")
    import io
    import zipfile

    from PIL import Image

    with zipfile.ZipFile(CIFAR10_COPY) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("test/deer/"))
        return np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in names])


def with_images(stand_in: bool, pixels: np.ndarray) -> Dataset:
    return Dataset(Path("some-copy"), stand_in, batches.Split(pixels, np.full(len(pixels), 4)), "digest")


def found_image(dataset: Dataset) -> np.ndarray:
    return dataset.held_out.pixels[find_sample(dataset)]


def test_the_four_is_the_same_in_two_orders(digits):
    shuffled = digits.held_out.pixels[np.random.default_rng(3).permutation(len(digits.held_out))]
    assert (found_image(with_images(True, shuffled)) == found_image(digits)).all()
    assert digits.held_out.labels[find_sample(digits)] == 4


def test_the_deer_is_the_same_in_two_orders(deer_images):
    shuffled = deer_images[np.random.default_rng(3).permutation(len(deer_images))]
    first, second = (with_images(False, pixels) for pixels in (deer_images, shuffled))
    assert (found_image(first) == found_image(second)).all()
    assert find_sample(first) != find_sample(second)


def test_the_deer_is_found_in_a_copy_with_slightly_other_pixels(deer_images):
    """A JPEG copy and the original differ by a few levels in each pixel."""
    noise = np.random.default_rng(4).normal(0, 6, deer_images.shape)
    other = np.clip(deer_images + noise, 0, 255).astype(np.uint8)
    assert find_sample(with_images(False, other)) == find_sample(with_images(False, deer_images))


def test_a_copy_without_it_is_an_error_that_says_how_far_the_nearest_is(digits):
    without = np.delete(digits.held_out.pixels, find_sample(digits), axis=0)
    with pytest.raises(AcceptanceError, match=r"the four isn't in some-copy: of 999 held-out images"):
        find_sample(with_images(True, without))


def test_an_empty_test_batch_is_an_error():
    with pytest.raises(AcceptanceError, match="empty"):
        find_sample(with_images(False, np.zeros((0, 32, 32, 3), np.uint8)))
