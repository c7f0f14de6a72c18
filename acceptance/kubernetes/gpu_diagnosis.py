"""Why a cluster has no GPU for a pod: no node advertises one, none is allocatable, or all are taken, and by what."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from kubernetes.client import V1Node, V1Pod

from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu.node import INSTALL_PLUGIN
from acceptance.kubernetes.view import (
    NAMED,
    ClusterView,
    allocatable,
    bad_conditions,
    capacity,
    free,
    has_labels,
    indented,
    is_schedulable,
    join_some,
    labels_of,
    name_of,
    pods_on,
    quantity_of,
    requested,
)

LOG_LINES = 8


def no_gpu(cluster: ClusterView, selector: Mapping[str, str] = MappingProxyType({})) -> Problem | None:
    """Return None where a node that takes pods has an allocatable GPU, taken or not, else why none has; starts no pod.

    Only nodes with the selector's labels count. Raises AcceptanceError where nodes may not be listed.
    """
    every = cluster.nodes()
    nodes = [node for node in every if has_labels(node, selector)]
    giving = [node for node in nodes if quantity_of(allocatable(node), cluster.gpu) > 0]
    elsewhere = [name_of(node) for node in every if quantity_of(allocatable(node), cluster.gpu) > 0]
    if selector and not giving and (elsewhere or not nodes):
        labels = " and ".join(f"{key}={value}" for key, value in selector.items())
        only = f", only {join_some(elsewhere)}" if elsewhere else ""
        return Problem(
            f"no node with {labels} advertises {cluster.gpu}{only}",
            "`kubectl get nodes --show-labels`, and correct --node-selector",
        )
    if any(is_schedulable(node) for node in giving):
        return None
    if giving:
        return Problem(f"every node with a GPU is out of use: {join_some([out_of_use(node) for node in giving])}")
    advertised = [node for node in nodes if quantity_of(capacity(node), cluster.gpu) > 0]
    if not advertised:
        # a kubelet that had GPUs once keeps saying that it has 0
        others = sorted({key for node in nodes for key in other_gpus(node, cluster.gpu)})
        instead = f" (but {join_some(others)}: the device plugin's sharing or MIG settings rename it)" if others else ""
        return with_plugin(f"no node advertises {cluster.gpu}{instead}", nodes, cluster)
    return with_plugin(unhealthy(advertised, cluster.gpu), advertised, cluster)


def other_gpus(node: V1Node, gpu: str) -> list[str]:
    """Return by which other names the node has GPUs now."""
    amounts = capacity(node)
    return sorted(key for key in amounts if "nvidia" in key and key != gpu and quantity_of(amounts, key) > 0)


def out_of_use(node: V1Node) -> str:
    cordoned = f"node {name_of(node)} is cordoned (`kubectl uncordon {name_of(node)}`)"
    return "; ".join(bad_conditions(node)) or cordoned


def unhealthy(nodes: Sequence[V1Node], gpu: str) -> str:
    """Say which nodes have GPUs that they don't give out."""
    counts = [
        f"node {name_of(node)} has {gpu} {quantity_of(capacity(node), gpu)} in its capacity but"
        f" {quantity_of(allocatable(node), gpu)} allocatable"
        for node in nodes
    ]
    return f"{join_some(counts)}: a device is unhealthy, or the device plugin has stopped"


def with_plugin(what: str, nodes: Sequence[V1Node], cluster: ClusterView) -> Problem:
    """Return the problem with how the NVIDIA device plugin's pods are, or how to get one, or why nothing is known."""
    try:
        plugins = [pod for pod in cluster.pods() if is_plugin(pod)]
    except AcceptanceError as error:  # an account that may not list pods still learns about its nodes
        return Problem(what, f"of the device plugin nothing is known: {error}")
    if plugins:
        states = "\n".join(plugin_state(pod, cluster) for pod in plugins[:NAMED])
        return Problem(what, "look at the device plugin", states)
    labelled = [name_of(node) for node in nodes if labels_of(node).get("accelerator") == "gpu"]
    have = f"nodes with accelerator=gpu: {join_some(labelled)}" if labelled else "no node has accelerator=gpu"
    return Problem(
        f"{what}, and no namespace has a pod of the NVIDIA device plugin",
        f"{INSTALL_PLUGIN}; where the DaemonSet is there but picks no node, `kubectl label node NAME accelerator=gpu` "
        f"for the GPU's node ({have})",
    )


def gpu_shortage(wanted: Decimal, nodes: Sequence[V1Node], pods: Sequence[V1Pod], cluster: ClusterView) -> str:
    """Return why none of the nodes has so many GPUs free, with the pods that took them; "" where one has."""
    if problem := no_gpu(cluster):
        return str(problem)
    if any(free(node, cluster.gpu, pods) >= wanted for node in nodes):
        return ""
    parts = []
    for node in nodes:
        total, given = quantity_of(capacity(node), cluster.gpu), quantity_of(allocatable(node), cluster.gpu)
        if not total:
            continue
        held = [(pod, requested(pod).get(cluster.gpu, Decimal(0))) for pod in pods_on(node, pods)]
        holders = [f"{name_of(pod)} ({count})" for pod, count in held if count]
        lost = f" of {total} (`kubectl describe node {name_of(node)}`)" if given < total else ""
        taken = f"taken by {join_some(holders)}" if holders else "none taken"
        parts.append(f"node {name_of(node)} has {given}{lost}, {free(node, cluster.gpu, pods)} free: {taken}")
    if not parts:
        elsewhere = [name_of(node) for node in cluster.nodes() if quantity_of(allocatable(node), cluster.gpu) > 0]
        return (
            f"no node that the pod may go to has {cluster.gpu}, only {join_some(elsewhere)}; see its labels and taints"
        )
    return f"{cluster.gpu} is short: the pod asks for {wanted}; {'; '.join(parts)}; end those pods, or add a GPU"


def is_plugin(pod: V1Pod) -> bool:
    """Tell the device plugin (its own DaemonSet's, the GPU operator's) from its companions, which share its image."""
    assert pod.spec
    words = " ".join([name_of(pod), *labels_of(pod).values(), *(c.image or "" for c in pod.spec.containers)])
    companion = any(part in name_of(pod) for part in ("feature-discovery", "mps-control"))
    return "nvidia" in words and "device-plugin" in words and not companion


def plugin_state(pod: V1Pod, cluster: ClusterView) -> str:
    """Return one plugin pod's state and the last lines of the container that holds it up."""
    assert pod.metadata and pod.spec and pod.status
    statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
    container, waiting, state = pod.spec.containers[0].name, None, f"phase {pod.status.phase}"
    if stuck := next((status for status in statuses if not status.ready), None):
        container, waiting = stuck.name, stuck.state and stuck.state.waiting
        state += f", container {container} " + (
            f"waits: {waiting.reason}: {waiting.message}" if waiting else "isn't ready"
        )
    # a container that waits for its restart has only the log of its previous life
    log = cluster.log(pod.metadata.namespace or "", pod.metadata.name or "", container, bool(waiting), LOG_LINES)
    where = f" on node {pod.spec.node_name}" if pod.spec.node_name else ""
    return f"{name_of(pod)}{where}, {state}; the end of its log:\n{indented(log)}"
