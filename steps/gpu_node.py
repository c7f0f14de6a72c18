"""Steps about GPUs, the node that has the cluster's, and pods that look around on it.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import given, parsers, then, when

from acceptance.gpu import node as gpu_node_checks
from acceptance.gpu import nvidia_smi, probe
from acceptance.images import read_images


@given("the node that has the cluster's GPU", target_fixture="node")
def the_gpus_node(gpu_node, figures):
    figures("node", gpu_node.name)
    return gpu_node


@when("the node is asked for its driver", target_fixture="listed")
def ask_for_driver(node_driver_gpus, figures):
    figures("driver", ", ".join(f"{gpu.name}: {gpu.driver}" for gpu in node_driver_gpus))
    figures("CUDA", ", ".join(gpu.cuda for gpu in node_driver_gpus))
    return node_driver_gpus


@then(parsers.parse("the driver is at least {version}"))
def driver_is_at_least(listed, version):
    assert not (problem := nvidia_smi.old_driver(listed, version)), problem


@then(parsers.parse("it supports at least CUDA {version}"))
def supports_cuda(listed, version):
    assert not (problem := probe.old_cuda(listed, version)), problem


@then(parsers.parse("each GPU has a compute capability of at least {capability}"))
def capability_is_at_least(listed, capability):
    assert not (problem := nvidia_smi.low_capability(listed, capability)), problem


@then(parsers.parse("each GPU has the compute capability {least} that the pinned Triton needs"))
def capability_for_triton(listed, least, settings, figures):
    figures("compute capability", ", ".join(gpu.compute_capability or "unknown" for gpu in listed))
    triton = read_images(settings.images).triton
    assert not (problem := probe.capability_too_low_for_triton(listed, least, triton)), problem


@then(parsers.parse("the pinned Triton runs on the driver: {least} or later, or by forward compatibility"))
def driver_for_triton(listed, least, settings):
    triton = read_images(settings.images).triton
    assert not (problem := probe.driver_too_old_for_triton(listed, least, triton)), problem


@when("the cluster describes the node", target_fixture="described")
def cluster_describes_node(node, figures):
    figures(node.resource, f"{node.capacity} in the capacity, {node.allocatable} allocatable")
    figures("label", gpu_node_checks.gpu_label(node.labels))
    return node


@then("a label says that it has a GPU")
def is_labelled(described):
    assert not (problem := gpu_node_checks.no_label(described)), problem


@then("the device plugin is ready on it")
def plugin_is_ready(described):
    assert not (problem := gpu_node_checks.plugin_not_ready(described)), problem


@then("its capacity has a GPU")
def has_capacity(described):
    assert not (problem := gpu_node_checks.no_capacity(described)), problem


@then("all of its GPUs are allocatable")
def all_allocatable(described):
    assert not (problem := gpu_node_checks.not_allocatable(described)), problem


@when("a pod that asks for one GPU lists its GPUs and device files", target_fixture="probed")
def list_gpus_and_files(gpu_probe, figures):
    figures("device files", " ".join(gpu_probe.devices))
    figures("GPUs", ", ".join(gpu.name for gpu in gpu_probe.gpus))
    return gpu_probe


@then("its container has the GPU's device files and the driver's programs")
def has_runtime(probed):
    assert not (problem := probe.no_runtime(probed)), problem


@then("it sees exactly one GPU")
def sees_one(probed):
    assert not (problem := probe.not_one_gpu(probed)), problem


@when("TensorFlow in the trainer's image is asked for its GPUs", target_fixture="pod")
def ask_tensorflow(tensorflow_probe):
    return tensorflow_probe


@then("TensorFlow lists at least one GPU")
def tensorflow_lists_one(pod):
    assert not (problem := probe.no_tensorflow_gpu(pod.name, pod.phase, pod.log)), problem
