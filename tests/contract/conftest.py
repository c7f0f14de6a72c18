"""What the contract tests share."""

import numpy as np
import pytest

from acceptance.data.batches import HELD_OUT, TRAINING, Split, write_batch


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory):
    """A standard folder; what is in it doesn't matter to a made-up stack."""
    folder = tmp_path_factory.mktemp("cifar10")
    for name in TRAINING + HELD_OUT:
        write_batch(folder / name, Split(np.zeros((2, 32, 32, 3), np.uint8), np.arange(2)))
    return folder
