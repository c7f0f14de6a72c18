"""GPUs that a stand-in device plugin tells the real kubelet of: who gets them, and why not, is the cluster's own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from acceptance.data.dataset import Source, prepare
from acceptance.errors import AcceptanceError
from acceptance.kubernetes import manifests
from acceptance.kubernetes.gpu_diagnosis import gpu_reason
from acceptance.kubernetes.gpu_nodes import choose
from acceptance.kubernetes.view import GPU, asked, name_of, residents
from acceptance.redaction.redactor import Redactor
from acceptance.serving import inference, repository
from acceptance.settings import read_settings
from acceptance.stacks import kubernetes
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.protocol import Workspace
from acceptance.training.project import device_environment
from acceptance.training.tracking import Recipe
from tests.cluster.device_plugin import HEALTHY, NODE, PREFIX, UNHEALTHY, DevicePlugin, no_kubelet
from tests.cluster.lab import missing_image, namespaces_of
from tests.cluster.room import asks_for_gpu
from tests.own_images import images_yaml, lab_images, own_images

pytestmark = pytest.mark.cluster
GPU_POD = ("-k", "cudavectoradd", "--require-gpu")
ASKS = "echo devices: $NVIDIA_VISIBLE_DEVICES; test -c /dev/nvidia0 && echo a device"


@pytest.fixture(scope="module")
def plugin(api: client.ApiClient) -> Iterator[DevicePlugin]:
    """The stand-in plugin, registered for the tests of this file."""
    if reason := no_kubelet():
        pytest.skip(reason)
    with DevicePlugin(client.CoreV1Api(api)) as plugin:
        yield plugin


@pytest.fixture
def one_gpu(plugin: DevicePlugin) -> DevicePlugin:
    """The plugin with one healthy GPU."""
    plugin.advertise(HEALTHY)
    return plugin


@pytest.fixture
def vector_add(api: client.ApiClient, tmp_path: Path) -> str:
    """The option for a run whose cuda-vector-add image needs the device that a pod is given, but no GPU."""
    if missing := missing_image(client.CoreV1Api(api), lab_images()["vector-add"]):
        pytest.skip(missing)
    images = tmp_path / "vector-add.yaml"
    images.write_text(f"{images_yaml()}cuda-vector-add: {lab_images()['vector-add']}\n")
    return f"--images={images}"


# --- what a pod is given


def test_a_pod_that_asks_for_a_gpu_is_given_it_and_another_is_not(room, one_gpu):
    room.run(["sh", "-c", ASKS], container=asks_for_gpu())
    room.run(["sh", "-c", f"{ASKS} || echo none"], name="other")
    assert room.log().split("\n") == [f"devices: {PREFIX}0", "a device", ""]
    assert room.log("other").split("\n") == ["devices:", "none", ""]
    assert one_gpu.given[-1] == f"{PREFIX}0"


def test_all_gpus_are_taken(room, one_gpu):
    room.run(name="greedy", container=asks_for_gpu())
    room.wait_running("greedy")
    room.run(container=asks_for_gpu())
    text = room.final_text()
    assert f"node {NODE} has 1, 0 free: taken by {room.name}/greedy (1)" in text
    assert gpu_reason(room.view) == ""
    assert name_of(choose(room.view)) == NODE


def test_of_two_gpus_the_unhealthy_one_is_not_given_out(room, plugin):
    plugin.advertise(HEALTHY, UNHEALTHY)
    room.run(name="greedy", container=asks_for_gpu())
    room.wait_running("greedy")
    room.run(container=asks_for_gpu())
    text = room.final_text()
    lost = f"node {NODE} has 1 of 2 (`kubectl describe node {NODE}`), 0 free: taken by {room.name}/greedy (1)"
    assert lost in text
    assert gpu_reason(room.view) == ""


def test_a_gpu_that_is_not_allocatable(room, plugin):
    plugin.advertise(UNHEALTHY)
    room.run(container=asks_for_gpu())
    assert f"node {NODE} has {GPU} 1 in its capacity but 0 allocatable: a device is unhealthy" in room.final_text()


def test_a_gpu_that_recovers_is_given_to_the_pod_that_waits_for_it(room, plugin):
    plugin.advertise(UNHEALTHY)
    room.run(["sh", "-c", ASKS], container=asks_for_gpu())
    assert "0 allocatable" in room.final_text()
    plugin.advertise(HEALTHY)
    assert f"devices: {PREFIX}0" in room.log()


# --- whole runs


def test_the_gpu_pod_passes_twice_in_a_row_on_one_gpu(run_on_lab, one_gpu, vector_add):
    given = len(one_gpu.given)
    for _ in range(2):
        result = run_on_lab(vector_add, *GPU_POD)
        assert result.code == 0, result.output
        assert result.scenarios()["the_cudavectoradd_pod_passes"].outcome == "passed"
    assert one_gpu.given[given:] == [f"{PREFIX}0"] * 2


def test_the_gpu_pod_fails_in_time_with_the_name_of_who_has_the_gpu(run_on_lab, one_gpu, vector_add, room):
    room.run(name="greedy", container=asks_for_gpu())
    room.wait_running("greedy")
    result = run_on_lab(vector_add, *GPU_POD)
    assert result.code == 1, result.output
    message = result.scenarios()["the_cudavectoradd_pod_passes"].message
    assert f"taken by {room.name}/greedy (1); end those pods, or add a GPU" in message
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


@pytest.fixture
def stack(lab_kubeconfig: str, tmp_path: Path, vector_add: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The Kubernetes stack on the lab. Its trainer and Triton know no GPU: what is to use one computes on the CPU."""
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", lab_kubeconfig)
    monkeypatch.setattr(kubernetes, "device_environment", lambda device: device_environment("cpu"))
    monkeypatch.setattr(kubernetes, "predictor_state", lambda found: inference.server_ready(found.http, found.model))
    configuration = repository.configuration
    monkeypatch.setattr(repository, "configuration", lambda device, *more: configuration("cpu", *more))
    given = {"target": "existing", "data": "digits", "images": vector_add.removeprefix("--images=")}
    settings = read_settings(given, ["existing"], {})
    (tmp_path / "logs").mkdir()
    workspace = Workspace(tmp_path, tmp_path / "logs", Redactor.from_environment({}))
    with KubernetesStack(settings, workspace, lambda text: None) as stack:
        yield stack
    assert namespaces_of(os.getpid(), lab_kubeconfig) == []


def holders(stack: KubernetesStack) -> list[str]:
    """Return the pods that hold a GPU of the node, those on their way out included."""
    live = stack.namespace.live
    (node,) = live.nodes()
    return [name_of(pod) for pod in residents(node, live.pods()) if asked(pod).get(GPU)]


def check_pod(stack: KubernetesStack) -> None:
    """See that the next pod gets the GPU as soon as it asks."""
    result = stack.run_pod(manifests.MANIFESTS / "cuda-vector-add" / "pod.yaml", NODE)
    assert "Test PASSED" in result.log, result


def test_trainer_predictor_and_pod_take_turns_on_one_gpu(stack, one_gpu, tmp_path, monkeypatch):
    given, recipe, digits = len(one_gpu.given), Recipe("gpu", "quick", epochs=1), prepare(Source(), tmp_path / "data")
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
    assert one_gpu.given[given:] == [f"{PREFIX}0"] * 5
    # as an admission webhook that takes it out again would have it
    monkeypatch.setattr(manifests, "ask_for_gpu", lambda *given: None)
    with pytest.raises(AcceptanceError, match=f"pod triton-gpu-.* asks for no {GPU}"), stack.serve(run, "gpu"):
        pytest.fail("it served")
    with pytest.raises(AcceptanceError, match=f"pod training-gpu-.* asks for no {GPU}"):
        stack.train(recipe, digits)


def test_a_pod_that_is_kept_to_another_node_is_not_run_on_this_one(stack, one_gpu):
    with pytest.raises(AcceptanceError, match=r"required node affinity: metadata.name In \['elsewhere'\]"):
        stack.run_pod(manifests.MANIFESTS / "cuda-vector-add" / "pod.yaml", "elsewhere")
