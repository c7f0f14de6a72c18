"""The images that tests use where nothing can be pulled: those of `make images`, and those that only the lab has."""

import sys

from acceptance.images import read_images

MINIO = "lab.local/minio:1"


def own_images() -> dict[str, str]:
    """Return the images of `make images` by what they are; the Triton among them has the trainer's version."""
    pinned = read_images(None)
    return {
        "trainer": pinned.trainer,
        "vegeta": pinned.vegeta,
        "triton": pinned.trainer.replace("/trainer:", "/triton:"),
    }


def lab_images() -> dict[str, str]:
    """Return the images that only tests on the lab use, by what they are; `tools/lab` builds them."""
    pinned = read_images(None)
    return {
        "vector-add": pinned.trainer.replace("/trainer:", "/stand-in-vector-add:"),
        "device-plugin": f"triton-acceptance/nvidia-device-plugin:{pinned.device_plugin.rpartition(':')[2]}",
    }


def images_yaml() -> str:
    """Return an --images file that takes the suite's own Triton, and the lab's MinIO."""
    return f"triton: {own_images()['triton']}\ntriton-backend: python\nminio: {MINIO}\n"


if __name__ == "__main__":
    print(lab_images()[sys.argv[1]])
