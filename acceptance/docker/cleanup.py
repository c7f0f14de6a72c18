"""Removes what a run has on the Docker daemon, found by its label; needs nothing of the run but its name.

The guardian runs it with that name when pytest has gone.
"""

import contextlib
import sys
from typing import Any

from acceptance.waiting import Ready, wait_until

RUN = "org.triton-acceptance.run"
PART_OF = {"app.kubernetes.io/part-of": "triton-acceptance"}
SECONDS = 60


def labels(run: str) -> dict[str, str]:
    """Return what marks a container, network or volume as the run's."""
    return {**PART_OF, RUN: run}


def find_labelled(client: Any, label: str) -> dict[str, list]:
    """Return the containers, networks and volumes with the label, `name=value` or the name alone."""
    filters = {"label": label}
    return {
        "container": client.containers.list(all=True, filters=filters, ignore_removed=True),
        "network": client.networks.list(filters=filters),
        "volume": client.volumes.list(filters=filters),
    }


def remove(client: Any, run: str, looks: int = 1) -> None:
    """Remove all that has the run's label, until `looks` looks in a row found nothing.

    Raises WaitTimeout that names what can't be removed.
    """
    from docker.errors import APIError

    empty = 0

    def state() -> Ready[None] | str:
        nonlocal empty
        found = find_labelled(client, f"{RUN}={run}")
        for kind, items in found.items():
            for item in items:
                # gone already, on its way, or in use by what goes first: the next look tells
                with contextlib.suppress(APIError):
                    item.remove(**({"force": True, "v": True} if kind == "container" else {}))
        names = [f"{kind} {item.name}" for kind, items in found.items() for item in items]
        empty = 0 if names else empty + 1
        return f"there are {', '.join(names)}" if empty < looks else Ready(None)

    wait_until(f"Docker to remove what {run} left", state, SECONDS, poll=0.3)


def main(run: str) -> None:
    from testcontainers.core.docker_client import DockerClient

    # what the daemon was asked for just before pytest ended may still appear
    remove(DockerClient().client, run, looks=4)


if __name__ == "__main__":
    main(sys.argv[1])
