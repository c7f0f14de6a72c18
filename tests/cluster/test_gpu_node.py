"""The scenarios about the GPU's node on a real cluster whose node only says that it has a GPU: each finds it out."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from tests.cluster.device_plugin import HEALTHY, NODE, DevicePlugin, no_kubelet
from tools.lab_image_names import images_yaml, own_images
from tools.suite_run import run_suite

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("no_gpu_pods")]
SCENARIOS = (
    "the_nodes_driver_is_new_enough",
    "containers_get_nvidias_runtime",
    "the_node_is_labelled",
    "the_device_plugin_runs_on_the_node",
    "the_node_gives_out_its_gpus",
    "a_pod_gets_the_gpu",
    "tensorflow_in_the_trainers_image_lists_the_gpu",
)


@pytest.fixture
def one_gpu(api: client.ApiClient) -> Iterator[None]:
    """The stand-in device plugin with one GPU: real to the kubelet, and a /dev/nvidia0 in the pod that gets it."""
    if reason := no_kubelet():
        pytest.skip(reason)
    with DevicePlugin(client.CoreV1Api(api)) as plugin:
        plugin.advertise(HEALTHY)
        yield


@pytest.fixture(scope="module")
def run_scenarios(tmp_path_factory, lab_kubeconfig):
    """Run scenarios there; NVIDIA's images can't be pulled, so the trainer's stands in: it has no nvidia-smi either."""
    folder = tmp_path_factory.mktemp("gpu-node")
    images = folder / "images.yaml"
    images.write_text(f"{images_yaml()}cuda: {own_images()['trainer']}\n")

    def run(name: str, *arguments: str, chosen: tuple[str, ...] = SCENARIOS) -> Any:
        options = ("--target=existing", "--data=digits", f"--images={images}", "-k", " or ".join(chosen))
        return run_suite(folder / name, *options, *arguments, KUBECONFIG=lab_kubeconfig)

    return run


def test_a_node_that_only_says_so_is_found_out_at_each_height(one_gpu, run_scenarios):
    result = run_scenarios("stand-in")
    found = result.scenarios()
    driver, runtime, label, plugin, gives, gets, tensorflow = (found[name] for name in SCENARIOS)
    assert gives.outcome == "passed", gives.message
    assert gives.figures["nvidia.com/gpu"] == "1 in the capacity, 1 allocatable"
    assert "the NVIDIA driver is not there" in driver.message
    for seen in (runtime, gets):
        assert "the container has nvidia0 but no nvidia-smi" in seen.message
        assert "nvidia-ctk runtime configure" in seen.message
    assert f"`kubectl label node {NODE} accelerator=gpu`" in label.message
    assert "install the GPU operator" in plugin.message
    assert "TensorFlow without CUDA" in tensorflow.message
    assert "`make images" in tensorflow.message
    assert "Num GPUs Available:  0" in tensorflow.message


def test_a_demanded_gpu_is_missed_by_the_only_node(run_scenarios):
    found = run_scenarios("demanded", "--require-gpu").scenarios()
    driver, runtime, label, _, gives, gets, tensorflow = (found[name] for name in SCENARIOS)
    assert "no node advertises nvidia.com/gpu" in driver.message
    assert "accelerator=gpu" in label.message
    assert "has no nvidia.com/gpu in its capacity" in gives.message
    for missed in (runtime, gets, tensorflow):
        assert missed.outcome == "error"
        assert "--require-gpu: no node advertises nvidia.com/gpu" in missed.message


def test_a_runtime_class_whose_runtime_the_node_lacks_is_told_with_the_fix(api, one_gpu, run_scenarios):
    node = client.NodeV1Api(api)
    own: Any = {"metadata": {"name": "nvidia"}, "handler": "nvidia"}
    node.create_runtime_class(own)
    try:
        result = run_scenarios("runtime-class", chosen=SCENARIOS[1:2])
    finally:
        node.delete_runtime_class("nvidia")
    message = result.scenarios()[SCENARIOS[1]].message
    assert 'no runtime for "nvidia" is configured' in message
    assert "RuntimeClass" in message
    assert "`sudo nvidia-ctk runtime configure --runtime=containerd" in message
