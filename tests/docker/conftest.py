"""What the tests with a real Docker daemon share."""

import pytest

from acceptance.docker.engine import connect
from acceptance.errors import AcceptanceError
from tools.lab_image_names import own_images


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


@pytest.fixture(autouse=True)
def needs_docker(client):
    """Skip all of these tests where there is no Docker or no image."""
