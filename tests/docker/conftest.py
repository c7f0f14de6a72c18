"""What the tests with a real Docker daemon share."""

import pytest

from fixtures.support.docker_engine import connect
from fixtures.support.errors import AcceptanceError
from fixtures.support.images import read_images


@pytest.fixture(scope="session")
def client():
    """The Docker SDK's client; skips where no daemon answers, or it lacks an image of `make images`."""
    try:
        client = connect().client
    except AcceptanceError as error:
        pytest.skip(str(error))
    there = {tag for image in client.images.list() for tag in image.tags}
    missing = [image for image in own_images().values() if image not in there]
    if missing:
        pytest.skip(f"Docker has no {', '.join(missing)}: `make images` builds them")
    return client


def own_images() -> dict[str, str]:
    """Return the images of `make images` by what they are; the Triton among them has the trainer's version."""
    pinned = read_images(None)
    return {
        "trainer": pinned.trainer,
        "vegeta": pinned.vegeta,
        "triton": pinned.trainer.replace("/trainer:", "/triton:"),
    }


@pytest.fixture(autouse=True)
def needs_docker(client):
    """Skip all of these tests where there is no Docker or no image."""


@pytest.fixture(scope="session")
def images_file(tmp_path_factory):
    """An --images file with the suite's own Triton."""
    file = tmp_path_factory.mktemp("images") / "images.yaml"
    file.write_text(f"triton: {own_images()['triton']}\ntriton-backend: python\n")
    return file
