"""Finds the node with a GPU, and what the cluster knows of it; starts no pod."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from kubernetes.client import ApiClient, ApiException, NodeV1Api, V1Node, V1Pod

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import LABELS, DevicePlugin, GpuNode, gpu_label
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.kubernetes.gpu_diagnosis import is_plugin, other_gpus, plugin_state
from acceptance.kubernetes.view import (
    ClusterView,
    allocatable,
    capacity,
    free,
    has_labels,
    is_ready,
    is_schedulable,
    join_some,
    labels_of,
    name_of,
    quantity_of,
)

RUNTIME = "nvidia"
SECONDS = 10


def choose(cluster: ClusterView, selector: Mapping[str, str] = MappingProxyType({})) -> V1Node:
    """Return the node with a free GPU, or the one that comes nearest to it, of those with the selector's labels.

    Raises AcceptanceError where none of several nodes stands out, and where nodes may not be listed.
    """
    nodes, pods = [node for node in cluster.nodes() if has_labels(node, selector)], []
    with contextlib.suppress(AcceptanceError):  # an account that may not list pods doesn't learn which GPU is free
        pods = cluster.pods()
    ranked = sorted(nodes, key=lambda node: rank(node, pods, cluster.gpu), reverse=True)
    if not ranked or (len(ranked) > 1 and not any(rank(ranked[0], pods, cluster.gpu))):
        raise AcceptanceError(
            f"no node shows a GPU (there are {join_some([name_of(node) for node in nodes]) or 'none'}): none advertises"
            f" {cluster.gpu}, none has a label like {LABELS[0][0]}=gpu or {LABELS[2][0]}=true; where one has a GPU,"
            " `kubectl label node NAME accelerator=gpu`"
        )
    return ranked[0]


def rank(node: V1Node, pods: Sequence[V1Pod], gpu: str) -> tuple[bool, ...]:
    return (
        is_schedulable(node) and free(node, gpu, pods) > 0,
        is_schedulable(node) and quantity_of(allocatable(node), gpu) > 0,
        free(node, gpu, pods) > 0,
        quantity_of(allocatable(node), gpu) > 0,
        quantity_of(capacity(node), gpu) > 0,
        bool(gpu_label(labels_of(node))),
    )


def describe(node: V1Node, cluster: ClusterView) -> GpuNode:
    """Return all that is known of the node; raises AcceptanceError where pods may not be listed."""
    pods = cluster.pods()
    plugins = [pod for pod in pods if is_plugin(pod)]
    placed = {name_of(pod): (pod.spec and pod.spec.node_name) or "no node" for pod in plugins}
    here = [pod for pod in plugins if placed[name_of(pod)] == name_of(node)]
    return GpuNode(
        name=name_of(node),
        labels=labels_of(node),
        resource=cluster.gpu,
        capacity=int(quantity_of(capacity(node), cluster.gpu)),
        allocatable=int(quantity_of(allocatable(node), cluster.gpu)),
        other_resources=tuple(other_gpus(node, cluster.gpu)),
        plugins=tuple(DevicePlugin(name_of(pod), is_ready(pod), plugin_state(pod, cluster)) for pod in here),
        plugins_elsewhere=tuple(f"{pod} on {where}" for pod, where in placed.items() if where != name_of(node)),
    )


def gpu_of(node: V1Node) -> Gpu:
    """Return the node's GPU by its labels; where they have no driver it says so."""
    gpu = GpuNode(name_of(node), labels_of(node)).gpu
    return (
        gpu
        if gpu.driver
        else replace(gpu, driver=f"unknown (node {name_of(node)} lacks gpu-feature-discovery's labels)")
    )


def runtime_class(api: ApiClient) -> str:
    """Return the RuntimeClass that pods with a GPU must ask for, "" where the cluster has none or doesn't tell."""
    try:
        NodeV1Api(api).read_runtime_class(RUNTIME, _request_timeout=SECONDS)
    except ApiException as error:
        if error.status in (401, 403, 404):
            return ""
        raise
    return RUNTIME
