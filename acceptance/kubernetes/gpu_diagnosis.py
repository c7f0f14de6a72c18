"""Why a cluster has no GPU for a pod: no node advertises one, none is allocatable, or all are taken, and by what."""

from collections.abc import Sequence
from decimal import Decimal

from kubernetes.client import V1Node, V1Pod

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import DAEMON_SET
from acceptance.kubernetes.view import (
    GPU,
    NAMED,
    ClusterView,
    allocatable,
    amount,
    asked,
    bad_conditions,
    capacity,
    free,
    indented,
    labels_of,
    listed,
    name_of,
    residents,
    usable,
)

LOG_LINES = 8


def gpu_reason(cluster: ClusterView) -> str:
    """Return "" where a node that takes pods has an allocatable GPU, taken or not, else why none has; starts no pod.

    Raises AcceptanceError where nodes may not be listed.
    """
    nodes = cluster.nodes()
    giving = [node for node in nodes if amount(allocatable(node), GPU) > 0]
    if any(usable(node) for node in giving):
        return ""
    if giving:
        return f"every node with a GPU is out of use: {listed([out_of_use(node) for node in giving])}"
    advertised = [node for node in nodes if amount(capacity(node), GPU) > 0]
    if not advertised:
        # a kubelet that had GPUs once keeps saying that it has 0
        others = sorted({key for node in nodes for key in capacity(node) if "nvidia" in key and key != GPU})
        instead = f" (but {listed(others)}: the device plugin's sharing or MIG settings rename it)" if others else ""
        return f"no node advertises {GPU}{instead}; {plugin_words(nodes, cluster)}"
    return f"{unhealthy(advertised)}; {plugin_words(advertised, cluster)}"


def out_of_use(node: V1Node) -> str:
    cordoned = f"node {name_of(node)} is cordoned (`kubectl uncordon {name_of(node)}`)"
    return "; ".join(bad_conditions(node)) or cordoned


def plugin_words(nodes: Sequence[V1Node], cluster: ClusterView) -> str:
    """Return what is known of the device plugin, or why nothing is."""
    try:
        return plugin_report(nodes, cluster.pods(), cluster)
    except AcceptanceError as error:  # an account that may not list pods still learns about its nodes
        return f"of the device plugin nothing is known: {error}"


def unhealthy(nodes: Sequence[V1Node]) -> str:
    """Say which nodes have GPUs that they don't give out."""
    counts = [
        f"node {name_of(node)} has {GPU} {amount(capacity(node), GPU)} in its capacity but"
        f" {amount(allocatable(node), GPU)} allocatable"
        for node in nodes
    ]
    return f"{listed(counts)}: a device is unhealthy, or the device plugin has stopped"


def gpu_shortage(wanted: Decimal, nodes: Sequence[V1Node], pods: Sequence[V1Pod], cluster: ClusterView) -> str:
    """Return why none of the nodes has so many GPUs free, with the pods that took them; "" where one has."""
    if why := gpu_reason(cluster):
        return why
    if any(free(node, GPU, pods) >= wanted for node in nodes):
        return ""
    parts = []
    for node in nodes:
        total, given = amount(capacity(node), GPU), amount(allocatable(node), GPU)
        if not total:
            continue
        held = [(pod, asked(pod).get(GPU, Decimal(0))) for pod in residents(node, pods)]
        holders = [f"{name_of(pod)} ({count})" for pod, count in held if count]
        lost = f" of {total} (`kubectl describe node {name_of(node)}`)" if given < total else ""
        taken = f"taken by {listed(holders)}" if holders else "none taken"
        parts.append(f"node {name_of(node)} has {given}{lost}, {free(node, GPU, pods)} free: {taken}")
    if not parts:
        elsewhere = [name_of(node) for node in cluster.nodes() if amount(allocatable(node), GPU) > 0]
        return f"no node that the pod may go to has {GPU}, only {listed(elsewhere)}; see its labels and taints"
    return f"{GPU} is short: the pod asks for {wanted}; {'; '.join(parts)}; end those pods, or add a GPU"


def plugin_report(nodes: Sequence[V1Node], pods: Sequence[V1Pod], cluster: ClusterView) -> str:
    """Say how the NVIDIA device plugin's pods are, with the end of their logs, or how to get one."""
    plugins = [pod for pod in pods if is_plugin(pod)]
    if not plugins:
        labelled = [name_of(node) for node in nodes if labels_of(node).get("accelerator") == "gpu"]
        have = f"nodes with accelerator=gpu: {listed(labelled)}" if labelled else "no node has accelerator=gpu"
        return (
            "no namespace has a pod of the NVIDIA device plugin: install the GPU operator, or the plugin's DaemonSet by"
            f" `kubectl apply -f {DAEMON_SET}`; where the DaemonSet is there but picks no"
            f" node, `kubectl label node NAME accelerator=gpu` for the GPU's node ({have})"
        )
    return "look at the device plugin: " + "\n".join(plugin_state(pod, cluster) for pod in plugins[:NAMED])


def is_plugin(pod: V1Pod) -> bool:
    """Tell the device plugin (its own DaemonSet's, the GPU operator's) from its companions, which share its image."""
    assert pod.spec
    told = " ".join([name_of(pod), *labels_of(pod).values(), *(c.image or "" for c in pod.spec.containers)])
    companion = any(part in name_of(pod) for part in ("feature-discovery", "mps-control"))
    return "nvidia" in told and "device-plugin" in told and not companion


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
