"""How long the init container of a controller's took to copy each model from the object store."""

from collections.abc import Iterable
from typing import Any

from acceptance.images import Pull


def model_pulls(pods: Iterable[Any], initializer: str) -> list[Pull]:
    """Return the copies that ended, one for each pod; the kubelet has their times in whole seconds.

    `initializer`: the name of that container, "" where there is none.
    """
    found = []
    for pod in pods:
        for container in pod.status.init_container_statuses or []:
            ended = container.state.terminated
            if container.name == initializer and ended and ended.started_at and ended.finished_at:
                seconds = (ended.finished_at - ended.started_at).total_seconds()
                found.append(Pull(f"model of {pod.metadata.name}", ended.finished_at.timestamp(), seconds))
    return found
