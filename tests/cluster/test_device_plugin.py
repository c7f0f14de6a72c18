"""NVIDIA's own device plugin, by the suite's manifest, on a node that has the label but no GPU."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.kubernetes import manifests
from acceptance.kubernetes.gpu_diagnosis import LOG_LINES
from acceptance.kubernetes.view import LiveCluster, capacity, name_of, quantity_of
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab import missing_image
from tests.cluster.lab_namespace import IN_TIME, asks_for_gpu
from tools.lab_image_names import lab_images

pytestmark = pytest.mark.cluster
LABEL = "accelerator"
LAST_WORDS = "No devices found. Waiting indefinitely."
QUESTION = "If this is a GPU node, did you configure the NVIDIA Container Toolkit?"


@pytest.fixture(scope="module")
def plugin(api: client.ApiClient) -> Iterator[tuple[Any, str]]:
    """The plugin's pod on the lab's node and its log, once it has looked for GPUs."""
    core: Any = client.CoreV1Api(api)  # they take plain dicts too, which their types don't say
    apps: Any = client.AppsV1Api(api)
    image = lab_images()["device-plugin"]
    if missing := missing_image(core, image):
        pytest.skip(missing)
    (daemon_set,) = manifests.read_component("device-plugin")
    (container,) = manifests.containers_of(daemon_set)
    container["image"] = image
    name, namespace = daemon_set["metadata"]["name"], daemon_set["metadata"]["namespace"]
    (node,) = core.list_node().items
    with contextlib.ExitStack() as undo:
        undo.callback(wait_gone, core, namespace, name)
        undo.callback(delete, apps, namespace, name)  # one that a killed run left as well
        apps.create_namespaced_daemon_set(namespace, daemon_set)
        wait_until("the DaemonSet to want no pod without the label", lambda: wants(apps, namespace, name, 0), IN_TIME)
        undo.callback(core.patch_node, node.metadata.name, {"metadata": {"labels": {LABEL: None}}})
        core.patch_node(node.metadata.name, {"metadata": {"labels": {LABEL: "gpu"}}})
        wait_until("the DaemonSet to want a pod", lambda: wants(apps, namespace, name, 1), IN_TIME)
        yield wait_until("the plugin to have looked for GPUs", lambda: has_looked(core, namespace, name), IN_TIME)


def wants(apps: Any, namespace: str, name: str, count: int) -> Ready[None] | str:
    status = apps.read_namespaced_daemon_set(name, namespace).status
    seen, wanted = status.observed_generation, status.desired_number_scheduled
    return Ready(None) if seen and wanted == count else f"generation {seen}, it wants {wanted}"


def pods(core: Any, namespace: str, name: str) -> list[Any]:
    return core.list_namespaced_pod(namespace, label_selector=f"{manifests.NAME}={name}").items


def has_looked(core: Any, namespace: str, name: str) -> Ready[tuple[Any, str]] | str:
    for pod in pods(core, namespace, name):
        log = LiveCluster(core).log(namespace, pod.metadata.name, name, False, 1000)
        # the kubelet's word of the phase comes to the API server after the container's first lines
        looked = LAST_WORDS in log and pod.status.phase == "Running"
        return Ready((pod, log)) if looked else f"{pod.status.phase}; its log: {log}"
    return "no pod yet"


def delete(apps: Any, namespace: str, name: str) -> None:
    try:
        apps.delete_namespaced_daemon_set(name, namespace)
    except client.ApiException as error:
        if error.status != 404:  # it could not be created
            raise


def wait_gone(core: Any, namespace: str, name: str) -> None:
    left = lambda: [pod.metadata.name for pod in pods(core, namespace, name)]  # noqa: E731
    wait_until("the plugin's pod to be gone", lambda: Ready(None) if not left() else f"there is {left()}", 60)


def test_the_plugin_says_that_it_finds_no_gpu_and_stays_up(plugin, api):
    pod, log = plugin
    assert "Starting NVIDIA Device Plugin" in log, log
    assert "Incompatible strategy detected auto" in log, log
    found = client.CoreV1Api(api).read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
    assert found.status and found.status.phase == "Running"
    assert not any(container.restart_count for container in found.status.container_statuses or [])


def test_why_a_gpu_pod_is_pending_quotes_the_plugins_own_log(plugin, namespace):
    pod, log = plugin
    (node,) = namespace.view.nodes()
    assert not quantity_of(capacity(node), GPU)
    namespace.run(container=asks_for_gpu())
    text = namespace.final_text()
    for fact in (
        f"no node advertises {GPU}",
        "look at the device plugin",
        f"{name_of(pod)} on node {node.metadata.name}",
    ):
        assert fact in text
    # each line with klog's time and source, which only the plugin's own has
    own = log.splitlines()[-LOG_LINES:]
    assert any(QUESTION in line for line in own), log
    for line in own:
        assert f"    {line[:500]}" in text
