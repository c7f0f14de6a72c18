"""Pods that ask for a GPU get the cluster's RuntimeClass for them, and no others do."""

from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.gpu import probe as gpu_probe
from acceptance.gpu.probe import read_probe
from acceptance.images import read_images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.namespace import Namespace
from tests.contract import fake_node
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.problems import assert_problem

WITH_GPU = ("cuda-vector-add", "gpu-probe", "tensorflow-probe")
RUNTIME_CLASS = "/apis/node.k8s.io/v1/runtimeclasses/nvidia"
FOUND = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"}


def component(name: str, container: str = "") -> Any:
    """Return the component's object with pods; the container, where one is named, asks for a GPU."""
    manifest = next(found for found in manifests.read_component(name) if manifests.pod_of(found))
    if container:
        manifests.ask_for_gpu(manifest, container)
    return manifest


def runtime_of(manifest: Any) -> str | None:
    pod = manifests.pod_of(manifest)
    assert pod
    return pod["spec"].get("runtimeClassName")


@pytest.fixture
def namespace(api_server, tmp_path):
    """A namespace on a made-up API server, which has the RuntimeClass."""
    api_server.answers[RUNTIME_CLASS] = (200, FOUND)
    return Namespace(cluster_of(tmp_path, api_server.address), "run", read_images(None), tmp_path)


def test_every_pod_that_asks_for_a_gpu_gets_the_runtime_class_and_the_cluster_is_asked_once(namespace, api_server):
    for manifest in (*map(component, WITH_GPU), component("training", "trainer"), component("triton", "triton")):
        namespace.create(manifest)
    assert [runtime_of(manifest) for manifest in api_server.created] == ["nvidia"] * 5
    assert api_server.asked == [RUNTIME_CLASS]


def test_pods_without_a_gpu_get_none_and_the_cluster_is_not_asked(namespace, api_server):
    for name in ("training", "triton", "mlflow", "load"):
        namespace.create(component(name))
    assert [runtime_of(manifest) for manifest in api_server.created] == [None] * 4
    assert api_server.asked == []


@pytest.mark.parametrize("refusal", [401, 403, 404])
def test_a_cluster_that_has_none_or_does_not_tell_runs_them_by_its_default(namespace, api_server, refusal):
    api_server.answers[RUNTIME_CLASS] = (refusal, {"message": "no"})
    namespace.create(component("gpu-probe"))
    assert runtime_of(api_server.created[0]) is None


def test_a_node_that_gives_gpus_by_cdi_needs_no_runtime_that_is_named_nvidia(namespace, api_server):
    del api_server.answers[RUNTIME_CLASS]
    namespace.create(component("gpu-probe"))
    assert runtime_of(api_server.created[0]) is None
    probe = read_probe(fake_node.CDI)
    assert_problem(gpu_probe.no_runtime(probe))
    assert_problem(gpu_probe.not_one_gpu(probe))


def test_another_error_is_not_taken_for_an_answer(namespace, api_server):
    api_server.answers[RUNTIME_CLASS] = (500, {"message": "etcd is away"})
    with pytest.raises(AcceptanceError, match="HTTP 500: etcd is away"):
        namespace.create(component("gpu-probe"))
    assert api_server.created == []


def test_a_runtime_class_that_a_manifest_names_stays():
    manifest = component("gpu-probe")
    manifest["spec"]["runtimeClassName"] = "nvidia-cdi"
    manifests.use_runtime(manifest, "nvidia")
    assert runtime_of(manifest) == "nvidia-cdi"


@pytest.mark.parametrize("name", WITH_GPU)
def test_every_pod_with_a_gpu_may_go_to_a_node_that_is_kept_for_them(name):
    (toleration,) = component(name)["spec"]["tolerations"]
    assert toleration == {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert component("training", "trainer")["spec"]["template"]["spec"]["tolerations"] == [toleration]
