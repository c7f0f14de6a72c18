"""The checks of a node with a GPU: what the cluster says of it, and what programs on it said."""

from typing import Any

import pytest

from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu import node as gpu_node
from acceptance.gpu import nvidia_smi
from acceptance.gpu import probe as gpu_probe
from acceptance.gpu.node import DevicePlugin, GpuNode
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.gpu.probe import read_probe
from acceptance.kubernetes.gpu_diagnosis import no_gpu
from acceptance.kubernetes.gpu_nodes import choose, describe
from acceptance.kubernetes.view import name_of
from acceptance.serving import gpu_evidence
from tests.contract import fake_node
from tests.unit.kubernetes.recorded import Recorded, Refused, a_node, a_resident, container, plugin
from tests.unit.problems import assert_problem

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
        assert_problem(no_gpu(Recorded([dead, good])))
        assert_problem(no_gpu(Recorded([dead])), "out of use", "node n1 is ")


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
    assert (alone.name, alone.shows_gpu) == ("n1", False)
    with pytest.raises(AcceptanceError, match=r"no node shows a GPU \(there are n1, n2\).*`kubectl label node NAME"):
        found_in(Recorded([a_node("n1"), a_node("n2")]))
    with pytest.raises(AcceptanceError, match="there are none"):
        found_in(Recorded([]))


def test_an_account_that_may_not_list_nodes_says_so():
    with pytest.raises(AcceptanceError, match="doesn't let this account list nodes"):
        found_in(Refused())


def test_what_the_cluster_says_of_the_node_is_read():
    mig: dict[str, Any] = {"nvidia.com/mig-1g.5gb": "7", "nvidia.com/mig-2g.10gb": "0", "gpu": "2/1"}
    far = plugin(READY, name="nvidia-device-plugin-far")
    far.spec.node_name = "n2"
    pods = [plugin(READY), plugin(name="nvidia-device-plugin-not-ready"), far]
    found = found_in(Recorded([a_node("n1", {"accelerator": "gpu"}, **mig)], pods, log="Starting"))
    assert (found.capacity, found.allocatable, found.other_resources) == (2, 1, ("nvidia.com/mig-1g.5gb",))
    assert [plugin.ready for plugin in found.plugins] == [True, False]
    assert "Starting" in found.plugins[0].state
    assert found.plugins_elsewhere == ("run/nvidia-device-plugin-far on n2",)


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
    assert gpu_node.gpu_label(labels) == said
    assert node.shows_gpu == bool(said)
    assert_problem(gpu_node.no_label(node), "" if said else "`kubectl label node n1 accelerator=gpu`")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (
            {
                "nvidia.com/gpu.product": "NVIDIA-L4",
                "nvidia.com/cuda.driver-version.full": "550.54.15",
                "nvidia.com/cuda.runtime-version.full": "12.4",
                "nvidia.com/gpu.compute.major": "8",
                "nvidia.com/gpu.compute.minor": "9",
            },
            Gpu("NVIDIA-L4", "550.54.15", "8.9", cuda="12.4"),
        ),
        (
            {
                "nvidia.com/cuda.driver.major": "535",
                "nvidia.com/cuda.driver.minor": "54",
                "nvidia.com/cuda.driver.rev": "03",
                "nvidia.com/cuda.runtime.major": "12",
                "nvidia.com/cuda.runtime.minor": "2",
            },
            Gpu("NVIDIA GPU of node n1", "535.54.03", cuda="12.2"),
        ),
        ({"nvidia.com/gpu.product": "NVIDIA-L4"}, Gpu("NVIDIA-L4")),
    ],
)
def test_the_driver_by_the_labels(labels, found):
    assert GpuNode("n1", labels).gpu == found


def test_a_driver_that_nobody_can_ask_for_is_told_with_the_command_for_the_node():
    assert_problem(
        gpu_node.unknown_driver(a_gpu_node(), Problem("no node advertises nvidia.com/gpu")),
        "(no node advertises nvidia.com/gpu)",
        "`kubectl debug node/n1 -it --profile=sysadmin --image=busybox -- chroot /host nvidia-smi`",
    )


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
    node = a_gpu_node(plugins=(DevicePlugin("kube-system/p", False, said),))
    for problem in (gpu_node.plugin_not_ready(node), gpu_node.no_capacity(node)):
        assert_problem(problem, said, means)


def test_the_device_plugin():
    ready, starting = DevicePlugin("kube-system/p", True, "Running"), DevicePlugin("kube-system/p", False, "Pending")
    assert_problem(gpu_node.plugin_not_ready(a_gpu_node(plugins=(starting, ready))))
    assert_problem(gpu_node.plugin_not_ready(a_gpu_node(plugins=(starting,))), "is not ready", "kube-system/p, Pending")
    elsewhere = a_gpu_node(plugins_elsewhere=("kube-system/p on n2",))
    assert_problem(gpu_node.plugin_not_ready(elsewhere), "kube-system/p on n2", "tolerations")
    assert_problem(gpu_node.plugin_not_ready(a_gpu_node()), "install the GPU operator")


@pytest.mark.parametrize(
    ("capacity", "allocatable", "capacity_wrong", "allocatable_wrong"),
    [(1, 1, False, False), (8, 8, False, False), (0, 0, True, True), (1, 0, False, True), (8, 7, False, True)],
)
def test_what_the_node_gives_out(capacity, allocatable, capacity_wrong, allocatable_wrong):
    node = a_gpu_node(capacity=capacity, allocatable=allocatable)
    assert_problem(gpu_node.no_capacity(node), "has no nvidia.com/gpu" if capacity_wrong else "")
    counts = f"{capacity} in its capacity but {allocatable} allocatable"
    assert_problem(gpu_node.not_allocatable(node), counts if allocatable_wrong else "")


def test_a_gpu_under_another_name_is_pointed_out():
    problem = gpu_node.no_capacity(a_gpu_node(other_resources=("nvidia.com/gpu.shared",)))
    assert_problem(problem, "nvidia.com/gpu.shared", "MIG")


# --- pods on it


def test_a_probe_that_found_everything():
    probe = read_probe(fake_node.PROBED)
    assert probe.devices == ("nvidia-uvm", "nvidia0", "nvidiactl")
    assert probe.gpus == [Gpu("NVIDIA Made-Up", "550.54.15", cuda="12.4")]
    assert_problem(gpu_probe.no_runtime(probe))
    assert_problem(gpu_probe.not_one_gpu(probe))


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
    assert_problem(gpu_probe.no_runtime(probe), words)
    assert_problem(gpu_probe.not_one_gpu(probe), "asked for one GPU and sees none")


def test_a_pod_that_sees_more_than_it_asked_for():
    probe = read_probe(fake_node.TWO)
    assert_problem(gpu_probe.no_runtime(probe))
    assert_problem(gpu_probe.not_one_gpu(probe), "sees 2", "NVIDIA_VISIBLE_DEVICES=all")


@pytest.mark.parametrize(
    ("version", "enough"), [("12.4", True), ("13.0", True), ("12.0", True), ("11.8", False), ("", False)]
)
def test_cuda(version, enough):
    words = "" if enough else f"supports CUDA {version or 'of no known version'}; the trainer's image needs 12.0"
    assert_problem(gpu_probe.old_cuda([Gpu("A100", cuda=version)], "12.0"), words)


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
    found = [Gpu("NVIDIA A100", "550.54.15", "8.0"), Gpu("Tesla V100", "550.54.15", capability)]
    words = [
        "Tesla V100 has compute capability 7.0",
        "Triton 25.08-py3",
        "--images FILE",
    ]
    assert_problem(gpu_probe.capability_too_low_for_triton(found, "7.5", triton), *([] if enough else words))


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
    found = [Gpu("NVIDIA A100", "580.65.06", "8.0"), Gpu(name, driver, "8.9")]
    problem = gpu_probe.driver_too_old_for_triton(found, "575", f"nvcr.io/nvidia/tritonserver:{triton}")
    assert_problem(
        problem, "" if enough else f"the driver {driver} of {name} does not run the CUDA of Triton 25.08-py3"
    )


def test_a_capability_that_nvidia_smi_does_not_give_is_unknown():
    (found,) = nvidia_smi.gpus("NVIDIA Made-Up, 550.54.15, [N/A]")
    assert found.compute_capability == ""


def test_a_triton_that_says_its_driver_is_too_old():
    log = "E0101 Cannot get CUDA device count: CUDA driver version is insufficient for CUDA runtime version"
    assert_problem(gpu_evidence.not_collected(log), "driver is too old", "CUDA")


def test_a_probe_that_asked_for_the_compute_capability():
    log = fake_node.PROBED.replace("550.54.15\nlisting", "550.54.15, 7.0\nlisting")
    assert read_probe(log).gpus == [Gpu("NVIDIA Made-Up", "550.54.15", "7.0", cuda="12.4")]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (fake_node.TENSORFLOW, ""),
        (fake_node.WITHOUT_CUDA, "TENSORFLOW=tensorflow[and-cuda]==2.19.1"),
        (fake_node.WITHOUT_LIBRARIES, "TENSORFLOW=tensorflow[and-cuda]==2.19.1"),
        (fake_node.WITHOUT_DRIVER, "libcuda is not there"),
        ("TensorFlow 2.19.1 built with CUDA: True\nNum GPUs Available:  0", "the runtime gives it none"),
        (fake_node.BROKEN, "look at why it ended"),
        ("", "(nothing)"),
    ],
)
def test_tensorflow(log, words):
    assert_problem(gpu_probe.no_tensorflow_gpu("tensorflow-probe", "Failed", log), words)


# --- Triton on it


def test_tritons_metrics():
    found = gpu_evidence.gpu_metrics(fake_node.METRICS)
    assert found["GPU-57cd6b41"]["nv_gpu_memory_used_bytes"] == 617611264
    assert_problem(gpu_evidence.missing_metrics(fake_node.METRICS, ""))
    part = fake_node.METRICS.replace("nv_gpu_utilization{", "nv_other{")
    assert_problem(gpu_evidence.missing_metrics(part, ""), "GPU-57cd6b41 are incomplete: nv_gpu_utilization")
    assert_problem(
        gpu_evidence.missing_metrics("nv_cpu_utilization 0.5\n", "error initializing DCGM, GPU metrics will not be"),
        "(error initializing DCGM, GPU metrics will not be)",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    )


def test_tritons_log():
    assert gpu_evidence.collected(fake_node.LOG) == ["NVIDIA Made-Up"]
    assert gpu_evidence.instances(fake_node.LOG, "cifar10") == ["GPU device 0"]
    assert gpu_evidence.providers(fake_node.LOG, "cifar10") == ["CUDAExecutionProvider"]
    assert gpu_evidence.instances(fake_node.LOG, "other") == gpu_evidence.providers(fake_node.LOG, "other") == []
    words = "CUDA memory pool disabled"
    assert_problem(gpu_evidence.not_collected(f"W metrics.cc:1] {words}"), "`Collecting metrics for GPU`", words)
    assert_problem(gpu_evidence.instance_not_on_gpu("", "cifar10"), "no device at all")


def test_the_instance_group():
    assert_problem(gpu_evidence.group_not_on_gpu({"instance_group": [{"name": "a", "kind": "KIND_GPU"}]}))
    on_cpu = {"instance_group": [{"name": "a", "kind": "KIND_CPU"}]}
    assert_problem(gpu_evidence.group_not_on_gpu(on_cpu), "a is KIND_CPU")
    assert_problem(gpu_evidence.group_not_on_gpu({}), "it has none")


def test_the_provider_is_believed_and_not_the_kind_where_the_python_backend_runs_the_model():
    config = {"name": "cifar10", "backend": "python", "instance_group": [{"name": "a", "kind": "KIND_GPU"}]}
    on_the_cpu = fake_node.LOG.replace("CUDAExecutionProvider", "CPUExecutionProvider")
    assert_problem(gpu_evidence.provider_not_cuda(config, fake_node.LOG))
    assert_problem(gpu_evidence.group_not_on_gpu(config))
    assert_problem(gpu_evidence.instance_not_on_gpu(on_the_cpu, "cifar10"))
    assert_problem(
        gpu_evidence.provider_not_cuda(config, on_the_cpu), "ONNXRUNTIME=onnxruntime-gpu[cuda,cudnn]==1.23.2"
    )
    # Triton's own backend can't make such an instance without CUDA's provider
    assert_problem(gpu_evidence.provider_not_cuda({**config, "backend": "onnxruntime"}, on_the_cpu))
