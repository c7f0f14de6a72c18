"""Contract tests: the scenarios about the GPU's node and about Triton on it, passing and failing for each reason.

No node and no GPU is real here; docs/unconfirmed.md lists these scenarios.
"""

import pytest

from acceptance.gpu.node import DAEMON_SET
from tests.contract import fake_node
from tests.running import run_made_up

DRIVER = "the_nodes_driver_is_new_enough"
RUNTIME = "containers_get_nvidias_runtime"
LABEL = "the_node_is_labelled"
PLUGIN = "the_device_plugin_runs_on_the_node"
GIVES = "the_node_gives_out_its_gpus"
GETS = "a_pod_gets_the_gpu"
TENSORFLOW = "tensorflow_in_the_trainers_image_lists_the_gpu"
SEES = "triton_sees_the_gpu"
INSTANCE = "the_models_instance_is_on_the_gpu"
COMPUTES = "onnx_runtime_computes_on_the_gpu"
NODE = (DRIVER, LABEL, PLUGIN, GIVES)
PODS = (RUNTIME, GETS, TENSORFLOW)
TRITON = (SEES, INSTANCE, COMPUTES)
ALL = (*NODE, *PODS, *TRITON)
NODES_DRIVER = {"nvidia.com/cuda.driver-version.full": "550.54.15", "nvidia.com/cuda.runtime-version.full": "12.4"}
LABELS = {"accelerator": "gpu"}


def run(folder, says, *arguments):
    return run_made_up(folder, says, "--data=digits", "-m", "gpu and not docker", "-k", " or ".join(ALL), *arguments)


def outcomes(result):
    return {name: found.outcome for name, found in result.scenarios().items()}


def test_all_pass_where_nothing_is_missing(tmp_path):
    result = run(tmp_path, {})
    assert outcomes(result) == dict.fromkeys(ALL, "passed"), result.output
    scenarios = result.scenarios()
    assert scenarios[DRIVER].figures["driver"] == "NVIDIA Made-Up: 550.54.15"
    assert scenarios[DRIVER].figures["CUDA"] == "12.4"
    assert scenarios[LABEL].figures["label"] == "accelerator=gpu"
    assert "nv_gpu_memory_total_bytes 1.61019e+10" in scenarios[SEES].figures["GPU-57cd6b41"]
    assert scenarios[COMPUTES].figures["provider"] == "CUDAExecutionProvider"


@pytest.mark.parametrize(
    "says",
    [
        # the GPU operator: its own labels, gpu-feature-discovery's driver, no word of accelerator
        {"labels": {"nvidia.com/gpu.present": "true", **NODES_DRIVER}},
        {"labels": {"feature.node.kubernetes.io/pci-10de.present": "true"}},
        {"gpu-probe": fake_node.CDI},
        # Triton's own backend: it has no line of the Python backend's
        {"backend": "onnxruntime", "server_log": fake_node.LOG.rpartition("\n")[0]},
    ],
)
def test_newer_equivalents_pass_as_they_are(tmp_path, says):
    result = run(tmp_path, says)
    assert set(outcomes(result).values()) == {"passed"}, result.output


@pytest.mark.parametrize(
    ("says", "missed"),
    [
        (
            {
                "labels": {**NODES_DRIVER, "nvidia.com/cuda.driver-version.full": "470.82.01"},
                "plugins": [],
                "allocatable": 0,
                "gpu-probe": fake_node.TWO,
                "tensorflow-probe": fake_node.WITHOUT_CUDA,
                "metrics": "nv_cpu_utilization 0.1\n",
                "kind": "KIND_CPU",
                "server_log": fake_node.LOG.replace("CUDAExec", "CPUExec"),
            },
            {
                DRIVER: ["470.82.01", "NVIDIA GPU of node n1", "at least 525.60.13"],
                LABEL: ["`kubectl label node n1 accelerator=gpu`"],
                PLUGIN: [f"`kubectl apply -f {DAEMON_SET}`"],
                GIVES: ["1 in its capacity", "0 allocatable"],
                GETS: ["sees 2 (NVIDIA Made-Up, NVIDIA Made-Up)"],
                TENSORFLOW: ["without CUDA", "`make images BUILD_ARGS="],
                SEES: ["no nv_gpu_* of any GPU"],
                INSTANCE: ["cifar10_0 is KIND_CPU"],
                # the log's instance says GPU, the provider doesn't
                COMPUTES: ["reports CPUExecutionProvider for cifar10", "not CUDAExecutionProvider"],
            },
        ),
        (
            {
                "labels": {**LABELS, **NODES_DRIVER, "nvidia.com/cuda.runtime-version.full": "11.4"},
                "plugins": [["kube-system/p", False, f"waits: CrashLoopBackOff; {fake_node.NOT_CONFIGURED}"]],
                "capacity": 2,
                "gpu-probe": fake_node.NO_DEVICES,
                "tensorflow-probe": fake_node.BROKEN,
                "server_log": fake_node.NO_DCGM.replace("GPU device", "CPU device"),
                "backend": "onnxruntime",
            },
            {
                DRIVER: ["CUDA 11.4", "needs 12.0"],
                PLUGIN: ["sudo nvidia-ctk runtime configure --runtime=containerd"],
                GIVES: ["2 in its capacity", "1 allocatable"],
                RUNTIME: ["no /dev/nvidia*", "sudo nvidia-ctk runtime configure --runtime=containerd"],
                GETS: ["asked for one GPU and sees none"],
                TENSORFLOW: ["No module named 'tensorflow'"],
                SEES: ["no `Collecting metrics for GPU`", "error initializing DCGM"],
                INSTANCE: ["cifar10", "CPU device 0"],
                COMPUTES: ["cifar10", "CPU device 0"],
            },
        ),
        (
            {"gpu-probe": fake_node.MISMATCH, "server_log": fake_node.LOG.rpartition("\n")[0]},
            {
                DRIVER: ["driver is not there"],
                RUNTIME: ["Driver/library version mismatch", "restart the machine"],
                GETS: ["Driver/library version mismatch", "restart the machine"],
                COMPUTES: ["no provider for cifar10"],
            },
        ),
        (
            {
                "labels": {
                    **LABELS,
                    **NODES_DRIVER,
                    "nvidia.com/gpu.compute.major": "7",
                    "nvidia.com/gpu.compute.minor": "0",
                }
            },
            {DRIVER: ["NVIDIA GPU of node n1", "compute capability 7.0", "Triton 25.08-py3"]},
        ),
        (
            {"labels": {**LABELS, **NODES_DRIVER, "nvidia.com/gpu.product": "NVIDIA-GeForce-RTX-4090"}},
            {DRIVER: ["550.54.15", "NVIDIA-GeForce-RTX-4090", "Triton 25.08-py3"]},
        ),
        ({"pod_phase": "Failed"}, {name: ["pod gpu-probe ended Failed"] for name in (DRIVER, RUNTIME, GETS)}),
    ],
)
def test_what_is_missing_fails_its_scenario_and_no_other_with_the_fix(tmp_path, says, missed):
    result = run(tmp_path, says)
    scenarios = result.scenarios()
    assert {name for name, found in scenarios.items() if found.outcome != "passed"} == set(missed), result.output
    for name, facts in missed.items():
        assert scenarios[name].outcome == "failed"
        for fact in facts:
            assert fact in scenarios[name].message, scenarios[name].message


def test_a_node_that_gives_out_no_gpu_says_why_at_its_own_height(tmp_path):
    plugin = ["kube-system/p", True, fake_node.NOT_CONFIGURED]
    says = {"reason": "no node advertises nvidia.com/gpu", "capacity": 0, "allocatable": 0, "plugins": [plugin]}
    result = run(tmp_path, says)
    found = outcomes(result)
    assert {name: found[name] for name in NODE} == {
        DRIVER: "failed",
        LABEL: "passed",
        PLUGIN: "passed",
        GIVES: "failed",
    }
    assert {found[name] for name in (*PODS, *TRITON)} == {"skipped"}
    scenarios = result.scenarios()
    assert "no node advertises nvidia.com/gpu" in scenarios[DRIVER].message
    assert "kubectl debug node/n1" in scenarios[DRIVER].message
    assert "has no nvidia.com/gpu in its capacity" in scenarios[GIVES].message
    assert "did you configure the NVIDIA Container Toolkit" in scenarios[GIVES].message
    assert "sudo nvidia-ctk runtime configure --runtime=containerd" in scenarios[GIVES].message


@pytest.mark.parametrize("says", [{"labels": {}, "capacity": 0}, {"no_node": "no node shows a GPU"}])
def test_a_cluster_without_a_gpu_skips_them_all(tmp_path, says):
    result = run(tmp_path, {"reason": "no node advertises nvidia.com/gpu", **says})
    assert result.code == 0, result.output
    assert set(outcomes(result).values()) == {"skipped"}


def test_a_gpu_that_was_demanded_is_missed_where_it_is_missing(tmp_path):
    says = {"reason": "no node advertises nvidia.com/gpu", "labels": {}, "capacity": 0, "allocatable": 0, "plugins": []}
    result = run(tmp_path, says, "--require-gpu")
    scenarios = result.scenarios()
    assert {name: scenarios[name].outcome for name in NODE} == dict.fromkeys(NODE, "failed")
    assert "accelerator=gpu" in scenarios[LABEL].message
    assert "no device plugin runs there to advertise it" in scenarios[GIVES].message
    assert {scenarios[name].outcome for name in (*PODS, *TRITON)} == {"error"}


def test_a_gpu_that_others_hold_is_told_by_whom(tmp_path):
    scenarios = run(tmp_path, {"holder": "other/notebook-0"}).scenarios()
    for name in (*PODS, *TRITON):
        assert scenarios[name].outcome == "failed"
        assert "taken by other/notebook-0 (1)" in scenarios[name].message


def test_a_target_without_pods_skips_what_needs_them_and_runs_the_rest(tmp_path):
    result = run(tmp_path, {"has_pods": False})
    found = outcomes(result)
    assert {found[name] for name in (*NODE, *PODS)} == {"skipped"}, result.output
    assert {found[name] for name in TRITON} == {"passed"}, result.output
