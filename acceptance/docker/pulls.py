"""Whether images are on the daemon or can be pulled, asked before anything starts; and their pull, later."""

import contextlib
import math
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from acceptance.docker.engine import connect, not_pulled
from acceptance.errors import AcceptanceError, Problem, Unrecoverable, WaitTimeout
from acceptance.images import only_here
from acceptance.waiting import in_time

# each registry is asked at the same time
SECONDS = 25
# the program that keeps a registry's password has no limit of its own
WITH_HELPER_SECONDS = SECONDS + 3
HELPER_FIX = "mend `credsStore` or `credHelpers` in the config.json of the docker command"
# a pull that says nothing new: after how long the daemon is asked whether it lives, and when it is given up
LOOK_SECONDS = 5
STUCK_SECONDS = 600
# what a daemon without the question, such as Podman's, answers to it
NO_ANSWER = re.compile(r"(404 )?(page )?not found", re.IGNORECASE)


def missing_images(images: Collection[str]) -> list[Problem]:
    """Return which images the daemon lacks and can't pull: none where it, or a registry, doesn't answer in time."""
    with ThreadPoolExecutor(max(1, len(images))) as pool:
        found = list(pool.map(missing_image, images))
    return [problem for problem in found if problem]


def missing_image(image: str, seconds: float = WITH_HELPER_SECONDS) -> Problem | None:
    try:
        return in_time(f"asking for the image {image}", lambda: look_for(image), seconds)
    except WaitTimeout:
        return Problem(
            f"image {image}: no answer about it in {seconds:.0f} s; most likely the program hangs that gives the "
            "docker command its registry's password",
            HELPER_FIX,
        )


def look_for(image: str) -> Problem | None:
    try:
        client = connect().client
    except AcceptanceError:
        return None
    with contextlib.closing(client):
        client.api.timeout = SECONDS
        return ask(client, image)


def ask(client: Any, image: str) -> Problem | None:
    """Ask the daemon, and where it lacks the image its registry, by the daemon's own way there."""
    from docker.errors import APIError, DockerException, ImageNotFound
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
    except (DockerException, OSError, ValueError, LookupError) as error:  # the helper fails, or says what is no JSON
        return Problem(f"image {image}: its registry's password can't be had: {error}", HELPER_FIX)
    return None


def pull(
    client: Any, image: str, say: Callable[[str], None], look: float = LOOK_SECONDS, stuck: float = STUCK_SECONDS
) -> None:
    """Pull an image, and say how far it is.

    Raises Unrecoverable where the daemon can't pull it, has no news of it for `stuck` seconds, or answers no more: it
    is asked after `look` seconds without news, for the Docker SDK waits for ever.
    """
    from docker.errors import DockerException, StreamParseError
    from requests import RequestException

    news, heard = "", time.monotonic()

    def pulled() -> None:
        nonlocal news, heard
        for line in client.api.pull(image, stream=True, decode=True):
            if "error" in line:
                raise DockerException(line["error"])
            news, heard = f"{line.get('status', '')} {line.get('progress', '')}".strip(), time.monotonic()

    def meanwhile() -> None:
        silent = time.monotonic() - heard
        since = f"; nothing new for {silent:.0f} s" if silent > look else ""
        say(f"pulling {image}: {news}{since}")
        if silent > stuck:
            raise Unrecoverable(not_pulled(image, f"{news or 'no word of it'}{since}"))
        if silent > look:
            connect().client.close()

    try:
        in_time(f"pulling {image}", pulled, math.inf, meanwhile)
    except (DockerException, RequestException, StreamParseError) as error:
        raise Unrecoverable(not_pulled(image, str(error))) from error
