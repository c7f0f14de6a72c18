"""GPUs that a stand-in device plugin tells the real kubelet of: who gets them, and why not, is the cluster's own."""

import dataclasses
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pytest
from kubernetes import client

from acceptance.clusters.existing import Existing
from acceptance.clusters.provider import Access
from acceptance.data.dataset import Dataset, prepare
from acceptance.data.source import Source
from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE as GPU
from acceptance.kubernetes.gpu_access import GpuAccess
from acceptance.kubernetes.gpu_diagnosis import no_gpu
from acceptance.kubernetes.gpu_nodes import choose
from acceptance.kubernetes.manifests import NAME, Manifest
from acceptance.kubernetes.view import name_of, pods_on, requested
from acceptance.options import read_settings
from acceptance.paths import MANIFESTS
from acceptance.redaction.redactor import Redactor
from acceptance.serving.endpoint import Predictor
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests import light_training
from tests.cluster.device_plugin import HEALTHY, NODE, PREFIX, UNHEALTHY, DevicePlugin, no_kubelet
from tests.cluster.lab import missing_image, namespaces_of
from tests.cluster.lab_namespace import asks_for_gpu
from tests.cluster.left_behind import of_these_tests
from tools.lab_image_names import images_yaml, lab_images, own_images

pytestmark = pytest.mark.cluster
GPU_POD = ("-k", "cudavectoradd", "--require-gpu")
SHARED = f"{GPU}.shared"  # what NVIDIA's plugin calls a GPU that several pods share
ASKS = "echo devices: $NVIDIA_VISIBLE_DEVICES; test -c /dev/nvidia0 && echo a device"


@pytest.fixture(scope="module")
def registered(api: client.ApiClient) -> Iterator[DevicePlugin]:
    """The stand-in plugin, registered for the tests of this file."""
    if reason := no_kubelet():
        pytest.skip(reason)
    with DevicePlugin(client.CoreV1Api(api)) as plugin:
        yield plugin


@pytest.fixture
def plugin(registered: DevicePlugin, no_gpu_pods: None) -> DevicePlugin:
    """The stand-in plugin whose GPUs no pod of an earlier test holds or waits for."""
    return registered


@pytest.fixture
def one_gpu(plugin: DevicePlugin) -> DevicePlugin:
    """The plugin with one healthy GPU."""
    plugin.advertise(HEALTHY)
    return plugin


@pytest.fixture(scope="module")
def shared_gpu(registered: DevicePlugin) -> Iterator[DevicePlugin]:
    """A plugin besides, with one healthy GPU by another name."""
    with DevicePlugin(registered.core, SHARED) as plugin:
        plugin.advertise(HEALTHY)
        yield plugin
        registered.tell()  # the kubelet takes back the GPUs of both at once


@pytest.fixture
def runtime_class(api: client.ApiClient) -> Iterator[str]:
    """A RuntimeClass of the site's, for the runtime that containerd takes by default."""
    node: Any = client.NodeV1Api(api)
    name = f"site-{secrets.token_hex(4)}"
    node.create_runtime_class({"metadata": {"name": name, "labels": of_these_tests()}, "handler": "runc"})
    yield name
    node.delete_runtime_class(name)


@pytest.fixture
def vector_add(api: client.ApiClient, tmp_path: Path) -> str:
    """The option for a run whose cuda-vector-add image needs the device that a pod is given, but no GPU."""
    if missing := missing_image(client.CoreV1Api(api), lab_images()["vector-add"]):
        pytest.skip(missing)
    images = tmp_path / "vector-add.yaml"
    images.write_text(f"{images_yaml()}cuda-vector-add: {lab_images()['vector-add']}\n")
    return f"--images={images}"


# --- what a pod is given


def test_a_pod_that_asks_for_a_gpu_is_given_it_and_another_is_not(namespace, one_gpu):
    namespace.run(["sh", "-c", ASKS], container=asks_for_gpu())
    namespace.run(["sh", "-c", f"{ASKS} || echo none"], name="other")
    assert namespace.log().split("\n") == [f"devices: {PREFIX}0", "a device", ""]
    assert namespace.log("other").split("\n") == ["devices:", "none", ""]
    assert one_gpu.given[-1] == f"{PREFIX}0"


def test_all_gpus_are_taken(namespace, one_gpu):
    namespace.run(name="greedy", container=asks_for_gpu())
    namespace.wait_running("greedy")
    namespace.run(container=asks_for_gpu())
    text = namespace.final_text()
    assert f"node {NODE} has 1, 0 free: taken by {namespace.name}/greedy (1)" in text
    assert no_gpu(namespace.view) is None
    assert name_of(choose(namespace.view)) == NODE


def test_of_two_gpus_the_unhealthy_one_is_not_given_out(namespace, plugin):
    plugin.advertise(HEALTHY, UNHEALTHY)
    namespace.run(name="greedy", container=asks_for_gpu())
    namespace.wait_running("greedy")
    namespace.run(container=asks_for_gpu())
    text = namespace.final_text()
    lost = f"node {NODE} has 1 of 2 (`kubectl describe node {NODE}`), 0 free: taken by {namespace.name}/greedy (1)"
    assert lost in text
    assert no_gpu(namespace.view) is None


def test_a_gpu_that_is_not_allocatable(namespace, plugin):
    plugin.advertise(UNHEALTHY)
    namespace.run(container=asks_for_gpu())
    assert f"node {NODE} has {GPU} 1 in its capacity but 0 allocatable: a device is unhealthy" in namespace.final_text()


def test_a_gpu_that_recovers_is_given_to_the_pod_that_waits_for_it(namespace, plugin):
    plugin.advertise(UNHEALTHY)
    namespace.run(["sh", "-c", ASKS], container=asks_for_gpu())
    assert "0 allocatable" in namespace.final_text()
    plugin.advertise(HEALTHY)
    assert f"devices: {PREFIX}0" in namespace.log()


# --- whole runs


def test_the_gpu_pod_passes_twice_in_a_row_on_one_gpu(run_on_lab, one_gpu, vector_add):
    given = len(one_gpu.given)
    for _ in range(2):
        result = run_on_lab(vector_add, *GPU_POD)
        assert result.code == 0, result.output
        assert result.scenarios()["the_cudavectoradd_pod_passes"].outcome == "passed"
    assert one_gpu.given[given:] == [f"{PREFIX}0"] * 2


@pytest.mark.alone
def test_the_gpu_pod_fails_in_time_with_the_name_of_who_has_the_gpu(run_on_lab, one_gpu, vector_add, namespace):
    namespace.run(name="greedy", container=asks_for_gpu())
    namespace.wait_running("greedy")
    result = run_on_lab(vector_add, *GPU_POD)
    assert result.code == 1, result.output
    message = result.scenarios()["the_cudavectoradd_pod_passes"].message
    assert f"taken by {namespace.name}/greedy (1)" in message
    assert "add a GPU" in message
    assert scenario_seconds(result.report) < 30  # the run's namespace included


def scenario_seconds(report: Path) -> float:
    """Return how long the one scenario took that ran."""
    scenarios = json.loads((report / "results.json").read_text())["scenarios"]
    (seconds,) = [scenario["seconds"] for scenario in scenarios if scenario["outcome"] == "failed"]
    return seconds


def test_an_unhealthy_gpu_fails_a_run_that_demands_one(run_on_lab, plugin, vector_add):
    plugin.advertise(UNHEALTHY)
    result = run_on_lab(vector_add, *GPU_POD)
    assert result.code == 1, result.output
    assert f"--require-gpu: node {NODE} has {GPU} 1 in its capacity but 0 allocatable" in result.output


def test_the_gpu_pod_fails_where_the_gpu_is_a_stand_in(run_on_lab, one_gpu, tmp_path):
    """The pod is scheduled, given its device and runs, but computes nothing."""
    images = tmp_path / "images.yaml"
    images.write_text(f"{images_yaml()}cuda-vector-add: {own_images()['vegeta']}\n")
    result = run_on_lab(f"--images={images}", *GPU_POD)
    assert result.code == 1, result.output
    assert "pod cuda-vector-add ended Failed; its log:" in result.output
    assert "Usage: vegeta" in result.output


# --- the run's own pods, one after the other


class GpuOfWebhook(GpuAccess):
    """The GPU of a cluster that may have an admission webhook, which takes the request for it out again."""

    webhook = False

    def give(self, manifest: Manifest, container: str) -> None:
        if not self.webhook:
            super().give(manifest, container)


class ComputesOnCpu(KubernetesStack):
    """Its trainer and Triton know no GPU: what is given one computes on the CPU, and says so."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.gpu_access = GpuOfWebhook(self.namespace)
        return self

    def training_job(self, name: str, recipe: Recipe, dataset: Dataset) -> Manifest:
        return super().training_job(name, dataclasses.replace(recipe, device="cpu"), dataset)

    def predictor_objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        return super().predictor_objects(name, run, "cpu")

    def start_predictor(self, name: str, run: TrainingRun, device: str) -> Predictor:
        started = super().start_predictor(name, run, device)
        return dataclasses.replace(started, endpoint=dataclasses.replace(started.endpoint, device="cpu"))


@pytest.fixture
def stack(
    lab_kubeconfig: str, tmp_path: Path, vector_add: str, runtime_class: str, shared_gpu: DevicePlugin
) -> Iterator[Any]:
    """The Kubernetes stack on the lab, whose GPUs are asked for by another name and run by a class of the site's."""

    class Lab(Existing):
        def __enter__(self) -> Access:
            return Access(self.context, Path(lab_kubeconfig))

    class OnLab(ComputesOnCpu):
        providers = MappingProxyType({"existing": Lab})

    given = {"target": "existing", "data": "digits", "images": vector_add.removeprefix("--images=")}
    sites = {"gpu_resource": SHARED, "runtime_class": runtime_class}
    settings = read_settings(given | sites, ["existing"], {})
    (tmp_path / "logs").mkdir()
    workspace = Workspace(tmp_path, tmp_path / "logs", Redactor.from_environment({}))
    with OnLab(settings, workspace, lambda text: None, codeset=light_training.CODESET) as stack:
        yield stack
    assert namespaces_of(os.getpid(), lab_kubeconfig) == []


def holders(stack: KubernetesStack) -> list[str]:
    """Return the pods that hold a GPU of the node, by either name; those on their way out included."""
    live = stack.namespace.live
    (node,) = live.nodes()
    return [name_of(pod) for pod in pods_on(node, live.pods()) if {GPU, SHARED} & requested(pod).keys()]


def check_pod(stack: KubernetesStack) -> None:
    """See that the next pod gets the GPU as soon as it asks."""
    result = stack.run_pod(MANIFESTS / "cuda-vector-add" / "pod.yaml", NODE)
    assert "Test PASSED" in result.log, result


def test_trainer_predictor_and_pod_take_turns_on_one_gpu_of_the_name_and_the_class_that_the_site_has(
    stack, one_gpu, shared_gpu, runtime_class, tmp_path
):
    others, recipe, digits = len(one_gpu.given), Recipe("gpu", "quick", epochs=1), prepare(Source(), tmp_path / "data")
    run = stack.train(recipe, digits)
    assert holders(stack) == []
    with stack.serve(run, "gpu"):
        (holder,) = holders(stack)
        assert holder.startswith(f"{stack.namespace.name}/triton-gpu-")
    assert holders(stack) == []  # already: the next one must not find it taken
    check_pod(stack)
    with pytest.raises(AcceptanceError, match="a load that failed"), stack.serve(run, "gpu"):
        raise AcceptanceError("a load that failed")
    check_pod(stack)
    assert shared_gpu.given == [f"{PREFIX}0"] * 5
    assert len(one_gpu.given) == others
    check_rules(stack, runtime_class)
    stack.gpu_access.webhook = True
    with pytest.raises(AcceptanceError, match=f"pod triton-gpu-.* asks for no {SHARED}"), stack.serve(run, "gpu"):
        pytest.fail("it served")
    with pytest.raises(AcceptanceError, match=f"pod training-gpu-.* asks for no {SHARED}"):
        stack.train(recipe, digits)


def check_rules(stack: KubernetesStack, runtime_class: str) -> None:
    """See that each pod with a GPU had it by the site's name and ran by the site's class, and that no other did."""
    watched = stack.namespace.watches.pods
    pods = [*watched.deleted(), *watched.items()]
    on_gpu = [pod for pod in pods if requested(pod).get(SHARED)]
    kinds = [pod.metadata.labels[NAME].partition("-gpu")[0] for pod in on_gpu]
    assert sorted(kinds) == ["cuda-vector-add", "cuda-vector-add", "training", "triton", "triton"]
    assert {pod.spec.runtime_class_name for pod in on_gpu} == {runtime_class}
    assert {pod.spec.runtime_class_name for pod in pods if pod not in on_gpu} == {None}


def test_a_pod_that_is_kept_to_another_node_is_not_run_on_this_one(stack):
    with pytest.raises(AcceptanceError, match=r"required node affinity: metadata.name In \['elsewhere'\]"):
        stack.run_pod(MANIFESTS / "cuda-vector-add" / "pod.yaml", "elsewhere")
