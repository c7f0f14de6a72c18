"""The checks of a node with a GPU: what the cluster says of it, and what programs on it said."""

from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.gpu import node as gpu_node
from acceptance.gpu import nvidia_smi
from acceptance.gpu import probe as gpu_probe
from acceptance.gpu.node import GpuNode, Plugin
from acceptance.gpu.nvidia_smi import HostGpu
from acceptance.gpu.probe import read_probe
from acceptance.kubernetes.gpu_diagnosis import gpu_reason
from acceptance.kubernetes.gpu_nodes import choose, describe
from acceptance.kubernetes.view import name_of
from acceptance.serving import triton_gpu
from tests.contract import fake_node
from tests.unit.kubernetes.test_diagnosis import Recorded, Refused, a_node, a_resident, container, plugin

READY = {
    "phase": "Running",
    "containerStatuses": [container({"running": {}}, ready=True)],
    "conditions": [{"type": "Ready", "status": "True"}],
}
CONFIGURE = "sudo nvidia-ctk runtime configure --runtime=containerd"


def a_gpu_node(**more: Any) -> GpuNode:
    return GpuNode("n1", {"accelerator": "gpu"}, **more)


# --- which node it is


def found_in(cluster: Any) -> GpuNode:
    return describe(choose(cluster), cluster)


def test_a_node_that_takes_no_pods_is_not_the_one():
    good = a_node("n2", gpu="1")
    cordoned = a_node("n1", gpu="1")
    cordoned.spec.unschedulable = True
    gone = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    for dead in (a_node("n1", gpu="1", conditions=[gone]), cordoned):
        assert found_in(Recorded([dead, good])).name == "n2"
        assert found_in(Recorded([dead, good], [a_resident("greedy", node="n2", gpu="1")])).name == "n2"
        assert gpu_reason(Recorded([dead, good])) == ""
        assert gpu_reason(Recorded([dead])).startswith("every node with a GPU is out of use: node n1 is ")


def test_an_account_that_may_not_list_pods_has_a_node_as_well():
    class Nodes(Recorded):
        def pods(self):
            raise AcceptanceError("pods may not be listed")

    assert name_of(choose(Nodes([a_node("n1"), a_node("n2", gpu="1")]))) == "n2"


@pytest.mark.parametrize(
    "others",
    [
        [a_node("n2", labels={"accelerator": "gpu"})],
        [a_node("n2", gpu="4/0")],
        [a_node("n2", {"nvidia.com/gpu.present": "true"}, gpu="4/0"), a_node("n3")],
    ],
)
def test_the_node_that_comes_nearest_to_a_gpu_is_found(others):
    assert found_in(Recorded([a_node("n0"), *others])).name == "n2"
    assert found_in(Recorded([a_node("n0"), *others, a_node("n9", gpu="1")])).name == "n9"


def test_of_two_nodes_with_a_gpu_it_is_the_one_whose_gpu_is_free():
    nodes = [a_node("n1", {"accelerator": "gpu"}, gpu="1"), a_node("n2", gpu="1")]
    assert found_in(Recorded(nodes)).name == "n1"
    assert found_in(Recorded(nodes, [a_resident("greedy", gpu="1")])).name == "n2"


def test_the_only_node_is_the_one_and_of_several_one_must_stand_out():
    alone = found_in(Recorded([a_node("n1")]))
    assert (alone.name, alone.stands_out) == ("n1", False)
    with pytest.raises(AcceptanceError, match=r"no node shows a GPU \(there are n1, n2\).*`kubectl label node NAME"):
        found_in(Recorded([a_node("n1"), a_node("n2")]))
    with pytest.raises(AcceptanceError, match="there are none"):
        found_in(Recorded([]))


def test_an_account_that_may_not_list_nodes_says_so():
    with pytest.raises(AcceptanceError, match="doesn't let this account list nodes"):
        found_in(Refused())


def test_what_the_cluster_says_of_the_node_is_read():
    mig: dict[str, Any] = {"nvidia.com/mig-1g.5gb": "7", "gpu": "2/1"}
    far = plugin(READY, name="nvidia-device-plugin-far")
    far.spec.node_name = "n2"
    pods = [plugin(READY), plugin(name="nvidia-device-plugin-not-ready"), far]
    found = found_in(Recorded([a_node("n1", {"accelerator": "gpu"}, **mig)], pods, log="Starting"))
    assert (found.capacity, found.allocatable, found.others) == (2, 1, ("nvidia.com/mig-1g.5gb",))
    assert [plugin.ready for plugin in found.plugins] == [True, False]
    assert "Starting" in found.plugins[0].state
    assert found.elsewhere == ("run/nvidia-device-plugin-far on n2",)


# --- its labels


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"accelerator": "gpu"}, "accelerator=gpu"),
        ({"accelerator": "nvidia"}, "accelerator=nvidia"),
        ({"nvidia.com/gpu.present": "true"}, "nvidia.com/gpu.present=true"),
        (
            {"feature.node.kubernetes.io/pci-0302_10de.present": "true"},
            "feature.node.kubernetes.io/pci-0302_10de.present=true",
        ),
        ({"cloud.google.com/gke-accelerator": "nvidia-l4"}, "cloud.google.com/gke-accelerator=nvidia-l4"),
        ({"accelerator": "tpu", "nvidia.com/gpu.present": "false"}, ""),
        ({}, ""),
    ],
)
def test_the_label(labels, said):
    node = GpuNode("n1", labels)
    assert gpu_node.label_of(labels) == said
    assert node.stands_out == bool(said)
    assert ("`kubectl label node n1 accelerator=gpu`" in gpu_node.unlabelled(node)) == (not said)


@pytest.mark.parametrize(
    ("labels", "found", "cuda"),
    [
        (
            {
                "nvidia.com/gpu.product": "NVIDIA-L4",
                "nvidia.com/cuda.driver-version.full": "550.54.15",
                "nvidia.com/cuda.runtime-version.full": "12.4",
                "nvidia.com/gpu.compute.major": "8",
                "nvidia.com/gpu.compute.minor": "9",
            },
            HostGpu("NVIDIA-L4", "550.54.15", "8.9"),
            "12.4",
        ),
        (
            {
                "nvidia.com/cuda.driver.major": "535",
                "nvidia.com/cuda.driver.minor": "54",
                "nvidia.com/cuda.driver.rev": "03",
                "nvidia.com/cuda.runtime.major": "12",
                "nvidia.com/cuda.runtime.minor": "2",
            },
            HostGpu("NVIDIA GPU of node n1", "535.54.03", ""),
            "12.2",
        ),
        ({"nvidia.com/gpu.product": "NVIDIA-L4"}, None, ""),
    ],
)
def test_the_driver_by_the_labels(labels, found, cuda):
    node = GpuNode("n1", labels)
    assert node.gpu() == found
    assert node.cuda() == cuda


def test_a_driver_that_nobody_can_ask_for_is_told_with_the_command_for_the_node():
    wrong = gpu_node.no_driver(a_gpu_node(), "no node advertises nvidia.com/gpu")
    assert "(no node advertises nvidia.com/gpu)" in wrong
    assert "`kubectl debug node/n1 -it --profile=sysadmin --image=busybox -- chroot /host nvidia-smi`" in wrong


# --- the device plugin, and what it advertises


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (fake_node.NOT_CONFIGURED, CONFIGURE),
        ("nvml init failed: ERROR_DRIVER_NOT_LOADED: driver not loaded", "`sudo modprobe nvidia`"),
        ("Failed to initialize NVML: Driver/library version mismatch", "restart the node"),
        ("I1119 main.go:381] No devices found. Waiting indefinitely.", "`nvidia-smi -L` on the node"),
        ("Marking device GPU-1f as unhealthy: Xid 79", "drain and restart it"),
    ],
)
def test_the_device_plugins_words_are_told_with_what_they_mean(said, means):
    node = a_gpu_node(plugins=(Plugin("kube-system/p", False, said),))
    for wrong in (gpu_node.no_plugin(node), gpu_node.no_capacity(node)):
        assert said in wrong
        assert means in wrong


def test_the_device_plugin():
    ready, starting = Plugin("kube-system/p", True, "Running"), Plugin("kube-system/p", False, "Pending")
    assert gpu_node.no_plugin(a_gpu_node(plugins=(starting, ready))) == ""
    assert "is not ready: kube-system/p, Pending" in gpu_node.no_plugin(a_gpu_node(plugins=(starting,)))
    assert "tolerations" in gpu_node.no_plugin(a_gpu_node(elsewhere=("kube-system/p on n2",)))
    assert "install the GPU operator" in gpu_node.no_plugin(a_gpu_node())


@pytest.mark.parametrize(
    ("capacity", "allocatable", "capacity_wrong", "allocatable_wrong"),
    [(1, 1, False, False), (8, 8, False, False), (0, 0, True, True), (1, 0, False, True), (8, 7, False, True)],
)
def test_what_the_node_gives_out(capacity, allocatable, capacity_wrong, allocatable_wrong):
    node = a_gpu_node(capacity=capacity, allocatable=allocatable)
    assert bool(gpu_node.no_capacity(node)) == capacity_wrong
    wrong = gpu_node.not_allocatable(node)
    assert bool(wrong) == allocatable_wrong
    assert not wrong or f"{capacity} in its capacity but {allocatable} allocatable" in wrong


def test_a_gpu_under_another_name_is_pointed_out():
    wrong = gpu_node.no_capacity(a_gpu_node(others=("nvidia.com/gpu.shared",)))
    assert "(but nvidia.com/gpu.shared: the device plugin's MIG or sharing settings rename it)" in wrong


# --- pods on it


def test_a_probe_that_found_everything():
    probe = read_probe(fake_node.PROBED)
    assert probe.devices == ("nvidia-uvm", "nvidia0", "nvidiactl")
    assert (probe.gpus, probe.cuda) == ([HostGpu("NVIDIA Made-Up", "550.54.15", "")], "12.4")
    assert gpu_probe.no_runtime(probe) == gpu_probe.not_one(probe) == ""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (fake_node.NO_DEVICES, CONFIGURE),
        (fake_node.NO_DEVICES, "kind: RuntimeClass, metadata: {name: nvidia}"),
        (fake_node.NO_PROGRAMS, "passes the device files, but no NVIDIA runtime"),
        (fake_node.MISMATCH, "restart the machine"),
        ("", "has no /dev/nvidia*"),
        ("device nvidia0\n", "nvidia-smi lists no GPU"),
    ],
)
def test_a_probe_that_did_not(log, words):
    probe = read_probe(log)
    assert words in gpu_probe.no_runtime(probe)
    assert "asked for one GPU and sees none" in gpu_probe.not_one(probe)


def test_a_pod_that_sees_more_than_it_asked_for():
    probe = read_probe(fake_node.TWO)
    assert gpu_probe.no_runtime(probe) == ""
    assert "sees 2" in gpu_probe.not_one(probe)
    assert "NVIDIA_VISIBLE_DEVICES=all" in gpu_probe.not_one(probe)


@pytest.mark.parametrize(
    ("version", "enough"), [("12.4", True), ("13.0", True), ("12.0", True), ("11.8", False), ("", False)]
)
def test_cuda(version, enough):
    assert bool(gpu_probe.old_cuda(version, "12.0")) != enough


@pytest.mark.parametrize(
    ("capability", "triton", "enough"),
    [
        ("7.5", "nvcr.io/nvidia/tritonserver:25.08-py3", True),
        ("10.0", "nvcr.io/nvidia/tritonserver:25.08-py3", True),  # as numbers, not as text
        ("7.0", "nvcr.io/nvidia/tritonserver:25.08-py3", False),
        ("7.0", "registry.example:5000/tritonserver:25.08-py3", False),
        ("7.0", "nvcr.io/nvidia/tritonserver:24.12-py3", True),
        ("", "nvcr.io/nvidia/tritonserver:25.08-py3", True),
    ],
)
def test_a_gpu_that_the_pinned_triton_is_too_new_for(capability, triton, enough):
    found = [HostGpu("NVIDIA A100", "550.54.15", "8.0"), HostGpu("Tesla V100", "550.54.15", capability)]
    wrong = gpu_probe.too_old_for_triton(found, "7.5", triton)
    assert bool(wrong) != enough
    assert enough or "Tesla V100 has compute capability 7.0, which is too old for Triton 25.08-py3" in wrong
    assert enough or "name an older Triton with --images FILE" in wrong


@pytest.mark.parametrize(
    ("name", "driver", "triton", "enough"),
    [
        ("NVIDIA GeForce RTX 4090", "580.65.06", "25.08-py3", True),
        ("NVIDIA GeForce RTX 4090", "550.54.15", "25.08-py3", False),
        ("NVIDIA GeForce RTX 4090", "550.54.15", "24.12-py3", True),
        ("NVIDIA TITAN RTX", "570.86.15", "25.08-py3", False),
        ("NVIDIA H100 80GB HBM3", "535.183.01", "25.08-py3", True),
        ("NVIDIA H100 80GB HBM3", "555.42.02", "25.08-py3", False),
        ("NVIDIA H100 80GB HBM3", "", "25.08-py3", True),
    ],
)
def test_a_driver_that_the_pinned_triton_is_too_new_for(name, driver, triton, enough):
    found = [HostGpu("NVIDIA A100", "580.65.06", "8.0"), HostGpu(name, driver, "8.9")]
    wrong = gpu_probe.old_for_triton(found, "575", f"nvcr.io/nvidia/tritonserver:{triton}")
    assert bool(wrong) != enough
    assert enough or f"the driver {driver} of {name} does not run the CUDA of Triton 25.08-py3" in wrong


def test_a_capability_that_nvidia_smi_does_not_give_is_unknown():
    (found,) = nvidia_smi.gpus("NVIDIA Made-Up, 550.54.15, [N/A]")
    assert found.capability == ""


def test_a_triton_that_says_its_driver_is_too_old():
    log = "E0101 Cannot get CUDA device count: CUDA driver version is insufficient for CUDA runtime version"
    assert "the NVIDIA driver is too old for this Triton's CUDA" in triton_gpu.not_collected(log)


def test_a_probe_that_asked_for_the_compute_capability():
    log = fake_node.PROBED.replace("550.54.15\nlisting", "550.54.15, 7.0\nlisting")
    assert read_probe(log).gpus == [HostGpu("NVIDIA Made-Up", "550.54.15", "7.0")]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (fake_node.TENSORFLOW, ""),
        (fake_node.WITHOUT_CUDA, "TENSORFLOW=tensorflow[and-cuda]==2.19.1"),
        (fake_node.WITHOUT_LIBRARIES, "TENSORFLOW=tensorflow[and-cuda]==2.19.1"),
        (fake_node.WITHOUT_DRIVER, "the driver is too old for the image or its libcuda is not there"),
        ("TensorFlow 2.19.1 built with CUDA: True\nNum GPUs Available:  0", "the runtime gives it none"),
        (fake_node.BROKEN, "look at why it ended"),
        ("", "(nothing)"),
    ],
)
def test_tensorflow(log, words):
    wrong = gpu_probe.no_tensorflow_gpu(log)
    assert words in wrong
    assert bool(wrong) == bool(words)


# --- Triton on it


def test_tritons_metrics():
    found = triton_gpu.gpu_metrics(fake_node.METRICS)
    assert found["GPU-57cd6b41"]["nv_gpu_memory_used_bytes"] == 617611264
    assert triton_gpu.missing_metrics(fake_node.METRICS, "") == ""
    part = fake_node.METRICS.replace("nv_gpu_utilization{", "nv_other{")
    assert "GPU-57cd6b41 are incomplete: nv_gpu_utilization" in triton_gpu.missing_metrics(part, "")
    wrong = triton_gpu.missing_metrics("nv_cpu_utilization 0.5\n", "error initializing DCGM, GPU metrics will not be")
    assert "(error initializing DCGM, GPU metrics will not be)" in wrong
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in wrong


def test_tritons_log():
    assert triton_gpu.collected(fake_node.LOG) == ["NVIDIA Made-Up"]
    assert triton_gpu.instances(fake_node.LOG, "cifar10") == ["GPU device 0"]
    assert triton_gpu.providers(fake_node.LOG, "cifar10") == ["CUDAExecutionProvider"]
    assert triton_gpu.instances(fake_node.LOG, "other") == triton_gpu.providers(fake_node.LOG, "other") == []
    assert "`Collecting metrics for GPU`" in triton_gpu.not_collected("W metrics.cc:1] CUDA memory pool disabled")
    assert "CUDA memory pool disabled" in triton_gpu.not_collected("W metrics.cc:1] CUDA memory pool disabled")
    assert "no device at all" in triton_gpu.wrong_instance("", "cifar10")


def test_the_instance_group():
    assert triton_gpu.wrong_group({"instance_group": [{"name": "a", "kind": "KIND_GPU"}]}) == ""
    assert "a is KIND_CPU" in triton_gpu.wrong_group({"instance_group": [{"name": "a", "kind": "KIND_CPU"}]})
    assert "it has none" in triton_gpu.wrong_group({})


def test_the_provider_is_believed_and_not_the_kind_where_the_python_backend_runs_the_model():
    config = {"name": "cifar10", "backend": "python", "instance_group": [{"name": "a", "kind": "KIND_GPU"}]}
    on_the_cpu = fake_node.LOG.replace("CUDAExecutionProvider", "CPUExecutionProvider")
    assert triton_gpu.wrong_provider(config, fake_node.LOG) == ""
    assert triton_gpu.wrong_group(config) == triton_gpu.wrong_instance(on_the_cpu, "cifar10") == ""
    assert "ONNXRUNTIME=onnxruntime-gpu[cuda,cudnn]==1.23.2" in triton_gpu.wrong_provider(config, on_the_cpu)
    # Triton's own backend can't make such an instance without CUDA's provider
    assert triton_gpu.wrong_provider({**config, "backend": "onnxruntime"}, on_the_cpu) == ""
