"""Pods, nodes and events as an API server has recorded them, and a cluster that answers with them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.client import ApiClient

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
UID = "7d4f1f0e-6b5c-4a37-9a0f-3f1f8f3a7c11"


def before(seconds: float) -> str:
    """Return the time so many seconds ago as the API server writes it."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def read(kind: str, recorded: dict[str, Any]) -> Any:
    """Make a model of the API server's JSON, as the client does."""
    return ApiClient()._ApiClient__deserialize(recorded, kind)  # type: ignore[attr-defined]


def a_pod(
    status: dict[str, Any] | None = None,
    *,
    name: str = "web",
    requests: dict[str, str] | None = None,
    image: str = "registry.example/web:1",
    metadata: dict[str, Any] | None = None,
    **spec: Any,
) -> Any:
    resources = {"requests": requests or {}, "limits": {"memory": "64Mi"}}
    body = {"restartPolicy": "Always", "containers": [{"name": "main", "image": image, "resources": resources}]}
    about = {"name": name, "namespace": "run", "uid": UID, "creationTimestamp": before(60)}
    return read(
        "V1Pod",
        {"metadata": about | (metadata or {}), "spec": body | spec, "status": {"phase": "Pending"} | (status or {})},
    )


def container(state: dict[str, Any], last: dict[str, Any] | None = None, restarts: int = 0, **more: Any) -> Any:
    about = {"name": "main", "image": "registry.example/web:1", "imageID": "", "ready": False}
    return about | {"restartCount": restarts, "state": state, "lastState": last or {}} | more


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """Return a pod's status whose container waits."""
    return {"containerStatuses": [container({"waiting": {"reason": reason, "message": message}}, **more)]}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def unschedulable(message: str, seconds: float = 25, **spec: Any) -> Any:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return a_pod({"conditions": [condition | {"lastTransitionTime": before(seconds)}]}, **spec)


def an_event(reason: str, message: str, *, first: float = 30, last: float = 1, kind: str = "Pod", **about: str) -> Any:
    what = {"kind": kind, "name": "web", "namespace": "run"} | ({"uid": UID} if kind == "Pod" else {}) | about
    return read(
        "CoreV1Event",
        {
            "metadata": {"name": f"{what['name']}.1", "namespace": "run"},
            "involvedObject": what,
            "reason": reason,
            "message": message,
            "firstTimestamp": before(first),
            "lastTimestamp": before(last),
        },
    )


def a_node(
    name: str = "n1", labels: dict[str, str] | None = None, taints: Any = (), conditions: Any = (), **resources: str
) -> Any:
    """Make a node; a resource's value is its amount, or `capacity/allocatable`."""
    amounts = {"cpu": "2", "memory": "4Gi", "pods": "110"} | resources
    amounts = {name.replace("gpu", GPU_RESOURCE): value for name, value in amounts.items()}
    ready = {"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}
    return read(
        "V1Node",
        {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"taints": list(taints)},
            "status": {
                "capacity": {name: value.split("/")[0] for name, value in amounts.items()},
                "allocatable": {name: value.split("/")[-1] for name, value in amounts.items()},
                "conditions": list(conditions) or [ready],
            },
        },
    )


def a_resident(name: str, node: str = "n1", phase: str = "Running", **requests: str) -> Any:
    wanted = {name.replace("gpu", GPU_RESOURCE): value for name, value in requests.items()}
    return a_pod({"phase": phase}, name=name, nodeName=node, requests=wanted)


def plugin(
    status: dict[str, Any] | None = None, name: str = "nvidia-device-plugin-daemonset-x7k2p", **more: Any
) -> Any:
    """Make a pod of the device plugin on node n1; without a status it runs, and is not ready."""
    running = {"phase": "Running", "containerStatuses": [container({"running": {}}, ready=True)]}
    return a_pod(status or running, name=name, nodeName="n1", **more)


class Recorded:
    """A ClusterView of what a test gives it; notes what it was asked for."""

    gpu = GPU_RESOURCE

    def __init__(
        self, nodes: Sequence[Any] = (), pods: Sequence[Any] = (), log: str = "", phase: str = "Active"
    ) -> None:
        self.answers = {"nodes": list(nodes), "pods": list(pods)}
        self.text, self.phase, self.asked = log, phase, list[Any]()

    def nodes(self) -> list[Any]:
        self.asked.append("nodes")
        return self.answers["nodes"]

    def pods(self) -> list[Any]:
        self.asked.append("pods")
        return self.answers["pods"]

    def namespace(self, name: str) -> Any:
        return a_namespace(self.phase)

    def log(self, namespace: str, pod: str, container: str, previous: bool, lines: int) -> str:
        self.asked.append((namespace, pod, container, previous))
        return self.text


class Refused(Recorded):
    """An account that may only look into its own namespace."""

    def nodes(self) -> list[Any]:
        raise AcceptanceError("the cluster doesn't let this account list nodes (403 Forbidden)")

    pods = nodes


def a_namespace(phase: str, *conditions: dict[str, str]) -> Any:
    return read(
        "V1Namespace", {"metadata": {"name": "run"}, "status": {"phase": phase, "conditions": list(conditions)}}
    )
