"""A namespace on the lab's cluster, for pods that are to be diagnosed."""

import contextlib
import datetime
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import client

from acceptance.kubernetes.diagnosis import Trouble, owner_trouble, trouble_of
from acceptance.kubernetes.view import GPU, LiveCluster
from acceptance.waiting import Ready, wait_until

IMAGE = "lab.local/python:3.11"  # the lab can pull none
IN_TIME = 30  # seconds from the state to its name
SLEEPS = ["sleep", "300"]


class Room:
    """A namespace on the lab's cluster."""

    def __init__(self, api: client.ApiClient, name: str) -> None:
        self.api, self.name = api, name
        self.core: Any = client.CoreV1Api(api)  # takes plain dicts too, which its types don't say
        self.view = LiveCluster(self.core)

    def run(
        self, command: list[str] | None = None, *, name: str = "subject", container: Any = None, **spec: Any
    ) -> None:
        """Create a pod of one container named `main`; `container` and `spec` add to theirs or replace it."""
        main = {"name": "main", "image": IMAGE, "imagePullPolicy": "Never", "command": command or SLEEPS}
        body = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [main | (container or {})]}
        pod = {"metadata": {"name": name}, "spec": body | spec}
        self.core.create_namespaced_pod(self.name, pod)

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def events(self) -> list[Any]:
        return self.core.list_namespaced_event(self.name).items

    def trouble(self, name: str = "subject") -> Trouble | None:
        pod = self.core.read_namespaced_pod(name, self.name)
        return trouble_of(pod, self.events(), self.view, self.now())

    def owner_trouble(self, owner: str) -> Trouble | None:
        return owner_trouble(owner, self.events(), [self.core.read_namespace(self.name)], self.now())

    def final_text(self, look: Callable[[], Trouble | None] | None = None, within: float = IN_TIME) -> str:
        """Return the trouble's text once it is final, at most `within` seconds after the call."""
        started = time.monotonic()

        def state() -> Ready[str] | str:
            trouble = (look or self.trouble)()
            return Ready(trouble.text) if trouble and trouble.final else f"{trouble}"

        text = wait_until("the trouble to be final", state, within, poll=0.5)
        print(f"{time.monotonic() - started:.1f} s: {text}")  # `pytest -rP` shows it
        return text

    def wait_running(self, name: str) -> None:
        def state() -> Ready[None] | str:
            phase = self.core.read_namespaced_pod(name, self.name).status.phase
            return Ready(None) if phase == "Running" else phase

        wait_until(f"pod {name} to run", state, IN_TIME)

    def log(self, name: str = "subject") -> str:
        """Return a pod's log once it succeeded."""

        def state() -> Ready[None] | str:
            phase = self.core.read_namespaced_pod(name, self.name).status.phase
            return Ready(None) if phase == "Succeeded" else phase

        wait_until(f"pod {name} to succeed", state, IN_TIME)
        return self.view.log(self.name, name, "main", False, 1000)


def has_account(room: Room) -> Ready[None] | str:
    accounts = room.core.list_namespaced_service_account(room.name).items
    return Ready(None) if accounts else "no account yet"


@contextlib.contextmanager
def fresh_room(api: client.ApiClient) -> Iterator[Room]:
    """Make a room that takes pods; it goes at the end."""
    room = Room(api, f"diagnosis-{uuid.uuid4().hex[:8]}")
    labels = {"app.kubernetes.io/part-of": "triton-acceptance"}
    room.core.create_namespace({"metadata": {"name": room.name, "labels": labels}})
    try:
        # pods are refused until the namespace's account is there
        wait_until("the default service account", lambda: has_account(room), IN_TIME)
        yield room
    finally:
        with contextlib.suppress(client.ApiException):
            room.core.delete_namespace(room.name)


def asks_for_gpu(count: int = 1) -> dict[str, Any]:
    return {"resources": {"limits": {GPU: str(count)}}}
