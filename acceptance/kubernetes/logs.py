"""Follows every container's log into a file, so that a pod that is deleted leaves its words."""

import threading
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import Cluster, is_transient
from acceptance.redaction.redactor import RedactingWriter

# a node that has gone answers so for ever
REFUSALS = 5


class Logs:
    """Writes `<pod>-<container>.log` into the folder, redacted, from the moment that a container starts."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.followed: dict[tuple[str, str, int], threading.Thread] = {}
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def file(self, pod: str, container: str) -> Path:
        return self.folder / f"{pod}-{container}.log"

    def see(self, pod: Any) -> None:
        """Begin to follow what has started in the pod since it was seen last."""
        status = pod.status
        for container in [*(status.init_container_statuses or []), *(status.container_statuses or [])]:
            state = container.state
            key = (pod.metadata.uid, container.name, container.restart_count)
            with self.lock:
                if key in self.followed or not (state.running or (state.terminated and state.terminated.container_id)):
                    continue
                thread = threading.Thread(
                    target=self.follow, args=(pod.metadata, container.name), name=f"log {container.name}", daemon=True
                )
                self.followed[key] = thread
            thread.start()

    def follow(self, pod: Any, container: str) -> None:
        """Copy the log to its end; a stream that breaks is begun again, and so is its part of the file."""
        file = self.file(pod.name, container)
        file.touch()
        start = file.stat().st_size  # what the container said before it was restarted
        refusals = 0
        while not self.ended.is_set():
            try:
                with self.cluster.api() as api, file.open("r+b") as out:
                    read: Any = client.CoreV1Api(api).read_namespaced_pod_log
                    stream = read(pod.name, pod.namespace, container=container, follow=True, _preload_content=False)
                    out.truncate(start)
                    out.seek(start)
                    with RedactingWriter(out, self.cluster.redactor) as log:
                        for piece in stream.stream(1 << 16):
                            log.write(piece)
                return
            except client.ApiException as error:
                refusals += bool(error.status)
                if error.status and (not is_transient(error.status) or refusals >= REFUSALS):  # pod or node have gone
                    return
            except (urllib3.exceptions.HTTPError, OSError, AcceptanceError):  # the last for want of a login
                pass
            self.ended.wait(1)

    def finish(self, seconds: float) -> None:
        """Give the logs up to so many seconds each to come to their end."""
        with self.lock:
            threads = list(self.followed.values())
        for thread in threads:
            thread.join(seconds)

    def stop(self) -> None:
        """Have no broken stream begun again."""
        self.ended.set()
