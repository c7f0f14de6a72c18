"""A namespace on the lab's cluster, for pods that are to be diagnosed."""

import contextlib
import datetime
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import client

from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.kubernetes.diagnosis import diagnose
from acceptance.kubernetes.facts import Diagnosis
from acceptance.kubernetes.gpu_diagnosis import is_plugin
from acceptance.kubernetes.owner_diagnosis import diagnose_owner
from acceptance.kubernetes.view import LiveCluster, name_of, requested
from acceptance.waiting import Ready, wait_until
from tests.cluster.left_behind import of_these_tests

IMAGE = "lab.local/python:3.11"  # the lab can pull none
IN_TIME = 30  # seconds from the state to its name
GONE_SECONDS = 60  # how long the pods of a deleted namespace may last
SLEEPS = ["sleep", "300"]


class LabNamespace:
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
        body = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [main | (container or {})]}
        pod = {"metadata": {"name": name}, "spec": body | spec}
        self.core.create_namespaced_pod(self.name, pod)

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    def events(self) -> list[Any]:
        return self.core.list_namespaced_event(self.name).items

    def diagnose(self, name: str = "subject") -> Diagnosis | None:
        pod = self.core.read_namespaced_pod(name, self.name)
        return diagnose(pod, self.events(), self.view, self.now())

    def diagnose_owner(self, owner: str) -> Diagnosis | None:
        return diagnose_owner(owner, self.events(), [self.core.read_namespace(self.name)], self.now())

    def final_text(self, look: Callable[[], Diagnosis | None] | None = None, within: float = IN_TIME) -> str:
        """Return the diagnosis' text once it is final, at most `within` seconds after the call."""
        started = time.monotonic()

        def state() -> Ready[str] | str:
            found = (look or self.diagnose)()
            return Ready(found.text) if found and found.final else f"{found}"

        text = wait_until("the diagnosis to be final", state, within, poll=0.5)
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


def has_account(namespace: LabNamespace) -> Ready[None] | str:
    accounts = namespace.core.list_namespaced_service_account(namespace.name).items
    return Ready(None) if accounts else "no account yet"


@contextlib.contextmanager
def fresh_namespace(api: client.ApiClient) -> Iterator[LabNamespace]:
    """Make a namespace that takes pods; it goes at the end."""
    namespace = LabNamespace(api, f"diagnosis-{uuid.uuid4().hex[:8]}")
    labels = {"app.kubernetes.io/part-of": "triton-acceptance", **of_these_tests()}
    namespace.core.create_namespace({"metadata": {"name": namespace.name, "labels": labels}})
    try:
        # pods are refused until the namespace's account is there
        wait_until("the default service account", lambda: has_account(namespace), IN_TIME)
        yield namespace
    finally:
        with contextlib.suppress(client.ApiException):
            namespace.core.delete_namespace(namespace.name)


def wait_for_no_gpu_pods(core: Any) -> None:
    """Wait until no pod asks for a GPU or passes for a device plugin: a deleted namespace keeps its pods for a while.

    These are the pods that a run or a diagnosis looks for in every namespace, so a later test would find them.
    """

    def state() -> Ready[None] | str:
        pods = core.list_pod_for_all_namespaces(_request_timeout=10).items
        left = [name_of(pod) for pod in pods if is_plugin(pod) or (requested(pod).get(GPU) and not has_ended(pod))]
        return Ready(None) if not left else f"there is {', '.join(left)}"

    wait_until(f"no pod to ask for {GPU} or to be a device plugin's", state, GONE_SECONDS, poll=0.5)


def has_ended(pod: Any) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def asks_for_gpu(count: int = 1) -> dict[str, Any]:
    return {"resources": {"limits": {GPU: str(count)}}}
