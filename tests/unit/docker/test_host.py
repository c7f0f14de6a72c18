"""The checks of a Docker host, on what Docker and nvidia-smi said."""

import pytest

from acceptance.docker import host as docker_host
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Answer
from tests import docker_recorded as recorded

SOCKET = "unix:///var/run/docker.sock"
# as people report it, through the client's words before it
REFUSED_IMAGE = (
    f"Docker, starting nvidia-smi: 500 Server Error for http+docker://localhost/v1.41/containers/{'0' * 500}/start: "
    "error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\n"
    "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.5, please update your driver to a newer "
    "version, or use an earlier cuda container: unknown"
)


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


@pytest.mark.parametrize(
    "cdi", [{"CDISpecDirs": ["/etc/cdi"]}, {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}]
)
def test_a_docker_that_has_its_gpus_by_cdi_alone_is_told_that_the_suite_asks_by_the_runtime(cdi):
    assert "by CDI" not in docker_host.no_runtime({**recorded.INFO, "CDISpecDirs": []})
    wrong = docker_host.no_runtime({**recorded.INFO, **cdi})
    assert "no nvidia, by which the suite asks Docker for GPUs, not by CDI: install" in wrong
    assert "sudo nvidia-ctk runtime configure --runtime=docker" in wrong
    assert docker_host.no_runtime({**recorded.GPU_INFO, **cdi}) == ""


@pytest.mark.parametrize(("banner", "has"), [("CUDA Version: 12.4", "has 12.4:"), ("", "`nvidia-smi` says what")])
def test_an_image_that_asks_for_more_than_the_driver_has_is_named_with_both(monkeypatch, banner, has):
    monkeypatch.setattr(nvidia_smi, "ask", lambda command: Answer(0, banner))
    wrong = docker_host.no_gpu(Answer(125, REFUSED_IMAGE))
    assert "too old for the image `cuda` of images.yaml: it asks for cuda>=12.5, the driver" in wrong
    assert has in wrong
    assert "install a newer driver, https://www.nvidia.com/drivers, or name an image of an older CUDA" in wrong
    assert "--images FILE" in wrong


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
    assert nvidia_smi.gpus(answer.text) == []
    assert words in docker_host.no_gpu(answer)
