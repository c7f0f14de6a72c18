"""What a diagnosis looks at: the cluster, the state of a pod, the amounts on nodes, and how they are written."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from kubernetes.client import ApiException, CoreV1Api, V1Namespace, V1Node, V1Pod
from kubernetes.utils import parse_quantity
from urllib3.exceptions import HTTPError

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE
from acceptance.processes import logs

NAMED = 5  # so many nodes or pods are named, the rest is counted
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


class ClusterView(Protocol):
    """What a diagnosis may ask of the cluster beyond the pod and its events; each call is one request."""

    gpu: str
    """The resource by which its nodes count GPUs."""

    def nodes(self) -> list[V1Node]: ...

    def pods(self) -> list[V1Pod]:
        """Return the pods of all namespaces."""

    def namespace(self, name: str) -> V1Namespace | None: ...

    def log(self, namespace: str, pod: str, container: str, previous: bool, lines: int) -> str:
        """Return the last lines of a container's log, of its previous life if asked; "" where there is none."""


# what the kubelet answers, with 200, in the place of a log that it no longer has
REMOVED = ("failed to try resolving symlinks in path", "unable to retrieve container logs for")


class LiveCluster:
    """The ClusterView of a real cluster. Lists raise AcceptanceError where this account may not have them."""

    def __init__(self, core: CoreV1Api, timeout: float = 10, gpu: str = GPU_RESOURCE) -> None:
        self.core, self.timeout = core, timeout  # seconds for each request
        self.gpu = gpu

    def nodes(self) -> list[V1Node]:
        return self._list("nodes", self.core.list_node)

    def pods(self) -> list[V1Pod]:
        return self._list("pods of all namespaces", self.core.list_pod_for_all_namespaces)

    def namespace(self, name: str) -> V1Namespace | None:
        try:
            return self.core.read_namespace(name, _request_timeout=self.timeout)
        except ApiException:
            return None

    def log(self, namespace: str, pod: str, container: str, previous: bool, lines: int) -> str:
        try:
            answer: Any = self.core.read_namespaced_pod_log(
                pod,
                namespace,
                container=container,
                previous=previous,
                tail_lines=lines,
                _preload_content=False,  # the client would fail on bytes that aren't UTF-8
                _request_timeout=self.timeout,
            )
        except (ApiException, HTTPError):  # a lost node's kubelet doesn't answer
            return ""
        text = answer.data.decode(errors="replace")
        if not text.startswith(REMOVED):
            return text
        # it has ended once more meanwhile: the kubelet keeps the last log alone
        return self.log(namespace, pod, container, False, lines) if previous else ""

    def _list(self, what: str, call: Callable[..., Any]) -> Any:
        try:
            return call(_request_timeout=self.timeout).items
        except ApiException as error:
            if error.status not in (401, 403):
                raise
            raise AcceptanceError(
                f"the cluster doesn't let this account list {what} ({error.status} {error.reason});"
                " use a kubeconfig that may, or ask its administrator"
            ) from error


def indented(log: str) -> str:
    """Return a log's lines indented for an error message, without the empty ones."""
    return logs.indented([line for line in log.splitlines() if line.strip()])


def join_some(things: Sequence[str]) -> str:
    """Join the first five with commas and count the others."""
    more = f" and {len(things) - NAMED} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more


def quantity_of(quantities: Mapping[str, str], resource: str) -> Decimal:
    """Return how much of a resource is there, in cores, bytes or pieces; 0 where it isn't named."""
    return Decimal(parse_quantity(quantities.get(resource, "0")))


def format_quantity(resource: str, quantity: Decimal) -> str:
    """Write a quantity as people do: bytes in Mi, the rest as plain numbers."""
    in_bytes = resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-")
    return f"{quantity / 2**20:.0f}Mi" if in_bytes else f"{quantity.normalize():f}"


def capacity(node: V1Node) -> dict[str, str]:
    return (node.status and node.status.capacity) or {}


def allocatable(node: V1Node) -> dict[str, str]:
    return (node.status and node.status.allocatable) or {}


def requested(pod: V1Pod) -> dict[str, Decimal]:
    """Return what the scheduler sets aside for a pod: its containers' sum, or its greediest init container."""
    return {"pods": Decimal(1), **together(pod, "requests")}


def limited(pod: V1Pod) -> dict[str, Decimal]:
    """Return the most that a pod may take, as a quota counts it."""
    return together(pod, "limits")


def together(pod: V1Pod, kind: str) -> dict[str, Decimal]:
    """Return the sum of a pod's `requests` or `limits`, or those of its greediest init container."""
    assert pod.spec
    total: dict[str, Decimal] = {}
    for container in pod.spec.containers:
        amounts = getattr(container.resources, kind, None) or {}
        for resource in amounts:
            total[resource] = total.get(resource, Decimal(0)) + quantity_of(amounts, resource)
    for container in pod.spec.init_containers or []:
        amounts = getattr(container.resources, kind, None) or {}
        for resource in amounts:
            # one that keeps running (a sidecar) adds to the others, one that ends doesn't
            beside = total.get(resource, Decimal(0)) if container.restart_policy == "Always" else Decimal(0)
            total[resource] = max(total.get(resource, Decimal(0)), beside + quantity_of(amounts, resource))
    return total


def name_of(thing: V1Node | V1Pod) -> str:
    """Return a node's name, or a pod's as namespace/name."""
    assert thing.metadata
    return "/".join(filter(None, (thing.metadata.namespace, thing.metadata.name)))


def labels_of(thing: V1Node | V1Pod) -> dict[str, str]:
    return (thing.metadata and thing.metadata.labels) or {}


def has_labels(thing: V1Node | V1Pod, wanted: Mapping[str, str]) -> bool:
    return wanted.items() <= labels_of(thing).items()


def pods_on(node: V1Node, pods: Sequence[V1Pod]) -> list[V1Pod]:
    """Return the pods that hold resources of a node."""
    gone = ("Succeeded", "Failed")
    return [p for p in pods if p.spec and p.status and p.spec.node_name == name_of(node) and p.status.phase not in gone]


def free(node: V1Node, resource: str, pods: Sequence[V1Pod]) -> Decimal:
    """Return what of a node's allocatable resource no pod has asked for."""
    taken = sum((requested(pod).get(resource, Decimal(0)) for pod in pods_on(node, pods)), Decimal(0))
    return quantity_of(allocatable(node), resource) - taken


def is_schedulable(node: V1Node) -> bool:
    """Tell whether the scheduler puts pods on the node: it is Ready and nobody cordoned it."""
    conditions = (node.status and node.status.conditions) or []
    ready = all(condition.status == "True" for condition in conditions if condition.type == "Ready")
    return ready and not (node.spec and node.spec.unschedulable)


def bad_conditions(node: V1Node) -> list[str]:
    """Say that a node isn't Ready, or is under pressure, in the kubelet's words."""
    found = []
    for condition in (node.status and node.status.conditions) or []:
        if condition.type == "Ready" and condition.status != "True":
            found.append(f"node {name_of(node)} is NotReady: {condition.message}")
        elif condition.type in PRESSURES and condition.status == "True":
            found.append(f"node {name_of(node)} has {condition.type}: {condition.message}")
    return found


def is_ready(pod: Any) -> bool:
    condition = readiness(pod)
    return bool(condition and condition.status == "True")


def readiness(pod: Any) -> Any:
    """Return the pod's condition of type Ready, None where it has none yet."""
    conditions = (pod.status and pod.status.conditions) or []
    return next((condition for condition in conditions if condition.type == "Ready"), None)


def containers_of(pod: Any) -> list[Any]:
    """Return the states of all of a pod's containers, those that run before the others first."""
    return [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]


def has_ended(pod: Any) -> bool:
    """Say whether each container of a pod that runs once has ended: its phase says so a moment later."""
    found = pod.status.container_statuses or []
    return bool(found) and pod.spec.restart_policy == "Never" and all(one.state.terminated for one in found)


def restarts(pod: Any) -> int:
    return sum(container.restart_count for container in pod.status.container_statuses or [])


def phase_of(pod: Any) -> str:
    """Return the pod's phase, and what its containers wait for."""
    waiting = [
        f"{container.name}: {container.state.waiting.reason}"
        for container in containers_of(pod)
        if container.state.waiting and container.state.waiting.reason != "PodInitializing"
    ]
    return f"pod {pod.metadata.name} is {pod.status.phase}" + (f" ({', '.join(waiting)})" if waiting else "")
