"""Steps about Docker on this machine."""

from pytest_bdd import parsers, then, when

from acceptance.docker import host as docker_host
from acceptance.gpu import nvidia_smi
from acceptance.gpu import probe as gpu_probe
from acceptance.images import read_images


@when("a container of the suite's own runs", target_fixture="container_answer")
def run_own_container(own_container_answer):
    return own_container_answer


@then("it ends well and its program has spoken")
def container_spoke(container_answer):
    wrong = docker_host.wrong_run(container_answer, "Version:")
    assert not wrong, wrong


@when("Docker describes its host", target_fixture="described")
def docker_describes(docker_info):
    return docker_info


@then(parsers.parse("the host's kernel is newer than {version}"))
def kernel_is_newer(described, version, figures):
    figures("kernel", described.get("KernelVersion"))
    wrong = docker_host.old_kernel(described, version)
    assert not wrong, wrong


@then(parsers.parse("Docker is at least {version}"))
def docker_is_at_least(described, version, figures):
    figures("Docker", described.get("ServerVersion"))
    wrong = docker_host.old_docker(described, version)
    assert not wrong, wrong


@then("it has the nvidia runtime")
def has_nvidia_runtime(described):
    wrong = docker_host.no_runtime(described)
    assert not wrong, wrong


@when("the host's nvidia-smi lists its GPUs", target_fixture="listed")
def host_lists_gpus(host_nvidia_smi, figures):
    wrong = docker_host.no_gpu(host_nvidia_smi)
    assert not wrong, wrong
    figures("GPUs", host_nvidia_smi.text.strip())
    return nvidia_smi.gpus(host_nvidia_smi.text)


@then(parsers.parse("the driver is at least {version}"))
def driver_is_at_least(listed, version):
    wrong = nvidia_smi.old_driver(listed, version)
    assert not wrong, wrong


@then(parsers.parse("each GPU has a compute capability of at least {capability}"))
def capability_is_at_least(listed, capability):
    wrong = nvidia_smi.low_capability(listed, capability)
    assert not wrong, wrong


@then(parsers.parse("each GPU has the compute capability {least} that the pinned Triton needs"))
def capability_for_triton(listed, least, settings, figures):
    figures("compute capability", ", ".join(found.capability or "unknown" for found in listed))
    wrong = gpu_probe.too_old_for_triton(listed, least, read_images(settings.images).triton)
    assert not wrong, wrong


@then(parsers.parse("the pinned Triton runs on the driver: {least} or later, or by forward compatibility"))
def driver_for_triton(listed, least, settings):
    wrong = gpu_probe.old_for_triton(listed, least, read_images(settings.images).triton)
    assert not wrong, wrong


@when("nvidia-smi runs in a container", target_fixture="container_answer")
def run_nvidia_smi(gpu_container_answer):
    return gpu_container_answer


@then("it lists a GPU")
def lists_gpu(container_answer, figures):
    wrong = docker_host.no_gpu(container_answer)
    assert not wrong, wrong
    figures("the container's GPUs", container_answer.text.strip())
