"""Whether images are on the daemon or can be pulled, asked before anything starts: nothing is pulled."""

import contextlib
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from acceptance.docker.engine import connect, not_pulled
from acceptance.errors import AcceptanceError, Problem
from acceptance.images import only_here

# each registry is asked at the same time
SECONDS = 25
# what a daemon without the question, such as Podman's, answers to it
NO_ANSWER = re.compile(r"(404 )?(page )?not found", re.IGNORECASE)


def missing_images(images: Collection[str]) -> list[Problem]:
    """Return which images the daemon lacks and can't pull: none where it, or a registry, doesn't answer in time."""
    with ThreadPoolExecutor(max(1, len(images))) as pool:
        found = list(pool.map(missing_image, images))
    return [problem for problem in found if problem]


def missing_image(image: str) -> Problem | None:
    try:
        client = connect().client
    except AcceptanceError:
        return None
    with contextlib.closing(client):
        client.api.timeout = SECONDS
        return ask(client, image)


def ask(client: Any, image: str) -> Problem | None:
    """Ask the daemon, and where it lacks the image its registry, by the daemon's own way there."""
    from docker.errors import APIError, ImageNotFound
    from requests import RequestException

    try:
        with contextlib.suppress(ImageNotFound):
            client.images.get(image)
            return None
        if only_here(image):
            return not_pulled(image, "no registry has it")
        client.images.get_registry_data(image)
    except APIError as error:
        words = str(error.explanation or error).strip()
        return None if NO_ANSWER.fullmatch(words) else not_pulled(image, words)
    except RequestException:
        return None
    return None
