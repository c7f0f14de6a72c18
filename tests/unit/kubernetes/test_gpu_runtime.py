"""Pods that ask for a GPU get the cluster's RuntimeClass for them, and no others do."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiException

from acceptance.gpu import probe as gpu_probe
from acceptance.gpu.probe import read_probe
from acceptance.images import read_images
from acceptance.kubernetes import gpu_nodes, manifests
from acceptance.kubernetes import namespace as namespaces
from acceptance.kubernetes.namespace import Namespace
from tests.contract import fake_node

WITH_GPU = ("cuda-vector-add", "gpu-probe", "tensorflow-probe")


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
def namespace(monkeypatch, tmp_path):
    """A namespace whose objects end in `created`, on a cluster whose RuntimeClasses are `classes`."""
    asked: list[str] = []
    created: list[Any] = []

    class Api:
        def __init__(self, api):
            pass

        def read_runtime_class(self, name, **options):
            asked.append(name)
            if name not in found.classes:
                raise ApiException(status=found.refusal)

    cluster = SimpleNamespace(
        api=lambda: contextlib.nullcontext(object()), explained=lambda doing: contextlib.nullcontext(), redactor=None
    )
    monkeypatch.setattr(gpu_nodes, "NodeV1Api", Api)
    monkeypatch.setattr(namespaces, "create_from_dict", lambda api, manifest, **options: created.append(manifest))
    monkeypatch.setattr(namespaces, "Watched", lambda *arguments, **options: None)
    itself = Namespace(cluster, "run", read_images(None), tmp_path)  # type: ignore[arg-type]
    found = SimpleNamespace(itself=itself, asked=asked, created=created, classes={"nvidia"}, refusal=404)
    return found


def test_every_pod_that_asks_for_a_gpu_gets_the_runtime_class_and_the_cluster_is_asked_once(namespace):
    for manifest in (*map(component, WITH_GPU), component("training", "trainer"), component("triton", "triton")):
        namespace.itself.create(manifest)
    assert [runtime_of(manifest) for manifest in namespace.created] == ["nvidia"] * 5
    assert namespace.asked == ["nvidia"]


def test_pods_without_a_gpu_get_none_and_the_cluster_is_not_asked(namespace):
    for name in ("training", "triton", "mlflow", "load"):
        namespace.itself.create(component(name))
    assert [runtime_of(manifest) for manifest in namespace.created] == [None] * 4
    assert namespace.asked == []


@pytest.mark.parametrize("refusal", [401, 403, 404])
def test_a_cluster_that_has_none_or_does_not_tell_runs_them_by_its_default(namespace, refusal):
    namespace.classes, namespace.refusal = set(), refusal
    namespace.itself.create(component("gpu-probe"))
    assert runtime_of(namespace.created[0]) is None


def test_a_node_that_gives_gpus_by_cdi_needs_no_runtime_that_is_named_nvidia(namespace):
    namespace.classes = set()
    namespace.itself.create(component("gpu-probe"))
    probe = read_probe(fake_node.CDI)
    assert runtime_of(namespace.created[0]) is None
    assert gpu_probe.no_runtime(probe) == gpu_probe.not_one(probe) == ""


def test_another_error_is_not_taken_for_an_answer(namespace):
    namespace.classes, namespace.refusal = set(), 500
    with pytest.raises(ApiException):
        namespace.itself.create(component("gpu-probe"))
    assert namespace.created == []


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
