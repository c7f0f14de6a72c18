"""A first layer that is not learnt: the patches of the training images, whitened by their eigenvectors.

After A. Coates and A. Ng (2011); K. Jordan's airbench starts with such a layer as well (arXiv:2404.00498).
"""

import numpy as np


def whitening(images: np.ndarray, side: int, count: int, floor: float) -> np.ndarray:
    """Return a kernel [side, side, 3, 2 * count]: the leading eigenvectors, each scaled to variance 1, and -each.

    `images` [N, 32, 32, 3] have a mean of 0; `floor` is added to each eigenvalue, so that noise isn't blown up.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 3 * side * side).astype(np.float64)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    leading = slice(len(values) - count, None)
    kernel = vectors[:, leading] / np.sqrt(values[leading] + floor)
    return np.concatenate([kernel, -kernel], axis=1).reshape(side, side, 3, 2 * count).astype(np.float32)
