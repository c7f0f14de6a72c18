"""What a cluster in containers needs of this machine: Docker, the cluster's program, perhaps a GPU; all asked first."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.docker import host as docker_host
from acceptance.errors import BadSetting
from acceptance.gpu import cuda, nvidia_smi
from acceptance.gpu.nvidia_smi import Answer, HostGpu

DOCKER_LEAST = "20.10.5"
# TensorFlow's CUDA 12 needs it, and a CUDA base image of 11.8 or later with it
DRIVER_LEAST = "525.60.13"
SECONDS = 60


@dataclass(frozen=True)
class NodeGpu:
    """The GPU that a node can have: its name and the driver's CUDA version, or why there is none."""

    name: str = ""
    cuda: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"no GPU: {self.reason}" if self.reason else f"GPU {self.name}, CUDA {self.cuda}"


def ask(command: Sequence[str], seconds: float = SECONDS) -> Answer:
    """Run a command to its end; that it isn't there, or hangs, is an answer as well."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        return Answer(127, f"{command[0]} is not on the PATH")
    except subprocess.TimeoutExpired:
        return Answer(124, f"{command[0]} gave no answer in {seconds} s")
    return Answer(answer.returncode, answer.stdout if answer.returncode == 0 else answer.stdout + answer.stderr)


def docker_info() -> dict[str, Any]:
    """Return what `docker info` says; raises BadSetting where Docker is missing, unreachable or too old."""
    if not shutil.which("docker"):
        raise BadSetting(f"docker is not on the PATH: install Docker {DOCKER_LEAST} or later, {docker_host.INSTALL}")
    answer = ask(["docker", "info", "--format", "{{json .}}"])
    try:
        info = json.loads(answer.text.splitlines()[0])
    except (ValueError, IndexError):
        info = {}
    errors = info.get("ServerErrors") or []
    if answer.code or errors or not info:
        said = "; ".join(errors) or answer.text.strip()[:500] or f"exit code {answer.code}"
        raise BadSetting(docker_host.unreachable("its own address", said, installed=True))
    old = docker_host.old_docker(info, DOCKER_LEAST)
    if old:
        raise BadSetting(old)
    return info


def check_program(name: str, least: str, install: str) -> str:
    """Return the program's version; raises BadSetting where it is missing or too old."""
    if not shutil.which(name):
        raise BadSetting(f"--target {name}: {name} is not on the PATH; install {least} or later, {install}")
    answer = ask([name, "version"])
    found = re.search(r"v(\d+\.\d+\.\d+)", answer.text) if answer.code == 0 else None
    if not found or nvidia_smi.numbers(found[1]) < nvidia_smi.numbers(least):
        said = found[1] if found else f"unknown (`{name} version` says {answer.text.strip()[:200]!r})"
        raise BadSetting(f"--target {name}: its version is {said}; it must be at least {least}: upgrade it, {install}")
    return found[1]


def check_port(port: int) -> None:
    """Raise BadSetting where something listens on the port of this machine."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise BadSetting(
                f"port {port} of this machine is taken, and the cluster's load balancer is to have it: stop what "
                f"listens there (`sudo ss -ltnp 'sport = :{port}'`; `k3d cluster list` shows what a run on a "
                "machine that crashed left; `k3d cluster delete NAME` removes it), or reuse one with --cluster NAME"
            )


def check_driver(found: Sequence[HostGpu]) -> None:
    """Raise BadSetting where the driver of a GPU is too old."""
    if found and (old := nvidia_smi.old_driver(found, DRIVER_LEAST)):
        raise BadSetting(old)


def find_gpu(info: Mapping[str, Any], demanded: bool) -> NodeGpu:
    """Return the GPU that Docker can give a node, from the driver up.

    Raises BadSetting where the driver of a GPU is too old, and where one was demanded and there is none.
    """
    answer = nvidia_smi.ask(nvidia_smi.query(nvidia_smi.OLD_FIELDS))
    missing = nvidia_smi.no_gpu(answer) or docker_host.no_runtime(info)
    if missing:
        if demanded:
            raise BadSetting(f"--require-gpu: {missing}")
        return NodeGpu(reason=missing)
    found = nvidia_smi.gpus(answer.text)
    check_driver(found)
    driver = nvidia_smi.cuda_version(nvidia_smi.ask(["nvidia-smi"]).text)
    cuda.base_for(driver)
    return NodeGpu(found[0].name, driver)


def show_driver(node: str) -> None:
    """Have a node's container show the whole driver, for the node's own runtime: Docker's hides the other GPUs' part.

    A newer Docker runtime hides nothing, and then there is nothing to unmount.
    """
    ask(["docker", "exec", node, "umount", "-R", "/proc/driver/nvidia"])


def check_node_image(image: str) -> str:
    """Return the image's environment as JSON; raises BadSetting where Docker lacks an image that no registry has."""
    answer = ask(["docker", "image", "inspect", "--format", "{{json .Config.Env}}", image])
    if answer.code:
        raise BadSetting(
            f"image {image}: Docker does not have it, and a node with a GPU is made of it: "
            "`make images IMAGES=k3s-cuda` builds k3d's and `IMAGES=kind-cuda` kind's, --images FILE names another"
        )
    return answer.text


def check_cuda(image: str, node: NodeGpu) -> None:
    """Raise BadSetting where the node image isn't there, or its CUDA is too new for the driver."""
    text = check_node_image(image)
    variables = dict(one.partition("=")[::2] for one in json.loads(text) or [])
    wrong = cuda.too_new(image, variables.get("CUDA_VERSION", "0"), node.cuda)
    if wrong:
        raise BadSetting(wrong)


def has_image(image: str) -> bool:
    return ask(["docker", "image", "inspect", "--format", "{{.Id}}", image]).code == 0


def only_here(image: str) -> bool:
    """Say whether it is an image of `make images`, which no registry has."""
    return image.startswith("triton-acceptance/")


def check_own_images(images: Sequence[str]) -> None:
    """Raise BadSetting for an image of `make images` that Docker lacks: no registry has it."""
    missing = [image for image in images if only_here(image) and not has_image(image)]
    if missing:
        raise BadSetting(
            f"Docker has no {', '.join(missing)}: `make images` builds them, or name others with --images FILE"
        )
