"""Steps about the node that has the cluster's GPU, and about pods that look around on it."""

from pytest_bdd import given, parsers, then, when

from acceptance.gpu import node as gpu_node
from acceptance.gpu import nvidia_smi
from acceptance.gpu import probe as gpu_probe


@given("the node that has the cluster's GPU", target_fixture="node")
def the_gpus_node(gpu_node, figures):
    figures("node", gpu_node.name)
    return gpu_node


@when("the node is asked for its driver", target_fixture="listed")
def ask_for_driver(node_driver, figures):
    figures("driver", ", ".join(f"{found.name}: {found.driver}" for found in node_driver.gpus))
    figures("CUDA", node_driver.cuda)
    return node_driver.gpus


@then(parsers.parse("it supports at least CUDA {version}"))
def supports_cuda(node_driver, version):
    wrong = gpu_probe.old_cuda(node_driver.cuda, version)
    assert not wrong, wrong


@when("the cluster describes the node")
def cluster_describes_node(node, figures):
    figures("nvidia.com/gpu", f"{node.capacity} in the capacity, {node.allocatable} allocatable")


@then("a label says that it has a GPU")
def is_labelled(node, figures):
    figures("label", gpu_node.label_of(node.labels))
    wrong = gpu_node.unlabelled(node)
    assert not wrong, wrong


@then("the device plugin is ready on it")
def plugin_is_ready(node):
    wrong = gpu_node.no_plugin(node)
    assert not wrong, wrong


@then("its capacity has a GPU")
def has_capacity(node):
    wrong = gpu_node.no_capacity(node)
    assert not wrong, wrong


@then("all of its GPUs are allocatable")
def all_allocatable(node):
    wrong = gpu_node.not_allocatable(node)
    assert not wrong, wrong


@when("a pod that asks for one GPU looks around", target_fixture="probe")
def look_around(gpu_probe, figures):
    figures("device files", " ".join(gpu_probe.devices))
    return gpu_probe


@then("its container has the GPU's device files and the driver's programs")
def has_runtime(probe):
    wrong = gpu_probe.no_runtime(probe)
    assert not wrong, wrong


@then("it sees exactly one GPU")
def sees_one(probe, figures):
    figures("GPUs", ", ".join(found.name for found in nvidia_smi.gpus(probe.listed.text)))
    wrong = gpu_probe.not_one(probe)
    assert not wrong, wrong


@when("TensorFlow in the trainer's image is asked for its GPUs", target_fixture="pod")
def ask_tensorflow(tensorflow_probe):
    return tensorflow_probe


@then("it lists at least one")
def tensorflow_lists_one(pod):
    wrong = gpu_probe.no_tensorflow_gpu(pod.log)
    assert not wrong, f"pod {pod.name} ended {pod.phase}: {wrong}"
