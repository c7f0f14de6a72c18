"""Steps about Docker on this machine.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import parsers, then, when

from acceptance.docker import host
from acceptance.gpu import nvidia_smi


@when("a container of the suite's own runs", target_fixture="container")
def run_own_container(own_container):
    return own_container


@then("it ends well and prints its program's version")
def container_spoke(container):
    assert not (problem := host.failed_container(container, "Version:")), problem


@when("Docker describes its host", target_fixture="described")
def docker_describes(docker_info, figures):
    figures("kernel", docker_info.get("KernelVersion"))
    figures("Docker", docker_info.get("ServerVersion"))
    return docker_info


@then(parsers.parse("the host's kernel is newer than {version}"))
def kernel_is_newer(described, version):
    assert not (problem := host.old_kernel(described, version)), problem


@then(parsers.parse("Docker is at least {version}"))
def docker_is_at_least(described, version):
    assert not (problem := host.old_docker(described, version)), problem


@then("it has the nvidia runtime")
def has_nvidia_runtime(described):
    assert not (problem := host.no_runtime(described)), problem


@when("the host's nvidia-smi is asked for its GPUs", target_fixture="listing")
def ask_host(host_nvidia_smi, figures):
    figures("GPUs", host_nvidia_smi.output.strip())
    return host_nvidia_smi


@when("nvidia-smi runs in a container", target_fixture="listing")
def run_nvidia_smi(gpu_container, figures):
    figures("the container's GPUs", gpu_container.output.strip())
    return gpu_container


@then("it lists a GPU", target_fixture="listed")
def lists_gpu(listing):
    assert not (problem := host.no_gpu(listing, host.host_cuda)), problem
    return nvidia_smi.gpus(listing.output)
