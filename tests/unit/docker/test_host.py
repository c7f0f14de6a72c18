"""The checks of a Docker host, on what Docker and nvidia-smi said."""

import pytest

from acceptance.commands import CommandResult
from acceptance.docker import host as docker_host
from acceptance.gpu import nvidia_smi
from tests import docker_recorded as recorded
from tests.small_disk import small_disk
from tests.unit.problems import assert_problem

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
        (recorded.NO_SOCKET, True, "`sudo systemctl start docker`"),
        (recorded.REFUSED, True, "`sudo systemctl start docker`"),
        (recorded.NO_SOCKET, False, "Docker is not installed"),
        (recorded.TOO_NEW, True, "check DOCKER_HOST and `docker version`"),
    ],
)
def test_a_daemon_that_does_not_answer_is_told_with_its_fix(error, installed, fix):
    problem = docker_host.unreachable(SOCKET, error, installed)
    assert problem.what.startswith(f"Docker at {SOCKET}: ")
    assert_problem(problem, fix, error)


@pytest.mark.parametrize(
    ("kernel", "enough"), [("6.1.0-13-amd64", True), ("3.11.0", True), ("3.10.0-1160", False), ("2.6.32", False)]
)
def test_the_kernel(kernel, enough):
    words = "" if enough else f"is {kernel}; it must be newer than 3.10"
    assert_problem(docker_host.old_kernel({"KernelVersion": kernel}, "3.10"), words)


@pytest.mark.parametrize(
    ("version", "enough"), [("20.10.24+dfsg1", True), ("19.03.0", True), ("18.09.9", False), ("", False)]
)
def test_docker(version, enough):
    words = "" if enough else "it must be at least 19.03: upgrade it"
    assert_problem(docker_host.old_docker({"ServerVersion": version}, "19.03"), words)


def test_the_runtime():
    assert_problem(docker_host.no_runtime(recorded.GPU_INFO))
    assert_problem(
        docker_host.no_runtime(recorded.INFO),
        "no nvidia",
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
    )


@pytest.mark.parametrize(
    "cdi", [{"CDISpecDirs": ["/etc/cdi"]}, {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}]
)
def test_a_docker_that_has_its_gpus_by_cdi_alone_is_told_that_the_suite_asks_by_the_runtime(cdi):
    assert "by CDI" not in str(docker_host.no_runtime({**recorded.INFO, "CDISpecDirs": []}))
    assert_problem(
        docker_host.no_runtime({**recorded.INFO, **cdi}),
        "no nvidia",
        "not by CDI",
        "sudo nvidia-ctk runtime configure --runtime=docker",
    )
    assert_problem(docker_host.no_runtime({**recorded.GPU_INFO, **cdi}))


def test_the_hosts_driver_is_asked_only_for_a_container_that_was_refused():
    def find_cuda():
        raise AssertionError("a driver that hangs takes 20 s to say so")

    assert docker_host.no_gpu(CommandResult(0, "NVIDIA H100, 550.1"), find_cuda) is None
    assert_problem(docker_host.no_gpu(CommandResult(9, "no devices were found"), find_cuda), "no devices were found")


@pytest.mark.parametrize(("banner", "has"), [("CUDA Version: 12.4", "has 12.4:"), ("", "`nvidia-smi` says what")])
def test_an_image_that_asks_for_more_than_the_driver_has_is_named_with_both(banner, has):
    def find_cuda():
        return docker_host.host_cuda(lambda command: CommandResult(0, banner))

    assert_problem(
        docker_host.no_gpu(CommandResult(125, REFUSED_IMAGE), find_cuda),
        "image `cuda` of images.yaml",
        "cuda>=12.5",
        has,
        "https://www.nvidia.com/drivers",
        "--images FILE",
    )


def test_a_container_that_ran():
    assert_problem(docker_host.failed_container(recorded.VEGETA, "Version:"))
    assert_problem(docker_host.failed_container(recorded.NOT_STARTED, "Version:"), "exec format error")


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
    assert nvidia_smi.gpus(answer.output) == []
    assert_problem(docker_host.no_gpu(answer), words)


@pytest.mark.parametrize(("needed", "enough"), [(1 << 20, True), (3 << 20, False)])
def test_the_disk_of_a_daemon_on_this_machine(tmp_path, needed, enough):
    with small_disk(tmp_path / "disk", "2m") as disk:
        problem = docker_host.no_room({"DockerRootDir": str(disk)}, needed)
        assert_problem(problem, *([] if enough else [f"{disk}: 0.0 GiB free", "docker system prune", "data-root"]))


@pytest.mark.parametrize("info", [{}, {"DockerRootDir": ""}, {"DockerRootDir": "/of/another/machine"}])
def test_of_the_disk_of_another_machine_nothing_is_known(info):
    assert_problem(docker_host.no_room(info, 1 << 60))


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign",
            "network prune",
        ),
        ("all predefined address pools have been fully subnetted", "default-address-pools"),
        ("Failed to Setup IP tables", "journalctl -u docker"),
    ],
)
def test_a_network_that_docker_does_not_make(error, fix):
    assert_problem(docker_host.no_network(f"Docker, making a network: {error}"), error, fix)
