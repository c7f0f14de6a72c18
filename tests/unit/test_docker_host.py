"""The checks of a Docker host, on what Docker and nvidia-smi said."""

import pytest

from fixtures.support import docker_host, gpu
from tests import docker_recorded as recorded

SOCKET = "unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("error", "installed", "fix"),
    [
        (recorded.PERMISSION, True, "sudo usermod -aG docker $USER"),
        (recorded.NO_SOCKET, True, "its daemon does not run; `sudo systemctl start docker`"),
        (recorded.REFUSED, True, "its daemon does not run; `sudo systemctl start docker`"),
        (recorded.NO_SOCKET, False, "Docker is not installed"),
        (recorded.TOO_NEW, True, "check DOCKER_HOST and `docker version`"),
    ],
)
def test_a_daemon_that_does_not_answer_is_told_with_its_fix(error, installed, fix):
    said = docker_host.unreachable(SOCKET, error, installed)
    assert said.startswith(f"Docker at {SOCKET}: ")
    assert fix in said
    assert error in said


@pytest.mark.parametrize(
    ("kernel", "enough"), [("6.1.0-13-amd64", True), ("3.11.0", True), ("3.10.0-1160", False), ("2.6.32", False)]
)
def test_the_kernel(kernel, enough):
    wrong = docker_host.old_kernel({"KernelVersion": kernel}, "3.10")
    assert not wrong if enough else f"is {kernel}; it must be newer than 3.10" in wrong


@pytest.mark.parametrize(
    ("version", "enough"), [("20.10.24+dfsg1", True), ("19.03.0", True), ("18.09.9", False), ("", False)]
)
def test_docker(version, enough):
    wrong = docker_host.old_docker({"ServerVersion": version}, "19.03")
    assert not wrong if enough else "it must be at least 19.03: upgrade it" in wrong


def test_the_runtime():
    assert docker_host.no_runtime(recorded.GPU_INFO) == ""
    wrong = docker_host.no_runtime(recorded.INFO)
    assert "no nvidia" in wrong
    assert "sudo nvidia-ctk runtime configure --runtime=docker" in wrong
    assert "sudo systemctl restart docker" in wrong


def test_a_container_that_ran():
    assert docker_host.wrong_run(recorded.VEGETA, "Version:") == ""
    assert "exec format error" in docker_host.wrong_run(recorded.NOT_STARTED, "Version:")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (recorded.NO_DRIVER, "install it, https://www.nvidia.com/drivers"),
        (recorded.NOT_LOADED, "sudo modprobe nvidia"),
        (recorded.MISMATCH, "restart the machine"),
        (recorded.NO_DEVICES, "nvidia-smi lists no GPU: No devices were found"),
        (recorded.NO_TOOLKIT, "sudo nvidia-ctk runtime configure --runtime=docker"),
        (recorded.NOT_INJECTED, "sudo nvidia-ctk runtime configure --runtime=docker"),
        (recorded.UNKNOWN_FIELD, "nvidia-smi lists no GPU: Field"),
    ],
)
def test_a_list_without_a_gpu_is_told_with_its_fix(answer, words):
    assert gpu.gpus(answer.text) == []
    assert words in docker_host.no_gpu(answer)
